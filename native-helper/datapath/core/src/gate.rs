//! What a handshake packet must pass before TypeScript sees it: mac1, then the token bucket of its source
//! (overlay.md section 3 "DoS").

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use subtle::ConstantTimeEq;

use crate::noise::blake2s128;
use crate::wire::{INIT_IK, RESP, XX3};

const RATE_PER_S: f64 = 20.0;
const BURST: f64 = 50.0;
/// Sources with a bucket of their own; the others share one.
const SOURCES_MAX: usize = 4_096;
const MACS: usize = 32;

/// The two mac1 keys of an affiliation.
#[derive(Clone)]
pub struct Mac1Keys {
    /// Over this node's X: INIT, RESP, XX3.
    pub own: [u8; 32],
    /// Over zeros: XX1 and XX2, whose sender does not know our X.
    pub anonymous: [u8; 32],
}

impl Mac1Keys {
    /// Whether a handshake packet of this kind carries our mac1.
    pub fn matches(&self, kind: u8, packet: &[u8]) -> bool {
        let Some(signed) = packet.len().checked_sub(MACS) else { return false };
        let key = if matches!(kind, INIT_IK | RESP | XX3) { &self.own } else { &self.anonymous };
        blake2s128(key, &packet[..signed]).is_some_and(|mac| mac.ct_eq(&packet[signed..signed + 16]).into())
    }
}

/// Where handshake packets come from, as the buckets count them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    V4(u32),
    /// The upper 64 bits.
    V6(u64),
    /// A hop session: network and slot.
    Hop(u32, u32),
    Others,
}

impl Source {
    pub fn of_ip(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::V4(ip.into()),
            IpAddr::V6(ip) => Self::V6((u128::from(ip) >> 64) as u64),
        }
    }
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

/// Token buckets, 20 a second with a burst of 50 for each source.
#[derive(Default)]
pub struct Buckets(HashMap<Source, Bucket>);

impl Buckets {
    pub fn take(&mut self, now: Instant, source: Source) -> bool {
        let source = if self.0.contains_key(&source) || self.make_room(now) { source } else { Source::Others };
        let bucket = self.0.entry(source).or_insert(Bucket { tokens: BURST, at: now });
        bucket.refill(now);
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }

    /// Whether one more source may have its own bucket. Full buckets are as good as none and go first.
    fn make_room(&mut self, now: Instant) -> bool {
        if self.0.len() < SOURCES_MAX {
            return true;
        }
        self.0.retain(|_, bucket| {
            bucket.refill(now);
            bucket.tokens < BURST
        });
        self.0.len() < SOURCES_MAX
    }
}

impl Bucket {
    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * RATE_PER_S).min(BURST);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::XX1;
    use std::time::Duration;

    #[test]
    fn the_kind_tells_the_key() {
        let keys = Mac1Keys { own: [1; 32], anonymous: [2; 32] };
        for (kind, key) in [(INIT_IK, [1; 32]), (RESP, [1; 32]), (XX1, [2; 32]), (0x54, [2; 32]), (XX3, [1; 32])] {
            let mut packet = vec![kind; 100];
            let mac = blake2s128(&key, &packet[..68]).unwrap();
            packet[68..84].copy_from_slice(&mac);
            assert!(keys.matches(kind, &packet));
            packet[3] ^= 1;
            assert!(!keys.matches(kind, &packet));
        }
        assert!(!keys.matches(INIT_IK, &[0; 31]));
    }

    #[test]
    fn a_source_has_fifty_at_once_and_twenty_a_second() {
        let mut buckets = Buckets::default();
        let now = Instant::now();
        let source = Source::of_ip("192.0.2.1".parse().unwrap());
        assert_eq!((0..100).filter(|_| buckets.take(now, source)).count(), 50);
        let later = now + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| buckets.take(later, source)).count(), 20);
        assert!(buckets.take(later, Source::of_ip("192.0.2.2".parse().unwrap())));
    }

    #[test]
    fn a_slash_64_is_one_source() {
        let of = |text: &str| Source::of_ip(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::2:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }

    #[test]
    fn the_table_is_bounded_and_strangers_share_one_bucket() {
        let mut buckets = Buckets::default();
        let now = Instant::now();
        let taken = (0..SOURCES_MAX as u32 + 500).filter(|n| buckets.take(now, Source::V4(*n))).count();
        assert_eq!(taken, SOURCES_MAX + 50);
        assert_eq!(buckets.0.len(), SOURCES_MAX + 1);
        assert!(buckets.take(now + Duration::from_secs(10), Source::V4(1_000_000)));
        assert!(buckets.0.len() <= 2);
    }
}
