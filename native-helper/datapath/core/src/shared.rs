//! What the packet threads and the calls from TypeScript share: sockets, tables, counters. Tables are immutable and
//! swapped whole, so that readers take no lock.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Instant;

use crate::addr::RingAddr;
use crate::drops::{Drops, Reason};
use crate::ecn::ECN;
use crate::error::Error;
use crate::ethernet::ArpQuestion;
use crate::events::{Event, Events, NetworkId};
use crate::fib::{Fib, Slot};
use crate::frag::Budget;
use crate::gate::Mac1Keys;
use crate::ipmap::IpMap;
use crate::session::{HELD_FOR, IndexMap, Key, Session, lock};
use crate::socket::{Sockets, TxBatch};
use crate::streams::Streams;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{ArcSwap, ArcSwapOption, Mutex};
use crate::tap::Tap;

/// Packets that wait for a session: for one address, and in all.
const HELD_EACH_MAX: usize = 8;
const HELD_MAX: usize = 256;
const ARPS_MAX: usize = 64;
/// Datagrams of the largest CTRL message with room to spare.
const CONTROL_BUFFER: usize = 256 * 1024;

pub struct Shared {
    pub sockets: Sockets,
    pub streams: Streams,
    /// Receive index to key, over all networks.
    pub index: ArcSwap<IndexMap<Arc<IndexEntry>>>,
    pub networks: ArcSwap<Vec<Arc<Network>>>,
    pub events: Events,
    pub drops: Drops,
    pub budget: Budget,
    /// What is sent from the calling thread.
    pub control: Mutex<TxBatch>,
    /// One change of the tables at a time.
    pub change: Mutex<()>,
    pub stopping: AtomicBool,
    pub wake_in: Wake,
    pub wake_out: Wake,
}

impl Shared {
    pub fn new(sockets: Sockets) -> Result<Self, Error> {
        let no = |what: &str, error: io::Error| Error::new("NO_RESOURCES", format!("No {what} descriptor: {error}."));
        let wake = || Wake::new().map_err(|error| no("event", error));
        Ok(Self {
            sockets,
            streams: Streams::new().map_err(|error| no("epoll", error))?,
            index: ArcSwap::default(),
            networks: ArcSwap::default(),
            events: Events::default(),
            drops: Drops::default(),
            budget: Budget::default(),
            control: Mutex::new(TxBatch::with_room(CONTROL_BUFFER)),
            change: Mutex::default(),
            stopping: AtomicBool::new(false),
            wake_in: wake()?,
            wake_out: wake()?,
        })
    }

    pub fn tell(&self, event: Event) {
        if !self.events.push(event) {
            self.drops.count(Reason::EventQueueFull);
        }
    }

    /// Says what a session moved so far, where that is news.
    pub fn tell_traffic(&self, network: &Network, session: &Session) {
        let mut told = lock(&session.told);
        let totals = session.counters.totals();
        if *told != totals {
            *told = totals;
            self.tell(Event::Traffic { network: network.id, slot: session.slot, totals });
        }
    }
}

pub struct IndexEntry {
    pub network: Arc<Network>,
    pub session: Arc<Session>,
    pub key: Arc<Key>,
}

/// One affiliation.
pub struct Network {
    pub id: NetworkId,
    pub self_addr: RingAddr,
    pub mac1: Mac1Keys,
    pub fib: ArcSwap<Fib>,
    pub ip_map: ArcSwap<IpMap>,
    pub sessions: ArcSwap<IndexMap<Arc<Session>>>,
    /// The newest session of each peer.
    pub by_peer: ArcSwap<HashMap<RingAddr, Slot>>,
    pub tap: ArcSwapOption<Tap>,
    /// Whether the DSCP of inner packets is copied to the outer ones too.
    pub copies_dscp: AtomicBool,
    pub held: Mutex<Held>,
}

