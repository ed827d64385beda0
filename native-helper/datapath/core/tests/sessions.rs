//! Two nodes over loopback: IP, CTRL, PROBE, ARP, and what an attacker on the way can do.

mod common;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use common::{Node, link, mac1_of, packet, share_keys};
use proptest::prelude::*;
use ringway_core::aead::{AeadKey, Cipher};
use ringway_core::datapath::{DataPath, Options};
use ringway_core::events::Event;
use ringway_core::noise::blake2s128;
use ringway_core::session::{Path, Via};
use ringway_core::tap::{ETHER, VNET};
use ringway_core::wire::{DATA, write_head};

#[test]
fn ip_packets_arrive_whole_under_both_ciphers_and_any_path_size() {
    for cipher in [Cipher::ChaCha20Poly1305, Cipher::Aes256Gcm] {
        for payload in [1_200, 1_452] {
            let (mut a, mut b) = (Node::new(1), Node::new(2));
            link(&a, &b, cipher);
            a.map(&[(&b, Some(2))]);
            b.map(&[(&a, Some(1))]);
            a.net.path_mtu(2, payload);
            for (n, length) in [0, 1, 100, 1_127, 1_128, 1_129, 1_304].into_iter().enumerate() {
                let mut there = packet(&a, &b, length, n as u8);
                there[6] = 0; // It may be cut, so nobody is told of its size.
                a.send_ip(&there);
                let frame = b.frame();
                assert_eq!(frame[ETHER..], there);
                assert_eq!((&frame[..6], &frame[6..12]), (&b.mac[..], &a.addr.mac()[..]));
                let back = packet(&b, &a, length, n as u8);
                b.send_ip(&back);
                assert_eq!(a.ip(), back);
            }
        }
    }
}

#[test]
fn what_goes_in_parts_and_may_not_is_answered_with_the_size_that_fits() {
    let (mut a, mut b) = (Node::new(1), Node::new(2));
    link(&a, &b, Cipher::ChaCha20Poly1305);
    a.map(&[(&b, Some(2))]);
    a.net.path_mtu(2, 1_200);
    let large = packet(&a, &b, 1_300, 1);
    a.send_ip(&large);
    assert_eq!(b.ip(), large, "it arrives all the same");
    let frame = a.frame();
    let told = &frame[ETHER..];
    assert_eq!((&frame[..6], &frame[6..12]), (&a.mac[..], &b.addr.mac()[..]));
    assert_eq!((&told[12..16], &told[16..20]), (&b.ip[..], &a.ip[..]));
    assert_eq!((&told[20..22], &told[26..28]), (&[3, 4][..], &(1_200u16 - 36).to_be_bytes()[..]));
    assert_eq!(told[28..48], large[..20]);
}

#[test]
fn the_segment_size_of_tcp_fits_the_path_in_both_directions() {
    let (mut a, mut b) = (Node::new(1), Node::new(2));
    link(&a, &b, Cipher::ChaCha20Poly1305);
    a.map(&[(&b, Some(2))]);
    b.map(&[(&a, Some(1))]);
    let syn = |from: &Node, to: &Node| {
        let mut packet = packet(from, to, 16, 0);
        packet[9] = 6;
        packet[20..].copy_from_slice(&[0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x60, 2, 1, 0, 0, 0, 0, 0, 2, 4, 5, 180]);
        packet
    };
    for payload in [1_200, 1_300] {
        a.net.path_mtu(2, payload);
        let fits = payload as u16 - 36 - 40;
        a.send_ip(&syn(&a, &b));
        assert_eq!(b.ip()[42..44], u16::to_be_bytes(fits));
        b.send_ip(&syn(&b, &a));
        assert_eq!(a.ip()[42..44], u16::to_be_bytes(fits), "what a answers goes by the same path");
    }
}

