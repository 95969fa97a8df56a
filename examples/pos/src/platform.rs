// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a host gives to its module: random bytes of the operating system, and decisions that remember.

use std::collections::HashMap;

use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::hsm::{Platform, Question};
use payhsm::pin::Pan;
use payhsm::store::Storage;

/// PIN tries in a row.
const PIN_TRIES: u8 = 3;
/// PIN translations a card and day.
const PIN_TRANSLATIONS: u8 = 50;

/// The operating system's random bytes.
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        getrandom::fill(out).map_err(|_| Error::Entropy)
    }
}

/// The memory of a host. A product keeps it in its database, in the transaction that books the message.
#[derive(Default)]
pub struct HostPlatform {
    /// The last counter accepted of each initial key.
    counters: HashMap<Vec<u8>, u32>,
    /// The last ATC accepted of each card.
    atcs: HashMap<Vec<u8>, u16>,
    /// PIN translations of each card; a product starts anew every day.
    translations: HashMap<Vec<u8>, u8>,
    /// Wrong PINs in a row of each card.
    wrong_pins: HashMap<Vec<u8>, u8>,
}

impl HostPlatform {
    /// Takes note of a counter whose message was authentic. Not before: who can send anything at all could use up a
    /// terminal's counters otherwise.
    pub fn accept_counter(&mut self, identity: &[u8], counter: u32) {
        self.counters.insert(identity.to_vec(), counter);
    }

    /// Takes note of the right PIN.
    pub fn right_pin(&mut self, pan: &Pan) {
        self.wrong_pins.remove(pan.digits());
    }
}

impl Entropy for HostPlatform {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        SystemEntropy.fill(out)
    }
}

/// A host derives and stores nothing: it has no DUKPT registers.
impl Storage for HostPlatform {
    fn load(&mut self, _: u16, _: &mut [u8]) -> Result<usize, Error> {
        Ok(0)
    }

    fn save(&mut self, _: u16, _: &[u8]) -> Result<(), Error> {
        Err(Error::Storage)
    }

    fn erase(&mut self, _: u16) -> Result<(), Error> {
        Ok(())
    }
}

impl Platform for HostPlatform {
    fn decide(&mut self, question: &Question<'_>) -> Result<(), Error> {
        match question {
            // The custodians of the demo are always here.
            Question::Ceremony { .. } => Ok(()),
            // A block that is translated again and again for one card is somebody trying.
            Question::PinTranslate { pan } => {
                let count = self.translations.entry(pan.digits().to_vec()).or_default();
                if *count >= PIN_TRANSLATIONS {
                    return Err(Error::RateLimited);
                }
                *count += 1;
                Ok(())
            }
            // Messages of one terminal come in order; a gap is a message that was lost.
            Question::DukptCounter { identity, counter } => match self.counters.get(*identity) {
                Some(last) if counter <= last => Err(Error::CounterReplayed),
                _ => Ok(()),
            },
            // Counted before the PIN is looked at, so that pulling the plug gives no free try.
            Question::PinVerify { pan } => {
                let wrong = self.wrong_pins.entry(pan.digits().to_vec()).or_default();
                if *wrong >= PIN_TRIES {
                    return Err(Error::LimitReached);
                }
                *wrong += 1;
                Ok(())
            }
            Question::Atc { pan, atc } => {
                let last = self.atcs.entry(pan.digits().to_vec()).or_default();
                if atc <= last {
                    return Err(Error::Refused);
                }
                *last = *atc;
                Ok(())
            }
            _ => Err(Error::Refused),
        }
    }
}
