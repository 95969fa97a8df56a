// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::dukpt::{Scheme, tdes};
use crate::error::Error;

/// What a host remembers of one initial key, so that no counter serves twice.
///
/// The caller holds one for each initial key id, and keeps it where it outlives the process
/// ([`to_bytes`](Self::to_bytes)): in a database row, in a record. It is checked **before** anything is derived, where
/// nothing of the message is authenticated yet, and changed by [`accept`](Self::accept) **after** its MAC has verified:
/// whoever invents KSNs could otherwise use up a terminal's counters.
///
/// With `back` = 0 counters must increase strictly. Messages that overtake each other on the way (a stored transaction
/// sent after a newer one) need a window: the last `back` transactions before the newest are accepted in any order,
/// once each. The distance is counted in transactions, for counters with too many one bits are none.
///
/// # Example
/// As the decision on [`Question::DukptCounter`](crate::hsm::Question::DukptCounter) and after it:
/// ```
/// use payhsm::dukpt::{ReplayWindow, aes};
/// use payhsm::error::Error;
///
/// let id = [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56];
/// let mut window = ReplayWindow::new(&id, 0)?;
/// let ksn = aes::InitialKeyId::parse(&id)?.ksn(7)?;
///
/// window.check(&id, ksn.counter())?; // decide: before the derivation
/// // derive, verify the MAC of the message ...
/// window.accept(&id, ksn.counter())?; // now the counter is used
/// assert_eq!(window.check(&id, 7), Err(Error::CounterReplayed));
/// assert_eq!(window.check(&id, 8), Ok(()));
/// # Ok::<(), Error>(())
/// ```
///
/// # Timing
/// Counters are public.
///
/// # Source
/// X9.24-3:2017 has hosts reject a counter that is not above the last; the window is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayWindow {
    scheme: Scheme,
    /// Zeros behind.
    identity: [u8; IDENTITY_LEN],
    back: u8,
    /// The highest counter accepted; 0 if none was.
    last: u32,
    /// Bit *i*: the transaction *i* + 1 before the last was accepted.
    seen: u64,
}

const IDENTITY_LEN: usize = 10;
/// Version of the stored form.
const LAYOUT: u8 = 1;

impl ReplayWindow {
    /// The most transactions that a window looks back.
    pub const MAX_BACK: u8 = 64;
    /// Length of the stored form in bytes.
    pub const STORED_LEN: usize = 28;

    /// The window of an initial key of which no counter was accepted.
    ///
    /// `identity`: the initial key id, 10 bytes with zero counter bits (TDEA) or 8 bytes (AES). `back`: how many
    /// transactions before the newest are still accepted, 0 to [`MAX_BACK`](Self::MAX_BACK).
    ///
    /// # Errors
    /// [`Error::InvalidKsn`] for the identity, [`Error::InvalidArgument`] for `back`.
    pub fn new(identity: &[u8], back: u8) -> Result<Self, Error> {
        if back > Self::MAX_BACK {
            return Err(Error::InvalidArgument);
        }
        let scheme = match identity.len() {
            8 => Scheme::Aes,
            10 => {
                tdes::InitialKeyId::parse(identity)?;
                Scheme::Tdes
            }
            _ => return Err(Error::InvalidKsn),
        };
        let mut own = [0; IDENTITY_LEN];
        for (to, from) in own.iter_mut().zip(identity) {
            *to = *from;
        }
        Ok(Self {
            scheme,
            identity: own,
            back,
            last: 0,
            seen: 0,
        })
    }

