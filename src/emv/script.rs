// SPDX-License-Identifier: MIT OR Apache-2.0
//! Issuer scripts: the commands that the issuer sends to its card, under secure messaging (EMV Book 2, clause 9).
//!
//! ```text
//!           IMK-SMI, IMK-SMC ─ PAN, PSN ─► ICC MKs ─ ATC or ARQC ─► session keys
//! header CLA INS P1 P2 Lc │ data, enciphered under SK-SMC │ MAC under SK-SMI over header [ATC ARQC] data
//! ```
//!
//! | profile | session keys | encipherment | PIN block | MAC over | MAC | further commands |
//! |---|---|---|---|---|---|---|
//! | Visa CVN 10, CVN 18 | Visa, from the ATC | [`Style::Visa`] | VIS | header, ATC, ARQC, data | 8 | refused |
//! | Visa CVN 22 hex | common, from the ARQC | [`Style::Visa`] | format 2; VIS with the current PIN | header, ATC, ARQC, data | 8 | ARQC + 1 each |
//! | M/Chip, all | common, from the ARQC | [`Style::Mastercard`] | format 2 | header, ATC, ARQC, data | 8 | ARQC + 1 each |
//! | Interac CVN 133 | common, from the ARQC | [`Style::Mastercard`] | format 2 | header, data | 8 | ARQC + 1 each |
//!
//! The VIS PIN block is a format 0 block that is mixed with bytes 4 to 7 of the card's master key for cryptograms
//! instead of the PAN, and with the digits of the current PIN if the card asks for it.
//!
//! # Limits
//! Lc counts the MAC. Secure messaging format 1 (BER-TLV objects, with which common core cards work) is not here.
//! Commands after a script's first have the ARQC plus their number ([`Request::nth`]) where session keys come from the
//! ARQC, by one public description; how Visa chains them is not public, so they are refused. UnionPay's scripts are
//! refused as [`Error::Unsupported`]: there is no public vector to check them with. PINs enter and leave only as [`Pin`].

mod command;
mod messaging;

pub use command::{Command, MAX_COMMAND_LEN, MAX_TEMPLATE_LEN, Moment, secure, template};
#[cfg(feature = "hazmat")]
pub use messaging::decipher;
pub use messaging::{MAX_MAC_LEN, MIN_MAC_LEN, Style, encipher, mac, verify_mac};

use zeroize::Zeroize;

use super::element::Atc;
use super::profile::{Profile, VerifiedArqc};
use super::{CardAlgorithm, KEY_LEN, session};
use crate::ct;
use crate::error::Error;
use crate::key::role::{Ac, IccMk, Purpose, SessionKey, Smc, Smi};
use crate::key::{Key, Tdea};
use crate::pin::Pin;
use crate::pin::block::{self, BLOCK_LEN, Format};
use crate::secret::Secret;

/// Length of a command's header CLA INS P1 P2 Lc in bytes.
pub const HEADER_LEN: usize = 5;

/// Longest PIN CHANGE/UNBLOCK command in bytes: header, two blocks, MAC.
pub const MAX_PIN_CHANGE_LEN: usize = HEADER_LEN + 2 * BLOCK_LEN + MAX_MAC_LEN;

/// How the session keys of a script are derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKeyMethod {
    /// Visa's method for secure messaging, from the ATC.
    VisaSm,
    /// Common session key with R = ARQC.
    #[doc(alias = "CSK")]
    Common,
    /// UnionPay and PBOC, from the ATC.
    UnionPay,
}

/// Form of the new PIN in PIN CHANGE/UNBLOCK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinBlock {
    /// Format 2 of ISO 9564-1. There is no form with the current PIN.
    Iso2,
    /// Visa's own form, with or without the current PIN.
    #[doc(alias = "VIS")]
    Vis,
    /// Format 2, or [`Vis`](Self::Vis) with the current PIN.
    Iso2OrVis,
}

