// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands on many independent jobs at once.
//!
//! Every job is judged as by the single commands, in order: state, handles, policy, public data, limits, the platform's
//! decision. Then the jobs of a group are computed together ([`batch`](crate::batch)), but for cards and MACs that it does not
//! have, which are computed one by one.
//! Each job has its own outcome. A module that is tampered with while a batch runs answers nothing any more.
//!
//! Transactions are derived and end inside the command: no group is held, but one for the jobs that are computed one by one.

mod card;
mod emv;
mod mac;
mod pin;

use crate::batch::{self, Answer, ArqcMessage, Outcome, PinLane, Plan, Tail};
use crate::card::CardValue;
use crate::card::cvv::{Expiry, Kind};
use crate::dukpt::{aes, tdes};
use crate::emv::derive::Psn;
use crate::emv::element::{Atc, CryptogramKind};
use crate::emv::profile::Profile;
use crate::error::Error;
use crate::hsm::pin::{PIN_BLOCK_MAX_LEN, PinKey};
use crate::hsm::{
    ArpcRequest, ArqcAnswer, Command, Hsm, ImportedKey, KeyHandle, MacMethod, Platform, Question, TransactionHandle,
};
use crate::key::Key;
use crate::key::usage::KeyAlgorithm;
use crate::keyblock;
use crate::pin::block::Format;
use crate::pin::pan::Pan;
use crate::pin::pvv::Pvv;
use crate::policy::Operation;

/// A PIN block to be verified: the parameters of [`dukpt_derive`](Hsm::dukpt_derive) and
/// [`pin_verify_pvv`](Hsm::pin_verify_pvv). Of the latter alone, where there is no KSN.
#[derive(Clone, Debug)]
pub struct PinVerifyJob<'a> {
    /// A B0 key with mode of use X; without a KSN a P0 key with mode of use D or B.
    pub bdk: KeyHandle,
    /// 10 bytes (TDEA) or 12 (AES); none for a P0 key.
    pub ksn: &'a [u8],
    /// The block's format.
    pub format: Format,
    /// The card.
    pub pan: Pan,
    /// The enciphered block.
    pub block: &'a [u8],
    /// A V2 key with mode of use V or C.
    pub pvk: KeyHandle,
    /// Its index, 0 to 9.
    pub pvki: u8,
    /// The PVV of the card.
    pub pvv: Pvv,
}

/// A PIN block to be translated: the parameters of [`dukpt_derive`](Hsm::dukpt_derive) and
/// [`pin_translate`](Hsm::pin_translate). Of the latter alone, where there is no KSN.
#[derive(Clone, Debug)]
pub struct PinTranslateJob<'a> {
    /// A B0 key with mode of use X; without a KSN a P0 key with mode of use D or B.
    pub bdk: KeyHandle,
    /// 10 bytes (TDEA) or 12 (AES); none for a P0 key.
    pub ksn: &'a [u8],
    /// The block's format.
    pub format: Format,
    /// The card.
    pub pan: Pan,
    /// The enciphered block.
    pub block: &'a [u8],
    /// A P0 key with mode of use E.
    pub output: KeyHandle,
    /// The new block's format.
    pub output_format: Format,
}

/// A new PIN block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TranslatedPin {
    /// The block, zeros behind.
    pub block: [u8; PIN_BLOCK_MAX_LEN],
    /// Its length, 8 or 16.
    pub len: usize,
}

/// A message to be verified: the parameters of [`dukpt_derive`](Hsm::dukpt_derive) and [`mac_verify`](Hsm::mac_verify).
#[derive(Clone, Copy, Debug)]
pub struct MacVerifyJob<'a> {
    /// A B0 key with mode of use X.
    pub bdk: KeyHandle,
    /// 10 bytes (TDEA) or 12 (AES).
    pub ksn: &'a [u8],
    /// The method.
    pub method: MacMethod,
    /// The message.
    pub data: &'a [u8],
    /// Its MAC.
    pub tag: &'a [u8],
}

/// A cryptogram to be verified and answered: the parameters of [`arqc_verify`](Hsm::arqc_verify).
#[derive(Clone, Debug)]
pub struct ArqcVerifyJob<'a> {
    /// An E0 key with mode of use X.
    pub imk: KeyHandle,
    /// The card's scheme and cryptogram version.
    pub profile: &'static Profile,
    /// The card.
    pub pan: Pan,
    /// Its sequence number.
    pub psn: Psn,
    /// The message.
    pub field55: &'a [u8],
    /// The answer.
    pub answer: ArpcRequest<'a>,
}

