// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key components: a key comes in as two to nine parts of its own length, and is their exclusive or.
//!
//! ```text
//! begin(ceremony) -> add(custodian, part, KCV) -> ... -> finish(key)
//!        |                   any error, abort()              |
//!        +---------------------> empty, wiped <--------------+
//! ```
//!
//! Split knowledge: every part is given by another custodian, and none of them alone, nor all but one, says anything
//! about the key. The parts are not kept; what stays between calls is their running sum and one check value each, in a
//! place of fixed size that is wiped by every error, by [`abort`](Assembly::abort) and when it is dropped.
//!
//! The ceremony fixes everything beforehand: algorithm, length, number of parts, parity and, if it is known, the KCV of
//! the result. So nobody can give a last part of his choice to make a key that is related to another one. Not known
//! here are the clock and the other keys: the module aborts a ceremony that takes too long, and refuses a key that it
//! already has.
//!
//! Parts of TDEA keys may have any parity. Two parts that differ in parity bits alone are equal, and a part of parity
//! bits alone is zero.

use core::fmt;

use subtle::Choice;
use zeroize::Zeroize;

use crate::cipher::{modes, scheduled, tdes::Tdes};
use crate::ct;
use crate::error::Error;
use crate::key::role::Role;
use crate::key::usage::KeyAlgorithm;
use crate::key::{Aes, Algorithm, Key, Tdea, parity};
use crate::mac::cmac::{CmacAes, CmacTdes};
use crate::secret::{Secret, SecretBuf};
use crate::weaken::guard;

/// Most parts of one key.
pub const MAX_PARTS: usize = 9;
/// Length of a CMAC check value in bytes.
pub const KCV_LEN: usize = 5;

pub(crate) const MAX_KEY_LEN: usize = 32;
const FINGERPRINT_LEN: usize = 16;
/// The bits of a DES key byte that enter the cipher.
const DES_KEY_BITS: u8 = 0xFE;

/// Who gives a part. What the numbers mean is the module's matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CustodianId(pub u32);

/// A key check value, to be compared with the one of a part or of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckValue {
    /// Leftmost 3 bytes of the enciphered zero block. TDEA only: for AES it shows bits of the CMAC subkeys.
    Legacy([u8; 3]),
    /// Leftmost 5 bytes of the CMAC of a zero block (ANSI X9.24-1:2017).
    Cmac([u8; KCV_LEN]),
}

/// What happens to the parity bits of a TDEA key. The KCV does not depend on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parity {
    /// They stay as the parts give them; a derivation key may depend on that.
    #[default]
    AsIs,
    /// The result gets odd parity.
    Odd,
}

/// What is fixed when a ceremony is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceremony {
    algorithm: KeyAlgorithm,
    key_len: usize,
    parts: usize,
    expected: Option<CheckValue>,
    part_kcv_required: bool,
    parity: Parity,
}

impl Ceremony {
    /// A ceremony for a key of `key_len` bytes in `parts` parts: TDEA 16 or 24 bytes, AES 16, 24 or 32; 2 to 9 parts.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for another algorithm, [`Error::InvalidKeyLength`], [`Error::InvalidArgument`] for
    /// another number of parts.
    pub fn new(algorithm: KeyAlgorithm, key_len: usize, parts: usize) -> Result<Self, Error> {
        match (algorithm, key_len) {
            (KeyAlgorithm::Tdea, 16 | 24) | (KeyAlgorithm::Aes, 16 | 24 | 32) => {}
            (KeyAlgorithm::Tdea | KeyAlgorithm::Aes, _) => return Err(Error::InvalidKeyLength),
            _ => return Err(Error::Unsupported),
        }
        if !(2..=MAX_PARTS).contains(&parts) {
            return Err(Error::InvalidArgument);
        }
        Ok(Self {
            algorithm,
            key_len,
            parts,
            expected: None,
            part_kcv_required: false,
            parity: Parity::AsIs,
        })
    }

