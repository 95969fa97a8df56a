// SPDX-License-Identifier: MIT OR Apache-2.0
//! The protection itself: KBEK and KBAK from the KBPK, encipherment and authenticator of each version.

use crate::cipher::aes::Aes as AesCipher;
use crate::cipher::modes;
use crate::cipher::scheduled;
use crate::cipher::tdes::Tdes;
use crate::codec::hex;
use crate::ct;
use crate::error::Error;
use crate::key::role::{Kbpk, UpdateKey};
use crate::key::usage::KeyAlgorithm;
use crate::key::{Aes, Key, Tdea};
use crate::keyblock::header::Version;
use crate::mac::cmac::{CmacAes, CmacTdes};
use crate::mac::iso9797::{CbcMac, Padding};
use crate::mac::{Conclude, Mac};
use crate::secret::{Secret, SecretBuf};
use crate::weaken::guard;
use subtle::Choice;

/// A key-block protection key: TDEA for versions A, B, C, AES for D, E.
#[doc(alias = "KBPK")]
#[derive(Clone, Copy, Debug)]
pub enum KbpkRef<'k> {
    /// For versions A, B, C.
    Tdea(&'k Key<Kbpk, Tdea>),
    /// For versions D, E.
    Aes(&'k Key<Kbpk, Aes>),
    /// For version D: the update key of an initial DUKPT key, under which the next initial key comes.
    Update(&'k Key<UpdateKey, Aes>),
}

impl<'k> KbpkRef<'k> {
    /// The algorithm of the key, as a header would name it.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Tdea(_) => KeyAlgorithm::Tdea,
            Self::Aes(_) | Self::Update(_) => KeyAlgorithm::Aes,
        }
    }

    /// The material, if the key fits the version.
    pub(crate) fn material(&self, version: Version) -> Result<&'k [u8], Error> {
        version.supported()?;
        match (self, version.is_aes()) {
            (Self::Tdea(key), false) => match key.material()? {
                // Single DES protects nothing.
                key if key.len() == 8 => Err(Error::InvalidKeyLength),
                key => Ok(key),
            },
            (Self::Aes(key), true) => key.material(),
            (Self::Update(key), true) if version == Version::D => key.material(),
            _ => Err(Error::AlgorithmMismatch),
        }
    }
}

/// Key block encryption key and key block authentication key of one version.
#[derive(Debug)]
pub struct ProtectionKeys {
    kbek: SecretBuf<32>,
    kbak: SecretBuf<32>,
}

/// Key usage of the derivation input.
const KBEK_CBC: u8 = 0;
const KBAK: u8 = 1;
const KBEK_CTR: u8 = 2;

impl ProtectionKeys {
    /// A place for the keys.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            kbek: SecretBuf::new(),
            kbak: SecretBuf::new(),
        }
    }

    /// Derives both keys for `version`: key variants in A and C, CMAC in counter mode in B, D and E.
    ///
    /// # Errors
    /// [`Error::AlgorithmMismatch`] or [`Error::InvalidKeyLength`] if the key does not fit the version,
    /// [`Error::NoKey`] if it is empty, [`Error::Unsupported`] if this build does not have the version.
    ///
    /// # Source
    /// TR-31:2018 5.3.2.1 and 5.3.2.3; ISO 20038:2017 6.3; vectors: `vectors/tr31.txt`, op `tr31_derive_keys`.
    pub fn derive(&mut self, version: Version, kbpk: KbpkRef<'_>) -> Result<(), Error> {
        let result = self.derive_inner(version, kbpk);
        if result.is_err() {
            self.kbek = SecretBuf::new();
            self.kbak = SecretBuf::new();
        }
        result
    }

    fn derive_inner(&mut self, version: Version, kbpk: KbpkRef<'_>) -> Result<(), Error> {
        let material = kbpk.material(version)?;
        if version.is_variant() {
            self.kbek.set(material)?;
            self.kbak.set(material)?;
            self.kbek.expose_mut().iter_mut().for_each(|byte| *byte ^= 0x45);
            self.kbak.expose_mut().iter_mut().for_each(|byte| *byte ^= 0x4D);
            return Ok(());
        }
        let usage = if version == Version::E { KBEK_CTR } else { KBEK_CBC };
        expand(version, material, usage, self.kbek.reset(material.len())?)?;
        expand(version, material, KBAK, self.kbak.reset(material.len())?)
    }

    /// The key block encryption key.
    #[cfg(feature = "hazmat")]
    #[must_use]
    pub fn kbek(&self) -> &[u8] {
        self.kbek.expose()
    }

    /// The key block authentication key.
    #[cfg(feature = "hazmat")]
    #[must_use]
    pub fn kbak(&self) -> &[u8] {
        self.kbak.expose()
    }

    /// Writes the authenticator over the characters `text` and the bytes `body` (enciphered in A and C, else clear).
    fn mac(&self, version: Version, text: &[u8], body: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let key = self.kbak.expose();
        if version.is_variant() {
            // Both parts are whole blocks, so the padding adds nothing.
            cbc_mac(key, text, body, out)
        } else if version.is_aes() {
            CmacAes::once(key, &[text, body], out)
        } else {
            CmacTdes::once(key, &[text, body], out)
        }
    }

    /// Opens `body` in place: judges the authenticator and deciphers.
    ///
    /// A and C: a wrong authenticator is an error before anything is deciphered. B, D and E authenticate the clear
    /// text, so the verdict is left to the caller, who joins it with what else must hold.
    pub(super) fn open(&self, version: Version, text: &[u8], body: &mut [u8], mac: &[u8]) -> Result<Choice, Error> {
        let mut computed = Secret::<16>::zeroed();
        let computed = computed.expose_mut().get_mut(..mac.len()).ok_or(Error::Internal)?;
        let key = self.kbek.expose();
        match version {
            Version::A | Version::C => {
                self.mac(version, text, body, computed)?;
                let ok = ct::eq(computed, mac);
                guard!("D05", ct::verdict(ok))?;
                #[cfg(payhsm_weaken)]
                crate::weaken::saw("decipherment");
                decrypt_tdea(key, iv_of(text)?, body)?;
                return Ok(ok);
            }
            Version::B => decrypt_tdea(key, mac, body)?,
            Version::D => decrypt_aes(key, mac, body)?,
            Version::E => ctr(key, mac, body)?,
        }
        self.mac(version, text, body, computed)?;
        Ok(ct::eq(computed, mac))
    }

    /// Seals `body` in place and writes the authenticator.
    pub(super) fn seal(&self, version: Version, text: &[u8], body: &mut [u8], mac: &mut [u8]) -> Result<(), Error> {
        let key = self.kbek.expose();
        match version {
            Version::A | Version::C => {
                encrypt_tdea(key, iv_of(text)?, body)?;
                self.mac(version, text, body, mac)
            }
            Version::B => {
                self.mac(version, text, body, mac)?;
                encrypt_tdea(key, mac, body)
            }
            Version::D => {
                self.mac(version, text, body, mac)?;
                encrypt_aes(key, mac, body)
            }
            Version::E => {
                self.mac(version, text, body, mac)?;
                ctr(key, mac, body)
            }
        }
    }
}

