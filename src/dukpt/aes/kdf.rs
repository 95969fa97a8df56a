// SPDX-License-Identifier: MIT OR Apache-2.0
use cipher::{Block, BlockCipherEncrypt};
use zeroize::Zeroize;

use crate::cipher::aes::{AesEncrypt as Cipher, BLOCK_LEN, encrypt_once};
use crate::dukpt::aes::InitialKeyId;
use crate::dukpt::aes::ksn::UPDATE_COUNTER;
use crate::dukpt::ksn::prefixes;
use crate::error::Error;
use crate::key::role::{
    DataBoth, DataRequest, DataResponse, InitialKey, Kek, MacBoth, MacRequest, MacResponse, PinEncryption, Role,
    UpdateKey,
};
use crate::key::{Aes, Algorithm, Hmac, Key, Tdea};
use crate::secret::SecretBuf;

#[cfg(feature = "hazmat")]
use crate::dukpt::aes::Ksn;

/// What a derived key is for (X9.24-3:2017 table 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum KeyUsage {
    /// Key encryption; the update key.
    KeyEncryption = 0x0002,
    /// PIN encryption.
    PinEncryption = 0x1000,
    /// Message authentication, generation by the terminal: requests.
    MacGeneration = 0x2000,
    /// Message authentication, verification by the terminal: responses.
    MacVerification = 0x2001,
    /// Message authentication, both ways.
    MacBoth = 0x2002,
    /// Data encryption by the terminal: requests.
    DataEncrypt = 0x3000,
    /// Data decryption by the terminal: responses.
    DataDecrypt = 0x3001,
    /// Data encryption, both ways.
    DataBoth = 0x3002,
    /// Derivation of the next key on the path.
    KeyDerivation = 0x8000,
    /// Derivation of the initial key.
    KeyDerivationInitialKey = 0x8001,
}

/// Algorithm and length of a derived key (X9.24-3:2017 table 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// Two-key TDEA, 16 bytes.
    Tdes2,
    /// Three-key TDEA, 24 bytes.
    Tdes3,
    /// AES-128.
    Aes128,
    /// AES-192.
    Aes192,
    /// AES-256.
    Aes256,
    /// HMAC, 16 bytes.
    Hmac128,
    /// HMAC, 24 bytes.
    Hmac192,
    /// HMAC, 32 bytes.
    Hmac256,
}

impl KeyType {
    /// Algorithm number in the derivation data.
    const fn algorithm(self) -> u16 {
        match self {
            Self::Tdes2 => 0,
            Self::Tdes3 => 1,
            Self::Aes128 => 2,
            Self::Aes192 => 3,
            Self::Aes256 => 4,
            Self::Hmac128 | Self::Hmac192 | Self::Hmac256 => 5,
        }
    }

    /// Key length in bytes.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::Tdes2 | Self::Aes128 | Self::Hmac128 => 16,
            Self::Tdes3 | Self::Aes192 | Self::Hmac192 => 24,
            Self::Aes256 | Self::Hmac256 => 32,
        }
    }

    /// The shortest AES key from which a key of this type may be derived. Three-key TDEA is no stronger than AES-128.
    const fn parent_len(self) -> usize {
        match self {
            Self::Tdes2 | Self::Tdes3 | Self::Aes128 | Self::Hmac128 => 16,
            Self::Aes192 | Self::Hmac192 => 24,
            Self::Aes256 | Self::Hmac256 => 32,
        }
    }

    /// The AES key type of a key length.
    ///
    /// # Errors
    /// [`Error::InvalidKeyLength`] unless it is 16, 24 or 32.
    pub const fn aes(key_len: usize) -> Result<Self, Error> {
        match key_len {
            16 => Ok(Self::Aes128),
            24 => Ok(Self::Aes192),
            32 => Ok(Self::Aes256),
            _ => Err(Error::InvalidKeyLength),
        }
    }

    /// No key is stronger than the one it comes from.
    pub(crate) fn check_strength(self, parent_len: usize) -> Result<(), Error> {
        if self.parent_len() <= parent_len {
            Ok(())
        } else {
            Err(Error::KeyStrength)
        }
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::key::Tdea {}
    impl Sealed for crate::key::Aes {}
    impl Sealed for crate::key::Hmac {}
}

/// The algorithm of a working key. Sealed.
pub trait WorkingAlgorithm: Algorithm + sealed::Sealed {
    /// Whether keys of the type are keys of this algorithm.
    fn takes(key_type: KeyType) -> bool;
}

