// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key check values (KCV): a few bytes that tell whether two parties hold the same key.
//!
//! | kind | value | for |
//! |---|---|---|
//! | legacy | leftmost 3 bytes of one enciphered zero block | DES, TDEA |
//! | CMAC | leftmost 5 bytes of the CMAC of one zero block | TDEA, AES |
//!
//! A KCV is public, but the legacy one shows part of E(0): of the secret from which CMAC takes its subkeys, and of
//! some MACs over a zero block. So AES keys have only the CMAC one here, and the module gives the legacy one out only
//! for usages without that danger; comparing a legacy value that came inside an authentic key block is harmless.
//! Longer values than 5 bytes are refused, shorter than 2 too. HMAC keys have none: no two conventions agree.

use zeroize::Zeroize;

use crate::cipher::aes::Aes as AesCipher;
use crate::cipher::modes;
use crate::cipher::scheduled;
use crate::cipher::tdes::Tdes;
use crate::ct;
use crate::error::Error;
use crate::key::role::Role;
use crate::key::usage::KeyAlgorithm;
use crate::key::{Aes, Key, Tdea};
use crate::mac::cmac::{CmacAes, CmacTdes};
use crate::secret::Secret;

/// Length of a legacy KCV in bytes.
pub const LEGACY_LEN: usize = 3;

/// Length of a CMAC KCV in bytes.
pub const CMAC_LEN: usize = 5;

/// The longest block of a cipher here.
const MAX_BLOCK_LEN: usize = 16;

impl<R: Role> Key<R, Tdea> {
    /// The legacy KCV: the leftmost 3 bytes of one enciphered zero block.
    ///
    /// # Errors
    /// [`Error::NoKey`].
    ///
    /// # Source
    /// ANSI X9.24-1:2009 7.2; vectors: `vectors/key_management.txt`, operation `kcv`.
    pub fn kcv_legacy(&self) -> Result<[u8; LEGACY_LEN], Error> {
        legacy_of(tdea(self.len()), self.material()?)
    }

    /// The CMAC KCV: the leftmost 5 bytes of the CMAC of one zero block.
    ///
    /// # Errors
    /// [`Error::NoKey`].
    ///
    /// # Source
    /// ANSI X9.24-1:2017 annex A; vectors: `vectors/key_management.txt`, operation `kcv`.
    pub fn kcv_cmac(&self) -> Result<[u8; CMAC_LEN], Error> {
        cmac_of(tdea(self.len()), self.material()?)
    }

    /// Compares a legacy KCV of 2 to 5 bytes in constant time.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::InvalidLength`] for another length, [`Error::VerificationFailed`] if it differs.
    pub fn verify_kcv_legacy(&self, kcv: &[u8]) -> Result<(), Error> {
        verify_legacy(tdea(self.len()), self.material()?, kcv)
    }

    /// Compares a CMAC KCV of 2 to 5 bytes in constant time.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::InvalidLength`] for another length, [`Error::VerificationFailed`] if it differs.
    pub fn verify_kcv_cmac(&self, kcv: &[u8]) -> Result<(), Error> {
        verify_cmac(tdea(self.len()), self.material()?, kcv)
    }
}

impl<R: Role> Key<R, Aes> {
    /// The CMAC KCV: the leftmost 5 bytes of the CMAC of one zero block.
    ///
    /// # Errors
    /// [`Error::NoKey`].
    ///
    /// # Source
    /// ANSI X9.24-1:2017 annex A; vectors: `vectors/key_management.txt`, operation `kcv`.
    pub fn kcv_cmac(&self) -> Result<[u8; CMAC_LEN], Error> {
        cmac_of(KeyAlgorithm::Aes, self.material()?)
    }

    /// Compares a CMAC KCV of 2 to 5 bytes in constant time.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::InvalidLength`] for another length, [`Error::VerificationFailed`] if it differs.
    pub fn verify_kcv_cmac(&self, kcv: &[u8]) -> Result<(), Error> {
        verify_cmac(KeyAlgorithm::Aes, self.material()?, kcv)
    }
}

/// The whole enciphered zero block, for vectors: 8 bytes for DES and TDEA, 16 for AES. Gives its length.
///
/// # Errors
/// [`Error::AlgorithmMismatch`] for any other algorithm, [`Error::InvalidKeyLength`].
#[cfg(feature = "hazmat")]
pub fn zero_block(algorithm: KeyAlgorithm, material: &[u8], out: &mut [u8; MAX_BLOCK_LEN]) -> Result<usize, Error> {
    encipher_zero(algorithm, material, out)
}

/// The CMAC KCV with the algorithm given at run time.
pub(crate) fn cmac_of(algorithm: KeyAlgorithm, material: &[u8]) -> Result<[u8; CMAC_LEN], Error> {
    let mut out = [0; CMAC_LEN];
    cmac_zero(algorithm, material, &mut out)?;
    ct::public(&mut out);
    Ok(out)
}

/// The legacy KCV with the algorithm given at run time; of an AES key it must only be compared, never shown.
pub(crate) fn legacy_of(algorithm: KeyAlgorithm, material: &[u8]) -> Result<[u8; LEGACY_LEN], Error> {
    let mut block = Secret::zeroed();
    encipher_zero(algorithm, material, block.expose_mut())?;
    let mut out = [0; LEGACY_LEN];
    for (to, from) in out.iter_mut().zip(block.expose()) {
        *to = *from;
    }
    ct::public(&mut out);
    Ok(out)
}

