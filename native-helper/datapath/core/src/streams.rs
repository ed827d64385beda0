//! All TCP streams of a data path: listening, dialling, and the thread that reads them.

use std::collections::HashMap;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::drops::Reason;
use crate::epoll::Epoll;
use crate::events::{Event, NetworkId};
use crate::receive::Receiver;
use crate::session::lock;
use crate::shared::{Shared, Wake};
use crate::socket::{from_storage, set_option, to_storage};
use crate::stream::{PACKET_MAX, Stream, split};
use crate::sync::{ArcSwap, Mutex};

/// Streams of all affiliations, in both directions.
const STREAMS_MAX: usize = 1_024;
/// Accepted streams whose peer has not proved a session yet: in all, and of one address.
pub const UNFINISHED_MAX: usize = 64;
pub const UNFINISHED_EACH_MAX: usize = 8;
/// How long a stream may take until an authentic packet came by it.
const UNFINISHED_FOR: Duration = Duration::from_secs(10);
/// How long a stream that this end closed is still read.
const LINGER: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_secs(1);
const BACKLOG: libc::c_int = 128;
const ACCEPTS_A_ROUND: usize = 16;
const EVENTS_A_ROUND: usize = 64;
/// Room for many packets a call, behind what is left of the one before.
const READ_BUFFER: usize = 256 * 1024;
/// Calls for one stream before the others have their turn.
const READS_A_ROUND: usize = 2;
/// What the kernel holds unsent, so that what waits longer waits where it can be dropped.
const UNSENT_MAX: libc::c_int = 128 * 1024;
/// After so long without an acknowledgement the kernel ends a stream; the engine notices sooner.
const UNACKNOWLEDGED_MS: libc::c_int = 30_000;
const WAKE: u64 = 0;

pub struct Streams {
    epoll: Arc<Epoll>,
    wake: Wake,
    /// Those that belong to an affiliation, by it and the other end.
    table: ArcSwap<HashMap<(NetworkId, SocketAddr), Arc<Stream>>>,
    change: Mutex<()>,
    /// What other threads hand to the reading one.
    arrivals: Mutex<Vec<Arrival>>,
    /// The reading thread's own, kept over a restart of it.
    reading: Mutex<Reading>,
    next_token: AtomicU64,
    port: AtomicU16,
}

enum Arrival {
    Listener(Listener),
    Dialled(Arc<Stream>),
}

struct Listener {
    fd: OwnedFd,
    token: u64,
}

#[derive(Default)]
struct Reading {
    listeners: Vec<Listener>,
    readers: HashMap<u64, Reader>,
    /// No descriptor was left for another stream; listening goes on with the next tick.
    is_paused: bool,
}

struct Reader {
    stream: Arc<Stream>,
    since: Instant,
    /// The preface came.
    is_open: bool,
    /// The beginning of a packet whose rest has not come.
    kept: Vec<u8>,
}

impl Streams {
    pub fn new() -> io::Result<Self> {
        let epoll = Arc::new(Epoll::new()?);
        let wake = Wake::new()?;
        epoll.add(wake.raw_fd(), WAKE, false)?;
        Ok(Self {
            epoll,
            wake,
            table: ArcSwap::default(),
            change: Mutex::default(),
            arrivals: Mutex::default(),
            reading: Mutex::default(),
            next_token: AtomicU64::new(WAKE + 1),
            port: AtomicU16::new(0),
        })
    }

    pub fn wake(&self) {
        self.wake.wake();
    }

    /// The port that is listened on; 0 while none is.
    pub fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    /// The stream of an affiliation to that end.
    pub fn get(&self, network: NetworkId, remote: &SocketAddr) -> Option<Arc<Stream>> {
        self.table.load().get(&(network, *remote)).cloned()
    }

