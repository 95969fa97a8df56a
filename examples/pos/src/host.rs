// SPDX-License-Identifier: MIT OR Apache-2.0
//! The acquirer's host: what comes from terminals, and what goes back.
//!
//! ```text
//! frame -> KSN -> keys of the KSN (a counter that was seen is refused) -> MAC of the request
//!       -> elements -> PIN block to the zone key -> issuer -> answer -> MAC of the answer -> keys gone
//! ```

use std::collections::HashMap;

use payhsm::codec::tlv::{find, require};
use payhsm::emv::element::{Track2, tag as emv};
use payhsm::error::Error;
use payhsm::hsm::{Config, Group, Hsm, KeyHandle, MacMethod, PIN_BLOCK_MAX_LEN, Slot, TransactionHandle};
use payhsm::key::usage::{KeyAlgorithm, ModeOfUse, Usage};
use payhsm::pin::block::Format;

use crate::issuer::{Issuer, Request};
use crate::office::{self, deliver};
use crate::platform::HostPlatform;
use crate::secrets;
use crate::wire::{self, Builder, hex, tag};

/// The host's name in the key agreement.
pub const HOST_ID: &[u8] = b"host-1";
/// The terminal's name, and its identification in messages.
pub const TERMINAL_ID: &[u8; 8] = b"POS00001";
/// The wallet's QR code.
pub const QR_CODE: &[u8] = b"https://pay.example/w/7Q2M-K8";
/// The terminal's initial keys: TDEA (counter bits zero) and AES.
const INITIAL_KEY_TDEA: [u8; 10] = [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0x00, 0x00];
const INITIAL_KEY_AES: [u8; 8] = [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56];

/// What a scheme's messages have.
struct Scheme {
    bdk: KeyHandle,
    zone_pin: KeyHandle,
    method: MacMethod,
    format: Format,
    block_len: usize,
}

/// A booking that a reversal undoes.
struct Booking {
    pan: Vec<u8>,
    taken: i64,
}

/// A financial answer.
struct Reply {
    code: [u8; 2],
    authentication: Option<Vec<u8>>,
    balance: Option<u64>,
}

impl Reply {
    const fn code(code: [u8; 2]) -> Self {
        Self {
            code,
            authentication: None,
            balance: None,
        }
    }
}

/// The host.
pub struct Host {
    hsm: Hsm<'static, HostPlatform>,
    authentication: KeyHandle,
    kbpk: Option<KeyHandle>,
    tdea: Scheme,
    aes: Scheme,
    wallet: Vec<u8>,
    bookings: HashMap<u64, Booking>,
    /// The issuer, behind a line in a product.
    pub issuer: Issuer,
    /// What a person wants to see.
    pub log: Vec<String>,
    /// Why the last request got no answer.
    pub refused: Option<Error>,
}

impl Host {
    /// A host with its keys: components from custodians, key blocks from the key management centre.
    pub fn new(issuer: Issuer, wallet: Vec<u8>) -> Result<Self, Error> {
        let slots = Box::leak(Box::new([const { Slot::EMPTY }; 12]));
        let groups = Box::leak(Box::new([const { Group::EMPTY }; 2]));
        let mut hsm = Hsm::new(HostPlatform::default(), slots, groups, Config::default())?;
        let mut log = Vec::new();
        let mut enter = |secret: office::Secret, usage, mode, name: &str| {
            let entered = secret.enter(&mut hsm, usage, mode)?;
            log.push(format!("{name}: 2 components, KCV {}", entered.info.check));
            Ok::<_, Error>(entered.key)
        };
        let authentication = enter(
            office::AUTHENTICATION,
            Usage::B3,
            ModeOfUse::Derive,
            "authentication key",
        )?;
        let bdk_tdea = enter(office::BDK_TDEA, Usage::B0, ModeOfUse::Derive, "BDK, TDEA         ")?;
        let bdk_aes = enter(office::BDK_AES, Usage::B0, ModeOfUse::Derive, "BDK, AES          ")?;
        let zone = enter(office::ZONE_MASTER, Usage::K1, ModeOfUse::Decrypt, "zone master key   ")?;
        let mut take = |key, algorithm| deliver(&mut hsm, zone, key, Usage::P0, algorithm, ModeOfUse::Encrypt);
        let zone_tdea = take(&secrets::ZONE_PIN_TDEA, KeyAlgorithm::Tdea)?;
        let zone_aes = take(&secrets::ZONE_PIN_AES, KeyAlgorithm::Aes)?;
        log.push(format!(
            "zone PIN keys     : key blocks, KCV {} and {}",
            zone_tdea.info.check, zone_aes.info.check
        ));
        Ok(Self {
            hsm,
            authentication,
            kbpk: None,
            tdea: Scheme {
                bdk: bdk_tdea,
                zone_pin: zone_tdea.key,
                method: MacMethod::X9_19,
                format: Format::Iso0,
                block_len: 8,
            },
            aes: Scheme {
                bdk: bdk_aes,
                zone_pin: zone_aes.key,
                method: MacMethod::CMAC,
                format: Format::Iso4,
                block_len: 16,
            },
            wallet,
            bookings: HashMap::new(),
            issuer,
            log,
            refused: None,
        })
    }

