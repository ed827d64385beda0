//! Three nodes and more: tunnels through a relay, routing along the ring, and what a relay must not do.

mod common;

use common::{Node, link, mac1_of, packet, share_keys};
use ringway_core::aead::Cipher;
use ringway_core::events::Event;
use ringway_core::noise::blake2s128;
use ringway_core::session::{Path, Via};

const CIPHER: Cipher = Cipher::ChaCha20Poly1305;

/// Ring order 10, 20, 30; the outer ones have links to the middle one alone.
fn three() -> (Node, Node, Node) {
    let (a, r, b) = (Node::new(10), Node::new(20), Node::new(30));
    link(&a, &r, CIPHER);
    link(&r, &b, CIPHER);
    share_keys(&a, &b, CIPHER);
    a.fib(&[(&r, 20, true)], &[]);
    r.fib(&[(&a, 10, true), (&b, 30, true)], &[(a.addr, b.addr)]);
    b.fib(&[(&r, 20, true)], &[]);
    a.map(&[(&b, Some(30))]);
    b.map(&[(&a, Some(10))]);
    (a, r, b)
}

fn exchange(a: &mut Node, b: &mut Node, length: usize) {
    for n in 0..3 {
        let (mut there, mut back) = (packet(a, b, length, n), packet(b, a, length, n));
        // They may be cut, so nobody is told of their size.
        (there[6], back[6]) = (0, 0);
        a.send_ip(&there);
        assert_eq!(b.ip(), there);
        b.send_ip(&back);
        assert_eq!(a.ip(), back);
    }
}

#[test]
fn a_tunnel_goes_through_the_relay_of_a_reserved_pair() {
    let (mut a, r, mut b) = three();
    a.net.path_use(30, Path::Tunnel(r.addr));
    b.net.path_use(10, Path::Tunnel(r.addr));
    exchange(&mut a, &mut b, 1_304);
    let path = b.event(|event| if let Event::Confirmed { slot: 10, path, .. } = event { Some(path) } else { None });
    assert_eq!(path, Path::Tunnel(r.addr));
    let forwarded = r.event(|event| match event {
        Event::Traffic { slot: 30, totals, .. } => Some(totals.transit_packets),
        _ => None,
    });
    assert!(forwarded > 0);
}

#[test]
fn a_tunnel_of_a_pair_without_reservation_is_refused() {
    let (mut a, r, b) = three();
    r.fib(&[(&a, 10, true), (&b, 30, true)], &[]);
    a.net.path_use(30, Path::Tunnel(r.addr));
    a.send_ip(&packet(&a, &b, 10, 1));
    r.await_drops("notReserved", 1);
}

#[test]
fn a_tunnel_ends_only_at_a_direct_edge() {
    let (mut a, r, b) = three();
    r.fib(&[(&a, 10, true), (&b, 30, false)], &[(a.addr, b.addr)]);
    a.net.path_use(30, Path::Tunnel(r.addr));
    a.send_ip(&packet(&a, &b, 10, 1));
    r.await_drops("notReserved", 1);
}

#[test]
fn probes_over_a_tunnel_measure_the_outermost_packet() {
    let (a, r, b) = three();
    a.net.path_use(30, Path::Tunnel(r.addr));
    a.net.send_probe(30, &Path::Tunnel(r.addr), 5, 1_300);
    let (path, size) = a.event(|event| match event {
        Event::ProbeAck { slot: 30, path, size_bytes, .. } => Some((path, size_bytes)),
        _ => None,
    });
    assert_eq!((path, size), (Path::Tunnel(r.addr), 1_300));
    drop(b);
}

