// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs with card verification values.

use subtle::Choice;

use crate::batch::{CvvLane, CvvSource, Outcome};
use crate::ct;
use crate::error::Error;
use crate::hsm::batch::CvvVerifyJob;
use crate::hsm::{Command, Hsm, Platform};
use crate::key::Key;

pub(super) struct CvvVerify<'h, 'm, P: Platform, G, S> {
    pub(super) module: &'h mut Hsm<'m, P>,
    /// Lends a job.
    pub(super) with: G,
    pub(super) put: S,
}

impl<P: Platform, G, S> CvvSource for CvvVerify<'_, '_, P, G, S>
where
    G: Fn(usize, &mut dyn FnMut(&CvvVerifyJob<'_>) -> Result<(), Error>) -> Result<(), Error>,
    S: FnMut(usize, Outcome),
{
    fn load(&mut self, index: usize, lane: &mut CvvLane) -> Result<(), Error> {
        let module = &mut *self.module;
        (self.with)(index, &mut |job| {
            let mut key = Key::empty();
            module.cvv_ready(job.cvk, job.kind, &job.pan, job.expiry, job.value.len(), &mut key)?;
            lane.load(key.material(), job.kind, &job.pan, job.expiry, job.value)
        })
    }

    fn store(&mut self, index: usize, outcome: Result<Choice, Error>) {
        let module = &*self.module;
        let outcome = outcome.and_then(|right| {
            module.allow_reading(Command::CvvVerify)?;
            ct::verdict(right)
        });
        (self.put)(index, outcome);
    }
}
