//! Sessions and their keys. One session stands for one peer; several keys receive for it, one sends.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crate::addr::RingAddr;
use crate::aead::{AeadKey, SessionKeys};
use crate::fib::Slot;
use crate::frag::{Budget, Reassembly};
use crate::ipmap::Prefix;
use crate::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};
use crate::sync::{ArcSwap, ArcSwapOption, Mutex, MutexGuard};
use crate::window::Window;

/// UDP payload that a path carries until path MTU discovery says otherwise.
pub const PATH_PAYLOAD_DEFAULT: u32 = 1_452;
/// Feature bit 1 of overlay.md section 3: frame kinds 8 and 9.
pub const PARTIAL_CHECKSUMS: u32 = 1 << 1;
/// A key sends no more packets than this (overlay.md section 3 "Rekey").
const COUNTER_LIMIT: u64 = 1 << 37;
const SAY_AGAIN: Duration = Duration::from_secs(1);
/// A session has at most as many paths.
const PATHS_MAX: usize = 8;
/// Packets that wait until their inner source is known.
const HELD_MAX: usize = 8;
pub const HELD_FOR: Duration = Duration::from_secs(1);
/// So soon after one another three IP packets to a peer earn it a link of its own (overlay.md section 7 "Shortcuts").
const EARNED_WITHIN: Duration = Duration::from_secs(5);

/// One way that a session's packets go.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Path {
    Udp(SocketAddr),
    /// By the stream to that end.
    Tcp(SocketAddr),
    /// By a relay with edges to both ends.
    Tunnel(RingAddr),
    /// Hop by hop along the ring.
    Ring,
}

/// Where a handshake packet came from or goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Via {
    Udp(SocketAddr),
    Tcp(SocketAddr),
    Tunnel { relay: RingAddr, peer: RingAddr },
    Ring { peer: RingAddr },
}

/// The keys of one handshake.
pub struct Key {
    pub index_rx: u32,
    pub index_tx: u32,
    /// Feature bits that both ends listed in this handshake.
    pub features: u32,
    pub seal: AeadKey,
    pub open: AeadKey,
    sent: AtomicU64,
    pub window: Mutex<Window>,
    confirmed: AtomicBool,
}

impl Key {
    pub fn new(keys: &SessionKeys, index_rx: u32, index_tx: u32, features: u32) -> Self {
        Self {
            index_rx,
            index_tx,
            features,
            seal: AeadKey::new(keys.cipher, &keys.tx),
            open: AeadKey::new(keys.cipher, &keys.rx),
            sent: AtomicU64::new(0),
            window: Mutex::default(),
            confirmed: AtomicBool::new(false),
        }
    }

    /// A counter that no packet under this key had; DATA and TRANSIT draw on the same. `None` once the key is worn out.
    pub fn next_counter(&self) -> Option<u64> {
        let counter = self.sent.fetch_add(1, Ordering::Relaxed);
        (counter < COUNTER_LIMIT).then_some(counter)
    }

    /// True for the first authentic packet only.
    pub fn confirm(&self) -> bool {
        !self.confirmed.load(Ordering::Relaxed) && !self.confirmed.swap(true, Ordering::Relaxed)
    }
}

/// Totals since the session was made.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Totals {
    pub rx_packets: u64,
    pub rx_bytes: u64,
    pub tx_packets: u64,
    pub tx_bytes: u64,
    pub ip_rx_packets: u64,
    pub ip_tx_packets: u64,
    pub transit_packets: u64,
}

#[derive(Default)]
pub struct Counters {
    rx_packets: AtomicU64,
    rx_bytes: AtomicU64,
    tx_packets: AtomicU64,
    tx_bytes: AtomicU64,
    ip_rx_packets: AtomicU64,
    ip_tx_packets: AtomicU64,
    transit_packets: AtomicU64,
}

