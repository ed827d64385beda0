//! What a router reads and changes in an IPv4 packet (RFC 791): destination, time to live, header checksum.

use std::net::Ipv4Addr;

#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not a whole IPv4 packet.
    Malformed,
    /// The time to live ran out here.
    Expired,
}

/// Checks the packet, takes one from its time to live and says where it goes.
pub fn forward(packet: &mut [u8]) -> Result<Ipv4Addr, Refusal> {
    if packet.len() < 20 || packet[0] >> 4 != 4 {
        return Err(Refusal::Malformed);
    }
    let header = usize::from(packet[0] & 15) * 4;
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    if header < 20 || total < header || total > packet.len() {
        return Err(Refusal::Malformed);
    }
    if packet[8] <= 1 {
        return Err(Refusal::Expired);
    }
    packet[8] -= 1;
    // The sum of a header whose time to live fell by one rises by 0x0100 (RFC 1141), with the carry added at the end.
    let sum = u32::from(u16::from_be_bytes([packet[10], packet[11]])) + 0x0100;
    let sum = (sum + (sum >> 16)) as u16;
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    Ok(Ipv4Addr::new(packet[16], packet[17], packet[18], packet[19]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checksum(header: &[u8]) -> u16 {
        let mut sum: u32 = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    fn packet(ttl: u8, identification: u16) -> Vec<u8> {
        let mut bytes = vec![
            0x45, 0, 0, 28, 0, 0, 0x40, 0, ttl, 17, 0, 0, 198, 51, 100, 10, 203, 0, 113, 10, 1, 2, 3, 4, 0, 8, 0, 0,
        ];
        bytes[4..6].copy_from_slice(&identification.to_be_bytes());
        let sum = checksum(&bytes[..20]);
        bytes[10..12].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    #[test]
    fn lowers_the_time_to_live_and_keeps_the_header_sound() {
        for identification in 0..=u16::MAX {
            let mut bytes = packet(64, identification);
            assert_eq!(forward(&mut bytes), Ok(Ipv4Addr::new(203, 0, 113, 10)));
            assert_eq!(bytes[8], 63);
            assert_eq!(checksum(&bytes[..20]), 0, "identification {identification}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_whole_ipv4_packet() {
        let good = packet(64, 1);
        for length in 0..20 {
            assert_eq!(forward(&mut good[..length].to_vec()), Err(Refusal::Malformed));
        }
        let mut six = good.clone();
        six[0] = 0x65;
        assert_eq!(forward(&mut six), Err(Refusal::Malformed));
        let mut short_header = good.clone();
        short_header[0] = 0x44;
        assert_eq!(forward(&mut short_header), Err(Refusal::Malformed));
        let mut cut = good.clone();
        cut.truncate(27);
        assert_eq!(forward(&mut cut), Err(Refusal::Malformed));
    }

    #[test]
    fn lets_a_packet_die_that_has_come_too_far() {
        assert_eq!(forward(&mut packet(1, 1)), Err(Refusal::Expired));
        assert_eq!(forward(&mut packet(0, 1)), Err(Refusal::Expired));
    }
}
