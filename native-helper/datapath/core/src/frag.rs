//! FRAG frames: one IP or CTRL frame in up to 8 parts (overlay.md section 4).
//!
//! ```text
//! id u16 | offset/8 u16 | last u8 | inner kind u8 | part
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::frame;
use crate::wire::u16_at;

pub const FRAG_HEAD: usize = 6;
pub const PARTS_MAX: usize = 8;
const LIFE: Duration = Duration::from_secs(2);
const PENDING_MAX: usize = 64;
const SESSION_BYTES_MAX: usize = 64 * 1024;
const PROCESS_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Fragment<'a> {
    pub id: u16,
    /// In bytes.
    pub offset: usize,
    pub last: bool,
    pub kind: u8,
    pub part: &'a [u8],
}

/// `None` for a body too short, a flag that is no flag, a part before the last that is no multiple of 8 bytes,
/// a nested FRAG, or a kind that is never split.
pub fn parse(body: &[u8]) -> Option<Fragment<'_>> {
    if body.len() <= FRAG_HEAD || body[4] > 1 {
        return None;
    }
    let (last, kind) = (body[4] == 1, body[5]);
    let part = &body[FRAG_HEAD..];
    if !matches!(kind, frame::IP | frame::CTRL) || (!last && !part.len().is_multiple_of(8)) {
        return None;
    }
    Some(Fragment { id: u16_at(body, 0), offset: usize::from(u16_at(body, 2)) * 8, last, kind, part })
}

pub fn write_head(out: &mut [u8], id: u16, offset: usize, last: bool, kind: u8) {
    out[..2].copy_from_slice(&id.to_be_bytes());
    out[2..4].copy_from_slice(&((offset / 8) as u16).to_be_bytes());
    out[4] = u8::from(last);
    out[5] = kind;
}

/// The size of each part but the last for a body of `length` where one DATA text may hold `room` bytes; `None` where
/// that takes more than 8 parts.
pub fn part_size(length: usize, room: usize) -> Option<usize> {
    let part = room.checked_sub(frame::FRAME_HEAD + FRAG_HEAD)? & !7;
    (part > 0 && length.div_ceil(part) <= PARTS_MAX).then_some(part)
}

/// Bytes that all sessions of the process hold in parts.
#[derive(Default, Clone)]
pub struct Budget(Arc<AtomicUsize>);

