// SPDX-License-Identifier: MIT OR Apache-2.0
//! The context: memory of the caller, and what the device gives to it.

use core::ffi::c_void;
use core::mem::{align_of, size_of};
use core::ptr;
use core::slice;
use core::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroize;

use crate::capi::memory::{self, Place, burn_stack};
use crate::capi::status::{PAYHSM_ABI_VERSION, PAYHSM_OK, Status, status};
use crate::entropy::Entropy;
use crate::error::Error;
use crate::hsm::{Config, Group, Hsm, PinLimits, Platform, Question, RateLimit, Slot, State};
use crate::key::Key;
use crate::key::usage::ModeOfUse;
use crate::policy::{Permission, Policy};
use crate::store::Storage;

/// Bytes of a context without slots and groups, on every target; see `PAYHSM_CTX_SIZE`.
pub const PAYHSM_CTX_BASE_SIZE: usize = 4096;
/// Bytes of a slot in a context, on every target.
pub const PAYHSM_SLOT_SIZE: usize = 128;
/// Bytes of a group in a context, on every target.
pub const PAYHSM_GROUP_SIZE: usize = 1344;
/// The alignment that the memory of a context needs.
pub const PAYHSM_CTX_ALIGN: usize = 16;
/// Length of the key that seals stored records, in bytes.
pub const PAYHSM_STORAGE_KEY_LEN: usize = 32;

/// Policy bit: keys with mode of use N do whatever their usage implies.
pub const PAYHSM_POLICY_MODE_N: u32 = 1;
/// Policy bit: PIN translation to a weaker key.
pub const PAYHSM_POLICY_WEAKER_PIN_KEY: u32 = 2;
/// Policy bit: a KBPK longer than AES-128 from P-256.
pub const PAYHSM_POLICY_LONG_KBPK: u32 = 4;
/// Policy bit: a PIN key that both enciphers and deciphers.
pub const PAYHSM_POLICY_PIN_KEY_BOTH_WAYS: u32 = 8;
/// Policy bit: ISO/IEC 9797-1 algorithm 1 with padding 1 or 2, for protocols that fix the length of messages.
pub const PAYHSM_POLICY_CBC_MAC: u32 = 16;
/// Policy bit: three-key TDEA working keys from an AES-128 initial key.
pub const PAYHSM_POLICY_THREE_KEY_FROM_AES128: u32 = 32;
/// Policy bit: data keys of TDEA DUKPT without the one-way step, or under the PIN variant. In libraries built with
/// `legacy`.
pub const PAYHSM_POLICY_LEGACY_DATA_KEY: u32 = 64;
/// Policy bit: one CVK for the values of a track and for the printed one.
pub const PAYHSM_POLICY_SHARED_CVK: u32 = 1 << 11;
/// Policy bit: key blocks of versions A and C under `"K0"` keys, in libraries built with `legacy`.
pub const PAYHSM_POLICY_LEGACY_KEY_BLOCKS: u32 = 1 << 15;
/// Policy bit: keys that a weaker key once protected, as their key block says.
pub const PAYHSM_POLICY_WEAK_PEDIGREE: u32 = 1 << 16;
/// Policy bit: keys of exportability `'S'` leave in key blocks.
pub const PAYHSM_POLICY_EXPORT_SENSITIVE: u32 = 1 << 17;
/// Policy bit: key check values of 2 to 5 bytes are compared; else of 3 and 5.
pub const PAYHSM_POLICY_KEY_CHECK_LENGTHS: u32 = 1 << 18;
/// Policy bit: application cryptograms over bytes that the caller gives, and as he says.
pub const PAYHSM_POLICY_RAW_CRYPTOGRAM: u32 = 1 << 23;
/// Policy bit: explanations of application cryptograms.
pub const PAYHSM_POLICY_EXPLAIN_CRYPTOGRAM: u32 = 1 << 24;
/// Policy bit: working keys enciphered by ECB under a KEK come in.
pub const PAYHSM_POLICY_LEGACY_IMPORT: u32 = 1 << 19;
/// Policy bit: a KBPK is agreed with a peer that proves nothing.
pub const PAYHSM_POLICY_UNAUTHENTICATED_AGREEMENT: u32 = 1 << 20;
/// Policy bit: the profile of UnionPay terminals: its "ECB MAC" under M0 and M1 keys, and the encipherment of track 2.
pub const PAYHSM_POLICY_UNIONPAY: u32 = 1 << 12;
/// Policy bit: ECB under data keys.
pub const PAYHSM_POLICY_ECB_DATA: u32 = 1 << 13;
/// Policy bit: MAC keys of single DES.
pub const PAYHSM_POLICY_SINGLE_DES: u32 = 1 << 14;