impl Counters {
    pub fn rx(&self, packets: u64, bytes: usize) {
        self.rx_packets.fetch_add(packets, Ordering::Relaxed);
        self.rx_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub fn tx(&self, packets: u64, bytes: usize) {
        self.tx_packets.fetch_add(packets, Ordering::Relaxed);
        self.tx_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub fn ip_rx(&self, packets: u64) {
        self.ip_rx_packets.fetch_add(packets, Ordering::Relaxed);
    }

    pub fn ip_tx(&self, packets: u64) {
        self.ip_tx_packets.fetch_add(packets, Ordering::Relaxed);
    }

    pub fn transit(&self) {
        self.transit_packets.fetch_add(1, Ordering::Relaxed);
    }

    pub fn totals(&self) -> Totals {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            rx_packets: read(&self.rx_packets),
            rx_bytes: read(&self.rx_bytes),
            tx_packets: read(&self.tx_packets),
            tx_bytes: read(&self.tx_bytes),
            ip_rx_packets: read(&self.ip_rx_packets),
            ip_tx_packets: read(&self.ip_tx_packets),
            transit_packets: read(&self.transit_packets),
        }
    }
}

pub struct Session {
    pub slot: Slot,
    pub peer: RingAddr,
    /// Every key that receives, oldest first.
    pub keys: Mutex<Vec<Arc<Key>>>,
    /// The key that sends.
    pub tx: ArcSwapOption<Key>,
    /// The active path.
    pub path: ArcSwapOption<Path>,
    /// Inner sources that this peer may use.
    pub sources: ArcSwap<Vec<Prefix>>,
    pub counters: Counters,
    /// The largest UDP payload that the active path carries.
    pub path_payload: AtomicU32,
    pub fragments: Mutex<Reassembly>,
    next_fragment: AtomicU16,
    said: Mutex<Vec<(Path, Instant)>>,
    held: Mutex<HeldSources>,
    sent: Mutex<Sent>,
    /// What the last `traffic` event said.
    pub told: Mutex<Totals>,
}

/// The last two IP packets sent, newest first, and when the third was said.
#[derive(Default)]
struct Sent {
    at: [Option<Instant>; 2],
    said: Option<Instant>,
}

#[derive(Default)]
struct HeldSources {
    packets: Vec<(Instant, Vec<u8>)>,
    said: Option<Instant>,
}

impl Session {
    pub fn new(slot: Slot, peer: RingAddr, budget: Budget) -> Self {
        Self {
            slot,
            peer,
            keys: Mutex::default(),
            tx: ArcSwapOption::empty(),
            path: ArcSwapOption::empty(),
            sources: ArcSwap::default(),
            counters: Counters::default(),
            path_payload: AtomicU32::new(PATH_PAYLOAD_DEFAULT),
            fragments: Mutex::new(Reassembly::new(budget)),
            next_fragment: AtomicU16::new(0),
            said: Mutex::default(),
            held: Mutex::default(),
            sent: Mutex::default(),
            told: Mutex::default(),
        }
    }

    pub fn fragment_id(&self) -> u16 {
        self.next_fragment.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether packets can go out at all: a key and a path are there.
    pub fn can_send(&self) -> bool {
        self.tx.load().is_some() && self.path.load().is_some()
    }

    /// Whether a `newPath` for this path is due, which is once a second.
    pub fn may_say(&self, now: Instant, path: Path) -> bool {
        let mut said = lock(&self.said);
        said.retain(|(_, at)| now.saturating_duration_since(*at) < SAY_AGAIN);
        if said.len() == PATHS_MAX || said.iter().any(|(known, _)| *known == path) {
            return false;
        }
        said.push((path, now));
        true
    }

    /// Counts IP packets sent. Whether that is to be told at once: no path is direct, and they were the third within 5 s.
    pub fn ip_sent(&self, packets: u64) -> bool {
        self.counters.ip_tx(packets);
        let is_direct = self.path.load().as_deref().is_some_and(|path| matches!(path, Path::Udp(_) | Path::Tcp(_)));
        !is_direct && packets > 0 && lock(&self.sent).is_third(Instant::now(), packets)
    }

    /// Keeps a packet of unknown inner source for a second. The answers: whether it was kept, whether to ask.
    pub fn hold(&self, now: Instant, packet: &[u8]) -> (bool, bool) {
        let mut held = lock(&self.held);
        held.packets.retain(|(at, _)| now.saturating_duration_since(*at) < HELD_FOR);
        let kept = held.packets.len() < HELD_MAX;
        if kept {
            held.packets.push((now, packet.to_vec()));
        }
        let ask = held.said.is_none_or(|at| now.saturating_duration_since(at) >= SAY_AGAIN);
        if ask {
            held.said = Some(now);
        }
        (kept, ask)
    }

    /// Takes out what `hold` kept and is not too old.
    pub fn release(&self, now: Instant) -> Vec<Vec<u8>> {
        let held = std::mem::take(&mut lock(&self.held).packets);
        held.into_iter()
            .filter(|(at, _)| now.saturating_duration_since(*at) < HELD_FOR)
            .map(|(_, packet)| packet)
            .collect()
    }

    /// Forgets what waited too long; says how many.
    pub fn expire(&self, now: Instant) -> usize {
        let mut held = lock(&self.held);
        let before = held.packets.len();
        held.packets.retain(|(at, _)| now.saturating_duration_since(*at) < HELD_FOR);
        before - held.packets.len() + lock(&self.fragments).expire(now)
    }
}

impl Sent {
    fn is_third(&mut self, now: Instant, packets: u64) -> bool {
        let first = match packets {
            1 => self.at[1],
            2 => self.at[0],
            _ => Some(now),
        };
        self.at = [Some(now), if packets == 1 { self.at[0] } else { Some(now) }];
        let is_third = first.is_some_and(|at| now.saturating_duration_since(at) < EARNED_WITHIN);
        let is_due = is_third && self.said.is_none_or(|at| now.saturating_duration_since(at) >= SAY_AGAIN);
        if is_due {
            self.said = Some(now);
        }
        is_due
    }
}

/// A lock whose holder panicked still guards plain data; the threads go on.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Indices and slots are random or small numbers of our own making: one multiplication spreads them enough.
#[derive(Default)]
pub struct IndexHasher(u64);

impl Hasher for IndexHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(byte.into());
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.0 = (self.0 ^ u64::from(value)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

pub type IndexMap<V> = HashMap<u32, V, BuildHasherDefault<IndexHasher>>;

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session::new(1, RingAddr([1; 20]), Budget::default())
    }

