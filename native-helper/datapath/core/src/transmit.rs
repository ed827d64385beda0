//! The way out: frames of the interface to sessions.

use std::collections::HashMap;
use std::io::IoSlice;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::drops::Reason;
use crate::ethernet::{self, ARP, IPV4, IPV6};
use crate::events::{Event, NetworkId};
use crate::ip::{self, IpInfo};
use crate::offload::{self, Offload};
use crate::send::Sender;
use crate::session::lock;
use crate::shared::{Network, Shared};
use crate::socket::TxBatch;
use crate::tap::{ETHER, Tap, VNET};
use crate::too_big;
use crate::wire::u16_at;

const MISS_AGAIN: Duration = Duration::from_secs(1);
/// Addresses remembered as just reported; while full, nothing more is reported.
const MISSES_MAX: usize = 100;

/// The state of the transmitting thread.
pub struct Transmitter {
    shared: Arc<Shared>,
    tx: TxBatch,
    misses: HashMap<(NetworkId, IpAddr), Instant>,
    too_big: too_big::Limit,
    now: Instant,
}

impl Transmitter {
    pub fn new(shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        Self { shared, tx: TxBatch::default(), misses: HashMap::new(), too_big: too_big::Limit::new(now), now }
    }

    /// Before a batch of frames: what the clock says.
    pub fn begin(&mut self, now: Instant) {
        self.now = now;
    }

    /// After a batch: what it caused to be sent.
    pub fn end(&mut self) {
        self.tx.flush(&self.shared.sockets, &self.shared.drops);
    }

    /// One frame as read, virtio-net header first.
    pub fn frame(&mut self, network: &Network, tap: &Tap, frame: &mut [u8]) {
        let result = if frame.len() < VNET + ETHER {
            Err(Reason::NotIp)
        } else {
            let (header, ethernet) = frame.split_at_mut(VNET);
            match offload::parse(header) {
                Some(offload) => self.ethernet(network, tap, ethernet, offload),
                None => Err(Reason::BadInner),
            }
        };
        if let Err(reason) = result {
            self.shared.drops.count(reason);
        }
    }

    fn ethernet(&mut self, network: &Network, tap: &Tap, frame: &mut [u8], offload: Offload) -> Result<(), Reason> {
        let group = ethernet::is_group(frame);
        let ether_type = u16_at(frame, 12);
        let body = &mut frame[ETHER..];
        match ether_type {
            ARP => self.arp(network, tap, body),
            IPV4 | IPV6 if group => Err(Reason::Group),
            IPV4 | IPV6 => self.ip(network, tap, body, offload),
            _ => Err(Reason::NotIp),
        }
    }

    fn arp(&mut self, network: &Network, tap: &Tap, packet: &[u8]) -> Result<(), Reason> {
        let Some(question) = ethernet::parse_arp(packet).filter(|question| question.target != tap.ip) else {
            return Ok(());
        };
        let target = IpAddr::V4(question.target);
        match network.ip_map.load().get(target) {
            Some(entry) => {
                let answer = ethernet::arp_answer(&question, entry.peer.mac());
                tap.write(&[IoSlice::new(&answer)]).map_err(|_| Reason::InterfaceWrite)
            }
            None => {
                lock(&network.held).hold_arp(self.now, question);
                self.miss(network, target);
                Ok(())
            }
        }
    }

    fn ip(&mut self, network: &Network, tap: &Tap, packet: &mut [u8], offload: Offload) -> Result<(), Reason> {
        let info = ip::parse(packet).ok_or(Reason::BadInner)?;
        if offload.partial.is_some_and(|partial| !partial.fits(&info)) {
            return Err(Reason::BadInner);
        }
        if ip::is_group(info.dst) {
            return Err(Reason::Group);
        }
        ip::clamp_mss(packet, &info, tap.mtu, offload.partial.is_some());
        let packet = &mut packet[..info.length];
        let mut sender = Sender { shared: &self.shared, tx: &mut self.tx };
        match send_ip(&mut sender, network, packet, &info, &offload) {
            Err(Reason::NoEntry) => {
                self.miss(network, info.dst);
                // A super-packet is far into its connection and will be sent again.
                if offload.segment.is_some() {
                    return Err(Reason::NoEntry);
                }
                if let Some(partial) = offload.partial {
                    partial.complete(packet);
                }
                let kept = lock(&network.held).hold(self.now, info.dst, packet);
                if kept { Ok(()) } else { Err(Reason::NoEntry) }
            }
            result => {
                sender.flush_if_due();
                result.and_then(|narrow| match narrow {
                    Some(room) => self.say_too_big(network, tap, packet, &info, room),
                    None => Ok(()),
                })
            }
        }
    }

