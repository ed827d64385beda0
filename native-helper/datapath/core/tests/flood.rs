//! Random bytes at the port. In a process of its own, because it measures memory.

mod common;

use std::net::UdpSocket;

use common::{Node, link, packet};
use ringway_core::aead::Cipher;

#[test]
fn a_flood_of_random_bytes_costs_no_memory_and_gets_no_answer() {
    let (mut a, mut b) = (Node::new(1), Node::new(2));
    link(&a, &b, Cipher::ChaCha20Poly1305);
    a.map(&[(&b, Some(2))]);
    let wire = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut bytes = [0u8; 1_200];
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut flood = |count| {
        for n in 0..count {
            for byte in &mut bytes {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = (state >> 56) as u8;
            }
            bytes[..2].copy_from_slice(&[0x51 + (n % 9) as u8, 1]);
            wire.send_to(&bytes[..n % 1_200], b.socket()).unwrap();
        }
    };
    flood(10_000);
    let before = resident_bytes();
    flood(50_000);
    assert!(resident_bytes() < before + 20 * 1024 * 1024);
    wire.set_nonblocking(true).unwrap();
    assert!(wire.recv(&mut [0; 64]).is_err());
    a.send_ip(&packet(&a, &b, 64, 3));
    assert_eq!(b.ip(), packet(&a, &b, 64, 3));
}

fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}
