//! The data path of one process: its sockets, its threads, and the affiliations that share them.

use std::any::Any;
use std::io;
use std::net::IpAddr;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::addr::RingAddr;
use crate::control::NetworkHandle;
use crate::drops::Reason;
use crate::error::Error;
use crate::events::{Event, SPACING};
use crate::gate::Mac1Keys;
use crate::netlink;
use crate::receive::Receiver;
use crate::session::lock;
use crate::shared::{Network, Shared};
use crate::socket::{RxBatch, Sockets, Udp};
use crate::streams;
use crate::sync::Mutex;
use crate::sync::atomic::Ordering;
use crate::tap::Tap;
use crate::transmit::Transmitter;

/// Frames read from one interface before what they caused is sent.
const FRAMES_A_BATCH: usize = 64;
/// The same where one thread also receives: super-packets for one batch of the other end.
const FRAMES_A_TURN: usize = 8;
/// An Ethernet frame with virtio-net header; super-packets have up to 64 KiB.
const FRAME_BUFFER: usize = 65_536 + 128;
const TICK: Duration = Duration::from_secs(1);
/// A thread that panics more often than this stays down.
const RESTARTS_MAX: u32 = 8;

pub struct Options {
    /// UDP port of both families; 0 for any.
    pub port: u16,
    /// Whether the UDP sockets cut and join datagrams, where the kernel can.
    pub segmentation: bool,
    pub coalescing: bool,
    /// Whether one thread moves the packets of both directions instead of one each.
    pub one_thread: bool,
}

impl Options {
    /// All that the kernel can.
    pub fn with_port(port: u16) -> Self {
        Self { port, segmentation: true, coalescing: true, one_thread: few_cores() }
    }
}

/// On one or two cores a thread for each direction would only hand packets and cores to and fro.
pub fn few_cores() -> bool {
    thread::available_parallelism().is_ok_and(|cores| cores.get() <= 2)
}

pub type Deliver = Box<dyn FnMut(Vec<Event>) + Send>;

pub struct DataPath {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl DataPath {
    /// Binds the sockets and starts the threads. `deliver` is called on a thread of its own and may block.
    pub fn open(options: &Options, deliver: Deliver) -> Result<Self, Error> {
        let sockets = Sockets::bind(options.port).map_err(|error| port_error(options.port, &error))?;
        if !options.segmentation {
            sockets.each().for_each(Udp::disable_segmentation);
        }
        if !options.coalescing {
            sockets.each().for_each(Udp::disable_coalescing);
        }
        let shared = Arc::new(Shared::new(sockets)?);
        let path = Self { shared: shared.clone(), threads: Mutex::default() };
        if options.one_thread {
            path.start("ringway-packets", run_both)?;
        } else {
            path.start("ringway-in", run_in)?;
            path.start("ringway-out", run_out)?;
        }
        path.start("ringway-tcp", streams::run)?;
        // The teller may wait for the caller's own thread inside `deliver`, so nobody waits for its end.
        spawn("ringway-tell", move || tell(&shared, deliver)).map(drop)?;
        Ok(path)
    }

    /// What its threads share, for whoever feeds a receiver by hand.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub fn port(&self) -> u16 {
        self.shared.sockets.port
    }

    pub fn has_ipv6(&self) -> bool {
        self.shared.sockets.v6.is_some()
    }

    /// Listens for TCP streams, on `port` or on any; the port that is listened on. Once, whatever is asked for later.
    pub fn listen_tcp(&self, port: u16) -> Result<u16, Error> {
        self.shared.streams.listen(port).map_err(|error| match error.raw_os_error() {
            Some(libc::EADDRINUSE) => {
                Error::new("PORT_IN_USE", format!("TCP port {port} is in use by another program."))
            }
            Some(libc::EACCES | libc::EPERM) => {
                Error::new("NOT_PERMITTED", format!("Not permitted to use TCP port {port}."))
            }
            _ => Error::new("NO_RESOURCES", format!("Cannot listen on TCP port {port}: {error}.")),
        })
    }

    /// The port on which streams are listened for; 0 while none are.
    pub fn tcp_port(&self) -> u16 {
        self.shared.streams.port()
    }

    /// Adds an affiliation; `id` names it in events and is not in use.
    pub fn add_network(&self, id: u32, self_addr: RingAddr, mac1: Mac1Keys) -> Result<NetworkHandle, Error> {
        NetworkHandle::add(&self.shared, id, self_addr, mac1)
    }

    /// Dropped packets by reason.
    pub fn drops(&self) -> Vec<(&'static str, u64)> {
        self.shared.drops.all()
    }