/// Policy bit: PIN blocks of format 1, which are bound to no PAN, are made and translated.
pub const PAYHSM_POLICY_PIN_FORMAT_1: u32 = 128;
/// Policy bit: PINs are verified from blocks of format 1.
pub const PAYHSM_POLICY_PIN_VERIFY_FORMAT_1: u32 = 256;
/// Policy bit: new PINs may be one digit throughout or a run.
pub const PAYHSM_POLICY_TRIVIAL_PINS: u32 = 512;
/// Policy bit: PINs that are enciphered for the card in the terminal.
pub const PAYHSM_POLICY_OFFLINE_PIN: u32 = 1 << 27;
/// Policy bit: PINs that go to the card in clear.
pub const PAYHSM_POLICY_PLAINTEXT_OFFLINE_PIN: u32 = 1 << 28;

/// Policy bit: data under the PIN variant of TDEA DUKPT; at a host it deciphers PIN blocks of the same initial keys.
pub const PAYHSM_POLICY_LEGACY_PIN_VARIANT_DATA: u32 = 1 << 29;
/// Policy bit: data are enciphered again under a weaker key.
pub const PAYHSM_POLICY_WEAKER_DATA_KEY: u32 = 1 << 30;

/// State: commands run.
pub const PAYHSM_STATE_OPERATIONAL: u32 = 1;
/// State: a component ceremony is open.
pub const PAYHSM_STATE_LOADING: u32 = 2;
/// State: every key is erased; only a new start helps.
pub const PAYHSM_STATE_TAMPERED: u32 = 3;

/// Question: may a PIN of this card be verified?
pub const PAYHSM_ASK_PIN_VERIFY: u32 = 1;
/// Question: was this DUKPT counter not seen before?
pub const PAYHSM_ASK_DUKPT_COUNTER: u32 = 2;
/// Question: is this ATC new for the card?
pub const PAYHSM_ASK_ATC: u32 = 3;
/// Question: may a component ceremony open for a key of this usage?
pub const PAYHSM_ASK_CEREMONY: u32 = 4;
/// Question: may a PIN block of this card be translated?
pub const PAYHSM_ASK_PIN_TRANSLATE: u32 = 5;
/// Question: may a card verification value of this card be made or verified?
pub const PAYHSM_ASK_CARD_VALUE: u32 = 16;
/// Question: may this card's application cryptogram be explained?
pub const PAYHSM_ASK_CRYPTOGRAM_EXPLAIN: u32 = 30;
/// Question: does this public key belong to the party of that identity? `subject`: the public key, 65 bytes, and behind
/// it the identity.
pub const PAYHSM_ASK_PEER_KEY: u32 = 22;
/// Question: may keys be taken from the owner of this public key, who proves nothing?
pub const PAYHSM_ASK_UNAUTHENTICATED_TAKE: u32 = 23;
/// Question: may keys be given to the owner of this public key, who proves nothing?
pub const PAYHSM_ASK_UNAUTHENTICATED_GIVE: u32 = 24;

/// Question: may a PIN of this card be made, computed or given a PVV or an offset?
pub const PAYHSM_ASK_PIN_ISSUE: u32 = 12;
/// Question: may the PIN of this card be changed, if the old one is right? It counts as a try.
pub const PAYHSM_ASK_PIN_CHANGE: u32 = 13;
/// Question: may this profile be registered: are two people here who may do it?
pub const PAYHSM_ASK_PIN_PROFILE: u32 = 14;

/// Question: may a command of an issuer script be written for this card?
pub const PAYHSM_ASK_SCRIPT: u32 = 31;
/// Question: may a working key of this usage and mode of use come in by ECB?
pub const PAYHSM_ASK_WORKING_KEY: u32 = 25;

/// What the module asks the decision callback.
#[repr(C)]
#[derive(Debug)]
pub struct PayhsmQuestion {
    /// `PAYHSM_ASK_…`.
    pub kind: u32,
    /// The counter or ATC; 0 for a PIN.
    pub counter: u32,
    /// The PAN's digits, values 0 to 9; the initial key identifier; the usage of the key of a ceremony, two characters, of a
    /// working key with its mode of use behind; a
    /// public key, `04 || X || Y`; or a PIN profile: 16 digits of the table, then the six numbers of
    /// `payhsm_pin_profile_t`. Valid during the call only.
    pub subject: *const u8,
    /// Its length.
    pub subject_len: usize,
    /// Of questions about a card the 11 digits left of the PAN's check digit, values 0 to 9: what every computation takes
    /// in. Count tries and remember counters by these, not by the PAN, which is what the caller says. Otherwise zero.
    pub account: [u8; 11],
}

