//! The way in: datagrams to the interface, to other nodes, or to TypeScript.

use std::collections::HashMap;
use std::io::IoSlice;
use std::iter;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::Guard;

use crate::addr::RingAddr;
use crate::coalesce::{Arrived, Coalescer};
use crate::drops::Reason;
use crate::ecn;
use crate::ethernet;
use crate::events::{Event, NetworkId};
use crate::frag::{self, Outcome};
use crate::frame::{self, CTRL_MAX, CTRL_MIN, PARTIAL_HEAD};
use crate::gate::{Buckets, Source};
use crate::ip;
use crate::ipmap::Prefix;
use crate::offload::Partial;
use crate::send::{Sender, relayed, ring};
use crate::session::{Key, Path, Via, lock};
use crate::shared::{IndexEntry, Shared};
use crate::socket::{Train, TxBatch};
use crate::stream::Stream;
use crate::tap::Tap;
use crate::window::Window;
use crate::wire::{self, Outer, TRANSIT_OVERHEAD, TransitHeader, u32_at};

const NO_ROUTE_AGAIN: Duration = Duration::from_secs(1);
/// Destinations remembered as just reported; while full, nothing more is reported.
const NO_ROUTE_MAX: usize = 1_024;

/// The state of the receiving thread.
pub struct Receiver {
    shared: Arc<Shared>,
    tx: TxBatch,
    coalescer: Coalescer,
    buckets: Buckets,
    no_route: HashMap<(NetworkId, RingAddr), Instant>,
    now: Instant,
    /// The key that the last datagram of this batch was for: the datagrams of a train have the same.
    last: Option<(u32, Arc<IndexEntry>)>,
    /// The stream by which the packet in hand came.
    stream: Option<Arc<Stream>>,
}

/// How a packet came: the way it took, and where it came from if it was not wrapped in another.
#[derive(Clone, Copy)]
struct Arrival {
    path: Path,
    /// The size of the outermost packet.
    size: usize,
    /// Its TOS byte; 0 where it came by a stream.
    tos: u8,
}

/// What packets that came together under one key have in common.
struct Run<'a> {
    entry: &'a IndexEntry,
    path: Path,
    /// Bytes of the outermost packet around each of them.
    around: usize,
    /// The TOS byte of the outermost packets.
    tos: u8,
    /// Whether it is another path than the one that the session sends by.
    is_new_path: bool,
    sources: Guard<Arc<Vec<Prefix>>>,
    tap: Guard<Option<Arc<Tap>>>,
}

impl<'a> Run<'a> {
    fn new(entry: &'a IndexEntry, path: Path, around: usize, tos: u8) -> Self {
        let is_new_path = entry.session.path.load().as_deref() != Some(&path);
        let (sources, tap) = (entry.session.sources.load(), entry.network.tap.load());
        Self { entry, path, around, tos, is_new_path, sources, tap }
    }
}

/// What a run moved, added to the session's counters when it is over.
#[derive(Default)]
struct Count {
    packets: u64,
    bytes: usize,
    ip: u64,
}

/// Opens a packet under `key` where it stands; whether its counter is the highest so far, and the text.
fn open<'p>(
    key: &Key,
    window: &mut Window,
    counter: u64,
    packet: &'p mut [u8],
) -> Result<(bool, &'p mut [u8]), Reason> {
    if !window.is_new(counter) {
        return Err(Reason::Replay);
    }
    let (head, sealed) = packet.split_at_mut(wire::HEAD);
    let text = key.open.open(counter, head, sealed).ok_or(Reason::NotAuthentic)?;
    Ok((window.accept(counter), text))
}

