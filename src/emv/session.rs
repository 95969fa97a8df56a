// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the card's master key to the key of one transaction (EMV Book 2, Annex A1.3, and the schemes' own methods).

use zeroize::Zeroize;

use super::element::Atc;
use super::{cipher, fill, fill_aes};
use crate::cipher::{aes, tdes::Tdes};
use crate::error::Error;
use crate::key::role::{IccMk, Purpose, SessionKey};
use crate::key::{Aes, Key, Tdea, parity};

/// How a session key for application cryptograms is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// None: the card's master key itself (Visa CVN 10).
    Direct,
    /// EMV common session key with R = ATC || 00 x 6.
    Common,
    /// Mastercard SKD: common session key with R = ATC || 00 00 || UN.
    MChip,
    /// UnionPay and PBOC: the ATC and its complement, each enciphered.
    UnionPay,
    /// The tree of EMV 2000, with a parent of zeros above its root.
    #[cfg(feature = "legacy")]
    Emv2000(Tree),
}

/// Derives the session key of a transaction by `method`; `un` enters only for [`Method::MChip`].
///
/// # Errors
/// [`Error::NoKey`], [`Error::InvalidKeyLength`]; `out` is wiped then.
///
/// # Timing
/// Independent of the keys.
pub fn derive<P: Purpose>(
    method: Method,
    mk: &Key<IccMk<P>, Tdea>,
    atc: Atc,
    un: [u8; 4],
    out: &mut Key<SessionKey<P>, Tdea>,
) -> Result<(), Error> {
    match method {
        Method::Direct => direct(mk, out),
        Method::Common => common_ac(mk, atc, out),
        Method::MChip => mchip(mk, atc, un, out),
        Method::UnionPay => unionpay(mk, atc, out),
        #[cfg(feature = "legacy")]
        Method::Emv2000(tree) => emv2000_tree(mk, atc, tree, &[0; 16], out),
    }
}

/// Derives the session key of an AES card's transaction: [`Method::Direct`] or [`Method::Common`].
///
/// # Errors
/// [`Error::AlgorithmMismatch`] for the methods of TDEA cards; [`Error::NoKey`]. `out` is wiped then.
///
/// # Timing
/// Independent of the keys.
pub fn derive_aes<P: Purpose>(
    method: Method,
    mk: &Key<IccMk<P>, Aes>,
    atc: Atc,
    out: &mut Key<SessionKey<P>, Aes>,
) -> Result<(), Error> {
    match method {
        Method::Direct => mk.material().and_then(|material| out.set(material)),
        Method::Common => {
            let (mut r, [a, b]) = ([0; aes::BLOCK_LEN], atc.to_bytes());
            let [high, low, ..] = &mut r;
            (*high, *low) = (a, b);
            return common_aes(mk, &r, out);
        }
        _ => Err(Error::AlgorithmMismatch),
    }
    .inspect_err(|_| out.zeroize())
}

/// EMV common session key derivation for AES: `r` enciphered under a master key of 16 bytes; under a longer one the
/// leftmost bytes of `r` with its third byte F0, then 0F, each enciphered. `r` is 16 bytes: ATC || 00 x 14 for
/// cryptograms.
///
/// # Errors
/// [`Error::NoKey`]; `out` is wiped then.
///
/// # Source
/// EMV Book 2, Annex A1.3.1; vectors: `vectors/emv_ecc.txt`, `emv_aes_application_cryptogram`.
pub fn common_aes<P: Purpose>(
    mk: &Key<IccMk<P>, Aes>,
    r: &[u8; aes::BLOCK_LEN],
    out: &mut Key<SessionKey<P>, Aes>,
) -> Result<(), Error> {
    fill_aes(mk, out, |len| {
        let with = |third: u8| {
            let mut r = *r;
            let [_, _, place, ..] = &mut r;
            *place = third;
            r
        };
        Ok(if len == aes::BLOCK_LEN { [*r; 2] } else { [with(0xF0), with(0x0F)] })
    })
}