    /// Demands that the result has this KCV.
    ///
    /// # Errors
    /// [`Error::AlgorithmMismatch`] for a legacy KCV of an AES key.
    pub fn expect(mut self, kcv: CheckValue) -> Result<Self, Error> {
        self.fits(kcv)?;
        self.expected = Some(kcv);
        Ok(self)
    }

    /// Demands a KCV with every part.
    #[must_use]
    pub const fn require_part_kcv(mut self) -> Self {
        self.part_kcv_required = true;
        self
    }

    /// Says what happens to the parity of a TDEA key.
    #[must_use]
    pub const fn with_parity(mut self, parity: Parity) -> Self {
        self.parity = parity;
        self
    }

    fn fits(&self, kcv: CheckValue) -> Result<(), Error> {
        match (self.algorithm, kcv) {
            (KeyAlgorithm::Tdea, _) | (_, CheckValue::Cmac(_)) => Ok(()),
            _ => Err(Error::AlgorithmMismatch),
        }
    }

    /// The CMAC of a zero block under a part or the result: its left end is the KCV. For TDEA 8 bytes, then zeros. It
    /// ignores parity bits, as the cipher does.
    fn cmac_of_zeros(&self, material: &[u8], out: &mut [u8; FINGERPRINT_LEN]) -> Result<(), Error> {
        out.zeroize();
        if self.algorithm == KeyAlgorithm::Tdea {
            let (left, _) = out.split_at_mut(8);
            CmacTdes::once(material, &[&[0; 8]], left)
        } else {
            CmacAes::once(material, &[&[0; FINGERPRINT_LEN]], out)
        }
    }

    /// Whether `kcv` is the check value of `material`, the CMAC of which is at hand.
    fn matches(&self, kcv: CheckValue, material: &[u8], cmac: &[u8]) -> Result<Choice, Error> {
        self.fits(kcv)?;
        match kcv {
            CheckValue::Cmac(given) => Ok(ct::eq(&given, cmac.get(..KCV_LEN).unwrap_or(&[]))),
            CheckValue::Legacy(given) => {
                let mut block = Secret::<8>::zeroed();
                scheduled!(let cipher = Tdes, material);
                modes::ecb_encrypt(&cipher, block.expose_mut())?;
                Ok(ct::eq(&given, block.expose().get(..given.len()).unwrap_or(&[])))
            }
        }
    }

    /// Whether a part is zero in all bits that count.
    #[inline(always)]
    fn is_zero(&self, part: &[u8]) -> Choice {
        let bits = if self.algorithm == KeyAlgorithm::Tdea {
            DES_KEY_BITS
        } else {
            0xFF
        };
        ct::choice(ct::mask_eq(part.iter().fold(0, |acc, &byte| acc | (byte & bits)), 0))
    }

    /// Whether the result is no key to use.
    fn is_weak(&self, key: &[u8]) -> Choice {
        if self.algorithm == KeyAlgorithm::Tdea {
            return parity::is_degenerate(key);
        }
        let (left, right) = key.split_at(key.len() >> 1);
        ct::is_zero(key) | ct::eq(left, right)
    }
}

/// A key being put together.
pub struct Assembly {
    ceremony: Option<Ceremony>,
    sum: SecretBuf<MAX_KEY_LEN>,
    fingerprints: [Secret<FINGERPRINT_LEN>; MAX_PARTS],
    custodians: [CustodianId; MAX_PARTS],
    received: usize,
}