/// Fills `out` with `len` random bytes that nobody can predict; 0 if it could.
pub type PayhsmEntropyFn = Option<unsafe extern "C" fn(user: *mut c_void, out: *mut u8, len: usize) -> Status>;
/// Reads record `id` into `out` of `capacity` bytes and sets `*len`, 0 if there is no such record; returns 0 if it
/// could.
pub type PayhsmStorageLoadFn =
    Option<unsafe extern "C" fn(user: *mut c_void, id: u32, out: *mut u8, capacity: usize, len: *mut usize) -> Status>;
/// Writes record `id` whole, in place of what it was; returns 0 only when it would survive a loss of power.
pub type PayhsmStorageSaveFn =
    Option<unsafe extern "C" fn(user: *mut c_void, id: u32, data: *const u8, len: usize) -> Status>;
/// Removes record `id`, so that its bytes cannot be read again; returns 0 also if there is none.
pub type PayhsmStorageEraseFn = Option<unsafe extern "C" fn(user: *mut c_void, id: u32) -> Status>;
/// Decides; 0 lets the command go on. `PAYHSM_ERR_RATE_LIMITED`, and `PAYHSM_ERR_COUNTER_REPLAYED` on a DUKPT counter, are
/// passed on to the caller; anything else refuses with `PAYHSM_ERR_REFUSED`.
pub type PayhsmDecideFn = Option<unsafe extern "C" fn(user: *mut c_void, question: *const PayhsmQuestion) -> Status>;

/// Writes the milliseconds of a clock that runs while the device is on and is never set back; 0 if it could.
pub type PayhsmTickFn = Option<unsafe extern "C" fn(user: *mut c_void, milliseconds: *mut u64) -> Status>;

/// How often something may happen. A field of 0 stands for its default.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmRate {
    /// How many may follow each other without a pause; `PAYHSM_RATE_UNLIMITED`: no limit at all.
    pub burst: u32,
    /// Milliseconds until there may be one more. A start brings one.
    pub interval_ms: u32,
    /// How many between two starts if there is no clock.
    pub per_start: u32,
}

/// No limit: `burst` of `payhsm_rate_t`.
pub const PAYHSM_RATE_UNLIMITED: u32 = 0xFFFF_FFFF;

impl PayhsmRate {
    const fn limit(self, default: RateLimit) -> RateLimit {
        const fn or(value: u32, default: u32) -> u32 {
            if value == 0 { default } else { value }
        }
        if self.burst == PAYHSM_RATE_UNLIMITED {
            return RateLimit::NONE;
        }
        RateLimit {
            burst: or(self.burst, default.burst),
            interval: or(self.interval_ms, default.interval),
            per_start: or(self.per_start, default.per_start),
        }
    }
}

/// What the device gives, and how the module is set up. Set it to zero, then the fields.
///
/// Callbacks run inside calls of the library, on its stack. They must not call the library with the same context.
#[repr(C)]
#[derive(Debug)]
pub struct PayhsmConfig {
    /// `sizeof(payhsm_config_t)`.
    pub size: u32,
    /// `PAYHSM_ABI_VERSION`.
    pub abi_version: u32,
    /// Key slots, 1 to 256.
    pub slots: u32,
    /// DUKPT groups, 0 to 256.
    pub groups: u32,
    /// `PAYHSM_POLICY_…` bits.
    pub policy: u32,
    /// Minutes after which a component ceremony that is still open is over, at most 65535; 0: 15. Without `tick` it lasts
    /// until it ends by itself or is aborted.
    pub ceremony_minutes: u32,
    /// 32 bytes that seal stored records, unique to the device; copied. `NULL`: nothing is stored, and no DUKPT
    /// initial key can be loaded.
    pub storage_key: *const u8,
    /// Given to every callback.
    pub user: *mut c_void,
    /// Random bytes; must not be `NULL`.
    pub entropy: PayhsmEntropyFn,
    /// Storage; all three or none.
    pub storage_load: PayhsmStorageLoadFn,
    /// Storage.
    pub storage_save: PayhsmStorageSaveFn,
    /// Storage.
    pub storage_erase: PayhsmStorageEraseFn,
    /// Decisions; `NULL` refuses all of them.
    pub decide: PayhsmDecideFn,
    /// The clock; `NULL` without one: limits over time then count what happens since the start.
    pub tick: PayhsmTickFn,
    /// PINs that are enciphered at this terminal. Default: 10 at once, one in 30 seconds on average, 120 without a clock.
    pub pin_entry: PayhsmRate,
    /// PIN commands of a host, of all cards together. Default: no limit; the decision callback is asked each time.
    pub pin_host: PayhsmRate,
}