    #[test]
    fn the_third_packet_within_five_seconds_is_said_once_a_second() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut sent = Sent::default();
        let said: Vec<_> = [0, 3_000, 6_000, 7_000, 7_900, 8_000].map(|ms| sent.is_third(at(ms), 1)).into();
        assert_eq!(said, [false, false, false, true, false, true]);
        let mut sent = Sent::default();
        assert!(!sent.is_third(at(0), 2) && sent.is_third(at(1), 1), "of a pair and one more the one is the third");
        assert!(Sent::default().is_third(at(0), 3), "so is the last of three that come as one");
    }

    #[test]
    fn packets_on_a_direct_path_are_only_counted() {
        let session = session();
        session.path.store(Some(Arc::new(Path::Udp(SocketAddr::from(([192, 0, 2, 1], 1))))));
        assert!(!session.ip_sent(3));
        session.path.store(Some(Arc::new(Path::Ring)));
        assert!(session.ip_sent(3));
        assert_eq!(session.counters.totals().ip_tx_packets, 6);
    }

    #[test]
    fn says_each_path_once_a_second_and_eight_at_most() {
        let session = session();
        let now = Instant::now();
        let path = |n: u16| Path::Udp(SocketAddr::from(([192, 0, 2, 1], n)));
        assert!(session.may_say(now, path(1)));
        assert!(!session.may_say(now, path(1)));
        assert_eq!((2..100).filter(|n| session.may_say(now, path(*n))).count(), 7);
        assert!(session.may_say(now + SAY_AGAIN, path(1)));
    }

    #[test]
    fn holds_eight_packets_for_a_second_and_asks_once() {
        let session = session();
        let now = Instant::now();
        assert_eq!(session.hold(now, &[1]), (true, true));
        assert_eq!((0..20).filter(|_| session.hold(now, &[2]).0).count(), 7);
        assert!(!session.hold(now, &[3]).1);
        assert_eq!(session.release(now + HELD_FOR).len(), 0);
        assert_eq!(session.hold(now + HELD_FOR, &[4]), (true, true));
        assert_eq!(session.release(now + HELD_FOR), vec![vec![4]]);
    }

    #[test]
    fn a_key_gives_each_counter_once() {
        let keys = SessionKeys {
            cipher: crate::aead::Cipher::ChaCha20Poly1305,
            tx: zeroize::Zeroizing::new([0; 32]),
            rx: zeroize::Zeroizing::new([1; 32]),
        };
        let key = Arc::new(Key::new(&keys, 1, 2, 0));
        let mut all: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..1_000).map(|_| key.next_counter().unwrap()).collect::<Vec<_>>()))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..4_000));
        key.sent.store(COUNTER_LIMIT, Ordering::Relaxed);
        assert_eq!(key.next_counter(), None);
        assert!(key.confirm() && !key.confirm());
    }
}