/// A message of a TDEA card with a cryptogram, read where it came in, with the card it came from.
///
/// Reading needs no module and takes longer than verifying in a batch: threads that receive messages can do it there.
#[derive(Clone, Debug)]
pub struct ReadArqc {
    pan: Pan,
    message: ArqcMessage,
}

impl ReadArqc {
    /// Reads a message and judges it, as [`arqc_verify`](Hsm::arqc_verify) does; parameters as there.
    ///
    /// # Errors
    /// The TLV errors, [`Error::EmvElement`], [`Error::Iad`]; [`Error::AlgorithmMismatch`] if the profile's cards have AES;
    /// [`Error::Unsupported`] for a method of session keys that batches do not have.
    ///
    /// # Timing
    /// The message and the PAN.
    ///
    /// # Source
    /// EMV Book 2 clause 8.
    pub fn read(profile: &'static Profile, pan: &Pan, psn: Psn, field55: &[u8]) -> Result<Self, Error> {
        Ok(Self {
            pan: pan.clone(),
            message: ArqcMessage::read(profile, pan, psn, field55)?,
        })
    }

    /// The application transaction counter.
    #[must_use]
    pub const fn atc(&self) -> Atc {
        self.message.atc()
    }

    /// The kind of cryptogram as the card told it.
    #[must_use]
    pub const fn kind(&self) -> CryptogramKind {
        self.message.kind()
    }
}

/// A cryptogram to be verified and answered, of a message that was read.
#[derive(Clone, Debug)]
pub struct ReadArqcVerifyJob<'a> {
    /// An E0 key of TDEA with mode of use X.
    pub imk: KeyHandle,
    /// The message.
    pub message: &'a ReadArqc,
    /// The answer.
    pub answer: ArpcRequest<'a>,
}

/// A card verification value to be verified: the parameters of [`cvv_verify`](Hsm::cvv_verify).
#[derive(Clone, Debug)]
pub struct CvvVerifyJob<'a> {
    /// A C0 key with mode of use V or C.
    pub cvk: KeyHandle,
    /// Where the value stands.
    pub kind: Kind,
    /// The card.
    pub pan: Pan,
    /// Its expiry date.
    pub expiry: Expiry,
    /// The value.
    pub value: &'a CardValue,
}

/// A key block to be imported: the parameters of [`key_block_import`](Hsm::key_block_import).
#[derive(Clone, Copy, Debug)]
pub struct KeyImportJob<'a> {
    /// The protection key.
    pub kbpk: KeyHandle,
    /// The block.
    pub block: &'a [u8],
    /// What is accepted.
    pub profile: keyblock::Profile,
}

impl<'a> From<ArpcRequest<'a>> for Answer<'a> {
    fn from(request: ArpcRequest<'a>) -> Self {
        match request {
            ArpcRequest::None => Self::None,
            ArpcRequest::Method1 { arc } => Self::Method1 { arc },
            ArpcRequest::Method2 { csu, proprietary } => Self::Method2 { csu, proprietary },
        }
    }
}

fn same_len(jobs: usize, outcomes: usize) -> Result<(), Error> {
    if jobs == outcomes {
        Ok(())
    } else {
        Err(Error::InvalidLength)
    }
}

