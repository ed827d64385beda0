//! Values as they cross the boundary, and the errors they may cause.

use std::net::SocketAddr;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use ringway_core::addr::RingAddr;
use ringway_core::events::Event;
use ringway_core::ipmap::Prefix;
use ringway_core::session::{Path, Totals, Via};

/// Errors carry the code that people and programs read: `error.code`.
pub type Failure = napi::Error<String>;
pub type Result<T> = std::result::Result<T, Failure>;

pub fn failure(code: &str, text: impl Into<String>) -> Failure {
    Failure::new(code.to_owned(), text.into())
}

pub fn from_core(error: ringway_core::error::Error) -> Failure {
    Failure::new(error.code.to_owned(), error.text)
}

pub fn bad(text: impl Into<String>) -> Failure {
    failure("BAD_ARGUMENT", text)
}

pub fn ring_address(text: &str) -> Result<RingAddr> {
    RingAddr::parse(text).ok_or_else(|| bad(format!("{text:?} is no ring address of 40 hex digits")))
}

pub fn socket_address(text: &str) -> Result<SocketAddr> {
    text.parse().map_err(|_| bad(format!("{text:?} is no numeric socket address")))
}

pub fn prefix(text: &str) -> Result<Prefix> {
    Prefix::parse(text).ok_or_else(|| bad(format!("{text:?} is no IP prefix")))
}

pub fn array<const N: usize>(what: &str, bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| bad(format!("{what} has {N} bytes, not {}", bytes.len())))
}

/// `Path` or `Via` of the boundary; which fields are there depends on `kind`.
#[napi(object)]
#[derive(Default)]
pub struct NativePath {
    #[napi(ts_type = "'udp' | 'tcp' | 'tunnel' | 'ring'")]
    pub kind: String,
    pub remote: Option<String>,
    pub relay: Option<String>,
    pub peer: Option<String>,
}

impl NativePath {
    fn socket(&self) -> Result<SocketAddr> {
        socket_address(self.remote.as_deref().unwrap_or_default())
    }

    fn relay(&self) -> Result<RingAddr> {
        ring_address(self.relay.as_deref().unwrap_or_default())
    }

    fn peer(&self) -> Result<RingAddr> {
        ring_address(self.peer.as_deref().unwrap_or_default())
    }

    pub fn to_path(&self) -> Result<Path> {
        match self.kind.as_str() {
            "udp" => Ok(Path::Udp(self.socket()?)),
            "tcp" => Ok(Path::Tcp(self.socket()?)),
            "tunnel" => Ok(Path::Tunnel(self.relay()?)),
            "ring" => Ok(Path::Ring),
            other => Err(bad(format!("{other:?} is no kind of path"))),
        }
    }

    pub fn to_via(&self) -> Result<Via> {
        match self.kind.as_str() {
            "udp" => Ok(Via::Udp(self.socket()?)),
            "tcp" => Ok(Via::Tcp(self.socket()?)),
            "tunnel" => Ok(Via::Tunnel { relay: self.relay()?, peer: self.peer()? }),
            "ring" => Ok(Via::Ring { peer: self.peer()? }),
            other => Err(bad(format!("{other:?} is no kind of path"))),
        }
    }
}

impl From<Path> for NativePath {
    fn from(path: Path) -> Self {
        match path {
            Path::Udp(to) => Self { kind: "udp".into(), remote: Some(to.to_string()), ..Self::default() },
            Path::Tcp(to) => Self { kind: "tcp".into(), remote: Some(to.to_string()), ..Self::default() },
            Path::Tunnel(relay) => Self { kind: "tunnel".into(), relay: Some(relay.to_string()), ..Self::default() },
            Path::Ring => Self { kind: "ring".into(), ..Self::default() },
        }
    }
}

impl From<Via> for NativePath {
    fn from(via: Via) -> Self {
        match via {
            Via::Udp(to) => Path::Udp(to).into(),
            Via::Tcp(to) => Path::Tcp(to).into(),
            Via::Tunnel { relay, peer } => Self { peer: Some(peer.to_string()), ..Path::Tunnel(relay).into() },
            Via::Ring { peer } => Self { peer: Some(peer.to_string()), ..Path::Ring.into() },
        }
    }
}

