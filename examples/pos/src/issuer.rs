// SPDX-License-Identifier: MIT OR Apache-2.0
//! The card's issuer: PIN, cryptogram, account. Its module has the keys; this file has their handles.

use std::collections::HashMap;

use payhsm::emv::profile::{ArpcMethod, Scheme};
use payhsm::error::Error;
use payhsm::hsm::{ArpcRequest, Config, Group, Hsm, KeyHandle, Slot};
use payhsm::key::usage::{KeyAlgorithm, ModeOfUse, Usage};
use payhsm::pin::Pan;
use payhsm::pin::block::Format;

use crate::office::{self, Issued, deliver};
use crate::platform::HostPlatform;
use crate::secrets;

/// Approved.
pub const APPROVED: [u8; 2] = *b"00";
const NO_SUCH_CARD: [u8; 2] = *b"14";
const NOT_ENOUGH: [u8; 2] = *b"51";
const WRONG_PIN: [u8; 2] = *b"55";
const PIN_TRIES: [u8; 2] = *b"75";
const CRYPTOGRAM: [u8; 2] = *b"82";

struct Account {
    card: Issued,
    imk: KeyHandle,
    balance: u64,
}

/// What the host asks.
pub struct Request<'a> {
    /// The card.
    pub pan: &'a Pan,
    /// The PIN block under the zone's PIN key.
    pub pin_block: &'a [u8],
    /// Its format.
    pub format: Format,
    /// Field 55.
    pub field55: &'a [u8],
    /// What the sale takes; 0 for a balance inquiry.
    pub amount: u64,
}

/// What the issuer says.
pub struct Decision {
    /// The response code.
    pub code: [u8; 2],
    /// Why, for the log.
    pub why: String,
    /// Tag 91.
    pub authentication: Option<Vec<u8>>,
    /// What is left.
    pub balance: u64,
}

/// The issuer.
pub struct Issuer {
    hsm: Hsm<'static, HostPlatform>,
    zone_pin: [KeyHandle; 2],
    pvk: KeyHandle,
    accounts: HashMap<Vec<u8>, Account>,
}

impl Issuer {
    /// An issuer with its keys from the key management centre.
    pub fn new(cards: impl IntoIterator<Item = (Issued, u64)>) -> Result<Self, Error> {
        let slots = Box::leak(Box::new([const { Slot::EMPTY }; 8]));
        let groups: &mut [Group] = Box::leak(Box::new([]));
        let mut hsm = Hsm::new(HostPlatform::default(), slots, groups, Config::default())?;
        let zone = office::ZONE_MASTER.enter(&mut hsm, Usage::K1, ModeOfUse::Decrypt)?.key;
        let mut take = |key, usage, algorithm, mode| deliver(&mut hsm, zone, key, usage, algorithm, mode);
        let (tdea, aes) = (KeyAlgorithm::Tdea, KeyAlgorithm::Aes);
        let zone_pin = [
            take(&secrets::ZONE_PIN_TDEA, Usage::P0, tdea, ModeOfUse::Decrypt)?.key,
            take(&secrets::ZONE_PIN_AES, Usage::P0, aes, ModeOfUse::Decrypt)?.key,
        ];
        let pvk = take(&secrets::PIN_VERIFICATION, Usage::V2, tdea, ModeOfUse::Verify)?.key;
        let visa = take(&secrets::IMK_VISA, Usage::E0, tdea, ModeOfUse::Derive)?.key;
        let unionpay = take(&secrets::IMK_UNIONPAY, Usage::E0, tdea, ModeOfUse::Derive)?.key;
        hsm.key_erase(zone)?;

        let mut accounts = HashMap::new();
        for (card, balance) in cards {
            let imk = match card.profile.scheme() {
                Scheme::UnionPay => unionpay,
                _ => visa,
            };
            accounts.insert(card.pan.digits().to_vec(), Account { card, imk, balance });
        }
        Ok(Self {
            hsm,
            zone_pin,
            pvk,
            accounts,
        })
    }