#[test]
fn first_packet_confirms_the_key_and_control_messages_arrive_in_parts() {
    let (a, b) = (Node::new(1), Node::new(2));
    link(&a, &b, Cipher::ChaCha20Poly1305);
    a.net.send_empty(2, None);
    let confirmed = b.event(|event| match event {
        Event::Confirmed { slot, index_rx, path, network } => Some((slot, index_rx, path, network)),
        _ => None,
    });
    assert_eq!(confirmed, (1, 0x0100_0002, Path::Udp(a.socket()), 7));
    for length in [6, 500, 1_416, 1_417, 8_192] {
        let message: Vec<u8> = (0..length).map(|i| i as u8).collect();
        a.net.send_ctrl(2, None, &message);
        let (path, bytes) = b.event(|event| match event {
            Event::Ctrl { slot: 1, path, bytes, .. } => Some((path, bytes)),
            Event::Confirmed { .. } => panic!("a key is confirmed once"),
            _ => None,
        });
        assert_eq!((path, bytes), (Path::Udp(a.socket()), message));
    }
    a.net.send_ctrl(2, None, &[0; 8_193]);
    a.net.send_ctrl(2, None, &[0; 5]);
    assert_eq!(a.drops("tooLarge"), 2);
}

#[test]
fn probes_are_answered_by_the_way_they_came_with_the_size_that_came() {
    let (a, b) = (Node::new(1), Node::new(2));
    link(&a, &b, Cipher::ChaCha20Poly1305);
    for (id, size, expected) in [(7, 0, 40), (8, 1_200, 1_200), (9, 1_472, 1_472)] {
        a.net.send_probe(2, &Path::Udp(b.socket()), id, size);
        let answer = a.event(|event| match event {
            Event::ProbeAck { slot, path, id, size_bytes, .. } => Some((slot, path, id, size_bytes)),
            _ => None,
        });
        assert_eq!(answer, (2, Path::Udp(b.socket()), id, expected));
    }
}

#[test]
fn a_packet_from_elsewhere_makes_a_new_path_but_moves_nothing() {
    let (mut a, mut b) = (Node::new(1), Node::new(2));
    link(&a, &b, Cipher::ChaCha20Poly1305);
    a.map(&[(&b, Some(2))]);
    b.map(&[(&a, Some(1))]);
    let elsewhere = UdpSocket::bind("127.0.0.1:0").unwrap();
    // What a sends goes to this socket, which hands it on: the source changes under way.
    a.net.path_use(2, Path::Udp(elsewhere.local_addr().unwrap()));
    let mut bytes = [0; 2_000];
    for n in 0..3 {
        a.send_ip(&packet(&a, &b, 50, n));
        let length = elsewhere.recv(&mut bytes).unwrap();
        elsewhere.send_to(&bytes[..length], b.socket()).unwrap();
        b.ip();
    }
    let moved = Path::Udp(elsewhere.local_addr().unwrap());
    assert_eq!(
        b.event(|event| if let Event::NewPath { slot: 1, path, .. } = event { Some(path) } else { None }),
        moved
    );
    b.send_ip(&packet(&b, &a, 50, 9));
    assert_eq!(a.ip(), packet(&b, &a, 50, 9), "b goes on sending by the path it was told to use");
}

#[test]
fn replayed_and_changed_datagrams_change_nothing() {
    let (mut a, mut b) = (Node::new(1), Node::new(2));
    link(&a, &b, Cipher::ChaCha20Poly1305);
    a.map(&[(&b, Some(2))]);
    let wire = UdpSocket::bind("127.0.0.1:0").unwrap();
    a.net.path_use(2, Path::Udp(wire.local_addr().unwrap()));
    let sent = packet(&a, &b, 20, 1);
    a.send_ip(&sent);
    let mut bytes = [0; 2_000];
    let length = wire.recv(&mut bytes).unwrap();
    let datagram = &bytes[..length];
    assert!(!datagram.windows(8).any(|window| sent.windows(8).any(|plain| plain == window)));
    for bit in 0..length * 8 {
        let mut changed = datagram.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        wire.send_to(&changed, b.socket()).unwrap();
    }
    wire.send_to(datagram, b.socket()).unwrap();
    assert_eq!(b.ip(), sent);
    for _ in 0..5 {
        wire.send_to(datagram, b.socket()).unwrap();
    }
    b.await_drops("replay", 5);
    let refused: u64 = ["malformed", "unknownIndex", "notAuthentic"].iter().map(|reason| b.drops(reason)).sum();
    assert_eq!(refused, length as u64 * 8);
    wire.set_nonblocking(true).unwrap();
    assert!(wire.recv(&mut bytes).is_err(), "nothing unauthenticated is answered");
}

