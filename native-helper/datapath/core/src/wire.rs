//! The outer packets (overlay.md section 3): what a datagram is, before any key is known.
//!
//! ```text
//! DATA     0 type 0x57, 1 ver, 2 zero u16, 4 receiver u32, 8 counter u64, 16 ciphertext, tag[16]
//! TRANSIT  0 type 0x58, 1 ver, 2 inner_len u16, 4 hop_receiver u32, 8 hop_counter u64,
//!          16 header_enc[44], 60 tag[16], 76 inner packet
//! header   ttl u8 | flags u8 (1 TUNNEL, 2 no cache) | mode u8 (0 exact) | hops u8 | dst[20] | src[20]
//! ```

use crate::addr::RingAddr;

pub const VERSION: u8 = 1;
pub const TAG: usize = 16;
/// Bytes of DATA before the ciphertext; also the additional data of both AEADs.
pub const HEAD: usize = 16;
pub const DATA_OVERHEAD: usize = HEAD + TAG;
pub const TRANSIT_HEADER: usize = 44;
/// What TRANSIT puts before its inner packet.
pub const TRANSIT_OVERHEAD: usize = HEAD + TRANSIT_HEADER + TAG;
pub const TTL: u8 = 32;

pub const INIT_IK: u8 = 0x51;
pub const RESP: u8 = 0x52;
pub const XX1: u8 = 0x53;
pub const XX2: u8 = 0x54;
pub const XX3: u8 = 0x55;
pub const COOKIE: u8 = 0x56;
pub const DATA: u8 = 0x57;
pub const TRANSIT: u8 = 0x58;
pub const HELLO: u8 = 0x59;

/// No handshake packet is larger: XX1 has 1,200 bytes and INIT at most 1,120; XX3 carries a certificate chain.
const HANDSHAKE_MAX: usize = 1_452;
const INIT_MAX: usize = 1_120;
const XX1_SIZE: usize = 1_200;

/// What the first bytes say. Offsets in the packet are fixed, so only what varies is kept.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Outer {
    /// INIT_IK, RESP, XX1, XX2 or XX3 with exact length.
    Handshake(u8),
    Data {
        receiver: u32,
        counter: u64,
    },
    Transit {
        receiver: u32,
        counter: u64,
    },
    Cookie,
    Hello,
}

/// Undefined bytes, a wrong version or a length that is not that of the fields give `None`.
pub fn parse(packet: &[u8]) -> Option<Outer> {
    if packet.len() < HEAD || packet[1] != VERSION {
        return None;
    }
    let field = u16_at(packet, 2);
    let receiver = u32_at(packet, 4);
    match packet[0] {
        kind @ INIT_IK..=XX3 => handshake_length_fits(kind, field, packet.len()).then_some(Outer::Handshake(kind)),
        DATA if field == 0 && packet.len() >= DATA_OVERHEAD => {
            Some(Outer::Data { receiver, counter: u64_at(packet, 8) })
        }
        TRANSIT if packet.len() > TRANSIT_OVERHEAD && usize::from(field) == packet.len() - TRANSIT_OVERHEAD => {
            Some(Outer::Transit { receiver, counter: u64_at(packet, 8) })
        }
        COOKIE if field == 0 && packet.len() == 64 => Some(Outer::Cookie),
        HELLO if packet.len() == 32 => Some(Outer::Hello),
        _ => None,
    }
}

fn handshake_length_fits(kind: u8, payload: u16, length: usize) -> bool {
    let (fixed, most) = match kind {
        INIT_IK => (120, INIT_MAX),
        RESP => (76, INIT_MAX),
        XX1 => (72, XX1_SIZE),
        XX2 => (124, XX1_SIZE),
        _ => (92, HANDSHAKE_MAX),
    };
    let payload = usize::from(payload);
    payload >= TAG && length == fixed + payload && length <= most && (kind != XX1 || length == XX1_SIZE)
}