impl Assembly {
    /// A place for a ceremony.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            ceremony: None,
            sum: SecretBuf::new(),
            fingerprints: [const { Secret::zeroed() }; MAX_PARTS],
            custodians: [CustodianId(0); MAX_PARTS],
            received: 0,
        }
    }

    /// Whether a ceremony is open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.ceremony.is_some()
    }

    /// How many parts the open ceremony still waits for.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.ceremony
            .map_or(0, |ceremony| ceremony.parts.saturating_sub(self.received))
    }

    /// Opens a ceremony.
    ///
    /// # Errors
    /// [`Error::BadState`] if one is open; that one stays as it is.
    pub fn begin(&mut self, ceremony: &Ceremony) -> Result<(), Error> {
        if self.is_open() {
            return Err(Error::BadState);
        }
        self.abort();
        self.sum.reset(ceremony.key_len)?;
        self.ceremony = Some(*ceremony);
        Ok(())
    }

    /// Takes the part of one custodian and gives its CMAC KCV, for him to compare with his paper.
    ///
    /// # Errors
    /// Each of them wipes the ceremony. [`Error::BadState`] if none is open or all parts are there,
    /// [`Error::InvalidKeyLength`] if the part does not have the key's length, [`Error::Component`] if the custodian
    /// has already given a part or a KCV is demanded and not given, [`Error::AlgorithmMismatch`] for a legacy KCV with
    /// AES, [`Error::VerificationFailed`] if the KCV differs or the part was given before, [`Error::WeakKey`] if the
    /// part is zero.
    ///
    /// # Timing
    /// Constant but for lengths, custodians and the error.
    pub fn add(
        &mut self,
        custodian: CustodianId,
        part: &[u8],
        kcv: Option<CheckValue>,
    ) -> Result<[u8; KCV_LEN], Error> {
        let result = self.receive(custodian, part, kcv);
        if result.is_err() {
            self.abort();
        }
        result
    }

    fn receive(
        &mut self,
        custodian: CustodianId,
        part: &[u8],
        kcv: Option<CheckValue>,
    ) -> Result<[u8; KCV_LEN], Error> {
        let mut cmac = Secret::zeroed();
        self.judge_part(custodian, part, kcv, &mut cmac)?;
        xor(self.sum.expose_mut(), part);
        let place = self.received;
        *self.custodians.get_mut(place).ok_or(Error::Internal)? = custodian;
        *self.fingerprints.get_mut(place).ok_or(Error::Internal)?.expose_mut() = *cmac.expose();
        self.received = place.saturating_add(1);
        Ok(shown(&cmac))
    }

    /// Judges a part as [`add`](Self::add) does, and takes nothing.
    pub(crate) fn judge(&self, custodian: CustodianId, part: &[u8], kcv: Option<CheckValue>) -> Result<(), Error> {
        self.judge_part(custodian, part, kcv, &mut Secret::zeroed())
    }

    /// Judges the key as [`finish`](Self::finish) does, and gives nothing.
    pub(crate) fn judge_end(&self) -> Result<(), Error> {
        self.complete(&mut SecretBuf::new()).map(|_| ())
    }

    #[inline(never)]
    fn judge_part(
        &self,
        custodian: CustodianId,
        part: &[u8],
        kcv: Option<CheckValue>,
        cmac: &mut Secret<FINGERPRINT_LEN>,
    ) -> Result<(), Error> {
        let ceremony = self.ceremony.ok_or(Error::BadState)?;
        if self.received >= ceremony.parts {
            return Err(Error::BadState);
        }
        if part.len() != ceremony.key_len {
            return Err(Error::InvalidKeyLength);
        }
        let known = self
            .custodians
            .iter()
            .take(self.received)
            .any(|known| *known == custodian);
        if guard!("E03", known) || (ceremony.part_kcv_required && kcv.is_none()) {
            return Err(Error::Component);
        }

        ceremony.cmac_of_zeros(part, cmac.expose_mut())?;
        let mut ok = match kcv {
            Some(kcv) => ceremony.matches(kcv, part, cmac.expose())?,
            None => Choice::from(1),
        };
        for other in self.fingerprints.iter().take(self.received) {
            ok &= guard!("E01.equal", !ct::eq(other.expose(), cmac.expose()));
        }
        let zero = ceremony.is_zero(part);
        ct::verdict(ok)?;
        guard!("E01.zero", ct::verdict(!zero)).map_err(|_| Error::WeakKey)
    }

    /// Ends the ceremony: writes the key into `out` and gives its CMAC KCV. The place is empty afterwards, whatever
    /// comes out.
    ///
    /// # Errors
    /// [`Error::BadState`] if no ceremony is open or a part is missing, [`Error::AlgorithmMismatch`] if `out` is for
    /// another algorithm, [`Error::VerificationFailed`] if the key does not have the KCV that was fixed at the
    /// beginning, [`Error::WeakKey`] if it is zero, has equal halves or a weak or semi-weak DES part. `out` is empty
    /// then.
    ///
    /// # Timing
    /// Constant but for lengths and the error.
    pub fn finish<R: Role, A: Algorithm>(&mut self, out: &mut Key<R, A>) -> Result<[u8; KCV_LEN], Error> {
        out.zeroize();
        let fits = match self.ceremony.map(|ceremony| ceremony.algorithm) {
            Some(KeyAlgorithm::Tdea) => A::NAME == Tdea::NAME,
            Some(KeyAlgorithm::Aes) => A::NAME == Aes::NAME,
            _ => true,
        };
        let mut key = SecretBuf::new();
        let kcv = self.finish_into(&mut key)?;
        if !fits {
            return Err(Error::AlgorithmMismatch);
        }
        out.set(key.expose())?;
        Ok(kcv)
    }

    /// [`finish`](Self::finish) for a key whose role and algorithm are known at run time.
    pub(crate) fn finish_into(&mut self, out: &mut SecretBuf<MAX_KEY_LEN>) -> Result<[u8; KCV_LEN], Error> {
        let result = self.complete(out);
        if result.is_err() {
            out.zeroize();
        }
        self.abort();
        result
    }

    #[inline(never)]
    fn complete(&self, out: &mut SecretBuf<MAX_KEY_LEN>) -> Result<[u8; KCV_LEN], Error> {
        out.zeroize();
        let ceremony = self.ceremony.ok_or(Error::BadState)?;
        if self.received != ceremony.parts {
            return Err(Error::BadState);
        }
        let key = self.sum.expose();
        let mut cmac = Secret::zeroed();
        ceremony.cmac_of_zeros(key, cmac.expose_mut())?;
        let ok = match ceremony.expected {
            Some(kcv) => guard!("E02", ceremony.matches(kcv, key, cmac.expose())?),
            None => Choice::from(1),
        };
        let weak = ceremony.is_weak(key);
        ct::verdict(ok)?;
        guard!("E01.result", ct::verdict(!weak)).map_err(|_| Error::WeakKey)?;
        out.set(key)?;
        if ceremony.algorithm == KeyAlgorithm::Tdea && ceremony.parity == Parity::Odd {
            parity::set_odd(out.expose_mut());
        }
        Ok(shown(&cmac))
    }

    /// Wipes the ceremony.
    pub fn abort(&mut self) {
        self.ceremony = None;
        self.sum.zeroize();
        self.fingerprints.iter_mut().for_each(Zeroize::zeroize);
        self.custodians = [CustodianId(0); MAX_PARTS];
        self.received = 0;
    }
}

