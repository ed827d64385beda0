//! The forwarding table of TRANSIT (overlay.md section 7, "Routing of TRANSIT"). Built in TypeScript, read-only here.

use std::collections::{HashMap, HashSet};

use crate::addr::RingAddr;

/// How far the walk over the look-ahead array goes.
const WALK: usize = 8;

/// Names a session towards the engine.
pub type Slot = u32;

#[derive(Clone, Debug)]
pub struct Edge {
    pub peer: RingAddr,
    pub slot: Slot,
    /// Non-members are hops only as exact destinations.
    pub member: bool,
    /// The edge's own path is no tunnel, so it may end or begin one.
    pub direct: bool,
}

#[derive(Default, Debug)]
pub struct Fib {
    self_addr: Option<RingAddr>,
    edges: HashMap<RingAddr, Edge>,
    /// Member edges sorted by address.
    members: Vec<(RingAddr, Slot)>,
    /// Next hop of a destination that is no edge.
    exact: HashMap<RingAddr, (RingAddr, Slot)>,
    /// Sorted by target: `(target, via, slot of via)`.
    lookahead: Vec<(RingAddr, RingAddr, Slot)>,
    /// Ordered pairs.
    reserved: HashSet<(RingAddr, RingAddr)>,
}

impl Fib {
    /// Entries whose `via` is no member edge are left out.
    pub fn new(
        self_addr: RingAddr,
        edges: Vec<Edge>,
        lookahead: &[(RingAddr, RingAddr)],
        exact: &[(RingAddr, RingAddr)],
        reserved: &[(RingAddr, RingAddr)],
    ) -> Self {
        let edges: HashMap<RingAddr, Edge> = edges.into_iter().map(|edge| (edge.peer, edge)).collect();
        let member = |via: &RingAddr| edges.get(via).filter(|edge| edge.member).map(|edge| edge.slot);
        let mut members: Vec<(RingAddr, Slot)> =
            edges.values().filter(|edge| edge.member).map(|edge| (edge.peer, edge.slot)).collect();
        members.sort_unstable();
        let mut sorted: Vec<(RingAddr, RingAddr, Slot)> =
            lookahead.iter().filter_map(|(target, via)| Some((*target, *via, member(via)?))).collect();
        sorted.sort_unstable();
        let exact = exact.iter().filter_map(|(dst, via)| Some((*dst, (*via, member(via)?)))).collect();
        let reserved = reserved.iter().map(|&(a, b)| if a < b { (a, b) } else { (b, a) }).collect();
        Self { self_addr: Some(self_addr), edges, members, exact, lookahead: sorted, reserved }
    }

    /// The hop over which a packet for `dst` goes on: the first session, in the order of the rules, for which `usable`
    /// has an answer. Always strictly nearer to `dst` than this node.
    pub fn next_hop<R>(&self, dst: &RingAddr, usable: impl Fn(Slot) -> Option<R>) -> Option<R> {
        let own = self.self_addr?.distance(dst);
        let nearer = |via: &RingAddr, slot: Slot| if via.distance(dst) < own { usable(slot) } else { None };
        self.edges
            .get(dst)
            .and_then(|edge| usable(edge.slot))
            .or_else(|| self.exact.get(dst).and_then(|(via, slot)| nearer(via, *slot)))
            .or_else(|| self.over_lookahead(dst, nearer))
            .or_else(|| nearest(&self.members, dst).and_then(|(peer, slot)| nearer(peer, *slot)))
    }

    /// The session of a peer that may be an end of a tunnel through this node.
    pub fn direct_edge(&self, peer: &RingAddr) -> Option<Slot> {
        self.edges.get(peer).filter(|edge| edge.direct).map(|edge| edge.slot)
    }

    pub fn edge(&self, peer: &RingAddr) -> Option<Slot> {
        self.edges.get(peer).map(|edge| edge.slot)
    }

    pub fn is_reserved(&self, a: &RingAddr, b: &RingAddr) -> bool {
        self.reserved.contains(&if a < b { (*a, *b) } else { (*b, *a) })
    }