/// The state of a context.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmState {
    /// `PAYHSM_STATE_…`.
    pub state: u32,
    /// Slots in all.
    pub slots: u32,
    /// Slots with a key.
    pub slots_used: u32,
    /// Groups in all.
    pub groups: u32,
    /// Groups in use.
    pub groups_used: u32,
}

/// The callbacks as a platform.
#[derive(Debug)]
pub(super) struct Callbacks {
    user: *mut c_void,
    entropy: PayhsmEntropyFn,
    load: PayhsmStorageLoadFn,
    save: PayhsmStorageSaveFn,
    erase: PayhsmStorageEraseFn,
    decide: PayhsmDecideFn,
    tick: PayhsmTickFn,
}

impl Entropy for Callbacks {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let Some(entropy) = self.entropy else {
            return Err(Error::Entropy);
        };
        // SAFETY: the contract of `payhsm_config_t`: the callback writes at most `len` bytes of `out`.
        match unsafe { entropy(self.user, out.as_mut_ptr(), out.len()) } {
            PAYHSM_OK => Ok(()),
            _ => {
                out.zeroize();
                Err(Error::Entropy)
            }
        }
    }
}

impl Storage for Callbacks {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        let Some(load) = self.load else {
            return Ok(0);
        };
        let mut len = 0;
        // SAFETY: the contract of `payhsm_config_t`: the callback writes at most `capacity` bytes of `out`, and `len`.
        match unsafe { load(self.user, id.into(), out.as_mut_ptr(), out.len(), &raw mut len) } {
            PAYHSM_OK if len <= out.len() => Ok(len),
            _ => Err(Error::Storage),
        }
    }

    fn save(&mut self, id: u16, data: &[u8]) -> Result<(), Error> {
        let Some(save) = self.save else {
            return Err(Error::Storage);
        };
        // SAFETY: the contract of `payhsm_config_t`: the callback reads `len` bytes of `data`.
        match unsafe { save(self.user, id.into(), data.as_ptr(), data.len()) } {
            PAYHSM_OK => Ok(()),
            _ => Err(Error::Storage),
        }
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        let Some(erase) = self.erase else {
            return Err(Error::Storage);
        };
        // SAFETY: the contract of `payhsm_config_t`.
        match unsafe { erase(self.user, id.into()) } {
            PAYHSM_OK => Ok(()),
            _ => Err(Error::Storage),
        }
    }
}

impl Platform for Callbacks {
    fn decide(&mut self, question: &Question<'_>) -> Result<(), Error> {
        let Some(decide) = self.decide else {
            return Err(Error::Refused);
        };
        let usage;
        #[cfg(feature = "legacy")]
        let working;
        // A public key of 65 bytes and an identity of 32.
        let mut party = [0; 97];
        #[cfg(feature = "host")]
        let mut parameters = [0; 22];
        let (kind, counter, subject): (_, _, &[u8]) = match question {
            Question::Ceremony { attributes } => {
                usage = attributes.usage.to_chars();
                (PAYHSM_ASK_CEREMONY, 0, &usage)
            }
            Question::PeerKey { identity, public } => {
                for (to, from) in party.iter_mut().zip(public.iter().chain(*identity)) {
                    *to = *from;
                }
                let len = public.len().wrapping_add(identity.len());
                (PAYHSM_ASK_PEER_KEY, 0, party.get(..len).unwrap_or(&[]))
            }
            Question::UnauthenticatedPeer { public, mode } => {
                let gives = *mode != ModeOfUse::Decrypt;
                let kind = if gives {
                    PAYHSM_ASK_UNAUTHENTICATED_GIVE
                } else {
                    PAYHSM_ASK_UNAUTHENTICATED_TAKE
                };
                (kind, 0, *public)
            }
            Question::PinTranslate { pan } => (PAYHSM_ASK_PIN_TRANSLATE, 0, pan.digits()),
            Question::PinVerify { pan } => (PAYHSM_ASK_PIN_VERIFY, 0, pan.digits()),
            Question::CardValue { pan } => (PAYHSM_ASK_CARD_VALUE, 0, pan.digits()),
            Question::PinIssue { pan } => (PAYHSM_ASK_PIN_ISSUE, 0, pan.digits()),
            Question::PinChange { pan } => (PAYHSM_ASK_PIN_CHANGE, 0, pan.digits()),
            #[cfg(feature = "host")]
            Question::PinProfile { profile } => {
                let numbers = profile.numbers();
                let bytes = profile.table().digits().iter().chain(&numbers).copied();
                for (to, from) in parameters.iter_mut().zip(bytes) {
                    *to = from;
                }
                (PAYHSM_ASK_PIN_PROFILE, 0, &parameters)
            }
            Question::DukptCounter { identity, counter } => (PAYHSM_ASK_DUKPT_COUNTER, *counter, identity),
            Question::Atc { pan, atc } => (PAYHSM_ASK_ATC, u32::from(*atc), pan.digits()),
            Question::Script { pan, atc } => (PAYHSM_ASK_SCRIPT, u32::from(*atc), pan.digits()),
            #[cfg(feature = "legacy")]
            Question::WorkingKey { attributes } => {
                let [a, b] = attributes.usage.to_chars();
                working = [a, b, attributes.mode.to_char()];
                (PAYHSM_ASK_WORKING_KEY, 0, &working)
            }
            Question::CryptogramExplain { pan, atc } => (PAYHSM_ASK_CRYPTOGRAM_EXPLAIN, u32::from(*atc), pan.digits()),
        };
        let account = question.account().unwrap_or_default();
        let question = PayhsmQuestion {
            account,
            kind,
            counter,
            subject: subject.as_ptr(),
            subject_len: subject.len(),
        };
        // SAFETY: the contract of `payhsm_config_t`: the callback reads the question during the call only.
        match unsafe { decide(self.user, &raw const question) } {
            PAYHSM_OK => Ok(()),
            // The two answers that a caller wants to tell apart.
            code if code == Error::CounterReplayed.code() && kind == PAYHSM_ASK_DUKPT_COUNTER => {
                Err(Error::CounterReplayed)
            }
            code if code == Error::RateLimited.code() => Err(Error::RateLimited),
            _ => Err(Error::Refused),
        }
    }