/// What stands between header and data in the input of the MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacPrefix {
    /// Nothing.
    None,
    /// ATC and ARQC.
    AtcAndArqc,
}

/// How the commands after a script's first differ from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chaining {
    /// Not known: a script has one command.
    Single,
    /// The n-th further command has the ARQC plus n (64 bits, big-endian, wrapping), in the session keys and in the MAC.
    IncrementArqc,
}

/// What a profile fixes for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rules {
    /// Session keys, for both purposes.
    pub session_key: SessionKeyMethod,
    /// Encipherment of data.
    pub style: Style,
    /// Form of a new PIN.
    pub pin_block: PinBlock,
    /// Input of the MAC besides the command.
    pub mac_prefix: MacPrefix,
    /// Length of the MAC in bytes.
    pub mac_len: usize,
    /// Commands after the first.
    pub chaining: Chaining,
}

impl Rules {
    pub(super) const VISA: Self = Self {
        session_key: SessionKeyMethod::VisaSm,
        style: Style::Visa,
        pin_block: PinBlock::Vis,
        mac_prefix: MacPrefix::AtcAndArqc,
        mac_len: 8,
        chaining: Chaining::Single,
    };
    pub(super) const VISA_COMMON: Self = Self {
        session_key: SessionKeyMethod::Common,
        pin_block: PinBlock::Iso2OrVis,
        chaining: Chaining::IncrementArqc,
        ..Self::VISA
    };
    pub(super) const MCHIP: Self = Self {
        session_key: SessionKeyMethod::Common,
        style: Style::Mastercard,
        pin_block: PinBlock::Iso2,
        chaining: Chaining::IncrementArqc,
        ..Self::VISA
    };
    pub(super) const INTERAC: Self = Self {
        mac_prefix: MacPrefix::None,
        ..Self::MCHIP
    };
}

/// A purpose of script keys: [`Smi`] or [`Smc`].
pub trait ScriptPurpose: Purpose {}
impl ScriptPurpose for Smi {}
impl ScriptPurpose for Smc {}

/// The request that a script answers: the card's transaction counter and cryptogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    atc: Atc,
    arqc: [u8; 8],
}

impl Request {
    /// From the message's 9F36 and 9F26.
    #[must_use]
    pub const fn new(atc: Atc, arqc: [u8; 8]) -> Self {
        Self { atc, arqc }
    }

    /// The request as it stands for the command `index` of its script, 0 for the first.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a further command if the profile's chaining is not known, or its scripts are not.
    pub fn nth(&self, profile: &Profile, index: u16) -> Result<Self, Error> {
        match (profile.script()?.chaining, index) {
            (_, 0) => Ok(*self),
            (Chaining::IncrementArqc, _) => {
                let arqc = u64::from_be_bytes(self.arqc).wrapping_add(index.into());
                Ok(Self::new(self.atc, arqc.to_be_bytes()))
            }
            (Chaining::Single, _) => Err(Error::Unsupported),
        }
    }

    /// The transaction counter.
    #[must_use]
    pub const fn atc(&self) -> Atc {
        self.atc
    }

    /// The request that was verified.
    #[must_use]
    pub const fn of<A: CardAlgorithm>(verified: &VerifiedArqc<A>) -> Self {
        Self::new(verified.atc(), verified.cryptogram())
    }
}

/// The card's keys for one script.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    /// Session key for MACs.
    pub smi: &'a Key<SessionKey<Smi>, Tdea>,
    /// Session key for encipherment.
    pub smc: &'a Key<SessionKey<Smc>, Tdea>,
    /// The card's master key for cryptograms, which enters the VIS PIN block.
    pub mk_ac: &'a Key<IccMk<Ac>, Tdea>,
}

