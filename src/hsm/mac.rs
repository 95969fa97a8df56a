// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands that make and check MACs.

use core::hint::black_box;

use crate::cipher::{aes::Aes, tdes::Tdes};
use crate::error::Error;
use crate::hsm::denial::ROUNDS;
use crate::hsm::event::{LogEvent, Note};
use crate::hsm::slot::Choices;
use crate::hsm::{Command, Hsm, KeyHandle, KeyRef, Platform};
use crate::key::usage::KeyAlgorithm;
use crate::mac::cmac::{CmacAes, CmacTdes};
use crate::mac::hmac::{HmacSha256, HmacSha384, HmacSha512};
use crate::mac::iso9797::{CbcMac, Padding, RetailMac};
use crate::mac::unionpay::UnionPayMac;
use crate::mac::{Conclude, Mac};
use crate::policy::{MacAlgorithm, Operation, Permission};
use crate::weaken::guard;

/// Whether a MAC is made or checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacPurpose {
    /// Made.
    Generate,
    /// Checked.
    Verify,
}

/// How a MAC is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacMethod {
    /// The algorithm; a key in a slot allows the one of its usage only.
    pub algorithm: MacAlgorithm,
    /// The padding of ISO/IEC 9797-1; algorithms 1 and 3 alone take notice of it.
    pub padding: Padding,
}

impl MacMethod {
    /// ANSI X9.19: algorithm 3, padding method 1.
    pub const X9_19: Self = Self {
        algorithm: MacAlgorithm::Iso9797Alg3,
        padding: Padding::Method1,
    };
    /// ANSI X9.9: algorithm 1 under single DES, padding method 1. Keys of single DES and algorithm 1 with this padding need
    /// a permission each.
    pub const X9_9: Self = Self {
        algorithm: MacAlgorithm::Iso9797Alg1,
        padding: Padding::Method1,
    };
    /// AS 2805.4.1: algorithm 3, padding method 1, of which the standard takes 4 bytes.
    pub const AS_2805_4_1: Self = Self::X9_19;
    /// CMAC.
    pub const CMAC: Self = Self::without_padding(MacAlgorithm::Cmac);
    /// HMAC with SHA-256.
    pub const HMAC_SHA_256: Self = Self::without_padding(MacAlgorithm::HmacSha256);
    /// HMAC with SHA-384.
    pub const HMAC_SHA_384: Self = Self::without_padding(MacAlgorithm::HmacSha384);
    /// HMAC with SHA-512.
    pub const HMAC_SHA_512: Self = Self::without_padding(MacAlgorithm::HmacSha512);
    /// The "ECB MAC" of UnionPay terminals.
    pub const UNIONPAY: Self = Self::without_padding(MacAlgorithm::UnionPay);

    const fn without_padding(algorithm: MacAlgorithm) -> Self {
        Self {
            algorithm,
            padding: Padding::Method1,
        }
    }
}

/// Bytes that fill the room of an engine, whichever it is.
const IDLE_LEN: usize = {
    let sizes = [
        size_of::<CbcMac<Tdes>>(),
        size_of::<CbcMac<Aes>>(),
        size_of::<RetailMac>(),
        size_of::<CmacTdes>(),
        size_of::<CmacAes>(),
        size_of::<HmacSha256>(),
        size_of::<HmacSha384>(),
        size_of::<HmacSha512>(),
        size_of::<UnionPayMac>(),
    ];
    let mut largest = 0;
    let mut rest: &[usize] = &sizes;
    while let [first, others @ ..] = rest {
        if *first > largest {
            largest = *first;
        }
        rest = others;
    }
    // With the tag before it, a multiple of every alignment: nothing lies behind.
    largest.saturating_add(16) | 15
};
const _: () = assert!(size_of::<Engine>() == IDLE_LEN.wrapping_add(1));
const _: () = assert!(size_of::<Stream>() == size_of::<Engine>().wrapping_add(16));

/// A MAC in progress.
// It lives in the module's memory, where there is no heap to put the larger ones on.
#[allow(clippy::large_enum_variant)]
enum Engine {
    /// None. Every byte of it is set: written over an engine it leaves nothing of it, nor of the bytes of the stack that a
    /// moved engine brings along in the room that it does not own.
    Idle {
        _zeros: [u8; IDLE_LEN],
    },
    CbcTdea(CbcMac<Tdes>),
    CbcAes(CbcMac<Aes>),
    Retail(RetailMac),
    CmacTdea(CmacTdes),
    CmacAes(CmacAes),
    HmacSha256(HmacSha256),
    HmacSha384(HmacSha384),
    HmacSha512(HmacSha512),
    UnionPay(UnionPayMac),
}

