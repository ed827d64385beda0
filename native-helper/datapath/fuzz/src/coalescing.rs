//! Packets of a few flows are joined, cut again and compared with what came.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::Arc;

use ringway_core::coalesce::{Arrived, Coalescer};
use ringway_core::drops::Drops;
use ringway_core::ip::{self, TCP, UDP};
use ringway_core::offload::{self, Partial, Segments};
use ringway_core::tap::{ETHER, Tap, VNET};

struct Bench {
    coalescer: Coalescer,
    tap: Arc<Tap>,
    kernel: File,
    drops: Drops,
}

thread_local! {
    static BENCH: RefCell<Bench> = RefCell::new(Bench::new());
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
}

/// Six bytes make one packet, which continues its flow unless they say otherwise.
pub fn joined_and_cut_is_the_same(bytes: &[u8]) {
    let Some((&kind, steps)) = bytes.split_first() else { return };
    let (udp, partial) = (kind & 1 != 0, kind & 2 != 0);
    let place = Partial { start: 20, offset: if udp { 6 } else { 16 } };
    let mut flows = [(100u16, u32::MAX - 3_000); 3];
    let mut sent: Vec<Vec<u8>> = Vec::new();
    BENCH.with_borrow_mut(|bench| {
        // As many as fit the queue of the socket pair that stands for the interface.
        for step in steps.chunks_exact(6).take(24) {
            let [flow, length, flags, odd, where_, value] = *step.as_array().expect("chunks of six");
            let number = usize::from(flow % 3);
            let (id, sequence) = &mut flows[number];
            let payload = vec![value; usize::from(length % 8) * 40 + usize::from(odd & 1)];
            let mut packet = build(number as u8, udp, *id, *sequence, 0x10 | (flags & 0x08), &payload);
            if flags & 0xf0 == 0xf0 {
                let last = packet.len() - 1;
                packet[usize::from(where_).min(last)] ^= value;
            }
            *id = id.wrapping_add(1);
            *sequence = sequence.wrapping_add(payload.len() as u32);
            let Some(info) = ip::parse(&packet) else { continue };
            packet.truncate(info.length);
            let whole = info.header == 20 && info.protocol == if udp { UDP } else { TCP } && packet.len() >= 40;
            let head = whole && partial && place.fits(&info);
            if head {
                offload::write_pseudo_checksum(&mut packet, &info, place);
            } else if whole && flags & 0x04 == 0 {
                offload::write_pseudo_checksum(&mut packet, &info, place);
                place.complete(&mut packet);
            }
            let arrived = Arrived { packet: &packet, info: &info, partial: head.then_some(place) };
            bench.coalescer.push(1, &bench.tap, [4; 6], arrived, &bench.drops);
            sent.push(packet);
        }
        bench.coalescer.flush(&bench.drops);
        let mut back = read_back(&mut bench.kernel, partial);
        // Flows overtake each other; within one the order stays.
        for all in [&mut sent, &mut back] {
            all.iter_mut().for_each(|packet| forget_identification(packet));
            all.sort_by_key(|packet| flow_of(packet));
        }
        assert_eq!(sent, back);
    });
}

fn build(flow: u8, udp: bool, id: u16, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut transport = vec![0, 80, 9, flow];
    if udp {
        transport.extend_from_slice(&((8 + payload.len()) as u16).to_be_bytes());
        transport.extend_from_slice(&[1, 1]);
    } else {
        transport.extend_from_slice(&sequence.to_be_bytes());
        transport.extend_from_slice(&[0, 0, 0, 9, 0x50, flags, 1, 0, 0, 0, 0, 0]);
    }
    transport.extend_from_slice(payload);
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, if udp { UDP } else { TCP }, 0, 0];
    packet.extend_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend_from_slice(&transport);
    let length = packet.len() as u16;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet[4..6].copy_from_slice(&id.to_be_bytes());
    offload::write_ip_checksum(&mut packet[..20]);
    packet
}

fn read_back(kernel: &mut File, partial: bool) -> Vec<Vec<u8>> {
    let mut buffer = vec![0; 70_000];
    let mut back = Vec::new();
    while let Ok(length) = kernel.read(&mut buffer) {
        let read = offload::parse(&buffer[..VNET]).expect("our own header");
        let packet = &buffer[VNET + ETHER..length];
        match read.segment {
            None => back.push(packet.to_vec()),
            Some(size) => {
                let info = ip::parse(packet).expect("a super-packet is a packet");
                let segments = Segments::new(packet, &info, size).expect("of TCP or UDP");
                for i in 0..segments.count() {
                    let mut part = vec![0; segments.length(i)];
                    segments.write(i, &mut part, partial);
                    back.push(part);
                }
            }
        }
    }
    back
}

/// Where fragments are forbidden the identification means nothing (RFC 6864) and a standing one is counted on.
fn forget_identification(packet: &mut [u8]) {
    if packet[0] == 0x45 && packet[6] & 0x40 != 0 && ip::fold(ip::sum(&packet[..20])) == 0xffff {
        packet[4..6].fill(0);
        offload::write_ip_checksum(&mut packet[..20]);
    }
}

/// What tells flows apart, and whether the transport header is whole: what has none is never held back.
fn flow_of(packet: &[u8]) -> (Option<(IpAddr, IpAddr, u8)>, Vec<u8>, bool) {
    let Some(info) = ip::parse(packet) else { return (None, Vec::new(), false) };
    let transport = &packet[info.header..info.length];
    let whole = match info.protocol {
        TCP => transport.len() >= 20 && (8..=transport.len()).contains(&(usize::from(transport[12] >> 4) * 4)),
        UDP => transport.len() >= 8,
        _ => false,
    };
    let ports = transport.get(..4).unwrap_or_default().to_vec();
    (Some((info.src, info.dst, info.protocol)), ports, whole)
}