    fn over_lookahead<R>(&self, dst: &RingAddr, nearer: impl Fn(&RingAddr, Slot) -> Option<R>) -> Option<R> {
        let table = &self.lookahead;
        let count = table.len();
        if count == 0 {
            return None;
        }
        // Two places walk outwards from dst, upwards and downwards around the ring, nearer target first.
        let start = table.partition_point(|entry| entry.0 < *dst);
        let (mut up, mut down) = (start % count, (start + count - 1) % count);
        for _ in 0..WALK.min(count) {
            let take_up = table[up].0.distance(dst) <= table[down].0.distance(dst);
            let (_, via, slot) = &table[if take_up { up } else { down }];
            if let Some(found) = nearer(via, *slot) {
                return Some(found);
            }
            if take_up {
                up = (up + 1) % count;
            } else {
                down = (down + count - 1) % count;
            }
        }
        None
    }
}

/// The entry of a sorted list nearest to `dst`.
fn nearest<'a>(sorted: &'a [(RingAddr, Slot)], dst: &RingAddr) -> Option<&'a (RingAddr, Slot)> {
    let count = sorted.len();
    if count == 0 {
        return None;
    }
    let start = sorted.partition_point(|entry| entry.0 < *dst);
    let (above, below) = (&sorted[start % count], &sorted[(start + count - 1) % count]);
    Some(if above.0.distance(dst) <= below.0.distance(dst) { above } else { below })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(place: u8) -> RingAddr {
        let mut bytes = [0; 20];
        bytes[0] = place;
        RingAddr(bytes)
    }

    fn edge(place: u8, member: bool) -> Edge {
        Edge { peer: at(place), slot: u32::from(place), member, direct: true }
    }

    #[test]
    fn own_edges_come_first_then_exact_then_lookahead_then_the_nearest_edge() {
        let edges = vec![edge(10, true), edge(100, true), edge(200, false)];
        let fib = Fib::new(at(0), edges, &[(at(60), at(10)), (at(90), at(100))], &[(at(110), at(100))], &[]);
        assert_eq!(fib.next_hop(&at(200), Some), Some(200), "a joiner is an exact destination");
        assert_eq!(fib.next_hop(&at(110), Some), Some(100));
        assert_eq!(fib.next_hop(&at(62), Some), Some(10), "the look-ahead entry nearest to dst decides");
        assert_eq!(fib.next_hop(&at(80), Some), Some(100));
        assert_eq!(fib.next_hop(&at(160), Some), Some(100), "a joiner is no hop");
        assert_eq!(fib.next_hop(&at(250), Some), None, "nobody is nearer");
        let bare = Fib::new(at(0), vec![edge(100, true)], &[], &[], &[]);
        assert_eq!(bare.next_hop(&at(120), Some), Some(100));
        assert_eq!(
            fib.next_hop(&at(110), |slot| (slot != 100).then_some(slot)),
            Some(10),
            "an unusable hop is passed over"
        );
        assert_eq!(Fib::default().next_hop(&at(1), Some), None);
    }

    #[test]
    fn reservations_are_unordered_and_tunnels_end_at_direct_edges() {
        let mut far = edge(20, true);
        far.direct = false;
        let fib = Fib::new(at(0), vec![edge(10, true), far], &[], &[], &[(at(20), at(10))]);
        assert!(fib.is_reserved(&at(10), &at(20)) && fib.is_reserved(&at(20), &at(10)));
        assert!(!fib.is_reserved(&at(10), &at(30)));
        assert_eq!((fib.direct_edge(&at(10)), fib.direct_edge(&at(20))), (Some(10), None));
    }

    proptest! {
        /// Invariant 4 of overlay.md: for any tables the next hop is strictly nearer, so no packet can circle.
        #[test]
        fn every_hop_is_strictly_nearer(
            own: [u8; 20],
            dst: [u8; 20],
            peers in proptest::collection::vec((any::<[u8; 20]>(), any::<bool>()), 0..20),
            entries in proptest::collection::vec((any::<[u8; 20]>(), 0usize..20), 0..40),
        ) {
            prop_assume!(own != dst);
            let edges: Vec<Edge> = peers.iter().enumerate()
                .map(|(i, (peer, member))| Edge { peer: RingAddr(*peer), slot: i as u32, member: *member, direct: true })
                .collect();
            let table: Vec<_> = entries.iter()
                .filter_map(|(target, via)| Some((RingAddr(*target), RingAddr(peers.get(*via)?.0))))
                .collect();
            let fib = Fib::new(RingAddr(own), edges, &table, &table, &[]);
            if let Some(slot) = fib.next_hop(&RingAddr(dst), Some) {
                let hop = RingAddr(peers[slot as usize].0);
                prop_assert!(hop.distance(&RingAddr(dst)) < RingAddr(own).distance(&RingAddr(dst)));
            }
        }
    }
}
