// SPDX-License-Identifier: MIT OR Apache-2.0
//! Message authentication.

use core::cell::RefCell;
use core::marker::PhantomData;

use cipher::array::ArraySize;
use cipher::consts::{U1, U4, U8, U16};
use cipher::{
    Block, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, InOut, ParBlocksSizeUser,
};
use payhsm::cipher::{aes::Aes, tdes::Tdes};
use payhsm::error::Error;
use payhsm::mac::Mac;
use payhsm::mac::cmac::{CmacAes, CmacTdes};
use payhsm::mac::hmac::{HmacSha224, HmacSha256, HmacSha384, HmacSha512};
use payhsm::mac::iso9797::laboratory::LaboratoryMac;
use payhsm::mac::iso9797::{CbcMac, Padding, RetailMac};
use payhsm::mac::unionpay::UnionPayMac;

use super::Table;
use crate::cases::parameter;
use crate::value::{Case, Done, Stop, to_hex};

pub const LINE: Table = &[
    ("pad_iso", pad_iso),
    ("mac_cbc", mac_cbc),
    ("mac_retail", mac_retail),
    ("mac_cmac", mac_cmac),
    ("mac_hmac_sha256", mac_hmac_sha256),
    ("mac_cup_ecb", mac_cup_ecb),
];

pub const FAMILY: Table = &[
    ("cmac", cmac),
    ("hmac", hmac),
    ("iso9797_1_mac", iso9797_1_mac),
    ("pad", pad),
    ("cup_ecb_mac", cup_ecb_mac),
];

/// The whole MAC of `data`.
pub fn full<M: Mac>(mac: M, data: &[u8]) -> Result<Vec<u8>, Error> {
    cut(mac, data, M::LEN)
}

/// The leftmost `len` bytes of the MAC of `data`.
fn cut<M: Mac>(mut mac: M, data: &[u8], len: usize) -> Result<Vec<u8>, Error> {
    mac.update(data);
    let mut out = vec![0; len];
    mac.finish(&mut out)?;
    Ok(out)
}

/// A padding method of ISO/IEC 9797-1 for `data`.
pub fn padding(method: i64, data: &[u8]) -> Result<Padding, Stop> {
    match method {
        1 => Ok(Padding::Method1),
        2 => Ok(Padding::Method2),
        3 => Ok(Padding::Method3 { len: data.len() as u64 }),
        other => parameter("padding", other),
    }
}

/// A "cipher" that keeps its input and enciphers it to zeros: under it the chain of a CBC-MAC hands over the padded
/// message block by block, so that the padding seen is the one that every MAC has.
struct Tap<'a, N: ArraySize>(&'a RefCell<Vec<u8>>, PhantomData<N>);

impl<N: ArraySize> BlockSizeUser for Tap<'_, N> {
    type BlockSize = N;
}

impl<N: ArraySize> ParBlocksSizeUser for Tap<'_, N> {
    type ParBlocksSize = U1;
}

impl<N: ArraySize> BlockCipherEncBackend for Tap<'_, N> {
    fn encrypt_block(&self, mut block: InOut<'_, '_, Block<Self>>) {
        self.0.borrow_mut().extend(block.get_in().iter());
        *block.get_out() = Block::<Self>::default();
    }
}

impl<N: ArraySize> BlockCipherEncrypt for Tap<'_, N> {
    fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = N>) {
        f.call(self);
    }
}

/// `data` with padding `method` of ISO/IEC 9797-1 to whole blocks.
pub fn padded(method: i64, block_len: usize, data: &[u8]) -> Result<Vec<u8>, Stop> {
    fn tapped<N: ArraySize>(padding: Padding, data: &[u8]) -> Result<Vec<u8>, Stop> {
        let blocks = RefCell::default();
        full(CbcMac::new(Tap::<N>(&blocks, PhantomData), padding), data)?;
        Ok(blocks.into_inner())
    }
    let padding = padding(method, data)?;
    match block_len {
        4 => tapped::<U4>(padding, data),
        8 => tapped::<U8>(padding, data),
        16 => tapped::<U16>(padding, data),
        other => parameter("block", other),
    }
}

fn pad_iso(case: &Case) -> Done {
    let (method, block, data) = (case.int("method"), case.size("block"), case.hex("data"));
    case.expect_hex("data", &padded(method, block, &data)?);
    Ok(())
}

fn pad(case: &Case) -> Done {
    let (method, block, msg) = (case.int("padding"), case.size("block_len"), case.hex("msg"));
    case.expect_hex("padded", &padded(method, block, &msg)?);
    Ok(())
}

fn mac_cbc(case: &Case) -> Done {
    let (alg, key, data) = (case.text("alg"), case.hex("key"), case.hex("data"));
    let (padding, len) = (padding(case.int("padding"), &data), case.size("length"));
    let padding = padding?;
    let mac = match alg {
        "DES" => cut(CbcMac::new(Tdes::new(&key)?, padding), &data, len)?,
        "AES" => cut(CbcMac::new(Aes::new(&key)?, padding), &data, len)?,
        other => return parameter("alg", other),
    };
    case.expect_hex("mac", &mac);
    Ok(())
}