impl Engine {
    /// Starts a message in this place.
    fn begin(&mut self, algorithm: KeyAlgorithm, method: MacMethod, key: &[u8]) -> Result<(), Error> {
        let padding = method.padding;
        match (method.algorithm, algorithm) {
            (MacAlgorithm::Iso9797Alg1, KeyAlgorithm::Tdea | KeyAlgorithm::Des) => {
                self.put(|| Ok(Self::CbcTdea(CbcMac::new(Tdes::new(key)?, padding))))
            }
            (MacAlgorithm::Iso9797Alg1, KeyAlgorithm::Aes) => {
                self.put(|| Ok(Self::CbcAes(CbcMac::new(Aes::new(key)?, padding))))
            }
            (MacAlgorithm::Iso9797Alg3, KeyAlgorithm::Tdea) => {
                self.put(|| Ok(Self::Retail(RetailMac::new(key, padding)?)))
            }
            (MacAlgorithm::Cmac, KeyAlgorithm::Tdea) => self.put(|| Ok(Self::CmacTdea(CmacTdes::new(key)?))),
            (MacAlgorithm::Cmac, KeyAlgorithm::Aes) => self.put(|| Ok(Self::CmacAes(CmacAes::new(key)?))),
            (MacAlgorithm::HmacSha256, KeyAlgorithm::Hmac | KeyAlgorithm::HmacSha2) => {
                self.put(|| Ok(Self::HmacSha256(HmacSha256::new(key)?)))
            }
            (MacAlgorithm::HmacSha384, KeyAlgorithm::Hmac | KeyAlgorithm::HmacSha2) => {
                self.put(|| Ok(Self::HmacSha384(HmacSha384::new(key)?)))
            }
            (MacAlgorithm::HmacSha512, KeyAlgorithm::Hmac | KeyAlgorithm::HmacSha2) => {
                self.put(|| Ok(Self::HmacSha512(HmacSha512::new(key)?)))
            }
            (MacAlgorithm::UnionPay, KeyAlgorithm::Tdea | KeyAlgorithm::Des) => {
                self.put(|| Ok(Self::UnionPay(UnionPayMac::new(key)?)))
            }
            _ => Err(Error::AlgorithmMismatch),
        }
    }

    /// Each algorithm is made in a frame of its own: the frames of all of them in one would be the deepest of the module.
    #[inline(never)]
    fn put(&mut self, make: impl FnOnce() -> Result<Self, Error>) -> Result<(), Error> {
        *self = make()?;
        Ok(())
    }

    const fn len(&self) -> usize {
        match self {
            Self::Idle { .. } => 0,
            Self::CbcTdea(_) | Self::Retail(_) | Self::CmacTdea(_) | Self::UnionPay(_) => 8,
            Self::CbcAes(_) | Self::CmacAes(_) => 16,
            Self::HmacSha256(_) => 32,
            Self::HmacSha384(_) => 48,
            Self::HmacSha512(_) => 64,
        }
    }

    fn update(&mut self, data: &[u8]) {
        match self {
            Self::Idle { .. } => {}
            Self::CbcTdea(mac) => mac.update(data),
            Self::CbcAes(mac) => mac.update(data),
            Self::Retail(mac) => mac.update(data),
            Self::CmacTdea(mac) => mac.update(data),
            Self::CmacAes(mac) => mac.update(data),
            Self::HmacSha256(mac) => mac.update(data),
            Self::HmacSha384(mac) => mac.update(data),
            Self::HmacSha512(mac) => mac.update(data),
            Self::UnionPay(mac) => mac.update(data),
        }
    }

    fn conclude(&mut self, out: &mut [u8]) -> Result<(), Error> {
        match self {
            Self::Idle { .. } => Err(Error::Internal),
            Self::CbcTdea(mac) => mac.conclude(out),
            Self::CbcAes(mac) => mac.conclude(out),
            Self::Retail(mac) => mac.conclude(out),
            Self::CmacTdea(mac) => mac.conclude(out),
            Self::CmacAes(mac) => mac.conclude(out),
            Self::HmacSha256(mac) => mac.conclude(out),
            Self::HmacSha384(mac) => mac.conclude(out),
            Self::HmacSha512(mac) => mac.conclude(out),
            Self::UnionPay(mac) => mac.conclude(out),
        }
    }