    /// Ends all affiliations and threads. No event is delivered that is not under way already.
    pub fn close(&self) {
        for network in self.shared.networks.load().iter() {
            NetworkHandle { shared: self.shared.clone(), network: network.clone() }.remove();
        }
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.events.stop();
        self.shared.wake_in.wake();
        self.shared.wake_out.wake();
        self.shared.streams.wake();
        for thread in std::mem::take(&mut *lock(&self.threads)) {
            let _ = thread.join();
        }
    }

    fn start(&self, name: &'static str, run: fn(&Arc<Shared>)) -> Result<(), Error> {
        let shared = self.shared.clone();
        let thread = spawn(name, move || {
            for _ in 0..=RESTARTS_MAX {
                match catch_unwind(AssertUnwindSafe(|| run(&shared))) {
                    Ok(()) => return,
                    Err(panic) => shared.tell(Event::Fault { text: format!("{name} stopped: {}", words_of(&*panic)) }),
                }
            }
            shared.tell(Event::Fault { text: format!("{name} stays down after {RESTARTS_MAX} restarts") });
        })?;
        lock(&self.threads).push(thread);
        Ok(())
    }
}

impl Drop for DataPath {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(|error| Error::new("NO_RESOURCES", format!("Cannot start the thread {name}: {error}.")))
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".into())
}

fn port_error(port: u16, error: &io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::EADDRINUSE) => Error::new("PORT_IN_USE", format!("UDP port {port} is in use by another program.")),
        Some(libc::EACCES | libc::EPERM) => {
            Error::new("NOT_PERMITTED", format!("Not permitted to use UDP port {port}."))
        }
        _ => Error::new("NO_RESOURCES", format!("Cannot open UDP port {port}: {error}.")),
    }
}

/// Sockets to interfaces, until told to stop.
fn run_in(shared: &Arc<Shared>) {
    let mut inward = Inward::new(shared);
    let mut polled = vec![poll_for_input(shared.wake_in.raw_fd())];
    polled.extend(inward.polled());
    while wait(shared, &mut polled) {
        inward.round(&polled[1..]);
        shared.wake_in.clear();
    }
}

/// Interfaces to sockets, until told to stop.
fn run_out(shared: &Arc<Shared>) {
    let mut outward = Outward::new(shared, FRAMES_A_BATCH);
    let mut polled = vec![poll_for_input(shared.wake_out.raw_fd())];
    while wait(shared, &mut polled) {
        outward.round(&polled[1..]);
        if polled[0].revents != 0 {
            shared.wake_out.clear();
            polled.truncate(1);
            polled.extend(outward.reload());
        }
    }
}

/// Both in turn, until told to stop.
fn run_both(shared: &Arc<Shared>) {
    let mut inward = Inward::new(shared);
    let mut outward = Outward::new(shared, FRAMES_A_TURN);
    let mut polled = vec![poll_for_input(shared.wake_out.raw_fd())];
    polled.extend(inward.polled());
    let interfaces = polled.len();
    while wait(shared, &mut polled) {
        inward.round(&polled[1..interfaces]);
        outward.round(&polled[interfaces..]);
        if polled[0].revents != 0 {
            shared.wake_out.clear();
            polled.truncate(interfaces);
            polled.extend(outward.reload());
        }
    }
}

/// The way in, as its thread keeps it.
struct Inward {
    shared: Arc<Shared>,
    receiver: Receiver,
    batch: RxBatch,
}

impl Inward {
    fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: shared.clone(), receiver: Receiver::new(shared.clone()), batch: RxBatch::default() }
    }

    fn polled(&self) -> Vec<libc::pollfd> {
        self.shared.sockets.each().map(Udp::raw_fd).map(poll_for_input).collect()
    }

    /// One batch of each socket that has something.
    fn round(&mut self, polled: &[libc::pollfd]) {
        let Self { shared, receiver, batch } = self;
        for (socket, state) in shared.sockets.each().zip(polled) {
            if state.revents == 0 {
                continue;
            }
            receiver.begin(Instant::now());
            // An error here is one that the kernel keeps for an earlier datagram; reading it clears it.
            if batch.receive(socket, |train| receiver.train(train)).is_err() {
                shared.drops.count(Reason::SendFailed);
            }
            receiver.end();
        }
    }
}

/// The way out, as its thread keeps it.
struct Outward {
    shared: Arc<Shared>,
    transmitter: Transmitter,
    buffer: Vec<u8>,
    taps: Vec<(Arc<Network>, Arc<Tap>)>,
    /// Frames read from one interface before it is the turn of others.
    frames: usize,
}

