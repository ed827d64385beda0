//! The tables that threads share, under many orders of the threads' steps: keys and paths come and go while packets are
//! sealed and opened. `cargo test --features model --test model`.

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringway_core::addr::RingAddr;
use ringway_core::aead::{AeadKey, Cipher, SessionKeys};
use ringway_core::control::NetworkHandle;
use ringway_core::drops::Reason;
use ringway_core::gate::Mac1Keys;
use ringway_core::ipmap::{IpEntry, IpMap, Prefix};
use ringway_core::receive::Receiver;
use ringway_core::session::Path;
use ringway_core::shared::Shared;
use ringway_core::socket::Sockets;
use ringway_core::tap::{ETHER, Tap, VNET};
use ringway_core::transmit::Transmitter;
use ringway_core::wire::{DATA, HEAD, TAG, write_head};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};
use zeroize::Zeroizing;

const ORDERS: usize = 1_000;
/// How long a datagram on loopback may take on a busy computer.
const WAIT: Duration = Duration::from_secs(2);
/// Threads that a failure needs to be stopped at, for the scheduler that looks for rare orders.
const DEPTH: usize = 3;
const SLOT: u32 = 2;
const PEER: RingAddr = RingAddr([9; 20]);
const OWN_IP: Ipv4Addr = Ipv4Addr::new(172, 16, 0, 1);
const PEER_IP: Ipv4Addr = Ipv4Addr::new(172, 16, 0, 9);

/// Runs `test` with orders drawn at random, and with orders of few switches at rare places.
fn explore(test: impl Fn() + Send + Sync + Clone + 'static) {
    let mut config = Config::new();
    config.stack_size = 1 << 20;
    Runner::new(RandomScheduler::new(ORDERS), config.clone()).run(test.clone());
    Runner::new(PctScheduler::new(DEPTH, ORDERS), config).run(test);
}

/// A node without threads of its own: the test's threads feed it.
struct Node {
    shared: Arc<Shared>,
    net: NetworkHandle,
    tap: Arc<Tap>,
    kernel: File,
    /// Where two paths of the peer end.
    peers: [UdpSocket; 2],
}

