//! Nodes for the tests: a data path on loopback whose interface is one end of a socket pair.
#![allow(dead_code)] // Each test file uses a part.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use ringway_core::addr::RingAddr;
use ringway_core::aead::{Cipher, SessionKeys};
use ringway_core::control::NetworkHandle;
use ringway_core::datapath::{DataPath, Options};
use ringway_core::events::Event;
use ringway_core::fib::{Edge, Fib};
use ringway_core::gate::Mac1Keys;
use ringway_core::ipmap::{IpEntry, IpMap, Prefix};
use ringway_core::session::Path;
use ringway_core::tap::{ETHER, Tap, VNET};
use zeroize::Zeroizing;

pub const WAIT: Duration = Duration::from_secs(10);
pub const MTU: usize = 1_332;

pub struct Node {
    pub data_path: DataPath,
    pub net: NetworkHandle,
    pub events: Receiver<Event>,
    pub addr: RingAddr,
    pub ip: [u8; 4],
    pub mac: [u8; 6],
    tap: File,
}

pub fn mac1_of(place: u8) -> Mac1Keys {
    Mac1Keys { own: [place; 32], anonymous: [0xaa; 32] }
}

impl Node {
    /// A node at the ring place `place`, with virtual IP 172.16.0.`place`.
    pub fn new(place: u8) -> Self {
        Self::with_offload(place, true)
    }

    pub fn with_offload(place: u8, socket_offload: bool) -> Self {
        let (tell, events) = channel();
        let deliver = Box::new(move |batch: Vec<Event>| batch.into_iter().for_each(|event| drop(tell.send(event))));
        // One thread here and two there: both forms talk to each other in every test.
        let one_thread = place.is_multiple_of(2);
        let options = Options { port: 0, segmentation: socket_offload, coalescing: socket_offload, one_thread };
        let data_path = DataPath::open(&options, deliver).unwrap();
        let mut addr = RingAddr([0; 20]);
        addr.0[0] = place;
        let net = data_path.add_network(7, addr, mac1_of(place)).unwrap();
        let (ours, theirs) = socket_pair();
        let (ip, mac) = ([172, 16, 0, place], [0xfe, 0, 0, 0, 0, place]);
        net.attach(Tap::from_fd(theirs, mac, MTU, Ipv4Addr::from(ip)));
        Self { data_path, net, events, addr, ip, mac, tap: File::from(ours) }
    }

    pub fn socket(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.data_path.port()))
    }

    /// The kernel's side of the interface sends an IP packet.
    pub fn send_ip(&mut self, packet: &[u8]) {
        let mut frame = vec![0u8; VNET];
        frame.extend_from_slice(&[2, 0, 0, 0, 0, 0]);
        frame.extend_from_slice(&self.mac);
        frame.extend_from_slice(if packet[0] >> 4 == 4 { &[8, 0] } else { &[0x86, 0xdd] });
        frame.extend_from_slice(packet);
        self.send_frame(&frame);
    }

    /// Writes a frame with its virtio-net header.
    pub fn send_frame(&mut self, frame: &[u8]) {
        self.tap.write_all(frame).unwrap();
    }

    /// The next frame that the interface gives to the kernel, without virtio-net header.
    pub fn frame(&mut self) -> Vec<u8> {
        self.whole_frame().split_off(VNET)
    }

    pub fn whole_frame(&mut self) -> Vec<u8> {
        let mut buffer = vec![0u8; 70_000];
        let length = self.tap.read(&mut buffer).expect("no frame came to the interface in time");
        buffer.truncate(length);
        buffer
    }

    pub fn ip(&mut self) -> Vec<u8> {
        self.frame().split_off(ETHER)
    }

    /// The first event for which `pick` has an answer.
    pub fn event<T>(&self, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let deadline = Instant::now() + WAIT;
        loop {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(event) => {
                    if let Some(found) = pick(event) {
                        return found;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("the event did not come in time"),
                Err(RecvTimeoutError::Disconnected) => panic!("the data path stopped"),
            }
        }
    }

    pub fn drops(&self, reason: &str) -> u64 {
        self.data_path.drops().iter().find(|(name, _)| *name == reason).expect("no such reason").1
    }

    /// Waits until `reason` was counted `count` times or more.
    pub fn await_drops(&self, reason: &str, count: u64) {
        let deadline = Instant::now() + WAIT;
        while self.drops(reason) < count {
            assert!(
                Instant::now() < deadline,
                "{reason} stays at {}: {:?}",
                self.drops(reason),
                self.data_path.drops()
            );
            std::thread::yield_now();
        }
    }

    pub fn map(&self, peers: &[(&Node, Option<u32>)]) {
        self.net.set_ip_map(IpMap::new(peers.iter().map(|(peer, slot)| {
            let prefix = Prefix::parse(&Ipv4Addr::from(peer.ip).to_string()).unwrap();
            (prefix, IpEntry { peer: peer.addr, slot: *slot })
        })));
    }

    pub fn allow(&self, slot: u32, peer: &Node) {
        self.net.set_sources(slot, vec![Prefix::parse(&Ipv4Addr::from(peer.ip).to_string()).unwrap()]);
    }

    pub fn fib(&self, edges: &[(&Node, u32, bool)], reserved: &[(RingAddr, RingAddr)]) {
        let edges = edges.iter().map(|(peer, slot, direct)| Edge {
            peer: peer.addr,
            slot: *slot,
            member: true,
            direct: *direct,
        });
        self.net.set_fib(Fib::new(self.addr, edges.collect(), &[], &[], reserved));
    }
}

