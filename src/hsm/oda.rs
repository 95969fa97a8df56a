// SPDX-License-Identifier: MIT OR Apache-2.0
//! Offline PIN: what a terminal sends to the card. Offline data authentication itself takes no key of the module:
//! [`Card`](crate::emv::oda::Card).

use crate::emv::oda::Card;
use crate::emv::oda::pin::{self, BLOCK_LEN};
use crate::error::Error;
use crate::hsm::{Command, Hsm, Platform};
use crate::pin::Pin;
use crate::policy::Permission;

impl<P: Platform> Hsm<'_, P> {
    /// Enciphers a PIN that was entered at this terminal for the card in it: the data of VERIFY with P2 88.
    ///
    /// `card`: its records, with the terminal's CA keys; the card's key is recovered in here, so no PIN goes under a key
    /// without a chain of certificates. `challenge`: the card's answer to GET CHALLENGE. Writes as many bytes as the
    /// key has and gives their number; the rest of `out` is zero.
    ///
    /// # Errors
    /// The state's errors; [`Error::Refused`] without [`Permission::OfflinePin`]; the class of the failure of
    /// [`Card::pin_key`]; [`Error::InvalidPin`] for an empty PIN; [`Error::RateLimited`]; [`Error::BufferTooSmall`],
    /// [`Error::InvalidKeyLength`], [`Error::Entropy`]. `out` is wiped then.
    ///
    /// # Timing
    /// Records and keys show; neither the PIN nor its length does.
    ///
    /// # Source
    /// EMV Book 2, clause 7.2; vectors: `vectors/emv_oda_chain.txt`.
    pub fn offline_pin_encipher(
        &mut self,
        card: &Card<'_>,
        challenge: &[u8; BLOCK_LEN],
        pin: &Pin,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        out.fill(0);
        self.allow(Command::OfflinePinEncipher)?;
        if !self.policy.has(Permission::OfflinePin) {
            return Err(Error::Refused);
        }
        let key = card.pin_key()?;
        pin.ready()?;
        let now = self.platform.tick();
        self.entry_rate.take(now)?;
        pin::encipher(&key, challenge, pin, &mut self.platform, out)
    }

    /// The data of VERIFY with P2 80: the PIN in clear, in a block of format 2.
    ///
    /// Only where keypad, module and card reader are in one protected housing.
    ///
    /// # Errors
    /// The state's errors; [`Error::Refused`] without [`Permission::PlaintextOfflinePin`]; [`Error::InvalidPin`] for an
    /// empty PIN; [`Error::RateLimited`]. `out` is wiped then.
    ///
    /// # Timing
    /// Neither the PIN nor its length shows.
    ///
    /// # Source
    /// ISO 9564-1, format 2; EMV Book 3, clause 6.5.12; vectors: `vectors/emv_oda_chain.txt`.
    pub fn offline_pin_plaintext(&mut self, pin: &Pin, out: &mut [u8; BLOCK_LEN]) -> Result<(), Error> {
        out.fill(0);
        self.allow(Command::OfflinePinPlaintext)?;
        if !self.policy.has(Permission::PlaintextOfflinePin) {
            return Err(Error::Refused);
        }
        pin.ready()?;
        let now = self.platform.tick();
        self.entry_rate.take(now)?;
        pin::plaintext(pin, out)
    }
}