impl Budget {
    fn take(&self, bytes: usize) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                (used + bytes <= PROCESS_BYTES_MAX).then_some(used + bytes)
            })
            .is_ok()
    }

    fn give(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

struct Pending {
    id: u16,
    kind: u8,
    started: Instant,
    bytes: usize,
    /// Length of the whole, once the last part came.
    total: Option<usize>,
    parts: Vec<(usize, Box<[u8]>)>,
}

/// The parts that one session has sent and that are not whole yet.
pub struct Reassembly {
    budget: Budget,
    bytes: usize,
    /// Oldest first.
    pending: Vec<Pending>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Waiting,
    Whole(u8, Vec<u8>),
    /// An overlap, a contradiction or a limit; what was there of this id is gone.
    Dropped,
}

impl Reassembly {
    pub fn new(budget: Budget) -> Self {
        Self { budget, bytes: 0, pending: Vec::new() }
    }

    pub fn add(&mut self, now: Instant, fragment: Fragment<'_>) -> Outcome {
        self.expire(now);
        let size = fragment.part.len();
        if size > SESSION_BYTES_MAX {
            return Outcome::Dropped;
        }
        let known = self.pending.iter().position(|pending| pending.id == fragment.id);
        if known.is_none() && self.pending.len() == PENDING_MAX {
            self.remove(0);
        }
        while self.bytes + size > SESSION_BYTES_MAX {
            let oldest_is_this = self.pending[0].id == fragment.id;
            self.remove(0);
            if oldest_is_this {
                return Outcome::Dropped;
            }
        }
        let place = match self.pending.iter().position(|pending| pending.id == fragment.id) {
            Some(place) => place,
            None => {
                let (id, kind) = (fragment.id, fragment.kind);
                self.pending.push(Pending { id, kind, started: now, bytes: 0, total: None, parts: Vec::new() });
                self.pending.len() - 1
            }
        };
        if !self.pending[place].fits(&fragment) || !self.budget.take(size) {
            self.remove(place);
            return Outcome::Dropped;
        }
        self.bytes += size;
        let pending = &mut self.pending[place];
        pending.bytes += size;
        if fragment.last {
            pending.total = Some(fragment.offset + size);
        }
        pending.parts.push((fragment.offset, fragment.part.into()));
        if pending.total != Some(pending.bytes) {
            if pending.parts.len() == PARTS_MAX {
                self.remove(place);
                return Outcome::Dropped;
            }
            return Outcome::Waiting;
        }
        // No overlap and as many bytes as the whole: nothing is missing.
        let mut whole = vec![0u8; pending.bytes];
        for (offset, part) in &pending.parts {
            whole[*offset..*offset + part.len()].copy_from_slice(part);
        }
        let kind = pending.kind;
        self.remove(place);
        Outcome::Whole(kind, whole)
    }

    /// Forgets what waited for 2 s; says how many.
    pub fn expire(&mut self, now: Instant) -> usize {
        let before = self.pending.len();
        while self.pending.first().is_some_and(|pending| now.saturating_duration_since(pending.started) > LIFE) {
            self.remove(0);
        }
        before - self.pending.len()
    }

    fn remove(&mut self, place: usize) {
        let gone = self.pending.remove(place);
        self.bytes -= gone.bytes;
        self.budget.give(gone.bytes);
    }
}

impl Drop for Reassembly {
    fn drop(&mut self) {
        self.budget.give(self.bytes);
    }
}

impl Pending {
    fn fits(&self, fragment: &Fragment<'_>) -> bool {
        let end = fragment.offset + fragment.part.len();
        let overlaps = self.parts.iter().any(|(at, part)| fragment.offset < at + part.len() && *at < end);
        let beyond = self.total.is_some_and(|total| fragment.last || end > total)
            || (fragment.last && self.parts.iter().any(|(at, part)| at + part.len() > end));
        self.kind == fragment.kind && !overlaps && !beyond
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(id: u16, kind: u8, body: &[u8], part: usize) -> Vec<Vec<u8>> {
        let count = body.len().div_ceil(part);
        body.chunks(part)
            .enumerate()
            .map(|(i, chunk)| {
                let mut out = vec![0; FRAG_HEAD];
                write_head(&mut out, id, i * part, i + 1 == count, kind);
                out.extend_from_slice(chunk);
                out
            })
            .collect()
    }

    #[test]
    fn parts_in_any_order_make_the_whole() {
        let body: Vec<u8> = (0..3_000u32).map(|i| i as u8).collect();
        let parts = split(7, frame::CTRL, &body, part_size(body.len(), 1_018).unwrap());
        assert_eq!(parts.len(), 3);
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let mut reassembly = Reassembly::new(Budget::default());
            let now = Instant::now();
            for (i, &at) in order.iter().enumerate() {
                let outcome = reassembly.add(now, parse(&parts[at]).unwrap());
                if i < 2 {
                    assert_eq!(outcome, Outcome::Waiting);
                } else {
                    assert_eq!(outcome, Outcome::Whole(frame::CTRL, body.clone()));
                }
            }
            assert_eq!(reassembly.bytes, 0);
        }
    }

    #[test]
    fn an_overlap_drops_all_of_its_id() {
        let parts = split(1, frame::IP, &[5; 64], 32);
        let mut reassembly = Reassembly::new(Budget::default());
        let now = Instant::now();
        assert_eq!(reassembly.add(now, parse(&parts[0]).unwrap()), Outcome::Waiting);
        assert_eq!(reassembly.add(now, parse(&parts[0]).unwrap()), Outcome::Dropped);
        assert_eq!(reassembly.add(now, parse(&parts[1]).unwrap()), Outcome::Waiting);
        assert_eq!(reassembly.bytes, 32);
    }

    #[test]
    fn waits_no_longer_than_two_seconds() {
        let parts = split(1, frame::IP, &[5; 64], 32);
        let mut reassembly = Reassembly::new(Budget::default());
        let now = Instant::now();
        reassembly.add(now, parse(&parts[0]).unwrap());
        assert_eq!(reassembly.add(now + Duration::from_millis(2_001), parse(&parts[1]).unwrap()), Outcome::Waiting);
    }

    #[test]
    fn new_ids_push_out_the_oldest_and_the_budget_is_given_back() {
        let budget = Budget::default();
        let mut reassembly = Reassembly::new(budget.clone());
        let now = Instant::now();
        for id in 0..1_000u16 {
            let parts = split(id, frame::IP, &[0; 2_400], 1_200);
            reassembly.add(now, parse(&parts[0]).unwrap());
            assert!(reassembly.pending.len() <= PENDING_MAX && reassembly.bytes <= SESSION_BYTES_MAX);
        }
        assert_eq!(budget.0.load(Ordering::Relaxed), reassembly.bytes);
        drop(reassembly);
        assert_eq!(budget.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_budget_of_the_process_is_a_limit() {
        let budget = Budget::default();
        assert!(budget.take(PROCESS_BYTES_MAX));
        let parts = split(1, frame::IP, &[0; 64], 32);
        let mut reassembly = Reassembly::new(budget.clone());
        assert_eq!(reassembly.add(Instant::now(), parse(&parts[0]).unwrap()), Outcome::Dropped);
        budget.give(PROCESS_BYTES_MAX);
    }

    #[test]
    fn malformed_bodies_are_refused() {
        for body in [
            &[0u8; 6][..],
            &[0, 1, 0, 0, 2, 1, 9],
            &[0, 1, 0, 0, 0, 1, 9],
            &[0, 1, 0, 0, 1, 4, 9],
            &[0, 1, 0, 0, 1, 5, 9],
        ] {
            assert_eq!(parse(body), None, "{body:?}");
        }
        assert_eq!(part_size(8_193, 1_018), None);
        assert_eq!(part_size(100, 17), None);
    }

    proptest! {
        #[test]
        fn any_fragments_stay_within_the_limits(bodies in proptest::collection::vec(proptest::collection::vec(0u8..4, 0..60), 0..200)) {
            let budget = Budget::default();
            let mut reassembly = Reassembly::new(budget.clone());
            let now = Instant::now();
            for body in &bodies {
                if let Some(fragment) = parse(body) {
                    reassembly.add(now, fragment);
                }
                prop_assert!(reassembly.pending.iter().all(|p| p.parts.len() < PARTS_MAX));
            }
            drop(reassembly);
            prop_assert_eq!(budget.0.load(Ordering::Relaxed), 0);
        }
    }
}