#[test]
fn arp_is_answered_from_the_map_and_asks_the_engine_for_the_rest() {
    let (mut a, b) = (Node::new(1), Node::new(2));
    let ask = |asker: [u8; 4], target: [u8; 4], mac: [u8; 6]| {
        let mut frame = vec![0u8; VNET];
        frame.extend_from_slice(&[0xff; 6]);
        frame.extend_from_slice(&mac);
        frame.extend_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        frame.extend_from_slice(&mac);
        frame.extend_from_slice(&asker);
        frame.extend_from_slice(&[0; 6]);
        frame.extend_from_slice(&target);
        frame
    };
    // Neither a probe for an address nor a question for our own is answered; the answers below come first.
    a.send_frame(&ask([0; 4], b.ip, a.mac));
    a.send_frame(&ask([172, 16, 9, 9], a.ip, a.mac));
    a.send_frame(&ask(a.ip, b.ip, a.mac));
    let asked = a.event(|event| if let Event::Miss { ip, .. } = event { Some(ip) } else { None });
    assert_eq!(asked, IpAddr::V4(Ipv4Addr::from(b.ip)));
    a.map(&[(&b, None)]);
    for again in [false, true] {
        if again {
            a.send_frame(&ask(a.ip, b.ip, a.mac));
        }
        let answer = a.frame();
        assert_eq!(answer[..6], a.mac);
        assert_eq!(answer[20..22], [0, 2]);
        assert_eq!(answer[22..28], b.addr.mac());
        assert_eq!(answer[28..32], b.ip);
    }
}

#[test]
fn packets_wait_for_their_session_and_for_their_source() {
    let (mut a, mut b) = (Node::new(1), Node::new(2));
    share_keys(&a, &b, Cipher::ChaCha20Poly1305);
    b.net.set_sources(1, vec![]);
    for n in 0..12 {
        a.send_ip(&packet(&a, &b, 30, n));
    }
    a.event(|event| matches!(event, Event::Miss { .. }).then_some(()));
    a.await_drops("noEntry", 4);
    a.map(&[(&b, Some(2))]);
    a.net.path_use(2, Path::Udp(b.socket()));
    let unknown = b.event(|event| match event {
        Event::UnknownSource { slot, ip, .. } => Some((slot, ip)),
        _ => None,
    });
    assert_eq!(unknown, (1, IpAddr::V4(Ipv4Addr::from(a.ip))));
    a.send_ip(&packet(&a, &b, 30, 99));
    b.await_drops("unknownSource", 1);
    b.allow(1, &a);
    for n in 0..8 {
        assert_eq!(b.ip(), packet(&a, &b, 30, n));
    }
}

#[test]
fn another_members_address_is_no_valid_source() {
    let (mut a, b, c) = (Node::new(1), Node::new(2), Node::new(3));
    link(&a, &b, Cipher::ChaCha20Poly1305);
    a.map(&[(&b, Some(2))]);
    a.send_ip(&packet(&c, &b, 10, 1));
    let ip = b.event(|event| if let Event::UnknownSource { ip, .. } = event { Some(ip) } else { None });
    assert_eq!(ip, IpAddr::V4(Ipv4Addr::from(c.ip)));
    b.await_drops("heldTooLong", 1);
}

#[test]
fn broadcast_and_multicast_stay_at_home() {
    let mut a = Node::new(1);
    for (mac, dst) in [([0xff; 6], [255; 4]), ([1, 0, 0x5e, 0, 0, 1], [224, 0, 0, 1]), ([2; 6], [224, 0, 0, 1])] {
        let mut ip = packet(&a, &a, 10, 0);
        ip[16..20].copy_from_slice(&dst);
        let mut frame = vec![0u8; VNET];
        frame.extend_from_slice(&mac);
        frame.extend_from_slice(&a.mac);
        frame.extend_from_slice(&[8, 0]);
        frame.extend_from_slice(&ip);
        a.send_frame(&frame);
    }
    a.await_drops("group", 3);
}