#[test]
fn the_ring_carries_packets_over_several_hops_one_of_them_a_tunnel() {
    // 10 - 20 - 30 - 40, where 20 and 30 reach each other only through 25.
    let nodes: Vec<Node> = [10, 20, 25, 30, 40].into_iter().map(Node::new).collect();
    let [mut a, p, relay, q, mut b]: [Node; 5] = nodes.try_into().ok().unwrap();
    link(&a, &p, CIPHER);
    link(&p, &relay, CIPHER);
    link(&relay, &q, CIPHER);
    link(&q, &b, CIPHER);
    share_keys(&p, &q, CIPHER);
    p.net.path_use(30, Path::Tunnel(relay.addr));
    q.net.path_use(20, Path::Tunnel(relay.addr));
    share_keys(&a, &b, CIPHER);
    a.fib(&[(&p, 20, true)], &[]);
    p.fib(&[(&a, 10, true), (&q, 30, false)], &[]);
    relay.fib(&[(&p, 20, true), (&q, 30, true)], &[(p.addr, q.addr)]);
    q.fib(&[(&p, 20, false), (&b, 40, true)], &[]);
    b.fib(&[(&q, 30, true)], &[]);
    a.map(&[(&b, Some(40))]);
    b.map(&[(&a, Some(10))]);
    a.net.path_use(40, Path::Ring);
    b.net.path_use(10, Path::Ring);
    // The outer node does not know of the tunnel in the middle: its packets fit one transit, those of the hop are
    // larger than the default and the loopback takes them.
    exchange(&mut a, &mut b, 1_304);
    let path = b.event(|event| if let Event::Confirmed { slot: 10, path, .. } = event { Some(path) } else { None });
    assert_eq!(path, Path::Ring);
}

#[test]
fn an_origin_whose_first_hop_is_a_tunnel_splits_its_packets() {
    let (mut a, r, mut b) = three();
    let mut c = Node::new(40);
    link(&b, &c, CIPHER);
    share_keys(&a, &c, CIPHER);
    a.net.path_use(30, Path::Tunnel(r.addr));
    b.net.path_use(10, Path::Tunnel(r.addr));
    a.fib(&[(&r, 20, true), (&b, 30, false)], &[]);
    b.fib(&[(&r, 20, true), (&a, 10, false), (&c, 40, true)], &[]);
    c.fib(&[(&b, 30, true)], &[]);
    a.map(&[(&c, Some(40)), (&b, Some(30))]);
    c.map(&[(&a, Some(10))]);
    a.net.path_use(40, Path::Ring);
    c.net.path_use(10, Path::Ring);
    exchange(&mut a, &mut c, 1_304);
    exchange(&mut a, &mut b, 1_304);
}

#[test]
fn what_cannot_come_nearer_is_reported_once_and_dropped() {
    let (mut a, r, b) = three();
    r.fib(&[(&a, 10, true)], &[]);
    a.net.path_use(30, Path::Ring);
    for n in 0..4 {
        a.send_ip(&packet(&a, &b, 10, n));
    }
    let told = r.event(|event| if let Event::NoRoute { src, dst, .. } = event { Some((src, dst)) } else { None });
    assert_eq!(told, (a.addr, b.addr));
    r.await_drops("noRoute", 4);
}

#[test]
fn handshakes_travel_over_relays_and_the_ring() {
    let (a, r, b) = three();
    let mut init = vec![0x51, 1, 0, 32];
    init.resize(152, 5);
    let mac = blake2s128(&mac1_of(30).own, &init[..120]).unwrap();
    init[120..136].copy_from_slice(&mac);
    let ways = [
        (Via::Tunnel { relay: r.addr, peer: b.addr }, Via::Tunnel { relay: r.addr, peer: a.addr }),
        (Via::Ring { peer: b.addr }, Via::Ring { peer: a.addr }),
    ];
    for (there, seen) in ways {
        a.net.send_handshake(&there, &init);
        let got = b.event(|event| match event {
            Event::Handshake { via, packet, .. } => Some((via, packet)),
            _ => None,
        });
        assert_eq!(got, (seen, init.clone()));
    }
    let mut xx = vec![0x53, 1, 0x04, 0x68];
    xx.resize(1_200, 0);
    a.net.send_handshake(&Via::Ring { peer: b.addr }, &xx);
    r.await_drops("malformed", 1);
}

#[test]
fn two_affiliations_of_one_process_exchange_nothing() {
    let (a, r, b) = three();
    // A second affiliation on b, whose index a packet inside a TRANSIT of the first one names.
    let other = b.data_path.add_network(8, b.addr, mac1_of(99)).unwrap();
    let keys = ringway_core::aead::SessionKeys {
        cipher: CIPHER,
        tx: zeroize::Zeroizing::new([1; 32]),
        rx: zeroize::Zeroizing::new([2; 32]),
    };
    other.key_add(10, a.addr, &keys, 0x7777, 0x8888, 0).unwrap();
    let mut data = vec![0x57, 1, 0, 0, 0, 0, 0x77, 0x77];
    data.resize(40, 0);
    a.net.send_handshake(&Via::Tunnel { relay: r.addr, peer: b.addr }, &data);
    b.await_drops("foreignNetwork", 1);
}