    fn conclude_verify(&mut self, tag: &[u8]) -> Result<(), Error> {
        match self {
            Self::Idle { .. } => Err(Error::Internal),
            Self::CbcTdea(mac) => mac.conclude_verify(tag),
            Self::CbcAes(mac) => mac.conclude_verify(tag),
            Self::Retail(mac) => mac.conclude_verify(tag),
            Self::CmacTdea(mac) => mac.conclude_verify(tag),
            Self::CmacAes(mac) => mac.conclude_verify(tag),
            Self::HmacSha256(mac) => mac.conclude_verify(tag),
            Self::HmacSha384(mac) => mac.conclude_verify(tag),
            Self::HmacSha512(mac) => mac.conclude_verify(tag),
            Self::UnionPay(mac) => mac.conclude_verify(tag),
        }
    }
}

/// A message whose MAC is in progress in the module; one at a time.
pub(crate) struct Stream {
    engine: Engine,
    key: KeyRef,
    min_len: u8,
    /// Bytes behind the last block that was counted against the key's limit.
    uncounted: u8,
    purpose: MacPurpose,
    /// What would be padding, and as padding would carry bytes of the stack along.
    _filled: [u8; 5],
}

impl Stream {
    /// No message.
    pub(super) const IDLE: Self = Self {
        engine: Engine::Idle { _zeros: [0; IDLE_LEN] },
        key: KeyRef::Slot(KeyHandle::NONE),
        min_len: 0,
        uncounted: 0,
        purpose: MacPurpose::Verify,
        _filled: [0; 5],
    };

    const fn is_idle(&self) -> bool {
        matches!(self.engine, Engine::Idle { .. })
    }

    fn check(&self, purpose: MacPurpose, len: usize) -> Result<(), Error> {
        if self.purpose == purpose {
            self.check_len(len)
        } else {
            Err(Error::BadState)
        }
    }

    /// The lengths that policy allows.
    fn check_len(&self, len: usize) -> Result<(), Error> {
        check_tag_len(self.min_len.into(), self.engine.len(), len)
    }
}

/// Whether a MAC of `full` bytes may be cut to `len`.
pub(super) fn check_tag_len(min_len: usize, full: usize, len: usize) -> Result<(), Error> {
    if guard!("H03", !(min_len..=full).contains(&len)) {
        return Err(Error::InvalidLength);
    }
    Ok(())
}