    /// Answers a message, or does not.
    pub fn answer(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        let network = wire::content(request, wire::REQUEST)
            .and_then(|content| require(content, tag::TYPE))
            .is_ok_and(|kind| kind == [0x08, 0x00]);
        let result = if network {
            self.network(request)
        } else {
            self.financial(request)
        };
        self.refused = result.as_ref().err().copied();
        if let Some(error) = self.refused {
            self.log.push(format!("no answer: {error}"));
        }
        result.ok()
    }

    /// Key loading: M1, then M3 with the key blocks.
    fn network(&mut self, request: &[u8]) -> Result<Vec<u8>, Error> {
        let content = wire::content(request, wire::REQUEST)?;
        let terminal = require(content, tag::TERMINAL)?;
        let answer = Builder::answer().put(tag::TYPE, &[0x08, 0x10]);
        let Some(m2) = find(content, tag::M2)? else {
            let m1 = self.hsm.agreement_begin(self.authentication, HOST_ID, terminal, 16)?;
            return Ok(answer.put(tag::M1, &m1).close());
        };
        let m2 = m2.value().try_into().map_err(|_| Error::InvalidLength)?;
        if let Some(old) = self.kbpk.take() {
            self.hsm.key_erase(old)?;
        }
        let (kbpk, m3) = self.hsm.agreement_confirm(m2)?;
        self.kbpk = Some(kbpk.key);
        self.log.push(format!("KBPK agreed, KCV {}", kbpk.info.check));
        let mut answer = answer.put(tag::M3, &m3);
        let blocks: [(_, &[u8], _, _); 2] = [
            (self.tdea.bdk, &INITIAL_KEY_TDEA, tag::BLOCK_TDEA, tag::KCV_TDEA),
            (self.aes.bdk, &INITIAL_KEY_AES, tag::BLOCK_AES, tag::KCV_AES),
        ];
        for (bdk, id, block_tag, kcv_tag) in blocks {
            let mut block = [0; 256];
            let (len, check) = self.hsm.dukpt_export_initial_key(bdk, id, kbpk.key, &mut block)?;
            let header = String::from_utf8_lossy(&block[..16]).into_owned();
            self.log
                .push(format!("key block {header}..., initial key {}, KCV {check}", hex(id)));
            answer = answer.put(block_tag, &block[..len]).put(kcv_tag, check.as_bytes());
        }
        Ok(answer.close())
    }

    fn financial(&mut self, request: &[u8]) -> Result<Vec<u8>, Error> {
        let frame = wire::frame(request, wire::REQUEST)?;
        // The KSN is the one element that must be read before the MAC: it says which key.
        let ksn = require(frame.content, tag::KSN)?;
        let bdk = self.scheme(ksn).bdk;
        let transaction = self.hsm.dukpt_derive(bdk, ksn)?;
        let result = self.within(transaction, ksn, &frame);
        self.hsm.transaction_end(transaction)?;
        result
    }

    const fn scheme(&self, ksn: &[u8]) -> &Scheme {
        if ksn.len() == 10 { &self.tdea } else { &self.aes }
    }

    /// From the MAC of the request to the MAC of the answer.
    fn within(
        &mut self,
        transaction: TransactionHandle,
        ksn: &[u8],
        frame: &wire::Frame<'_>,
    ) -> Result<Vec<u8>, Error> {
        let method = self.scheme(ksn).method;
        self.hsm
            .mac_verify(transaction.into(), method, frame.covered, frame.mac)?;
        let counter = self.hsm.transaction_ksn(transaction)?.counter();
        self.hsm.platform().accept_counter(&identity(ksn), counter);
        self.log.push(format!("KSN {}, request MAC right", hex(ksn)));

        let content = frame.content;
        let stan = require(content, tag::STAN)?;
        let kind = require(content, tag::TYPE)?;
        let reply = match kind {
            [0x04, 0x20] => self.reverse(content)?,
            [0x01 | 0x02, 0x00] => self.transact(transaction, ksn, content)?,
            _ => return Err(Error::Unsupported),
        };
        self.log
            .push(format!("response code {}", String::from_utf8_lossy(&reply.code)));
        let [class, function] = <[u8; 2]>::try_from(kind).map_err(|_| Error::InvalidLength)?;
        let mut answer = Builder::answer()
            .put(tag::TYPE, &[class, function + 0x10])
            .put(tag::STAN, stan)
            .put(tag::RESPONSE_CODE, &reply.code);
        if let Some(data) = &reply.authentication {
            self.log.push(format!("issuer authentication data {}", hex(data)));
            answer = answer.put(emv::ISSUER_AUTHENTICATION, data);
        }
        if let Some(balance) = reply.balance {
            answer = answer.put(tag::BALANCE, &wire::bcd::<6>(balance));
        }
        answer.seal(|data, mac| self.hsm.mac_generate(transaction.into(), method, data, mac))
    }

