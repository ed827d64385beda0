//! The thin Ethernet around the IP packets of a TAP interface: frames and ARP, which is answered on the spot.

use std::net::Ipv4Addr;

use crate::tap::{ETHER, VNET};
use crate::wire::{u16_at, u32_at};

pub const ARP: u16 = 0x0806;
pub const IPV4: u16 = 0x0800;
pub const IPV6: u16 = 0x86dd;

/// An ARP packet for IPv4 over Ethernet, without the Ethernet header.
const ARP_LENGTH: usize = 28;
const ARP_FIXED: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

/// What stands before a packet that goes to the interface: an empty virtio-net header and the Ethernet header.
pub fn frame_head(to: [u8; 6], from: [u8; 6], ether_type: u16) -> [u8; VNET + ETHER] {
    let mut head = [0u8; VNET + ETHER];
    head[VNET..VNET + 6].copy_from_slice(&to);
    head[VNET + 6..VNET + 12].copy_from_slice(&from);
    head[VNET + 12..].copy_from_slice(&ether_type.to_be_bytes());
    head
}

/// Whether the destination of a frame is broadcast or multicast.
pub fn is_group(frame: &[u8]) -> bool {
    frame[0] & 1 != 0
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct ArpQuestion {
    pub asker_mac: [u8; 6],
    pub asker: Ipv4Addr,
    pub target: Ipv4Addr,
}

/// A question that may be answered: no probe (RFC 5227, sender 0.0.0.0), no announcement, no answer.
pub fn parse_arp(packet: &[u8]) -> Option<ArpQuestion> {
    if packet.len() < ARP_LENGTH || packet[..6] != ARP_FIXED || u16_at(packet, 6) != REQUEST {
        return None;
    }
    let mut asker_mac = [0u8; 6];
    asker_mac.copy_from_slice(&packet[8..14]);
    let (asker, target) = (Ipv4Addr::from(u32_at(packet, 14)), Ipv4Addr::from(u32_at(packet, 24)));
    (!asker.is_unspecified() && asker != target).then_some(ArpQuestion { asker_mac, asker, target })
}

/// The whole frame, virtio-net header included, that says `target` is at `mac`.
pub fn arp_answer(question: &ArpQuestion, mac: [u8; 6]) -> [u8; VNET + ETHER + ARP_LENGTH] {
    let mut frame = [0u8; VNET + ETHER + ARP_LENGTH];
    frame[..VNET + ETHER].copy_from_slice(&frame_head(question.asker_mac, mac, ARP));
    let arp = &mut frame[VNET + ETHER..];
    arp[..6].copy_from_slice(&ARP_FIXED);
    arp[6..8].copy_from_slice(&REPLY.to_be_bytes());
    arp[8..14].copy_from_slice(&mac);
    arp[14..18].copy_from_slice(&question.target.octets());
    arp[18..24].copy_from_slice(&question.asker_mac);
    arp[24..28].copy_from_slice(&question.asker.octets());
    frame
}

#[cfg(test)]
pub mod samples {
    use super::*;

    /// An ARP request as the kernel writes it, with Ethernet header and without virtio-net header.
    pub fn arp_request(asker_mac: [u8; 6], asker: [u8; 4], target: [u8; 4]) -> Vec<u8> {
        let mut frame = frame_head([0xff; 6], asker_mac, ARP)[VNET..].to_vec();
        frame.extend_from_slice(&ARP_FIXED);
        frame.extend_from_slice(&[0, 1]);
        frame.extend_from_slice(&asker_mac);
        frame.extend_from_slice(&asker);
        frame.extend_from_slice(&[0; 6]);
        frame.extend_from_slice(&target);
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn questions_are_answered_and_probes_announcements_and_answers_are_not() {
        let ask = |asker, target| parse_arp(&samples::arp_request([2; 6], asker, target)[ETHER..]);
        let question = ask([172, 16, 0, 1], [172, 16, 0, 2]).unwrap();
        let answer = arp_answer(&question, [4; 6]);
        assert_eq!(answer[VNET..VNET + 6], [2; 6]);
        assert_eq!(answer[VNET + ETHER + 6..VNET + ETHER + 18], [0, 2, 4, 4, 4, 4, 4, 4, 172, 16, 0, 2]);
        assert_eq!(parse_arp(&answer[VNET + ETHER..]), None);
        assert_eq!(ask([0, 0, 0, 0], [172, 16, 0, 2]), None);
        assert_eq!(ask([172, 16, 0, 2], [172, 16, 0, 2]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse_arp(&bytes);
        }
    }
}