    fn tick(&mut self) -> Option<u64> {
        let mut milliseconds = 0;
        // SAFETY: the contract of `payhsm_config_t`: the callback writes the number.
        match unsafe { (self.tick?)(self.user, &raw mut milliseconds) } {
            PAYHSM_OK => Some(milliseconds),
            _ => None,
        }
    }
}

pub(super) type Module = Hsm<'static, Callbacks>;

/// Marks a live context; its complement stands at the other end of the header.
const MAGIC: u32 = 0x5048_534D;

/// A context. Its memory is the caller's, its content is the library's.
#[derive(Debug)]
pub struct PayhsmCtx {
    magic: u32,
    /// A call is running: a callback must not come in again.
    busy: bool,
    /// A tamper event came while a call was running.
    tampered: AtomicBool,
    /// Bytes of the context with its tables.
    len: usize,
    module: Module,
    mirror: u32,
}

// What `PAYHSM_CTX_SIZE` promises. The tables begin aligned: every size is a multiple of the alignment.
const _: () = assert!(size_of::<PayhsmCtx>() <= PAYHSM_CTX_BASE_SIZE);
const _: () = assert!(size_of::<Slot>() <= PAYHSM_SLOT_SIZE);
const _: () = assert!(size_of::<Group>() <= PAYHSM_GROUP_SIZE);
const _: () = assert!(align_of::<PayhsmCtx>() <= PAYHSM_CTX_ALIGN);
const _: () = assert!(align_of::<Slot>() <= PAYHSM_CTX_ALIGN && align_of::<Group>() <= PAYHSM_CTX_ALIGN);
const _: () = assert!((PAYHSM_CTX_BASE_SIZE | PAYHSM_SLOT_SIZE | PAYHSM_GROUP_SIZE) & (PAYHSM_CTX_ALIGN - 1) == 0);
// The bits of the C header are the permissions of Rust.
const _: () = assert!(PAYHSM_POLICY_MODE_N == Permission::ModeN as u32);
const _: () = assert!(PAYHSM_POLICY_WEAKER_PIN_KEY == Permission::WeakerPinKey as u32);
const _: () = assert!(PAYHSM_POLICY_LONG_KBPK == Permission::LongKbpk as u32);
const _: () = assert!(PAYHSM_POLICY_PIN_KEY_BOTH_WAYS == Permission::PinKeyBothWays as u32);
const _: () = assert!(PAYHSM_POLICY_CBC_MAC == Permission::CbcMac as u32);
const _: () = assert!(PAYHSM_POLICY_THREE_KEY_FROM_AES128 == Permission::ThreeKeyFromAes128 as u32);
const _: () = assert!(PAYHSM_POLICY_LEGACY_DATA_KEY == Permission::LegacyDataKey as u32);
const _: () = assert!(PAYHSM_POLICY_SHARED_CVK == Permission::SharedCvk as u32);
const _: () = assert!(PAYHSM_POLICY_LEGACY_KEY_BLOCKS == Permission::LegacyKeyBlocks as u32);
const _: () = assert!(PAYHSM_POLICY_WEAK_PEDIGREE == Permission::WeakPedigree as u32);
const _: () = assert!(PAYHSM_POLICY_EXPORT_SENSITIVE == Permission::ExportSensitive as u32);
const _: () = assert!(PAYHSM_POLICY_KEY_CHECK_LENGTHS == Permission::KeyCheckLengths as u32);
const _: () = assert!(PAYHSM_POLICY_RAW_CRYPTOGRAM == Permission::RawCryptogram as u32);
const _: () = assert!(PAYHSM_POLICY_EXPLAIN_CRYPTOGRAM == Permission::ExplainCryptogram as u32);
const _: () = assert!(PAYHSM_POLICY_LEGACY_IMPORT == Permission::LegacyImport as u32);
const _: () = assert!(PAYHSM_POLICY_UNAUTHENTICATED_AGREEMENT == Permission::UnauthenticatedAgreement as u32);
const _: () = assert!(PAYHSM_POLICY_PIN_FORMAT_1 == Permission::PinFormat1 as u32);
const _: () = assert!(PAYHSM_POLICY_PIN_VERIFY_FORMAT_1 == Permission::PinVerifyFormat1 as u32);
const _: () = assert!(PAYHSM_POLICY_TRIVIAL_PINS == Permission::TrivialPins as u32);
const _: () = assert!(PAYHSM_POLICY_UNIONPAY == Permission::UnionPay as u32);
const _: () = assert!(PAYHSM_POLICY_ECB_DATA == Permission::EcbData as u32);
const _: () = assert!(PAYHSM_POLICY_SINGLE_DES == Permission::SingleDes as u32);
const _: () = assert!(PAYHSM_POLICY_LEGACY_PIN_VARIANT_DATA == Permission::LegacyPinVariantData as u32);
const _: () = assert!(PAYHSM_POLICY_WEAKER_DATA_KEY == Permission::WeakerDataKey as u32);
const _: () = assert!(PAYHSM_POLICY_OFFLINE_PIN == Permission::OfflinePin as u32);
const _: () = assert!(PAYHSM_POLICY_PLAINTEXT_OFFLINE_PIN == Permission::PlaintextOfflinePin as u32);

