// SPDX-License-Identifier: MIT OR Apache-2.0
//! Binary-coded decimal: the EMV formats n (right-justified, leading zeros) and cn (left-justified, trailing F).
//!
//! A digit string here is one value 0 to 9 a byte. These functions are for public data (amounts, dates, PANs): where
//! the first wrong nibble stands shows in timing. PIN digits have their own constant-time code.

use crate::error::Error;

/// The nibble of format cn where no digit stands.
const CN_FILL: u8 = 0xF;

/// Writes `digits` in format n: two a byte, right-justified, leading zeros.
///
/// # Errors
/// [`Error::InvalidLength`] if `out` has no room for all digits, [`Error::InvalidDigit`] for a value over 9; `out` is
/// wiped then.
pub fn encode_numeric(digits: &[u8], out: &mut [u8]) -> Result<(), Error> {
    out.fill(0);
    if digits.len() > out.len().saturating_mul(2) {
        return Err(Error::InvalidLength);
    }
    if digits.iter().any(|&d| d > 9) {
        return Err(Error::InvalidDigit);
    }
    let mut from = digits.iter().rev();
    for byte in out.iter_mut().rev() {
        let low = from.next().copied().unwrap_or(0);
        let high = from.next().copied().unwrap_or(0);
        *byte = (high << 4) | low;
    }
    Ok(())
}

/// Writes `digits` in format cn: two a byte, left-justified, trailing F.
///
/// # Errors
/// [`Error::InvalidLength`] if `out` has no room for all digits, [`Error::InvalidDigit`] for a value over 9; `out` is
/// wiped then.
pub fn encode_compressed(digits: &[u8], out: &mut [u8]) -> Result<(), Error> {
    out.fill(0);
    if digits.len() > out.len().saturating_mul(2) {
        return Err(Error::InvalidLength);
    }
    if digits.iter().any(|&d| d > 9) {
        return Err(Error::InvalidDigit);
    }
    let mut from = digits.iter();
    for byte in out.iter_mut() {
        let high = from.next().copied().unwrap_or(CN_FILL);
        let low = from.next().copied().unwrap_or(CN_FILL);
        *byte = (high << 4) | low;
    }
    Ok(())
}

/// Whether every nibble is a decimal digit: format n without its value.
///
/// # Errors
/// [`Error::Bcd`] if one is not.
pub fn check_numeric(bytes: &[u8]) -> Result<(), Error> {
    if bytes.iter().all(|byte| *byte < 0xA0 && byte & 0x0F < 0x0A) {
        Ok(())
    } else {
        Err(Error::Bcd)
    }
}

/// The value of a field in format n. An empty field is 0.
///
/// # Errors
/// [`Error::Bcd`] for a nibble over 9, [`Error::InvalidLength`] if the value does not fit 64 bits.
pub fn decode_numeric(bytes: &[u8]) -> Result<u64, Error> {
    nibbles(bytes).try_fold(0_u64, |value, n| {
        if n > 9 {
            return Err(Error::Bcd);
        }
        value
            .checked_mul(10)
            .and_then(|v| v.checked_add(u64::from(n)))
            .ok_or(Error::InvalidLength)
    })
}

/// Reads a field in format cn into `digits` and gives their number. F may only pad at the end.
///
/// # Errors
/// [`Error::Bcd`] for a nibble A to E or a digit behind an F, [`Error::InvalidLength`] if `digits` is too short;
/// `digits` is wiped then.
pub fn decode_compressed(bytes: &[u8], digits: &mut [u8]) -> Result<usize, Error> {
    let result = fill_compressed(bytes, digits);
    if result.is_err() {
        digits.fill(0);
    }
    result
}

fn fill_compressed(bytes: &[u8], digits: &mut [u8]) -> Result<usize, Error> {
    let mut count = 0_usize;
    let mut padding = false;
    let mut to = digits.iter_mut();
    for n in nibbles(bytes) {
        match n {
            0..=9 if !padding => {
                *to.next().ok_or(Error::InvalidLength)? = n;
                count = count.saturating_add(1);
            }
            CN_FILL => padding = true,
            _ => return Err(Error::Bcd),
        }
    }
    Ok(count)
}

/// The nibbles of `bytes`, high one first.
pub(crate) fn nibbles(bytes: &[u8]) -> impl Iterator<Item = u8> + Clone {
    bytes.iter().flat_map(|&b| [b >> 4, b & 15])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric() {
        let mut out = [0xAA; 3];
        assert_eq!(encode_numeric(&[1, 2, 3], &mut out), Ok(()));
        assert_eq!(out, [0x00, 0x01, 0x23]);
        assert_eq!(encode_numeric(&[1, 10], &mut out), Err(Error::InvalidDigit));
        assert_eq!(out, [0; 3]);
        assert_eq!(encode_numeric(&[9; 7], &mut out), Err(Error::InvalidLength));
        assert_eq!(decode_numeric(&[0x00, 0x01, 0x23]), Ok(123));
        assert_eq!(decode_numeric(&[]), Ok(0));
        assert_eq!(decode_numeric(&[0x0A]), Err(Error::Bcd));
        // 2^64 - 1 and 2^64.
        let most = [0x18, 0x44, 0x67, 0x44, 0x07, 0x37, 0x09, 0x55, 0x16, 0x15];
        assert_eq!(decode_numeric(&most), Ok(u64::MAX));
        let more = [0x18, 0x44, 0x67, 0x44, 0x07, 0x37, 0x09, 0x55, 0x16, 0x16];
        assert_eq!(decode_numeric(&more), Err(Error::InvalidLength));
        for high in 0..16_u8 {
            for low in 0..16_u8 {
                let expected = if high <= 9 && low <= 9 { Ok(()) } else { Err(Error::Bcd) };
                assert_eq!(check_numeric(&[(high << 4) | low]), expected);
            }
        }
    }

    #[test]
    fn compressed() {
        let mut out = [0; 3];
        assert_eq!(encode_compressed(&[4, 5, 6], &mut out), Ok(()));
        assert_eq!(out, [0x45, 0x6F, 0xFF]);
        let mut digits = [0; 6];
        assert_eq!(decode_compressed(&out, &mut digits), Ok(3));
        assert_eq!(digits, [4, 5, 6, 0, 0, 0]);
        assert_eq!(decode_compressed(&[0x4F, 0x5F], &mut digits), Err(Error::Bcd));
        assert_eq!(decode_compressed(&[0x4A], &mut digits), Err(Error::Bcd));
        assert_eq!(decode_compressed(&[0x11; 4], &mut digits), Err(Error::InvalidLength));
        assert_eq!(digits, [0; 6]);
        assert_eq!(encode_compressed(&[1; 7], &mut out), Err(Error::InvalidLength));
        assert_eq!(encode_compressed(&[0xF], &mut out), Err(Error::InvalidDigit));
    }
}