/// Derives a session key for the script that answers `request`.
///
/// # Errors
/// [`Error::NoKey`], [`Error::InvalidKeyLength`]; `out` is wiped then.
///
/// # Timing
/// Independent of the keys.
///
/// # Source
/// EMV Book 2, Annex A1.3, and the schemes' own methods; vectors: `vectors/emv.txt`, `emv_script_pin_change`.
pub fn session_key<P: ScriptPurpose>(
    profile: &Profile,
    mk: &Key<IccMk<P>, Tdea>,
    request: &Request,
    out: &mut Key<SessionKey<P>, Tdea>,
) -> Result<(), Error> {
    match profile.script()?.session_key {
        SessionKeyMethod::VisaSm => session::visa_sm(mk, request.atc, out),
        SessionKeyMethod::Common => session::common(mk, &request.arqc, out),
        SessionKeyMethod::UnionPay => session::unionpay(mk, request.atc, out),
    }
}

/// Computes the MAC of a command of `header` and `data` (enciphered where the command says so) that answers `request`.
///
/// # Errors
/// [`Error::InvalidLength`] if `out` is not of the profile's length ([`Rules::mac_len`]); [`Error::NoKey`],
/// [`Error::InvalidKeyLength`]. `out` is zero then.
///
/// # Timing
/// Depends on the length of `data`.
///
/// # Source
/// EMV Book 2, 9.2.3 format 2; vectors: `vectors/emv.txt`, `emv_cvn`.
pub fn command_mac(
    profile: &Profile,
    sk: &Key<SessionKey<Smi>, Tdea>,
    request: &Request,
    header: &[u8; HEADER_LEN],
    data: &[u8],
    out: &mut [u8],
) -> Result<(), Error> {
    if out.len() != profile.script()?.mac_len {
        out.fill(0);
        return Err(Error::InvalidLength);
    }
    with_prefix(profile, request, header, data, |parts| mac(sk, parts, out))
}

/// Verifies, as the card, the MAC at the end of a whole command, and gives the data between header and MAC.
///
/// # Errors
/// [`Error::InvalidLength`] if Lc does not tell the length or there is no room for the MAC;
/// [`Error::VerificationFailed`] if the MAC is not the issuer's; [`Error::NoKey`], [`Error::InvalidKeyLength`].
///
/// # Timing
/// Depends on the length of `command`; the comparison is constant time.
pub fn verify_command<'a>(
    profile: &Profile,
    sk: &Key<SessionKey<Smi>, Tdea>,
    request: &Request,
    command: &'a [u8],
) -> Result<&'a [u8], Error> {
    let (header, body) = command.split_first_chunk::<HEADER_LEN>().ok_or(Error::InvalidLength)?;
    let [.., lc] = *header;
    if usize::from(lc) != body.len() {
        return Err(Error::InvalidLength);
    }
    let parted = body.len().checked_sub(profile.script()?.mac_len);
    let (data, tag) = parted
        .and_then(|at| body.split_at_checked(at))
        .ok_or(Error::InvalidLength)?;
    with_prefix(profile, request, header, data, |parts| verify_mac(sk, parts, tag))?;
    Ok(data)
}

/// The parts of a MAC's input.
fn with_prefix(
    profile: &Profile,
    request: &Request,
    header: &[u8; HEADER_LEN],
    data: &[u8],
    run: impl FnOnce(&[&[u8]]) -> Result<(), Error>,
) -> Result<(), Error> {
    match profile.script()?.mac_prefix {
        MacPrefix::None => run(&[header, data]),
        MacPrefix::AtcAndArqc => run(&[header, &request.atc.to_bytes(), &request.arqc, data]),
    }
}