fn xor(sum: &mut [u8], part: &[u8]) {
    for (to, from) in sum.iter_mut().zip(part) {
        *to ^= from;
    }
}

/// The exclusive or of parts, without a ceremony and without any rule but that all have the length of `out`: for
/// vectors. Keys come in by an [`Assembly`].
///
/// # Errors
/// [`Error::InvalidArgument`] if there is no part, [`Error::InvalidLength`] if one has another length; `out` is wiped.
///
/// # Source
/// Vectors: `vectors/key_management.txt`, operation `xor_components`.
#[cfg(feature = "hazmat")]
pub fn combine(parts: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
    out.zeroize();
    if parts.is_empty() {
        return Err(Error::InvalidArgument);
    }
    if parts.iter().any(|part| part.len() != out.len()) {
        return Err(Error::InvalidLength);
    }
    parts.iter().for_each(|part| xor(out, part));
    Ok(())
}

/// The part of a check value that is shown.
fn shown(cmac: &Secret<FINGERPRINT_LEN>) -> [u8; KCV_LEN] {
    let mut kcv = [0; KCV_LEN];
    for (to, from) in kcv.iter_mut().zip(cmac.expose()) {
        *to = *from;
    }
    ct::public(&mut kcv);
    kcv
}

impl Default for Assembly {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Assembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assembly")
            .field("ceremony", &self.ceremony)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [u8; 16] = [0x11; 16];
    const B: [u8; 16] = [
        0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0x01, 0x98, 0x76, 0x54, 0x32, 0x10, 0xFE, 0xDC, 0xBA,
    ];

