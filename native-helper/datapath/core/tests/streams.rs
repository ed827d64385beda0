//! TCP streams over loopback: IP, control and probes by them, relaying, floods, slow readers, and how they end.

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use common::{Node, link, mac1_of, packet, share_keys};
use ringway_core::aead::Cipher;
use ringway_core::events::Event;
use ringway_core::noise::blake2s128;
use ringway_core::session::{Path, Via};
use ringway_core::stream::{PREFACE, QUEUE_MAX};
use ringway_core::streams::UNFINISHED_EACH_MAX;

fn tcp_socket(node: &Node) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, node.data_path.listen_tcp(0).unwrap()))
}

/// `a` dials `b` and both use the stream; how each sees the other's end.
fn link_by_stream(a: &Node, b: &Node) -> (Path, Path) {
    share_keys(a, b, Cipher::ChaCha20Poly1305);
    let (a_slot, b_slot) = (u32::from(a.addr.0[0]), u32::from(b.addr.0[0]));
    let there = Path::Tcp(tcp_socket(b));
    let Path::Tcp(remote) = there else { unreachable!() };
    a.net.stream_open(remote);
    a.net.path_use(b_slot, there);
    a.net.send_empty(b_slot, None);
    let back = b.event(|event| match event {
        Event::Confirmed { slot, path, .. } if slot == a_slot => Some(path),
        _ => None,
    });
    b.net.path_use(a_slot, back);
    (there, back)
}

fn closed(node: &Node) -> (SocketAddr, &'static str) {
    node.event(|event| match event {
        Event::StreamClosed { remote, reason, network: 7 } => Some((remote, reason)),
        _ => None,
    })
}

#[test]
fn packets_messages_and_probes_cross_a_stream_both_ways() {
    let (mut a, mut b) = (Node::new(1), Node::new(2));
    let (there, back) = link_by_stream(&a, &b);
    assert!(matches!((there, back), (Path::Tcp(_), Path::Tcp(_))));
    a.map(&[(&b, Some(2))]);
    b.map(&[(&a, Some(1))]);
    for (n, length) in [0, 1, 100, 1_128, 1_304].into_iter().enumerate() {
        let sent = packet(&a, &b, length, n as u8);
        a.send_ip(&sent);
        assert_eq!(b.ip(), sent);
        let answer = packet(&b, &a, length, n as u8);
        b.send_ip(&answer);
        assert_eq!(a.ip(), answer);
    }
    let message: Vec<u8> = (0..8_192).map(|i| i as u8).collect();
    a.net.send_ctrl(2, None, &message);
    let (path, bytes) = b.event(|event| match event {
        Event::Ctrl { slot: 1, path, bytes, .. } => Some((path, bytes)),
        _ => None,
    });
    assert_eq!((path, bytes), (back, message));
    b.net.send_probe(1, &back, 5, 0);
    let answer = b.event(|event| match event {
        Event::ProbeAck { slot, path, id, size_bytes, .. } => Some((slot, path, id, size_bytes)),
        _ => None,
    });
    assert_eq!(answer, (1, back, 5, 40));
}

#[test]
fn a_handshake_opens_the_stream_and_is_answered_by_it() {
    let (a, b) = (Node::new(1), Node::new(2));
    let remote = tcp_socket(&b);
    // XX1 by its type, under the key that all of an affiliation know.
    let mut hello = vec![0u8; 1_200];
    hello[..4].copy_from_slice(&[0x53, 1, 4, 0x68]);
    let mac = blake2s128(&mac1_of(2).anonymous, &hello[..1_168]).unwrap();
    hello[1_168..1_184].copy_from_slice(&mac);
    a.net.stream_open(remote);
    a.net.send_handshake(&Via::Tcp(remote), &hello);
    let (via, packet) = b.event(|event| match event {
        Event::Handshake { via, packet, network: 7 } => Some((via, packet)),
        _ => None,
    });
    assert_eq!(packet, hello);
    b.net.send_handshake(&via, &hello);
    let (via, _) = a.event(|event| match event {
        Event::Handshake { via, packet, .. } => Some((via, packet)),
        _ => None,
    });
    assert_eq!(via, Via::Tcp(remote));
}

#[test]
fn a_relay_carries_between_a_stream_and_a_socket() {
    let (mut a, r, mut b) = (Node::new(1), Node::new(9), Node::new(2));
    link_by_stream(&a, &r);
    link(&r, &b, Cipher::ChaCha20Poly1305);
    share_keys(&a, &b, Cipher::ChaCha20Poly1305);
    a.net.path_use(2, Path::Tunnel(r.addr));
    b.net.path_use(1, Path::Tunnel(r.addr));
    a.fib(&[(&r, 9, true)], &[]);
    b.fib(&[(&r, 9, true)], &[]);
    r.fib(&[(&a, 1, true), (&b, 2, true)], &[(a.addr, b.addr)]);
    a.map(&[(&b, Some(2))]);
    b.map(&[(&a, Some(1))]);
    for length in [0, 700, 1_304] {
        let sent = packet(&a, &b, length, 3);
        a.send_ip(&sent);
        assert_eq!(b.ip(), sent);
        let answer = packet(&b, &a, length, 4);
        b.send_ip(&answer);
        assert_eq!(a.ip(), answer);
    }
}