/// Whether a packet may travel inside TRANSIT; `nested` tells that the carrier is itself inside another one.
pub fn may_be_inner(kind: u8, tunnel: bool) -> bool {
    match kind {
        INIT_IK | RESP | COOKIE | DATA => true,
        TRANSIT => tunnel,
        _ => false,
    }
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct TransitHeader {
    pub ttl: u8,
    pub tunnel: bool,
    pub no_cache: bool,
    pub hops: u8,
    pub dst: RingAddr,
    pub src: RingAddr,
}

impl TransitHeader {
    /// `None` for unknown flag bits or a mode that is not exact.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != TRANSIT_HEADER || bytes[1] & !3 != 0 || bytes[2] != 0 {
            return None;
        }
        Some(Self {
            ttl: bytes[0],
            tunnel: bytes[1] & 1 != 0,
            no_cache: bytes[1] & 2 != 0,
            hops: bytes[3],
            dst: RingAddr::from_slice(&bytes[4..])?,
            src: RingAddr::from_slice(&bytes[24..])?,
        })
    }

    pub fn write(&self, out: &mut [u8; TRANSIT_HEADER]) {
        out[0] = self.ttl;
        out[1] = u8::from(self.tunnel) | u8::from(self.no_cache) << 1;
        out[2] = 0;
        out[3] = self.hops;
        out[4..24].copy_from_slice(&self.dst.0);
        out[24..].copy_from_slice(&self.src.0);
    }
}

/// The 16 bytes that begin DATA and TRANSIT. `field` is zero in DATA and the inner length in TRANSIT.
pub fn write_head(out: &mut [u8], kind: u8, field: u16, receiver: u32, counter: u64) {
    out[0] = kind;
    out[1] = VERSION;
    out[2..4].copy_from_slice(&field.to_be_bytes());
    out[4..8].copy_from_slice(&receiver.to_be_bytes());
    out[8..16].copy_from_slice(&counter.to_be_bytes());
}

/// Panics where `bytes` is too short, as indexing does; callers have checked the length.
pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The counter of a DATA or TRANSIT packet.
pub fn counter_of(packet: &[u8]) -> u64 {
    u64_at(packet, 8)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) << 32 | u64::from(u32_at(bytes, at + 4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(kind: u8, field: u16, length: usize) -> Vec<u8> {
        let mut bytes = vec![0u8; length];
        bytes[0] = kind;
        bytes[1] = VERSION;
        bytes[2..4].copy_from_slice(&field.to_be_bytes());
        bytes
    }

    #[test]
    fn lengths_must_be_exactly_those_of_the_fields() {
        let right = [
            (INIT_IK, 16, 136),
            (INIT_IK, 1_000, 1_120),
            (RESP, 16, 92),
            (XX1, 1_128, 1_200),
            (XX2, 16, 140),
            (XX3, 16, 108),
            (DATA, 0, 32),
            (TRANSIT, 1, 77),
            (COOKIE, 0, 64),
            (HELLO, 9, 32),
        ];
        for (kind, field, length) in right {
            assert!(parse(&packet(kind, field, length)).is_some(), "{kind:#x} {field} {length}");
            assert!(kind == DATA || parse(&packet(kind, field, length + 1)).is_none(), "{kind:#x} longer");
            assert!(parse(&packet(kind, field, length - 1)).is_none(), "{kind:#x} shorter");
            let mut other_version = packet(kind, field, length);
            other_version[1] = 2;
            assert_eq!(parse(&other_version), None);
        }
        let wrong = [
            (INIT_IK, 15, 135),
            (INIT_IK, 1_001, 1_121),
            (XX1, 16, 88),
            (DATA, 1, 32),
            (TRANSIT, 0, 76),
            (0x50, 0, 64),
            (0x5a, 0, 64),
        ];
        for (kind, field, length) in wrong {
            assert_eq!(parse(&packet(kind, field, length)), None, "{kind:#x} {field} {length}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_not_but_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let _ = parse(&bytes);
            let _ = TransitHeader::parse(&bytes);
        }

        #[test]
        fn transit_header_round_trips(ttl: u8, tunnel: bool, no_cache: bool, hops: u8, dst: [u8; 20], src: [u8; 20]) {
            let header = TransitHeader { ttl, tunnel, no_cache, hops, dst: RingAddr(dst), src: RingAddr(src) };
            let mut bytes = [0u8; TRANSIT_HEADER];
            header.write(&mut bytes);
            prop_assert_eq!(TransitHeader::parse(&bytes), Some(header));
        }
    }
}
