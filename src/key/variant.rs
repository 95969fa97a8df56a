// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key variants of older host security modules: the first byte of each 8-byte part of a key is changed by 8 times the
//! variant's number, and the changed key does what the variant stands for. Key blocks have taken their place; for
//! vectors and for the conversion of old keys only.

use crate::error::Error;

/// The highest variant.
pub const MAX: u8 = 31;

/// Makes variant `number` of a DES or TDEA key; variant 0 is the key itself, and every variant is its own inverse.
///
/// # Errors
/// [`Error::InvalidKeyLength`] unless the key has 8, 16 or 24 bytes; [`Error::InvalidArgument`] for a number over 31. The
/// key is unchanged then.
///
/// # Timing
/// Constant for each length.
pub fn apply(key: &mut [u8], number: u8) -> Result<(), Error> {
    if number > MAX {
        return Err(Error::InvalidArgument);
    }
    match key.as_chunks_mut::<8>() {
        (parts @ ([_] | [_, _] | [_, _, _]), []) => {
            for [first, ..] in parts {
                *first ^= number << 3;
            }
            Ok(())
        }
        _ => Err(Error::InvalidKeyLength),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_change_and_change_back() {
        for len in 0..33 {
            for number in [0, 1, 2, 31, 32, 255] {
                let mut key = [0x5A; 33];
                let result = apply(&mut key[..len], number);
                if number > 31 {
                    assert_eq!(result, Err(Error::InvalidArgument));
                } else if ![8, 16, 24].contains(&len) {
                    assert_eq!(result, Err(Error::InvalidKeyLength));
                } else {
                    assert_eq!(result, Ok(()));
                    for (i, byte) in key[..len].iter().enumerate() {
                        let mask = if i % 8 == 0 { 8 * number } else { 0 };
                        assert_eq!(*byte, 0x5A ^ mask);
                    }
                    apply(&mut key[..len], number).unwrap();
                }
                assert_eq!(key, [0x5A; 33]);
            }
        }
    }
}