#[test]
fn the_end_of_a_stream_is_told_to_the_other_end_only() {
    let (a, b) = (Node::new(1), Node::new(2));
    let (there, back) = link_by_stream(&a, &b);
    let (Path::Tcp(remote), Path::Tcp(source)) = (there, back) else { unreachable!() };
    a.net.send_ctrl(2, None, &[9; 100]);
    a.net.stream_close(remote);
    let last = b.event(|event| match event {
        Event::Ctrl { bytes, .. } => Some(bytes),
        _ => None,
    });
    assert_eq!(last, [9; 100], "what was sent before the end arrives");
    assert_eq!(closed(&b), (source, "closed"));
    b.net.send_empty(1, Some(&back));
    b.await_drops("noStream", 1);
    a.net.send_empty(2, None);
    a.await_drops("noStream", 1);
    assert!(!a.events.try_iter().any(|event| matches!(event, Event::StreamClosed { .. })));
}

#[test]
fn nobody_listening_is_told_at_once_and_an_affiliation_that_ends_closes_its_streams() {
    let a = Node::new(1);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    a.net.stream_open(nobody);
    assert_eq!(closed(&a), (nobody, "refused"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    a.net.stream_open(listener.local_addr().unwrap());
    let (mut peer, _) = listener.accept().unwrap();
    let mut preface = [0; 8];
    peer.read_exact(&mut preface).unwrap();
    assert_eq!(preface, PREFACE);
    a.net.remove();
    assert_eq!(peer.read(&mut preface).unwrap(), 0);
}

#[test]
fn strangers_are_few_and_those_who_speak_otherwise_are_closed() {
    let b = Node::new(2);
    let address = tcp_socket(&b);
    let mut strangers: Vec<TcpStream> =
        (0..UNFINISHED_EACH_MAX).map(|_| TcpStream::connect(address).unwrap()).collect();
    for stranger in &mut strangers {
        let mut preface = [0; 8];
        stranger.read_exact(&mut preface).unwrap();
    }
    let mut extra = TcpStream::connect(address).unwrap();
    assert_eq!(extra.read(&mut [0; 8]).unwrap_or(0), 0, "one too many of one address is closed without a word");
    b.await_drops("streamLimit", 1);
    strangers[0].write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(strangers[0].read(&mut [0; 8]).unwrap_or(0), 0);
    strangers[1].write_all(&[&PREFACE[..], &[0, 31]].concat()).unwrap();
    assert_eq!(strangers[1].read(&mut [0; 8]).unwrap_or(0), 0);
    b.await_drops("streamMalformed", 2);
    // Well framed, but of no session: dropped and counted as on UDP, and the stream stays for its ten seconds.
    let noise = [&PREFACE[..], &[0, 40], &[0x57, 1, 0, 0], &[7; 36]].concat();
    for byte in &noise {
        strangers[2].write_all(&[*byte]).unwrap();
    }
    b.await_drops("unknownIndex", 1);
    TcpStream::connect(address).unwrap().read_exact(&mut [0; 8]).unwrap();
}

#[test]
fn a_reader_that_stops_costs_a_bounded_queue_and_old_packets() {
    let mut a = Node::new(1);
    let b = Node::new(2);
    share_keys(&a, &b, Cipher::ChaCha20Poly1305);
    a.map(&[(&b, Some(2))]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let remote = listener.local_addr().unwrap();
    a.net.stream_open(remote);
    a.net.path_use(2, Path::Tcp(remote));
    let (mut slow, _) = listener.accept().unwrap();
    let sent = packet(&a, &b, 1_304, 1);
    let start = Instant::now();
    while a.drops("sendQueueFull") + a.drops("streamStale") < 200 {
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", a.data_path.drops());
        a.send_ip(&sent);
    }
    // A message still gets into the full queue, and out of it once the reader goes on.
    a.net.send_ctrl(2, None, &[5; 77]);
    slow.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut bytes = vec![0u8; 8];
    slow.read_exact(&mut bytes).unwrap();
    let mut most = 0;
    loop {
        let mut length = [0; 2];
        slow.read_exact(&mut length).unwrap();
        let mut body = vec![0; u16::from_be_bytes(length).into()];
        slow.read_exact(&mut body).unwrap();
        most += body.len();
        // 32 bytes around the text, 4 around the message.
        if body.len() == 32 + 4 + 77 {
            break;
        }
    }
    assert!(most < 16 * 1024 * 1024, "{most} bytes waited; the queue holds {QUEUE_MAX}, the kernel some more");
}
