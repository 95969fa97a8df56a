// SPDX-License-Identifier: MIT OR Apache-2.0
//! A user's sealed record.
//!
//! | offset | length | content |
//! |---|---|---|
//! | 0 | 1 | layout version, 01 |
//! | 1 | 1 | role |
//! | 2 | 1 | second factor: 00 none, 01 platform, 02 code |
//! | 3 | 1 | wrong log-ins in a row |
//! | 4 | 1 | hash of the code, 00 without one |
//! | 5 | 1 | digits of the code |
//! | 6 | 1 | seconds that a code lasts |
//! | 7 | 1 | length of the key |
//! | 8 | 1 | length of the code's key |
//! | 9 | 7 | zero |
//! | 16 | 8 | last time step whose code was taken, big-endian |
//! | 24 | 32 | the key, zeros behind |
//! | 56 | 64 | the code's key, zeros behind |

use zeroize::Zeroize;

use super::UserRole;
use super::code::CodeHash;
use crate::error::Error;
use crate::hsm::{Hsm, Platform};
use crate::secret::{Secret, SecretBuf};
use crate::store::record;
use crate::store::seal::Kind;

/// Length of the record's body in bytes.
pub const RECORD_LEN: usize = 120;

const LAYOUT: u8 = 1;
const HEAD_LEN: usize = 24;
const KEY_LEN: usize = 32;
const CODE_KEY_LEN: usize = 64;

/// The one-time code of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) hash: CodeHash,
    pub(super) digits: u8,
    pub(super) period: u8,
}

/// A user as stored.
#[derive(Debug)]
pub struct UserRecord {
    pub(super) role: UserRole,
    pub(super) platform_factor: bool,
    pub(super) failures: u8,
    pub(super) code: Option<Code>,
    pub(super) last_step: u64,
    pub(super) key: SecretBuf<KEY_LEN>,
    pub(super) code_key: SecretBuf<CODE_KEY_LEN>,
}

impl UserRecord {
    pub(super) const fn new(role: UserRole) -> Self {
        Self {
            role,
            platform_factor: false,
            failures: 0,
            code: None,
            last_step: 0,
            key: SecretBuf::new(),
            code_key: SecretBuf::new(),
        }
    }

    pub(super) fn set_code(&mut self, hash: CodeHash, digits: u8, period: u8, key: &[u8]) -> Result<(), Error> {
        self.code_key.set(key)?;
        self.code = Some(Code { hash, digits, period });
        Ok(())
    }

    /// Writes the body.
    pub(super) fn write(&self, out: &mut [u8; RECORD_LEN]) {
        let (hash, digits, period) = self
            .code
            .map_or((0, 0, 0), |code| (code.hash as u8, code.digits, code.period));
        let factor = match (self.platform_factor, self.code) {
            (_, Some(_)) => 2,
            (true, None) => 1,
            (false, None) => 0,
        };
        let len = |len: usize| u8::try_from(len).unwrap_or(0);
        let head = [
            LAYOUT,
            self.role as u8,
            factor,
            self.failures,
            hash,
            digits,
            period,
            len(self.key.len()),
            len(self.code_key.len()),
        ];
        out.zeroize();
        let (front, keys) = out.split_at_mut(HEAD_LEN);
        for (to, from) in front.iter_mut().zip(head) {
            *to = from;
        }
        for (to, from) in front.iter_mut().skip(16).zip(self.last_step.to_be_bytes()) {
            *to = from;
        }
        let (key, code_key) = keys.split_at_mut(KEY_LEN);
        for (to, from) in key.iter_mut().zip(self.key.expose()) {
            *to = *from;
        }
        for (to, from) in code_key.iter_mut().zip(self.code_key.expose()) {
            *to = *from;
        }
    }

    /// Reads a body into `self`.
    ///
    /// # Errors
    /// [`Error::Record`].
    pub(super) fn read(&mut self, body: &[u8]) -> Result<(), Error> {
        let body: &[u8; RECORD_LEN] = body.try_into().map_err(|_| Error::Record)?;
        let (head, keys) = body.split_first_chunk::<HEAD_LEN>().ok_or(Error::Record)?;
        let (key, code_key) = keys.split_first_chunk::<KEY_LEN>().ok_or(Error::Record)?;
        let &[
            layout,
            role,
            factor,
            failures,
            hash,
            digits,
            period,
            key_len,
            code_len,
            z0,
            z1,
            z2,
            z3,
            z4,
            z5,
            z6,
            ref step @ ..,
        ] = head;
        if layout != LAYOUT || [z0, z1, z2, z3, z4, z5, z6] != [0; 7] || !matches!(key_len, 16 | 24 | 32) {
            return Err(Error::Record);
        }
        self.role = UserRole::from_number(role.into()).map_err(|_| Error::Record)?;
        self.failures = failures;
        self.last_step = u64::from_be_bytes(*step);
        self.platform_factor = factor == 1;
        self.code = match (factor, hash, digits, period, code_len) {
            (0 | 1, 0, 0, 0, 0) => None,
            (2, hash, 6 | 8, 30 | 60, 16..=64) => Some(Code {
                hash: CodeHash::from_number(hash.into()).map_err(|_| Error::Record)?,
                digits,
                period,
            }),
            _ => return Err(Error::Record),
        };
        let (own, fill) = key.split_at_checked(key_len.into()).ok_or(Error::Record)?;
        let (code_own, code_fill) = code_key.split_at_checked(code_len.into()).ok_or(Error::Record)?;
        // The keys are behind an authenticator; zeros behind them are a matter of form.
        crate::ct::verdict(crate::ct::is_zero(fill) & crate::ct::is_zero(code_fill)).map_err(|_| Error::Record)?;
        self.key.set(own)?;
        self.code_key.set(code_own)
    }
}

