//! Identities and Noise handshakes (overlay.md section 3): `Noise_IKpsk2` and `Noise_XXpsk3`, 25519_ChaChaPoly_BLAKE2s.

use blake2::Blake2sMac;
use blake2::digest::consts::U16;
use blake2::digest::{FixedOutput, KeyInit, Update};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use snow::{Builder, HandshakeState};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::aead::{Cipher, SessionKeys, data_key};

/// No Noise message is longer.
const NOISE_MAX: usize = 65_535;

/// The two secret keys of a node: Ed25519 by its seed, X25519 by its secret.
pub struct Identity {
    signing: SigningKey,
    x_secret: StaticSecret,
    x_public: [u8; 32],
}

impl Identity {
    pub fn new(ed_seed: &[u8; 32], x_secret: &[u8; 32]) -> Self {
        let x_secret = StaticSecret::from(*x_secret);
        let x_public = PublicKey::from(&x_secret).to_bytes();
        Self { signing: SigningKey::from_bytes(ed_seed), x_secret, x_public }
    }

    pub fn ed_public(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    pub fn x_public(&self) -> [u8; 32] {
        self.x_public
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }
}

/// Ed25519 verification, strict: no small-order keys, no malleable signatures.
pub fn verify(ed_public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (<&[u8; 32]>::try_from(ed_public), <&[u8; 64]>::try_from(signature)) else {
        return false;
    };
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}

pub fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

/// Keyed BLAKE2s with 16 bytes of output; `None` for a key that is empty or longer than 32 bytes.
pub fn blake2s128(key: &[u8], data: &[u8]) -> Option<[u8; 16]> {
    if key.is_empty() || key.len() > 32 {
        return None;
    }
    let mut mac = Blake2sMac::<U16>::new_from_slice(key).ok()?;
    mac.update(data);
    Some(mac.finalize_fixed().into())
}

/// Argon2id version 1.3 with `memory_kib` KiB, `passes` passes and `lanes` lanes.
pub fn argon2id(
    password: &[u8],
    salt: &[u8],
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let params = argon2::Params::new(memory_kib, passes, lanes, Some(length)).map_err(|error| error.to_string())?;
    let mut out = Zeroizing::new(vec![0u8; length]);
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(password, salt, &mut out)
        .map_err(|error| error.to_string())?;
    Ok(out)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pattern {
    Ik,
    Xx,
}

pub struct HandshakeOptions<'a> {
    pub pattern: Pattern,
    pub initiator: bool,
    pub identity: &'a Identity,
    pub prologue: &'a [u8],
    pub psk: &'a [u8; 32],
    /// The responder's X25519 key; needed by the initiator of IK.
    pub remote_static: Option<&'a [u8; 32]>,
}

/// One handshake in progress. After a message that does not authenticate it is spent and refuses all further steps.
pub struct Handshake {
    state: Option<HandshakeState>,
    initiator: bool,
}

impl Handshake {
    pub fn new(options: &HandshakeOptions<'_>) -> Result<Self, String> {
        let (name, psk_place) = match options.pattern {
            Pattern::Ik => ("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s", 2),
            Pattern::Xx => ("Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s", 3),
        };
        let secret = Zeroizing::new(options.identity.x_secret.to_bytes());
        let build = || -> Result<HandshakeState, snow::Error> {
            let mut builder = Builder::new(name.parse()?)
                .local_private_key(secret.as_slice())?
                .prologue(options.prologue)?
                .psk(psk_place, options.psk)?;
            if let Some(key) = options.remote_static {
                builder = builder.remote_public_key(key)?;
            }
            if options.initiator { builder.build_initiator() } else { builder.build_responder() }
        };
        let state = build().map_err(|error| format!("the handshake cannot start: {error}"))?;
        Ok(Self { state: Some(state), initiator: options.initiator })
    }

    /// The next message of this end.
    pub fn write(&mut self, payload: &[u8]) -> Result<Vec<u8>, String> {
        let state = self.state.as_mut().ok_or("the handshake is spent")?;
        if state.is_handshake_finished() || !state.is_my_turn() {
            return Err("it is not this end's turn in the handshake".into());
        }
        let mut message = vec![0u8; (payload.len() + 256).min(NOISE_MAX)];
        match state.write_message(payload, &mut message) {
            Ok(length) => {
                message.truncate(length);
                Ok(message)
            }
            Err(error) => {
                self.state = None;
                Err(format!("the handshake message cannot be made: {error}"))
            }
        }
    }

    /// The payload of the peer's next message, or `None` where it does not authenticate or is out of turn.
    pub fn read(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let state = self.state.as_mut()?;
        if state.is_handshake_finished() || state.is_my_turn() {
            return None;
        }
        let mut payload = vec![0u8; message.len()];
        match state.read_message(message, &mut payload) {
            Ok(length) => {
                payload.truncate(length);
                Some(payload)
            }
            Err(_) => {
                self.state = None;
                None
            }
        }
    }

    /// The peer's X25519 key once it is known.
    pub fn remote_static(&self) -> Option<[u8; 32]> {
        self.state.as_ref()?.get_remote_static()?.try_into().ok()
    }