impl<P: Platform> Hsm<'_, P> {
    /// Verifies enciphered PINs against their PVVs: under DUKPT for each job what
    /// [`dukpt_derive`](Self::dukpt_derive), [`pin_verify_pvv`](Self::pin_verify_pvv) and
    /// [`transaction_end`](Self::transaction_end) do together, under a PIN key in a slot what the second does.
    ///
    /// # Errors
    /// Of the command: the state's; [`Error::InvalidLength`] unless both slices are equally long; nothing is done then. Of a
    /// job: those of the three commands.
    ///
    /// # Timing
    /// As [`batch`].
    pub fn batch_pin_verify_pvv(&mut self, jobs: &[PinVerifyJob<'_>], outcomes: &mut [Outcome]) -> Result<(), Error> {
        self.allow(Command::BatchPinVerifyPvv)?;
        same_len(jobs.len(), outcomes.len())?;
        let get = |job: usize| jobs.get(job).cloned().ok_or(Error::Internal);
        let put = |job: usize, outcome| {
            if let Some(place) = outcomes.get_mut(job) {
                *place = outcome;
            }
        };
        self.batch_pin_verify_pvv_by(jobs.len(), get, put)
    }

    /// [`batch_pin_verify_pvv`](Self::batch_pin_verify_pvv) of jobs that are made when they are asked for, twice perhaps.
    pub(crate) fn batch_pin_verify_pvv_by<'j>(
        &mut self,
        jobs: usize,
        get: impl Fn(usize) -> Result<PinVerifyJob<'j>, Error>,
        put: impl FnMut(usize, Outcome),
    ) -> Result<(), Error> {
        self.allow(Command::BatchPinVerifyPvv)?;
        let mut source = pin::PinVerify { module: self, get, put };
        batch::run_pins(Plan::best(), jobs, Tail::Pvv, &mut source);
        Ok(())
    }

    /// Translates PIN blocks: under DUKPT for each job what [`dukpt_derive`](Self::dukpt_derive),
    /// [`pin_translate`](Self::pin_translate) and [`transaction_end`](Self::transaction_end) do together, under a PIN key
    /// in a slot what the second does.
    ///
    /// # Errors
    /// As [`batch_pin_verify_pvv`](Self::batch_pin_verify_pvv).
    ///
    /// # Timing
    /// As [`batch`].
    pub fn batch_pin_translate(
        &mut self,
        jobs: &[PinTranslateJob<'_>],
        outcomes: &mut [Result<TranslatedPin, Error>],
    ) -> Result<(), Error> {
        self.allow(Command::BatchPinTranslate)?;
        same_len(jobs.len(), outcomes.len())?;
        let get = |job: usize| jobs.get(job).cloned().ok_or(Error::Internal);
        let put = |job: usize, outcome| {
            if let Some(place) = outcomes.get_mut(job) {
                *place = outcome;
            }
        };
        self.batch_pin_translate_by(jobs.len(), get, put)
    }

    /// [`batch_pin_translate`](Self::batch_pin_translate) of jobs that are made when they are asked for, twice perhaps.
    pub(crate) fn batch_pin_translate_by<'j>(
        &mut self,
        jobs: usize,
        get: impl Fn(usize) -> Result<PinTranslateJob<'j>, Error>,
        put: impl FnMut(usize, Result<TranslatedPin, Error>),
    ) -> Result<(), Error> {
        self.allow(Command::BatchPinTranslate)?;
        let mut source = pin::PinTranslate { module: self, get, put };
        batch::run_pins(Plan::best(), jobs, Tail::Translate, &mut source);
        Ok(())
    }

    /// Verifies application cryptograms and answers them: for each job what [`arqc_verify`](Self::arqc_verify) does.
    ///
    /// The platform is asked about the counters of a group of jobs behind each other, before the next group is looked at.
    ///
    /// # Errors
    /// Of the command: the state's; [`Error::InvalidLength`] unless both slices are equally long; nothing is done then. Of a
    /// job: those of the single command.
    ///
    /// # Timing
    /// As [`batch`].
    pub fn batch_arqc_verify(
        &mut self,
        jobs: &[ArqcVerifyJob<'_>],
        outcomes: &mut [Result<ArqcAnswer, Error>],
    ) -> Result<(), Error> {
        self.allow(Command::BatchArqcVerify)?;
        same_len(jobs.len(), outcomes.len())?;
        let get = |job: usize| jobs.get(job).cloned().ok_or(Error::Internal);
        let put = |job: usize, outcome| {
            if let Some(place) = outcomes.get_mut(job) {
                *place = outcome;
            }
        };
        self.batch_arqc_verify_by(jobs.len(), get, put)
    }

    /// [`batch_arqc_verify`](Self::batch_arqc_verify) of jobs that are made when they are asked for, twice perhaps.
    pub(crate) fn batch_arqc_verify_by<'j>(
        &mut self,
        jobs: usize,
        get: impl Fn(usize) -> Result<ArqcVerifyJob<'j>, Error>,
        put: impl FnMut(usize, Result<ArqcAnswer, Error>),
    ) -> Result<(), Error> {
        self.allow(Command::BatchArqcVerify)?;
        let mut source = emv::ArqcVerify {
            module: self,
            get,
            put,
            done: false,
        };
        batch::run_arqcs(Plan::best(), jobs, &mut source);
        Ok(())
    }

    /// Verifies and answers as [`batch_arqc_verify`](Self::batch_arqc_verify) does, messages that were read before. Each
    /// counter is asked about with the PAN that the message was read with.
    ///
    /// # Errors
    /// As [`batch_arqc_verify`](Self::batch_arqc_verify); those of a message were told by [`ReadArqc::read`].
    ///
    /// # Timing
    /// As [`batch`].
    pub fn batch_read_arqc_verify(
        &mut self,
        jobs: &[ReadArqcVerifyJob<'_>],
        outcomes: &mut [Result<ArqcAnswer, Error>],
    ) -> Result<(), Error> {
        self.allow(Command::BatchArqcVerify)?;
        same_len(jobs.len(), outcomes.len())?;
        let mut source = emv::ReadArqcVerify {
            module: self,
            jobs,
            outcomes,
        };
        batch::run_arqcs(Plan::best(), jobs.len(), &mut source);
        Ok(())
    }

    /// Verifies the MACs of messages under DUKPT: for each job what [`dukpt_derive`](Self::dukpt_derive),
    /// [`mac_verify`](Self::mac_verify) and [`transaction_end`](Self::transaction_end) do together. Retail MACs under TDEA
    /// BDKs and CMACs under AES BDKs are computed together, all others one by one.
    ///
    /// An alarm for a wrong MAC names the place of the BDK: no transaction has one.
    ///
    /// # Errors
    /// As [`batch_pin_verify_pvv`](Self::batch_pin_verify_pvv).
    ///
    /// # Timing
    /// As [`batch`]; a group takes as long as its longest message.
    pub fn batch_mac_verify(&mut self, jobs: &[MacVerifyJob<'_>], outcomes: &mut [Outcome]) -> Result<(), Error> {
        self.allow(Command::BatchMacVerify)?;
        same_len(jobs.len(), outcomes.len())?;
        let get = |job: usize| jobs.get(job).copied().ok_or(Error::Internal);
        let put = |job: usize, outcome| {
            if let Some(place) = outcomes.get_mut(job) {
                *place = outcome;
            }
        };
        self.batch_mac_verify_by(jobs.len(), get, put)
    }

    /// [`batch_mac_verify`](Self::batch_mac_verify) of jobs that are made when they are asked for, twice perhaps.
    pub(crate) fn batch_mac_verify_by<'j>(
        &mut self,
        jobs: usize,
        get: impl Fn(usize) -> Result<MacVerifyJob<'j>, Error>,
        put: impl FnMut(usize, Outcome),
    ) -> Result<(), Error> {
        self.allow(Command::BatchMacVerify)?;
        let mut source = mac::MacVerify {
            module: self,
            get,
            put,
            done: false,
        };
        batch::run_macs(Plan::best(), jobs, &mut source);
        Ok(())
    }

    /// Verifies card verification values: for each job what [`cvv_verify`](Self::cvv_verify) does.
    ///
    /// # Errors
    /// As [`batch_arqc_verify`](Self::batch_arqc_verify).
    ///
    /// # Timing
    /// As [`batch`].
    pub fn batch_cvv_verify(&mut self, jobs: &[CvvVerifyJob<'_>], outcomes: &mut [Outcome]) -> Result<(), Error> {
        self.allow(Command::BatchCvvVerify)?;
        same_len(jobs.len(), outcomes.len())?;
        let with = |job: usize, take: &mut dyn FnMut(&CvvVerifyJob<'_>) -> Result<(), Error>| {
            take(jobs.get(job).ok_or(Error::Internal)?)
        };
        let put = |job: usize, outcome| {
            if let Some(place) = outcomes.get_mut(job) {
                *place = outcome;
            }
        };
        self.batch_cvv_verify_by(jobs.len(), with, put)
    }

    /// [`batch_cvv_verify`](Self::batch_cvv_verify) of jobs that are made when they are asked for, and then lent.
    pub(crate) fn batch_cvv_verify_by(
        &mut self,
        jobs: usize,
        with: impl Fn(usize, &mut dyn FnMut(&CvvVerifyJob<'_>) -> Result<(), Error>) -> Result<(), Error>,
        put: impl FnMut(usize, Outcome),
    ) -> Result<(), Error> {
        self.allow(Command::BatchCvvVerify)?;
        let mut source = card::CvvVerify {
            module: self,
            with,
            put,
        };
        batch::run_cvvs(Plan::best(), jobs, &mut source);
        Ok(())
    }

    /// Imports key blocks: for each job what [`key_block_import`](Self::key_block_import) does, one job after the other: a
    /// key that comes in is compared with those before it.
    ///
    /// # Errors
    /// As [`batch_arqc_verify`](Self::batch_arqc_verify).
    ///
    /// # Timing
    /// That of the command.
    pub fn batch_key_import(
        &mut self,
        jobs: &[KeyImportJob<'_>],
        outcomes: &mut [Result<ImportedKey, Error>],
    ) -> Result<(), Error> {
        self.allow(Command::BatchKeyImport)?;
        same_len(jobs.len(), outcomes.len())?;
        let get = |job: usize| jobs.get(job).copied().ok_or(Error::Internal);
        let put = |job: usize, outcome| {
            if let Some(place) = outcomes.get_mut(job) {
                *place = outcome;
            }
        };
        self.batch_key_import_by(jobs.len(), get, put)
    }

    /// [`batch_key_import`](Self::batch_key_import) of jobs that are made when they are asked for.
    pub(crate) fn batch_key_import_by<'j>(
        &mut self,
        jobs: usize,
        get: impl Fn(usize) -> Result<KeyImportJob<'j>, Error>,
        mut put: impl FnMut(usize, Result<ImportedKey, Error>),
    ) -> Result<(), Error> {
        self.allow(Command::BatchKeyImport)?;
        for index in 0..jobs {
            let imported = get(index).and_then(|job| self.key_block_import(job.kbpk, job.block, job.profile));
            put(index, imported);
        }
        Ok(())
    }

    /// The algorithm of a key, which says how a job is computed.
    fn batch_algorithm(&self, key: KeyHandle) -> Result<KeyAlgorithm, Error> {
        self.slots.get(key)?.attributes().map(|attributes| attributes.algorithm)
    }

    /// Does one thing with the keys of a KSN, and ends them.
    fn in_transaction<T>(
        &mut self,
        bdk: KeyHandle,
        ksn: &[u8],
        work: impl FnOnce(&mut Self, TransactionHandle) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let keys = self.dukpt_derive(bdk, ksn)?;
        let result = work(self, keys);
        self.transaction_end(keys)?;
        result
    }

    /// Judges a KSN as [`dukpt_derive`](Self::dukpt_derive) does.
    fn batch_ksn(&mut self, bdk: KeyHandle, ksn: &[u8]) -> Result<Ksn, Error> {
        self.allow(Command::DukptDerive)?;
        let slot = self.slots.get(bdk)?;
        slot.permit(Operation::DukptDerive, self.policy)?;
        if slot.attributes()?.algorithm != KeyAlgorithm::Tdea {
            let ksn = aes::Ksn::parse(ksn)?;
            ksn.check()?;
            self.ask(&Question::DukptCounter {
                identity: ksn.initial_key_id().as_bytes(),
                counter: ksn.counter(),
            })?;
            return Ok(Ksn::Aes(ksn));
        }
        if slot.material().len() != 16 {
            return Err(Error::InvalidKeyLength);
        }
        let ksn = tdes::Ksn::parse(ksn)?;
        ksn.check()?;
        self.ask(&Question::DukptCounter {
            identity: ksn.initial_key_id().as_bytes(),
            counter: ksn.counter(),
        })?;
        Ok(Ksn::Tdea(ksn))
    }

    /// Writes down what opens a block.
    fn batch_open(
        &self,
        bdk: KeyHandle,
        ksn: &Ksn,
        format: Format,
        pan: &Pan,
        block: &[u8],
        lane: &mut PinLane,
    ) -> Result<(), Error> {
        // Judged and counted with its KSN.
        let material = self.slots.get(bdk)?.material();
        match ksn {
            Ksn::Tdea(ksn) => {
                let block = block.try_into().map_err(|_| Error::InvalidLength)?;
                lane.open(material, ksn, format, Some(pan), block)
            }
            Ksn::Aes(ksn) => {
                let block = block.try_into().map_err(|_| Error::InvalidLength)?;
                lane.open_aes(material, ksn, aes::KeyType::aes(material.len())?, pan, block)
            }
        }
    }
}

/// The KSN of a job, judged.
enum Ksn {
    Tdea(tdes::Ksn),
    Aes(aes::Ksn),
}

impl Ksn {
    /// The place of a PIN key of its transaction.
    const fn pin_key(&self) -> PinKey {
        match self {
            Self::Tdea(_) => PinKey::empty(),
            Self::Aes(_) => PinKey::Aes(Key::empty()),
        }
    }
}
