//! Why packets were dropped, counted by reason.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! reasons {
    ($($variant:ident => $name:literal),+ $(,)?) => {
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Reason { $($variant),+ }
        const NAMES: &[&str] = &[$($name),+];
    };
}

reasons! {
    Malformed => "malformed",
    UnknownIndex => "unknownIndex",
    Mac1 => "mac1",
    RateLimit => "rateLimit",
    NotImplemented => "notImplemented",
    Replay => "replay",
    NotAuthentic => "notAuthentic",
    BadFrame => "badFrame",
    Fragment => "fragment",
    BadInner => "badInner",
    UnknownSource => "unknownSource",
    InterfaceDown => "interfaceDown",
    InterfaceWrite => "interfaceWrite",
    Group => "group",
    NotIp => "notIp",
    NoEntry => "noEntry",
    HeldTooLong => "heldTooLong",
    NoKey => "noKey",
    NoPath => "noPath",
    TooLarge => "tooLarge",
    KeyWornOut => "keyWornOut",
    Congestion => "congestion",
    Ttl => "ttl",
    NotReserved => "notReserved",
    NoRoute => "noRoute",
    ForeignNetwork => "foreignNetwork",
    SendQueueFull => "sendQueueFull",
    SendNoBuffers => "sendNoBuffers",
    SendRefused => "sendRefused",
    SendUnreachable => "sendUnreachable",
    SendFailed => "sendFailed",
    NoStream => "noStream",
    StreamStale => "streamStale",
    StreamLimit => "streamLimit",
    StreamMalformed => "streamMalformed",
    StreamUnfinished => "streamUnfinished",
    EventQueueFull => "eventQueueFull",
}

pub struct Drops([AtomicU64; NAMES.len()]);

impl Default for Drops {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Drops {
    pub fn count(&self, reason: Reason) {
        self.add(reason, 1);
    }

    pub fn add(&self, reason: Reason, packets: u64) {
        self.0[reason as usize].fetch_add(packets, Ordering::Relaxed);
    }

    pub fn get(&self, reason: Reason) -> u64 {
        self.0[reason as usize].load(Ordering::Relaxed)
    }

    /// All reasons, also those that never occurred.
    pub fn all(&self) -> Vec<(&'static str, u64)> {
        NAMES.iter().zip(&self.0).map(|(name, count)| (*name, count.load(Ordering::Relaxed))).collect()
    }
}
