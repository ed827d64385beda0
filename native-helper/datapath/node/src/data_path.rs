//! The data path and its affiliations.

use std::net::Ipv4Addr;

use napi::Status;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use ringway_core::addr::RingAddr;
use ringway_core::control::NetworkHandle;
use ringway_core::datapath::{DataPath, Options};
use ringway_core::fib::{Edge, Fib};
use ringway_core::gate::Mac1Keys;
use ringway_core::ipmap::{IpEntry, IpMap};
use ringway_core::tap::{MTU_DEFAULT, TapOptions, parse_mac};

use crate::crypto::NativeSessionKeys;
use crate::values::{
    NativeEvent, NativePath, Result, array, bad, failure, from_core, optional_path, prefix, ring_address,
    socket_address,
};

/// Batches under way to JavaScript; behind them events wait in their own bounded queue.
const BATCHES_UNDER_WAY: usize = 16;

/// Called on the main thread; does not keep the process alive.
type OnBatch = ThreadsafeFunction<Vec<NativeEvent>, (), Vec<NativeEvent>, Status, false, true, BATCHES_UNDER_WAY>;

#[napi(object)]
pub struct DataPathOptions {
    /// UDP port of both address families; 0 or absent for any free one.
    pub port: Option<u16>,
    /// False leaves UDP_SEGMENT of the kernel unused.
    pub segmentation: Option<bool>,
    /// False leaves UDP_GRO of the kernel unused.
    pub coalescing: Option<bool>,
}

#[napi(object)]
pub struct NetworkOptions {
    /// Names the affiliation in events; chosen by the caller.
    pub id: u32,
    /// 40 hex digits.
    pub self_address: String,
    /// `H("ovl1-mac1" | net_id | psk | own X)`, 32 bytes.
    pub mac1_own: napi::bindgen_prelude::Uint8Array,
    /// The same over 32 zero bytes in place of X.
    pub mac1_anonymous: napi::bindgen_prelude::Uint8Array,
}

#[napi(object)]
pub struct DropCount {
    pub reason: String,
    pub packets: f64,
}

/// Sockets and threads, shared by all affiliations of the process.
#[napi]
pub struct NativeDataPath {
    inner: Option<DataPath>,
}

#[napi]
impl NativeDataPath {
    /// Throws with code PORT_IN_USE, NOT_PERMITTED or NO_RESOURCES.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        options: DataPathOptions,
        #[napi(ts_arg_type = "(events: NativeEvent[]) => void")] on_batch: OnBatch,
    ) -> Result<Self> {
        let options = Options {
            segmentation: options.segmentation.unwrap_or(true),
            coalescing: options.coalescing.unwrap_or(true),
            ..Options::with_port(options.port.unwrap_or(0))
        };
        let deliver = Box::new(move |events: Vec<ringway_core::events::Event>| {
            let events = events.into_iter().map(NativeEvent::from).collect();
            // Where the process is ending the batch has nobody to go to.
            let _ = on_batch.call(events, ThreadsafeFunctionCallMode::Blocking);
        });
        DataPath::open(&options, deliver).map(|inner| Self { inner: Some(inner) }).map_err(from_core)
    }

    /// The UDP port in use.
    #[napi(getter, catch_unwind)]
    pub fn port(&self) -> Result<u16> {
        Ok(self.open()?.port())
    }

    /// Whether there is a socket for IPv6 too.
    #[napi(getter, catch_unwind)]
    pub fn has_ipv6(&self) -> Result<bool> {
        Ok(self.open()?.has_ipv6())
    }

    /// Listens for TCP streams on `port`, 0 for any free one, and says which; a second call changes nothing. Throws with
    /// code PORT_IN_USE, NOT_PERMITTED or NO_RESOURCES.
    #[napi(catch_unwind)]
    pub fn listen_tcp(&self, port: u16) -> Result<u16> {
        self.open()?.listen_tcp(port).map_err(from_core)
    }

    /// The port on which streams are listened for; 0 while none are.
    #[napi(getter, catch_unwind)]
    pub fn tcp_port(&self) -> Result<u16> {
        Ok(self.open()?.tcp_port())
    }

    #[napi(catch_unwind)]
    pub fn add_network(&self, options: NetworkOptions) -> Result<NativeNetwork> {
        let self_addr = ring_address(&options.self_address)?;
        let mac1 = Mac1Keys {
            own: array("a mac1 key", &options.mac1_own)?,
            anonymous: array("a mac1 key", &options.mac1_anonymous)?,
        };
        let handle = self.open()?.add_network(options.id, self_addr, mac1).map_err(from_core)?;
        Ok(NativeNetwork { self_addr, handle })
    }

    /// Dropped packets by reason, all reasons.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> Result<Vec<DropCount>> {
        let drops = self.open()?.drops();
        Ok(drops.into_iter().map(|(reason, n)| DropCount { reason: reason.into(), packets: n as f64 }).collect())
    }

    /// Removes all affiliations and interfaces and ends the threads. Closing twice does no harm.
    #[napi(catch_unwind)]
    pub fn close(&mut self) {
        if let Some(inner) = self.inner.take() {
            inner.close();
        }
    }

    fn open(&self) -> Result<&DataPath> {
        self.inner.as_ref().ok_or_else(|| failure("CLOSED", "the data path is closed"))
    }
}

