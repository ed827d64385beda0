//! From a frame for a peer to datagrams: which key, which way, how many TRANSIT headers around it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::drops::Reason;
use crate::ecn;
use crate::frag;
use crate::frame::{self, FRAME_HEAD, PARTIAL_HEAD};
use crate::ip::{self, IpInfo};
use crate::offload::{Offload, Partial, Segments};
use crate::session::{Key, PARTIAL_CHECKSUMS, PATH_PAYLOAD_DEFAULT, Path, Session, Via};
use crate::shared::{Network, Shared};
use crate::socket::TxBatch;
use crate::stream::Stream;
use crate::streams::Streams;
use crate::wire::{self, DATA_OVERHEAD, HEAD, TAG, TRANSIT_HEADER, TRANSIT_OVERHEAD, TransitHeader};

/// A DATA packet of a stream holds the longest control message whole.
const STREAM_PAYLOAD: usize = 16 * 1024;

/// One TRANSIT header and the hop session under whose key it is sealed.
struct Layer {
    session: Arc<Session>,
    key: Arc<Key>,
    header: TransitHeader,
}

/// How the first hop is reached.
enum Hop {
    Udp(SocketAddr),
    Tcp(Arc<Stream>),
}

/// How a packet reaches its next stop: the first hop and the TRANSIT headers, outermost first.
pub struct Carrier {
    to: Hop,
    layers: [Option<Layer>; 2],
    /// The largest datagram that the first hop carries.
    payload: usize,
    /// Of the datagrams; a stream has its own.
    pub tos: u8,
}

impl Carrier {
    /// `None` where the path is not direct, or its stream is over.
    fn direct(network: &Network, path: &Path, session: &Session, streams: &Streams) -> Option<Self> {
        let payload = session.path_payload.load(Ordering::Relaxed) as usize;
        match path {
            Path::Udp(to) => Some(Self { to: Hop::Udp(*to), layers: [None, None], payload, tos: 0 }),
            Path::Tcp(to) => {
                let to = Hop::Tcp(streams.get(network.id, to)?);
                Some(Self { to, layers: [None, None], payload: STREAM_PAYLOAD, tos: 0 })
            }
            Path::Tunnel(_) | Path::Ring => None,
        }
    }

    /// Bytes that the TRANSIT headers take.
    fn overhead(&self) -> usize {
        self.layers.iter().flatten().count() * TRANSIT_OVERHEAD
    }

    /// Bytes of frames that fit one DATA packet.
    pub fn room(&self) -> usize {
        self.payload.saturating_sub(self.overhead() + DATA_OVERHEAD)
    }

    /// The largest IP packet that goes in one piece.
    pub fn packet_room(&self) -> usize {
        self.room().saturating_sub(FRAME_HEAD)
    }

    /// Seals the headers around what stands behind them in `datagram`.
    fn wrap(&self, datagram: &mut [u8]) -> bool {
        let mut layers = [None, None];
        let mut count = 0;
        for layer in self.layers.iter().flatten() {
            layers[count] = Some(layer);
            count += 1;
        }
        for place in (0..count).rev() {
            let Some(layer) = layers[place] else { return false };
            let packet = &mut datagram[place * TRANSIT_OVERHEAD..];
            let (Ok(inner), Some(counter)) = (u16::try_from(packet.len() - TRANSIT_OVERHEAD), layer.key.next_counter())
            else {
                return false;
            };
            let (head, rest) = packet.split_at_mut(HEAD);
            wire::write_head(head, wire::TRANSIT, inner, layer.key.index_tx, counter);
            let mut header = [0u8; TRANSIT_HEADER];
            layer.header.write(&mut header);
            let tag = layer.key.seal.seal(counter, head, &mut header);
            rest[..TRANSIT_HEADER].copy_from_slice(&header);
            rest[TRANSIT_HEADER..TRANSIT_HEADER + TAG].copy_from_slice(&tag);
            layer.session.counters.tx(1, packet.len());
        }
        true
    }
}