    /// Tells the sender of a packet that went in parts how large its packets may be.
    fn say_too_big(
        &mut self,
        network: &Network,
        tap: &Tap,
        packet: &[u8],
        info: &IpInfo,
        room: usize,
    ) -> Result<(), Reason> {
        let Some(answer) = too_big::answer(packet, info, room).filter(|_| self.too_big.take(self.now)) else {
            return Ok(());
        };
        let map = network.ip_map.load();
        let from = map.get(info.dst).map_or(tap.mac, |entry| entry.peer.mac());
        let head = ethernet::frame_head(tap.mac, from, if info.src.is_ipv4() { IPV4 } else { IPV6 });
        tap.write(&[IoSlice::new(&head), IoSlice::new(&answer)]).map_err(|_| Reason::InterfaceWrite)
    }

    fn miss(&mut self, network: &Network, ip: IpAddr) {
        let now = self.now;
        if self.misses.len() >= MISSES_MAX {
            self.misses.retain(|_, at| now.saturating_duration_since(*at) < MISS_AGAIN);
        }
        let known = self.misses.get(&(network.id, ip));
        let again = known.is_none_or(|at| now.saturating_duration_since(*at) >= MISS_AGAIN);
        if again && (known.is_some() || self.misses.len() < MISSES_MAX) {
            self.misses.insert((network.id, ip), now);
            self.shared.tell(Event::Miss { network: network.id, ip });
        }
    }
}

/// Sends a packet to the session of its destination; `NoEntry` where it has to wait for one. Says how large a packet goes
/// whole, where this one did not.
pub fn send_ip(
    sender: &mut Sender<'_>,
    network: &Network,
    packet: &mut [u8],
    info: &IpInfo,
    offload: &Offload,
) -> Result<Option<usize>, Reason> {
    let slot = network.ip_map.load().get(info.dst).and_then(|entry| entry.slot).ok_or(Reason::NoEntry)?;
    let sessions = network.sessions.load();
    let session = sessions.get(&slot).filter(|session| session.can_send()).ok_or(Reason::NoEntry)?;
    let sent = sender.ip(network, session, packet, info, offload)?;
    if session.ip_sent(sent.packets) {
        sender.shared.tell_traffic(network, session);
    }
    Ok(sent.narrow)
}

fn release_one(sender: &mut Sender<'_>, network: &Network, packet: &mut [u8]) -> Result<(), Reason> {
    let info = ip::parse(packet).ok_or(Reason::BadInner)?;
    send_ip(sender, network, packet, &info, &Offload::default()).map(drop)
}

/// Lets go on what waited, after the tables changed.
pub fn release(sender: &mut Sender<'_>, network: &Network, now: Instant) {
    let mut held = lock(&network.held);
    if held.is_empty() {
        return;
    }
    let late = held.expire(now);
    sender.shared.drops.add(Reason::HeldTooLong, late as u64);
    held.packets.retain_mut(|(_, _, packet)| match release_one(sender, network, packet) {
        Err(Reason::NoEntry) => true,
        Err(reason) => {
            sender.shared.drops.count(reason);
            false
        }
        Ok(()) => false,
    });
    let tap = network.tap.load();
    let Some(tap) = tap.as_ref() else { return };
    let map = network.ip_map.load();
    held.arps.retain(|(_, question)| match map.get(IpAddr::V4(question.target)) {
        Some(entry) => {
            let answer = ethernet::arp_answer(question, entry.peer.mac());
            if tap.write(&[IoSlice::new(&answer)]).is_err() {
                sender.shared.drops.count(Reason::InterfaceWrite);
            }
            false
        }
        None => true,
    });
}