/// The card's master key used as session key.
///
/// # Errors
/// [`Error::NoKey`], [`Error::InvalidKeyLength`]; `out` is wiped then.
pub fn direct<P: Purpose>(mk: &Key<IccMk<P>, Tdea>, out: &mut Key<SessionKey<P>, Tdea>) -> Result<(), Error> {
    fill(out, |halves| {
        let bytes = halves.as_flattened_mut();
        let material = mk.material()?;
        if material.len() != bytes.len() {
            return Err(Error::InvalidKeyLength);
        }
        bytes.copy_from_slice(material);
        Ok(())
    })
}

/// EMV common session key derivation: `r` with its third byte F0, then 0F, each enciphered under the master key; odd
/// parity. `r` is 8 bytes: ATC || 00 x 6 for cryptograms, the ARQC for secure messaging.
///
/// # Errors
/// [`Error::NoKey`], [`Error::InvalidKeyLength`]; `out` is wiped then.
///
/// # Source
/// EMV Book 2, Annex A1.3.1; vectors: `vectors/emv.txt`, `emv_session_key` with `common`.
#[doc(alias = "CSK")]
pub fn common<P: Purpose>(
    mk: &Key<IccMk<P>, Tdea>,
    r: &[u8; 8],
    out: &mut Key<SessionKey<P>, Tdea>,
) -> Result<(), Error> {
    let [a, b, _, d, e, f, g, h] = *r;
    let inputs = [[a, b, 0xF0, d, e, f, g, h], [a, b, 0x0F, d, e, f, g, h]];
    fill(out, |halves| encrypted(mk.material()?, inputs, true, halves))
}

/// [`common`] for application cryptograms: R = ATC || 00 x 6.
///
/// # Errors
/// As [`common`].
pub fn common_ac<P: Purpose>(
    mk: &Key<IccMk<P>, Tdea>,
    atc: Atc,
    out: &mut Key<SessionKey<P>, Tdea>,
) -> Result<(), Error> {
    let [a, b] = atc.to_bytes();
    common(mk, &[a, b, 0, 0, 0, 0, 0, 0], out)
}

/// Mastercard's session key derivation (SKD): [`common`] with R = ATC || 00 00 || UN.
///
/// # Errors
/// As [`common`].
///
/// # Source
/// M/Chip; vectors: `vectors/emv.txt`, `mastercard`.
pub fn mchip<P: Purpose>(
    mk: &Key<IccMk<P>, Tdea>,
    atc: Atc,
    un: [u8; 4],
    out: &mut Key<SessionKey<P>, Tdea>,
) -> Result<(), Error> {
    let ([a, b], [c, d, e, f]) = (atc.to_bytes(), un);
    common(mk, &[a, b, 0, 0, c, d, e, f], out)
}

/// The derivation of UnionPay and PBOC: 00 x 6 || ATC, and 00 x 6 || NOT ATC, each enciphered; parity is left as it
/// falls.
///
/// # Errors
/// [`Error::NoKey`], [`Error::InvalidKeyLength`]; `out` is wiped then.
///
/// # Source
/// PBOC 3.0 part 7; vectors: `vectors/emv.txt`, `emv_pboc_chain`.
#[doc(alias = "pboc")]
pub fn unionpay<P: Purpose>(
    mk: &Key<IccMk<P>, Tdea>,
    atc: Atc,
    out: &mut Key<SessionKey<P>, Tdea>,
) -> Result<(), Error> {
    fill(out, |halves| encrypted(mk.material()?, atc_and_complement(atc), false, halves))
}

/// Visa's derivation for secure messaging: 00 x 6 || ATC, and 00 x 6 || NOT ATC, each added (xor) to a half of the
/// master key; odd parity.
///
/// # Errors
/// [`Error::NoKey`], [`Error::InvalidKeyLength`]; `out` is wiped then.
///
/// # Source
/// Visa ICC Specification, Appendix B.4; vectors: `vectors/emv.txt`, `emv_session_key` with `visa_sm`.
pub fn visa_sm<P: Purpose>(
    mk: &Key<IccMk<P>, Tdea>,
    atc: Atc,
    out: &mut Key<SessionKey<P>, Tdea>,
) -> Result<(), Error> {
    direct(mk, out)?;
    let (halves, _) = out.material_mut().as_chunks_mut::<8>();
    for (half, mask) in halves.iter_mut().zip(atc_and_complement(atc)) {
        for (to, from) in half.iter_mut().zip(mask) {
            *to ^= from;
        }
    }
    parity::set_odd(out.material_mut());
    Ok(())
}