/// Resolves the way of a session's packets. The path is checked anew for each packet: tables change under way.
pub fn carrier(streams: &Streams, network: &Network, session: &Session, path: &Path) -> Result<Carrier, Reason> {
    match path {
        Path::Udp(_) | Path::Tcp(_) => Carrier::direct(network, path, session, streams).ok_or(Reason::NoStream),
        Path::Tunnel(relay) => tunnel(streams, network, relay, &session.peer).ok_or(Reason::NoRoute),
        Path::Ring => ring(streams, network, own_header(network, session.peer)).ok_or(Reason::NoRoute),
    }
}

fn own_header(network: &Network, dst: crate::addr::RingAddr) -> TransitHeader {
    TransitHeader { ttl: wire::TTL, tunnel: false, no_cache: false, hops: 0, dst, src: network.self_addr }
}

/// A TUNNEL header under the relay's session, whose own path must be direct: tunnels never nest.
fn tunnel(
    streams: &Streams,
    network: &Network,
    relay: &crate::addr::RingAddr,
    dst: &crate::addr::RingAddr,
) -> Option<Carrier> {
    let header = TransitHeader { ttl: 1, tunnel: true, ..own_header(network, *dst) };
    direct_hop(streams, network, &network.session_of(relay)?, header)
}

fn direct_hop(streams: &Streams, network: &Network, session: &Arc<Session>, header: TransitHeader) -> Option<Carrier> {
    let key = session.tx.load_full()?;
    let mut carrier = Carrier::direct(network, session.path.load().as_deref()?, session, streams)?;
    // The hops behind a stream may be datagrams.
    carrier.payload = carrier.payload.min(PATH_PAYLOAD_DEFAULT as usize);
    carrier.layers[0] = Some(Layer { session: session.clone(), key, header });
    Some(carrier)
}

/// The next hop towards `header.dst`; a hop that is itself reached by a tunnel gets the tunnel's header around.
pub fn ring(streams: &Streams, network: &Network, header: TransitHeader) -> Option<Carrier> {
    let sessions = network.sessions.load();
    network.fib.load().next_hop(&header.dst, |slot| {
        let session = sessions.get(&slot)?;
        let path = session.path.load().as_deref().copied()?;
        match path {
            Path::Udp(_) | Path::Tcp(_) => direct_hop(streams, network, session, header),
            Path::Tunnel(relay) => {
                let key = session.tx.load_full()?;
                let mut carrier = tunnel(streams, network, &relay, &session.peer)?;
                carrier.layers[1] = Some(Layer { session: session.clone(), key, header });
                Some(carrier)
            }
            Path::Ring => None,
        }
    })
}

/// The way on of a TUNNEL packet: only between reserved pairs, only over the direct edge of its end.
pub fn relayed(
    streams: &Streams,
    network: &Network,
    previous: &crate::addr::RingAddr,
    header: TransitHeader,
) -> Result<Carrier, Reason> {
    let fib = network.fib.load();
    let slot = fib.direct_edge(&header.dst).filter(|_| fib.is_reserved(previous, &header.dst));
    let session = slot.and_then(|slot| network.session(slot)).ok_or(Reason::NotReserved)?;
    direct_hop(streams, network, &session, header).ok_or(Reason::NoRoute)
}

/// What became of a packet of the interface.
pub struct IpSent {
    /// IP packets that went out; of a super-packet as many as it holds.
    pub packets: u64,
    /// The largest packet that the path carries whole, where this one went in parts.
    pub narrow: Option<usize>,
}

/// Seals packets into a batch and flushes it when it is full.
pub struct Sender<'a> {
    pub shared: &'a Shared,
    pub tx: &'a mut TxBatch,
}

