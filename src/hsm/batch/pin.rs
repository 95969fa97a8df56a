// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs with PIN blocks.

use crate::batch::{Opened, Outcome, PinLane, PinSource};
use crate::error::Error;
use crate::hsm::batch::{PinTranslateJob, PinVerifyJob, TranslatedPin};
use crate::hsm::pin::reference::Visa;
use crate::hsm::pin::{FormatUse, PIN_BLOCK_MAX_LEN, PinKey};
use crate::hsm::{Command, Hsm, KeyRef, Platform, Question};
use crate::key;
use crate::pin::block::Format;
use crate::pin::pan::Pan;
use crate::policy::Operation;

/// Writes down what opens a block under a key in a slot.
fn open_zone(key: &PinKey, format: Format, pan: &Pan, block: &[u8], lane: &mut PinLane) -> Result<(), Error> {
    match key {
        PinKey::Tdea(key) => {
            let block = block.try_into().map_err(|_| Error::InvalidLength)?;
            lane.open_zone(key.material()?, format, Some(pan), block)
        }
        PinKey::Aes(key) => {
            let block = block.try_into().map_err(|_| Error::InvalidLength)?;
            lane.open_zone_aes(key.material()?, pan, block)
        }
    }
}

pub(super) struct PinVerify<'h, 'm, P: Platform, G, S> {
    pub(super) module: &'h mut Hsm<'m, P>,
    pub(super) get: G,
    pub(super) put: S,
}

impl<'j, P: Platform, G, S> PinSource for PinVerify<'_, '_, P, G, S>
where
    G: Fn(usize) -> Result<PinVerifyJob<'j>, Error>,
    S: FnMut(usize, Outcome),
{
    fn load(&mut self, index: usize, lane: &mut PinLane) -> Result<(), Error> {
        let job = (self.get)(index)?;
        let module = &mut *self.module;
        if job.ksn.is_empty() {
            let input = KeyRef::from(job.bdk);
            module.allow(Command::PinVerifyPvv)?;
            let mut method = Visa::new(job.pvki);
            module.visa(job.pvk, &[Operation::PvvVerify], &job.pan, &mut method)?;
            let mut key = PinKey::empty();
            module.pin_input_key(input, FormatUse::Verify, job.format, &job.pan, job.block, &mut key)?;
            module.pin_host_rate()?;
            module.ask(&Question::PinVerify { pan: &job.pan })?;
            open_zone(&key, job.format, &job.pan, job.block, lane)?;
            return lane.check(method.material(), job.pvki, &job.pan, &job.pvv);
        }
        let ksn = module.batch_ksn(job.bdk, job.ksn)?;
        module.allow(Command::PinVerifyPvv)?;
        let mut method = Visa::new(job.pvki);
        module.visa(job.pvk, &[Operation::PvvVerify], &job.pan, &mut method)?;
        module.pin_input_block(&ksn.pin_key(), FormatUse::Verify, job.format, &job.pan, job.block)?;
        module.pin_host_rate()?;
        module.ask(&Question::PinVerify { pan: &job.pan })?;
        module.batch_open(job.bdk, &ksn, job.format, &job.pan, job.block, lane)?;
        lane.check(method.material(), job.pvki, &job.pan, &job.pvv)
    }

    fn store(&mut self, index: usize, outcome: Result<Opened<'_>, Error>) {
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
}

impl<'j, P: Platform, G, S> PinSource for PinTranslate<'_, '_, P, G, S>
where
    G: Fn(usize) -> Result<PinTranslateJob<'j>, Error>,
    S: FnMut(usize, Result<TranslatedPin, Error>),
{
    fn load(&mut self, index: usize, lane: &mut PinLane) -> Result<(), Error> {
        let job = (self.get)(index)?;
        let module = &mut *self.module;
        // What the output is decides after the input, as in the single commands.
        let ksn = if job.ksn.is_empty() {
            None
        } else {
            Some(module.batch_ksn(job.bdk, job.ksn)?)
        };
        module.allow(Command::PinTranslate)?;
        let (mut input, mut output) = (PinKey::empty(), PinKey::empty());
        module.pin_translate_output(job.output, job.output_format, &job.pan, &mut output)?;
        output.with(job.output_format)?;
        let input_bits = match &ksn {
            None => {
                let key = KeyRef::from(job.bdk);
                module.pin_input_key(key, FormatUse::Carry, job.format, &job.pan, job.block, &mut input)?;
                input.strength_bits()
            }
            Some(ksn) => {
                module.pin_input_block(&ksn.pin_key(), FormatUse::Carry, job.format, &job.pan, job.block)?;
                // The PIN key of a transaction is as long as the BDK.
                let slot = module.slots.get(job.bdk)?;
                key::usage::strength_bits(slot.attributes()?.algorithm, slot.material().len())
            }
        };
        module.pin_translate_pair(job.format, input_bits, job.output, &output, job.output_format)?;
        module.pin_host_rate()?;
        module.ask(&Question::PinTranslate { pan: &job.pan })?;
        match &ksn {
            Some(ksn) => module.batch_open(job.bdk, ksn, job.format, &job.pan, job.block, lane)?,
            None => open_zone(&input, job.format, &job.pan, job.block, lane)?,
        }
        let rng = &mut module.platform;
        match &output {
            PinKey::Tdea(key) => lane.seal(key.material()?, job.output_format, Some(&job.pan), rng),
            PinKey::Aes(key) => lane.seal_aes(key.material()?, &job.pan, rng),
        }
    }

    fn store(&mut self, index: usize, outcome: Result<Opened<'_>, Error>) {
        let module = &mut *self.module;
        let get = &self.get;
        let outcome = match outcome {
            Ok(opened) => module.allow(Command::PinTranslate).and_then(|()| {
                let job = get(index)?;
                // Jobs before this one may have used up the tries of its block.
                module.pin_may_try(job.block)?;
                let mut block = [0; PIN_BLOCK_MAX_LEN];
                let released = opened.release(&mut block);
                let len = module.pin_tried(&[job.block], released)?;
                Ok(TranslatedPin { block, len })
            }),
            Err(error) => Err(error),
        };
        (self.put)(index, outcome);
    }
}