/// Writes a whole PIN CHANGE/UNBLOCK command (84 24) with a new PIN into the first bytes of `out`, and gives its
/// length, at most [`MAX_PIN_CHANGE_LEN`]. The rest of `out` is zero.
///
/// `current`: the PIN that the card has now, for a card that asks for it; P2 is 01 with it and 02 without.
///
/// # Errors
/// [`Error::Unsupported`] for a current PIN where the profile has no form with it; [`Error::InvalidPin`] for an empty
/// PIN; [`Error::BufferTooSmall`]; [`Error::NoKey`], [`Error::InvalidKeyLength`]. `out` is zero then.
///
/// # Timing
/// Depends on the profile and on whether there is a current PIN; not on digits or lengths of PINs.
///
/// # Source
/// EMV Book 3, 6.5.10, and the schemes' PIN blocks; vectors: `vectors/emv.txt`, `emv_cvn`, `emv_script_pin_change`.
#[doc(alias = "PIN UNBLOCK")]
pub fn pin_change(
    profile: &Profile,
    keys: &Keys<'_>,
    request: &Request,
    new: &Pin,
    current: Option<&Pin>,
    out: &mut [u8],
) -> Result<usize, Error> {
    out.fill(0);
    let result = write_pin_change(profile, keys, request, new, current, out);
    if result.is_err() {
        out.zeroize();
    }
    result
}

fn write_pin_change(
    profile: &Profile,
    keys: &Keys<'_>,
    request: &Request,
    new: &Pin,
    current: Option<&Pin>,
    out: &mut [u8],
) -> Result<usize, Error> {
    let rules = profile.script()?;
    let mut clear = Secret::zeroed();
    write_block(rules.pin_block, keys.mk_ac, new, current, &mut clear)?;

    let data_len = rules.style.enciphered_len(BLOCK_LEN).ok_or(Error::Internal)?;
    let lc = data_len.checked_add(rules.mac_len).ok_or(Error::Internal)?;
    let (to_header, rest) = out.split_first_chunk_mut().ok_or(Error::BufferTooSmall)?;
    let body = rest.get_mut(..lc).ok_or(Error::BufferTooSmall)?;
    let (data, tag) = body.split_at_mut_checked(data_len).ok_or(Error::Internal)?;
    let header = pin_change_header(current, lc)?;
    encipher(keys.smc, rules.style, clear.expose(), data)?;
    command_mac(profile, keys.smi, request, &header, data, tag)?;
    ct::public(tag);
    *to_header = header;
    HEADER_LEN.checked_add(lc).ok_or(Error::Internal)
}

/// Reads, as the card, the new PIN from a PIN CHANGE/UNBLOCK command. `current`: the PIN that the card has, for a
/// command with P2 = 01.
///
/// `new` is empty on error.
///
/// # Errors
/// [`Error::InvalidArgument`] for another command; [`Error::InvalidLength`] for another length;
/// [`Error::VerificationFailed`] if the MAC is not the issuer's or there is no PIN in the block;
/// [`Error::Unsupported`], [`Error::InvalidPin`], [`Error::NoKey`], [`Error::InvalidKeyLength`] as [`pin_change`].
///
/// # Timing
/// The verdict shows; not what was wrong in the block, nor digits or lengths of PINs.
pub fn receive_pin_change(
    profile: &Profile,
    keys: &Keys<'_>,
    request: &Request,
    command: &[u8],
    current: Option<&Pin>,
    new: &mut Pin,
) -> Result<(), Error> {
    new.zeroize();
    let (header, body) = command.split_first_chunk::<HEADER_LEN>().ok_or(Error::InvalidLength)?;
    if *header != pin_change_header(current, body.len())? {
        return Err(Error::InvalidArgument);
    }
    let rules = profile.script()?;
    let data = verify_command(profile, keys.smi, request, command)?;
    let mut clear = Secret::<BLOCK_LEN>::zeroed();
    messaging::open(keys.smc, rules.style, data, clear.expose_mut())?;
    let format = with_current(rules.pin_block, current)?;
    if format == Format::Iso0 {
        mix(keys.mk_ac, current, &mut clear)?;
    }
    block::read_clear(format, &mut clear, new)
}