impl Sender<'_> {
    /// Sends what has gathered once it is worth a system call of its own.
    pub fn flush_if_due(&mut self) {
        if self.tx.is_due() {
            self.flush();
        }
    }

    pub fn flush(&mut self) {
        self.tx.flush(&self.shared.sockets, &self.shared.drops);
    }

    /// One frame, in parts where the path takes no more. Sent by the active path where none is given.
    pub fn frame(
        &mut self,
        network: &Network,
        session: &Session,
        path: Option<&Path>,
        kind: u8,
        body: &[u8],
    ) -> Result<(), Reason> {
        let key = session.tx.load();
        let key = key.as_ref().ok_or(Reason::NoKey)?;
        let carrier = self.way(network, session, path)?;
        self.frame_by(session, key, &carrier, kind, body)
    }

    fn frame_by(
        &mut self,
        session: &Session,
        key: &Key,
        carrier: &Carrier,
        kind: u8,
        body: &[u8],
    ) -> Result<(), Reason> {
        let may_drop = kind == frame::IP;
        let room = carrier.room();
        if FRAME_HEAD + body.len() <= room {
            return self.data(session, key, carrier, may_drop, FRAME_HEAD + body.len(), |text| {
                frame::write_head(text, kind, body.len());
                text[FRAME_HEAD..].copy_from_slice(body);
            });
        }
        let size = frag::part_size(body.len(), room).ok_or(Reason::TooLarge)?;
        let id = session.fragment_id();
        let mut offset = 0;
        for part in body.chunks(size) {
            let length = frag::FRAG_HEAD + part.len();
            let last = offset + part.len() == body.len();
            self.data(session, key, carrier, may_drop, FRAME_HEAD + length, |text| {
                frame::write_head(text, frame::FRAG, length);
                frag::write_head(&mut text[FRAME_HEAD..], id, offset, last, kind);
                text[FRAME_HEAD + frag::FRAG_HEAD..].copy_from_slice(part);
            })?;
            offset += part.len();
        }
        Ok(())
    }

    /// An IP packet of the interface by the active path: cut where it is a super-packet, with its checksum completed
    /// where the peer does not do that, and with a segment size that fits where it begins a TCP connection.
    pub fn ip(
        &mut self,
        network: &Network,
        session: &Session,
        packet: &mut [u8],
        info: &IpInfo,
        offload: &Offload,
    ) -> Result<IpSent, Reason> {
        let key = session.tx.load();
        let key = key.as_ref().ok_or(Reason::NoKey)?;
        let mut carrier = self.way(network, session, None)?;
        carrier.tos = network.outer_tos(ecn::tos_of(packet));
        let whole = carrier.packet_room();
        ip::clamp_mss(packet, info, whole, offload.partial.is_some());
        let narrow = |length| (length > whole).then_some(whole);
        let sent = |packets, length| IpSent { packets, narrow: narrow(length) };
        let Some(partial) = offload.partial else {
            return self.frame_by(session, key, &carrier, frame::IP, packet).map(|()| sent(1, packet.len()));
        };
        let travels = key.features & PARTIAL_CHECKSUMS != 0;
        let room = whole.saturating_sub(if travels { PARTIAL_HEAD } else { 0 });
        let Some(size) = offload.segment else {
            if travels && packet.len() <= room {
                let fill = |out: &mut [u8]| out.copy_from_slice(packet);
                let size = self.ip_data(key, &carrier, packet.len(), Some(partial), fill)?;
                session.counters.tx(1, size);
                return Ok(sent(1, 0));
            }
            partial.complete(packet);
            return self.frame_by(session, key, &carrier, frame::IP, packet).map(|()| sent(1, packet.len()));
        };
        let mut segments = Segments::new(packet, info, size).ok_or(Reason::BadInner)?;
        segments.limit(room);
        let (mut packets, mut bytes) = (0, 0);
        let mut result = Ok(sent(segments.count() as u64, segments.length(0)));
        for i in 0..segments.count() {
            let length = segments.length(i);
            let gone = if length <= room {
                let fill = |out: &mut [u8]| segments.write(i, out, travels);
                self.ip_data(key, &carrier, length, travels.then(|| segments.partial()), fill)
            } else {
                // Datagrams that do not fit the path go in parts, which are counted there.
                let mut whole = vec![0; length];
                segments.write(i, &mut whole, false);
                self.frame_by(session, key, &carrier, frame::IP, &whole).map(|()| 0)
            };
            match gone {
                Ok(size) => {
                    packets += u64::from(size > 0);
                    bytes += size;
                }
                Err(reason) => {
                    result = Err(reason);
                    break;
                }
            }
        }
        session.counters.tx(packets, bytes);
        result
    }

    /// One IP frame of `length` bytes, with the place of its checksum where that covers the pseudo-header only. The size of
    /// what goes out, which is not counted yet.
    fn ip_data(
        &mut self,
        key: &Key,
        carrier: &Carrier,
        length: usize,
        partial: Option<Partial>,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<usize, Reason> {
        let head = FRAME_HEAD + if partial.is_some() { PARTIAL_HEAD } else { 0 };
        self.seal(key, carrier, true, head + length, |text| {
            match partial {
                Some(partial) => {
                    frame::write_head(text, frame::IP_PARTIAL, PARTIAL_HEAD + length);
                    text[FRAME_HEAD..FRAME_HEAD + 2].copy_from_slice(&(partial.start as u16).to_be_bytes());
                    text[FRAME_HEAD + 2..head].copy_from_slice(&(partial.offset as u16).to_be_bytes());
                }
                None => frame::write_head(text, frame::IP, length),
            }
            fill(&mut text[head..]);
        })
    }

    /// A DATA packet without frames.
    pub fn empty(&mut self, network: &Network, session: &Session, path: Option<&Path>) -> Result<(), Reason> {
        let key = session.tx.load();
        let key = key.as_ref().ok_or(Reason::NoKey)?;
        let carrier = self.way(network, session, path)?;
        self.data(session, key, &carrier, false, 0, |_| ())
    }

    /// A PROBE whose outermost packet has `size` bytes, or the least.
    pub fn probe(
        &mut self,
        network: &Network,
        session: &Session,
        path: &Path,
        id: u32,
        size: usize,
    ) -> Result<(), Reason> {
        let key = session.tx.load();
        let key = key.as_ref().ok_or(Reason::NoKey)?;
        let carrier = carrier(&self.shared.streams, network, session, path)?;
        let text = size.saturating_sub(carrier.overhead() + DATA_OVERHEAD).max(FRAME_HEAD + 4);
        self.data(session, key, &carrier, false, text, |text| {
            frame::write_head(text, frame::PROBE, text.len() - FRAME_HEAD);
            text[FRAME_HEAD..FRAME_HEAD + 4].copy_from_slice(&id.to_be_bytes());
            text[FRAME_HEAD + 4..].fill(0);
        })
    }

    /// A whole handshake packet, which has its own macs.
    pub fn handshake(&mut self, network: &Network, via: &Via, packet: &[u8]) -> Result<(), Reason> {
        let carrier = match via {
            Via::Udp(to) => {
                self.plain(*to, packet);
                return Ok(());
            }
            Via::Tcp(to) => {
                let stream = self.shared.streams.get(network.id, to).ok_or(Reason::NoStream)?;
                return self.put(&Hop::Tcp(stream), 0, packet.len(), false, |space| {
                    space.copy_from_slice(packet);
                    true
                });
            }
            Via::Tunnel { relay, peer } => tunnel(&self.shared.streams, network, relay, peer),
            Via::Ring { peer } => ring(&self.shared.streams, network, own_header(network, *peer)),
        };
        self.transit(&carrier.ok_or(Reason::NoRoute)?, packet)
    }

    /// An inner packet behind the headers of its carrier.
    pub fn transit(&mut self, carrier: &Carrier, inner: &[u8]) -> Result<(), Reason> {
        let overhead = carrier.overhead();
        let size = overhead + inner.len();
        // What is inside cannot be seen, but handshakes: datagrams may get lost.
        let may_drop = inner.first().is_some_and(|kind| matches!(*kind, wire::DATA | wire::TRANSIT));
        self.put(&carrier.to, carrier.tos, size, may_drop, |datagram| {
            datagram[overhead..].copy_from_slice(inner);
            carrier.wrap(datagram)
        })
    }

    /// The session that a TRANSIT packet of another node leaves by.
    pub fn count_transit(&self, carrier: &Carrier) {
        if let Some(layer) = carrier.layers.iter().flatten().last() {
            layer.session.counters.transit();
        }
    }

    /// The largest IP packet that the active path carries in one piece.
    pub fn packet_room(&self, network: &Network, session: &Session) -> Option<usize> {
        self.way(network, session, None).ok().map(|carrier| carrier.packet_room())
    }

    fn way(&self, network: &Network, session: &Session, path: Option<&Path>) -> Result<Carrier, Reason> {
        match path {
            Some(path) => carrier(&self.shared.streams, network, session, path),
            None => {
                carrier(&self.shared.streams, network, session, session.path.load().as_ref().ok_or(Reason::NoPath)?)
            }
        }
    }

    fn plain(&mut self, to: SocketAddr, packet: &[u8]) {
        if self.make_room(packet.len()).is_ok() {
            self.tx.push(to, 0, packet.len(), |datagram| {
                datagram.copy_from_slice(packet);
                true
            });
        }
    }

    /// Seals one DATA packet whose text of `length` bytes `fill` writes. `may_drop`: it carries IP, which a stream need not
    /// keep when it gets old.
    fn data(
        &mut self,
        session: &Session,
        key: &Key,
        carrier: &Carrier,
        may_drop: bool,
        length: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<(), Reason> {
        let size = self.seal(key, carrier, may_drop, length, fill)?;
        session.counters.tx(1, size);
        Ok(())
    }

    /// The same without counting it; the size of what goes out.
    fn seal(
        &mut self,
        key: &Key,
        carrier: &Carrier,
        may_drop: bool,
        length: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<usize, Reason> {
        let overhead = carrier.overhead();
        let size = overhead + DATA_OVERHEAD + length;
        self.put(&carrier.to, carrier.tos, size, may_drop, |datagram| {
            let Some(counter) = key.next_counter() else { return false };
            let (head, rest) = datagram[overhead..].split_at_mut(HEAD);
            wire::write_head(head, wire::DATA, 0, key.index_tx, counter);
            let (text, tag) = rest.split_at_mut(length);
            fill(text);
            tag.copy_from_slice(&key.seal.seal(counter, head, text));
            carrier.wrap(datagram)
        })?;
        Ok(size)
    }

    /// Appends a packet for a hop. `may_drop`: a stream need not keep it when it gets old.
    fn put(
        &mut self,
        to: &Hop,
        tos: u8,
        size: usize,
        may_drop: bool,
        fill: impl FnOnce(&mut [u8]) -> bool,
    ) -> Result<(), Reason> {
        let filled = match to {
            Hop::Udp(to) => {
                self.make_room(size)?;
                self.tx.push(*to, tos, size, fill)
            }
            Hop::Tcp(stream) => {
                self.tx.note_stream(stream);
                stream.push(size, may_drop, &self.shared.drops, fill)?
            }
        };
        if filled { Ok(()) } else { Err(Reason::KeyWornOut) }
    }

    fn make_room(&mut self, size: usize) -> Result<(), Reason> {
        if !self.tx.has_room(size) {
            self.flush();
        }
        if self.tx.has_room(size) { Ok(()) } else { Err(Reason::TooLarge) }
    }
}
