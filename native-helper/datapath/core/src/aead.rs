//! The two ciphers of DATA and TRANSIT and the keys made from a Noise split (overlay.md section 3 "Keys").

use blake2::Blake2sMac256;
use blake2::digest::{FixedOutput, KeyInit, Update};
use zeroize::Zeroizing;

use crate::wire::TAG;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cipher {
    ChaCha20Poly1305 = 1,
    Aes256Gcm = 2,
}

impl Cipher {
    pub fn from_id(id: u32) -> Option<Self> {
        match id {
            1 => Some(Self::ChaCha20Poly1305),
            2 => Some(Self::Aes256Gcm),
            _ => None,
        }
    }
}

/// Whether this processor computes AES-GCM in hardware; without it cipher 2 is slower than cipher 1.
pub fn has_aes_hardware() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes") && std::arch::is_aarch64_feature_detected!("pmull");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

/// The key of one direction. Both libraries compute the same; which of them is quicker is a matter of the processor
/// (docs/decisions/0009-two-aeads.md).
pub struct AeadKey(Library);

enum Library {
    Ring(Box<ring::aead::LessSafeKey>),
    AwsLc(Box<aws_lc_rs::aead::LessSafeKey>),
}

impl AeadKey {
    pub fn new(cipher: Cipher, key: &[u8; 32]) -> Self {
        Self(if has_wide_aes() { Library::aws_lc(cipher, key) } else { Library::ring(cipher, key) })
    }

    /// Encrypts `text` where it stands. The caller gives each counter once.
    pub fn seal(&self, counter: u64, aad: &[u8], text: &mut [u8]) -> [u8; TAG] {
        let mut bytes = [0u8; TAG];
        match &self.0 {
            Library::Ring(key) => {
                use ring::aead::{Aad, Nonce};
                let nonce = Nonce::assume_unique_for_key(nonce(counter));
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), text).expect(FAR_BELOW_LIMIT);
                bytes.copy_from_slice(tag.as_ref());
            }
            Library::AwsLc(key) => {
                use aws_lc_rs::aead::{Aad, Nonce};
                let nonce = Nonce::assume_unique_for_key(nonce(counter));
                let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), text).expect(FAR_BELOW_LIMIT);
                bytes.copy_from_slice(tag.as_ref());
            }
        }
        bytes
    }

    /// Decrypts `text | tag` where it stands and gives back the text; after a failure the bytes are worthless.
    pub fn open<'a>(&self, counter: u64, aad: &[u8], text_and_tag: &'a mut [u8]) -> Option<&'a mut [u8]> {
        match &self.0 {
            Library::Ring(key) => {
                use ring::aead::{Aad, Nonce};
                key.open_in_place(Nonce::assume_unique_for_key(nonce(counter)), Aad::from(aad), text_and_tag).ok()
            }
            Library::AwsLc(key) => {
                use aws_lc_rs::aead::{Aad, Nonce};
                key.open_in_place(Nonce::assume_unique_for_key(nonce(counter)), Aad::from(aad), text_and_tag).ok()
            }
        }
    }
}

const TAKES_32_BYTES: &str = "both ciphers take 32 bytes";
const FAR_BELOW_LIMIT: &str = "a packet is far below the limit of the cipher";

impl Library {
    fn ring(cipher: Cipher, key: &[u8; 32]) -> Self {
        use ring::aead::{AES_256_GCM, CHACHA20_POLY1305, LessSafeKey, UnboundKey};
        let algorithm = match cipher {
            Cipher::ChaCha20Poly1305 => &CHACHA20_POLY1305,
            Cipher::Aes256Gcm => &AES_256_GCM,
        };
        Self::Ring(Box::new(LessSafeKey::new(UnboundKey::new(algorithm, key).expect(TAKES_32_BYTES))))
    }

    fn aws_lc(cipher: Cipher, key: &[u8; 32]) -> Self {
        use aws_lc_rs::aead::{AES_256_GCM, CHACHA20_POLY1305, LessSafeKey, UnboundKey};
        let algorithm = match cipher {
            Cipher::ChaCha20Poly1305 => &CHACHA20_POLY1305,
            Cipher::Aes256Gcm => &AES_256_GCM,
        };
        Self::AwsLc(Box::new(LessSafeKey::new(UnboundKey::new(algorithm, key).expect(TAKES_32_BYTES))))
    }
}

/// Whether the processor has AES for 64 bytes at a time, which of the two libraries only `aws-lc` uses.
fn has_wide_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("vaes")
        && std::arch::is_x86_feature_detected!("vpclmulqdq")
        && std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vl");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// 4 zero bytes, then the counter.
fn nonce(counter: u64) -> [u8; 12] {
    let mut bytes = [0u8; 12];
    bytes[4..].copy_from_slice(&counter.to_be_bytes());
    bytes
}

/// The keys of a finished handshake, as one of its ends uses them.
#[derive(Clone)]
pub struct SessionKeys {
    pub cipher: Cipher,
    pub tx: Zeroizing<[u8; 32]>,
    pub rx: Zeroizing<[u8; 32]>,
}

/// `K = BLAKE2s-256(key = k, "ovl1-data" | u8 cipher)`.
pub fn data_key(split: &[u8; 32], cipher: Cipher) -> Zeroizing<[u8; 32]> {
    let mut mac = Blake2sMac256::new_from_slice(split).expect("32 bytes are a valid key");
    mac.update(b"ovl1-data");
    mac.update(&[cipher as u8]);
    Zeroizing::new(mac.finalize_fixed().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_bit_anywhere_does_not_open() {
        for cipher in [Cipher::ChaCha20Poly1305, Cipher::Aes256Gcm] {
            let key = AeadKey::new(cipher, &[7; 32]);
            let aad = [1u8; 16];
            let mut sealed = b"condor wow".to_vec();
            let tag = key.seal(9, &aad, &mut sealed);
            sealed.extend_from_slice(&tag);
            assert_eq!(key.open(9, &aad, &mut sealed.clone()).unwrap(), b"condor wow");
            assert!(key.open(8, &aad, &mut sealed.clone()).is_none());
            for bit in 0..sealed.len() * 8 {
                let mut changed = sealed.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(key.open(9, &aad, &mut changed).is_none());
            }
        }
    }

    #[test]
    fn both_libraries_compute_the_same() {
        for cipher in [Cipher::ChaCha20Poly1305, Cipher::Aes256Gcm] {
            let both = [AeadKey(Library::ring(cipher, &[7; 32])), AeadKey(Library::aws_lc(cipher, &[7; 32]))];
            for length in [0, 1, 15, 16, 17, 255, 256, 257, 1_332, 1_400, 9_000] {
                let text: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
                let [one, other] = both.each_ref().map(|key| {
                    let mut sealed = text.clone();
                    let tag = key.seal(5, &[1; 16], &mut sealed);
                    sealed.extend_from_slice(&tag);
                    sealed
                });
                assert_eq!(one, other, "{length} bytes");
                for key in &both {
                    assert_eq!(key.open(5, &[1; 16], &mut one.clone()).unwrap(), text);
                    assert!(key.open(6, &[1; 16], &mut one.clone()).is_none());
                }
            }
        }
    }

    #[test]
    fn the_ciphers_have_different_keys() {
        assert_ne!(data_key(&[3; 32], Cipher::ChaCha20Poly1305), data_key(&[3; 32], Cipher::Aes256Gcm));
    }
}
