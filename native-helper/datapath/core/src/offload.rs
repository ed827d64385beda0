//! Super-packets: what the virtio-net header says of a packet, and cutting one into the packets of the wire.

use crate::ip::{self, IpInfo, TCP, UDP};
use crate::tap::{ETHER, VNET};
use crate::wire::{u16_at, u32_at};

const NEEDS_CSUM: u8 = 1;
const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
const GSO_ECN: u8 = 0x80;

/// IPv4 and TCP, both with all the options that they can have; an IPv6 header is shorter.
const HEADERS_MAX: usize = 120;

const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const CWR: u8 = 0x80;

/// A transport checksum that covers the pseudo-header only. Both offsets count from the beginning of the IP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Partial {
    pub start: usize,
    pub offset: usize,
}

impl Partial {
    /// Whether both offsets lie inside the packet, behind its IP header.
    pub fn fits(&self, info: &IpInfo) -> bool {
        self.start >= info.header && self.start + self.offset + 2 <= info.length
    }

    /// Writes the whole checksum.
    pub fn complete(&self, packet: &mut [u8]) {
        let sum = !ip::fold(ip::sum(&packet[self.start..]));
        // UDP says "no checksum" by zero, so a sum of zero is sent as its other form (RFC 768).
        let sum = if sum == 0 { 0xffff } else { sum };
        let place = self.start + self.offset;
        packet[place..place + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

/// What is special about a packet of the interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Offload {
    pub partial: Option<Partial>,
    /// Payload bytes of each packet that this one stands for; absent for an ordinary packet.
    pub segment: Option<usize>,
}

/// Reads a virtio-net header; `None` where it contradicts itself or names a kind that was not asked for.
pub fn parse(header: &[u8]) -> Option<Offload> {
    let word = |at: usize| usize::from(u16::from_ne_bytes([header[at], header[at + 1]]));
    if header.len() < VNET {
        return None;
    }
    let partial = if header[0] & NEEDS_CSUM != 0 {
        Some(Partial { start: word(6).checked_sub(ETHER)?, offset: word(8) })
    } else {
        None
    };
    let segment = match header[1] & !GSO_ECN {
        GSO_NONE => None,
        GSO_TCPV4 | GSO_TCPV6 | GSO_UDP_L4 if word(4) > 0 && partial.is_some() => Some(word(4)),
        _ => return None,
    };
    Some(Offload { partial, segment })
}

/// The header of a single packet for the interface.
pub fn write_single(header: &mut [u8], partial: Option<Partial>) {
    header[..VNET].fill(0);
    if let Some(partial) = partial {
        write_partial(header, partial);
    }
}

/// The header of a super-packet for the interface.
pub fn write_super(header: &mut [u8], info: &IpInfo, headers: usize, segment: usize) {
    header[..VNET].fill(0);
    let (kind, offset) = match (info.protocol, info.src.is_ipv4()) {
        (TCP, true) => (GSO_TCPV4, 16),
        (TCP, false) => (GSO_TCPV6, 16),
        _ => (GSO_UDP_L4, 6),
    };
    write_partial(header, Partial { start: info.header, offset });
    header[1] = kind;
    header[2..4].copy_from_slice(&((ETHER + headers) as u16).to_ne_bytes());
    header[4..6].copy_from_slice(&(segment as u16).to_ne_bytes());
}

fn write_partial(header: &mut [u8], partial: Partial) {
    header[0] = NEEDS_CSUM;
    header[6..8].copy_from_slice(&((ETHER + partial.start) as u16).to_ne_bytes());
    header[8..10].copy_from_slice(&(partial.offset as u16).to_ne_bytes());
}

/// The packets that one super-packet stands for.
pub struct Segments<'a> {
    packet: &'a [u8],
    info: IpInfo,
    /// IP and transport header together.
    headers: usize,
    segment: usize,
    /// The headers as all packets have them: length, identification and checksums are missing.
    head: [u8; HEADERS_MAX],
    /// The sum of that IPv4 header, and of the pseudo-header without its length.
    ip_sum: u64,
    pseudo_sum: u64,
}

impl<'a> Segments<'a> {
    /// `None` for a packet that is no whole TCP or UDP packet. The length of the headers is taken from the packet: the
    /// one in the virtio-net header is a hint.
    pub fn new(packet: &'a [u8], info: &IpInfo, segment: usize) -> Option<Self> {
        let transport = match info.protocol {
            TCP if info.length >= info.header + 20 => usize::from(packet[info.header + 12] >> 4) * 4,
            UDP => 8,
            _ => return None,
        };
        let headers = info.header + transport;
        let least = if info.protocol == TCP { 20 } else { 8 };
        if transport < least || headers >= info.length || segment == 0 {
            return None;
        }
        let mut head = [0; HEADERS_MAX];
        head[..headers].copy_from_slice(&packet[..headers]);
        if info.src.is_ipv4() {
            head[2..6].fill(0);
            head[10..12].fill(0);
        }
        let (ip_sum, pseudo_sum) = (ip::sum(&head[..info.header]), ip::pseudo_sum(packet, info.protocol, 0));
        Some(Self { packet: &packet[..info.length], info: *info, headers, segment, head, ip_sum, pseudo_sum })
    }

