// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the terminal's callbacks reach: card, host, cardholder, custodians, storage - and an attacker between them.

use std::collections::BTreeMap;

use payhsm::error::Error;

use crate::card::Card;
use crate::host::{Host, QR_CODE};
use crate::issuer::Issuer;
use crate::office::{self, Product};
use crate::secrets;
use crate::wire;

/// Who sits on the lines, and what he does with one transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attack {
    /// Nobody.
    #[default]
    None,
    /// On the line: another amount in the request.
    RequestAmount,
    /// On the line: another balance in the answer.
    AnswerBalance,
    /// On the line: "approved" in place of whatever the host answered.
    AnswerCode,
    /// On the line: the terminal's own request comes back, turned into an answer.
    Reflection,
    /// On the line: the answer gets lost; the reversal comes through.
    LostAnswer,
    /// On the line: one bit of the first key block.
    KeyBlockBit,
    /// In the card slot: the card signs a smaller amount than the terminal shows.
    CardAmount,
    /// In the card slot: one bit of the issuer's answer to the card.
    IssuerAnswer,
    /// On the line: one bit of this byte of the answer.
    #[cfg(test)]
    AnswerByte(usize),
    /// On the line: the answer is cut to this length.
    #[cfg(test)]
    AnswerCut(usize),
    /// In the card slot: all bits of this byte of what the card answers in the transaction.
    #[cfg(test)]
    CardByte(usize),
}

/// The world.
pub struct World {
    /// The host.
    pub host: Host,
    /// The contact card.
    pub visa: Card,
    /// The contactless card.
    pub unionpay: Card,
    /// Which of them is presented.
    pub presented: Product,
    /// What the cardholder enters.
    pub pin: &'static str,
    /// The terminal's non-volatile memory.
    pub storage: BTreeMap<u32, Vec<u8>>,
    /// What the display showed.
    pub display: Vec<String>,
    /// The last trace number.
    pub stan: u32,
    /// The attacker.
    pub attack: Attack,
    /// The first request of the last transaction as it left the terminal.
    pub recorded: Option<Vec<u8>>,
}

/// Changes what stands behind `head` in a message; whether it was there.
fn patch(message: &mut [u8], head: &[u8], change: impl FnOnce(&mut [u8])) -> bool {
    let found = message.windows(head.len()).position(|window| window == head);
    match found.and_then(|at| message.get_mut(at + head.len()..)) {
        Some(value) => {
            change(value);
            true
        }
        None => false,
    }
}

impl World {
    /// A host, an issuer and two cards.
    pub fn new() -> Result<Self, Error> {
        let (visa, visa_issued) = office::issue(Product::Visa)?;
        let (unionpay, unionpay_issued) = office::issue(Product::UnionPay)?;
        let wallet = unionpay_issued.pan.digits().to_vec();
        let issuer = Issuer::new([(visa_issued, 500_00), (unionpay_issued, 300_00)])?;
        Ok(Self {
            host: Host::new(issuer, wallet)?,
            visa,
            unionpay,
            presented: Product::Visa,
            pin: Product::Visa.pin(),
            storage: BTreeMap::new(),
            display: Vec::new(),
            stan: 0,
            attack: Attack::None,
            recorded: None,
        })
    }

    /// The line to the host.
    pub fn exchange(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        let mut request = request.to_vec();
        if self.recorded.is_none() {
            self.recorded = Some(request.clone());
        }
        // A hundred times the amount: 9F02, 6 bytes, BCD.
        if self.attack == Attack::RequestAmount
            && patch(&mut request, &[0x9F, 0x02, 0x06], |value| value[..6].rotate_left(1))
        {
            self.attack = Attack::None;
        }
        let answer = self.host.answer(&request);
        match self.attack {
            Attack::LostAnswer => {
                self.attack = Attack::None;
                None
            }
            Attack::Reflection => {
                self.attack = Attack::None;
                request[0] = wire::ANSWER;
                Some(request)
            }
            attack => answer.map(|answer| self.tamper(attack, answer)),
        }
    }

    fn tamper(&mut self, attack: Attack, mut answer: Vec<u8>) -> Vec<u8> {
        let done = match attack {
            Attack::AnswerBalance => patch(&mut answer, &[0xDF, 0x0C, 0x06], |value| value[1] = 0x99),
            Attack::AnswerCode => patch(&mut answer, &[0x8A, 0x02], |value| value[..2].copy_from_slice(b"00")),
            // Behind the header, the lowest bit of a hexadecimal digit: still a hexadecimal digit.
            Attack::KeyBlockBit => patch(&mut answer, b"B1TX", |value| {
                let last = value.iter().skip(60).position(u8::is_ascii_digit).unwrap_or(0) + 60;
                value[last] ^= 1;
            }),
            #[cfg(test)]
            Attack::AnswerByte(at) => answer.get_mut(at).map(|byte| *byte ^= 1).is_some(),
            #[cfg(test)]
            Attack::AnswerCut(len) if len < answer.len() => {
                answer.truncate(len);
                true
            }
            _ => false,
        };
        if done {
            self.attack = Attack::None;
        }
        answer
    }

    /// The card slot.
    pub fn card(&mut self, command: &[u8]) -> Vec<u8> {
        let mut command = command.to_vec();
        match (self.attack, command.get(..2)) {
            (Attack::CardAmount, Some([0x80, 0xAE])) => {
                // The first six bytes behind the length are the amount.
                command[5..11].copy_from_slice(&[0, 0, 0, 0, 0, 1]);
                self.attack = Attack::None;
            }
            (Attack::IssuerAnswer, Some([0x00, 0x82])) => {
                command[5] ^= 1;
                self.attack = Attack::None;
            }
            _ => {}
        }
        #[cfg_attr(not(test), expect(unused_mut, reason = "changed by an attack of the tests"))]
        let mut answer = self.presented_card().answer(&command);
        #[cfg(test)]
        if let Attack::CardByte(at) = self.attack {
            self.attack = match answer.get_mut(at) {
                Some(byte) => {
                    *byte = !*byte;
                    Attack::None
                }
                None => Attack::CardByte(at - answer.len()),
            };
        }
        answer
    }

    /// The card in the slot or on the reader.
    pub const fn presented_card(&mut self) -> &mut Card {
        match self.presented {
            Product::Visa => &mut self.visa,
            Product::UnionPay => &mut self.unionpay,
        }
    }

    /// What the contact card's account has.
    pub fn visa_balance(&self) -> u64 {
        let digits: Vec<u8> = secrets::VISA.0.bytes().map(|digit| digit - b'0').collect();
        self.host.issuer.balance(&digits)
    }

    /// The wallet's QR code on a telephone.
    pub const fn qr_code() -> &'static [u8] {
        QR_CODE
    }
}