fn atc_and_complement(atc: Atc) -> [[u8; 8]; 2] {
    let [a, b] = atc.to_bytes();
    [[0, 0, 0, 0, 0, 0, a, b], [0, 0, 0, 0, 0, 0, !a, !b]]
}

/// Each half of a key enciphered under `mk`.
fn encrypted(mk: &[u8], inputs: [[u8; 8]; 2], odd_parity: bool, halves: &mut [[u8; 8]; 2]) -> Result<(), Error> {
    let cipher = cipher(mk)?;
    *halves = Tdes::encrypt_each([&cipher; 2], inputs);
    if odd_parity {
        parity::set_odd(halves.as_flattened_mut());
    }
    Ok(())
}

/// Shape of the tree of session keys that EMV 2000 defined.
#[cfg(feature = "legacy")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tree {
    /// Branch factor 4, height 8.
    Branch4Height8,
    /// Branch factor 2, height 16.
    Branch2Height16,
}

/// EMV 2000 session key derivation, withdrawn in 2005: a tree of keys below the master key whose leaf is chosen by the
/// ATC; the session key is the leaf added (xor) to its grandparent; odd parity. `iv` stands above the root, mostly
/// zeros.
///
/// # Errors
/// [`Error::NoKey`], [`Error::InvalidKeyLength`]; `out` is wiped then.
///
/// # Source
/// EMV 2000 Book 2, Annex A1.3; vectors: `vectors/emv.txt`, `emv_session_key` with `emv2000_tree`.
#[cfg(feature = "legacy")]
pub fn emv2000_tree<P: Purpose>(
    mk: &Key<IccMk<P>, Tdea>,
    atc: Atc,
    tree: Tree,
    iv: &[u8; 16],
    out: &mut Key<SessionKey<P>, Tdea>,
) -> Result<(), Error> {
    fill(out, |halves| tree_leaf(mk.material()?, atc, tree, iv, halves))
}

#[cfg(feature = "legacy")]
fn tree_leaf(mk: &[u8], atc: Atc, tree: Tree, iv: &[u8; 16], halves: &mut [[u8; 8]; 2]) -> Result<(), Error> {
    use crate::secret::Secret;

    let (bits, branch_mask) = match tree {
        Tree::Branch4Height8 => (2, 3),
        Tree::Branch2Height16 => (1, 1),
    };
    let mut grandparent = Secret::<16>::zeroed();
    let mut parent = Secret::<16>::zeroed();
    let mut child = Secret::<16>::zeroed();
    grandparent.expose_mut().copy_from_slice(iv);
    *parent.expose_mut() = *<&[u8; 16]>::try_from(mk).map_err(|_| Error::InvalidKeyLength)?;

    // From the root to the leaf: the ATC's branch numbers, most significant first.
    let mut below = u16::BITS;
    while let Some(shift) = below.checked_sub(bits) {
        below = shift;
        let [_, number] = (atc.value() >> shift & branch_mask).to_be_bytes();
        let cipher = cipher(parent.expose())?;
        let (from, _) = grandparent.expose().as_chunks::<8>();
        let (to, _) = child.expose_mut().as_chunks_mut::<8>();
        for ((to, from), change) in to.iter_mut().zip(from).zip([number, number ^ 0xF0]) {
            let [rest @ .., last] = *from;
            let [a, b, c, d, e, f, g] = rest;
            *to = cipher.encrypt([a, b, c, d, e, f, g, last ^ change]);
        }
        if below > 0 {
            core::mem::swap(&mut grandparent, &mut parent);
            core::mem::swap(&mut parent, &mut child);
        }
    }
    let out = halves.as_flattened_mut().iter_mut();
    for ((to, leaf), above) in out.zip(child.expose()).zip(grandparent.expose()) {
        *to = leaf ^ above;
    }
    parity::set_odd(halves.as_flattened_mut());
    Ok(())
}