pub fn optional_path(path: &Option<NativePath>) -> Result<Option<Path>> {
    path.as_ref().map(NativePath::to_path).transpose()
}

/// Totals since the slot was made; exact up to 2^53.
#[napi(object)]
pub struct NativeCounters {
    pub rx_packets: f64,
    pub rx_bytes: f64,
    pub tx_packets: f64,
    pub tx_bytes: f64,
    pub ip_rx_packets: f64,
    pub ip_tx_packets: f64,
    pub transit_packets: f64,
}

impl From<Totals> for NativeCounters {
    fn from(totals: Totals) -> Self {
        Self {
            rx_packets: totals.rx_packets as f64,
            rx_bytes: totals.rx_bytes as f64,
            tx_packets: totals.tx_packets as f64,
            tx_bytes: totals.tx_bytes as f64,
            ip_rx_packets: totals.ip_rx_packets as f64,
            ip_tx_packets: totals.ip_tx_packets as f64,
            transit_packets: totals.transit_packets as f64,
        }
    }
}

/// One event. `network` is absent where it concerns all; the other fields are those of `Input` with the same `kind`.
#[napi(object)]
#[derive(Default)]
pub struct NativeEvent {
    #[napi(
        ts_type = "'handshake' | 'confirmed' | 'ctrl' | 'newPath' | 'probeAck' | 'miss' | 'unknownSource' | 'noRoute' | 'traffic' | 'streamClosed' | 'interfaceLost' | 'fault'"
    )]
    pub kind: String,
    pub network: Option<u32>,
    pub slot: Option<u32>,
    pub index_rx: Option<u32>,
    pub path: Option<NativePath>,
    pub via: Option<NativePath>,
    pub packet: Option<Uint8Array>,
    pub bytes: Option<Uint8Array>,
    pub id: Option<u32>,
    pub size_bytes: Option<u32>,
    pub ip: Option<String>,
    pub src: Option<String>,
    pub dst: Option<String>,
    pub counters: Option<NativeCounters>,
    pub text: Option<String>,
    pub remote: Option<String>,
    pub reason: Option<String>,
}

impl From<Event> for NativeEvent {
    fn from(event: Event) -> Self {
        let of = |kind: &str, network: u32| Self { kind: kind.into(), network: Some(network), ..Self::default() };
        match event {
            Event::Handshake { network, via, packet } => {
                Self { via: Some(via.into()), packet: Some(packet.into()), ..of("handshake", network) }
            }
            Event::Confirmed { network, slot, index_rx, path } => {
                Self { slot: Some(slot), index_rx: Some(index_rx), path: Some(path.into()), ..of("confirmed", network) }
            }
            Event::Ctrl { network, slot, path, bytes } => {
                Self { slot: Some(slot), path: Some(path.into()), bytes: Some(bytes.into()), ..of("ctrl", network) }
            }
            Event::NewPath { network, slot, path } => {
                Self { slot: Some(slot), path: Some(path.into()), ..of("newPath", network) }
            }
            Event::ProbeAck { network, slot, path, id, size_bytes } => Self {
                slot: Some(slot),
                path: Some(path.into()),
                id: Some(id),
                size_bytes: Some(size_bytes.into()),
                ..of("probeAck", network)
            },
            Event::Miss { network, ip } => Self { ip: Some(ip.to_string()), ..of("miss", network) },
            Event::UnknownSource { network, slot, ip } => {
                Self { slot: Some(slot), ip: Some(ip.to_string()), ..of("unknownSource", network) }
            }
            Event::NoRoute { network, src, dst } => {
                Self { src: Some(src.to_string()), dst: Some(dst.to_string()), ..of("noRoute", network) }
            }
            Event::Traffic { network, slot, totals } => {
                Self { slot: Some(slot), counters: Some(totals.into()), ..of("traffic", network) }
            }
            Event::StreamClosed { network, remote, reason } => {
                Self { remote: Some(remote.to_string()), reason: Some(reason.into()), ..of("streamClosed", network) }
            }
            Event::InterfaceLost { network, reason } => {
                Self { reason: Some(reason.into()), ..of("interfaceLost", network) }
            }
            Event::Fault { text } => Self { kind: "fault".into(), text: Some(text), ..Self::default() },
        }
    }
}