// Each cipher has a frame of its own, and its place in flash once.

#[cfg_attr(target_os = "none", inline(never))]
fn encrypt_tdea(key: &[u8], iv: &[u8], body: &mut [u8]) -> Result<(), Error> {
    scheduled!(let cipher = Tdes, key);
    modes::cbc_encrypt(&cipher, iv, body)
}

#[cfg_attr(target_os = "none", inline(never))]
fn decrypt_tdea(key: &[u8], iv: &[u8], body: &mut [u8]) -> Result<(), Error> {
    scheduled!(let cipher = Tdes, key);
    modes::cbc_decrypt(&cipher, iv, body)
}

#[cfg_attr(target_os = "none", inline(never))]
fn encrypt_aes(key: &[u8], iv: &[u8], body: &mut [u8]) -> Result<(), Error> {
    scheduled!(let cipher = AesCipher, key);
    modes::cbc_encrypt(&cipher, iv, body)
}

#[cfg_attr(target_os = "none", inline(never))]
fn decrypt_aes(key: &[u8], iv: &[u8], body: &mut [u8]) -> Result<(), Error> {
    scheduled!(let cipher = AesCipher, key);
    modes::cbc_decrypt(&cipher, iv, body)
}

#[cfg_attr(target_os = "none", inline(never))]
fn ctr(key: &[u8], counter: &[u8], body: &mut [u8]) -> Result<(), Error> {
    scheduled!(let cipher = AesCipher, key);
    modes::ctr(&cipher, counter, body)
}

/// A and C: the initialisation vector is the first 8 characters of the header.
fn iv_of(text: &[u8]) -> Result<&[u8], Error> {
    text.get(..8).ok_or(Error::Internal)
}

#[cfg_attr(target_os = "none", inline(never))]
fn cbc_mac(key: &[u8], text: &[u8], body: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let mut mac = CbcMac::new(Tdes::IDLE, Padding::Method1);
    mac.cipher_mut().set(key)?;
    mac.update(text);
    mac.update(body);
    mac.conclude(out)
}

/// The derivation of B, D and E: CMAC over counter (1), usage (2), 00, algorithm (2) and length in bits (2).
fn expand(version: Version, kbpk: &[u8], usage: u8, out: &mut [u8]) -> Result<(), Error> {
    let (algorithm, bits) = match (version.is_aes(), kbpk.len()) {
        (false, 16) => (0, 0x80),
        (false, 24) => (1, 0xC0),
        (true, 16) => (2, 0x80),
        (true, 24) => (3, 0xC0),
        (true, 32) => (4, 0x100_u16),
        _ => return Err(Error::InvalidKeyLength),
    };
    let [bits_high, bits_low] = bits.to_be_bytes();
    for (chunk, counter) in out.chunks_mut(version.block_len()).zip(1_u8..) {
        let input = [counter, 0, usage, 0, 0, algorithm, bits_high, bits_low];
        if version.is_aes() {
            CmacAes::once(kbpk, &[&input], chunk)?;
        } else {
            CmacTdes::once(kbpk, &[&input], chunk)?;
        }
    }
    Ok(())
}

/// Reads the authenticator's hexadecimal characters.
pub(super) fn read_mac<'o>(digits: &[u8], out: &'o mut [u8; 16]) -> Result<&'o [u8], Error> {
    let mac = out.get_mut(..digits.len() >> 1).ok_or(Error::Internal)?;
    hex::decode(digits, mac).map_err(|_| Error::KeyBlockEncoding)?;
    Ok(mac)
}
