// SPDX-License-Identifier: MIT OR Apache-2.0
//! One-time codes by time (RFC 6238, RFC 4226).

use subtle::{Choice, ConstantTimeEq};

use crate::ct;
use crate::error::Error;
use crate::mac::Mac;
use crate::mac::hmac::{HmacSha256, HmacSha512};
use crate::policy::MacAlgorithm;
use crate::secret::Secret;

/// The hash of a code's HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CodeHash {
    /// SHA-1, as most authenticators have it; in builds with `host` or `oda`.
    Sha1 = 1,
    /// SHA-256.
    Sha256 = 2,
    /// SHA-512.
    Sha512 = 3,
}

impl CodeHash {
    /// From its number.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`]; [`Error::Unsupported`] for SHA-1 in a build without it.
    pub const fn from_number(number: u32) -> Result<Self, Error> {
        match number {
            #[cfg(any(feature = "host", feature = "oda"))]
            1 => Ok(Self::Sha1),
            #[cfg(not(any(feature = "host", feature = "oda")))]
            1 => Err(Error::Unsupported),
            2 => Ok(Self::Sha256),
            3 => Ok(Self::Sha512),
            _ => Err(Error::InvalidArgument),
        }
    }

    /// The algorithm that a key block would name.
    pub(super) const fn algorithm(self) -> Option<MacAlgorithm> {
        match self {
            Self::Sha1 => None,
            Self::Sha256 => Some(MacAlgorithm::HmacSha256),
            Self::Sha512 => Some(MacAlgorithm::HmacSha512),
        }
    }
}

/// The code of a time step, 6 or 8 digits as a number.
///
/// # Timing
/// Constant for each hash and key length: the place of the four bytes is chosen by masks, the remainder is taken by
/// multiplication.
pub(super) fn code_at(hash: CodeHash, key: &[u8], step: u64, digits: u8) -> Result<u32, Error> {
    let mut tag = Secret::<64>::zeroed();
    let len = match hash {
        CodeHash::Sha1 => sha1(key, step, tag.expose_mut())?,
        CodeHash::Sha256 => {
            let mut mac = HmacSha256::new(key)?;
            mac.update(&step.to_be_bytes());
            mac.finish(tag.expose_mut().first_chunk_mut::<32>().ok_or(Error::Internal)?)?;
            32
        }
        CodeHash::Sha512 => {
            let mut mac = HmacSha512::new(key)?;
            mac.update(&step.to_be_bytes());
            mac.finish(tag.expose_mut())?;
            64
        }
    };
    let tag = tag.expose().get(..len).ok_or(Error::Internal)?;
    let offset = tag.last().ok_or(Error::Internal)? & 0xF;
    // RFC 4226 5.3: four bytes from the offset, of which every place is looked at.
    let mut word = 0_u32;
    for (at, window) in (0_u8..16).zip(tag.windows(4)) {
        let mask = u32::from(ct::mask_eq(at, offset)).wrapping_mul(0x0101_0101);
        if let &[a, b, c, d] = window {
            word |= u32::from_be_bytes([a, b, c, d]) & mask;
        }
    }
    Ok(remainder(word & 0x7FFF_FFFF, digits))
}

/// The one-time code of a moment, as a number of so many digits, for tests of vectors.
///
/// `key`: of any length. `time`: seconds since 1970. `period`: seconds of a step. `digits`: 6 or 8.
///
/// # Errors
/// [`Error::InvalidArgument`] for other digits or a period of 0; [`Error::Unsupported`] for SHA-1 in a build without it.
///
/// # Source
/// RFC 6238, section 4.2; RFC 4226, section 5.3. Vectors: `vectors/totp.txt`.
#[cfg(feature = "hazmat")]
pub fn one_time_code(hash: CodeHash, key: &[u8], time: u64, period: u8, digits: u8) -> Result<u32, Error> {
    let step = time.checked_div(period.into()).ok_or(Error::InvalidArgument)?;
    match digits {
        6 | 8 => code_at(hash, key, step, digits),
        _ => Err(Error::InvalidArgument),
    }
}

#[cfg(any(feature = "host", feature = "oda"))]
fn sha1(key: &[u8], step: u64, out: &mut [u8; 64]) -> Result<usize, Error> {
    use ::hmac::{Hmac, KeyInit as _, Mac as _};
    use zeroize::Zeroize as _;
    let mut mac = Hmac::<::sha1::Sha1>::new_from_slice(key).map_err(|_| Error::InvalidKeyLength)?;
    mac.update(&step.to_be_bytes());
    let mut tag = mac.finalize().into_bytes();
    for (to, from) in out.iter_mut().zip(&tag) {
        *to = *from;
    }
    tag.zeroize();
    Ok(20)
}