/// Compares a legacy KCV of 2 to 5 bytes in constant time.
pub(crate) fn verify_legacy(algorithm: KeyAlgorithm, material: &[u8], given: &[u8]) -> Result<(), Error> {
    let mut block = Secret::zeroed();
    encipher_zero(algorithm, material, block.expose_mut())?;
    compare(block.expose(), given)
}

/// Compares a CMAC KCV of 2 to 5 bytes in constant time.
pub(crate) fn verify_cmac(algorithm: KeyAlgorithm, material: &[u8], given: &[u8]) -> Result<(), Error> {
    let mut tag = [0; CMAC_LEN];
    cmac_zero(algorithm, material, &mut tag)?;
    compare(&tag, given)
}

fn compare(computed: &[u8], given: &[u8]) -> Result<(), Error> {
    match computed.get(..given.len()) {
        Some(left) if (2..=CMAC_LEN).contains(&given.len()) => ct::agree(left, given),
        _ => Err(Error::InvalidLength),
    }
}

/// The algorithm of a DES or TDEA key by its length.
const fn tdea(len: usize) -> KeyAlgorithm {
    if len == 8 {
        KeyAlgorithm::Des
    } else {
        KeyAlgorithm::Tdea
    }
}

fn check_len(algorithm: KeyAlgorithm, len: usize) -> Result<(), Error> {
    let fits = match algorithm {
        KeyAlgorithm::Des => len == 8,
        KeyAlgorithm::Tdea => matches!(len, 16 | 24),
        KeyAlgorithm::Aes => matches!(len, 16 | 24 | 32),
        _ => return Err(Error::AlgorithmMismatch),
    };
    if fits { Ok(()) } else { Err(Error::InvalidKeyLength) }
}

fn encipher_zero(algorithm: KeyAlgorithm, material: &[u8], out: &mut [u8; MAX_BLOCK_LEN]) -> Result<usize, Error> {
    out.zeroize();
    check_len(algorithm, material.len())?;
    if algorithm == KeyAlgorithm::Aes {
        encipher_aes(material, out)?;
        return Ok(MAX_BLOCK_LEN);
    }
    encipher_tdea(material, out)
}

// Each cipher has a frame of its own.
#[inline(never)]
fn encipher_aes(material: &[u8], out: &mut [u8; MAX_BLOCK_LEN]) -> Result<(), Error> {
    scheduled!(let cipher = AesCipher, material);
    modes::ecb_encrypt(&cipher, out)
}

#[inline(never)]
fn encipher_tdea(material: &[u8], out: &mut [u8; MAX_BLOCK_LEN]) -> Result<usize, Error> {
    scheduled!(let cipher = Tdes, material);
    let block = cipher.encrypt([0; 8]);
    for (to, from) in out.iter_mut().zip(block) {
        *to = from;
    }
    Ok(block.len())
}

fn cmac_zero(algorithm: KeyAlgorithm, material: &[u8], out: &mut [u8; CMAC_LEN]) -> Result<(), Error> {
    check_len(algorithm, material.len())?;
    if algorithm == KeyAlgorithm::Aes {
        CmacAes::once(material, &[&[0; 16]], out)
    } else {
        CmacTdes::once(material, &[&[0; 8]], out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TDEA: [u8; 16] = [
        0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10,
    ];

    #[test]
    fn compares_2_to_5_bytes_and_nothing_else() {
        let legacy = [0x08, 0xD7, 0xB4];
        assert_eq!(legacy_of(KeyAlgorithm::Tdea, &TDEA), Ok(legacy));
        assert_eq!(verify_legacy(KeyAlgorithm::Tdea, &TDEA, &legacy), Ok(()));
        assert_eq!(verify_legacy(KeyAlgorithm::Tdea, &TDEA, &legacy[..2]), Ok(()));
        let cmac = cmac_of(KeyAlgorithm::Tdea, &TDEA).unwrap();
        assert_eq!(verify_cmac(KeyAlgorithm::Tdea, &TDEA, &cmac), Ok(()));
        for given in [&[][..], &[0x08], &[0; 6], &[0; 16]] {
            assert_eq!(
                verify_legacy(KeyAlgorithm::Tdea, &TDEA, given),
                Err(Error::InvalidLength)
            );
            assert_eq!(verify_cmac(KeyAlgorithm::Tdea, &TDEA, given), Err(Error::InvalidLength));
        }
        for bit in 0..24 {
            let mut wrong = legacy;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                verify_legacy(KeyAlgorithm::Tdea, &TDEA, &wrong),
                Err(Error::VerificationFailed)
            );
        }
    }

    #[test]
    fn lengths_and_algorithms() {
        let of = |algorithm, len| cmac_of(algorithm, &[0x57; 32][..len]).err();
        assert_eq!(of(KeyAlgorithm::Des, 8), None);
        assert_eq!(of(KeyAlgorithm::Tdea, 24), None);
        assert_eq!(of(KeyAlgorithm::Aes, 32), None);
        assert_eq!(of(KeyAlgorithm::Tdea, 8), Some(Error::InvalidKeyLength));
        assert_eq!(of(KeyAlgorithm::Aes, 8), Some(Error::InvalidKeyLength));
        assert_eq!(of(KeyAlgorithm::Hmac, 16), Some(Error::AlgorithmMismatch));
    }
}
