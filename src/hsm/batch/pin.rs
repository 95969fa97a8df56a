// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs with PIN blocks.

use crate::batch::{Opened, Outcome, PinLane, PinSource};
use crate::error::Error;
use crate::hsm::batch::{PinTranslateJob, PinVerifyJob, TranslatedPin};
use crate::hsm::pin::reference::Visa;
use crate::hsm::pin::{FormatUse, PIN_BLOCK_MAX_LEN, PinKey};
use crate::hsm::{Command, Hsm, KeyRef, Platform, Question};
use crate::key;
use crate::key::usage::KeyAlgorithm;
use crate::pin::block::Format;
use crate::pin::pan::Pan;
use crate::policy::Operation;

/// Writes down what opens a block under a key in a slot.
fn open_zone(key: &PinKey, format: Format, pan: &Pan, block: &[u8], lane: &mut PinLane) -> Result<(), Error> {
    let PinKey::Tdea(key) = key else {
        return Err(Error::Internal);
    };
    let block = block.try_into().map_err(|_| Error::InvalidLength)?;
    lane.open_zone(key.material()?, format, Some(pan), block)
}

pub(super) struct PinVerify<'h, 'm, P: Platform, G, S> {
    pub(super) module: &'h mut Hsm<'m, P>,
    pub(super) get: G,
    pub(super) put: S,
    /// The job that is loaded has been done: its error says nothing.
    pub(super) done: bool,
}

impl<'j, P: Platform, G, S> PinSource for PinVerify<'_, '_, P, G, S>
where
    G: Fn(usize) -> Result<PinVerifyJob<'j>, Error>,
    S: FnMut(usize, Outcome),
{
    fn load(&mut self, index: usize, lane: &mut PinLane) -> Result<(), Error> {
        let job = (self.get)(index)?;
        let module = &mut *self.module;
        let algorithm = module.batch_algorithm(job.bdk);
        if job.ksn.is_empty() {
            let (input, block) = (KeyRef::from(job.bdk), job.block);
            if algorithm != Ok(KeyAlgorithm::Tdea) {
                let outcome = module.pin_verify_pvv(input, job.format, &job.pan, block, job.pvk, job.pvki, &job.pvv);
                (self.put)(index, outcome);
                self.done = true;
                return Err(Error::Internal);
            }
            module.allow(Command::PinVerifyPvv)?;
            let mut method = Visa::new(job.pvki);
            module.visa(job.pvk, &[Operation::PvvVerify], &job.pan, &mut method)?;
            let mut key = PinKey::empty();
            module.pin_input_key(input, FormatUse::Verify, job.format, &job.pan, block, &mut key)?;
            module.pin_host_rate()?;
            module.ask(&Question::PinVerify { pan: &job.pan })?;
            open_zone(&key, job.format, &job.pan, block, lane)?;
            return lane.check(method.material(), job.pvki, &job.pan, &job.pvv);
        }
        module.allow(Command::DukptDerive)?;
        if algorithm? != KeyAlgorithm::Tdea {
            let outcome = module.in_transaction(job.bdk, job.ksn, |module, keys| {
                let (input, block) = (KeyRef::from(keys), job.block);
                module.pin_verify_pvv(input, job.format, &job.pan, block, job.pvk, job.pvki, &job.pvv)
            });
            (self.put)(index, outcome);
            self.done = true;
            return Err(Error::Internal);
        }
        let ksn = module.batch_ksn(job.bdk, job.ksn)?.ok_or(Error::Internal)?;
        module.allow(Command::PinVerifyPvv)?;
        let mut method = Visa::new(job.pvki);
        module.visa(job.pvk, &[Operation::PvvVerify], &job.pan, &mut method)?;
        module.pin_input_block(&PinKey::empty(), FormatUse::Verify, job.format, &job.pan, job.block)?;
        module.pin_host_rate()?;
        module.ask(&Question::PinVerify { pan: &job.pan })?;
        module.batch_open(job.bdk, &ksn, job.format, &job.pan, job.block, lane)?;
        lane.check(method.material(), job.pvki, &job.pan, &job.pvv)
    }

    fn store(&mut self, index: usize, outcome: Result<Opened<'_>, Error>) {
        if core::mem::take(&mut self.done) {
            return;
        }
        let module = &*self.module;
        let outcome = outcome.and_then(|opened| {
            module.allow_reading(Command::PinVerifyPvv)?;
            opened.verdict()
        });
        (self.put)(index, outcome);
    }
}

