//! One access link: what it does to the packets that go up (into the internet) and come down (out of it).

use crate::rng::Rng;

/// Most packets that one direction of a link holds; the next one is dropped.
pub const PACKETS_IN_FLIGHT: usize = 10_000;
/// Longest time that a packet waits for its turn on a link with a rate; one that would wait longer is dropped.
pub const QUEUE_NS: u64 = 50_000_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkSettings {
    pub delay_ns: u64,
    /// Added to the delay: uniform between nothing and this, without changing the order of packets.
    pub jitter_ns: u64,
    pub loss_per_million: u32,
    /// Share of packets that overtake those sent before them, by skipping the delay.
    pub reorder_per_million: u32,
    /// 0 for no limit.
    pub rate_bits_per_s: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    Lost,
    QueueFull,
}

/// One direction of a link.
#[derive(Default)]
pub struct Lane {
    in_flight: usize,
    wire_free_at: u64,
    last_departure: u64,
}

impl Lane {
    /// When a packet that enters now leaves the lane. Each one taken must be given back by `left`.
    pub fn enter(&mut self, now: u64, bytes: usize, settings: &LinkSettings, rng: &mut Rng) -> Result<u64, Refusal> {
        if rng.chance(settings.loss_per_million) {
            return Err(Refusal::Lost);
        }
        let mut sent = now;
        if settings.rate_bits_per_s > 0 {
            let start = now.max(self.wire_free_at);
            if start - now > QUEUE_NS {
                return Err(Refusal::QueueFull);
            }
            let time = u128::from(bytes as u64 * 8) * 1_000_000_000 / u128::from(settings.rate_bits_per_s);
            sent = start.saturating_add(time.min(u128::from(u64::MAX)) as u64);
        }
        if self.in_flight >= PACKETS_IN_FLIGHT {
            return Err(Refusal::QueueFull);
        }
        if settings.rate_bits_per_s > 0 {
            self.wire_free_at = sent;
        }
        self.in_flight += 1;
        if rng.chance(settings.reorder_per_million) {
            return Ok(sent);
        }
        let departure = sent.saturating_add(settings.delay_ns).saturating_add(rng.up_to(settings.jitter_ns));
        self.last_departure = self.last_departure.max(departure);
        Ok(self.last_departure)
    }

    pub fn left(&mut self) {
        self.in_flight -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn delays_each_packet_by_the_same_time() {
        let settings = LinkSettings { delay_ns: 20 * MS, ..LinkSettings::default() };
        let (mut lane, mut rng) = (Lane::default(), Rng::new(1));
        assert_eq!(lane.enter(5 * MS, 100, &settings, &mut rng), Ok(25 * MS));
        assert_eq!(lane.enter(6 * MS, 1500, &settings, &mut rng), Ok(26 * MS));
    }

    #[test]
    fn jitter_stays_in_its_range_and_keeps_the_order() {
        let settings = LinkSettings { delay_ns: 20 * MS, jitter_ns: 10 * MS, ..LinkSettings::default() };
        let (mut lane, mut rng) = (Lane::default(), Rng::new(1));
        let mut last = 0;
        let mut varied = false;
        for step in 0..1000 {
            let now = step * MS / 10;
            let departure = lane.enter(now, 100, &settings, &mut rng).unwrap();
            assert!(departure >= last && departure >= now + 20 * MS && departure <= now + 30 * MS);
            varied |= departure != now + 20 * MS;
            last = departure;
            lane.left();
        }
        assert!(varied);
    }

    #[test]
    fn a_rate_spaces_packets_and_drops_what_would_wait_too_long() {
        // 12 Mbit/s: a packet of 1,500 bytes takes one millisecond.
        let settings = LinkSettings { rate_bits_per_s: 12_000_000, ..LinkSettings::default() };
        let (mut lane, mut rng) = (Lane::default(), Rng::new(1));
        assert_eq!(lane.enter(0, 1500, &settings, &mut rng), Ok(MS));
        assert_eq!(lane.enter(0, 1500, &settings, &mut rng), Ok(2 * MS));
        let taken = (0..100).filter(|_| lane.enter(0, 1500, &settings, &mut rng).is_ok()).count();
        assert_eq!(taken, 49);
        assert_eq!(lane.enter(0, 1500, &settings, &mut rng), Err(Refusal::QueueFull));
        assert_eq!(lane.enter(100 * MS, 1500, &settings, &mut rng), Ok(101 * MS));
    }

    #[test]
    fn holds_a_bounded_number_of_packets() {
        let settings = LinkSettings { delay_ns: MS, ..LinkSettings::default() };
        let (mut lane, mut rng) = (Lane::default(), Rng::new(1));
        assert!((0..PACKETS_IN_FLIGHT).all(|_| lane.enter(0, 100, &settings, &mut rng).is_ok()));
        assert_eq!(lane.enter(0, 100, &settings, &mut rng), Err(Refusal::QueueFull));
        lane.left();
        assert_eq!(lane.enter(0, 100, &settings, &mut rng), Ok(MS));
    }

    #[test]
    fn loses_and_reorders_the_share_that_it_is_told() {
        let settings = LinkSettings {
            delay_ns: 20 * MS,
            loss_per_million: 200_000,
            reorder_per_million: 250_000,
            ..LinkSettings::default()
        };
        let (mut lane, mut rng) = (Lane::default(), Rng::new(3));
        let (mut lost, mut early) = (0, 0);
        for _ in 0..10_000 {
            match lane.enter(0, 100, &settings, &mut rng) {
                Ok(at) => {
                    early += u32::from(at == 0);
                    lane.left();
                }
                Err(_) => lost += 1,
            }
        }
        assert!((1_800..2_200).contains(&lost), "{lost} lost");
        assert!((1_800..2_200).contains(&early), "{early} early");
    }
}