impl WorkingAlgorithm for Tdea {
    fn takes(key_type: KeyType) -> bool {
        matches!(key_type, KeyType::Tdes2 | KeyType::Tdes3)
    }
}

impl WorkingAlgorithm for Aes {
    fn takes(key_type: KeyType) -> bool {
        matches!(key_type, KeyType::Aes128 | KeyType::Aes192 | KeyType::Aes256)
    }
}

impl WorkingAlgorithm for Hmac {
    fn takes(key_type: KeyType) -> bool {
        matches!(key_type, KeyType::Hmac128 | KeyType::Hmac192 | KeyType::Hmac256)
    }
}

/// The role of a working key for algorithm `A`. HMAC keys authenticate messages and do nothing else. Only the types
/// of this crate are roles, so nobody can add a pair.
///
/// ```compile_fail
/// # use payhsm::{dukpt::aes::{KeyType, Transaction}, key::{Hmac, Key, role::PinEncryption}};
/// let mut pin_key: Key<PinEncryption, Hmac> = Key::empty();
/// let _ = Transaction::empty().working_key(KeyType::Hmac128, &mut pin_key);
/// ```
pub trait WorkingRole<A: WorkingAlgorithm>: Role {
    /// The usage in the derivation data.
    const USAGE: KeyUsage;
}

macro_rules! working_roles {
    ($($role:ident = $usage:ident: $($algorithm:ident)+;)*) => {
        $($(
            impl WorkingRole<$algorithm> for $role {
                const USAGE: KeyUsage = KeyUsage::$usage;
            }
        )+)*
    };
}

working_roles! {
    Kek = KeyEncryption: Tdea Aes;
    PinEncryption = PinEncryption: Tdea Aes;
    MacRequest = MacGeneration: Tdea Aes Hmac;
    MacResponse = MacVerification: Tdea Aes Hmac;
    MacBoth = MacBoth: Tdea Aes Hmac;
    DataRequest = DataEncrypt: Tdea Aes;
    DataResponse = DataDecrypt: Tdea Aes;
    DataBoth = DataBoth: Tdea Aes;
}

/// The input block `n` (1 or 2) of the derivation (X9.24-3:2017 6.3.2).
pub(crate) fn derivation_block(usage: KeyUsage, key_type: KeyType, context: [u8; 8], n: u8) -> [u8; BLOCK_LEN] {
    let bits: u16 = match key_type.key_len() {
        16 => 128,
        24 => 192,
        _ => 256,
    };
    let [[u0, u1], [a0, a1], [b0, b1]] = [usage as u16, key_type.algorithm(), bits].map(u16::to_be_bytes);
    let [c0, c1, c2, c3, c4, c5, c6, c7] = context;
    [1, n, u0, u1, a0, a1, b0, b1, c0, c1, c2, c3, c4, c5, c6, c7]
}

/// The derivation function: fills `out`, whose length is that of `key_type`, from the deriving key's schedule.
pub(super) fn derive(parent: &Cipher, usage: KeyUsage, key_type: KeyType, context: [u8; 8], out: &mut [u8]) {
    for (n, out) in (1..).zip(out.chunks_mut(BLOCK_LEN)) {
        let mut block = Block::<Cipher>::from(derivation_block(usage, key_type, context, n));
        parent.encrypt_block(&mut block);
        for (to, from) in out.iter_mut().zip(&block) {
            *to = *from;
        }
        block.zeroize();
    }
}

/// The blocks that [`derive`] enciphers for a key of `key_type`, and how many of them.
fn derivation_blocks(usage: KeyUsage, key_type: KeyType, context: [u8; 8]) -> ([Block<Cipher>; 2], usize) {
    let blocks = [1, 2].map(|n| Block::<Cipher>::from(derivation_block(usage, key_type, context, n)));
    (blocks, if key_type.key_len() > BLOCK_LEN { 2 } else { 1 })
}

/// Moves the enciphered blocks to `out`.
fn give(blocks: &mut [Block<Cipher>; 2], out: &mut [u8]) {
    for (to, from) in out.iter_mut().zip(blocks.iter().flatten()) {
        *to = *from;
    }
    blocks.zeroize();
}

/// As [`derive`], under a key that derives this once.
fn derive_once(
    parent: &[u8],
    usage: KeyUsage,
    key_type: KeyType,
    context: [u8; 8],
    out: &mut [u8],
) -> Result<(), Error> {
    let (mut blocks, used) = derivation_blocks(usage, key_type, context);
    encrypt_once(parent, blocks.get_mut(..used).unwrap_or_default())?;
    give(&mut blocks, out);
    Ok(())
}