/// Runs one command on a context: judges the pointer and where the parameters lie, keeps callbacks out, overwrites the
/// stack afterwards.
///
/// `outputs` and `inputs` are everything that `command` reaches through pointers: what C3 says of them is certain when it
/// begins.
///
/// # Safety
/// `ctx` is `NULL` or came from [`payhsm_init`] and was not closed; C2 for the context.
pub(super) unsafe fn run(
    ctx: *mut PayhsmCtx,
    outputs: &[Place],
    inputs: &[Place],
    command: impl FnOnce(&mut Module) -> Result<(), Error>,
) -> Status {
    // SAFETY: the caller's.
    let result = unsafe { enter(ctx, outputs, inputs, command) };
    burn_stack();
    status(result)
}

/// # Safety
/// As [`run`].
#[inline(never)]
unsafe fn enter(
    ctx: *mut PayhsmCtx,
    outputs: &[Place],
    inputs: &[Place],
    command: impl FnOnce(&mut Module) -> Result<(), Error>,
) -> Result<(), Error> {
    if ctx.is_null() {
        return Err(Error::NullPointer);
    }
    if !ctx.is_aligned() {
        return Err(Error::Misaligned);
    }
    // SAFETY: not null, aligned; memory of a context by the caller's contract. Fields are reached one by one: while a
    // callback of a running call is here, the module is borrowed by that call.
    unsafe {
        if (*ctx).magic != MAGIC || (*ctx).mirror != !MAGIC {
            return Err(Error::BadState);
        }
        if (*ctx).busy {
            return Err(Error::BadState);
        }
        memory::disjoint(outputs, inputs)?;
        let context = Place::bytes(ctx.cast_const().cast(), (*ctx).len);
        memory::disjoint(&[context], outputs)?;
        memory::disjoint(&[context], inputs)?;
        (*ctx).busy = true;
        (*ctx).module.expire();
        let result = command(&mut (*ctx).module);
        if (*ctx).tampered.load(Ordering::Acquire) {
            (*ctx).module.tamper();
        }
        (*ctx).busy = false;
        result
    }
}

