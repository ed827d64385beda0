//! What reads bytes without any state.

use std::time::Instant;

use ringway_core::frag::{self, Budget, Outcome, Reassembly};
use ringway_core::offload::{self, Segments};
use ringway_core::tap::VNET;
use ringway_core::wire::{self, TransitHeader};
use ringway_core::{ethernet, frame, ip};

/// `check` says what reading to the end says; every body lies inside; fragments put together stay inside their budget.
pub fn frames(text: &[u8]) {
    let mut at = 0;
    let mut bodies = Vec::new();
    let whole = loop {
        match frame::next(text, &mut at) {
            Ok(Some(found)) => bodies.push(found),
            Ok(None) => break true,
            Err(frame::Malformed) => break false,
        }
    };
    assert_eq!(frame::check(text), whole);
    let mut reassembly = Reassembly::new(Budget::default());
    for found in bodies {
        let body = &text[found.body];
        if let Some(fragment) = frag::parse(body).filter(|_| found.kind == frame::FRAG)
            && let Outcome::Whole(_, whole) = reassembly.add(Instant::now(), fragment)
        {
            assert!(whole.len() <= text.len());
        }
    }
}

pub fn packets(bytes: &[u8]) {
    let _ = wire::parse(bytes);
    if let Some(header) = TransitHeader::parse(bytes) {
        let mut again = [0u8; wire::TRANSIT_HEADER];
        header.write(&mut again);
        assert_eq!(TransitHeader::parse(&again), Some(header));
    }
    if let Some(question) = ethernet::parse_arp(bytes) {
        let _ = ethernet::arp_answer(&question, [2; 6]);
    }
    if let Some(info) = ip::parse(bytes) {
        assert!(info.header <= info.length && info.length <= bytes.len());
        let mut packet = bytes.to_vec();
        ip::clamp_mss(&mut packet, &info, 1_332, false);
        assert_eq!(ip::parse(&packet), Some(info));
    }
}

/// A frame of the interface with its virtio-net header: cut, every part is a packet, and together they have its payload.
pub fn super_packet(bytes: &[u8]) {
    if bytes.len() < VNET + 2 {
        return;
    }
    let (room, rest) = bytes.split_at(2);
    let (header, packet) = rest.split_at(VNET);
    let Some(read) = offload::parse(header) else { return };
    let Some(info) = ip::parse(packet) else { return };
    if let Some(partial) = read.partial.filter(|partial| partial.fits(&info)) {
        partial.complete(&mut packet.to_vec());
    }
    let Some(size) = read.segment else { return };
    let Some(mut segments) = Segments::new(packet, &info, size) else { return };
    segments.limit(usize::from(u16::from_be_bytes([room[0], room[1]])).max(576));
    let mut payload = 0;
    for i in 0..segments.count() {
        let mut part = vec![0; segments.length(i)];
        segments.write(i, &mut part, i % 2 == 0);
        let own = ip::parse(&part).expect("a part is a packet");
        assert_eq!((own.length, own.src, own.dst), (part.len(), info.src, info.dst));
        payload += part.len() - (segments.length(0) - segments_payload(&segments, packet, &info));
    }
    let headers = segments.length(0) - segments_payload(&segments, packet, &info);
    assert_eq!(payload, info.length - headers);
}

/// Payload of the first part.
fn segments_payload(segments: &Segments<'_>, packet: &[u8], info: &ip::IpInfo) -> usize {
    let transport = if info.protocol == ip::TCP { usize::from(packet[info.header + 12] >> 4) * 4 } else { 8 };
    segments.length(0) - info.header - transport
}
