//! The map from inner destination to session, and the source prefixes of a session.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::addr::RingAddr;
use crate::fib::Slot;

/// An address and how many of its bits count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefix {
    ip: IpAddr,
    bits: u8,
}

impl Prefix {
    /// Reads `172.16.1.5/32` or `fd00::/8`; without a length the whole address counts.
    pub fn parse(text: &str) -> Option<Self> {
        let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
        let ip: IpAddr = ip.parse().ok()?;
        let whole = if ip.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= whole)?,
            None => whole,
        };
        Some(Self { ip, bits })
    }

    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.ip, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same_bits(u32::from(a).into(), u32::from(b).into(), 32, self.bits),
            (IpAddr::V6(a), IpAddr::V6(b)) => same_bits(a.into(), b.into(), 128, self.bits),
            _ => false,
        }
    }

    fn is_host(&self) -> bool {
        self.bits == if self.ip.is_ipv4() { 32 } else { 128 }
    }
}

fn same_bits(a: u128, b: u128, width: u8, bits: u8) -> bool {
    bits == 0 || (a ^ b) >> (width - bits) == 0
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IpEntry {
    pub peer: RingAddr,
    /// Absent while there is no session: packets wait.
    pub slot: Option<Slot>,
}

#[derive(Default, Debug)]
pub struct IpMap {
    hosts: HashMap<IpAddr, IpEntry>,
    /// Longest prefix first.
    wide: Vec<(Prefix, IpEntry)>,
}

impl IpMap {
    pub fn new(entries: impl IntoIterator<Item = (Prefix, IpEntry)>) -> Self {
        let mut map = Self::default();
        for (prefix, entry) in entries {
            if prefix.is_host() {
                map.hosts.insert(prefix.ip, entry);
            } else {
                map.wide.push((prefix, entry));
            }
        }
        map.wide.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.bits));
        map
    }

    /// The entry with the longest prefix that holds `ip`.
    pub fn get(&self, ip: IpAddr) -> Option<&IpEntry> {
        self.hosts.get(&ip).or_else(|| self.wide.iter().find(|(prefix, _)| prefix.contains(ip)).map(|(_, entry)| entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u8) -> IpEntry {
        IpEntry { peer: RingAddr([n; 20]), slot: Some(n.into()) }
    }

    #[test]
    fn the_longest_prefix_wins() {
        let map = IpMap::new(
            [
                ("0.0.0.0/0", 1),
                ("10.1.0.0/16", 2),
                ("10.0.0.0/8", 3),
                ("10.1.2.3/32", 4),
                ("fd00::/8", 5),
                ("fd00::1", 6),
            ]
            .map(|(text, n)| (Prefix::parse(text).unwrap(), entry(n))),
        );
        for (ip, n) in
            [("10.1.2.3", 4), ("10.1.2.4", 2), ("10.2.0.1", 3), ("192.0.2.1", 1), ("fd00::1", 6), ("fd00::2", 5)]
        {
            assert_eq!(map.get(ip.parse().unwrap()), Some(&entry(n)), "{ip}");
        }
        assert_eq!(map.get("2001:db8::1".parse().unwrap()), None);
    }

    #[test]
    fn text_that_is_no_prefix_is_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "10.0.0.0/-1", "10.0.0.0/"] {
            assert_eq!(Prefix::parse(text), None, "{text}");
        }
    }
}