impl Node {
    fn new() -> Self {
        let shared = Arc::new(Shared::new(Sockets::bind(0).unwrap()).unwrap());
        let net = NetworkHandle::add(&shared, 7, RingAddr([1; 20]), Mac1Keys { own: [1; 32], anonymous: [2; 32] });
        let net = net.unwrap();
        let mut fds = [0; 2];
        // SAFETY: plain system call on descriptors that are owned from here on.
        let (kernel, tap) = unsafe {
            let kind = libc::SOCK_SEQPACKET | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
            assert_eq!(libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()), 0);
            (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1]))
        };
        net.attach(Tap::from_fd(tap, [2; 6], 1_332, OWN_IP));
        let peers = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        peers.iter().for_each(|peer| peer.set_nonblocking(true).unwrap());
        let tap = shared.networks.load()[0].tap.load_full().unwrap();
        net.set_ip_map(IpMap::new([(host(PEER_IP), IpEntry { peer: PEER, slot: Some(SLOT) })]));
        Self { shared, net, tap, kernel: kernel.into(), peers }
    }

    fn add_key(&self, number: u8) -> bool {
        let added = self.net.key_add(SLOT, PEER, &keys(number), number.into(), 100 + u32::from(number), 0);
        self.net.set_sources(SLOT, vec![host(PEER_IP)]);
        added.is_ok()
    }

    fn path(&self, number: usize) -> Path {
        Path::Udp(self.peers[number].local_addr().unwrap())
    }

    /// The interface's side of a thread that sends: `count` packets of `first` and on.
    fn transmit(&self, first: u8, count: u8) {
        let network = self.shared.networks.load()[0].clone();
        let mut transmitter = Transmitter::new(self.shared.clone());
        for number in first..first + count {
            transmitter.begin(Instant::now());
            let mut frame = vec![0; VNET + ETHER];
            frame[VNET + 12..].copy_from_slice(&[8, 0]);
            frame.extend_from_slice(&packet(OWN_IP, PEER_IP, number));
            transmitter.frame(&network, &self.tap, &mut frame);
            transmitter.end();
        }
    }

    /// What the peer gets by both paths, `least` packets or more: key, counter and number of each.
    fn got(&self, least: usize) -> Vec<(u8, u64, u8)> {
        let mut buffer = [0; 2_048];
        let mut all = Vec::new();
        let deadline = Instant::now() + WAIT;
        for peer in self.peers.iter().cycle() {
            if all.len() >= least || Instant::now() > deadline {
                break;
            }
            while let Ok(length) = peer.recv(&mut buffer) {
                let datagram = &mut buffer[..length];
                let key = datagram[7] - 100;
                let counter = u64::from_be_bytes(datagram[8..16].try_into().unwrap());
                let (head, sealed) = datagram.split_at_mut(HEAD);
                let text =
                    AeadKey::new(CIPHER, &keys(key).tx).open(counter, head, sealed).expect("its own key opens it");
                all.push((key, counter, *text.last().unwrap()));
            }
        }
        all
    }

    /// The numbers of the packets that reached the interface.
    fn delivered(&mut self) -> Vec<u8> {
        let mut buffer = [0; 2_048];
        let mut all = Vec::new();
        while let Ok(length) = self.kernel.read(&mut buffer) {
            all.push(buffer[length - 1]);
        }
        all
    }

    /// Whether every table says the same of sessions and keys.
    fn check_tables(&self) {
        let network = self.shared.networks.load()[0].clone();
        let (index, sessions) = (self.shared.index.load(), network.sessions.load());
        for (receive, entry) in index.iter() {
            let session = sessions.get(&entry.session.slot).expect("an index leads to a session that is there");
            assert!(Arc::ptr_eq(session, &entry.session), "and to the one of its slot");
            let held = ringway_core::session::lock(&session.keys).iter().any(|key| Arc::ptr_eq(key, &entry.key));
            assert!(held && entry.key.index_rx == *receive);
        }
        let kept: usize = sessions.values().map(|session| ringway_core::session::lock(&session.keys).len()).sum();
        assert_eq!(kept, index.len(), "every key has its index");
        for session in sessions.values() {
            if let Some(tx) = session.tx.load_full() {
                let keys = ringway_core::session::lock(&session.keys);
                assert!(keys.iter().any(|key| Arc::ptr_eq(key, &tx)), "what sends is no key that was dropped");
            }
            assert_eq!(network.by_peer.load().get(&session.peer), Some(&session.slot));
        }
        assert_eq!(network.by_peer.load().len(), sessions.len());
    }
}

const CIPHER: Cipher = Cipher::ChaCha20Poly1305;

fn keys(number: u8) -> SessionKeys {
    SessionKeys { cipher: CIPHER, tx: Zeroizing::new([number; 32]), rx: Zeroizing::new([100 + number; 32]) }
}

fn host(ip: Ipv4Addr) -> Prefix {
    Prefix::parse(&ip.to_string()).unwrap()
}

/// A UDP packet whose last byte is its number.
fn packet(from: Ipv4Addr, to: Ipv4Addr, number: u8) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 29, 0, 1, 0, 0, 64, 17, 0, 0];
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend([0, 7, 0, 7, 0, 9, 0, 0, number]);
    packet
}

/// A DATA packet of the peer under a key.
fn sealed(key: u8, counter: u64, number: u8) -> Vec<u8> {
    let inner = packet(PEER_IP, OWN_IP, number);
    let mut out = vec![0u8; HEAD];
    write_head(&mut out, DATA, 0, key.into(), counter);
    out.extend([1, 0, 0, inner.len() as u8]);
    out.extend(&inner);
    let (head, text) = out.split_at_mut(HEAD);
    let tag = AeadKey::new(CIPHER, &keys(key).rx).seal(counter, head, text);
    out.extend(&tag[..TAG]);
    out
}

fn receive(shared: &Arc<Shared>, datagrams: Vec<Vec<u8>>) {
    let mut receiver = Receiver::new(shared.clone());
    for mut datagram in datagrams {
        receiver.begin(Instant::now());
        receiver.datagram(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9), &mut datagram);
        receiver.end();
    }
}

