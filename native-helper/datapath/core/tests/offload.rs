//! Super-packets and partial checksums between two nodes.

mod common;

use common::{Node, link, link_with, packet};
use ringway_core::aead::Cipher;
use ringway_core::ip::{self, IpInfo};
use ringway_core::offload::{Partial, parse, write_ip_checksum, write_pseudo_checksum, write_single, write_super};
use ringway_core::session::PARTIAL_CHECKSUMS;
use ringway_core::tap::{ETHER, VNET};

/// A TCP super-packet as a kernel hands it over: its checksum covers the pseudo-header.
fn big_tcp(from: &Node, to: &Node, payload: usize) -> Vec<u8> {
    let mut packet = packet(from, to, payload + 12, 5);
    packet[9] = ip::TCP;
    packet[20..40].copy_from_slice(&[0, 80, 1, 2, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x10, 1, 0, 0, 0, 0, 0]);
    write_ip_checksum(&mut packet[..20]);
    let info = ip::parse(&packet).unwrap();
    write_pseudo_checksum(&mut packet, &info, Partial { start: 20, offset: 16 });
    packet
}

fn frame_of(node: &Node, packet: &[u8], write_header: impl FnOnce(&mut [u8], &IpInfo)) -> Vec<u8> {
    let mut frame = vec![0u8; VNET];
    write_header(&mut frame, &ip::parse(packet).unwrap());
    frame.extend_from_slice(&[2, 0, 0, 0, 0, 0]);
    frame.extend_from_slice(&node.mac);
    frame.extend_from_slice(&[8, 0]);
    frame.extend_from_slice(packet);
    frame
}

fn completed(mut packet: Vec<u8>) -> Vec<u8> {
    let info = ip::parse(&packet).unwrap();
    let place = Partial { start: info.header, offset: if info.protocol == ip::TCP { 16 } else { 6 } };
    write_pseudo_checksum(&mut packet, &info, place);
    place.complete(&mut packet);
    packet
}

/// Reads frames until the payload of one TCP stream has `wanted` bytes; counts frames.
fn read_stream(node: &mut Node, wanted: usize) -> (Vec<u8>, usize) {
    let (mut payload, mut frames) = (Vec::new(), 0);
    while payload.len() < wanted {
        let frame = node.whole_frame();
        let offload = parse(&frame).unwrap();
        let packet = frame[VNET + ETHER..].to_vec();
        if offload.partial.is_none() {
            assert_eq!(packet, completed(packet.clone()), "a whole checksum is right");
        }
        payload.extend_from_slice(&packet[40..]);
        frames += 1;
    }
    (payload, frames)
}

#[test]
fn a_super_packet_arrives_whole_with_and_without_partial_checksums() {
    for features in [0, PARTIAL_CHECKSUMS] {
        for (path, socket_offload) in [(1_452, true), (1_452, false), (1_200, true)] {
            let (mut a, mut b) = (Node::with_offload(1, socket_offload), Node::with_offload(2, socket_offload));
            link_with(&a, &b, Cipher::ChaCha20Poly1305, features);
            a.map(&[(&b, Some(2))]);
            a.net.path_mtu(2, path);
            let big = big_tcp(&a, &b, 60_000);
            let frame = frame_of(&a, &big, |header, info| write_super(header, info, 40, 1_292));
            a.send_frame(&frame);
            let (payload, frames) = read_stream(&mut b, 60_000);
            assert!(payload == big[40..], "{features} {path} {socket_offload}");
            assert!(frames < 47, "some packets of the 47 came together, not {frames}");
        }
    }
}

#[test]
fn datagrams_of_a_super_packet_keep_their_sizes_on_any_path() {
    for path in [1_452, 1_200] {
        let (mut a, mut b) = (Node::new(1), Node::new(2));
        link(&a, &b, Cipher::ChaCha20Poly1305);
        a.map(&[(&b, Some(2))]);
        a.net.path_mtu(2, path);
        let mut big = packet(&a, &b, 5_000, 1);
        let info = ip::parse(&big).unwrap();
        write_ip_checksum(&mut big[..20]);
        write_pseudo_checksum(&mut big, &info, Partial { start: 20, offset: 6 });
        let frame = frame_of(&a, &big, |header, info| write_super(header, info, 28, 1_200));
        a.send_frame(&frame);
        let mut payload = Vec::new();
        while payload.len() < 5_000 {
            let frame = b.whole_frame();
            let packet = &frame[VNET + ETHER..];
            assert!(matches!(parse(&frame).unwrap().segment, None | Some(1_200)));
            payload.extend_from_slice(&packet[28..]);
        }
        assert_eq!(payload, big[28..]);
    }
}

#[test]
fn a_single_partial_checksum_travels_or_is_completed() {
    for (features, room) in [(0, 1_452), (PARTIAL_CHECKSUMS, 1_452), (PARTIAL_CHECKSUMS, 1_200)] {
        let (mut a, mut b) = (Node::new(1), Node::new(2));
        link_with(&a, &b, Cipher::ChaCha20Poly1305, features);
        a.map(&[(&b, Some(2))]);
        a.net.path_mtu(2, room);
        let partial = Partial { start: 20, offset: 16 };
        let sent = big_tcp(&a, &b, 1_290);
        let frame = frame_of(&a, &sent, |header, _| write_single(header, Some(partial)));
        a.send_frame(&frame);
        let got = b.whole_frame();
        let travelled = features != 0 && room == 1_452;
        assert_eq!(parse(&got).unwrap().partial, travelled.then_some(partial));
        let expected = if travelled { sent.clone() } else { completed(sent.clone()) };
        assert_eq!(got[VNET + ETHER..], expected);
    }
}

#[test]
fn what_waits_has_its_checksum_completed() {
    let (mut a, mut b) = (Node::new(1), Node::new(2));
    link_with(&a, &b, Cipher::ChaCha20Poly1305, PARTIAL_CHECKSUMS);
    a.map(&[(&b, None)]);
    b.net.set_sources(1, vec![]);
    let sent = big_tcp(&a, &b, 100);
    let frame = frame_of(&a, &sent, |header, _| write_single(header, Some(Partial { start: 20, offset: 16 })));
    a.send_frame(&frame);
    a.event(|event| matches!(event, ringway_core::events::Event::Miss { .. }).then_some(()));
    a.map(&[(&b, Some(2))]);
    b.event(|event| matches!(event, ringway_core::events::Event::UnknownSource { .. }).then_some(()));
    b.allow(1, &a);
    assert_eq!(b.ip(), completed(sent));
}

#[test]
fn offsets_outside_the_packet_are_refused() {
    let (mut a, b) = (Node::new(1), Node::new(2));
    link_with(&a, &b, Cipher::ChaCha20Poly1305, PARTIAL_CHECKSUMS);
    a.map(&[(&b, Some(2))]);
    let sent = big_tcp(&a, &b, 100);
    for partial in
        [Partial { start: 200, offset: 16 }, Partial { start: 20, offset: 119 }, Partial { start: 10, offset: 0 }]
    {
        let frame = frame_of(&a, &sent, |header, _| write_single(header, Some(partial)));
        a.send_frame(&frame);
    }
    a.await_drops("badInner", 3);
    assert_eq!(b.drops("badInner"), 0);
}
