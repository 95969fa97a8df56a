// SPDX-License-Identifier: MIT OR Apache-2.0
//! The terminal's state on its way to storage and back.

use core::fmt;

use subtle::{Choice, ConstantTimeEq};

use crate::ct;
use crate::dukpt::ksn::CounterRule;
use crate::dukpt::scheme::Scheme;
use crate::error::Error;

/// Where a terminal's state is made durable.
///
/// `commit` is called once for each load and each step, with the state as it is *after* it, before any key is given
/// out. It must not return `Ok` before that state would survive a loss of power, and must then never bring an older
/// one back.
pub trait Journal {
    /// Makes the state durable: at least the counter and the registers of [`Step::changed`].
    ///
    /// # Errors
    /// Any error stops the operation: no key is given out, and the counter used is lost.
    fn commit(&mut self, step: &Step<'_>) -> Result<(), Error>;
}

impl<J: Journal + ?Sized> Journal for &mut J {
    fn commit(&mut self, step: &Step<'_>) -> Result<(), Error> {
        (**self).commit(step)
    }
}

/// A journal that keeps nothing: for vectors, walks and benches.
///
/// A terminal with it uses its keys again after each loss of power.
#[cfg(feature = "hazmat")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Unstored;

#[cfg(feature = "hazmat")]
impl Journal for Unstored {
    fn commit(&mut self, _: &Step<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// The state after a load or a step, as a [`Journal`] gets it.
pub struct Step<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// IKSN (10 bytes, counter bits zero) or initial key id (8 bytes).
    pub identity: &'a [u8],
    /// Counter of the next transaction; 0 if the initial key is exhausted.
    pub counter: u32,
    /// The registers that differ from the last state that was committed: bit *j* for register *j*.
    pub changed: u32,
    /// The registers that hold keys; the others are zero.
    pub valid: u32,
    /// Length of each register in bytes.
    pub key_len: usize,
    /// The registers one after another, that of counter bit 0 first.
    pub(crate) registers: &'a [u8],
    /// The update key of AES; empty with TDEA.
    pub(crate) update_key: &'a [u8],
}

/// Version of the snapshot layout.
const LAYOUT: u8 = 1;
/// Bytes before the registers.
const HEADER_LEN: usize = 24;

/// Length of a snapshot in bytes.
pub(super) const fn snapshot_len(scheme: Scheme, key_len: usize) -> usize {
    let registers = scheme.registers().wrapping_mul(key_len);
    HEADER_LEN
        .wrapping_add(registers)
        .wrapping_add(scheme.update_len(key_len))
}

impl Step<'_> {
    /// Length of [`snapshot`](Self::snapshot) in bytes.
    #[must_use]
    pub const fn snapshot_len(&self) -> usize {
        snapshot_len(self.scheme, self.key_len)
    }