#[napi(object)]
pub struct NativeEdge {
    pub peer: String,
    pub slot: u32,
    pub member: bool,
    pub direct: bool,
}

#[napi(object)]
pub struct NativeLookahead {
    pub target: String,
    pub via: String,
}

#[napi(object)]
pub struct NativeExact {
    pub dst: String,
    pub via: String,
}

#[napi(object)]
pub struct NativePair {
    pub a: String,
    pub b: String,
}

#[napi(object)]
pub struct NativeIpEntry {
    pub prefix: String,
    pub peer: String,
    pub slot: Option<u32>,
}

#[napi(object)]
pub struct NativeTapOptions {
    pub name: String,
    /// `02:...`; the group bit is cleared. Absent: made of the ring address.
    pub mac: Option<String>,
    /// Absent: 1,332.
    pub mtu_bytes: Option<u32>,
    /// IPv4 address and length of its subnet's prefix.
    pub ip: String,
    pub prefix_bits: u32,
    /// False leaves the offloads of the interface unused.
    pub offload: Option<bool>,
    /// True copies the DSCP of packets to the datagrams that carry them.
    pub dscp: Option<bool>,
}

/// One affiliation. Effects that name an unknown slot do nothing: the session may have gone meanwhile.
#[napi]
pub struct NativeNetwork {
    self_addr: RingAddr,
    handle: NetworkHandle,
}

#[napi]
impl NativeNetwork {
    /// `features`: the bits of overlay.md section 3 that both ends listed. Throws with code INDEX_IN_USE, SLOT_IN_USE or
    /// LIMIT.
    #[napi(catch_unwind)]
    pub fn key_add(
        &self,
        slot: u32,
        peer: String,
        keys: &NativeSessionKeys,
        index_rx: u32,
        index_tx: u32,
        features: u32,
    ) -> Result<()> {
        self.handle.key_add(slot, ring_address(&peer)?, &keys.0, index_rx, index_tx, features).map_err(from_core)
    }

    #[napi(catch_unwind)]
    pub fn key_use(&self, slot: u32, index_rx: u32) {
        self.handle.key_use(slot, index_rx);
    }

    #[napi(catch_unwind)]
    pub fn key_drop(&self, slot: u32, index_rx: u32) {
        self.handle.key_drop(slot, index_rx);
    }

    #[napi(catch_unwind)]
    pub fn session_drop(&self, slot: u32) {
        self.handle.session_drop(slot);
    }

    #[napi(catch_unwind)]
    pub fn path_use(&self, slot: u32, path: NativePath) -> Result<()> {
        self.handle.path_use(slot, path.to_path()?);
        Ok(())
    }

    /// Begins a TCP stream to `remote` unless there is one; what is sent by it waits until it stands.
    #[napi(catch_unwind)]
    pub fn stream_open(&self, remote: String) -> Result<()> {
        self.handle.stream_open(socket_address(&remote)?);
        Ok(())
    }

    /// Ends a stream, after what waits for it; no event tells of it.
    #[napi(catch_unwind)]
    pub fn stream_close(&self, remote: String) -> Result<()> {
        self.handle.stream_close(socket_address(&remote)?);
        Ok(())
    }

    /// The largest UDP payload of the session's active path, 1,200 at least; 1,452 until said otherwise.
    #[napi(catch_unwind)]
    pub fn path_mtu(&self, slot: u32, payload_bytes: u32) {
        self.handle.path_mtu(slot, payload_bytes);
    }

    #[napi(catch_unwind)]
    pub fn send_handshake(&self, via: NativePath, packet: &[u8]) -> Result<()> {
        self.handle.send_handshake(&via.to_via()?, packet);
        Ok(())
    }

    #[napi(catch_unwind)]
    pub fn send_ctrl(&self, slot: u32, path: Option<NativePath>, bytes: &[u8]) -> Result<()> {
        self.handle.send_ctrl(slot, optional_path(&path)?.as_ref(), bytes);
        Ok(())
    }

