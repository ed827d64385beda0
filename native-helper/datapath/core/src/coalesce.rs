//! Packets of one flow that arrive together become one super-packet before they go to the interface: the kernel then
//! walks its stack once for all of them.
//!
//! A packet joins only the newest item of its flow, and only where cutting the super-packet again gives the packets
//! that came.

use std::io::IoSlice;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::drops::{Drops, Reason};
use crate::ethernet::frame_head;
use crate::events::NetworkId;
use crate::ip::{self, IpInfo, TCP, UDP};
use crate::offload::{self, Partial, Segments};
use crate::tap::{ETHER, Tap, VNET};
use crate::wire::{u16_at, u32_at};

const HEAD: usize = VNET + ETHER;
/// An IP packet, its length field being 16 bits.
const PACKET_MAX: usize = 65_535;
/// Flows that grow at the same time; the oldest gives way.
const ITEMS: usize = 16;
const ACK: u8 = 0x10;
const PSH: u8 = 0x08;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Flow {
    network: NetworkId,
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    ports: u32,
}

struct Item {
    flow: Flow,
    tap: Arc<Tap>,
    /// virtio-net header, Ethernet header, packet; `length` of it is in use.
    buffer: Vec<u8>,
    info: IpInfo,
    /// IP and transport header together.
    headers: usize,
    /// Payload of each packet but the last.
    segment: usize,
    count: usize,
    partial: Option<Partial>,
    /// A short packet or PSH ended it.
    closed: bool,
}

/// A packet of exactly `info.length` bytes, and its checksum where that covers the pseudo-header only.
pub struct Arrived<'a> {
    pub packet: &'a [u8],
    pub info: &'a IpInfo,
    pub partial: Option<Partial>,
}

/// Collects packets for the interfaces; what is left at the end of a batch is written by `flush`.
#[derive(Default)]
pub struct Coalescer {
    /// Oldest first.
    items: Vec<Item>,
    spare: Vec<Vec<u8>>,
}

impl Coalescer {
    /// Takes one packet for an interface, `from` being the MAC address that stands for its sender.
    pub fn push(&mut self, network: NetworkId, tap: &Arc<Tap>, from: [u8; 6], arrived: Arrived<'_>, drops: &Drops) {
        let Arrived { packet, info, partial } = arrived;
        let ether_type = if info.src.is_ipv4() { crate::ethernet::IPV4 } else { crate::ethernet::IPV6 };
        let single = |drops| {
            let mut head = frame_head(tap.mac, from, ether_type);
            offload::write_single(&mut head, partial);
            write(tap, &[IoSlice::new(&head), IoSlice::new(packet)], drops);
        };
        let Some((flow, headers)) = flow_of(network, packet, info) else { return single(drops) };
        let known = self.items.iter().position(|item| item.flow == flow);
        let joins = if info.protocol == TCP { tap.joins_tcp } else { tap.joins_udp.load(Ordering::Relaxed) };
        let may_grow = joins && can_begin(packet, info, headers);
        if let Some(place) = known {
            if may_grow && self.items[place].take(packet, info, headers, partial) {
                return;
            }
            self.write_out(place, drops);
        }
        if !may_grow {
            return single(drops);
        }
        if self.items.len() == ITEMS {
            self.write_out(0, drops);
        }
        let mut buffer = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(HEAD + PACKET_MAX));
        buffer.clear();
        buffer.extend_from_slice(&frame_head(tap.mac, from, ether_type));
        buffer.extend_from_slice(packet);
        self.items.push(Item {
            flow,
            tap: tap.clone(),
            buffer,
            info: *info,
            headers,
            segment: packet.len() - headers,
            count: 1,
            partial,
            closed: ends_item(packet, info),
        });
    }

    /// Writes what is left, oldest first.
    pub fn flush(&mut self, drops: &Drops) {
        while !self.items.is_empty() {
            self.write_out(0, drops);
        }
    }

    fn write_out(&mut self, place: usize, drops: &Drops) {
        let mut item = self.items.remove(place);
        item.finish();
        if let Err(error) = item.tap.write(&[IoSlice::new(&item.buffer)]) {
            if error.raw_os_error() == Some(libc::EINVAL) && item.count > 1 && item.info.protocol == UDP {
                // Kernels before 6.2 take no UDP super-packets.
                item.tap.joins_udp.store(false, Ordering::Relaxed);
                item.write_apart(drops);
            } else {
                drops.add(Reason::InterfaceWrite, item.count as u64);
            }
        }
        self.spare.push(item.buffer);
    }
}

