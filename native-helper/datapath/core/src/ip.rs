//! Inner IP packets: addresses, checksums, and the clamp of the TCP segment size.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::{u16_at, u32_at};

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

/// What the data path reads of a packet. `length` may be less than the bytes given (Ethernet pads short frames).
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct IpInfo {
    pub src: IpAddr,
    pub dst: IpAddr,
    /// Next protocol, where the packet is whole or the first fragment and has no IPv6 extension headers; else 0.
    pub protocol: u8,
    pub header: usize,
    pub length: usize,
}

/// `None` for what is neither IPv4 nor IPv6 or is shorter than its own lengths say.
pub fn parse(packet: &[u8]) -> Option<IpInfo> {
    match packet.first()? >> 4 {
        4 if packet.len() >= 20 => {
            let header = usize::from(packet[0] & 15) * 4;
            let length = usize::from(u16_at(packet, 2));
            if header < 20 || length < header || length > packet.len() {
                return None;
            }
            let first = u16_at(packet, 6) & 0x1fff == 0;
            Some(IpInfo {
                src: IpAddr::V4(Ipv4Addr::from(u32_at(packet, 12))),
                dst: IpAddr::V4(Ipv4Addr::from(u32_at(packet, 16))),
                protocol: if first { packet[9] } else { 0 },
                header,
                length,
            })
        }
        6 if packet.len() >= 40 => {
            let length = usize::from(u16_at(packet, 4)) + 40;
            if length > packet.len() {
                return None;
            }
            let protocol = if matches!(packet[6], TCP | UDP | 58) { packet[6] } else { 0 };
            Some(IpInfo { src: v6_at(packet, 8), dst: v6_at(packet, 24), protocol, header: 40, length })
        }
        _ => None,
    }
}

fn v6_at(packet: &[u8], at: usize) -> IpAddr {
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&packet[at..at + 16]);
    IpAddr::V6(Ipv6Addr::from(bytes))
}

/// Broadcast and multicast destinations, which unicast tables do not carry.
pub fn is_group(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_multicast() || ip.is_unspecified(),
    }
}

/// Whether a packet is a TCP segment that begins a connection, or answers one that does.
pub fn is_syn(packet: &[u8], info: &IpInfo) -> bool {
    info.protocol == TCP && info.length >= info.header + 20 && packet[info.header + 13] & 2 != 0
}

/// Lowers the maximum segment size of a TCP SYN to what fits `mtu` (RFC 879: less 40, IPv6 less 60) and mends the
/// checksum by RFC 1624. With `partial` the checksum field covers the pseudo-header alone and stays.
pub fn clamp_mss(packet: &mut [u8], info: &IpInfo, mtu: usize, partial: bool) {
    let tcp = info.header;
    if !is_syn(packet, info) {
        return;
    }
    let end = (tcp + usize::from(packet[tcp + 12] >> 4) * 4).min(info.length);
    let limit = mtu.saturating_sub(if packet[0] >> 4 == 6 { 60 } else { 40 }).min(u16::MAX.into()) as u16;
    let mut at = tcp + 20;
    while at + 1 < end {
        match packet[at] {
            0 => return,
            1 => at += 1,
            2 if packet[at + 1] == 4 && at + 4 <= end => {
                let old = u16_at(packet, at + 2);
                if old > limit {
                    packet[at + 2..at + 4].copy_from_slice(&limit.to_be_bytes());
                    if !partial {
                        // An option at an odd place stands across two words of the sum.
                        let (old, new) = if (at - tcp).is_multiple_of(2) {
                            (old, limit)
                        } else {
                            (old.swap_bytes(), limit.swap_bytes())
                        };
                        let sum = mend(u16_at(packet, tcp + 16), old, new);
                        packet[tcp + 16..tcp + 18].copy_from_slice(&sum.to_be_bytes());
                    }
                }
                return;
            }
            _ if packet[at + 1] < 2 => return,
            _ => at += usize::from(packet[at + 1]),
        }
    }
}

/// RFC 1624: the checksum after one 16-bit word changed from `old` to `new`.
pub fn mend(checksum: u16, old: u16, new: u16) -> u16 {
    !fold(u64::from(!checksum) + u64::from(!old) + u64::from(new))
}

/// The one's complement sum of `bytes` as 16-bit words, not yet folded. Such a sum does not depend on byte order (RFC
/// 1071), so the words are added as the processor reads them.
pub fn sum(bytes: &[u8]) -> u64 {
    let mut total = 0u64;
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        total += u64::from(u32::from_ne_bytes(*word));
    }
    let mut last = [0u8; 4];
    last[..rest.len()].copy_from_slice(rest);
    total += u64::from(u32::from_ne_bytes(last));
    u64::from(u16::from_be(fold(total)))
}

/// Folds a sum to 16 bits; the checksum is its complement.
pub fn fold(sum: u64) -> u16 {
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    sum as u16
}