/// Reads a user's record and writes it again, for the fuzzer and property tests.
///
/// # Errors
/// [`Error::Record`].
#[cfg(feature = "hazmat")]
pub fn read_user_record(body: &[u8]) -> Result<[u8; RECORD_LEN], Error> {
    let mut record = UserRecord::new(UserRole::Operator);
    record.read(body)?;
    let mut out = [0; RECORD_LEN];
    record.write(&mut out);
    Ok(out)
}

impl<P: Platform> Hsm<'_, P> {
    /// Reads a user's record. One that is missing or malformed is damage.
    pub(super) fn load_user(&mut self, user: u8, out: &mut UserRecord) -> Result<(), Error> {
        let sealer = self.sealer.as_ref().ok_or(Error::Storage)?;
        let mut body = Secret::<RECORD_LEN>::zeroed();
        let found = record::load(
            &mut self.platform,
            sealer,
            Kind::Module,
            user.into(),
            body.expose_mut(),
            &mut self.scratch,
        )?;
        match found {
            Some(RECORD_LEN) => {
                // It authenticates, and what is not a key in it is public.
                if let Some(head) = body.expose_mut().get_mut(..HEAD_LEN) {
                    crate::ct::public(head);
                }
                out.read(body.expose()).map_err(|_| Error::StorageIntegrity)
            }
            _ => Err(Error::StorageIntegrity),
        }
    }

    pub(super) fn save_user(&mut self, user: u8, user_record: &UserRecord) -> Result<(), Error> {
        let sealer = self.sealer.as_ref().ok_or(Error::Storage)?;
        let mut body = Secret::<RECORD_LEN>::zeroed();
        user_record.write(body.expose_mut());
        record::save(
            &mut self.platform,
            sealer,
            Kind::Module,
            user.into(),
            body.expose(),
            &mut self.scratch,
        )
    }

    pub(super) fn remove_user(&mut self, user: u8) -> Result<(), Error> {
        let sealer = self.sealer.as_ref().ok_or(Error::Storage)?;
        record::remove(&mut self.platform, sealer, Kind::Module, user.into(), &mut self.scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_nothing_else_is_one() {
        let mut one = UserRecord::new(UserRole::Auditor);
        one.key.set(&[7; 24]).unwrap();
        one.set_code(CodeHash::Sha256, 8, 60, &[9; 33]).unwrap();
        (one.failures, one.last_step) = (3, 0x0102_0304_0506_0708);
        let mut body = [0; RECORD_LEN];
        one.write(&mut body);
        assert_eq!(read(&body), Ok(body));
        // Every change of the head but in the failures, the step and the choice among valid values is found.
        for (at, value) in [
            (0, 0),
            (0, 2),
            (1, 0),
            (1, 6),
            (2, 0),
            (2, 1),
            (2, 3),
            (4, 0),
            (4, 4),
            (5, 7),
            (6, 31),
        ] {
            let mut bad = body;
            bad[at] = value;
            assert_eq!(read(&bad), Err(Error::Record), "{at} {value}");
        }
        for (at, value) in [
            (7, 0),
            (7, 17),
            (7, 33),
            (8, 15),
            (8, 65),
            (8, 32),
            (9, 1),
            (15, 1),
            (55, 1),
            (119, 1),
        ] {
            let mut bad = body;
            bad[at] = value;
            assert_eq!(read(&bad), Err(Error::Record), "{at} {value}");
        }
        assert_eq!(read(&body[1..]), Err(Error::Record));
        let mut plain = UserRecord::new(UserRole::Host);
        plain.key.set(&[7; 16]).unwrap();
        plain.platform_factor = true;
        plain.write(&mut body);
        assert_eq!(read(&body), Ok(body));
    }

    fn read(body: &[u8]) -> Result<[u8; RECORD_LEN], Error> {
        let mut record = UserRecord::new(UserRole::Operator);
        record.read(body)?;
        let mut out = [0; RECORD_LEN];
        record.write(&mut out);
        Ok(out)
    }
}
