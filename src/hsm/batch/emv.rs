// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs with application cryptograms.

use crate::batch::{ArqcLane, ArqcSource, Verified};
use crate::error::Error;
use crate::hsm::batch::ArqcVerifyJob;
use crate::hsm::{ArqcAnswer, Command, Hsm, Platform, Question};
use crate::key::usage::KeyAlgorithm;
use crate::key::{self, Key, role};
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
            let answered = verified.answer(&job.answer.into(), |atc| {
                module.ask(&Question::Atc {
                    pan: &job.pan,
                    atc: atc.value(),
                })
            })?;
            Ok(ArqcAnswer {
                atc: answered.atc,
                kind: answered.kind,
                issuer_authentication_data: answered.issuer_authentication_data,
            })
        });
        (self.put)(index, outcome);
    }
}
