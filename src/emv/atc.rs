// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an issuer remembers of a card's transaction counters, against replay and against jumps.
//!
//! A card counts every transaction, also those that never come online; messages may overtake each other. So the counter
//! grows with gaps, and a few late ones are good. [`AtcWindow`] is one card's memory of 10 bytes: the highest counter, and
//! which of the 64 up to it were seen. Judge when the cryptogram has verified (the module asks its platform then: `Question::Atc`),
//! or anybody can use up a card's counters.

use super::element::Atc;
use crate::error::Error;

/// Counters up to the highest that are remembered one by one.
const SPAN: u16 = 64;

/// The transaction counters of one card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AtcWindow {
    highest: u16,
    /// Bit n: the counter `highest - n` was seen. Zero: none at all.
    seen: u64,
}

impl AtcWindow {
    /// Length of the memory in bytes.
    pub const LEN: usize = 10;

    /// Of a card that was never seen.
    #[must_use]
    pub const fn new() -> Self {
        Self { highest: 0, seen: 0 }
    }

    /// Judges a counter and remembers it.
    ///
    /// `max_jump`: by how much it may be above the highest; a card that was never seen may begin anywhere. At 65,535 a card
    /// is at its end: the counter does not wrap.
    ///
    /// # Errors
    /// [`Error::CounterReplayed`] if it was seen before, or is so far below the highest that nobody remembers;
    /// [`Error::LimitReached`] if it is too far above. Nothing is remembered then.
    pub const fn accept(&mut self, atc: Atc, max_jump: u16) -> Result<(), Error> {
        let value = atc.value();
        if self.seen == 0 {
            (self.highest, self.seen) = (value, 1);
            return Ok(());
        }
        if let Some(above) = value.checked_sub(self.highest)
            && above > 0
        {
            if above > max_jump {
                return Err(Error::LimitReached);
            }
            self.seen = if above < SPAN { self.seen << above | 1 } else { 1 };
            self.highest = value;
            return Ok(());
        }
        let below = self.highest.wrapping_sub(value);
        if below >= SPAN || self.seen >> below & 1 == 1 {
            return Err(Error::CounterReplayed);
        }
        self.seen |= 1 << below;
        Ok(())
    }

    /// The highest counter; `None` if the card was never seen.
    #[must_use]
    pub const fn highest(&self) -> Option<Atc> {
        if self.seen == 0 {
            None
        } else {
            Some(Atc::new(self.highest))
        }
    }

    /// For the issuer's records.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; Self::LEN] {
        let ([a, b], [c, d, e, f, g, h, i, j]) = (self.highest.to_be_bytes(), self.seen.to_be_bytes());
        [a, b, c, d, e, f, g, h, i, j]
    }

    /// From the issuer's records.
    ///
    /// # Errors
    /// [`Error::Record`] if no window looks so.
    pub const fn from_bytes(bytes: &[u8; Self::LEN]) -> Result<Self, Error> {
        let [a, b, c, d, e, f, g, h, i, j] = *bytes;
        let (highest, seen) = (u16::from_be_bytes([a, b]), u64::from_be_bytes([c, d, e, f, g, h, i, j]));
        // The highest was seen, and there is nothing below counter 0.
        let sound = match seen {
            0 => highest == 0,
            _ => seen & 1 == 1 && (highest >= SPAN || seen >> highest <= 1),
        };
        if sound {
            Ok(Self { highest, seen })
        } else {
            Err(Error::Record)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters() {
        let mut window = AtcWindow::new();
        assert_eq!(window.highest(), None);
        let mut accept = |value, jump| window.accept(Atc::new(value), jump);
        let (replayed, far) = (Err(Error::CounterReplayed), Err(Error::LimitReached));
        assert_eq!(accept(100, 10), Ok(()));
        assert_eq!(accept(100, 10), replayed);
        assert_eq!(accept(111, 10), far);
        assert_eq!(accept(110, 10), Ok(()));
        // Late ones, once.
        assert_eq!(accept(105, 10), Ok(()));
        assert_eq!(accept(105, 10), replayed);
        assert_eq!(accept(100, 10), replayed);
        assert_eq!(accept(47, 10), Ok(()));
        assert_eq!(accept(46, 10), replayed);
        // Beyond the memory nothing is believed.
        assert_eq!(accept(200, 100), Ok(()));
        assert_eq!(accept(110, 100), replayed);
        assert_eq!(accept(136, 100), replayed);
        assert_eq!(accept(137, 100), Ok(()));
        assert_eq!(accept(u16::MAX, u16::MAX), Ok(()));
        assert_eq!(accept(0, u16::MAX), replayed);
        assert_eq!(accept(u16::MAX, u16::MAX), replayed);
        assert_eq!(window.highest(), Some(Atc::new(u16::MAX)));
    }

    /// Against a memory without limits.
    #[test]
    fn agrees_with_a_full_memory() {
        let (mut window, mut all) = (AtcWindow::new(), [false; 400]);
        let (mut highest, mut state) = (None::<u16>, 7_u32);
        for _ in 0..4000 {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12345);
            let base = highest.unwrap_or(60);
            let value = (base + ((state >> 16) % 100) as u16).saturating_sub(90).min(399);
            let expected = match highest {
                None => Ok(()),
                Some(top) if value > top + 5 => Err(Error::LimitReached),
                Some(top) if value > top => Ok(()),
                Some(top) if top - value >= SPAN || all[usize::from(value)] => Err(Error::CounterReplayed),
                Some(_) => Ok(()),
            };
            let before = window;
            assert_eq!(window.accept(Atc::new(value), 5), expected, "{value} {highest:?}");
            if expected.is_ok() {
                all[usize::from(value)] = true;
                highest = Some(highest.map_or(value, |top| top.max(value)));
            } else {
                assert_eq!(window, before);
            }
            assert_eq!(AtcWindow::from_bytes(&window.to_bytes()), Ok(window));
        }
    }

    #[test]
    fn records() {
        assert_eq!(AtcWindow::from_bytes(&[0; 10]), Ok(AtcWindow::new()));
        for bad in [
            [0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
            [0, 9, 0, 0, 0, 0, 0, 0, 0, 2],
            [0, 3, 0, 0, 0, 0, 0, 0, 0, 0x11],
        ] {
            assert_eq!(AtcWindow::from_bytes(&bad), Err(Error::Record));
        }
        let edge = [0, 3, 0, 0, 0, 0, 0, 0, 0, 9];
        assert_eq!(AtcWindow::from_bytes(&edge).map(|window| window.to_bytes()), Ok(edge));
    }
}