fn mac_retail(case: &Case) -> Done {
    let (key, data) = (case.hex("key"), case.hex("data"));
    let (padding, len) = (padding(case.int("padding"), &data), case.size("length"));
    case.expect_hex("mac", &cut(RetailMac::new(&key, padding?)?, &data, len)?);
    Ok(())
}

fn mac_cmac(case: &Case) -> Done {
    let (alg, key, len, data) = (case.text("alg"), case.hex("key"), case.size("length"), case.hex("data"));
    let mac = match alg {
        "DES" => cut(CmacTdes::new(&key)?, &data, len)?,
        "AES" => cut(CmacAes::new(&key)?, &data, len)?,
        other => return parameter("alg", other),
    };
    case.expect_hex("mac", &mac);
    Ok(())
}

fn mac_hmac_sha256(case: &Case) -> Done {
    let (key, data) = (case.hex("key"), case.hex("data"));
    case.expect_hex("mac", &full(HmacSha256::new(&key)?, &data)?);
    Ok(())
}

fn mac_cup_ecb(case: &Case) -> Done {
    let (key, data) = (case.hex("key"), case.hex("data"));
    let mac = full(UnionPayMac::new(&key)?, &data)?;
    case.expect("mac_ascii", String::from_utf8_lossy(&mac).into_owned());
    Ok(())
}

/// Besides the MAC some sources print its steps: the fold, and the whole last block.
fn cup_ecb_mac(case: &Case) -> Done {
    let (key, mab) = (case.hex("key"), case.hex("mab"));
    case.expect_left("mac", &full(UnionPayMac::new(&key)?, &mab)?);
    let mut folded = [0; 8];
    for block in mab.chunks(8) {
        folded.iter_mut().zip(block).for_each(|(to, from)| *to ^= from);
    }
    let text = to_hex(&folded);
    let last = full(CbcMac::new(Tdes::new(&key)?, Padding::Method1), text.as_bytes())?;
    for (name, step) in [("xor_block", &folded[..]), ("mac_full", &last)] {
        if case.has(name) {
            case.expect_hex(name, step);
        }
    }
    Ok(())
}

fn cmac(case: &Case) -> Done {
    let (cipher, key, msg) = (case.text("cipher"), case.hex("key"), case.hex("msg"));
    let mac = match cipher {
        "TDES" => full(CmacTdes::new(&key)?, &msg)?,
        "AES" => full(CmacAes::new(&key)?, &msg)?,
        other => return parameter("cipher", other),
    };
    case.expect_left("mac", &mac);
    Ok(())
}

fn hmac(case: &Case) -> Done {
    let (hash, key, msg) = (case.text("hash"), case.hex("key"), case.hex("msg"));
    let mac = match hash {
        "sha224" => full(HmacSha224::new(&key)?, &msg)?,
        "sha256" => full(HmacSha256::new(&key)?, &msg)?,
        "sha384" => full(HmacSha384::new(&key)?, &msg)?,
        "sha512" => full(HmacSha512::new(&key)?, &msg)?,
        other => return parameter("hash", other),
    };
    case.expect_left("mac", &mac);
    Ok(())
}

fn iso9797_1_mac(case: &Case) -> Done {
    let (algorithm, method) = (case.int("algorithm"), case.int("padding"));
    let (key, mut msg) = (case.hex("key"), case.hex("msg"));
    let (key2, iv) = (case.opt_hex("key2"), case.opt_hex("iv"));
    if let Some(iv) = iv {
        // The library begins with zero; another start is the same as a changed first block.
        if msg.len() < iv.len() || method == 3 {
            return parameter("iv", "not zero");
        }
        msg.iter_mut().zip(iv).for_each(|(to, from)| *to ^= from);
    }
    let padding = match method {
        // Whole blocks and nothing added: method 1 adds nothing to them.
        0 if !msg.is_empty() && msg.len().is_multiple_of(8) => Padding::Method1,
        other => padding(other, &msg)?,
    };
    let mac = match (algorithm, key.len()) {
        (1, _) => full(CbcMac::new(Tdes::new(&key)?, padding), &msg)?,
        (3, 24) => return parameter("key", "K K' K''"),
        (3, _) => full(
            RetailMac::new(&[key, key2.unwrap_or_default()].concat(), padding)?,
            &msg,
        )?,
        (2 | 4, _) => {
            let keys = [key, key2.unwrap_or_default()].concat();
            match algorithm {
                2 => full(LaboratoryMac::algorithm_2(&keys, padding)?, &msg)?,
                _ => full(LaboratoryMac::algorithm_4(&keys, padding)?, &msg)?,
            }
        }
        (other, _) => return parameter("algorithm", other),
    };
    case.expect_left("mac", &mac);
    Ok(())
}

/// A Wycheproof MAC test: the tag verifies or it does not.
pub fn cmac_wycheproof(case: &Case) -> Done {
    let (key, msg, tag) = (case.hex("key"), case.hex("msg"), case.hex("tag"));
    let mut mac = CmacAes::new(&key)?;
    mac.update(&msg);
    Ok(mac.verify(&tag)?)
}

/// As [`cmac_wycheproof`].
pub fn hmac_wycheproof(case: &Case) -> Done {
    let (key, msg, tag) = (case.hex("key"), case.hex("msg"), case.hex("tag"));
    let mut mac = HmacSha256::new(&key)?;
    mac.update(&msg);
    Ok(mac.verify(&tag)?)
}
