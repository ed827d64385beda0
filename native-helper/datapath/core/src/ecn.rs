//! Congestion marks and traffic classes between the inner and the outer header (RFC 6040, RFC 2474): what a packet says is
//! copied outside on its way in, and a mark made on the way is brought inside at its end.
//!
//! A TOS byte (traffic class in IPv6) is `DSCP << 2 | ECN`.

use crate::drops::Reason;
use crate::ip;
use crate::wire::u16_at;

pub const ECN: u8 = 3;
const NOT_ECT: u8 = 0;
const ECT_0: u8 = 2;
const ECT_1: u8 = 1;
const CE: u8 = 3;

/// The TOS byte of an IP packet that `ip::parse` accepts.
pub fn tos_of(packet: &[u8]) -> u8 {
    if packet[0] >> 4 == 6 { packet[0] << 4 | packet[1] >> 4 } else { packet[1] }
}

/// Brings the mark of the outer header into a packet (RFC 6040 section 4.2). A packet whose sender would not understand a
/// mark of congestion is dropped, as the router that marked it would have.
pub fn arrive(packet: &mut [u8], outer: u8) -> Result<(), Reason> {
    let inner = tos_of(packet) & ECN;
    match (outer & ECN, inner) {
        (CE, NOT_ECT) => Err(Reason::Congestion),
        (CE, ECT_0 | ECT_1) => {
            set_ecn(packet, CE);
            Ok(())
        }
        (ECT_1, ECT_0) => {
            set_ecn(packet, ECT_1);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn set_ecn(packet: &mut [u8], ecn: u8) {
    if packet[0] >> 4 == 6 {
        packet[1] = packet[1] & !(ECN << 4) | ecn << 4;
        return;
    }
    let old = u16_at(packet, 0);
    packet[1] = packet[1] & !ECN | ecn;
    let sum = ip::mend(u16_at(packet, 10), old, u16_at(packet, 0));
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ip::samples::ipv4;
    use crate::offload::write_ip_checksum;

    fn packets(tos: u8) -> [Vec<u8>; 2] {
        let mut v4 = ipv4([10, 0, 0, 1], [10, 0, 0, 2], 17, &[1; 20]);
        v4[1] = tos;
        write_ip_checksum(&mut v4[..20]);
        let mut v6 = vec![0u8; 60];
        (v6[0], v6[1]) = (0x60 | tos >> 4, tos << 4 | 0xa);
        [v4, v6]
    }

    #[test]
    fn marks_are_combined_as_rfc_6040_says() {
        // Rows: the inner mark. Columns: the outer one, 0 to 3. 9 stands for dropped.
        for (inner, results) in [(0, [0, 0, 0, 9]), (1, [1, 1, 1, 3]), (2, [2, 1, 2, 3]), (3, [3, 3, 3, 3])] {
            for (outer, expected) in results.into_iter().enumerate() {
                for mut packet in packets(0xb8 | inner) {
                    assert_eq!(tos_of(&packet), 0xb8 | inner);
                    let arrived = arrive(&mut packet, 0x28 | outer as u8);
                    if expected == 9 {
                        assert_eq!(arrived, Err(Reason::Congestion));
                        continue;
                    }
                    assert_eq!((arrived, tos_of(&packet)), (Ok(()), 0xb8 | expected), "{inner} in {outer}");
                    if packet[0] >> 4 == 4 {
                        assert_eq!(ip::fold(ip::sum(&packet[..20])), 0xffff);
                    } else {
                        assert_eq!(packet[1] & 15, 0xa, "the flow label stays");
                    }
                }
            }
        }
    }
}