    /// The keys, after the last message.
    pub fn split(&mut self, cipher: Cipher) -> Result<SessionKeys, String> {
        let state = self.state.as_mut().ok_or("the handshake is spent")?;
        if !state.is_handshake_finished() {
            return Err("the handshake is not finished".into());
        }
        let (first, second) = state.dangerously_get_raw_split();
        let (first, second) = (Zeroizing::new(first), Zeroizing::new(second));
        let (of_initiator, of_responder) = (data_key(&first, cipher), data_key(&second, cipher));
        Ok(if self.initiator {
            SessionKeys { cipher, tx: of_initiator, rx: of_responder }
        } else {
            SessionKeys { cipher, tx: of_responder, rx: of_initiator }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(n: u8) -> Identity {
        Identity::new(&[n; 32], &[n + 100; 32])
    }

    fn pair(pattern: Pattern, psks: [[u8; 32]; 2]) -> (Handshake, Handshake) {
        let (a, b) = (identity(1), identity(2));
        let key = b.x_public();
        let end = |initiator, identity, psk| {
            let remote_static = (initiator && pattern == Pattern::Ik).then_some(&key);
            Handshake::new(&HandshakeOptions { pattern, initiator, identity, prologue: b"ovl1", psk, remote_static })
                .unwrap()
        };
        (end(true, &a, &psks[0]), end(false, &b, &psks[1]))
    }

    #[test]
    fn both_patterns_agree_on_keys_and_name_the_peer() {
        for (pattern, messages) in [(Pattern::Ik, 2), (Pattern::Xx, 3)] {
            let (mut a, mut b) = pair(pattern, [[0; 32]; 2]);
            for turn in 0..messages {
                let (from, to) = if turn % 2 == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
                assert!(from.split(Cipher::ChaCha20Poly1305).is_err());
                let message = from.write(&[turn; 40]).unwrap();
                assert_eq!(to.read(&message).unwrap(), [turn; 40]);
            }
            let (ka, kb) = (a.split(Cipher::Aes256Gcm).unwrap(), b.split(Cipher::Aes256Gcm).unwrap());
            assert_eq!(ka.tx, kb.rx);
            assert_eq!(ka.rx, kb.tx);
            assert_ne!(ka.tx, ka.rx);
            assert_eq!(a.remote_static(), Some(identity(2).x_public()));
            assert_eq!(b.remote_static(), Some(identity(1).x_public()));
        }
    }

    #[test]
    fn message_sizes_are_those_of_the_wire_table() {
        let (mut a, mut b) = pair(Pattern::Ik, [[0; 32]; 2]);
        let init = a.write(&[0; 10]).unwrap();
        assert_eq!(init.len(), 32 + 48 + 26);
        b.read(&init).unwrap();
        assert_eq!(b.write(&[]).unwrap().len(), 32 + 16);
        let (mut a, mut b) = pair(Pattern::Xx, [[0; 32]; 2]);
        let first = a.write(&[0; 10]).unwrap();
        assert_eq!(first.len(), 32 + 26);
        b.read(&first).unwrap();
        let second = b.write(&[0; 10]).unwrap();
        assert_eq!(second.len(), 32 + 48 + 26);
        a.read(&second).unwrap();
        assert_eq!(a.write(&[0; 10]).unwrap().len(), 48 + 26);
    }

    #[test]
    fn another_psk_is_refused_and_spends_the_handshake() {
        let (mut a, mut b) = pair(Pattern::Ik, [[0; 32], [1; 32]]);
        b.read(&a.write(&[]).unwrap()).unwrap();
        let resp = b.write(&[]).unwrap();
        assert!(a.read(&resp).is_none());
        assert!(a.write(&[]).is_err());
        assert!(a.split(Cipher::ChaCha20Poly1305).is_err());
    }

    #[test]
    fn out_of_turn_steps_are_refused() {
        let (mut a, mut b) = pair(Pattern::Ik, [[0; 32]; 2]);
        assert!(b.write(&[]).is_err());
        assert!(a.read(&[0; 100]).is_none());
        assert!(a.write(&[]).is_ok(), "an early datagram must not spend the handshake");
    }

    #[test]
    fn signatures_verify_strictly() {
        let me = identity(3);
        let signature = me.sign(b"text");
        assert!(verify(&me.ed_public(), b"text", &signature));
        assert!(!verify(&me.ed_public(), b"texT", &signature));
        assert!(!verify(&[0; 32], b"text", &signature));
        assert!(!verify(&[0; 5], b"text", &signature));
    }

    #[test]
    fn argon2id_matches_the_reference() {
        // RFC 9106 has a secret and associated data, so this vector is that of the reference command line:
        // echo -n password | argon2 somesalt -id -t 2 -k 256 -p 1 -l 32
        let out = argon2id(b"password", b"somesalt", 256, 2, 1, 32).unwrap();
        let hex: String = out.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe");
        assert!(argon2id(b"password", b"short", 256, 2, 1, 32).is_err());
    }
}