impl Outward {
    fn new(shared: &Arc<Shared>, frames: usize) -> Self {
        // Where this thread begins anew after a fault, nobody else tells it to look for its interfaces.
        shared.wake_out.wake();
        let transmitter = Transmitter::new(shared.clone());
        Self { shared: shared.clone(), transmitter, buffer: vec![0; FRAME_BUFFER], taps: Vec::new(), frames }
    }

    /// Looks for the interfaces anew.
    fn reload(&mut self) -> impl Iterator<Item = libc::pollfd> {
        let networks = self.shared.networks.load();
        self.taps = networks.iter().filter_map(|network| Some((network.clone(), network.tap.load_full()?))).collect();
        self.taps.iter().map(|(_, tap)| poll_for_input(tap.raw_fd()))
    }

    /// One batch of each interface that has something.
    fn round(&mut self, polled: &[libc::pollfd]) {
        let Self { shared, transmitter, buffer, taps, frames } = self;
        for ((network, tap), state) in taps.iter().zip(polled) {
            if state.revents == 0 {
                continue;
            }
            transmitter.begin(Instant::now());
            if !drain(transmitter, network, tap, buffer, *frames) {
                lose(shared, network, tap);
            }
            transmitter.end();
        }
    }
}

/// Reads what waits on an interface; false where the interface is gone.
fn drain(transmitter: &mut Transmitter, network: &Network, tap: &Tap, buffer: &mut [u8], frames: usize) -> bool {
    for _ in 0..frames {
        match tap.read(buffer) {
            Ok(length) => transmitter.frame(network, tap, &mut buffer[..length]),
            Err(error) => {
                return matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted);
            }
        }
    }
    true
}

/// An interface that somebody else removed.
fn lose(shared: &Shared, network: &Network, tap: &Arc<Tap>) {
    let _change = lock(&shared.change);
    if network.tap.load().as_ref().is_some_and(|current| Arc::ptr_eq(current, tap)) {
        network.tap.store(None);
        shared.tell(Event::InterfaceLost { network: network.id, reason: "removed" });
    }
    shared.wake_out.wake();
}

fn poll_for_input(fd: RawFd) -> libc::pollfd {
    libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
}

/// Waits for any of the descriptors; false once the data path stops.
fn wait(shared: &Shared, polled: &mut [libc::pollfd]) -> bool {
    // Asked before each wait: a wake that came during the last round was cleared with it.
    while !shared.stopping.load(Ordering::SeqCst) {
        // SAFETY: the slice lives over the call.
        if unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, -1) } > 0 {
            return !shared.stopping.load(Ordering::SeqCst);
        }
    }
    false
}

/// Delivers events in batches, and once a second says and forgets what is due.
fn tell(shared: &Arc<Shared>, mut deliver: Deliver) {
    let mut next_tick = Instant::now();
    while let Some(batch) = shared.events.take(next_tick) {
        if !batch.is_empty() && catch_unwind(AssertUnwindSafe(|| deliver(batch))).is_err() {
            return;
        }
        if Instant::now() >= next_tick {
            if catch_unwind(AssertUnwindSafe(|| tick(shared))).is_err() {
                shared.tell(Event::Fault { text: "the once-a-second work of the data path panicked".into() });
            }
            next_tick = Instant::now() + TICK;
        }
        thread::sleep(SPACING);
    }
}

/// Says of each interface that another program took down or took the address from. It stays open: who hears of it
/// makes it again.
fn check_interfaces(shared: &Shared) {
    let networks = shared.networks.load();
    let mut taps: Vec<_> = networks.iter().filter_map(|network| Some((network.id, network.tap.load_full()?))).collect();
    taps.retain(|(_, tap)| !tap.name.is_empty());
    if taps.is_empty() {
        return;
    }
    let Ok(addresses) = netlink::addresses() else { return };
    for (network, tap) in &taps {
        let own = addresses.iter().find(|address| address.interface == tap.name && address.ip == IpAddr::V4(tap.ip));
        let reason = match own {
            Some(own) if own.up => continue,
            Some(_) => "down",
            None => "address",
        };
        // One that is removed has no address either; whoever reads it finds out.
        if tap.is_there() && !tap.said_lost.swap(true, Ordering::Relaxed) {
            shared.tell(Event::InterfaceLost { network: *network, reason });
        }
    }
}

/// Says what moved in the last second and forgets what waited too long.
fn tick(shared: &Shared) {
    let now = Instant::now();
    check_interfaces(shared);
    for network in shared.networks.load().iter() {
        let mut late = lock(&network.held).expire(now);
        for session in network.sessions.load().values() {
            late += session.expire(now);
            shared.tell_traffic(network, session);
        }
        shared.drops.add(Reason::HeldTooLong, late as u64);
    }
}
