//! The frames inside DATA (overlay.md section 4): `kind u8 | aux u8 | len u16 | body[len]`.

use std::ops::Range;

use crate::wire::u16_at;

pub const FRAME_HEAD: usize = 4;

pub const IP: u8 = 1;
pub const ETH: u8 = 2;
pub const CTRL: u8 = 3;
pub const FRAG: u8 = 4;
pub const PROBE: u8 = 5;
pub const PROBE_ACK: u8 = 6;
pub const MCAST: u8 = 7;
pub const IP_PARTIAL: u8 = 8;
pub const ETH_PARTIAL: u8 = 9;

/// CTRL is larger than one packet at most by FRAG.
pub const CTRL_MAX: usize = 8_192;
/// type, flags and id.
pub const CTRL_MIN: usize = 6;
/// `csum_start u16 | csum_offset u16` before the packet.
pub const PARTIAL_HEAD: usize = 4;

#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Frame {
    pub kind: u8,
    pub aux: u8,
    /// Where the body stands in the text.
    pub body: Range<usize>,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Malformed;

/// Reads the frame at `*at` and moves on; `Ok(None)` at the end of the list. Unknown kinds from 0x80 are passed over.
pub fn next(text: &[u8], at: &mut usize) -> Result<Option<Frame>, Malformed> {
    while *at < text.len() {
        if text[*at] == 0 {
            // The list ends here, and only zeros may follow.
            let rest = *at;
            *at = text.len();
            return if text[rest..].iter().all(|&byte| byte == 0) { Ok(None) } else { Err(Malformed) };
        }
        if text.len() - *at < FRAME_HEAD {
            return Err(Malformed);
        }
        let (kind, aux) = (text[*at], text[*at + 1]);
        let start = *at + FRAME_HEAD;
        let end = start + usize::from(u16_at(text, *at + 2));
        if end > text.len() {
            return Err(Malformed);
        }
        *at = end;
        match kind {
            IP..=ETH_PARTIAL => {
                let carries_interface = matches!(kind, IP | ETH | IP_PARTIAL | ETH_PARTIAL);
                if aux != 0 && !carries_interface {
                    return Err(Malformed);
                }
                return Ok(Some(Frame { kind, aux, body: start..end }));
            }
            0x80.. => {}
            _ => return Err(Malformed),
        }
    }
    Ok(None)
}

/// Whether all frames of `text` are well formed. One bad frame drops the whole packet.
pub fn check(text: &[u8]) -> bool {
    let mut at = 0;
    loop {
        match next(text, &mut at) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(Malformed) => return false,
        }
    }
}

/// Writes the four bytes before a body of `length` bytes.
pub fn write_head(out: &mut [u8], kind: u8, length: usize) {
    out[0] = kind;
    out[1] = 0;
    out[2..4].copy_from_slice(&(length as u16).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &[u8]) -> Result<Vec<(u8, Vec<u8>)>, Malformed> {
        let mut at = 0;
        let mut frames = Vec::new();
        while let Some(frame) = next(text, &mut at)? {
            frames.push((frame.kind, text[frame.body].to_vec()));
        }
        Ok(frames)
    }

    #[test]
    fn lists_end_at_kind_zero_and_skip_unknown_high_kinds() {
        assert_eq!(all(&[]), Ok(vec![]));
        assert_eq!(all(&[0, 0]), Ok(vec![]));
        assert_eq!(all(&[0, 1]), Err(Malformed));
        assert_eq!(all(&[3, 0, 0, 1, 9, 0, 0]), Ok(vec![(3, vec![9])]));
        assert_eq!(all(&[0x80, 7, 0, 1, 9, 1, 0, 0, 0]), Ok(vec![(1, vec![])]));
        assert_eq!(all(&[10, 0, 0, 0]), Err(Malformed));
        assert_eq!(all(&[1, 0, 0, 2, 0]), Err(Malformed));
        assert_eq!(all(&[1, 0, 0]), Err(Malformed));
        assert_eq!(all(&[3, 1, 0, 0]), Err(Malformed));
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(all(&bytes).is_ok(), check(&bytes));
        }

        #[test]
        fn frames_round_trip(frames in proptest::collection::vec((1u8..10, proptest::collection::vec(any::<u8>(), 0..40)), 0..6), zeros in 0usize..9) {
            let mut text = Vec::new();
            for (kind, body) in &frames {
                let mut head = [0; FRAME_HEAD];
                write_head(&mut head, *kind, body.len());
                text.extend_from_slice(&head);
                text.extend_from_slice(body);
            }
            text.resize(text.len() + zeros, 0);
            prop_assert_eq!(all(&text), Ok(frames));
        }
    }
}