    fn transact(&mut self, transaction: TransactionHandle, ksn: &[u8], content: &[u8]) -> Result<Reply, Error> {
        let amount = wire::number(require(content, tag::AMOUNT)?)?;
        let stan = wire::number(require(content, tag::STAN)?)?;
        if let Some(code) = find(content, tag::QR)? {
            return Ok(self.wallet(code.value(), stan, amount));
        }
        let track2 = self.track2(transaction, ksn, content)?;
        let pan = track2.pan();
        self.log.push(format!("track 2 deciphered, PAN {pan}"));
        match require(content, tag::PROCESSING)? {
            [0x20, ..] => {
                let code = self.issuer.credit(pan.digits(), amount);
                self.book(stan, pan.digits(), amount, -1);
                Ok(Reply::code(code))
            }
            [kind @ (0x00 | 0x31), ..] => {
                let field55 = require(content, tag::FIELD55)?;
                // What the card signed must be what the message says.
                if require(field55, tag::AMOUNT)? != require(content, tag::AMOUNT)? {
                    return Ok(Reply::code(*b"13"));
                }
                let scheme = self.scheme(ksn);
                let (format, zone_pin) = (scheme.format, scheme.zone_pin);
                let mut block = [0; PIN_BLOCK_MAX_LEN];
                let len = self.hsm.pin_translate(
                    transaction.into(),
                    format,
                    pan,
                    require(content, tag::PIN_BLOCK)?,
                    zone_pin,
                    format,
                    &mut block,
                )?;
                let decision = self.issuer.authorise(&Request {
                    pan,
                    pin_block: &block[..len],
                    format,
                    field55,
                    amount,
                })?;
                self.log.push(format!(
                    "PIN block translated to the zone key ({format:?}); issuer, {}; ARQC {}",
                    decision.why,
                    hex(require(field55, emv::CRYPTOGRAM)?)
                ));
                if decision.code == *b"00" {
                    self.book(stan, pan.digits(), amount, 1);
                }
                Ok(Reply {
                    code: decision.code,
                    authentication: decision.authentication,
                    balance: (*kind == 0x31).then_some(decision.balance),
                })
            }
            _ => Err(Error::Unsupported),
        }
    }

    fn track2(&mut self, transaction: TransactionHandle, ksn: &[u8], content: &[u8]) -> Result<Track2, Error> {
        let block_len = self.scheme(ksn).block_len;
        let mut data = require(content, tag::TRACK2_ENCIPHERED)?.to_vec();
        self.hsm
            .data_decipher(transaction.into(), &[0; 16][..block_len], &mut data)?;
        let track2 = require(&data, emv::TRACK2).and_then(Track2::parse);
        data.fill(0);
        track2
    }

    fn wallet(&mut self, code: &[u8], stan: u64, amount: u64) -> Reply {
        if code != QR_CODE {
            return Reply::code(*b"14");
        }
        let wallet = self.wallet.clone();
        let code = self.issuer.debit(&wallet, amount);
        if code == *b"00" {
            self.book(stan, &wallet, amount, 1);
        }
        Reply::code(code)
    }

    fn book(&mut self, stan: u64, pan: &[u8], amount: u64, sign: i64) {
        let taken = i64::try_from(amount).unwrap_or(i64::MAX) * sign;
        self.bookings.insert(
            stan,
            Booking {
                pan: pan.to_vec(),
                taken,
            },
        );
    }

    /// Undoes a booking, once. A reversal of what never came is right too: the terminal cannot know.
    fn reverse(&mut self, content: &[u8]) -> Result<Reply, Error> {
        let original = wire::number(require(content, tag::ORIGINAL_STAN)?)?;
        match self.bookings.remove(&original) {
            Some(Booking { pan, taken }) if taken >= 0 => {
                self.issuer.credit(&pan, taken.unsigned_abs());
                self.log.push(format!("reversal of {original:06}: booking undone"));
            }
            Some(Booking { pan, taken }) => {
                self.issuer.debit(&pan, taken.unsigned_abs());
                self.log.push(format!("reversal of {original:06}: booking undone"));
            }
            None => self.log.push(format!("reversal of {original:06}: nothing was booked")),
        }
        Ok(Reply::code(*b"00"))
    }

    /// The module, to try what it must refuse.
    pub fn try_bdk_as_pin_key(&mut self) -> Result<(), Error> {
        let pan = payhsm::pin::Pan::parse(b"4000000000000002")?;
        let mut out = [0; PIN_BLOCK_MAX_LEN];
        // A base derivation key as PIN key.
        self.hsm
            .pin_translate(
                self.tdea.bdk.into(),
                Format::Iso0,
                &pan,
                &[0; 8],
                self.tdea.zone_pin,
                Format::Iso0,
                &mut out,
            )
            .map(|_| ())
    }
}

/// The identity of a KSN's initial key as the module asks for it.
fn identity(ksn: &[u8]) -> Vec<u8> {
    match ksn.len() {
        10 => {
            let mut id = ksn.to_vec();
            id[7] &= 0xE0;
            id[8..].fill(0);
            id
        }
        _ => ksn[..8].to_vec(),
    }
}
