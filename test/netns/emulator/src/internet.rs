//! The internet as a pure machine: ports, routes by longest prefix and packets on their way, ordered by departure.
//! A packet goes up its sender's link, is routed in the middle, and goes down its receiver's link.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Ipv4Addr;

use crate::link::{self, Lane, LinkSettings};
use crate::packet;
use crate::rng::Rng;

pub type PortId = usize;

#[derive(Default, Debug, Clone, PartialEq, Eq)]
pub struct Counters {
    pub delivered: u64,
    pub lost: u64,
    pub queue_full: u64,
    pub no_route: u64,
    pub expired: u64,
    pub malformed: u64,
}

struct Port {
    network: u32,
    prefix_bits: u32,
    settings: LinkSettings,
    up: Lane,
    down: Lane,
}

enum Leg {
    /// Until this time on the way up from a port.
    Up(PortId),
    /// Until this time on the way down to a port.
    Down(PortId),
}

struct Flight {
    at: u64,
    order: u64,
    leg: Leg,
    bytes: Vec<u8>,
}

impl PartialEq for Flight {
    fn eq(&self, other: &Flight) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Flight {}
impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Flight) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Flight {
    fn cmp(&self, other: &Flight) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

pub struct Internet {
    ports: Vec<Port>,
    flights: BinaryHeap<Reverse<Flight>>,
    order: u64,
    rng: Rng,
    pub counters: Counters,
}

impl Internet {
    pub fn new(seed: u64) -> Internet {
        Internet {
            ports: Vec::new(),
            flights: BinaryHeap::new(),
            order: 0,
            rng: Rng::new(seed),
            counters: Counters::default(),
        }
    }

    /// The next port; ids count from 0. Packets to `network`/`prefix_bits` go there.
    pub fn add_port(&mut self, network: Ipv4Addr, prefix_bits: u32, settings: LinkSettings) -> PortId {
        let network = u32::from(network) & mask(prefix_bits);
        self.ports.push(Port { network, prefix_bits, settings, up: Lane::default(), down: Lane::default() });
        self.ports.len() - 1
    }

    pub fn settings_mut(&mut self, port: PortId) -> &mut LinkSettings {
        &mut self.ports[port].settings
    }

    /// Takes a packet that a port's host has sent.
    pub fn send(&mut self, now: u64, from: PortId, bytes: Vec<u8>) {
        let port = &mut self.ports[from];
        match port.up.enter(now, bytes.len(), &port.settings, &mut self.rng) {
            Ok(at) => self.push(at, Leg::Up(from), bytes),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// When `due` next has something to do.
    pub fn wake_at(&self) -> Option<u64> {
        self.flights.peek().map(|Reverse(flight)| flight.at)
    }

    /// The next packet that arrives at a port by now, until there is none.
    pub fn due(&mut self, now: u64) -> Option<(PortId, Vec<u8>)> {
        while self.wake_at().is_some_and(|at| at <= now) {
            let Reverse(mut flight) = self.flights.pop()?;
            match flight.leg {
                Leg::Up(from) => {
                    self.ports[from].up.left();
                    match packet::forward(&mut flight.bytes) {
                        Ok(destination) => self.descend(flight.at, destination, flight.bytes),
                        Err(packet::Refusal::Malformed) => self.counters.malformed += 1,
                        Err(packet::Refusal::Expired) => self.counters.expired += 1,
                    }
                }
                Leg::Down(to) => {
                    self.ports[to].down.left();
                    self.counters.delivered += 1;
                    return Some((to, flight.bytes));
                }
            }
        }
        None
    }

    fn descend(&mut self, at: u64, destination: Ipv4Addr, bytes: Vec<u8>) {
        let Some(to) = self.route(destination) else {
            self.counters.no_route += 1;
            return;
        };
        let port = &mut self.ports[to];
        match port.down.enter(at, bytes.len(), &port.settings, &mut self.rng) {
            Ok(at) => self.push(at, Leg::Down(to), bytes),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn route(&self, destination: Ipv4Addr) -> Option<PortId> {
        let destination = u32::from(destination);
        (0..self.ports.len())
            .filter(|&id| destination & mask(self.ports[id].prefix_bits) == self.ports[id].network)
            .max_by_key(|&id| self.ports[id].prefix_bits)
    }

    fn push(&mut self, at: u64, leg: Leg, bytes: Vec<u8>) {
        self.order += 1;
        self.flights.push(Reverse(Flight { at, order: self.order, leg, bytes }));
    }

    fn refuse(&mut self, refusal: &link::Refusal) {
        match refusal {
            link::Refusal::Lost => self.counters.lost += 1,
            link::Refusal::QueueFull => self.counters.queue_full += 1,
        }
    }
}

fn mask(prefix_bits: u32) -> u32 {
    u32::MAX.checked_shl(32 - prefix_bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn to(destination: [u8; 4], mark: u8) -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 21, 0, 0, 0, 0, 64, 17, 0, 0, 198, 51, 100, 10, 0, 0, 0, 0, mark];
        bytes[16..20].copy_from_slice(&destination);
        bytes
    }

    fn delay(ms: u64) -> LinkSettings {
        LinkSettings { delay_ns: ms * MS, ..LinkSettings::default() }
    }

    fn three() -> Internet {
        let mut internet = Internet::new(1);
        internet.add_port(Ipv4Addr::new(198, 51, 100, 0), 24, delay(5));
        internet.add_port(Ipv4Addr::new(203, 0, 113, 0), 24, delay(30));
        internet.add_port(Ipv4Addr::new(203, 0, 113, 128), 25, delay(80));
        internet
    }

    fn arrivals(internet: &mut Internet, now: u64) -> Vec<(PortId, u8)> {
        std::iter::from_fn(|| internet.due(now)).map(|(port, bytes)| (port, bytes[20])).collect()
    }

    #[test]
    fn a_packet_takes_the_delays_of_both_links() {
        let mut internet = three();
        internet.send(0, 0, to([203, 0, 113, 7], 1));
        assert_eq!(internet.wake_at(), Some(5 * MS));
        assert_eq!(arrivals(&mut internet, 34 * MS), []);
        assert_eq!(internet.wake_at(), Some(35 * MS));
        assert_eq!(arrivals(&mut internet, 35 * MS), [(1, 1)]);
        assert_eq!(internet.wake_at(), None);
    }

    #[test]
    fn packets_come_out_by_time_of_arrival_not_by_time_of_sending() {
        let mut internet = three();
        internet.send(0, 2, to([198, 51, 100, 1], 1));
        internet.send(10 * MS, 1, to([198, 51, 100, 1], 2));
        assert_eq!(arrivals(&mut internet, 1000 * MS), [(0, 2), (0, 1)]);
    }

    #[test]
    fn the_longest_prefix_wins_and_other_destinations_are_counted() {
        let mut internet = three();
        internet.send(0, 0, to([203, 0, 113, 200], 1));
        internet.send(0, 0, to([203, 0, 113, 100], 2));
        internet.send(0, 0, to([192, 0, 2, 1], 3));
        internet.send(0, 0, vec![0x60; 40]);
        assert_eq!(arrivals(&mut internet, 1000 * MS), [(1, 2), (2, 1)]);
        assert_eq!((internet.counters.no_route, internet.counters.malformed), (1, 1));
    }

    #[test]
    fn a_changed_setting_holds_for_the_next_packet() {
        let mut internet = three();
        internet.settings_mut(0).loss_per_million = 1_000_000;
        internet.send(0, 0, to([203, 0, 113, 1], 1));
        internet.settings_mut(0).loss_per_million = 0;
        internet.send(0, 0, to([203, 0, 113, 1], 2));
        assert_eq!(arrivals(&mut internet, 1000 * MS), [(1, 2)]);
        assert_eq!(internet.counters.lost, 1);
    }
}