/// The sum of the pseudo-header for `length` bytes of `protocol`.
pub fn pseudo_sum(packet: &[u8], protocol: u8, length: usize) -> u64 {
    let addresses = if packet[0] >> 4 == 6 { &packet[8..40] } else { &packet[12..20] };
    sum(addresses) + u64::from(protocol) + length as u64
}

#[cfg(test)]
pub mod samples {
    use super::*;

    /// An IPv4 packet with correct checksums. `tcp` are its header with options and its payload.
    pub fn tcp4(src: [u8; 4], dst: [u8; 4], tcp: &[u8]) -> Vec<u8> {
        let mut packet = ipv4(src, dst, TCP, tcp);
        packet[36..38].fill(0);
        let check = !fold(pseudo_sum(&packet, TCP, tcp.len()) + sum(&packet[20..]));
        packet[36..38].copy_from_slice(&check.to_be_bytes());
        packet
    }

    pub fn ipv4(src: [u8; 4], dst: [u8; 4], protocol: u8, body: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, protocol, 0, 0];
        packet.extend_from_slice(&src);
        packet.extend_from_slice(&dst);
        packet.extend_from_slice(body);
        let length = packet.len() as u16;
        packet[2..4].copy_from_slice(&length.to_be_bytes());
        let check = !fold(sum(&packet[..20]));
        packet[10..12].copy_from_slice(&check.to_be_bytes());
        packet
    }

    pub fn checksum_is_right(packet: &[u8]) -> bool {
        let info = parse(packet).unwrap();
        let body = &packet[info.header..info.length];
        fold(pseudo_sum(packet, info.protocol, body.len()) + sum(body)) == 0xffff
    }
}

#[cfg(test)]
mod tests {
    use super::samples::*;
    use super::*;
    use proptest::prelude::*;

    fn syn(options: &[u8]) -> Vec<u8> {
        let mut tcp = vec![0, 80, 1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0xff, 0xff, 0, 0, 0, 0];
        tcp.extend_from_slice(options);
        tcp[12] = ((tcp.len() / 4) as u8) << 4;
        tcp4([10, 0, 0, 1], [10, 0, 0, 2], &tcp)
    }

    #[test]
    fn clamps_a_syn_and_keeps_its_checksum_right() {
        for options in [&[2, 4, 5, 180][..], &[1, 1, 1, 2, 4, 5, 180, 0], &[8, 3, 0, 2, 4, 5, 180, 1]] {
            let mut packet = syn(options);
            let info = parse(&packet).unwrap();
            clamp_mss(&mut packet, &info, 1_332, false);
            let at = 40 + options.windows(2).position(|w| w == [2, 4]).unwrap() + 2;
            assert_eq!(u16_at(&packet, at), 1_292);
            assert!(checksum_is_right(&packet), "{options:?}");
        }
    }

    #[test]
    fn leaves_smaller_sizes_and_other_packets_alone() {
        let small = syn(&[2, 4, 1, 0]);
        let mut packet = small.clone();
        clamp_mss(&mut packet, &parse(&small).unwrap(), 1_332, false);
        assert_eq!(packet, small);
        let mut no_syn = syn(&[2, 4, 5, 180]);
        no_syn[33] = 0x10;
        let mut packet = no_syn.clone();
        clamp_mss(&mut packet, &parse(&no_syn).unwrap(), 1_332, false);
        assert_eq!(packet, no_syn);
    }

    #[test]
    fn reads_both_versions_and_refuses_wrong_lengths() {
        let packet = ipv4([1, 2, 3, 4], [5, 6, 7, 8], UDP, &[0; 8]);
        let info = parse(&packet).unwrap();
        assert_eq!((info.src.to_string(), info.dst.to_string()), ("1.2.3.4".into(), "5.6.7.8".into()));
        assert_eq!(info.length, 28);
        assert!(parse(&packet[..27]).is_none());
        let mut padded = packet.clone();
        padded.extend_from_slice(&[0; 18]);
        assert_eq!(parse(&padded).unwrap().length, 28);
        let mut six = vec![0u8; 48];
        six[0] = 0x60;
        six[5] = 8;
        six[6] = UDP;
        assert_eq!(parse(&six).unwrap().length, 48);
        assert!(parse(&six[..47]).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..120), version in 4u8..7, mtu in 1_280usize..1_436) {
            if let Some(first) = bytes.first_mut() {
                *first = version << 4 | (*first & 15);
            }
            if let Some(info) = parse(&bytes) {
                clamp_mss(&mut bytes, &info, mtu, false);
            }
        }

        #[test]
        fn the_sum_is_that_of_16_bit_words(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut plain = 0u64;
            for pair in bytes.chunks(2) {
                plain += u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0));
            }
            prop_assert_eq!(fold(sum(&bytes)), fold(plain));
        }
    }
}