    /// The initial key id: 10 (TDEA) or 8 bytes (AES).
    #[must_use]
    pub fn identity(&self) -> &[u8] {
        self.identity.get(..self.scheme.identity_len()).unwrap_or(&[])
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The highest counter that was accepted.
    #[must_use]
    pub const fn last(&self) -> Option<u32> {
        match self.last {
            0 => None,
            last => Some(last),
        }
    }

    /// Whether a counter of the initial key `identity` may still be accepted. Nothing is changed.
    ///
    /// # Errors
    /// [`Error::InvalidKsn`] for another identity; [`Error::CounterZero`], [`Error::CounterOverweight`],
    /// [`Error::CounterReserved`], [`Error::InvalidArgument`] for what is no transaction; [`Error::CounterReplayed`] for
    /// one that was accepted, or lies before the window.
    pub fn check(&self, identity: &[u8], counter: u32) -> Result<(), Error> {
        if identity != self.identity() {
            return Err(Error::InvalidKsn);
        }
        self.scheme.check_counter(counter)?;
        match self.before(counter) {
            None => Ok(()),
            Some(before) if before > u32::from(self.back) => Err(Error::CounterReplayed),
            Some(before) if self.seen & bit(before) == 0 && before != 0 => Ok(()),
            Some(_) => Err(Error::CounterReplayed),
        }
    }

    /// Marks a counter as used: call it when the MAC of the message has verified, and store the window before the answer
    /// goes out.
    ///
    /// # Errors
    /// As [`check`](Self::check), which it makes again: of two messages with one KSN the second is refused here. The
    /// window stays as it is then.
    pub fn accept(&mut self, identity: &[u8], counter: u32) -> Result<(), Error> {
        self.check(identity, counter)?;
        if let Some(before) = self.before(counter) {
            self.seen |= bit(before);
            return Ok(());
        }
        let ahead = self.ordinal(counter).wrapping_sub(self.ordinal(self.last));
        self.seen = self.seen.checked_shl(ahead).unwrap_or(0);
        if self.last != 0 {
            self.seen |= bit(ahead);
        }
        self.last = counter;
        Ok(())
    }

    /// The stored form: version, scheme, `back`, zero, identity (12, zeros behind), counter, marks; big-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::STORED_LEN] {
        let mut out = [0; Self::STORED_LEN];
        let fields = [LAYOUT, self.scheme.tag(), self.back, 0]
            .into_iter()
            .chain(self.identity)
            .chain([0; 2])
            .chain(self.last.to_be_bytes())
            .chain(self.seen.to_be_bytes());
        for (to, from) in out.iter_mut().zip(fields) {
            *to = from;
        }
        out
    }

    /// Takes back a stored form. Authenticate it: whoever can change it lets counters in again.
    ///
    /// # Errors
    /// [`Error::Record`] for what [`to_bytes`](Self::to_bytes) does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let bytes: &[u8; Self::STORED_LEN] = bytes.try_into().map_err(|_| Error::Record)?;
        let &[layout, tag, back, zero, ref rest @ ..] = bytes;
        let (identity, rest) = rest.split_first_chunk::<12>().ok_or(Error::Record)?;
        let (last, seen) = rest.split_first_chunk::<4>().ok_or(Error::Record)?;
        let seen = seen.first_chunk().ok_or(Error::Record)?;
        let scheme = Scheme::from_tag(tag)?;
        let (own, fill) = identity.split_at_checked(scheme.identity_len()).ok_or(Error::Record)?;
        if layout != LAYOUT || zero != 0 || fill.iter().any(|&byte| byte != 0) {
            return Err(Error::Record);
        }
        let mut window = Self::new(own, back).map_err(|_| Error::Record)?;
        window.last = u32::from_be_bytes(*last);
        window.seen = u64::from_be_bytes(*seen);
        if window.last != 0 {
            scheme.check_counter(window.last).map_err(|_| Error::Record)?;
        }
        // As many transactions lie before the last as its number says, and the last is none of them.
        let most = window.ordinal(window.last).saturating_sub(1);
        if window.seen & u64::MAX.checked_shl(most).unwrap_or(0) != 0 {
            return Err(Error::Record);
        }
        Ok(window)
    }

    fn ordinal(&self, counter: u32) -> u32 {
        self.scheme.rule().ordinal(counter)
    }

    /// How many transactions `counter` lies before the last one accepted; `None` if it is newer.
    fn before(&self, counter: u32) -> Option<u32> {
        self.ordinal(self.last).checked_sub(self.ordinal(counter))
    }
}