impl Network {
    pub fn new(id: NetworkId, self_addr: RingAddr, mac1: Mac1Keys) -> Self {
        Self {
            id,
            self_addr,
            mac1,
            fib: ArcSwap::default(),
            ip_map: ArcSwap::default(),
            sessions: ArcSwap::default(),
            by_peer: ArcSwap::default(),
            tap: ArcSwapOption::empty(),
            copies_dscp: AtomicBool::new(false),
            held: Mutex::default(),
        }
    }

    /// The TOS byte outside of a packet that has `tos`.
    pub fn outer_tos(&self, tos: u8) -> u8 {
        if self.copies_dscp.load(Ordering::Relaxed) { tos } else { tos & ECN }
    }

    pub fn session(&self, slot: Slot) -> Option<Arc<Session>> {
        self.sessions.load().get(&slot).cloned()
    }

    /// The session with a peer: that of its edge, else the newest.
    pub fn session_of(&self, peer: &RingAddr) -> Option<Arc<Session>> {
        let slot = self.fib.load().edge(peer).or_else(|| self.by_peer.load().get(peer).copied())?;
        self.session(slot)
    }
}

/// IP packets and ARP questions that wait, a second at most, until the engine knows their destination.
#[derive(Default)]
pub struct Held {
    pub packets: Vec<(Instant, IpAddr, Vec<u8>)>,
    pub arps: Vec<(Instant, ArpQuestion)>,
}

impl Held {
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.arps.is_empty()
    }

    /// False where a limit is reached.
    pub fn hold(&mut self, now: Instant, dst: IpAddr, packet: &[u8]) -> bool {
        let fits = self.packets.len() < HELD_MAX
            && self.packets.iter().filter(|(_, other, _)| *other == dst).count() < HELD_EACH_MAX;
        if fits {
            self.packets.push((now, dst, packet.to_vec()));
        }
        fits
    }

    pub fn hold_arp(&mut self, now: Instant, question: ArpQuestion) {
        self.arps.retain(|(_, other)| *other != question);
        if self.arps.len() < ARPS_MAX {
            self.arps.push((now, question));
        }
    }

    /// Forgets what waited too long; says how many packets.
    pub fn expire(&mut self, now: Instant) -> usize {
        let before = self.packets.len();
        self.packets.retain(|(at, _, _)| now.saturating_duration_since(*at) < HELD_FOR);
        self.arps.retain(|(at, _)| now.saturating_duration_since(*at) < HELD_FOR);
        before - self.packets.len()
    }
}

/// Wakes a thread out of `poll`.
pub struct Wake(OwnedFd);

impl Wake {
    pub fn new() -> io::Result<Self> {
        // SAFETY: plain system call; the descriptor is owned from here on.
        unsafe {
            let fd = libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK);
            if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(Self(OwnedFd::from_raw_fd(fd))) }
        }
    }

    pub fn wake(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight bytes, as an eventfd takes. It fails only where the thread is awake anyway.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    pub fn clear(&self) {
        let mut count = [0u8; 8];
        // SAFETY: eight bytes, as an eventfd gives.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }

    pub fn raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn waiting_packets_are_bounded_for_each_address_and_in_all() {
        let mut held = Held::default();
        let now = Instant::now();
        let ip = |n: u32| IpAddr::V4(Ipv4Addr::from(n));
        assert_eq!((0..20).filter(|_| held.hold(now, ip(1), &[0])).count(), HELD_EACH_MAX);
        assert_eq!((2..2_000).filter(|n| held.hold(now, ip(*n), &[0])).count(), HELD_MAX - HELD_EACH_MAX);
        assert_eq!(held.expire(now + HELD_FOR), HELD_MAX);
        assert!(held.is_empty());
    }

    #[test]
    fn waiting_questions_are_bounded_and_kept_once() {
        let mut held = Held::default();
        for n in [1, 1].into_iter().chain(2..500u32) {
            let target = Ipv4Addr::from(n);
            held.hold_arp(Instant::now(), ArpQuestion { asker_mac: [2; 6], asker: Ipv4Addr::LOCALHOST, target });
        }
        assert_eq!(held.arps.len(), ARPS_MAX);
    }
}