    /// Judges PIN and cryptogram, moves the money, and answers the card.
    pub fn authorise(&mut self, request: &Request<'_>) -> Result<Decision, Error> {
        let Some(account) = self.accounts.get_mut(request.pan.digits()) else {
            return Ok(Decision {
                code: NO_SUCH_CARD,
                why: "no such card".to_string(),
                authentication: None,
                balance: 0,
            });
        };
        let card = &account.card;
        let [tdea, aes] = self.zone_pin;
        let zone_pin = if request.format == Format::Iso4 { aes } else { tdea };
        let pin = self.hsm.pin_verify_pvv(
            zone_pin.into(),
            request.format,
            &card.pan,
            request.pin_block,
            self.pvk,
            1,
            &card.pvv,
        );
        let (code, mut why) = match pin {
            Ok(()) => {
                self.hsm.platform().right_pin(&card.pan);
                if request.amount > account.balance {
                    (NOT_ENOUGH, "PIN right, not enough money")
                } else {
                    (APPROVED, "PIN right")
                }
            }
            Err(Error::VerificationFailed) => (WRONG_PIN, "PIN wrong"),
            Err(Error::LimitReached) => (PIN_TRIES, "too many wrong PINs"),
            Err(error) => return Err(error),
        };
        let answer = match card.profile.arpc() {
            ArpcMethod::Method1 => ArpcRequest::Method1 { arc: code },
            // Card status update: the bit "issuer approves online transaction".
            ArpcMethod::Method2 => ArpcRequest::Method2 {
                csu: [0, if code == APPROVED { 0x80 } else { 0 }, 0, 0],
                proprietary: &[],
            },
        };
        let verified = self
            .hsm
            .arqc_verify(account.imk, card.profile, &card.pan, card.psn, request.field55, answer);
        let mut decision = Decision {
            code,
            why: String::new(),
            authentication: None,
            balance: account.balance,
        };
        match verified {
            Ok(verified) => {
                decision.authentication = verified.issuer_authentication_data.map(|data| data.as_bytes().to_vec());
                if code == APPROVED {
                    account.balance -= request.amount;
                    decision.balance = account.balance;
                }
            }
            Err(error) => {
                decision.code = CRYPTOGRAM;
                why = match error {
                    Error::VerificationFailed => "ARQC wrong",
                    Error::Refused => "ATC seen before",
                    _ => error.message(),
                };
            }
        }
        decision.why = format!("{}: {why}", card.profile.name());
        Ok(decision)
    }

    /// Gives money back.
    pub fn credit(&mut self, pan: &[u8], amount: u64) -> [u8; 2] {
        match self.accounts.get_mut(pan) {
            Some(account) => {
                account.balance += amount;
                APPROVED
            }
            None => NO_SUCH_CARD,
        }
    }

    /// Takes money for a wallet that authenticated its owner itself.
    pub fn debit(&mut self, pan: &[u8], amount: u64) -> [u8; 2] {
        match self.accounts.get_mut(pan) {
            Some(account) if account.balance >= amount => {
                account.balance -= amount;
                APPROVED
            }
            Some(_) => NOT_ENOUGH,
            None => NO_SUCH_CARD,
        }
    }

    /// What a card has.
    pub fn balance(&self, pan: &[u8]) -> u64 {
        self.accounts.get(pan).map_or(0, |account| account.balance)
    }

    /// The issuer's module, to try what it must refuse.
    pub fn try_pin_under_wrong_key(&mut self, pan: &Pan) -> Result<(), Error> {
        let account = self.accounts.get(pan.digits()).ok_or(Error::InvalidPan)?;
        let pvv = account.card.pvv.clone();
        // An issuer master key in place of the PIN key.
        let key = account.imk;
        self.hsm
            .pin_verify_pvv(key.into(), Format::Iso0, pan, &[0; 8], self.pvk, 1, &pvv)
    }
}