/// The mark of the transaction `before` (1 to 64) transactions before the last.
fn bit(before: u32) -> u64 {
    1_u64.checked_shl(before.wrapping_sub(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;
    use std::vec::Vec;

    use super::*;

    const AES: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
    const TDEA: [u8; 10] = [1, 2, 3, 4, 5, 6, 7, 0xE0, 0, 0];

    #[test]
    fn strictly_increasing() {
        for id in [&AES[..], &TDEA] {
            let mut window = ReplayWindow::new(id, 0).unwrap();
            assert_eq!(window.last(), None);
            for counter in [1, 2, 5, 0x3FF, 0x1F_F800] {
                assert_eq!(window.check(id, counter), Ok(()));
                let before = window;
                assert_eq!(window.check(id, counter), Ok(()));
                assert_eq!(window, before);
                window.accept(id, counter).unwrap();
                assert_eq!(window.last(), Some(counter));
                for old in [1, counter - 1, counter] {
                    if window.scheme().check_counter(old).is_ok() {
                        assert_eq!(window.check(id, old), Err(Error::CounterReplayed), "{old}");
                        assert_eq!(window.accept(id, old), Err(Error::CounterReplayed));
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_transaction_or_of_another_key() {
        let mut window = ReplayWindow::new(&AES, 8).unwrap();
        for (counter, error) in [
            (0, Error::CounterZero),
            (0x0001_FFFF, Error::CounterOverweight),
            (u32::MAX, Error::CounterReserved),
        ] {
            assert_eq!(window.check(&AES, counter), Err(error));
            assert_eq!(window.accept(&AES, counter), Err(error));
        }
        assert_eq!(window.check(&[0; 8], 1), Err(Error::InvalidKsn));
        assert_eq!(window.accept(&AES[..7], 1), Err(Error::InvalidKsn));
        let window = ReplayWindow::new(&TDEA, 8).unwrap();
        assert_eq!(window.check(&TDEA, 0x7FF), Err(Error::CounterOverweight));
        assert_eq!(window.check(&TDEA, 1 << 21), Err(Error::InvalidArgument));
        assert_eq!(ReplayWindow::new(&[1; 10], 0), Err(Error::InvalidKsn));
        assert_eq!(ReplayWindow::new(&AES[..4], 0), Err(Error::InvalidKsn));
        assert_eq!(ReplayWindow::new(&AES, 65), Err(Error::InvalidArgument));
    }

    /// Against a list of what was accepted, over the jumps of counters with ten one bits.
    #[test]
    fn windows_take_each_once() {
        for (id, start) in [(&AES[..], 0x0000_FFF0), (&TDEA[..], 0x3F0)] {
            let scheme = ReplayWindow::new(id, 0).unwrap().scheme();
            let counters: Vec<u32> = (start..)
                .filter(|c| scheme.check_counter(*c).is_ok())
                .take(300)
                .collect();
            for back in [0, 1, 2, 63, 64] {
                let mut window = ReplayWindow::new(id, back).unwrap();
                let (mut seen, mut newest) = (vec![false; counters.len()], None::<usize>);
                let mut random = 1_u32;
                for _ in 0..2000 {
                    random = random.wrapping_mul(0x0019_660D).wrapping_add(0x3C6E_F35F);
                    let near = newest.unwrap_or(0) + 3;
                    let at = near
                        .saturating_sub((random >> 24) as usize % 80)
                        .min(counters.len() - 1);
                    let fresh =
                        newest.is_none_or(|newest| at > newest || newest - at <= usize::from(back)) && !seen[at];
                    let result = window.accept(id, counters[at]);
                    assert_eq!(result.is_ok(), fresh, "{at} {newest:?}");
                    if fresh {
                        seen[at] = true;
                        newest = newest.max(Some(at));
                    }
                    assert_eq!(ReplayWindow::from_bytes(&window.to_bytes()), Ok(window));
                }
                assert!(seen.iter().filter(|seen| **seen).count() > 100);
            }
        }
    }

    #[test]
    fn a_leap_forgets_the_marks() {
        let mut window = ReplayWindow::new(&AES, 64).unwrap();
        window.accept(&AES, 1).unwrap();
        window.accept(&AES, 65).unwrap();
        assert_eq!(window.check(&AES, 1), Err(Error::CounterReplayed));
        assert_eq!(window.check(&AES, 2), Ok(()));
        window.accept(&AES, 66).unwrap();
        assert_eq!(window.check(&AES, 1), Err(Error::CounterReplayed));
        assert_eq!(window.check(&AES, 2), Ok(()));
        window.accept(&AES, 0xFFFF_0000).unwrap();
        assert_eq!(window.check(&AES, 66), Err(Error::CounterReplayed));
        assert_eq!(window.check(&AES, 0xFFFE_8000), Ok(()));
    }

    #[test]
    fn stored_forms_that_nobody_wrote() {
        let mut window = ReplayWindow::new(&AES, 3).unwrap();
        for counter in [3, 9, 7] {
            window.accept(&AES, counter).unwrap();
        }
        let bytes = window.to_bytes();
        assert_eq!(ReplayWindow::from_bytes(&bytes), Ok(window));
        assert_eq!(ReplayWindow::from_bytes(&bytes[1..]), Err(Error::Record));
        for (at, value) in [
            (0, 2),
            (1, 1),
            (1, 3),
            (2, 65),
            (3, 1),
            (12, 1),
            (15, 1),
            (16, 0xFF),
            (20, 1),
        ] {
            let mut changed = bytes;
            changed[at] = value;
            if at == 16 {
                changed[17..20].fill(0xFF);
            }
            assert_eq!(ReplayWindow::from_bytes(&changed), Err(Error::Record), "byte {at}");
        }
    }
}
