//! The answer to a packet that its path does not carry whole: ICMP "fragmentation needed" (RFC 792, RFC 1191), ICMPv6
//! "packet too big" (RFC 4443 section 3.2). The packet itself goes on in parts; its sender learns to make smaller ones.

use std::time::{Duration, Instant};

use crate::ip::{self, IpInfo};
use crate::offload::write_ip_checksum;

/// No IPv6 path may carry less (RFC 8200 section 5).
const MTU6_LEAST: usize = 1_280;
/// An answer is no larger (RFC 1812 section 4.3.2.3; RFC 4443 section 2.4).
const ANSWER4_MAX: usize = 576;
const ICMP: u8 = 1;
const ICMP6: u8 = 58;
const ICMP_HEAD: usize = 8;
const TTL: u8 = 64;
/// Answers in each second, to all senders together.
const ANSWERS_A_SECOND: u32 = 100;

/// The answer to the sender of `packet`, of which a path carries `room` bytes at most; it looks as if it came from the
/// destination. `None` where the packet may be cut on its way, or is itself a message of an error.
pub fn answer(packet: &[u8], info: &IpInfo, room: usize) -> Option<Vec<u8>> {
    if info.src.is_ipv4() { answer4(packet, info, room) } else { answer6(packet, info, room) }
}

fn answer4(packet: &[u8], info: &IpInfo, room: usize) -> Option<Vec<u8>> {
    let may_be_cut = packet[6] & 0x40 == 0;
    // Questions and answers of ping and the like; all other types tell of errors (RFC 1122 section 3.2.2).
    let is_error = info.protocol == ICMP && !matches!(packet.get(info.header), Some(0 | 8 | 13 | 14));
    if may_be_cut || is_error || info.length <= room {
        return None;
    }
    let quoted = &packet[..info.length.min(ANSWER4_MAX - 20 - ICMP_HEAD)];
    let mut out = vec![0x45, 0, 0, 0, 0, 0, 0, 0, TTL, ICMP, 0, 0];
    out.extend_from_slice(&packet[16..20]);
    out.extend_from_slice(&packet[12..16]);
    out.extend_from_slice(&[3, 4, 0, 0, 0, 0]);
    out.extend_from_slice(&(room as u16).to_be_bytes());
    out.extend_from_slice(quoted);
    let length = out.len() as u16;
    out[2..4].copy_from_slice(&length.to_be_bytes());
    write_ip_checksum(&mut out[..20]);
    let sum = !ip::fold(ip::sum(&out[20..]));
    out[22..24].copy_from_slice(&sum.to_be_bytes());
    Some(out)
}

fn answer6(packet: &[u8], info: &IpInfo, room: usize) -> Option<Vec<u8>> {
    let mtu = room.max(MTU6_LEAST);
    let is_error = info.protocol == ICMP6 && packet.get(info.header).is_none_or(|kind| *kind < 128);
    if is_error || info.length <= mtu {
        return None;
    }
    let quoted = &packet[..info.length.min(MTU6_LEAST - 40 - ICMP_HEAD)];
    let mut out = vec![0x60, 0, 0, 0, 0, 0, ICMP6, TTL];
    out[4..6].copy_from_slice(&((ICMP_HEAD + quoted.len()) as u16).to_be_bytes());
    out.extend_from_slice(&packet[24..40]);
    out.extend_from_slice(&packet[8..24]);
    out.extend_from_slice(&[2, 0, 0, 0]);
    out.extend_from_slice(&(mtu as u32).to_be_bytes());
    out.extend_from_slice(quoted);
    let sum = !ip::fold(ip::pseudo_sum(&out, ICMP6, out.len() - 40) + ip::sum(&out[40..]));
    out[42..44].copy_from_slice(&sum.to_be_bytes());
    Some(out)
}

/// Lets so many answers pass in each second.
pub struct Limit {
    since: Instant,
    answers: u32,
}

impl Limit {
    pub fn new(now: Instant) -> Self {
        Self { since: now, answers: 0 }
    }

    pub fn take(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            *self = Self::new(now);
        }
        self.answers += 1;
        self.answers <= ANSWERS_A_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ip::samples::ipv4;
    use crate::wire::{u16_at, u32_at};

    fn of(packet: &[u8], room: usize) -> Option<Vec<u8>> {
        answer(packet, &ip::parse(packet).unwrap(), room)
    }

    fn ipv6(protocol: u8, body: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, 0, protocol, 64];
        packet[4..6].copy_from_slice(&(body.len() as u16).to_be_bytes());
        packet.extend_from_slice(&[1; 16]);
        packet.extend_from_slice(&[2; 16]);
        packet.extend_from_slice(body);
        packet
    }

    #[test]
    fn an_ipv4_sender_that_forbids_fragments_is_told_the_size() {
        let packet = ipv4([10, 0, 0, 1], [10, 0, 0, 2], 17, &[7; 1_300]);
        let told = of(&packet, 1_240).unwrap();
        let info = ip::parse(&told).unwrap();
        assert_eq!((info.src.to_string(), info.dst.to_string()), ("10.0.0.2".into(), "10.0.0.1".into()));
        assert_eq!((info.length, info.protocol), (ANSWER4_MAX, ICMP));
        assert_eq!((&told[20..22], u16_at(&told, 26)), (&[3, 4][..], 1_240));
        assert_eq!((ip::fold(ip::sum(&told[..20])), ip::fold(ip::sum(&told[20..]))), (0xffff, 0xffff));
        assert_eq!(told[28..], packet[..ANSWER4_MAX - 28]);
        assert_eq!(of(&packet, packet.len()), None);
        let mut may_be_cut = packet.clone();
        may_be_cut[6] = 0;
        assert_eq!(of(&may_be_cut, 1_240), None);
    }

    #[test]
    fn an_ipv6_sender_is_told_no_less_than_1280() {
        for (room, mtu) in [(1_300, 1_300), (1_000, 1_280)] {
            let packet = ipv6(17, &[7; 1_292]);
            let told = of(&packet, room).unwrap();
            let info = ip::parse(&told).unwrap();
            assert_eq!((&told[8..24], &told[24..40]), (&[2; 16][..], &[1; 16][..]));
            assert_eq!((info.length, told[40], u32_at(&told, 44)), (1_280, 2, mtu));
            assert!(ip::samples::checksum_is_right(&told));
        }
        assert_eq!(of(&ipv6(17, &[7; 1_240]), 1_000), None, "that goes in parts");
    }

    #[test]
    fn messages_of_errors_get_no_answer() {
        assert!(of(&ipv4([1; 4], [2; 4], ICMP, &[8; 1_400]), 1_240).is_some());
        assert_eq!(of(&ipv4([1; 4], [2; 4], ICMP, &[3; 1_400]), 1_240), None);
        assert!(of(&ipv6(ICMP6, &[128; 1_400]), 1_300).is_some());
        assert_eq!(of(&ipv6(ICMP6, &[2; 1_400]), 1_300), None);
    }

    #[test]
    fn answers_are_limited() {
        let now = Instant::now();
        let mut limit = Limit::new(now);
        assert_eq!((0..500).filter(|_| limit.take(now)).count(), 100);
        assert!(limit.take(now + Duration::from_secs(1)));
    }
}