#[cfg(not(any(feature = "host", feature = "oda")))]
fn sha1(_: &[u8], _: u64, _: &mut [u8; 64]) -> Result<usize, Error> {
    Err(Error::Unsupported)
}

/// `word` modulo 10^6 or 10^8, without a division: some processors divide in a time that depends on the operands.
fn remainder(word: u32, digits: u8) -> u32 {
    // Multiplier m = ⌈2^k / d⌉ with m·d - 2^k < 2^(k-31): the quotient is exact for words below 2^31.
    let (multiplier, shift, divisor) = if digits == 8 {
        (1_441_151_881_u64, 57, 100_000_000_u32)
    } else {
        (2_251_799_814_u64, 51, 1_000_000_u32)
    };
    let quotient = u64::from(word).wrapping_mul(multiplier).wrapping_shr(shift);
    // Below 2^31: the lower half. A checked conversion would be a branch on it.
    let [_, _, _, _, a, b, c, d] = quotient.to_be_bytes();
    let quotient = u32::from_be_bytes([a, b, c, d]);
    word.wrapping_sub(quotient.wrapping_mul(divisor))
}

/// Whether `code` is that of a step after `last` out of the one before `step`, `step` and the one after it, and of which:
/// all three are computed.
pub(super) fn matches(
    hash: CodeHash,
    key: &[u8],
    digits: u8,
    step: u64,
    last: u64,
    code: u32,
) -> Result<(Choice, u64), Error> {
    let mut good = Choice::from(0);
    let mut taken = last;
    for candidate in [step.saturating_sub(1), step, step.saturating_add(1)] {
        let hit = code_at(hash, key, candidate, digits)?.ct_eq(&code) & Choice::from(u8::from(candidate > last));
        // The steps are public; which of them it was is told by what is stored, to nobody.
        taken = subtle::ConditionallySelectable::conditional_select(&taken, &candidate, hit);
        good |= hit;
    }
    Ok((good, taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders_are_exact() {
        let mut state = 1_u64;
        let edges = [6, 8].into_iter().flat_map(|digits: u8| {
            let d = 10_u32.pow(digits.into());
            (0..(1_u32 << 31) / d).flat_map(move |q| [(q * d, digits), (q * d + d - 1, digits)])
        });
        for (word, digits) in edges.chain((0..100_000).map(|_| {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            (u32::try_from(state >> 33).unwrap(), if state & 1 == 0 { 6 } else { 8 })
        })) {
            assert_eq!(
                remainder(word, digits),
                word % 10_u32.pow(digits.into()),
                "{word} {digits}"
            );
        }
        for digits in [6, 8] {
            assert_eq!(remainder(0x7FFF_FFFF, digits), 0x7FFF_FFFF % 10_u32.pow(digits.into()));
        }
    }

    /// RFC 6238 appendix B.
    #[test]
    fn codes_are_the_rfc_s() {
        let seed: [u8; 64] = core::array::from_fn(|i| b"1234567890"[i % 10]);
        let rows: [(u64, u32, u32, u32); 6] = [
            (59, 94_287_082, 46_119_246, 90_693_936),
            (1_111_111_109, 7_081_804, 68_084_774, 25_091_201),
            (1_111_111_111, 14_050_471, 67_062_674, 99_943_326),
            (1_234_567_890, 89_005_924, 91_819_424, 93_441_116),
            (2_000_000_000, 69_279_037, 90_698_825, 38_618_901),
            (20_000_000_000, 65_353_130, 77_737_706, 47_863_826),
        ];
        for (time, sha1, sha256, sha512) in rows {
            let step = time / 30;
            #[cfg(any(feature = "host", feature = "oda"))]
            assert_eq!(code_at(CodeHash::Sha1, &seed[..20], step, 8), Ok(sha1));
            #[cfg(not(any(feature = "host", feature = "oda")))]
            assert_eq!(code_at(CodeHash::Sha1, &seed[..20], step, 8).is_ok(), sha1 == 0);
            assert_eq!(code_at(CodeHash::Sha256, &seed[..32], step, 8), Ok(sha256));
            assert_eq!(code_at(CodeHash::Sha512, &seed, step, 8), Ok(sha512));
        }
    }

    #[test]
    fn a_code_is_taken_once_and_near_its_time() {
        let key = [3; 32];
        for step in [100, 101, 102] {
            let code = code_at(CodeHash::Sha256, &key, step, 6).unwrap();
            for now in 98..105 {
                for last in 0..104 {
                    let (good, taken) = matches(CodeHash::Sha256, &key, 6, now, last, code).unwrap();
                    let expected = step.abs_diff(now) <= 1 && step > last;
                    assert_eq!(
                        (bool::from(good), taken),
                        (expected, if expected { step } else { last })
                    );
                }
            }
        }
    }
}