impl Item {
    /// Appends the payload of a packet that continues this item; false leaves all as it was.
    fn take(&mut self, packet: &[u8], info: &IpInfo, headers: usize, partial: Option<Partial>) -> bool {
        let own = &self.buffer[HEAD..];
        let payload = packet.len() - headers;
        let fits = !self.closed
            && headers == self.headers
            && payload <= self.segment
            && own.len() + payload <= PACKET_MAX
            && same_ip_header(own, packet, info, self.count)
            && (info.protocol == UDP || continues_tcp(own, packet, info, headers));
        if !fits || !checksum_holds(packet, info, partial) {
            return false;
        }
        // The first packet is looked at when there is something to join.
        if self.count == 1 && !checksum_holds(own, &self.info, self.partial) {
            return false;
        }
        self.closed = payload < self.segment || ends_item(packet, info);
        if info.protocol == TCP {
            let flags = HEAD + info.header + 13;
            self.buffer[flags] |= packet[info.header + 13] & PSH;
        }
        self.buffer.extend_from_slice(&packet[headers..]);
        self.count += 1;
        true
    }

    /// Makes the headers those of the whole.
    fn finish(&mut self) {
        if self.count == 1 {
            return offload::write_single(&mut self.buffer, self.partial);
        }
        offload::write_super(&mut self.buffer, &self.info, self.headers, self.segment);
        let packet = &mut self.buffer[HEAD..];
        let (length, header) = (packet.len(), self.info.header);
        if self.info.src.is_ipv4() {
            packet[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            offload::write_ip_checksum(&mut packet[..header]);
        } else {
            packet[4..6].copy_from_slice(&((length - header) as u16).to_be_bytes());
        }
        let offset = if self.info.protocol == TCP { 16 } else { 6 };
        if self.info.protocol == UDP {
            packet[header + 4..header + 6].copy_from_slice(&((length - header) as u16).to_be_bytes());
        }
        offload::write_pseudo_checksum(packet, &self.info, Partial { start: header, offset });
    }

    /// Writes the packets of a finished super-packet one by one.
    fn write_apart(&self, drops: &Drops) {
        let (head, packet) = self.buffer.split_at(HEAD);
        let mut head = head.to_vec();
        offload::write_single(&mut head, None);
        let info = IpInfo { length: packet.len(), ..self.info };
        let Some(segments) = Segments::new(packet, &info, self.segment) else { return };
        for i in 0..segments.count() {
            let mut out = vec![0; segments.length(i)];
            segments.write(i, &mut out, false);
            write(&self.tap, &[IoSlice::new(&head), IoSlice::new(&out)], drops);
        }
    }
}

/// Writes a packet that stays as it is.
fn write(tap: &Tap, parts: &[IoSlice<'_>], drops: &Drops) {
    if tap.write(parts).is_err() {
        drops.count(Reason::InterfaceWrite);
    }
}

/// The flow of a whole TCP or UDP packet and the length of its headers.
fn flow_of(network: NetworkId, packet: &[u8], info: &IpInfo) -> Option<(Flow, usize)> {
    let at = info.header;
    let headers = match info.protocol {
        TCP if packet.len() >= at + 20 => at + usize::from(packet[at + 12] >> 4) * 4,
        UDP if packet.len() >= at + 8 => at + 8,
        _ => return None,
    };
    let flow = Flow { network, src: info.src, dst: info.dst, protocol: info.protocol, ports: u32_at(packet, at) };
    (headers >= at + 8 && headers <= packet.len()).then_some((flow, headers))
}

/// Whether a packet may be one of several in a super-packet: payload, no fragment, no IP options, and of TCP nothing
/// but data; of UDP a datagram with checksum that fills its packet.
fn can_begin(packet: &[u8], info: &IpInfo, headers: usize) -> bool {
    let at = info.header;
    let plain = match info.src {
        // Of a broken header the super-packet would make a right one.
        IpAddr::V4(_) => at == 20 && u16_at(packet, 6) & 0x3fff == 0 && ip::fold(ip::sum(&packet[..at])) == 0xffff,
        IpAddr::V6(_) => true,
    };
    let transport = if info.protocol == TCP {
        headers >= at + 20 && packet[at + 13] & !PSH == ACK
    } else {
        usize::from(u16_at(packet, at + 4)) == packet.len() - at && u16_at(packet, at + 6) != 0
    };
    plain && transport && packet.len() > headers
}

fn ends_item(packet: &[u8], info: &IpInfo) -> bool {
    info.protocol == TCP && packet[info.header + 13] & PSH != 0
}

/// Same type of service, TTL and flags, and an identification that counts on from the first packet's; where fragments
/// are forbidden it may also stand still, because then it means nothing (RFC 6864).
fn same_ip_header(first: &[u8], packet: &[u8], info: &IpInfo, count: usize) -> bool {
    if info.src.is_ipv6() {
        return first[..4] == packet[..4] && first[7] == packet[7];
    }
    first[1] == packet[1]
        && first[6..9] == packet[6..9]
        && (u16_at(packet, 4) == u16_at(first, 4).wrapping_add(count as u16)
            || (packet[6] & 0x40 != 0 && packet[4..6] == first[4..6]))
}

/// Same acknowledgement, window and options, and a sequence number that follows.
fn continues_tcp(first: &[u8], packet: &[u8], info: &IpInfo, headers: usize) -> bool {
    let at = info.header;
    let expected = u32_at(first, at + 4).wrapping_add((first.len() - headers) as u32);
    u32_at(packet, at + 4) == expected
        && first[at + 8..at + 13] == packet[at + 8..at + 13]
        && first[at + 14..at + 16] == packet[at + 14..at + 16]
        && first[at + 18..headers] == packet[at + 18..headers]
}

/// A checksum over the pseudo-header comes authenticated from the peer's own interface; a whole one is verified, or the
/// super-packet would give a broken packet a right checksum.
fn checksum_holds(packet: &[u8], info: &IpInfo, partial: Option<Partial>) -> bool {
    let transport = info.header;
    match partial {
        Some(partial) => partial == (Partial { start: transport, offset: if info.protocol == TCP { 16 } else { 6 } }),
        None => {
            let body = &packet[transport..];
            ip::fold(ip::pseudo_sum(packet, info.protocol, body.len()) + ip::sum(body)) == 0xffff
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ip::samples::{checksum_is_right, tcp4};
    use proptest::prelude::*;
    use std::io::Read;
    use std::net::Ipv4Addr;
    use std::os::fd::{FromRawFd, OwnedFd};

    struct Bench {
        coalescer: Coalescer,
        tap: Arc<Tap>,
        kernel: std::fs::File,
        drops: Drops,
    }

    impl Bench {
        fn new() -> Self {
            let mut fds = [0; 2];
            // SAFETY: plain system call on descriptors that are owned from here on.
            let (kernel, tap) = unsafe {
                let kind = libc::SOCK_SEQPACKET | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
                assert_eq!(libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()), 0);
                (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1]))
            };
            let tap = Arc::new(Tap::from_fd(tap, [2; 6], 1_332, Ipv4Addr::UNSPECIFIED));
            Self { coalescer: Coalescer::default(), tap, kernel: kernel.into(), drops: Drops::default() }
        }

        fn push(&mut self, packet: &[u8], partial: Option<Partial>) {
            let info = ip::parse(packet).unwrap();
            let arrived = Arrived { packet, info: &info, partial };
            self.coalescer.push(1, &self.tap, [4; 6], arrived, &self.drops);
        }

        /// The frames written, each with its virtio-net header taken apart.
        fn written(&mut self) -> Vec<(offload::Offload, Vec<u8>)> {
            self.coalescer.flush(&self.drops);
            let mut buffer = vec![0; 70_000];
            let mut frames = Vec::new();
            while let Ok(length) = self.kernel.read(&mut buffer) {
                frames.push((offload::parse(&buffer[..VNET]).unwrap(), buffer[HEAD..length].to_vec()));
            }
            frames
        }
    }

    fn segment(id: u16, sequence: u32, payload: &[u8], flags: u8) -> Vec<u8> {
        let mut tcp = vec![0, 80, 1, 2, 0, 0, 0, 0, 0, 0, 0, 9, 0x50, flags, 1, 0, 0, 0, 0, 0];
        tcp[4..8].copy_from_slice(&sequence.to_be_bytes());
        tcp.extend_from_slice(payload);
        let mut packet = tcp4([10, 0, 0, 1], [10, 0, 0, 2], &tcp);
        packet[4..6].copy_from_slice(&id.to_be_bytes());
        offload::write_ip_checksum(&mut packet[..20]);
        packet
    }

    #[test]
    fn contiguous_packets_become_one() {
        let mut bench = Bench::new();
        for n in 0..4 {
            bench.push(&segment(7 + n, 1_000 * u32::from(n), &[n as u8; 1_000], ACK), None);
        }
        bench.push(&segment(11, 4_000, &[9; 10], ACK | PSH), None);
        bench.push(&segment(12, 4_010, &[8; 1_000], ACK), None);
        let frames = bench.written();
        assert_eq!(frames.len(), 2, "the short packet ended the first");
        assert_eq!(frames[0].0.segment, Some(1_000));
        assert_eq!(frames[0].1.len(), 40 + 4_010);
        let mut whole = frames[0].1.clone();
        frames[0].0.partial.unwrap().complete(&mut whole);
        assert!(checksum_is_right(&whole));
        assert_eq!((frames[1].0.segment, frames[1].1.len()), (None, 1_040));
    }

    #[test]
    fn what_does_not_continue_stays_apart_and_in_order() {
        let first = segment(1, 0, &[1; 100], ACK);
        let mut other_ttl = segment(2, 100, &[2; 100], ACK);
        other_ttl[8] = 9;
        offload::write_ip_checksum(&mut other_ttl[..20]);
        let mut broken = segment(2, 100, &[2; 100], ACK);
        broken[90] ^= 1;
        let mut broken_header = segment(2, 100, &[2; 100], ACK);
        broken_header[10] ^= 1;
        for next in [
            segment(2, 101, &[2; 100], ACK),
            segment(4, 100, &[2; 100], ACK),
            segment(2, 100, &[2; 101], ACK),
            segment(2, 100, &[2; 100], ACK | 1),
            segment(2, 100, &[], ACK),
            other_ttl,
            broken,
            broken_header,
        ] {
            let mut bench = Bench::new();
            bench.push(&first, None);
            bench.push(&next, None);
            let frames: Vec<_> = bench.written().into_iter().map(|(_, packet)| packet).collect();
            assert_eq!(frames, [first.clone(), next]);
        }
    }

    #[test]
    fn a_standing_identification_is_no_hindrance_where_fragments_are_forbidden() {
        let mut bench = Bench::new();
        for n in 0..3 {
            bench.push(&segment(0, 100 * n, &[1; 100], ACK), None);
        }
        assert_eq!(bench.written().len(), 1);
        for n in 0..2 {
            let mut packet = segment(0, 100 * n, &[1; 100], ACK);
            packet[6] = 0;
            offload::write_ip_checksum(&mut packet[..20]);
            bench.push(&packet, None);
        }
        assert_eq!(bench.written().len(), 2);
    }

    #[test]
    fn flows_beyond_the_limit_push_out_the_oldest() {
        let mut bench = Bench::new();
        for port in 0..40u16 {
            let mut packet = segment(1, 0, &[1; 50], ACK);
            packet[20..22].copy_from_slice(&port.to_be_bytes());
            bench.push(&packet, None);
            assert!(bench.coalescer.items.len() <= ITEMS);
        }
        let ports: Vec<u16> = bench.written().iter().map(|(_, packet)| u16_at(packet, 20)).collect();
        assert_eq!(ports, (0..40).collect::<Vec<_>>());
        assert!(bench.coalescer.spare.len() <= ITEMS);
    }

    proptest! {
        /// Coalesce, then cut: the same packets, whatever came.
        #[test]
        fn cutting_gives_back_what_was_joined(
            steps in proptest::collection::vec((0u8..8, 1usize..40, any::<bool>()), 1..60),
            partial: bool,
            udp: bool,
        ) {
            let mut bench = Bench::new();
            let (mut id, mut sequence, mut sent) = (65_530u16, u32::MAX - 500, Vec::new());
            let partial = partial.then_some(Partial { start: 20, offset: if udp { 6 } else { 16 } });
            for (kind, length, push) in steps {
                let payload = vec![length as u8; if kind < 5 { 30 } else { length }];
                let mut packet = if udp {
                    let mut datagram = vec![0, 7, 0, 7, 0, 0, 1, 1];
                    datagram.extend_from_slice(&payload);
                    let size = datagram.len() as u16;
                    datagram[4..6].copy_from_slice(&size.to_be_bytes());
                    let mut packet = ip::samples::ipv4([10, 0, 0, 1], [10, 0, 0, 2], UDP, &datagram);
                    packet[4..6].copy_from_slice(&id.to_be_bytes());
                    offload::write_ip_checksum(&mut packet[..20]);
                    packet
                } else {
                    segment(id, sequence, &payload, if push { ACK | PSH } else { ACK })
                };
                let info = ip::parse(&packet).unwrap();
                let place = Partial { start: 20, offset: if udp { 6 } else { 16 } };
                offload::write_pseudo_checksum(&mut packet, &info, place);
                if partial.is_none() {
                    place.complete(&mut packet);
                }
                bench.push(&packet, partial);
                sent.push(packet);
                // A standing identification is taken for counting on, and would be cut as that.
                if kind != 7 || udp {
                    id = id.wrapping_add(1);
                }
                if kind != 7 {
                    sequence = sequence.wrapping_add(payload.len() as u32);
                }
            }
            let mut back = Vec::new();
            for (offload, packet) in bench.written() {
                match offload.segment {
                    None => back.push(packet),
                    Some(size) => {
                        let info = ip::parse(&packet).unwrap();
                        let segments = Segments::new(&packet, &info, size).unwrap();
                        for i in 0..segments.count() {
                            let mut out = vec![0; segments.length(i)];
                            segments.write(i, &mut out, partial.is_some());
                            back.push(out);
                        }
                    }
                }
            }
            prop_assert_eq!(back, sent);
        }
    }
}