impl<P: Platform> Hsm<'_, P> {
    /// Makes the MAC of `data` and writes its leftmost `out.len()` bytes.
    ///
    /// `key`: a MAC key in a slot with mode of use G or C, or a transaction; a terminal's transaction makes request
    /// MACs, a host's response MACs. Length of `out`: 4 to 8 bytes (AES: 16), CMAC at least 8, HMAC 8 to 32, 48 or 64;
    /// UnionPay's MAC 8.
    ///
    /// # Errors
    /// The state's and the handle's errors; [`Error::UsageNotPermitted`], [`Error::ModeNotPermitted`],
    /// [`Error::AlgorithmMismatch`]; [`Error::UsageNotPermitted`] also for a key that has served another algorithm (an M1
    /// key or an HMAC key serves the one it was first used for); [`Error::Refused`] for algorithm 1 with padding 1 or 2
    /// without [`Permission::CbcMac`], and for UnionPay's MAC without [`Permission::UnionPay`];
    /// [`Error::InvalidLength`] for `out`; [`Error::LimitReached`] for a DES or TDEA key that would process more than
    /// [`TDEA_BLOCK_LIMIT`](crate::policy::TDEA_BLOCK_LIMIT) blocks. `out` is wiped then.
    ///
    /// # Timing
    /// The lengths of `data` and `out`, and the method.
    ///
    /// # Source
    /// ISO/IEC 9797-1:2011 algorithms 1, 3 and 5; ANSI X9.19; NIST SP 800-38B; FIPS 198-1. Vectors: `vectors/mac.txt`.
    pub fn mac_generate(&mut self, key: KeyRef, method: MacMethod, data: &[u8], out: &mut [u8]) -> Result<(), Error> {
        out.fill(0);
        let allowed = self.allow(Command::MacGenerate);
        self.ruled(allowed)?;
        self.make_mac(key, method, data, out)
    }

    // Apart from `allow`, below which self-tests run.
    #[inline(never)]
    fn make_mac(&mut self, key: KeyRef, method: MacMethod, data: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let mut stream = Stream::IDLE;
        let made = self.mac_stream(key, method, MacPurpose::Generate, &mut stream);
        self.ruled(made)?;
        if let KeyRef::Slot(handle) = key {
            // Again, and from here: what was asked above may have been another operation by then.
            let permitted = self.slots.get(handle)?.permit(Operation::MacGenerate, self.policy);
            self.ruled(permitted)?;
        }
        let allowed = self.mac_allowed(black_box(method));
        self.ruled(allowed)?;
        stream.check_len(out.len())?;
        self.mac_used(key, method, whole_blocks(data))?;
        stream.engine.update(data);
        stream.engine.conclude(out)
    }

    /// Checks the MAC of `data`.
    ///
    /// `key`: a MAC key in a slot with mode of use V or C, or a transaction; a terminal's transaction checks response
    /// MACs, a host's request MACs.
    ///
    /// # Errors
    /// As [`mac_generate`](Self::mac_generate), and [`Error::VerificationFailed`] if the MAC is wrong.
    ///
    /// # Timing
    /// The lengths of `data` and `tag`, and the method.
    pub fn mac_verify(&mut self, key: KeyRef, method: MacMethod, data: &[u8], tag: &[u8]) -> Result<(), Error> {
        self.pend();
        let mut verified = self.mac_verify_once(key, method, data, tag);
        if ROUNDS > 1 && verified.is_ok() {
            // From the key on: what was computed may have been the MAC of another message.
            verified = self.mac_verify_again(key, method, black_box(data), black_box(tag));
        }
        let verified = self.concluded(verified);
        verified.map_err(|error| self.wrong_mac(key, error))
    }

    // Each in a frame of its own: two engines are much for one stack.
    #[inline(never)]
    fn mac_verify_once(&mut self, key: KeyRef, method: MacMethod, data: &[u8], tag: &[u8]) -> Result<(), Error> {
        let allowed = self.allow(Command::MacVerify);
        self.ruled(allowed)?;
        let mut stream = Stream::IDLE;
        let made = self.mac_stream(key, method, MacPurpose::Verify, &mut stream);
        self.ruled(made)?;
        stream.check_len(tag.len())?;
        self.mac_used(key, method, whole_blocks(data))?;
        stream.engine.update(data);
        let verified = stream.engine.conclude_verify(tag);
        self.ruled(verified)
    }

    /// With a key that was judged.
    #[inline(never)]
    fn mac_verify_again(&self, key: KeyRef, method: MacMethod, data: &[u8], tag: &[u8]) -> Result<(), Error> {
        let mut engine = Engine::Idle { _zeros: [0; IDLE_LEN] };
        match key {
            KeyRef::Slot(handle) => {
                let slot = self.slots.get(handle)?;
                engine.begin(slot.attributes()?.algorithm, method, slot.material())?;
            }
            KeyRef::Transaction(handle) => {
                let keys = self.groups.keys(handle)?;
                let request = keys.is_request(false);
                keys.mac_key(request, method.algorithm, |algorithm, key| {
                    engine.begin(algorithm, method, key)
                })?;
            }
        }
        engine.update(data);
        engine.conclude_verify(tag)
    }

    /// Checks a MAC and, if it is right, makes another one of the same message under another key: in one command, so that
    /// nothing comes between.
    ///
    /// `input`: a key that may check the MAC, `output`: another one that may make MACs; methods and lengths as in
    /// [`mac_verify`](Self::mac_verify) and [`mac_generate`](Self::mac_generate).
    ///
    /// # Errors
    /// As those two, the output's first; [`Error::InvalidArgument`] if both keys are one;
    /// [`Error::VerificationFailed`] if the MAC is wrong. `out` is wiped then.
    ///
    /// # Timing
    /// The lengths and the methods.
    #[expect(
        clippy::too_many_arguments,
        reason = "two keys with their methods and MACs, one message"
    )]
    pub fn mac_translate(
        &mut self,
        input: KeyRef,
        input_method: MacMethod,
        data: &[u8],
        tag: &[u8],
        output: KeyRef,
        output_method: MacMethod,
        out: &mut [u8],
    ) -> Result<(), Error> {
        out.fill(0);
        self.pend();
        self.allow(Command::MacTranslate)?;
        if input == output {
            return Err(Error::InvalidArgument);
        }
        // The output side is judged before anything is verified.
        self.judge_mac(output, output_method, out.len())?;
        self.mac_verify(input, input_method, data, tag)?;
        // The verification has come to its end; now until there is a MAC.
        self.none_pending()?;
        self.pend();
        let made = self.mac_generate(output, output_method, data, out);
        self.concluded(made)
    }

    /// Whether a MAC of this length may be made.
    #[inline(never)]
    fn judge_mac(&mut self, key: KeyRef, method: MacMethod, len: usize) -> Result<(), Error> {
        let mut stream = Stream::IDLE;
        self.mac_stream(key, method, MacPurpose::Generate, &mut stream)?;
        stream.check_len(len)
    }

    /// Begins a message that comes in parts. A message in progress is dropped and wiped.
    ///
    /// # Errors
    /// As [`mac_generate`](Self::mac_generate).
    pub fn mac_begin(&mut self, key: KeyRef, method: MacMethod, purpose: MacPurpose) -> Result<(), Error> {
        self.mac_clear();
        self.allow(Command::MacBegin)?;
        self.put_mac(key, method, purpose)?;
        self.mac_used(key, method, 1).inspect_err(|_| self.mac_clear())
    }

    #[inline(never)]
    fn put_mac(&mut self, key: KeyRef, method: MacMethod, purpose: MacPurpose) -> Result<(), Error> {
        let mut stream = Stream::IDLE;
        self.mac_stream(key, method, purpose, &mut stream)?;
        self.mac = stream;
        Ok(())
    }

    /// Takes more of the message.
    ///
    /// # Errors
    /// [`Error::BadState`] if no message was begun, or its key is gone, and the message with it; [`Error::LimitReached`] if
    /// a DES or TDEA key has processed its last block, and the message is over; the state's error.
    pub fn mac_update(&mut self, data: &[u8]) -> Result<(), Error> {
        let stream = self.mac_in_progress(Command::MacUpdate)?;
        let total = u64::from(stream.uncounted).saturating_add(data.len() as u64);
        let key = stream.key;
        if let KeyRef::Slot(handle) = key {
            let charged = self.slots.charge(handle, total >> 3).and_then(|()| self.keep_up());
            charged.inspect_err(|_| self.mac_clear())?;
        }
        // Less than a block.
        self.mac.uncounted = u8::try_from(total & 7).unwrap_or(0);
        self.mac.engine.update(data);
        Ok(())
    }

    /// Ends a message that was begun to [`Generate`](MacPurpose::Generate).
    ///
    /// # Errors
    /// [`Error::BadState`] if none was begun, or one to verify, or its key is gone; otherwise as
    /// [`mac_generate`](Self::mac_generate). The message is over in every case.
    pub fn mac_finish(&mut self, out: &mut [u8]) -> Result<(), Error> {
        out.fill(0);
        let result = self.mac_in_progress(Command::MacFinish).and_then(|stream| {
            stream.check(MacPurpose::Generate, out.len())?;
            stream.engine.conclude(out)
        });
        // Dropped where it stands: moved out, it would leave its key schedule behind.
        self.mac_clear();
        result
    }

    /// Ends a message that was begun to [`Verify`](MacPurpose::Verify).
    ///
    /// # Errors
    /// [`Error::BadState`] if none was begun, or one to generate, or its key is gone; otherwise as
    /// [`mac_verify`](Self::mac_verify). The message is over in every case.
    pub fn mac_finish_verify(&mut self, tag: &[u8]) -> Result<(), Error> {
        let key = self.mac.key;
        let result = self.mac_conclude_verify(tag);
        self.mac_clear();
        result.map_err(|error| self.wrong_mac(key, error))
    }

    #[inline(never)]
    fn mac_conclude_verify(&mut self, tag: &[u8]) -> Result<(), Error> {
        self.pend();
        let stream = self.mac_in_progress(Command::MacFinishVerify)?;
        stream.check(MacPurpose::Verify, tag.len())?;
        let verified = stream.engine.conclude_verify(tag);
        self.concluded(verified)
    }

    /// An alarm for a MAC that was wrong.
    fn wrong_mac(&mut self, key: KeyRef, error: Error) -> Error {
        let _ = self.ruled::<()>(Err(error));
        if error != Error::VerificationFailed {
            return error;
        }
        self.note_failure(Note::of(LogEvent::BadMac).at(key.place()), error)
    }

    /// Drops and wipes a message in progress; without one it does nothing.
    pub fn mac_abort(&mut self) {
        self.enter();
        self.mac_clear();
    }

    /// The message in progress.
    fn mac_in_progress(&mut self, command: Command) -> Result<&mut Stream, Error> {
        self.allow(command)?;
        self.end_orphaned_mac();
        if self.mac.is_idle() {
            return Err(Error::BadState);
        }
        Ok(&mut self.mac)
    }

    /// Wipes the message in progress if its key is gone: its schedule is the key.
    pub(super) fn end_orphaned_mac(&mut self) {
        let alive = match self.mac.key {
            KeyRef::Slot(handle) => self.slots.get(handle).is_ok(),
            KeyRef::Transaction(handle) => self.groups.keys(handle).is_ok(),
        };
        if !alive && !self.mac.is_idle() {
            self.mac_clear();
        }
    }

    /// Drops the message in progress where it stands, and overwrites its place.
    pub(super) fn mac_clear(&mut self) {
        self.mac = Stream::IDLE;
    }

    /// Counts what a key in a slot is about to do, and binds it to the algorithm.
    fn mac_used(&mut self, key: KeyRef, method: MacMethod, blocks: u64) -> Result<(), Error> {
        match key {
            KeyRef::Slot(handle) => {
                self.slots.charge(handle, blocks)?;
                self.slots.bind(handle, Choices::Mac(method.algorithm))?;
                self.commit_uses()
            }
            // A transaction's MAC keys are chosen before the first MAC.
            KeyRef::Transaction(handle) => self.groups.use_for_mac(handle, method.algorithm),
        }
    }

    /// Whether the policy allows the method.
    #[inline(never)]
    fn mac_allowed(&self, method: MacMethod) -> Result<(), Error> {
        let splices =
            method.algorithm == MacAlgorithm::Iso9797Alg1 && !matches!(method.padding, Padding::Method3 { .. });
        let folds = method.algorithm == MacAlgorithm::UnionPay;
        if splices && guard!("H05", !self.policy.has(Permission::CbcMac))
            || folds && guard!("H05.fold", !self.policy.has(Permission::UnionPay))
        {
            return Err(Error::Refused);
        }
        Ok(())
    }

    /// Makes a stream in `stream`, which is idle.
    fn mac_stream(
        &mut self,
        key: KeyRef,
        method: MacMethod,
        purpose: MacPurpose,
        stream: &mut Stream,
    ) -> Result<(), Error> {
        // What a key of its own usage alone could do is judged after the key.
        if method.algorithm != MacAlgorithm::UnionPay {
            let allowed = self.mac_allowed(method);
            self.ruled(allowed)?;
        }
        stream.key = key;
        stream.purpose = purpose;
        stream.min_len = u8::try_from(method.algorithm.min_len()).map_err(|_| Error::Internal)?;
        let engine = &mut stream.engine;
        match key {
            KeyRef::Slot(handle) => {
                let slot = self.slots.get(handle)?;
                let operation = match purpose {
                    MacPurpose::Generate => Operation::MacGenerate,
                    MacPurpose::Verify => Operation::MacVerify,
                };
                let attributes = slot.attributes()?;
                slot.permit(operation, self.policy)?;
                if !method.algorithm.is_of(attributes.usage) {
                    return Err(Error::AlgorithmMismatch);
                }
                let allowed = self.mac_allowed(method);
                self.ruled(allowed)?;
                if !slot.serves(Choices::Mac(method.algorithm)) {
                    return Err(Error::UsageNotPermitted);
                }
                engine.begin(attributes.algorithm, method, slot.material())
            }
            KeyRef::Transaction(handle) => {
                let keys = self.groups.keys(handle)?;
                let request = keys.is_request(purpose == MacPurpose::Generate);
                keys.mac_key(request, method.algorithm, |algorithm, key| {
                    engine.begin(algorithm, method, key)
                })?;
                if !self.groups.serves_mac(handle, method.algorithm)? {
                    return Err(Error::UsageNotPermitted);
                }
                Ok(())
            }
        }
    }
}

/// Blocks of a whole message, of which the last may be padding, and of the transformation at the end.
const fn whole_blocks(data: &[u8]) -> u64 {
    (data.len() as u64 >> 3).saturating_add(2)
}