    /// Listens on both address families, on `port` or on any that is free on both; once for all affiliations.
    pub fn listen(&self, port: u16) -> io::Result<u16> {
        let _change = lock(&self.change);
        if self.port() != 0 {
            return Ok(self.port());
        }
        let v4 = bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
        let port = local_port(&v4)?;
        let mut listeners = vec![v4];
        // Without the family, or with its port taken, IPv4 is enough.
        listeners.extend(bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))));
        for fd in listeners {
            let token = self.token();
            let raw = fd.as_raw_fd();
            lock(&self.arrivals).push(Arrival::Listener(Listener { fd, token }));
            self.epoll.add(raw, token, false)?;
        }
        self.port.store(port, Ordering::Relaxed);
        self.wake();
        Ok(port)
    }

    /// Begins a stream to `remote` unless there is one; packets for it wait in its queue until it stands. That it does not
    /// is told as its end.
    pub fn dial(&self, shared: &Shared, network: NetworkId, remote: SocketAddr) {
        let _change = lock(&self.change);
        let table = self.table.load();
        if table.contains_key(&(network, remote)) {
            return;
        }
        if table.len() >= STREAMS_MAX {
            shared.drops.count(Reason::StreamLimit);
            return shared.tell(Event::StreamClosed { network, remote, reason: "limit" });
        }
        let begun = connect(&remote).and_then(|fd| {
            let stream = Arc::new(Stream::new(fd, remote, self.token(), self.epoll.clone(), false));
            stream.belongs_to(network);
            lock(&self.arrivals).push(Arrival::Dialled(stream.clone()));
            self.epoll.add(stream.raw_fd(), stream.token, true)?;
            Ok(stream)
        });
        match begun {
            Ok(stream) => {
                self.insert(network, stream);
                self.wake();
            }
            Err(error) => shared.tell(Event::StreamClosed { network, remote, reason: reason_of(&error) }),
        }
    }

    /// Closes a stream that the engine needs no more; nothing is told of it.
    pub fn close(&self, shared: &Shared, network: NetworkId, remote: &SocketAddr) {
        let _change = lock(&self.change);
        if let Some(stream) = self.remove(network, remote, None) {
            stream.close(&shared.drops, Instant::now());
            self.wake();
        }
    }

    /// Closes all streams of an affiliation that ends.
    pub fn close_all(&self, shared: &Shared, network: NetworkId) {
        let remotes: Vec<SocketAddr> =
            self.table.load().keys().filter(|(owner, _)| *owner == network).map(|(_, remote)| *remote).collect();
        for remote in remotes {
            self.close(shared, network, &remote);
        }
    }

    /// Gives an accepted stream to the affiliation of what came by it; false where it belongs to another.
    pub fn bind(&self, stream: &Arc<Stream>, network: NetworkId) -> bool {
        if stream.network().is_none() {
            let _change = lock(&self.change);
            if stream.belongs_to(network) {
                self.insert(network, stream.clone());
            }
        }
        stream.belongs_to(network)
    }

    fn token(&self) -> u64 {
        self.next_token.fetch_add(1, Ordering::Relaxed)
    }

    fn insert(&self, network: NetworkId, stream: Arc<Stream>) {
        let mut table = self.table.load().as_ref().clone();
        if let Some(older) = table.insert((network, stream.remote), stream) {
            older.end();
        }
        self.table.store(Arc::new(table));
    }

    fn remove(&self, network: NetworkId, remote: &SocketAddr, only: Option<&Arc<Stream>>) -> Option<Arc<Stream>> {
        let mut table = self.table.load().as_ref().clone();
        let there = table.get(&(network, *remote))?;
        if only.is_some_and(|only| !Arc::ptr_eq(only, there)) {
            return None;
        }
        let stream = table.remove(&(network, *remote));
        self.table.store(Arc::new(table));
        stream
    }
}

/// Reads all streams, until told to stop.
pub fn run(shared: &Arc<Shared>) {
    let streams = &shared.streams;
    let mut reading = lock(&streams.reading);
    // Where this thread begins anew after a fault, what it had half read is lost.
    for (_, reader) in std::mem::take(&mut reading.readers) {
        end(shared, &reader.stream, "fault");
    }
    let mut receiver = Receiver::new(shared.clone());
    let mut buffer = vec![0u8; READ_BUFFER + PACKET_MAX];
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS_A_ROUND];
    let mut next_tick = Instant::now() + TICK;
    while !shared.stopping.load(Ordering::SeqCst) {
        let is_idle = reading.readers.is_empty() && !reading.is_paused;
        let count = streams.epoll.wait(&mut events, if is_idle { -1 } else { TICK.as_millis() as _ });
        let now = Instant::now();
        // What is handed over is so before its first event can come.
        for arrival in std::mem::take(&mut *lock(&streams.arrivals)) {
            match arrival {
                Arrival::Listener(listener) => reading.listeners.push(listener),
                Arrival::Dialled(stream) => reading.add(stream, now),
            }
        }
        for event in &events[..count] {
            let (token, what) = (event.u64, event.events as libc::c_int);
            if token == WAKE {
                streams.wake.clear();
            } else if reading.listeners.iter().any(|listener| listener.token == token) {
                accept(shared, &mut reading, token, now);
            } else if let Some(reader) = reading.readers.get_mut(&token) {
                receiver.begin(now);
                let result = reader.on_event(shared, &mut receiver, &mut buffer, what);
                receiver.end();
                if let Err(reason) = result {
                    let stream = reader.stream.clone();
                    reading.readers.remove(&token);
                    end(shared, &stream, reason);
                }
            }
        }
        if now >= next_tick {
            next_tick = now + TICK;
            tick(shared, &mut reading, now);
        }
    }
    for (_, reader) in std::mem::take(&mut reading.readers) {
        reader.stream.end();
    }
    reading.listeners.clear();
}