    fn is_wiped(assembly: &Assembly) -> bool {
        let fingerprints = assembly
            .fingerprints
            .iter()
            .all(|f| f.expose() == &[0; FINGERPRINT_LEN]);
        !assembly.is_open() && fingerprints && assembly.sum.is_empty() && assembly.received == 0
    }

    /// Attack row E03: whatever goes wrong, nothing is left.
    #[test]
    fn every_error_wipes() {
        let ceremony = Ceremony::new(KeyAlgorithm::Aes, 16, 3).unwrap();
        let wrong = Some(CheckValue::Cmac([0; 5]));
        let legacy = Some(CheckValue::Legacy([0; 3]));
        let attempts: [(u32, &[u8], Option<CheckValue>, Error); 7] = [
            (1, &B, None, Error::Component),
            (2, &A, None, Error::VerificationFailed),
            (2, &B, wrong, Error::VerificationFailed),
            (2, &B, legacy, Error::AlgorithmMismatch),
            (2, &B[..15], None, Error::InvalidKeyLength),
            (2, &[0; 16], None, Error::WeakKey),
            (2, &[0; 24], None, Error::InvalidKeyLength),
        ];
        for (custodian, part, kcv, error) in attempts {
            let mut assembly = Assembly::empty();
            assembly.begin(&ceremony).unwrap();
            assembly.add(CustodianId(1), &A, None).unwrap();
            assert!(!is_wiped(&assembly) && assembly.missing() == 2);
            assert_eq!(assembly.add(CustodianId(custodian), part, kcv), Err(error));
            assert!(is_wiped(&assembly));
        }
        let mut assembly = Assembly::empty();
        let mut out = SecretBuf::new();
        assembly.begin(&ceremony).unwrap();
        assembly.add(CustodianId(1), &A, None).unwrap();
        // A part is missing.
        assert_eq!(assembly.finish_into(&mut out), Err(Error::BadState));
        assert!(is_wiped(&assembly) && out.is_empty());
        assembly.begin(&ceremony).unwrap();
        assembly.abort();
        assert!(is_wiped(&assembly));
        // A part too many.
        let two = Ceremony::new(KeyAlgorithm::Aes, 16, 2).unwrap();
        assembly.begin(&two).unwrap();
        assembly.add(CustodianId(1), &A, None).unwrap();
        assembly.add(CustodianId(2), &B, None).unwrap();
        assert_eq!(assembly.add(CustodianId(3), &[7; 16], None), Err(Error::BadState));
        assert!(is_wiped(&assembly));
        // Success wipes too.
        assembly.begin(&two).unwrap();
        assembly.add(CustodianId(1), &A, None).unwrap();
        assembly.add(CustodianId(2), &B, None).unwrap();
        assembly.finish_into(&mut out).unwrap();
        assert!(is_wiped(&assembly));
        let sum: [u8; 16] = core::array::from_fn(|i| A[i] ^ B[i]);
        assert_eq!(out.expose(), &sum);
    }
}