fn pin_change_header(current: Option<&Pin>, lc: usize) -> Result<[u8; HEADER_LEN], Error> {
    let p2 = if current.is_some() { 0x01 } else { 0x02 };
    let lc = u8::try_from(lc).map_err(|_| Error::InvalidLength)?;
    Ok([0x84, 0x24, 0x00, p2, lc])
}

/// The clear PIN block of PIN CHANGE/UNBLOCK, for vectors.
///
/// # Errors
/// [`Error::Unsupported`], [`Error::InvalidPin`], [`Error::NoKey`], [`Error::InvalidKeyLength`] as [`pin_change`];
/// `out` is zero then.
///
/// # Source
/// Vectors: `vectors/emv.txt`, `emv_vis_pin_block`.
#[cfg(feature = "hazmat")]
pub fn pin_block(
    form: PinBlock,
    mk_ac: &Key<IccMk<Ac>, Tdea>,
    new: &Pin,
    current: Option<&Pin>,
    out: &mut [u8; BLOCK_LEN],
) -> Result<(), Error> {
    out.fill(0);
    let mut clear = Secret::zeroed();
    write_block(form, mk_ac, new, current, &mut clear)?;
    *out = *clear.expose();
    Ok(())
}

fn write_block(
    form: PinBlock,
    mk_ac: &Key<IccMk<Ac>, Tdea>,
    new: &Pin,
    current: Option<&Pin>,
    out: &mut Secret<BLOCK_LEN>,
) -> Result<(), Error> {
    let format = with_current(form, current)?;
    block::write_clear(format, new, out)?;
    if format == Format::Iso0 {
        mix(mk_ac, current, out)?;
    }
    Ok(())
}

/// Judges, before a PIN is touched, whether the profile has a command with or without the current PIN, and gives the
/// command's length and whether the card's master key for cryptograms enters.
pub(crate) fn pin_change_form(profile: &Profile, current: bool) -> Result<(usize, bool), Error> {
    let rules = profile.script()?;
    let mixed = match (rules.pin_block, current) {
        (PinBlock::Iso2 | PinBlock::Iso2OrVis, false) => false,
        (PinBlock::Vis, _) | (PinBlock::Iso2OrVis, true) => true,
        (PinBlock::Iso2, true) => return Err(Error::Unsupported),
    };
    let data_len = rules.style.enciphered_len(BLOCK_LEN).ok_or(Error::Internal)?;
    let len = HEADER_LEN
        .checked_add(data_len)
        .and_then(|len| len.checked_add(rules.mac_len));
    Ok((len.ok_or(Error::Internal)?, mixed))
}

/// The format of the block's PIN field: VIS is format 0 with another mask.
const fn with_current(form: PinBlock, current: Option<&Pin>) -> Result<Format, Error> {
    match (form, current) {
        (PinBlock::Iso2 | PinBlock::Iso2OrVis, None) => Ok(Format::Iso2),
        (PinBlock::Vis, _) | (PinBlock::Iso2OrVis, Some(_)) => Ok(Format::Iso0),
        (PinBlock::Iso2, Some(_)) => Err(Error::Unsupported),
    }
}

/// Mixes a VIS block with bytes 4 to 7 of the master key, and with the current PIN: its digits from the left, then
/// zeros. Its own inverse.
fn mix(mk_ac: &Key<IccMk<Ac>, Tdea>, current: Option<&Pin>, block: &mut Secret<BLOCK_LEN>) -> Result<(), Error> {
    let material = mk_ac.material()?;
    if material.len() != KEY_LEN {
        return Err(Error::InvalidKeyLength);
    }
    for (to, from) in block.expose_mut().iter_mut().zip(material).skip(4) {
        *to ^= from;
    }
    if let Some(current) = current {
        current.ready()?;
        let (_, digits) = current.parts();
        let (pairs, _) = digits.as_chunks::<2>();
        for (to, [high, low]) in block.expose_mut().iter_mut().zip(pairs) {
            *to ^= high << 4 | low;
        }
    }
    Ok(())
}
