//! What the data path tells TypeScript, queued by the packet threads and delivered in batches by a thread of its own.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::addr::RingAddr;
use crate::fib::Slot;
use crate::session::{Path, Totals, Via, lock};
use crate::sync::{Condvar, Mutex};

pub const BATCH_MAX: usize = 256;
/// Batches are at least this far apart; the first event after a pause goes out at once.
pub const SPACING: Duration = Duration::from_millis(5);
const QUEUE_MAX: usize = 4_096;

pub type NetworkId = u32;

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Handshake {
        network: NetworkId,
        via: Via,
        packet: Vec<u8>,
    },
    Confirmed {
        network: NetworkId,
        slot: Slot,
        index_rx: u32,
        path: Path,
    },
    Ctrl {
        network: NetworkId,
        slot: Slot,
        path: Path,
        bytes: Vec<u8>,
    },
    NewPath {
        network: NetworkId,
        slot: Slot,
        path: Path,
    },
    ProbeAck {
        network: NetworkId,
        slot: Slot,
        path: Path,
        id: u32,
        size_bytes: u16,
    },
    Miss {
        network: NetworkId,
        ip: IpAddr,
    },
    UnknownSource {
        network: NetworkId,
        slot: Slot,
        ip: IpAddr,
    },
    NoRoute {
        network: NetworkId,
        src: RingAddr,
        dst: RingAddr,
    },
    Traffic {
        network: NetworkId,
        slot: Slot,
        totals: Totals,
    },
    /// A TCP stream to that end is over, or never came about; not told of those that the engine closed.
    StreamClosed {
        network: NetworkId,
        remote: SocketAddr,
        reason: &'static str,
    },
    /// The interface was `removed`, taken `down` or lost its `address` without `close_tap`. Said once; removed, it is closed.
    InterfaceLost {
        network: NetworkId,
        reason: &'static str,
    },
    /// A thread of the data path panicked.
    Fault {
        text: String,
    },
}

#[derive(Default)]
struct State {
    events: Vec<Event>,
    stopped: bool,
}

#[derive(Default)]
pub struct Events {
    state: Mutex<State>,
    ready: Condvar,
}

impl Events {
    /// False where the queue is full and the event is lost.
    pub fn push(&self, event: Event) -> bool {
        let mut state = lock(&self.state);
        if state.events.len() == QUEUE_MAX {
            return false;
        }
        state.events.push(event);
        if state.events.len() == 1 {
            self.ready.notify_one();
        }
        true
    }

    pub fn stop(&self) {
        lock(&self.state).stopped = true;
        self.ready.notify_one();
    }

    /// Waits for events until `deadline` and takes one batch, empty at the deadline; `None` once stopped.
    pub fn take(&self, deadline: Instant) -> Option<Vec<Event>> {
        let mut state = lock(&self.state);
        loop {
            if state.stopped {
                return None;
            }
            if !state.events.is_empty() {
                let count = state.events.len().min(BATCH_MAX);
                return Some(state.events.drain(..count).collect());
            }
            let wait = deadline.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return Some(Vec::new());
            }
            state = self.ready.wait_timeout(state, wait).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(n: usize) -> Event {
        Event::Fault { text: n.to_string() }
    }

    #[test]
    fn batches_keep_order_and_size_and_the_queue_its_limit() {
        let events = Events::default();
        let kept = (0..QUEUE_MAX + 100).filter(|n| events.push(fault(*n))).count();
        assert_eq!(kept, QUEUE_MAX);
        let first = events.take(Instant::now()).unwrap();
        assert_eq!(first.len(), BATCH_MAX);
        assert_eq!((&first[0], &first[255]), (&fault(0), &fault(255)));
        assert_eq!(events.take(Instant::now()).unwrap()[0], fault(256));
    }

    #[test]
    fn an_idle_wait_ends_at_the_deadline_or_when_stopped() {
        let events = Events::default();
        assert_eq!(events.take(Instant::now() + Duration::from_millis(1)), Some(vec![]));
        events.stop();
        assert_eq!(events.take(Instant::now() + Duration::from_secs(60)), None);
    }
}