    raw_fn! {
        /// Writes the whole state and returns its length. The bytes are keys: seal them before they leave the module.
        ///
        /// | offset | length | content |
        /// |---|---|---|
        /// | 0 | 1 | layout version, 01 |
        /// | 1 | 1 | scheme: 01 TDEA, 02 AES |
        /// | 2 | 1 | key length in bytes, *k* |
        /// | 3 | 1 | length of the identity |
        /// | 4 | 12 | identity, zeros behind |
        /// | 16 | 4 | counter of the next transaction, big-endian; 0 = exhausted |
        /// | 20 | 4 | registers that hold keys, big-endian |
        /// | 24 | 21 *k* or 32 *k* | registers, that of counter bit 0 first, zero where no key is |
        /// | then | *k*, AES only | update key |
        ///
        /// # Errors
        /// [`Error::BufferTooSmall`]; `out` is zeroed then.
        fn snapshot(&self, out: &mut [u8]) -> Result<usize, Error> {
            out.fill(0);
            let len = self.snapshot_len();
            let (header, rest) = out
                .get_mut(..len)
                .and_then(|out| out.split_first_chunk_mut::<HEADER_LEN>())
                .ok_or(Error::BufferTooSmall)?;
            let (counter, valid) = (self.counter.to_be_bytes(), self.valid.to_be_bytes());
            let lengths = [self.key_len, self.scheme.identity_len()].map(|len| len.to_le_bytes()[0]);
            let identity = self.identity.iter().copied().chain(core::iter::repeat(0)).take(12);
            let fields = [LAYOUT, self.scheme.tag()].into_iter().chain(lengths).chain(identity);
            for (to, from) in header.iter_mut().zip(fields.chain(counter).chain(valid)) {
                *to = from;
            }
            for (to, from) in rest.iter_mut().zip(self.registers.iter().chain(self.update_key)) {
                *to = *from;
            }
            Ok(len)
        }

        /// The key in the register of counter bit `bit`; zeros if it holds none, `None` if there is no such register.
        fn register(&self, bit: u32) -> Option<&[u8]> {
            self.registers.chunks_exact(self.key_len.max(1)).nth(usize::try_from(bit).ok()?)
        }
    }
}

impl fmt::Debug for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("scheme", &self.scheme)
            .field("counter", &self.counter)
            .field("changed", &self.changed)
            .field("valid", &self.valid)
            .field("key_len", &self.key_len)
            .finish_non_exhaustive()
    }
}

/// A snapshot whose public fields are consistent.
pub(super) struct Snapshot<'a> {
    pub(super) identity: &'a [u8],
    pub(super) counter: u32,
    pub(super) valid: u32,
    pub(super) registers: &'a [u8],
    pub(super) update_key: &'a [u8],
}

impl<'a> Snapshot<'a> {
    /// Reads a snapshot.
    ///
    /// # Errors
    /// [`Error::Record`] if a length, a field or the relation of counter and flags is not as
    /// [`Step::snapshot`] writes it; [`Error::VerificationFailed`] if a register that must hold a key is zero, or one
    /// that must be empty is not.
    pub(super) fn parse(scheme: Scheme, rule: CounterRule, bytes: &'a [u8]) -> Result<Self, Error> {
        let (header, rest) = bytes.split_first_chunk::<HEADER_LEN>().ok_or(Error::Record)?;
        let &[
            layout,
            tag,
            key_len,
            identity_len,
            ref identity @ ..,
            c0,
            c1,
            c2,
            c3,
            v0,
            v1,
            v2,
            v3,
        ] = header;
        let (key_len, identity_len) = (usize::from(key_len), usize::from(identity_len));
        let (counter, valid) = (
            u32::from_be_bytes([c0, c1, c2, c3]),
            u32::from_be_bytes([v0, v1, v2, v3]),
        );
        let (identity, fill) = identity.split_at_checked(identity_len).ok_or(Error::Record)?;
        let well_formed = layout == LAYOUT
            && tag == scheme.tag()
            && scheme.takes(key_len)
            && identity_len == scheme.identity_len()
            && fill.iter().all(|&byte| byte == 0)
            && bytes.len() == snapshot_len(scheme, key_len)
            && (counter == 0 || rule.check(counter).is_ok())
            && valid == rule.registers(counter);
        if !well_formed {
            return Err(Error::Record);
        }
        let update_at = rest.len().wrapping_sub(scheme.update_len(key_len));
        let (registers, update_key) = rest.split_at_checked(update_at).ok_or(Error::Record)?;
        let mut sound = Choice::from(1);
        for (bit, register) in (0..u32::BITS).zip(registers.chunks_exact(key_len.max(1))) {
            let empty = ct::is_zero(register).unwrap_u8();
            sound &= empty.ct_eq(&u8::from((valid >> bit) & 1 == 0));
        }
        if !update_key.is_empty() {
            sound &= !ct::is_zero(update_key);
        }
        ct::verdict(sound)?;
        Ok(Self {
            identity,
            counter,
            valid,
            registers,
            update_key,
        })
    }
}
