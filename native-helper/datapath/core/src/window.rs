//! The replay window of one receive key: 4,096 counters (overlay.md section 3, after RFC 6479).

const WORDS: u64 = 64;
pub const REPLAY_BITS: u64 = WORDS * 64;

/// A ring of bits. The word of the highest counter is shared with no counter that is still accepted, so the window
/// reaches back `REPLAY_BITS` minus the part of a word.
pub struct Window {
    /// One above the highest counter accepted; 0 before the first.
    next: u64,
    bits: [u64; WORDS as usize + 1],
}

impl Default for Window {
    fn default() -> Self {
        Self { next: 0, bits: [0; WORDS as usize + 1] }
    }
}

impl Window {
    /// Whether `counter` is neither too old nor seen before.
    pub fn is_new(&self, counter: u64) -> bool {
        if counter >= self.next {
            return counter != u64::MAX;
        }
        self.next - counter <= REPLAY_BITS && self.bits[Self::word(counter)] & Self::bit(counter) == 0
    }

    /// Marks an authentic counter for which `is_new` said yes; tells whether it is the highest so far.
    pub fn accept(&mut self, counter: u64) -> bool {
        let newest = counter >= self.next;
        if newest {
            let (old, new) = (self.next.saturating_sub(1) / 64, counter / 64);
            for word in (old + 1)..=(old + (new - old).min(WORDS + 1)) {
                self.bits[(word % (WORDS + 1)) as usize] = 0;
            }
            self.next = counter + 1;
        }
        self.bits[Self::word(counter)] |= Self::bit(counter);
        newest
    }

    fn word(counter: u64) -> usize {
        (counter / 64 % (WORDS + 1)) as usize
    }

    fn bit(counter: u64) -> u64 {
        1 << (counter % 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn takes_each_counter_once_within_the_window() {
        let mut window = Window::default();
        assert!(window.is_new(0));
        assert!(window.accept(0));
        assert!(!window.is_new(0));
        assert!(window.accept(5_000));
        assert!(!window.is_new(5_000));
        assert!(!window.is_new(5_000 - REPLAY_BITS));
        assert!(window.is_new(5_001 - REPLAY_BITS));
        assert!(!window.accept(4_999));
        assert!(!window.is_new(4_999));
        assert!(!window.is_new(u64::MAX));
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(steps in proptest::collection::vec((0u64..3, 0u64..6_000), 1..400)) {
            let mut window = Window::default();
            let mut seen = HashSet::new();
            let mut next = 0u64;
            for (kind, amount) in steps {
                let counter = match kind {
                    0 => next,
                    1 => next + amount,
                    _ => next.saturating_sub(amount),
                };
                let expected = !seen.contains(&counter) && (counter >= next || next - counter <= REPLAY_BITS);
                prop_assert_eq!(window.is_new(counter), expected);
                if expected {
                    prop_assert_eq!(window.accept(counter), counter >= next);
                    seen.insert(counter);
                    next = next.max(counter + 1);
                }
            }
        }
    }
}
