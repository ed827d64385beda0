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
use crate::send::{Carrier, Sender, relayed, ring};
use crate::session::{Key, Path, Via, lock};
use crate::shared::{IndexEntry, Network, Shared};
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

/// How packets came.
#[derive(Clone, Copy)]
struct Way<'a> {
    path: Path,
    /// Bytes of the outermost packet around each of them.
    around: usize,
    /// The TOS byte of the outermost packets; 0 where they came by a stream.
    tos: u8,
    /// The hop session whose TRANSIT headers were around them, and what these said; absent for the outermost packets.
    hop: Option<(&'a IndexEntry, &'a TransitHeader)>,
}

/// What packets that came together under one key have in common.
struct Run<'a> {
    entry: &'a IndexEntry,
    path: Path,
    around: usize,
    tos: u8,
    /// Whether it is another path than the one that the session sends by.
    is_new_path: bool,
    sources: Guard<Arc<Vec<Prefix>>>,
    tap: Guard<Option<Arc<Tap>>>,
}

impl<'a> Run<'a> {
    fn new(entry: &'a IndexEntry, way: &Way<'_>) -> Self {
        let Way { path, around, tos, .. } = *way;
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

fn data_for(packet: &[u8]) -> Option<u32> {
    match wire::parse(packet) {
        Some(Outer::Data { receiver, .. }) => Some(receiver),
        _ => None,
    }
}

fn transit_for(packet: &[u8]) -> Option<u32> {
    match wire::parse(packet) {
        Some(Outer::Transit { receiver, .. }) => Some(receiver),
        _ => None,
    }
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
        let way = Way { path: Path::Udp(from), around: 0, tos, hop: None };
        self.packets(way, bytes.chunks_mut(size.max(1)));
    }

    /// The same for one packet of a stream.
    pub fn stream_packet(&mut self, stream: &Arc<Stream>, packet: &mut [u8]) {
        if !self.stream.as_ref().is_some_and(|known| Arc::ptr_eq(known, stream)) {
            self.stream = Some(stream.clone());
        }
        self.packets(Way { path: Path::Tcp(stream.remote), around: 0, tos: 0, hop: None }, iter::once(packet));
    }

    /// Packets that came together by one way; neighbours of one kind under one key are handled as one run.
    fn packets<'p>(&mut self, way: Way<'_>, packets: impl Iterator<Item = &'p mut [u8]>) {
        let mut packets = packets.peekable();
        while let Some(packet) = packets.next() {
            let result = match wire::parse(packet) {
                Some(Outer::Handshake(kind)) => self.handshake(&way, kind, packet),
                Some(Outer::Data { receiver, counter }) => {
                    let more = iter::from_fn(|| {
                        let packet = packets.next_if(|packet| data_for(packet) == Some(receiver))?;
                        Some((wire::counter_of(packet), packet))
                    });
                    let all = iter::once((counter, packet)).chain(more);
                    self.run(&way, receiver, all, Self::data)
                }
                Some(Outer::Transit { receiver, counter }) => {
                    let more = iter::from_fn(|| {
                        let packet = packets.next_if(|packet| transit_for(packet) == Some(receiver))?;
                        Some((wire::counter_of(packet), packet))
                    });
                    let all = iter::once((counter, packet)).chain(more);
                    self.run(&way, receiver, all, Self::transit)
                }
                Some(Outer::Cookie | Outer::Hello) => Err(Reason::NotImplemented),
                None => Err(Reason::Malformed),
            };
            self.count(result);
        }
    }