/// Starts a module in the caller's memory.
///
/// Parameters:
/// - `memory`: at least `PAYHSM_CTX_SIZE(slots, groups)` bytes, aligned to `PAYHSM_CTX_ALIGN`; it stays the module's
///   until `payhsm_close`.
/// - `config`: read during the call only.
/// - `ctx`: receives the context; `NULL` on error.
///
/// DUKPT groups that the storage holds are taken up: find them with `payhsm_dukpt_find`. If a stored record is damaged
/// the module starts tampered, which `payhsm_state` tells.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_INVALID_LENGTH` (memory too
/// short), `PAYHSM_ERR_INVALID_ARGUMENT` (slots, groups, policy, minutes, or some storage callbacks only),
/// `PAYHSM_ERR_ABI_MISMATCH` (version or size), `PAYHSM_ERR_OVERLAP`, `PAYHSM_ERR_ENTROPY`.
///
/// # Safety
/// C1 to C3 for every pointer; the callbacks keep the contract of `payhsm_config_t`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_init(
    memory: *mut c_void,
    memory_len: usize,
    config: *const PayhsmConfig,
    ctx: *mut *mut PayhsmCtx,
) -> Status {
    // SAFETY: the caller's.
    let result = unsafe { init(memory.cast(), memory_len, config, ctx) };
    burn_stack();
    status(result)
}

/// The size that a caller built against this header gives.
#[expect(clippy::cast_possible_truncation, reason = "about a hundred")]
const CONFIG_SIZE: u32 = size_of::<PayhsmConfig>() as u32;

/// # Safety
/// As [`payhsm_init`].
#[inline(never)]
unsafe fn init(
    memory: *mut u8,
    memory_len: usize,
    config: *const PayhsmConfig,
    ctx: *mut *mut PayhsmCtx,
) -> Result<(), Error> {
    // A caller built against another header may have a shorter structure: its first two fields alone are read first.
    // SAFETY: C1 and C2 for the two numbers at the head of `config`.
    let head = unsafe { memory::value(config.cast::<[u32; 2]>()) }.copied();
    let known = head == Ok([CONFIG_SIZE, PAYHSM_ABI_VERSION]) && config.is_aligned();
    let (mut config_place, mut storage_key_place) = (Place::of(config.cast::<[u32; 2]>()), Place::NONE);
    if known {
        config_place = Place::of(config);
        // SAFETY: not null, aligned, readable by C1.
        storage_key_place = Place::bytes(unsafe { (*config).storage_key }, PAYHSM_STORAGE_KEY_LEN);
    }
    memory::disjoint(
        &[Place::of(ctx), Place::bytes(memory, memory_len)],
        &[config_place, storage_key_place],
    )?;
    // SAFETY: C1 and C2 for `ctx`; C3 was judged.
    let ctx = unsafe { memory::place(ctx, ptr::null_mut()) }?;
    let [size, abi_version] = head?;
    if abi_version != PAYHSM_ABI_VERSION || size != CONFIG_SIZE {
        return Err(Error::AbiMismatch);
    }
    // SAFETY: C1 and C2 for `config`.
    let config = unsafe { memory::value(config) }?;
    let storage = [
        config.storage_load.is_some(),
        config.storage_save.is_some(),
        config.storage_erase.is_some(),
    ];
    let (slots, groups) = (config.slots as usize, config.groups as usize);
    if !(1..=256).contains(&slots) || groups > 256 || !storage.iter().all(|&s| s == config.storage_load.is_some()) {
        return Err(Error::InvalidArgument);
    }
    let policy = Policy::from_bits(config.policy)?;
    if memory.is_null() {
        return Err(Error::NullPointer);
    }
    if memory.addr() & (PAYHSM_CTX_ALIGN - 1) != 0 {
        return Err(Error::Misaligned);
    }
    // At most 256 of each: far from overflow on 32 bits.
    let needed = PAYHSM_CTX_BASE_SIZE
        .wrapping_add(slots.wrapping_mul(PAYHSM_SLOT_SIZE))
        .wrapping_add(groups.wrapping_mul(PAYHSM_GROUP_SIZE));
    if memory_len < needed {
        return Err(Error::InvalidLength);
    }
    let mut storage_key = None;
    if !config.storage_key.is_null() {
        // SAFETY: C1 and C2 for 32 bytes.
        let bytes = unsafe { memory::input(config.storage_key, PAYHSM_STORAGE_KEY_LEN) }?;
        storage_key.insert(Key::empty()).set(bytes)?;
    }
    let platform = Callbacks {
        user: config.user,
        entropy: config.entropy,
        load: config.storage_load,
        save: config.storage_save,
        erase: config.storage_erase,
        decide: config.decide,
        tick: config.tick,
    };
    // SAFETY: the base is aligned and large enough for the context and, behind it, the tables: `needed` bytes, by the
    // assertions above. The tables do not overlap. `'static` ends with `payhsm_close`, which drops the module first.
    let (slots, groups) = unsafe {
        let table = memory.add(PAYHSM_CTX_BASE_SIZE);
        let slot_table = table.cast::<Slot>();
        let group_table = table.add(slots.wrapping_mul(PAYHSM_SLOT_SIZE)).cast::<Group>();
        for i in 0..slots {
            slot_table.add(i).write(Slot::EMPTY);
        }
        for i in 0..groups {
            group_table.add(i).write(Group::EMPTY);
        }
        (
            slice::from_raw_parts_mut(slot_table, slots),
            slice::from_raw_parts_mut(group_table, groups),
        )
    };
    let ceremony_minutes = u16::try_from(config.ceremony_minutes).map_err(|_| Error::InvalidArgument)?;
    let module = Hsm::new(
        platform,
        slots,
        groups,
        Config {
            policy,
            storage_key: storage_key.as_ref(),
            pin_limits: PinLimits {
                entry: config.pin_entry.limit(RateLimit::PIN_ENTRY),
                host: config.pin_host.limit(RateLimit::NONE),
            },
            ceremony_minutes,
        },
    )?;
    let context = memory.cast::<PayhsmCtx>();
    // SAFETY: aligned and large enough; see above.
    unsafe {
        context.write(PayhsmCtx {
            magic: MAGIC,
            busy: false,
            tampered: AtomicBool::new(false),
            len: needed,
            module,
            mirror: !MAGIC,
        });
    }
    *ctx = context;
    Ok(())
}