impl Receiver {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            tx: TxBatch::default(),
            coalescer: Coalescer::default(),
            buckets: Buckets::default(),
            no_route: HashMap::new(),
            now: Instant::now(),
            last: None,
            stream: None,
        }
    }

    /// Before a batch of datagrams: what the clock says.
    pub fn begin(&mut self, now: Instant) {
        self.now = now;
    }

    /// After a batch: what it caused to be sent.
    pub fn end(&mut self) {
        // A key that is dropped meanwhile must not live on here.
        self.last = None;
        self.coalescer.flush(&self.shared.drops);
        self.tx.flush(&self.shared.sockets, &self.shared.drops);
    }

    /// One datagram of any bytes. It is decrypted where it stands.
    pub fn datagram(&mut self, from: SocketAddr, packet: &mut [u8]) {
        let size = packet.len();
        self.train(Train { from, bytes: packet, size, tos: 0 });
    }

    pub fn train(&mut self, Train { from, bytes, size, tos }: Train<'_>) {
        let path = Path::Udp(from);
        let mut datagrams = bytes.chunks_mut(size.max(1)).peekable();
        while let Some(packet) = datagrams.next() {
            let Some(Outer::Data { receiver, counter }) = wire::parse(packet) else {
                self.outermost(path, tos, packet);
                continue;
            };
            let same_key = iter::from_fn(|| {
                let counter = datagrams.peek().and_then(|packet| match wire::parse(packet) {
                    Some(Outer::Data { receiver: other, counter }) if other == receiver => Some(counter),
                    _ => None,
                })?;
                Some((counter, datagrams.next()?))
            });
            let packets = iter::once((counter, packet)).chain(same_key);
            self.data_of(receiver, path, tos, packets);
        }
    }

    /// The same for one packet of a stream.
    pub fn stream_packet(&mut self, stream: &Arc<Stream>, packet: &mut [u8]) {
        if !self.stream.as_ref().is_some_and(|known| Arc::ptr_eq(known, stream)) {
            self.stream = Some(stream.clone());
        }
        self.outermost(Path::Tcp(stream.remote), 0, packet);
    }

    fn outermost(&mut self, path: Path, tos: u8, packet: &mut [u8]) {
        let arrival = Arrival { path, size: packet.len(), tos };
        let result = match wire::parse(packet) {
            Some(Outer::Handshake(kind)) => self.handshake_from(path, kind, packet),
            Some(Outer::Data { receiver, counter }) => {
                self.data_of(receiver, path, tos, iter::once((counter, packet)));
                Ok(())
            }
            Some(Outer::Transit { receiver, counter }) => self.entry(receiver).and_then(|entry| {
                self.may_bring(&entry, path).and_then(|()| self.transit(&entry, counter, packet, arrival))
            }),
            Some(Outer::Cookie | Outer::Hello) => Err(Reason::NotImplemented),
            None => Err(Reason::Malformed),
        };
        self.count(result);
    }

    /// DATA packets, each with its counter, that came one after the other under one key.
    fn data_of<'p>(&mut self, receiver: u32, path: Path, tos: u8, packets: impl Iterator<Item = (u64, &'p mut [u8])>) {
        let entry = self.entry(receiver).and_then(|entry| self.may_bring(&entry, path).map(|()| entry));
        match entry {
            Ok(entry) => self.data(&Run::new(&entry, path, 0, tos), packets),
            Err(reason) => self.shared.drops.add(reason, packets.count() as u64),
        }
    }

    fn count(&self, result: Result<(), Reason>) {
        if let Err(reason) = result {
            self.shared.drops.count(reason);
        }
    }

    /// The key of a receive index; it is kept for the next packet.
    fn entry(&mut self, receiver: u32) -> Result<Arc<IndexEntry>, Reason> {
        if let Some((index, entry)) = &self.last
            && *index == receiver
        {
            return Ok(entry.clone());
        }
        let entry = self.shared.index.load().get(&receiver).cloned().ok_or(Reason::UnknownIndex)?;
        self.last = Some((receiver, entry.clone()));
        Ok(entry)
    }

    /// A stream carries packets of one affiliation only.
    fn may_bring(&self, entry: &IndexEntry, path: Path) -> Result<(), Reason> {
        let is_foreign = |stream: &Arc<Stream>| stream.network().is_some_and(|network| network != entry.network.id);
        match &self.stream {
            Some(stream) if matches!(path, Path::Tcp(_)) && is_foreign(stream) => Err(Reason::ForeignNetwork),
            _ => Ok(()),
        }
    }

    fn handshake_from(&mut self, path: Path, kind: u8, packet: &[u8]) -> Result<(), Reason> {
        let (from, via) = match path {
            Path::Udp(from) => (from, Via::Udp(from)),
            Path::Tcp(from) => (from, Via::Tcp(from)),
            Path::Tunnel(_) | Path::Ring => return Err(Reason::Malformed),
        };
        let networks = self.shared.networks.load();
        let network = networks.iter().find(|network| network.mac1.matches(kind, packet)).ok_or(Reason::Mac1)?;
        if !self.buckets.take(self.now, Source::of_ip(from.ip())) {
            return Err(Reason::RateLimit);
        }
        if let (Via::Tcp(_), Some(stream)) = (via, &self.stream)
            && !self.shared.streams.bind(stream, network.id)
        {
            return Err(Reason::ForeignNetwork);
        }
        self.shared.tell(Event::Handshake { network: network.id, via, packet: packet.to_vec() });
        Ok(())
    }

    /// Opens packets of one key that came by one path. What they all need is looked up once.
    fn data<'p>(&mut self, run: &Run<'_>, packets: impl Iterator<Item = (u64, &'p mut [u8])>) {
        let entry = run.entry;
        let mut count = Count::default();
        let mut window = lock(&entry.key.window);
        for (counter, packet) in packets {
            let size = run.around + packet.len();
            let result = open(&entry.key, &mut window, counter, packet).and_then(|(newest, text)| {
                count.packets += 1;
                count.bytes += size;
                self.authentic(run, newest);
                self.frames(run, &mut count, text, size)
            });
            self.count(result);
        }
        drop(window);
        entry.session.counters.rx(count.packets, count.bytes);
        entry.session.counters.ip_rx(count.ip);
    }

    fn frames(&mut self, run: &Run<'_>, count: &mut Count, text: &mut [u8], size: usize) -> Result<(), Reason> {
        if !frame::check(text) {
            return Err(Reason::BadFrame);
        }
        let mut at = 0;
        while let Ok(Some(found)) = frame::next(text, &mut at) {
            // There is one virtual interface, number 0.
            let result = if found.aux == 0 {
                self.frame(run, count, found.kind, &mut text[found.body], size)
            } else {
                Err(Reason::NotImplemented)
            };
            self.count(result);
        }
        Ok(())
    }

    /// What every authentic packet means for its session, but for the counters.
    fn authentic(&self, run: &Run<'_>, newest: bool) {
        let (network, session, key) = (run.entry.network.id, &run.entry.session, &run.entry.key);
        if let (Path::Tcp(_), Some(stream)) = (run.path, &self.stream)
            && !stream.is_proven()
            && self.shared.streams.bind(stream, network)
        {
            stream.prove();
        }
        if key.confirm() {
            let (slot, index_rx, path) = (session.slot, key.index_rx, run.path);
            self.shared.tell(Event::Confirmed { network, slot, index_rx, path });
        }
        if newest && run.is_new_path && session.may_say(self.now, run.path) {
            self.shared.tell(Event::NewPath { network, slot: session.slot, path: run.path });
        }
    }

    fn frame(
        &mut self,
        run: &Run<'_>,
        count: &mut Count,
        kind: u8,
        body: &mut [u8],
        size: usize,
    ) -> Result<(), Reason> {
        let (entry, path) = (run.entry, run.path);
        let (network, slot) = (entry.network.id, entry.session.slot);
        match kind {
            frame::IP => self.ip(run, count, body, None),
            frame::IP_PARTIAL if body.len() > PARTIAL_HEAD => {
                let (head, packet) = body.split_at_mut(PARTIAL_HEAD);
                let (start, offset) = (wire::u16_at(head, 0).into(), wire::u16_at(head, 2).into());
                self.ip(run, count, packet, Some(Partial { start, offset }))
            }
            frame::CTRL => {
                if !(CTRL_MIN..=CTRL_MAX).contains(&body.len()) {
                    return Err(Reason::BadFrame);
                }
                self.shared.tell(Event::Ctrl { network, slot, path, bytes: body.to_vec() });
                Ok(())
            }
            frame::FRAG => {
                let fragment = frag::parse(body).ok_or(Reason::Fragment)?;
                let outcome = lock(&entry.session.fragments).add(self.now, fragment);
                match outcome {
                    Outcome::Waiting => Ok(()),
                    Outcome::Whole(kind, mut whole) => self.frame(run, count, kind, &mut whole, size),
                    Outcome::Dropped => Err(Reason::Fragment),
                }
            }
            frame::PROBE if body.len() >= 4 => {
                let mut answer = [0u8; 6];
                answer[..4].copy_from_slice(&body[..4]);
                answer[4..].copy_from_slice(&u16::try_from(size).unwrap_or(u16::MAX).to_be_bytes());
                let mut sender = Sender { shared: &self.shared, tx: &mut self.tx };
                sender.frame(&entry.network, &entry.session, Some(&path), frame::PROBE_ACK, &answer)
            }
            frame::PROBE_ACK if body.len() == 6 => {
                let size_bytes = wire::u16_at(body, 4);
                self.shared.tell(Event::ProbeAck { network, slot, path, id: u32_at(body, 0), size_bytes });
                Ok(())
            }
            frame::PROBE | frame::PROBE_ACK => Err(Reason::BadFrame),
            _ => Err(Reason::NotImplemented),
        }
    }

    fn ip(
        &mut self,
        run: &Run<'_>,
        count: &mut Count,
        packet: &mut [u8],
        partial: Option<Partial>,
    ) -> Result<(), Reason> {
        let (network, session) = (&run.entry.network, &run.entry.session);
        let info = ip::parse(packet).ok_or(Reason::BadInner)?;
        if partial.is_some_and(|partial| !partial.fits(&info)) {
            return Err(Reason::BadInner);
        }
        let packet = &mut packet[..info.length];
        ecn::arrive(packet, run.tos)?;
        count.ip += 1;
        if !run.sources.iter().any(|prefix| prefix.contains(info.src)) {
            if let Some(partial) = partial {
                partial.complete(packet);
            }
            let (kept, ask) = session.hold(self.now, packet);
            if ask {
                self.shared.tell(Event::UnknownSource { network: network.id, slot: session.slot, ip: info.src });
            }
            return if kept { Ok(()) } else { Err(Reason::UnknownSource) };
        }
        let tap = run.tap.as_ref().ok_or(Reason::InterfaceDown)?;
        if ip::is_syn(packet, &info) {
            let sender = Sender { shared: &self.shared, tx: &mut self.tx };
            let back = sender.packet_room(network, session).unwrap_or(tap.mtu);
            ip::clamp_mss(packet, &info, tap.mtu.min(back), partial.is_some());
        }
        let from = session.peer.mac();
        let arrived = Arrived { packet, info: &info, partial };
        self.coalescer.push(network.id, tap, from, arrived, &self.shared.drops);
        Ok(())
    }

    /// A packet of the overlay for this node or another.
    fn transit(&mut self, entry: &IndexEntry, counter: u64, packet: &mut [u8], arrival: Arrival) -> Result<(), Reason> {
        let (outer, inner) = packet.split_at_mut(TRANSIT_OVERHEAD);
        let (newest, bytes) = open(&entry.key, &mut lock(&entry.key.window), counter, outer)?;
        let header = TransitHeader::parse(bytes);
        entry.session.counters.rx(1, arrival.size);
        self.authentic(&Run::new(entry, arrival.path, 0, arrival.tos), newest);
        let header = header.ok_or(Reason::Malformed)?;
        let (network, previous) = (&entry.network, &entry.session.peer);
        // Only the outermost packet may be a tunnel's, and only a tunnel carries another TRANSIT.
        let nested = !matches!(arrival.path, Path::Udp(_) | Path::Tcp(_));
        if (nested && header.tunnel) || !wire::may_be_inner(inner[0], header.tunnel) {
            return Err(Reason::Malformed);
        }
        if header.dst == network.self_addr {
            return self.delivered(entry, &header, inner, arrival);
        }
        if header.ttl == 0 {
            return Err(Reason::Ttl);
        }
        let onward = TransitHeader { ttl: header.ttl - 1, hops: header.hops.saturating_add(1), ..header };
        let mut carrier = if header.tunnel {
            relayed(&self.shared.streams, network, previous, onward)?
        } else {
            match ring(&self.shared.streams, network, onward) {
                Some(carrier) => carrier,
                None => {
                    self.say_no_route(network.id, &header);
                    return Err(Reason::NoRoute);
                }
            }
        };
        // A mark of congestion goes on to the end of the packet's way.
        carrier.tos = network.outer_tos(arrival.tos);
        let mut sender = Sender { shared: &self.shared, tx: &mut self.tx };
        sender.transit(&carrier, inner)?;
        sender.count_transit(&carrier);
        Ok(())
    }

    /// The inside of a TRANSIT packet whose destination is this node.
    fn delivered(
        &mut self,
        hop: &IndexEntry,
        header: &TransitHeader,
        inner: &mut [u8],
        Arrival { size, tos, .. }: Arrival,
    ) -> Result<(), Reason> {
        let (network, relay) = (&hop.network, hop.session.peer);
        let path = if header.tunnel { Path::Tunnel(relay) } else { Path::Ring };
        let arrival = Arrival { path, size, tos };
        let own = |entry: Arc<IndexEntry>| {
            if entry.network.id == network.id { Ok(entry) } else { Err(Reason::ForeignNetwork) }
        };
        match wire::parse(inner) {
            Some(Outer::Handshake(kind)) => {
                if !network.mac1.matches(kind, inner) {
                    return Err(Reason::Mac1);
                }
                if !self.buckets.take(self.now, Source::Hop(network.id, hop.session.slot)) {
                    return Err(Reason::RateLimit);
                }
                let peer = header.src;
                let via = if header.tunnel { Via::Tunnel { relay, peer } } else { Via::Ring { peer } };
                self.shared.tell(Event::Handshake { network: network.id, via, packet: inner.to_vec() });
                Ok(())
            }
            Some(Outer::Data { receiver, counter }) => {
                let entry = self.entry(receiver).and_then(own)?;
                let around = size - inner.len();
                self.data(&Run::new(&entry, path, around, tos), iter::once((counter, inner)));
                Ok(())
            }
            Some(Outer::Transit { receiver, counter }) => {
                let entry = self.entry(receiver).and_then(own)?;
                self.transit(&entry, counter, inner, arrival)
            }
            Some(Outer::Cookie | Outer::Hello) => Err(Reason::NotImplemented),
            None => Err(Reason::Malformed),
        }
    }

    fn say_no_route(&mut self, network: NetworkId, header: &TransitHeader) {
        let now = self.now;
        let said = &mut self.no_route;
        if said.len() >= NO_ROUTE_MAX {
            said.retain(|_, at| now.saturating_duration_since(*at) < NO_ROUTE_AGAIN);
        }
        let known = said.get(&(network, header.dst));
        let again = known.is_none_or(|at| now.saturating_duration_since(*at) >= NO_ROUTE_AGAIN);
        if again && (known.is_some() || said.len() < NO_ROUTE_MAX) {
            said.insert((network, header.dst), now);
            self.shared.tell(Event::NoRoute { network, src: header.src, dst: header.dst });
        }
    }
}

/// Writes one packet that had waited to the interface.
pub fn write_ip(tap: &Tap, peer: &RingAddr, packet: &mut [u8], info: &ip::IpInfo) -> Result<(), Reason> {
    ip::clamp_mss(packet, info, tap.mtu, false);
    let ether_type = if info.src.is_ipv4() { ethernet::IPV4 } else { ethernet::IPV6 };
    let head = ethernet::frame_head(tap.mac, peer.mac(), ether_type);
    tap.write(&[IoSlice::new(&head), IoSlice::new(packet)]).map_err(|_| Reason::InterfaceWrite)
}