#[test]
fn handshakes_pass_with_the_right_mac_and_within_the_rate() {
    let b = Node::new(2);
    let wire = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut init = vec![0x51, 1, 0, 32];
    init.resize(152, 5);
    let mac = blake2s128(&mac1_of(2).own, &init[..120]).unwrap();
    init[120..136].copy_from_slice(&mac);
    let mut forged = init.clone();
    forged[50] ^= 1;
    wire.send_to(&forged, b.socket()).unwrap();
    for _ in 0..70 {
        wire.send_to(&init, b.socket()).unwrap();
    }
    let (via, bytes) = b.event(|event| match event {
        Event::Handshake { via, packet, .. } => Some((via, packet)),
        _ => None,
    });
    assert_eq!((via, bytes), (Via::Udp(wire.local_addr().unwrap()), init));
    b.await_drops("rateLimit", 10);
    assert_eq!(b.drops("mac1"), 1);
}

#[test]
fn a_dropped_session_receives_and_sends_nothing() {
    let (mut a, mut b) = (Node::new(1), Node::new(2));
    link(&a, &b, Cipher::ChaCha20Poly1305);
    a.map(&[(&b, Some(2))]);
    a.send_ip(&packet(&a, &b, 10, 1));
    assert_eq!(b.ip(), packet(&a, &b, 10, 1));
    b.net.session_drop(1);
    a.send_ip(&packet(&a, &b, 10, 2));
    b.await_drops("unknownIndex", 1);
    a.net.session_drop(2);
    a.send_ip(&packet(&a, &b, 10, 3));
    a.event(|event| matches!(event, Event::Miss { .. }).then_some(()));
    a.net.session_drop(2);
    assert_eq!(a.drops("unknownIndex"), 0, "dropping twice does no harm");
}

#[test]
fn traffic_is_told_when_it_moved() {
    let (mut a, mut b) = (Node::new(1), Node::new(2));
    link(&a, &b, Cipher::ChaCha20Poly1305);
    a.map(&[(&b, Some(2))]);
    for n in 0..3 {
        a.send_ip(&packet(&a, &b, 72, n));
        b.ip();
    }
    let totals = a.event(|event| match event {
        Event::Traffic { slot: 2, totals, .. } if totals.ip_tx_packets == 3 => Some(totals),
        _ => None,
    });
    assert_eq!((totals.tx_packets, totals.tx_bytes), (3, 3 * 136));
    let totals = b.event(|event| match event {
        Event::Traffic { slot: 1, totals, .. } if totals.ip_rx_packets == 3 => Some(totals),
        _ => None,
    });
    assert_eq!((totals.rx_packets, totals.rx_bytes), (3, 3 * 136));
}

#[test]
fn a_port_in_use_is_named() {
    let a = Node::new(1);
    let options = Options::with_port(a.data_path.port());
    let error = DataPath::open(&options, Box::new(|_| ())).err().unwrap();
    assert_eq!(error.code, "PORT_IN_USE");
    assert!(error.text.contains(&a.data_path.port().to_string()));
}

#[test]
fn slots_and_indices_are_not_shared() {
    let (a, b, c) = (Node::new(1), Node::new(2), Node::new(3));
    link(&a, &b, Cipher::ChaCha20Poly1305);
    let keys = || ringway_core::aead::SessionKeys {
        cipher: Cipher::ChaCha20Poly1305,
        tx: zeroize::Zeroizing::new([0; 32]),
        rx: zeroize::Zeroizing::new([1; 32]),
    };
    assert_eq!(a.net.key_add(2, c.addr, &keys(), 5, 6, 0).unwrap_err().code, "SLOT_IN_USE");
    assert_eq!(a.net.key_add(9, c.addr, &keys(), 0x0200_0001, 6, 0).unwrap_err().code, "INDEX_IN_USE");
}

