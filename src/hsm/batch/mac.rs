// SPDX-License-Identifier: MIT OR Apache-2.0
//! Jobs with MACs.

use subtle::Choice;

use crate::batch::{MacLane, MacSource, Outcome};
use crate::ct;
use crate::dukpt::aes::KeyType;
use crate::error::Error;
use crate::hsm::batch::{Ksn, MacVerifyJob};
use crate::hsm::event::{LogEvent, Note};
use crate::hsm::mac::check_tag_len;
use crate::hsm::{Command, Hsm, Platform};
use crate::key::usage::KeyAlgorithm;
use crate::policy::MacAlgorithm;

/// Length of a retail MAC.
const RETAIL_LEN: usize = 8;

/// Length of a CMAC under AES.
const CMAC_LEN: usize = 16;

pub(super) struct MacVerify<'h, 'm, P: Platform, G, S> {
    pub(super) module: &'h mut Hsm<'m, P>,
    pub(super) get: G,
    pub(super) put: S,
    /// The job that is loaded has been done: its error says nothing.
    pub(super) done: bool,
}

impl<'j, P: Platform, G, S> MacSource<'j> for MacVerify<'_, '_, P, G, S>
where
    G: Fn(usize) -> Result<MacVerifyJob<'j>, Error>,
    S: FnMut(usize, Outcome),
{
    fn load(&mut self, index: usize, lane: &mut MacLane<'j>) -> Result<(), Error> {
        let job = (self.get)(index)?;
        let module = &mut *self.module;
        module.allow(Command::DukptDerive)?;
        let mac = job.method.algorithm;
        match (module.batch_algorithm(job.bdk)?, mac) {
            (KeyAlgorithm::Tdea, MacAlgorithm::Iso9797Alg3) | (KeyAlgorithm::Aes, MacAlgorithm::Cmac) => {}
            _ => {
                let outcome = module.in_transaction(job.bdk, job.ksn, |module, keys| {
                    module.mac_verify(keys.into(), job.method, job.data, job.tag)
                });
                (self.put)(index, outcome);
                self.done = true;
                return Err(Error::Internal);
            }
        }
        let ksn = module.batch_ksn(job.bdk, job.ksn)?;
        module.allow(Command::MacVerify)?;
        // Judged and counted with its KSN.
        let material = module.slots.get(job.bdk)?.material();
        match &ksn {
            Ksn::Tdea(ksn) => {
                check_tag_len(mac.min_len(), RETAIL_LEN, job.tag.len())?;
                lane.load(material, ksn, job.method.padding, job.data, job.tag)
            }
            Ksn::Aes(ksn) => {
                check_tag_len(mac.min_len(), CMAC_LEN, job.tag.len())?;
                lane.load_aes(material, ksn, KeyType::aes(material.len())?, job.data, job.tag)
            }
        }
    }

    fn store(&mut self, index: usize, outcome: Result<Choice, Error>) {
        if core::mem::take(&mut self.done) {
            return;
        }
        let module = &mut *self.module;
        let get = &self.get;
        let outcome = outcome.and_then(|right| {
            module.allow(Command::MacVerify)?;
            ct::verdict(right).map_err(|error| {
                // There is no transaction whose place could be told.
                let place = get(index).map_or(crate::hsm::NO_PLACE, |job| job.bdk.place());
                module.note_failure(Note::of(LogEvent::BadMac).at(place), error)
            })
        });
        (self.put)(index, outcome);
    }
}