    /// Lowers the payload of each TCP packet so that no packet is longer than `most`. The sizes of UDP datagrams are the
    /// sender's and stay.
    pub fn limit(&mut self, most: usize) {
        if self.info.protocol == TCP && most > self.headers {
            self.segment = self.segment.min(most - self.headers);
        }
    }

    pub fn count(&self) -> usize {
        (self.packet.len() - self.headers).div_ceil(self.segment)
    }

    /// The length of packet `i`.
    pub fn length(&self, i: usize) -> usize {
        self.headers + self.segment.min(self.packet.len() - self.headers - i * self.segment)
    }

    /// Where the checksum of each packet stands.
    pub fn partial(&self) -> Partial {
        Partial { start: self.info.header, offset: if self.info.protocol == TCP { 16 } else { 6 } }
    }

    /// Writes packet `i` into `out`, which has its length, with a whole checksum or one over the pseudo-header.
    pub fn write(&self, i: usize, out: &mut [u8], partial: bool) {
        let (headers, start) = (self.headers, self.headers + i * self.segment);
        let length = out.len();
        out[..headers].copy_from_slice(&self.head[..headers]);
        out[headers..].copy_from_slice(&self.packet[start..start + length - headers]);
        let ip_header = self.info.header;
        if self.info.src.is_ipv4() {
            let id = u16_at(self.packet, 4).wrapping_add(i as u16);
            let sum = !ip::fold(self.ip_sum + length as u64 + u64::from(id));
            out[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            out[4..6].copy_from_slice(&id.to_be_bytes());
            out[10..12].copy_from_slice(&sum.to_be_bytes());
        } else {
            out[4..6].copy_from_slice(&((length - 40) as u16).to_be_bytes());
        }
        if self.info.protocol == TCP {
            let sequence = u32_at(out, ip_header + 4).wrapping_add((i * self.segment) as u32);
            out[ip_header + 4..ip_header + 8].copy_from_slice(&sequence.to_be_bytes());
            let flags = &mut out[ip_header + 13];
            if i + 1 < self.count() {
                *flags &= !(FIN | PSH);
            }
            if i > 0 {
                *flags &= !CWR;
            }
        } else {
            out[ip_header + 4..ip_header + 6].copy_from_slice(&((length - ip_header) as u16).to_be_bytes());
        }
        let place = self.partial();
        let sum = ip::fold(self.pseudo_sum + (length - ip_header) as u64);
        out[place.start + place.offset..place.start + place.offset + 2].copy_from_slice(&sum.to_be_bytes());
        if !partial {
            place.complete(out);
        }
    }
}

/// Puts the sum of the pseudo-header where the transport checksum belongs, as NEEDS_CSUM wants it.
pub fn write_pseudo_checksum(packet: &mut [u8], info: &IpInfo, partial: Partial) {
    let sum = ip::fold(ip::pseudo_sum(packet, info.protocol, packet.len() - info.header));
    let place = partial.start + partial.offset;
    packet[place..place + 2].copy_from_slice(&sum.to_be_bytes());
}

pub fn write_ip_checksum(header: &mut [u8]) {
    header[10..12].fill(0);
    let sum = !ip::fold(ip::sum(header));
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ip::samples::{checksum_is_right, ipv4, tcp4};
    use proptest::prelude::*;

    fn big_tcp(payload: usize, flags: u8) -> Vec<u8> {
        let mut tcp = vec![0, 80, 1, 2, 0xff, 0xff, 0xff, 0, 0, 0, 0, 9, 0x80, flags, 1, 0, 0, 0, 0, 0];
        tcp.extend_from_slice(&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
        tcp.extend((0..payload).map(|i| (i * 7) as u8));
        tcp4([10, 0, 0, 1], [10, 0, 0, 2], &tcp)
    }

    fn cut(packet: &[u8], segment: usize, partial: bool) -> Vec<Vec<u8>> {
        let info = ip::parse(packet).unwrap();
        let segments = Segments::new(packet, &info, segment).unwrap();
        (0..segments.count())
            .map(|i| {
                let mut out = vec![0xee; segments.length(i)];
                segments.write(i, &mut out, partial);
                out
            })
            .collect()
    }

    #[test]
    fn tcp_is_cut_with_flags_sequence_and_checksums_right() {
        let packet = big_tcp(2_500, 0x80 | 0x10 | 0x08 | 0x01);
        let parts = cut(&packet, 1_000, false);
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [1_052, 1_052, 552]);
        for (i, part) in parts.iter().enumerate() {
            assert!(checksum_is_right(part));
            assert_eq!(ip::fold(ip::sum(&part[..20])), 0xffff, "IP header");
            assert_eq!(u16_at(part, 4), 1 + i as u16);
            assert_eq!(u32_at(part, 24), 0xffff_ff00u32.wrapping_add(1_000 * i as u32));
            assert_eq!(part[33], [0x90, 0x10, 0x19][i]);
        }
        let payload: Vec<u8> = parts.iter().flat_map(|part| part[52..].to_vec()).collect();
        assert_eq!(payload, packet[52..]);
    }

    #[test]
    fn udp_keeps_its_sizes_and_tcp_gives_way_to_the_path() {
        let mut udp = vec![0, 7, 0, 7, 0, 0, 0, 0];
        udp.extend_from_slice(&[5; 2_500]);
        let packet = ipv4([10, 0, 0, 1], [10, 0, 0, 2], UDP, &udp);
        let info = ip::parse(&packet).unwrap();
        let mut segments = Segments::new(&packet, &info, 1_200).unwrap();
        segments.limit(600);
        assert_eq!((segments.count(), segments.length(0), segments.length(2)), (3, 1_228, 128));
        let tcp = big_tcp(2_500, 0x10);
        let info = ip::parse(&tcp).unwrap();
        let mut segments = Segments::new(&tcp, &info, 1_200).unwrap();
        segments.limit(652);
        assert_eq!((segments.count(), segments.length(0)), (5, 652));
        for part in cut(&packet, 1_200, false) {
            assert!(checksum_is_right(&part));
            assert_eq!(usize::from(u16_at(&part, 24)), part.len() - 20);
        }
    }

    #[test]
    fn a_partial_checksum_completes_to_the_whole_one() {
        let packet = big_tcp(2_500, 0x10);
        let whole = cut(&packet, 1_000, false);
        let mut partial = cut(&packet, 1_000, true);
        for (part, expected) in partial.iter_mut().zip(&whole) {
            assert!(!checksum_is_right(part));
            Partial { start: 20, offset: 16 }.complete(part);
            assert_eq!(part, expected);
        }
    }

    #[test]
    fn headers_round_trip_and_contradictions_are_refused() {
        let info = ip::parse(&big_tcp(10, 0)).unwrap();
        let mut header = [0u8; VNET];
        write_super(&mut header, &info, 52, 1_000);
        let partial = Some(Partial { start: 20, offset: 16 });
        assert_eq!(parse(&header), Some(Offload { partial, segment: Some(1_000) }));
        write_single(&mut header, partial);
        assert_eq!(parse(&header), Some(Offload { partial, segment: None }));
        write_single(&mut header, None);
        assert_eq!(parse(&header), Some(Offload::default()));
        for bad in [
            [0, 1, 0, 0, 232, 3, 0, 0, 0, 0],
            [1, 1, 0, 0, 0, 0, 34, 0, 16, 0],
            [1, 3, 0, 0, 232, 3, 34, 0, 16, 0],
            [1, 0, 0, 0, 0, 0, 5, 0, 16, 0],
        ] {
            assert_eq!(parse(&bad), None, "{bad:?}");
        }
        assert_eq!(parse(&[0; 9]), None);
    }

    proptest! {
        #[test]
        fn any_packet_and_size_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 20..400), segment in 0usize..300, most in 0usize..300, v6: bool, udp: bool) {
            bytes[0] = if v6 { 0x60 } else { 0x45 };
            bytes[if v6 { 6 } else { 9 }] = if udp { UDP } else { TCP };
            let (at, length) = if v6 { (4, bytes.len().saturating_sub(40)) } else { (2, bytes.len()) };
            bytes[at..at + 2].copy_from_slice(&(length as u16).to_be_bytes());
            if let Some(info) = ip::parse(&bytes)
                && let Some(mut segments) = Segments::new(&bytes, &info, segment)
            {
                segments.limit(most);
                let mut total = 0;
                for i in 0..segments.count() {
                    let mut out = vec![0; segments.length(i)];
                    segments.write(i, &mut out, i % 2 == 0);
                    total += out.len() - segments.headers;
                }
                prop_assert_eq!(total + segments.headers, info.length);
            }
        }

        #[test]
        fn any_header_never_panics(header in proptest::collection::vec(any::<u8>(), 0..12)) {
            let _ = parse(&header);
        }
    }
}