    #[napi(catch_unwind)]
    pub fn send_probe(&self, slot: u32, path: NativePath, id: u32, size_bytes: u32) -> Result<()> {
        self.handle.send_probe(slot, &path.to_path()?, id, size_bytes.min(65_507) as usize);
        Ok(())
    }

    #[napi(catch_unwind)]
    pub fn send_empty(&self, slot: u32, path: Option<NativePath>) -> Result<()> {
        self.handle.send_empty(slot, optional_path(&path)?.as_ref());
        Ok(())
    }

    #[napi(catch_unwind)]
    pub fn set_fib(
        &self,
        self_address: String,
        edges: Vec<NativeEdge>,
        lookahead: Vec<NativeLookahead>,
        exact: Vec<NativeExact>,
        reserved: Vec<NativePair>,
    ) -> Result<()> {
        let pair = |a: &str, b: &str| Ok((ring_address(a)?, ring_address(b)?));
        let edges: Vec<Edge> = edges
            .into_iter()
            .map(|edge| {
                let peer = ring_address(&edge.peer)?;
                Ok(Edge { peer, slot: edge.slot, member: edge.member, direct: edge.direct })
            })
            .collect::<Result<_>>()?;
        let lookahead: Vec<_> = lookahead.iter().map(|entry| pair(&entry.target, &entry.via)).collect::<Result<_>>()?;
        let exact: Vec<_> = exact.iter().map(|entry| pair(&entry.dst, &entry.via)).collect::<Result<_>>()?;
        let reserved: Vec<_> = reserved.iter().map(|entry| pair(&entry.a, &entry.b)).collect::<Result<_>>()?;
        self.handle.set_fib(Fib::new(ring_address(&self_address)?, edges, &lookahead, &exact, &reserved));
        Ok(())
    }

    #[napi(catch_unwind)]
    pub fn set_ip_map(&self, entries: Vec<NativeIpEntry>) -> Result<()> {
        let entries: Vec<_> = entries
            .into_iter()
            .map(|entry| {
                let to = IpEntry { peer: ring_address(&entry.peer)?, slot: entry.slot };
                Ok((prefix(&entry.prefix)?, to))
            })
            .collect::<Result<_>>()?;
        self.handle.set_ip_map(IpMap::new(entries));
        Ok(())
    }

    #[napi(catch_unwind)]
    pub fn set_sources(&self, slot: u32, prefixes: Vec<String>) -> Result<()> {
        let prefixes = prefixes.iter().map(|text| prefix(text)).collect::<Result<_>>()?;
        self.handle.set_sources(slot, prefixes);
        Ok(())
    }

    /// Makes the TAP interface and takes it up. Throws with code NO_TUN_DEVICE, NOT_PERMITTED, INTERFACE_EXISTS,
    /// BAD_NAME, BAD_ARGUMENT or INTERFACE_FAILED; then nothing is left behind.
    #[napi(catch_unwind)]
    pub fn open_tap(&self, options: NativeTapOptions) -> Result<()> {
        let ip: Ipv4Addr = options.ip.parse().map_err(|_| bad(format!("{:?} is no IPv4 address", options.ip)))?;
        let prefix = u8::try_from(options.prefix_bits)
            .ok()
            .filter(|bits| (1..=32).contains(bits))
            .ok_or_else(|| bad(format!("a prefix has 1 to 32 bits, not {}", options.prefix_bits)))?;
        let mtu = options.mtu_bytes.unwrap_or(MTU_DEFAULT);
        if !(1_280..=1_436).contains(&mtu) {
            return Err(bad(format!("the MTU is 1280 to 1436 bytes, not {mtu}")));
        }
        let mac = match &options.mac {
            Some(text) => parse_mac(text).ok_or_else(|| bad(format!("{text:?} is no MAC address")))?,
            None => self.self_addr.mac(),
        };
        self.handle
            .open_tap(&TapOptions {
                name: &options.name,
                mac,
                mtu,
                ip,
                prefix,
                offload: options.offload.unwrap_or(true),
                dscp: options.dscp.unwrap_or(false),
            })
            .map_err(from_core)
    }

    /// Of `segmentation`, `coalescing` and `interfaceOffload` what the kernel does not do, or turned out not to do.
    #[napi(catch_unwind)]
    pub fn lacks(&self) -> Vec<String> {
        self.handle.lacks().into_iter().map(str::to_owned).collect()
    }

    /// The interface is gone on return; without one nothing happens.
    #[napi(catch_unwind)]
    pub fn close_tap(&self) {
        self.handle.close_tap();
    }

    /// Ends the affiliation: sessions, interface and tables.
    #[napi(catch_unwind)]
    pub fn remove(&self) {
        self.handle.remove();
    }
}
