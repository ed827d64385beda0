//! Identities, handshakes and hashes for the engine.

use napi::bindgen_prelude::{Buffer, Uint8Array};
use napi_derive::napi;
use ringway_core::aead::{self, Cipher, SessionKeys};
use ringway_core::noise::{self, Handshake, HandshakeOptions, Identity, Pattern};

use crate::values::{Result, array, bad, failure};

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).map_err(|error| failure("NO_ENTROPY", error.to_string()))?;
    Ok(bytes)
}

/// Secret keys of a node behind a handle: an Ed25519 seed and an X25519 secret, 32 bytes each.
#[napi]
pub struct NativeIdentity(Identity);

#[napi]
impl NativeIdentity {
    #[napi(constructor, catch_unwind)]
    pub fn new(ed_seed: &[u8], x_secret: &[u8]) -> Result<Self> {
        Ok(Self(Identity::new(&array("an Ed25519 seed", ed_seed)?, &array("an X25519 secret", x_secret)?)))
    }

    #[napi(getter, catch_unwind)]
    pub fn ed_public(&self) -> Uint8Array {
        self.0.ed_public().to_vec().into()
    }

    #[napi(getter, catch_unwind)]
    pub fn x_public(&self) -> Uint8Array {
        self.0.x_public().to_vec().into()
    }

    #[napi(catch_unwind)]
    pub fn sign(&self, message: &[u8]) -> Uint8Array {
        self.0.sign(message).to_vec().into()
    }
}

/// The keys of a finished handshake, consumed by `keyAdd`.
#[napi]
pub struct NativeSessionKeys(pub(crate) SessionKeys);

#[napi]
impl NativeSessionKeys {
    /// Marks the type for the engine; holds no secret.
    #[napi(getter, catch_unwind)]
    pub fn session_keys(&self) -> u32 {
        self.0.cipher as u32
    }
}

#[napi]
pub struct NativeHandshake(Handshake);

#[napi]
impl NativeHandshake {
    /// `psk` has 32 bytes; `remoteStatic` is needed by the initiator of IK.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        #[napi(ts_arg_type = "'IK' | 'XX'")] pattern: String,
        initiator: bool,
        identity: &NativeIdentity,
        prologue: &[u8],
        psk: &[u8],
        remote_static: Option<Uint8Array>,
    ) -> Result<Self> {
        let pattern = match pattern.as_str() {
            "IK" => Pattern::Ik,
            "XX" => Pattern::Xx,
            other => return Err(bad(format!("{other:?} is no handshake pattern"))),
        };
        let remote_static = remote_static.map(|key| array("an X25519 key", &key)).transpose()?;
        let options = HandshakeOptions {
            pattern,
            initiator,
            identity: &identity.0,
            prologue,
            psk: &array("a psk", psk)?,
            remote_static: remote_static.as_ref(),
        };
        Handshake::new(&options).map(Self).map_err(bad)
    }

    #[napi(catch_unwind)]
    pub fn write(&mut self, payload: &[u8]) -> Result<Uint8Array> {
        self.0.write(payload).map(Into::into).map_err(|text| failure("HANDSHAKE", text))
    }

    /// Null where the message does not authenticate.
    #[napi(catch_unwind)]
    pub fn read(&mut self, message: &[u8]) -> Option<Uint8Array> {
        self.0.read(message).map(Into::into)
    }

    #[napi(catch_unwind)]
    pub fn remote_static(&self) -> Option<Uint8Array> {
        self.0.remote_static().map(|key| key.to_vec().into())
    }

    #[napi(catch_unwind)]
    pub fn split(&mut self, cipher: u32) -> Result<NativeSessionKeys> {
        let cipher = Cipher::from_id(cipher).ok_or_else(|| bad(format!("{cipher} is no cipher")))?;
        self.0.split(cipher).map(NativeSessionKeys).map_err(|text| failure("HANDSHAKE", text))
    }
}

#[napi(catch_unwind)]
pub fn sha256(data: &[u8]) -> Uint8Array {
    noise::sha256(data).to_vec().into()
}

/// Keyed BLAKE2s with 16 bytes of output; the key has 1 to 32 bytes.
#[napi(catch_unwind)]
pub fn blake2s128(key: &[u8], data: &[u8]) -> Result<Uint8Array> {
    let mac = noise::blake2s128(key, data).ok_or_else(|| bad("a BLAKE2s key has 1 to 32 bytes"))?;
    Ok(mac.to_vec().into())
}

/// Ed25519 verification (RFC 8032, strict).
#[napi(catch_unwind)]
pub fn verify(ed_public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    noise::verify(ed_public, message, signature)
}

/// Argon2id 1.3, on the calling thread.
#[napi(catch_unwind)]
pub fn argon2id(
    password: &[u8],
    salt: &[u8],
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    length: u32,
) -> Result<Uint8Array> {
    let out = noise::argon2id(password, salt, memory_kib, passes, lanes, length as usize).map_err(bad)?;
    Ok(out.to_vec().into())
}

/// Bytes of the system's generator.
#[napi(catch_unwind)]
pub fn random_bytes(length: u32) -> Result<Buffer> {
    let mut bytes = vec![0u8; length as usize];
    getrandom::fill(&mut bytes).map_err(|error| failure("NO_ENTROPY", error.to_string()))?;
    Ok(bytes.into())
}

/// A fresh 32-byte secret, fit for an Ed25519 seed or an X25519 secret.
#[napi(catch_unwind)]
pub fn generate_secret() -> Result<Uint8Array> {
    Ok(random::<32>()?.to_vec().into())
}

/// Whether AES-256-GCM is computed in hardware here, so that cipher 2 is worth listing.
#[napi(catch_unwind)]
pub fn has_aes_hardware() -> bool {
    aead::has_aes_hardware()
}
