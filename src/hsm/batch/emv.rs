// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs with application cryptograms.

use crate::batch::{ArqcLane, ArqcSource, Verified};
use crate::error::Error;
use crate::hsm::batch::{ArqcVerifyJob, ReadArqcVerifyJob};
use crate::hsm::{ArpcRequest, ArqcAnswer, Command, Hsm, Platform, Question};
use crate::key::usage::KeyAlgorithm;
use crate::key::{self, Key, role};
use crate::pin::pan::Pan;
use crate::policy::Operation;

pub(super) struct ArqcVerify<'h, 'm, P: Platform, G, S> {
    pub(super) module: &'h mut Hsm<'m, P>,
    pub(super) get: G,
    pub(super) put: S,
    pub(super) done: bool,
}

impl<'j, P: Platform, G, S> ArqcSource for ArqcVerify<'_, '_, P, G, S>
where
    G: Fn(usize) -> Result<ArqcVerifyJob<'j>, Error>,
    S: FnMut(usize, Result<ArqcAnswer, Error>),
{
    fn load(&mut self, index: usize, lane: &mut ArqcLane) -> Result<(), Error> {
        let job = (self.get)(index)?;
        let module = &mut *self.module;
        module.allow(Command::ArqcVerify)?;
        let slot = module.slots.get(job.imk)?;
        if slot.attributes()?.algorithm == KeyAlgorithm::Aes {
            let outcome = module.arqc_verify(job.imk, job.profile, &job.pan, job.psn, job.field55, job.answer);
            (self.put)(index, outcome);
            self.done = true;
            return Err(Error::Internal);
        }
        let mut key = Key::<role::Imk<role::Ac>, key::Tdea>::empty();
        slot.take(Operation::ArqcVerify, module.policy, &mut key)?;
        job.answer.check(job.profile.arpc())?;
        module.commit_uses()?;
        lane.load(
            job.profile,
            Ok(&key),
            &job.pan,
            job.psn,
            job.field55,
            &job.answer.into(),
        )
    }

    fn store(&mut self, index: usize, outcome: Result<Verified<'_>, Error>) {
        if core::mem::take(&mut self.done) {
            return;
        }
        let module = &mut *self.module;
        let get = &self.get;
        let outcome = outcome.and_then(|verified| {
            module.allow(Command::ArqcVerify)?;
            let job = get(index)?;
            answered(module, verified, job.answer, &job.pan)
        });
        (self.put)(index, outcome);
    }
}

/// Ends a job that has verified: the platform is asked about the counter, then it is answered.
fn answered<P: Platform>(
    module: &mut Hsm<'_, P>,
    verified: Verified<'_>,
    answer: ArpcRequest<'_>,
    pan: &Pan,
) -> Result<ArqcAnswer, Error> {
    let answered = verified.answer(&answer.into(), |atc| {
        module.ask(&Question::Atc { pan, atc: atc.value() })
    })?;
    Ok(ArqcAnswer {
        atc: answered.atc,
        kind: answered.kind,
        issuer_authentication_data: answered.issuer_authentication_data,
    })
}

pub(super) struct ReadArqcVerify<'h, 'm, 'j, P: Platform> {
    pub(super) module: &'h mut Hsm<'m, P>,
    pub(super) jobs: &'j [ReadArqcVerifyJob<'j>],
    pub(super) outcomes: &'h mut [Result<ArqcAnswer, Error>],
}

impl<P: Platform> ArqcSource for ReadArqcVerify<'_, '_, '_, P> {
    fn load(&mut self, index: usize, lane: &mut ArqcLane) -> Result<(), Error> {
        let job = self.jobs.get(index).ok_or(Error::Internal)?;
        let module = &mut *self.module;
        module.allow(Command::ArqcVerify)?;
        let message = &job.message.message;
        let mut key = Key::<role::Imk<role::Ac>, key::Tdea>::empty();
        let slot = module.slots.get(job.imk)?;
        // Messages that were read are of TDEA cards; what an AES key has done and used up then is as in the single command.
        let aes = slot.attributes()?.algorithm == KeyAlgorithm::Aes;
        if aes {
            slot.permit(Operation::ArqcVerify, module.policy)?;
        } else {
            slot.take(Operation::ArqcVerify, module.policy, &mut key)?;
        }
        job.answer.check(message.arpc())?;
        module.commit_uses()?;
        if aes {
            return Err(Error::AlgorithmMismatch);
        }
        lane.load_read(&key, message, &job.answer.into())
    }

    fn store(&mut self, index: usize, outcome: Result<Verified<'_>, Error>) {
        let (Some(job), Some(place)) = (self.jobs.get(index), self.outcomes.get_mut(index)) else {
            return;
        };
        let module = &mut *self.module;
        *place = outcome.and_then(|verified| {
            module.allow(Command::ArqcVerify)?;
            answered(module, verified, job.answer, &job.message.pan)
        });
    }
}