impl Reading {
    fn add(&mut self, stream: Arc<Stream>, since: Instant) {
        let reader = Reader { since, is_open: false, kept: Vec::new(), stream };
        self.readers.insert(reader.stream.token, reader);
    }

    /// Whether another stream from there may be accepted.
    fn has_room_for(&self, ip: IpAddr) -> bool {
        let unfinished = |reader: &&Reader| !reader.stream.is_proven() && reader.stream.is_connected();
        self.readers.len() < STREAMS_MAX
            && self.readers.values().filter(unfinished).count() < UNFINISHED_MAX
            && self.readers.values().filter(unfinished).filter(|reader| reader.stream.remote.ip() == ip).count()
                < UNFINISHED_EACH_MAX
    }
}

impl Reader {
    /// An error is why the stream ends.
    fn on_event(
        &mut self,
        shared: &Shared,
        receiver: &mut Receiver,
        buffer: &mut [u8],
        what: libc::c_int,
    ) -> Result<(), &'static str> {
        if !self.stream.is_connected() {
            if what & (libc::EPOLLERR | libc::EPOLLHUP) != 0 {
                return Err(socket_error(&self.stream).map_or("closed", |error| reason_of(&error)));
            }
            if what & libc::EPOLLOUT == 0 {
                return Ok(());
            }
        }
        if what & libc::EPOLLOUT != 0 {
            self.stream.ready(&shared.drops);
        }
        if what & (libc::EPOLLIN | libc::EPOLLERR | libc::EPOLLHUP) != 0 {
            return self.read(shared, receiver, buffer);
        }
        Ok(())
    }

    fn read(&mut self, shared: &Shared, receiver: &mut Receiver, buffer: &mut [u8]) -> Result<(), &'static str> {
        for _ in 0..READS_A_ROUND {
            let kept = self.kept.len();
            let read = match self.stream.receive(&mut buffer[kept..]) {
                Ok(0) => return Err("closed"),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(reason_of(&error)),
            };
            let room = buffer.len() - kept;
            buffer[..kept].copy_from_slice(&self.kept);
            let bytes = &mut buffer[..kept + read];
            let stream = &self.stream;
            let used =
                split(bytes, &mut self.is_open, |packet| receiver.stream_packet(stream, packet)).map_err(|_| {
                    shared.drops.count(Reason::StreamMalformed);
                    "malformed"
                })?;
            self.kept.clear();
            self.kept.extend_from_slice(&bytes[used..]);
            if read < room {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn accept(shared: &Shared, reading: &mut Reading, token: u64, now: Instant) {
    let streams = &shared.streams;
    for _ in 0..ACCEPTS_A_ROUND {
        let Some(listener) = reading.listeners.iter().find(|listener| listener.token == token) else { return };
        match accept_one(&listener.fd) {
            Ok((fd, remote)) => {
                if !reading.has_room_for(remote.ip()) {
                    shared.drops.count(Reason::StreamLimit);
                    continue; // Closed by being dropped.
                }
                let stream = Arc::new(Stream::new(fd, remote, streams.token(), streams.epoll.clone(), true));
                if streams.epoll.add(stream.raw_fd(), stream.token, false).is_ok() {
                    stream.flush(&shared.drops);
                    reading.add(stream, now);
                }
            }
            Err(error) => {
                if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)) {
                    shared.drops.count(Reason::StreamLimit);
                    reading.is_paused = true;
                    for listener in &reading.listeners {
                        streams.epoll.remove(listener.fd.as_raw_fd());
                    }
                }
                return;
            }
        }
    }
}