/// Erases every key and ends the context. Its memory is the caller's again; stored records stay.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE` (not a live
/// context, or called from a callback).
///
/// # Safety
/// `ctx` is `NULL` or came from `payhsm_init` and was not closed; C2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_close(ctx: *mut PayhsmCtx) -> Status {
    // SAFETY: the caller's. The module is dropped in place, once: the marks are gone then.
    unsafe {
        let result = enter(ctx, &[], &[], |_| Ok(()));
        if result.is_ok() {
            (*ctx).magic = 0;
            (*ctx).mirror = 0;
            ptr::drop_in_place(&raw mut (*ctx).module);
        }
        status(result)
    }
}

/// Tells the state of a context.
///
/// Parameters: `state`: receives it; zero on error.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE`.
///
/// # Safety
/// As `payhsm_close`; C1 to C3 for `state`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_state(ctx: *mut PayhsmCtx, state: *mut PayhsmState) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::of(state)], &[], |module| {
            let out = memory::place(state, PayhsmState::default())?;
            let now = module.status();
            *out = PayhsmState {
                state: match now.state {
                    State::Operational => PAYHSM_STATE_OPERATIONAL,
                    State::Loading => PAYHSM_STATE_LOADING,
                    State::Tampered => PAYHSM_STATE_TAMPERED,
                },
                slots: count(now.slots.0),
                slots_used: count(now.slots.1),
                groups: count(now.groups.0),
                groups_used: count(now.groups.1),
            };
            Ok(())
        })
    }
}

/// At most 256.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A tamper event: erases every key; all commands but `payhsm_state` and `payhsm_close` are refused from now on.
///
/// May be called from an interrupt or a callback while a call on the same context runs: the keys are erased when that
/// call ends, and the answer is `PAYHSM_ERR_BAD_STATE`. Otherwise they are erased before it returns. It is not
/// remembered over a restart: the device's tamper circuit is.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE` (not a live
/// context, or a call is running).
///
/// # Safety
/// As `payhsm_close`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_tamper(ctx: *mut PayhsmCtx) -> Status {
    // SAFETY: the caller's. The mark lies outside the module, which a running call has borrowed.
    unsafe {
        if !ctx.is_null() && ctx.is_aligned() && (*ctx).magic == MAGIC && (*ctx).mirror == !MAGIC {
            (*ctx).tampered.store(true, Ordering::Release);
        }
        run(ctx, &[], &[], |_| Ok(()))
    }
}

/// Random bytes from the entropy callback.
///
/// Parameters: `out`, `out_len`: filled whole.
///
/// Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE`,
/// `PAYHSM_ERR_TAMPERED`, `PAYHSM_ERR_ENTROPY`.
///
/// # Safety
/// As `payhsm_close`; C1 to C3 for `out`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn payhsm_random(ctx: *mut PayhsmCtx, out: *mut u8, out_len: usize) -> Status {
    // SAFETY: the caller's.
    unsafe {
        run(ctx, &[Place::bytes(out, out_len)], &[], |module| {
            module.random(memory::output(out, out_len)?)
        })
    }
}