    /// Hands packets, each with its counter, to `work` with what they have in common, or drops them all.
    fn run<'p, P: Iterator<Item = (u64, &'p mut [u8])>>(
        &mut self,
        way: &Way<'_>,
        receiver: u32,
        packets: P,
        work: impl FnOnce(&mut Self, &Run<'_>, P),
    ) -> Result<(), Reason> {
        match self.entry(receiver).and_then(|entry| self.may_bring(&entry, way).map(|()| entry)) {
            Ok(entry) => work(self, &Run::new(&entry, way), packets),
            Err(reason) => self.shared.drops.add(reason, packets.count() as u64),
        }
        Ok(())
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

    /// A stream carries packets of one affiliation only, and so does a hop.
    fn may_bring(&self, entry: &IndexEntry, way: &Way<'_>) -> Result<(), Reason> {
        let carried = match (way.hop, way.path, &self.stream) {
            (Some((hop, _)), _, _) => Some(hop.network.id),
            (None, Path::Tcp(_), Some(stream)) => stream.network(),
            _ => None,
        };
        match carried {
            Some(network) if network != entry.network.id => Err(Reason::ForeignNetwork),
            _ => Ok(()),
        }
    }

    fn handshake(&mut self, way: &Way<'_>, kind: u8, packet: &[u8]) -> Result<(), Reason> {
        let (via, source) = match (way.path, way.hop) {
            (Path::Udp(from), _) => (Via::Udp(from), Source::of_ip(from.ip())),
            (Path::Tcp(from), _) => (Via::Tcp(from), Source::of_ip(from.ip())),
            (Path::Tunnel(relay), Some((hop, header))) => {
                (Via::Tunnel { relay, peer: header.src }, Source::Hop(hop.network.id, hop.session.slot))
            }
            (Path::Ring, Some((hop, header))) => {
                (Via::Ring { peer: header.src }, Source::Hop(hop.network.id, hop.session.slot))
            }
            (Path::Tunnel(_) | Path::Ring, None) => return Err(Reason::Malformed),
        };
        let networks = self.shared.networks.load();
        let fits = |network: &&Arc<Network>| {
            way.hop.is_none_or(|(hop, _)| hop.network.id == network.id) && network.mac1.matches(kind, packet)
        };
        let network = networks.iter().find(fits).ok_or(Reason::Mac1)?;
        if !self.buckets.take(self.now, source) {
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

    /// TRANSIT packets of one key that came by one path, for this node or others. Neighbours with equal headers take the
    /// same way on.
    fn transit<'p>(&mut self, run: &Run<'_>, packets: impl Iterator<Item = (u64, &'p mut [u8])>) {
        let mut count = Count::default();
        let mut opened: Vec<(TransitHeader, &mut [u8])> = Vec::new();
        let mut window = lock(&run.entry.key.window);
        for (counter, packet) in packets {
            let size = run.around + packet.len();
            let (outer, inner) = packet.split_at_mut(TRANSIT_OVERHEAD);
            let result = open(&run.entry.key, &mut window, counter, outer).and_then(|(newest, bytes)| {
                count.packets += 1;
                count.bytes += size;
                let header = TransitHeader::parse(bytes);
                self.authentic(run, newest);
                let header = header.ok_or(Reason::Malformed)?;
                // Only the outermost packet may be a tunnel's, and only a tunnel carries another TRANSIT.
                let nested = !matches!(run.path, Path::Udp(_) | Path::Tcp(_));
                if (nested && header.tunnel) || !wire::may_be_inner(inner[0], header.tunnel) {
                    return Err(Reason::Malformed);
                }
                opened.push((header, inner));
                Ok(())
            });
            self.count(result);
        }
        drop(window);
        run.entry.session.counters.rx(count.packets, count.bytes);
        let mut opened = opened.into_iter().peekable();
        while let Some((header, inner)) = opened.next() {
            let same = iter::from_fn(|| opened.next_if(|(other, _)| *other == header).map(|(_, inner)| inner));
            let all: Vec<&mut [u8]> = iter::once(inner).chain(same).collect();
            if header.dst == run.entry.network.self_addr {
                let path = if header.tunnel { Path::Tunnel(run.entry.session.peer) } else { Path::Ring };
                let around = run.around + TRANSIT_OVERHEAD;
                let way = Way { path, around, tos: run.tos, hop: Some((run.entry, &header)) };
                self.packets(way, all.into_iter());
            } else {
                self.forward(run, &header, &all);
            }
        }
    }

    /// Packets with one header for another node.
    fn forward(&mut self, run: &Run<'_>, header: &TransitHeader, packets: &[&mut [u8]]) {
        let mut carrier = match self.way_on(run.entry, header) {
            Ok(carrier) => carrier,
            Err(reason) => return self.shared.drops.add(reason, packets.len() as u64),
        };
        // A mark of congestion goes on to the end of the packets' way.
        carrier.tos = run.entry.network.outer_tos(run.tos);
        let mut sender = Sender { shared: &self.shared, tx: &mut self.tx };
        for inner in packets {
            match sender.transit(&carrier, inner) {
                Ok(()) => sender.count_transit(&carrier),
                Err(reason) => self.shared.drops.count(reason),
            }
        }
    }

    fn way_on(&mut self, entry: &IndexEntry, header: &TransitHeader) -> Result<Carrier, Reason> {
        if header.ttl == 0 {
            return Err(Reason::Ttl);
        }
        let (network, streams) = (&entry.network, &self.shared.streams);
        let onward = TransitHeader { ttl: header.ttl - 1, hops: header.hops.saturating_add(1), ..*header };
        if header.tunnel {
            return relayed(streams, network, &entry.session.peer, onward);
        }
        ring(streams, network, onward).ok_or_else(|| {
            self.say_no_route(network.id, header);
            Reason::NoRoute
        })
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