fn tick(shared: &Shared, reading: &mut Reading, now: Instant) {
    let mut over: Vec<(u64, &'static str)> = Vec::new();
    for (token, reader) in &reading.readers {
        let stream = &reader.stream;
        let is_lingering = stream.closing_since().is_some_and(|at| now.saturating_duration_since(at) >= LINGER);
        if is_lingering {
            over.push((*token, "closed"));
        } else if !stream.is_proven() && now.saturating_duration_since(reader.since) >= UNFINISHED_FOR {
            shared.drops.count(Reason::StreamUnfinished);
            over.push((*token, if stream.is_connected() { "unfinished" } else { "timeout" }));
        }
        stream.shrink();
    }
    for (token, reason) in over {
        if let Some(reader) = reading.readers.remove(&token) {
            end(shared, &reader.stream, reason);
        }
    }
    if std::mem::take(&mut reading.is_paused) {
        for listener in &reading.listeners {
            let _ = shared.streams.epoll.add(listener.fd.as_raw_fd(), listener.token, false);
        }
    }
}

/// Takes a stream out of the tables and tells its affiliation, unless that closed it.
fn end(shared: &Shared, stream: &Arc<Stream>, reason: &'static str) {
    let streams = &shared.streams;
    streams.epoll.remove(stream.raw_fd());
    stream.end();
    let Some(network) = stream.network() else { return };
    let removed = {
        let _change = lock(&streams.change);
        streams.remove(network, &stream.remote, Some(stream))
    };
    if removed.is_some() {
        shared.tell(Event::StreamClosed { network, remote: stream.remote, reason });
    }
}

/// In a word, as it is told.
fn reason_of(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::ECONNREFUSED) => "refused",
        Some(libc::ETIMEDOUT) => "timeout",
        Some(libc::ECONNRESET | libc::EPIPE | libc::ECONNABORTED) => "reset",
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => "limit",
        Some(libc::EACCES | libc::EPERM) => "forbidden",
        _ => "unreachable",
    }
}

fn new_socket(address: &SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: plain system call; the descriptor is owned from here on.
    unsafe {
        let fd = libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
    }
}

/// Packets leave at once, little waits in the kernel, and a dead connection ends. Without these it works too, worse.
fn tune(fd: &OwnedFd) {
    for (name, value) in
        [(libc::TCP_NODELAY, 1), (libc::TCP_NOTSENT_LOWAT, UNSENT_MAX), (libc::TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)]
    {
        let _ = set_option(fd, libc::IPPROTO_TCP, name, value);
    }
}

fn bind(address: &SocketAddr) -> io::Result<OwnedFd> {
    let fd = new_socket(address)?;
    set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    if address.is_ipv6() {
        set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
    }
    let (storage, length) = to_storage(address);
    // SAFETY: `storage` holds an address of `length` bytes.
    let result = unsafe {
        match libc::bind(fd.as_raw_fd(), ptr::from_ref(&storage).cast(), length) {
            0 => libc::listen(fd.as_raw_fd(), BACKLOG),
            failed => failed,
        }
    };
    if result == 0 { Ok(fd) } else { Err(io::Error::last_os_error()) }
}

fn connect(remote: &SocketAddr) -> io::Result<OwnedFd> {
    let fd = new_socket(remote)?;
    tune(&fd);
    let (storage, length) = to_storage(remote);
    // SAFETY: `storage` holds an address of `length` bytes.
    if unsafe { libc::connect(fd.as_raw_fd(), ptr::from_ref(&storage).cast(), length) } != 0 {
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EINPROGRESS) {
            return Err(error);
        }
    }
    Ok(fd)
}

fn accept_one(listener: &OwnedFd) -> io::Result<(OwnedFd, SocketAddr)> {
    // SAFETY: the kernel writes at most `length` bytes into `storage`, for which zeros are valid; the new descriptor is
    // owned from here on.
    unsafe {
        let mut storage: libc::sockaddr_storage = zeroed();
        let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        let fd = libc::accept4(listener.as_raw_fd(), ptr::from_mut(&mut storage).cast(), &mut length, flags);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        let fd = OwnedFd::from_raw_fd(fd);
        tune(&fd);
        from_storage(&storage).map(|remote| (fd, remote)).ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }
}

fn local_port(fd: &OwnedFd) -> io::Result<u16> {
    // SAFETY: the kernel writes at most `length` bytes into `storage`, for which zeros are valid.
    unsafe {
        let mut storage: libc::sockaddr_storage = zeroed();
        let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        if libc::getsockname(fd.as_raw_fd(), ptr::from_mut(&mut storage).cast(), &mut length) != 0 {
            return Err(io::Error::last_os_error());
        }
        from_storage(&storage).map(|address| address.port()).ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }
}

/// Why a connection did not come about.
fn socket_error(stream: &Stream) -> Option<io::Error> {
    let mut code: libc::c_int = 0;
    // SAFETY: the kernel writes one `c_int`.
    let result = unsafe {
        let mut length = size_of::<libc::c_int>() as libc::socklen_t;
        libc::getsockopt(
            stream.raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ERROR,
            ptr::from_mut(&mut code).cast(),
            &mut length,
        )
    };
    (result == 0 && code != 0).then(|| io::Error::from_raw_os_error(code))
}