pub(super) struct PinTranslate<'h, 'm, P: Platform, G, S> {
    pub(super) module: &'h mut Hsm<'m, P>,
    pub(super) get: G,
    pub(super) put: S,
    pub(super) done: bool,
}

impl<'j, P: Platform, G, S> PinSource for PinTranslate<'_, '_, P, G, S>
where
    G: Fn(usize) -> Result<PinTranslateJob<'j>, Error>,
    S: FnMut(usize, Result<TranslatedPin, Error>),
{
    fn load(&mut self, index: usize, lane: &mut PinLane) -> Result<(), Error> {
        let job = (self.get)(index)?;
        let module = &mut *self.module;
        let zone = job.ksn.is_empty();
        let input = module.batch_algorithm(job.bdk);
        if !zone {
            module.allow(Command::DukptDerive)?;
            input?;
        }
        // What the output is decides after the input, as in the single commands.
        let sliced = [input, module.batch_algorithm(job.output)] == [Ok(KeyAlgorithm::Tdea); 2];
        if !sliced {
            let mut block = [0; PIN_BLOCK_MAX_LEN];
            let to = job.output_format;
            let mut translate = |module: &mut Hsm<'_, P>, input: KeyRef| {
                module.pin_translate(input, job.format, &job.pan, job.block, job.output, to, &mut block)
            };
            let len = if zone {
                translate(module, job.bdk.into())
            } else {
                module.in_transaction(job.bdk, job.ksn, |module, keys| translate(module, keys.into()))
            };
            (self.put)(index, len.map(|len| TranslatedPin { block, len }));
            self.done = true;
            return Err(Error::Internal);
        }
        let ksn = if zone {
            None
        } else {
            Some(module.batch_ksn(job.bdk, job.ksn)?.ok_or(Error::Internal)?)
        };
        module.allow(Command::PinTranslate)?;
        let (mut input, mut output) = (PinKey::empty(), PinKey::empty());
        module.pin_translate_output(job.output, job.output_format, &job.pan, &mut output)?;
        output.with(job.output_format)?;
        if zone {
            let key = KeyRef::from(job.bdk);
            module.pin_input_key(key, FormatUse::Carry, job.format, &job.pan, job.block, &mut input)?;
        } else {
            module.pin_input_block(&input, FormatUse::Carry, job.format, &job.pan, job.block)?;
        }
        // A key of a TDEA transaction has 16 bytes.
        let input_bits = match ksn {
            Some(_) => key::usage::strength_bits(KeyAlgorithm::Tdea, 16),
            None => input.strength_bits(),
        };
        module.pin_translate_pair(job.format, input_bits, job.output, &output, job.output_format)?;
        module.pin_host_rate()?;
        module.ask(&Question::PinTranslate { pan: &job.pan })?;
        match &ksn {
            Some(ksn) => module.batch_open(job.bdk, ksn, job.format, &job.pan, job.block, lane)?,
            None => open_zone(&input, job.format, &job.pan, job.block, lane)?,
        }
        let PinKey::Tdea(output) = &output else {
            return Err(Error::Internal);
        };
        lane.seal(
            output.material()?,
            job.output_format,
            Some(&job.pan),
            &mut module.platform,
        )
    }

    fn store(&mut self, index: usize, outcome: Result<Opened<'_>, Error>) {
        if core::mem::take(&mut self.done) {
            return;
        }
        let module = &mut *self.module;
        let get = &self.get;
        let outcome = match outcome {
            Ok(opened) => module.allow(Command::PinTranslate).and_then(|()| {
                let job = get(index)?;
                // Jobs before this one may have used up the tries of its block.
                module.pin_may_try(job.block)?;
                let mut block = [0; 8];
                let released = opened.release(&mut block);
                module.pin_tried(&[job.block], released)?;
                let mut out = TranslatedPin {
                    block: [0; PIN_BLOCK_MAX_LEN],
                    len: block.len(),
                };
                for (to, from) in out.block.iter_mut().zip(block) {
                    *to = from;
                }
                Ok(out)
            }),
            Err(error) => Err(error),
        };
        (self.put)(index, outcome);
    }
}
