//! `ringway-emulator flood ADDRESS PORT PER_SECOND SECONDS`: random datagrams at a steady rate; at its end it prints how
//! many were sent and how many answers came.
//!
//! Half of them are random from their first byte to their last. The others are as long as their fields say, so that they
//! get further: a quarter are DATA of an unknown index, a quarter INIT_IK that only their mac1 gives away.

use std::io;
use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use crate::rng::Rng;

const LARGEST: u64 = 1_472;
const INIT_BYTES: usize = 1_120;
/// Sent between two looks at the clock.
const BURST: u64 = 16;
/// An answer to the last ones still has its time to come.
const LINGER: Duration = Duration::from_millis(300);

pub fn run(words: &[String]) -> io::Result<()> {
    let usage = || io::Error::other("usage: ringway-emulator flood ADDRESS PORT PER_SECOND SECONDS");
    let [address, port, per_second, seconds] = words else { return Err(usage()) };
    let number = |word: &String| word.parse::<u64>().map_err(|_| usage());
    let (per_second, total) = (number(per_second)?, number(per_second)? * number(seconds)?);
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_nonblocking(true)?;
    let target = format!("{address}:{port}");
    let (mut rng, mut bytes, mut answer) = (Rng::new(7), [0u8; LARGEST as usize], [0u8; 2_048]);
    let (mut sent, mut answers) = (0u64, 0u64);
    let started = Instant::now();
    while sent < total {
        let due = (started.elapsed().as_nanos() * u128::from(per_second) / 1_000_000_000) as u64;
        if sent >= due.min(total) {
            thread::sleep(Duration::from_micros(200));
            continue;
        }
        for _ in 0..BURST.min(due.min(total) - sent) {
            let length = fill(&mut rng, sent, &mut bytes);
            // One that the system refuses, for a port where nobody listens, is sent all the same.
            let _ = socket.send_to(&bytes[..length], &target);
            sent += 1;
        }
        answers += received(&socket, &mut answer);
    }
    thread::sleep(LINGER);
    answers += received(&socket, &mut answer);
    println!("{{\"sent\":{sent},\"answers\":{answers},\"seconds\":{:.3}}}", (started.elapsed() - LINGER).as_secs_f64());
    Ok(())
}

/// Writes the next datagram; its length.
fn fill(rng: &mut Rng, number: u64, bytes: &mut [u8]) -> usize {
    for chunk in bytes.chunks_exact_mut(8) {
        chunk.copy_from_slice(&rng.next_u64().to_le_bytes());
    }
    match number % 4 {
        0 => {
            bytes[..4].copy_from_slice(&[0x57, 1, 0, 0]);
            32 + rng.up_to(LARGEST - 32) as usize
        }
        2 => {
            let payload = (INIT_BYTES - 120) as u16;
            bytes[..2].copy_from_slice(&[0x51, 1]);
            bytes[2..4].copy_from_slice(&payload.to_be_bytes());
            INIT_BYTES
        }
        _ => rng.up_to(LARGEST) as usize,
    }
}

fn received(socket: &UdpSocket, buffer: &mut [u8]) -> u64 {
    std::iter::from_fn(|| socket.recv(buffer).ok()).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_are_random_and_half_are_as_long_as_they_say() {
        let (mut rng, mut bytes) = (Rng::new(1), [0u8; LARGEST as usize]);
        for number in 0..400 {
            let length = fill(&mut rng, number, &mut bytes);
            match number % 4 {
                0 => assert!(length >= 32 && bytes[..4] == [0x57, 1, 0, 0]),
                2 => assert_eq!((usize::from(bytes[2]) << 8 | usize::from(bytes[3])) + 120, length),
                _ => assert!(length <= LARGEST as usize),
            }
        }
    }
}