/// Derives a typed key from the material of `parent`.
pub(super) fn derive_key<R: Role, A: WorkingAlgorithm>(
    parent: &[u8],
    usage: KeyUsage,
    key_type: KeyType,
    context: [u8; 8],
    out: &mut Key<R, A>,
) -> Result<(), Error> {
    out.zeroize();
    if !A::takes(key_type) {
        return Err(Error::AlgorithmMismatch);
    }
    key_type.check_strength(parent.len())?;
    derive_once(parent, usage, key_type, context, out.reset(key_type.key_len())?)
}

/// Derives the key of `counter` from the initial key: one derivation for each one bit, from the highest.
pub(super) fn derive_path(ik: &[u8], id: &InitialKeyId, counter: u32, out: &mut SecretBuf<32>) -> Result<(), Error> {
    out.set(ik)?;
    prefixes(counter).try_for_each(|prefix| replace(out, KeyUsage::KeyDerivation, id.context(prefix)))
}

/// Replaces an AES key by one of the same length derived from it. Its own frame: the schedule is the largest thing
/// on the stack here.
#[inline(never)]
pub(super) fn replace(key: &mut SecretBuf<32>, usage: KeyUsage, context: [u8; 8]) -> Result<(), Error> {
    let (mut blocks, used) = derivation_blocks(usage, KeyType::aes(key.len())?, context);
    encrypt_once(key.expose(), blocks.get_mut(..used).unwrap_or_default())?;
    give(&mut blocks, key.expose_mut());
    Ok(())
}

/// Derives the update key of an initial key: the working key of usage 0002 at the reserved counter FFFFFFFF.
///
/// Under it the next initial key comes to the terminal. Its path goes over all 32 counter bits, so a terminal cannot
/// derive it later: `Terminal` does so when it is loaded, and keeps it.
///
/// # Errors
/// [`Error::NoKey`]; [`Error::AlgorithmMismatch`] if `key_type` is not of algorithm `A`; [`Error::KeyStrength`] if
/// it is stronger than the initial key. `out` is empty then.
///
/// # Timing
/// Constant.
///
/// # Source
/// X9.24-3:2017 6.6.1; vectors: `vectors/dukpt_aes.txt`.
pub fn update_key<A: WorkingAlgorithm>(
    ik: &Key<InitialKey, Aes>,
    id: &InitialKeyId,
    key_type: KeyType,
    out: &mut Key<UpdateKey, A>,
) -> Result<(), Error>
where
    Kek: WorkingRole<A>,
{
    out.zeroize();
    let mut key = SecretBuf::new();
    derive_path(ik.material()?, id, UPDATE_COUNTER, &mut key)?;
    derive_key(
        key.expose(),
        KeyUsage::KeyEncryption,
        key_type,
        id.context(UPDATE_COUNTER),
        out,
    )
}

/// As [`derive_key`], for any pair of usage and key type.
pub(super) fn derive_bytes(
    parent: &[u8],
    usage: KeyUsage,
    key_type: KeyType,
    context: [u8; 8],
    out: &mut SecretBuf<32>,
) -> Result<(), Error> {
    out.zeroize();
    key_type.check_strength(parent.len())?;
    derive_once(parent, usage, key_type, context, out.reset(key_type.key_len())?)
}

/// As [`update_key`], for every key type and untyped.
///
/// # Errors
/// [`Error::NoKey`]; [`Error::KeyStrength`]. `out` is empty then.
#[cfg(feature = "hazmat")]
pub fn update_key_bytes(
    ik: &Key<InitialKey, Aes>,
    id: &InitialKeyId,
    key_type: KeyType,
    out: &mut SecretBuf<32>,
) -> Result<(), Error> {
    out.zeroize();
    let mut key = SecretBuf::new();
    derive_path(ik.material()?, id, UPDATE_COUNTER, &mut key)?;
    derive_bytes(
        key.expose(),
        KeyUsage::KeyEncryption,
        key_type,
        id.context(UPDATE_COUNTER),
        out,
    )
}

/// The input block `block_counter` (1, 2) of a derivation for the KSN, for comparison with printed tables.
///
/// # Source
/// X9.24-3:2017 6.3.2, "Create Derivation Data".
#[cfg(feature = "hazmat")]
#[must_use]
pub fn derivation_data(usage: KeyUsage, key_type: KeyType, ksn: &Ksn, block_counter: u8) -> [u8; 16] {
    let id = ksn.initial_key_id();
    let context = match usage {
        KeyUsage::KeyDerivationInitialKey => *id.as_bytes(),
        _ => id.context(ksn.counter()),
    };
    derivation_block(usage, key_type, context, block_counter)
}
