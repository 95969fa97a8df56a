// SPDX-License-Identifier: MIT OR Apache-2.0
//! Working keys under a terminal master key, enciphered by TDES-ECB with a check value beside each: the master/session
//! scheme, and its form in the sign-on answer of UnionPay terminals (field 62).
//!
//! ```text
//! TMK (KEK) --- ECB ---> PIN key, MAC key, track key      each with the leftmost bytes of its enciphered zero block
//! ```
//!
//! | field 62 | layout, bytes |
//! |---|---|
//! | 24 | PIN key 8, check value 4, MAC key 8, check value 4 |
//! | 40 | PIN key 16, check value 4, MAC key 16, check value 4 |
//! | 60 | as 40, then track key 16, check value 4 |
//!
//! A MAC key of single length fills its 16 bytes with 8 zero bytes, which are no cipher text.
//!
//! ECB authenticates nothing: a check value of 32 bits is all that tells a key from any other bytes. So there is no key
//! without one, all keys of a field come in together or not at all, and there is one verdict over all of them. Prefer
//! key blocks.

use subtle::Choice;
use zeroize::Zeroize;

use crate::cipher::{modes, tdes::Tdes};
use crate::ct;
use crate::error::Error;
use crate::key::role::Kek;
use crate::key::{Key, Tdea};
use crate::secret::{Secret, SecretBuf};
use crate::weaken::guard;

/// Longest working key in bytes.
pub const MAX_KEY_LEN: usize = 24;
/// Longest working key of a sign-on answer in bytes.
pub const SIGN_ON_KEY_LEN: usize = 16;
/// Length of a check value of a sign-on answer in bytes.
pub const SIGN_ON_KCV_LEN: usize = 4;

const HALF_LEN: usize = 8;

/// A key as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Enciphered<'a> {
    cipher: &'a [u8],
    kcv: &'a [u8],
}

impl Enciphered<'_> {
    /// Writes the key into `out` and tells whether its check value is right.
    fn open(&self, kek: &Tdes, out: &mut [u8]) -> Result<Choice, Error> {
        for (to, from) in out.iter_mut().zip(self.cipher) {
            *to = *from;
        }
        modes::ecb_decrypt(kek, out)?;
        let mut block = Secret::<HALF_LEN>::zeroed();
        modes::ecb_encrypt(&Tdes::new(out)?, block.expose_mut())?;
        let left = block.expose().get(..self.kcv.len()).ok_or(Error::InvalidLength)?;
        Ok(ct::eq(left, self.kcv))
    }
}

/// Deciphers a working key and compares its check value: the leftmost 3 or 4 bytes of one enciphered zero block.
///
/// `cipher`: 16 or 24 bytes, for a single-length key of an old profile 8; `out` receives as many.
///
/// # Errors
/// [`Error::NoKey`] if `kek` is empty, [`Error::InvalidKeyLength`] for another length of `cipher`, [`Error::InvalidLength`]
/// for another length of `kcv`, [`Error::VerificationFailed`] if the check value differs. `out` is empty then.
///
/// # Timing
/// Only the lengths show.
///
/// # Source
/// ANSI X9.17, ISO 11568-2 (the fixed hierarchy); vectors: `vectors/key_management.txt`, operation `tdes_key_unwrap_ecb`.
pub fn unwrap_ecb(
    kek: &Key<Kek, Tdea>,
    cipher: &[u8],
    kcv: &[u8],
    out: &mut SecretBuf<MAX_KEY_LEN>,
) -> Result<(), Error> {
    out.zeroize();
    let result = unwrap_into(kek, cipher, kcv, out);
    if result.is_err() {
        out.zeroize();
    }
    result
}

fn unwrap_into(kek: &Key<Kek, Tdea>, cipher: &[u8], kcv: &[u8], out: &mut SecretBuf<MAX_KEY_LEN>) -> Result<(), Error> {
    judge_lengths(cipher)?;
    guard!("C07.kcv", judge_check_value(kcv))?;
    let kek = Tdes::new(kek.material()?)?;
    let ok = Enciphered { cipher, kcv }.open(&kek, out.reset(cipher.len())?)?;
    ct::verdict(ok)
}

/// What is public about an enciphered working key.
pub(crate) const fn judge_lengths(cipher: &[u8]) -> Result<(), Error> {
    if !matches!(cipher.len(), 8 | 16 | 24) {
        return Err(Error::InvalidKeyLength);
    }
    Ok(())
}

/// Judges the length of the check value beside a key.
pub(crate) const fn judge_check_value(kcv: &[u8]) -> Result<(), Error> {
    if matches!(kcv.len(), 3 | 4) {
        Ok(())
    } else {
        Err(Error::InvalidLength)
    }
}