/// Gives two nodes the keys of one session, without paths. Slots are the ring place of the other.
pub fn share_keys(a: &Node, b: &Node, cipher: Cipher) {
    share_keys_with(a, b, cipher, 0);
}

/// The same after a handshake in which both listed `features`.
pub fn share_keys_with(a: &Node, b: &Node, cipher: Cipher, features: u32) {
    let (a_place, b_place) = (a.addr.0[0], b.addr.0[0]);
    let key = |from: u8, to: u8| Zeroizing::new([from.wrapping_mul(16).wrapping_add(to); 32]);
    let index = |from: u8, to: u8| 0x0100_0000 * u32::from(from) + u32::from(to);
    for (node, me, other) in [(a, a_place, b), (b, b_place, a)] {
        let there = other.addr.0[0];
        let keys = SessionKeys { cipher, tx: key(me, there), rx: key(there, me) };
        node.net.key_add(there.into(), other.addr, &keys, index(there, me), index(me, there), features).unwrap();
        node.net.key_use(there.into(), index(there, me));
        node.allow(there.into(), other);
    }
}

pub fn link(a: &Node, b: &Node, cipher: Cipher) {
    link_with(a, b, cipher, 0);
}

pub fn link_with(a: &Node, b: &Node, cipher: Cipher, features: u32) {
    share_keys_with(a, b, cipher, features);
    a.net.path_use(b.addr.0[0].into(), Path::Udp(b.socket()));
    b.net.path_use(a.addr.0[0].into(), Path::Udp(a.socket()));
}

/// An IPv4 packet of UDP whose body is `length` bytes that depend on `seed`.
pub fn packet(from: &Node, to: &Node, length: usize, seed: u8) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 17, 0, 0];
    packet.extend_from_slice(&from.ip);
    packet.extend_from_slice(&to.ip);
    packet.extend_from_slice(&[0, 7, 0, 7, 0, 0, 0, 0]);
    packet[24..26].copy_from_slice(&((length + 8) as u16).to_be_bytes());
    packet.extend((0..length).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)));
    let total = packet.len() as u16;
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    packet
}

/// Our end blocks with a deadline, the data path's end does not block.
fn socket_pair() -> (OwnedFd, OwnedFd) {
    let mut fds = [0; 2];
    // SAFETY: plain system calls on descriptors that are owned from here on.
    unsafe {
        assert_eq!(libc::socketpair(libc::AF_UNIX, libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC, 0, fds.as_mut_ptr()), 0);
        let wait = libc::timeval { tv_sec: WAIT.as_secs() as _, tv_usec: 0 };
        let size = size_of::<libc::timeval>() as libc::socklen_t;
        let pointer = std::ptr::from_ref(&wait).cast();
        assert_eq!(libc::setsockopt(fds[0], libc::SOL_SOCKET, libc::SO_RCVTIMEO, pointer, size), 0);
        assert_eq!(libc::fcntl(fds[1], libc::F_SETFL, libc::O_NONBLOCK), 0);
        (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1]))
    }
}