#[test]
fn a_rekey_under_traffic_uses_no_counter_twice_and_delivers_nothing_twice() {
    explore(|| {
        let mut node = Node::new();
        node.add_key(1);
        node.net.key_use(SLOT, 1);
        node.net.path_use(SLOT, node.path(0));
        let node_ref = Arc::new(node);
        let one = node_ref.clone();
        let two = node_ref.clone();
        let (shared, doubled) = (node_ref.shared.clone(), node_ref.shared.clone());
        let threads = [
            thread::spawn(move || one.transmit(0, 3)),
            thread::spawn(move || {
                assert!(two.add_key(2));
                two.net.key_use(SLOT, 2);
                two.net.path_use(SLOT, two.path(1));
                two.net.key_drop(SLOT, 1);
                two.check_tables();
            }),
            // The same packets come twice at the same time, as by two paths.
            thread::spawn(move || receive(&shared, vec![sealed(1, 0, 50), sealed(2, 0, 51)])),
            thread::spawn(move || receive(&doubled, vec![sealed(2, 0, 51), sealed(1, 0, 50)])),
        ];
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        node = Arc::into_inner(node_ref).unwrap();
        node.check_tables();

        let got = node.got(3);
        let mut used: Vec<_> = got.iter().map(|(key, counter, _)| (*key, *counter)).collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used.len(), got.len(), "a counter was used twice: {got:?}");
        let mut numbers: Vec<_> = got.iter().map(|(_, _, number)| *number).collect();
        numbers.sort_unstable();
        // A packet finds one key or the other at every moment.
        assert_eq!(numbers, [0, 1, 2]);
        let delivered = node.delivered();
        for number in [50, 51] {
            assert!(delivered.iter().filter(|other| **other == number).count() <= 1, "{delivered:?}");
        }

        // What begins after all that has the new key, and the old one opens nothing.
        let unknown = node.shared.drops.get(Reason::UnknownIndex);
        node.transmit(10, 1);
        receive(&node.shared, vec![sealed(1, 9, 60), sealed(2, 9, 61)]);
        assert_eq!(node.got(1).iter().map(|(key, _, number)| (*key, *number)).collect::<Vec<_>>(), [(2, 10)]);
        assert_eq!(node.delivered(), [61]);
        assert_eq!(node.shared.drops.get(Reason::UnknownIndex), unknown + 1);
    });
}

#[test]
fn changes_that_meet_leave_tables_that_agree() {
    let traffic = |node: &Node| {
        node.transmit(0, 1);
        receive(&node.shared, vec![sealed(1, 0, 50)]);
    };
    let next_key = |node: &Node| {
        node.add_key(2);
        node.net.key_use(SLOT, 2);
    };
    meet([|node| node.net.key_drop(SLOT, 1), |node| node.net.key_use(SLOT, 1), traffic]);
    meet([|node| node.net.session_drop(SLOT), next_key, traffic]);
    meet([|node| node.net.key_drop(SLOT, 1), next_key, |node| node.net.session_drop(SLOT)]);
}

/// Lets changes of a node with one session meet in many orders.
fn meet(changes: [fn(&Node); 3]) {
    explore(move || {
        let node = Arc::new(Node::new());
        node.add_key(1);
        node.net.key_use(SLOT, 1);
        node.net.path_use(SLOT, node.path(0));
        let threads = changes.map(|change| {
            let node = node.clone();
            thread::spawn(move || change(&node))
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        node.check_tables();
    });
}

#[test]
fn a_packet_that_waits_is_sent_once_when_its_session_comes() {
    explore(|| {
        let node = Arc::new(Node::new());
        let (one, two) = (node.clone(), node.clone());
        let threads = [
            thread::spawn(move || one.transmit(0, 2)),
            thread::spawn(move || {
                two.add_key(1);
                two.net.key_use(SLOT, 1);
                two.net.path_use(SLOT, two.path(0));
            }),
        ];
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        // Whatever came too late for the one is let go by the next change.
        node.net.path_use(SLOT, node.path(0));
        let mut numbers: Vec<_> = node.got(2).iter().map(|(_, _, number)| *number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1]);
    });
}