/// Which keys a sign-on answer brings: what the terminal asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOnKind {
    /// Keys of single length.
    Single,
    /// Keys of double length; the MAC key may be of single length.
    Double,
    /// Keys of double length and a track key.
    DoubleWithTrack,
}

/// The keys of a sign-on answer in clear.
#[derive(Debug, Default)]
pub struct SignOnKeys {
    /// The PIN key (PIK).
    pub pin: SecretBuf<SIGN_ON_KEY_LEN>,
    /// The MAC key (MAK): 8 or 16 bytes.
    pub mac: SecretBuf<SIGN_ON_KEY_LEN>,
    /// The track key (TDK); empty if the answer has none.
    pub track: SecretBuf<SIGN_ON_KEY_LEN>,
}

impl SignOnKeys {
    /// A place for keys.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            pin: SecretBuf::new(),
            mac: SecretBuf::new(),
            track: SecretBuf::new(),
        }
    }

    /// Wipes the keys.
    pub fn wipe(&mut self) {
        self.pin.zeroize();
        self.mac.zeroize();
        self.track.zeroize();
    }
}

/// A sign-on answer (field 62), read and not yet deciphered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "field 62")]
pub struct SignOn<'a> {
    pin: Enciphered<'a>,
    mac: Enciphered<'a>,
    track: Option<Enciphered<'a>>,
}

impl<'a> SignOn<'a> {
    /// Reads the field. Its length must be that of the kind.
    ///
    /// # Errors
    /// [`Error::InvalidLength`] for another length.
    ///
    /// # Timing
    /// Public data only.
    ///
    /// # Source
    /// UnionPay terminal specification, field 62 of the sign-on answer. Layout of 40 bytes: one worked sample; 24 and 60:
    /// from memory.
    pub fn parse(kind: SignOnKind, field: &'a [u8]) -> Result<Self, Error> {
        let key_len = match kind {
            SignOnKind::Single => HALF_LEN,
            SignOnKind::Double | SignOnKind::DoubleWithTrack => SIGN_ON_KEY_LEN,
        };
        let (pin, rest) = next(field, key_len)?;
        let (mut mac, rest) = next(rest, key_len)?;
        if let Some((cipher, &[0, 0, 0, 0, 0, 0, 0, 0])) = mac.cipher.split_first_chunk::<HALF_LEN>() {
            mac.cipher = cipher;
        }
        let (track, rest) = if kind == SignOnKind::DoubleWithTrack {
            let (track, rest) = next(rest, key_len)?;
            (Some(track), rest)
        } else {
            (None, rest)
        };
        if !rest.is_empty() {
            return Err(Error::InvalidLength);
        }
        Ok(Self { pin, mac, track })
    }

    /// Lengths of the keys in bytes: PIN key, MAC key, track key (0: none).
    #[must_use]
    pub fn key_lens(&self) -> [usize; 3] {
        let track = self.track.map_or(0, |track| track.cipher.len());
        [self.pin.cipher.len(), self.mac.cipher.len(), track]
    }

    /// Deciphers all keys and compares all check values. All of them or none.
    ///
    /// # Errors
    /// [`Error::NoKey`] if `tmk` is empty, [`Error::VerificationFailed`] if one check value differs, after all were
    /// compared. `out` is empty then.
    ///
    /// # Timing
    /// Only the lengths show.
    ///
    /// # Source
    /// As [`parse`](Self::parse).
    pub fn open(&self, tmk: &Key<Kek, Tdea>, out: &mut SignOnKeys) -> Result<(), Error> {
        out.wipe();
        let result = self.open_into(tmk, out);
        if result.is_err() {
            out.wipe();
        }
        result
    }

    fn open_into(&self, tmk: &Key<Kek, Tdea>, out: &mut SignOnKeys) -> Result<(), Error> {
        let tmk = Tdes::new(tmk.material()?)?;
        let [pin_len, mac_len, track_len] = self.key_lens();
        let mut ok = self.pin.open(&tmk, out.pin.reset(pin_len)?)?;
        ok &= self.mac.open(&tmk, out.mac.reset(mac_len)?)?;
        if let Some(track) = &self.track {
            ok &= track.open(&tmk, out.track.reset(track_len)?)?;
        }
        guard!("E05", ct::verdict(ok))
    }
}

fn next(field: &[u8], key_len: usize) -> Result<(Enciphered<'_>, &[u8]), Error> {
    let (cipher, rest) = field.split_at_checked(key_len).ok_or(Error::InvalidLength)?;
    let (kcv, rest) = rest.split_at_checked(SIGN_ON_KCV_LEN).ok_or(Error::InvalidLength)?;
    Ok((Enciphered { cipher, kcv }, rest))
}
