//! 160-bit ring addresses and their distance on the ring.

use std::fmt;

/// A place on the ring, big-endian, so that byte order is numeric order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RingAddr(pub [u8; 20]);

/// A number below 2^160: the upper 128 bits and the lower 32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Distance(u128, u32);

impl RingAddr {
    /// Reads 40 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 40 {
            return None;
        }
        let mut bytes = [0u8; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let high = (pair[0] as char).to_digit(16)?;
            let low = (pair[1] as char).to_digit(16)?;
            *byte = (high << 4 | low) as u8;
        }
        Some(Self(bytes))
    }

    /// Copies the first 20 bytes of `bytes`, which must have as many.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.get(..20)?.try_into().ok().map(Self)
    }

    /// The way to `other` along the shorter side of the ring.
    pub fn distance(&self, other: &Self) -> Distance {
        let a = self.split();
        let b = other.split();
        sub(a, b).min(sub(b, a))
    }

    /// The MAC address that stands for this node in virtual Ethernet: `02 | addr[0..5]`.
    pub fn mac(&self) -> [u8; 6] {
        let a = &self.0;
        [2, a[0], a[1], a[2], a[3], a[4]]
    }

    fn split(&self) -> Distance {
        let mut high = [0u8; 16];
        high.copy_from_slice(&self.0[..16]);
        let mut low = [0u8; 4];
        low.copy_from_slice(&self.0[16..]);
        Distance(u128::from_be_bytes(high), u32::from_be_bytes(low))
    }
}

/// `a - b` modulo 2^160.
fn sub(a: Distance, b: Distance) -> Distance {
    let (low, borrow) = a.1.overflowing_sub(b.1);
    Distance(a.0.wrapping_sub(b.0).wrapping_sub(u128::from(borrow)), low)
}

impl fmt::Display for RingAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RingAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(first: u8, last: u8) -> RingAddr {
        let mut bytes = [0u8; 20];
        bytes[0] = first;
        bytes[19] = last;
        RingAddr(bytes)
    }

    #[test]
    fn distance_takes_the_shorter_side() {
        assert_eq!(at(0, 1).distance(&at(0xff, 0)), at(1, 1).split());
        assert_eq!(at(0xff, 0).distance(&at(0, 1)), at(1, 1).split());
        assert_eq!(at(0x80, 0).distance(&at(0, 0)), at(0x80, 0).split());
        assert_eq!(at(7, 7).distance(&at(7, 7)), Distance(0, 0));
    }

    #[test]
    fn distance_borrows_across_the_halves() {
        assert_eq!(at(1, 0).distance(&at(0, 1)), sub(at(1, 0).split(), at(0, 1).split()));
        assert!(at(1, 0).distance(&at(0, 1)) < at(1, 0).distance(&at(0, 0)));
    }

    #[test]
    fn text_round_trips_and_rejects_what_is_no_address() {
        let text = "00112233445566778899aabbccddeeff01234567";
        assert_eq!(RingAddr::parse(text).unwrap().to_string(), text);
        assert!(RingAddr::parse("0011").is_none());
        assert!(RingAddr::parse(&"g".repeat(40)).is_none());
    }
}