/// A wake-up that arrives while datagrams are handled must not be lost.
#[test]
fn closing_ends_in_the_middle_of_traffic() {
    let wire = UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 0..2_000usize {
        let options = Options::with_port(0);
        let data_path = DataPath::open(&options, Box::new(|_| ())).unwrap();
        let to = ("127.0.0.1", data_path.port());
        for _ in 0..n % 7 {
            wire.send_to(&[0x57; 40], to).unwrap();
        }
        data_path.close();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Any datagrams, many of them with plausible beginnings: nothing panics and traffic goes on.
    #[test]
    fn any_datagrams_leave_the_session_working(
        datagrams in proptest::collection::vec((0x50u8..0x5b, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..1_500)), 0..60),
    ) {
        let (mut a, mut b) = (Node::new(1), Node::new(2));
        link(&a, &b, Cipher::ChaCha20Poly1305);
        a.map(&[(&b, Some(2))]);
        let wire = UdpSocket::bind("127.0.0.1:0").unwrap();
        for (kind, known, mut bytes) in datagrams {
            if let Some(head) = bytes.first_chunk_mut::<8>() {
                head[..2].copy_from_slice(&[kind, 1]);
                if known {
                    head[4..].copy_from_slice(&0x0100_0002u32.to_be_bytes());
                }
            }
            wire.send_to(&bytes, b.socket()).unwrap();
        }
        a.send_ip(&packet(&a, &b, 64, 3));
        prop_assert_eq!(b.ip(), packet(&a, &b, 64, 3));
        while let Ok(event) = b.events.try_recv() {
            prop_assert!(!matches!(event, Event::Fault { .. }), "{event:?}");
        }
    }

    /// Any texts under the right key: a member may be hostile too.
    #[test]
    fn any_authentic_frames_leave_the_session_working(
        packets in proptest::collection::vec(
            proptest::collection::vec((0u8..12, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..120)), 0..4),
            0..60,
        ),
    ) {
        let (a, mut b) = (Node::new(1), Node::new(2));
        link(&a, &b, Cipher::ChaCha20Poly1305);
        let key = AeadKey::new(Cipher::ChaCha20Poly1305, &[0x12; 32]);
        let wire = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut counter = 0;
        let mut send = |text: &[u8]| {
            let mut datagram = vec![0u8; 16];
            write_head(&mut datagram, DATA, 0, 0x0100_0002, counter);
            let mut sealed = text.to_vec();
            let tag = key.seal(counter, &datagram, &mut sealed);
            datagram.extend_from_slice(&sealed);
            datagram.extend_from_slice(&tag);
            wire.send_to(&datagram, b.socket()).unwrap();
            counter += 1;
        };
        for frames in packets {
            let mut text = Vec::new();
            for (kind, plausible, mut body) in frames {
                if plausible {
                    // The beginning of an IP packet from the right source, behind the head of kind 8.
                    let at = if kind == 8 { 4 } else { 0 };
                    let length = body.len();
                    if length >= at + 40 {
                        body[at] = 0x45;
                        body[at + 2..at + 4].copy_from_slice(&((length - at) as u16).to_be_bytes());
                        body[at + 9] = if length % 2 == 0 { 6 } else { 17 };
                        body[at + 12..at + 16].copy_from_slice(&a.ip);
                        body[..at].iter_mut().for_each(|byte| *byte &= 63);
                    }
                }
                text.extend_from_slice(&[kind, 0]);
                text.extend_from_slice(&(body.len() as u16).to_be_bytes());
                text.extend_from_slice(&body);
            }
            send(&text);
        }
        let last = packet(&a, &b, 64, 3);
        let mut text = vec![1, 0, 0, last.len() as u8];
        text.extend_from_slice(&last);
        send(&text);
        while b.ip() != last {}
        while let Ok(event) = b.events.try_recv() {
            prop_assert!(!matches!(event, Event::Fault { .. }), "{event:?}");
        }
    }

    /// Any frames of the interface.
    #[test]
    fn any_frames_leave_the_interface_working(frames in proptest::collection::vec((0u8..4, proptest::collection::vec(any::<u8>(), 1..200)), 0..60)) {
        let (mut a, mut b) = (Node::new(1), Node::new(2));
        link(&a, &b, Cipher::ChaCha20Poly1305);
        a.map(&[(&b, Some(2))]);
        for (kind, mut bytes) in frames {
            if bytes.len() > VNET + ETHER + 1 {
                bytes[VNET] &= !1;
                let ether_type = [[8u8, 0], [8, 6], [0x86, 0xdd], [1, 2]][usize::from(kind)];
                bytes[VNET + 12..VNET + 14].copy_from_slice(&ether_type);
                bytes[VNET + ETHER] = if kind == 2 { 0x60 } else { 0x45 };
            }
            a.send_frame(&bytes);
        }
        a.send_ip(&packet(&a, &b, 64, 3));
        let expected = packet(&a, &b, 64, 3);
        while b.ip() != expected {}
        while let Ok(event) = a.events.try_recv() {
            prop_assert!(!matches!(event, Event::Fault { .. }), "{event:?}");
        }
    }
}
