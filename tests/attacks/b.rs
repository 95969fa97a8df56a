// SPDX-License-Identifier: MIT OR Apache-2.0
//! B. Verification of PINs, and card values.

use payhsm::card::CardValue;
use payhsm::card::cvv::{Expiry, ExpiryOrder, Kind, ServiceCode};
use payhsm::error::Error;
use payhsm::hsm::{Config, Group, Hsm, KeyHandle, PinProfile, Platform, Slot};
use payhsm::pin::block::Format;
use payhsm::pin::ibm3624::{Offset, Profile, Table, Validation};
use payhsm::pin::pan::Pan;
use payhsm::policy::{Permission, Policy};

use crate::a::{block_of, pin};
use crate::catalogue::{attack, attack_fails, figure};
use crate::common::card::PAN;
use crate::common::{Device, Module, PROFILE, attributes, block as block_with, key, profile_3624, start, value};

const ZONE: u8 = 60;

fn victim() -> Pan {
    Pan::parse(PAN).unwrap()
}

/// An issuer whose device counts three tries of a card.
struct Issuer {
    device: Device,
    hsm: Module,
    zone: KeyHandle,
    pvk: KeyHandle,
    pvk_3624: KeyHandle,
}

impl Issuer {
    fn new(mode: char) -> Self {
        let device = Device::new(1);
        let mut hsm = start(&device, Policy::STRICT.with(Permission::TrivialPins), 6, 0).unwrap();
        Self {
            zone: key(&mut hsm, "P0", 'T', 'D', ZONE),
            pvk: key(&mut hsm, "V2", 'T', mode, 80),
            pvk_3624: key(&mut hsm, "V1", 'T', mode, 81),
            hsm,
            device,
        }
    }

    fn profile(&mut self, profile: &Profile) -> PinProfile {
        self.hsm.pin_profile_register(profile).unwrap()
    }

    fn limit_tries(&self) {
        let mut world = self.device.world();
        (world.card_limit, world.tries) = (Some(3), Default::default());
    }

    fn offset(&mut self, profile: PinProfile, pan: &Pan, text: &[u8]) -> Result<Offset, Error> {
        let (zone, pvk) = (self.zone.into(), self.pvk_3624);
        self.hsm
            .pin_offset_generate(zone, Format::Iso0, pan, text, pvk, profile)
    }

    fn verify(&mut self, profile: PinProfile, pan: &Pan, text: &[u8], offset: &Offset) -> Result<(), Error> {
        let (zone, pvk) = (self.zone.into(), self.pvk_3624);
        self.hsm
            .pin_verify_3624(zone, Format::Iso0, pan, text, pvk, profile, offset)
    }
}

fn block(text: &str) -> Vec<u8> {
    block_of(ZONE, Format::Iso0, &victim(), &pin(text))
}

/// Tables that mark digits (Bond and Zielinski): they do not come in, and no call brings one.
#[test]
fn b01_no_decimalisation_table_of_the_callers() {
    let validation = Validation::new(3, 12, 15).unwrap();
    let hostile = |marks: u32| {
        let text: Vec<u8> = (0..16)
            .map(|i| if marks >> (i % 10) & 1 == 1 { b'1' } else { b'0' })
            .collect();
        Profile::new(Table::parse(&text).unwrap(), validation, 16, 4).unwrap()
    };
    // The adaptive attack: is the digit d among the first four of the natural PIN?
    let digits_found = || {
        let mut issuer = Issuer::new('C');
        let mut found = 0;
        let mut accepted = 0;
        for digit in 0..10 {
            let marked = issuer.hsm.pin_profile_register(&hostile(1 << digit));
            let Ok(profile) = marked else {
                continue;
            };
            accepted += 1;
            // A PIN of zeros verifies with offset 0 exactly if no place of the natural PIN has the digit.
            let zeros = Offset::parse(b"0000").unwrap();
            let verified = issuer.verify(profile, &victim(), &block("0000"), &zeros);
            found += u32::from(verified == Err(Error::VerificationFailed));
        }
        (accepted, found)
    };
    attack_fails("B01.table", || {
        let (accepted, found) = digits_found();
        figure(
            "B01",
            &format!("{accepted} of 10 marker tables come in, {found} digits of the PIN are told"),
        );
        found > 0
    });
    let mut issuer = Issuer::new('C');
    let accepted = (0..1 << 10)
        .filter(|&marks| issuer.hsm.pin_profile_register(&hostile(marks)).is_ok())
        .count();
    assert_eq!(accepted, 0);
    attack("B01.officers", Error::Refused, || {
        let mut issuer = Issuer::new('C');
        issuer.device.world().answer = Some(Error::Refused);
        issuer.hsm.pin_profile_register(&profile_3624())
    });
    // Whatever takes a table is the registration; the commands take its number.
    for text in crate::common::command_sources() {
        for function in text.split("pub fn ").skip(1) {
            let head = function.split('{').next().unwrap();
            assert!(
                !head.contains("Table") && !head.contains("&[u8; 16], validation"),
                "{head}"
            );
            assert!(
                !head.contains("&Profile)") || head.starts_with("pin_profile_register"),
                "{head}"
            );
        }
    }
}

/// Walking the offset until a known block verifies: each step is a try.
#[test]
fn b02_walking_the_offset_costs_tries() {
    attack("B02", Error::LimitReached, || {
        let mut issuer = Issuer::new('C');
        let profile = issuer.profile(&profile_3624());
        issuer.limit_tries();
        let mut tries = 0;
        for n in 0..10_000_u32 {
            // PIN minus offset walks through all natural PINs; each PIN serves three times, as often as its block may.
            let own = format!("{:04}", n / 3 * 7 % 10_000);
            let natural = format!("{n:04}");
            let digits = own
                .bytes()
                .zip(natural.bytes())
                .map(|(pin, natural)| (pin + 10 - natural) % 10);
            let offset = Offset::from_digits(&digits.collect::<Vec<_>>()).unwrap();
            tries += 1;
            let text = block(&own);
            match issuer.verify(profile, &victim(), &text, &offset) {
                Ok(()) => return Ok(()),
                Err(Error::VerificationFailed) => {}
                Err(error) => {
                    figure("B02", &format!("{} tries of 10000 are answered", tries - 1));
                    return Err(error);
                }
            }
        }
        Err(Error::Internal)
    });
}

/// Fewer digits than the profile checks.
#[test]
fn b03_the_check_length_is_the_profiles() {
    for len in 1..=3_u8 {
        assert_eq!(profile_3624().with_check_len(len).err(), Some(Error::InvalidLength));
        assert!(Offset::from_digits(&[0; 3][..usize::from(len)]).is_err());
    }
    attack("B03", Error::InvalidLength, || {
        let mut issuer = Issuer::new('C');
        let six = Profile::new(Table::STANDARD, Validation::new(3, 12, 15).unwrap(), 16, 6).unwrap();
        let short = issuer.profile(&six.with_check_len(4).unwrap());
        let whole = issuer.profile(&six);
        let text = block("427385");
        let four = issuer.offset(short, &victim(), &text).unwrap();
        let touched = issuer.device.touched();
        let result = issuer.verify(whole, &victim(), &text, &four);
        assert!(result != Err(Error::InvalidLength) || issuer.device.touched() == touched);
        // It is judged by its length alone; what is compared then is for the scheme.
        if result == Err(Error::VerificationFailed) {
            Ok(())
        } else {
            result
        }
    });
    attack("B03.derive", Error::InvalidLength, || {
        let mut issuer = Issuer::new('C');
        let six = Profile::new(Table::STANDARD, Validation::new(3, 12, 15).unwrap(), 16, 6).unwrap();
        let short = issuer.profile(&six.with_check_len(4).unwrap());
        let output = key(&mut issuer.hsm, "P0", 'T', 'E', 70);
        let (pvk, offset, mut out) = (issuer.pvk_3624, Offset::parse(b"0000").unwrap(), [0xA5; 16]);
        let hsm = &mut issuer.hsm;
        let result = hsm.pin_derive_3624(&victim(), output, Format::Iso0, pvk, short, &offset, &mut out);
        assert_eq!(out == [0; 16], result.is_err());
        result
    });
}

/// Validation data are digits of the block's own PAN, where the profile says.
#[test]
fn b04_validation_data_are_of_the_pan() {
    attack("B04", Error::InvalidPan, || {
        let mut issuer = Issuer::new('C');
        let profile = issuer.profile(&profile_3624());
        // Another length moves the digits: an offset for other validation data.
        let longer = Pan::parse(b"00047617390010100100")
            .or(Pan::parse(b"0476173900101001000"))
            .unwrap();
        let text = block_of(ZONE, Format::Iso0, &longer, &pin("4273"));
        let touched = issuer.device.touched();
        let result = issuer.offset(profile, &longer, &text);
        assert!(result.is_ok() || issuer.device.touched() == touched);
        result
    });
    // Neither data nor pad come with a call.
    for text in crate::common::command_sources() {
        for function in text.split("pub fn ").skip(1) {
            let head = function.split('{').next().unwrap();
            assert!(!head.contains("validation:") && !head.contains("pad:"), "{head}");
        }
    }
}

/// The difference of two offsets is that of two PINs: they are made for the issuer only, and not by a key that verifies.
#[test]
fn b05_no_offsets_but_for_the_issuer() {
    attack("B05", Error::Refused, || {
        let mut issuer = Issuer::new('C');
        let profile = issuer.profile(&profile_3624());
        issuer.device.world().answer = Some(Error::Refused);
        issuer.offset(profile, &victim(), &block("1234"))
    });
    attack("B05.mode", Error::ModeNotPermitted, || {
        let mut issuer = Issuer::new('V');
        let profile = issuer.profile(&profile_3624());
        let touched = issuer.device.touched();
        let (zone, pvk) = (issuer.zone.into(), issuer.pvk);
        let pvv = issuer
            .hsm
            .pvv_generate(zone, Format::Iso0, &victim(), &block("1234"), pvk, 1);
        let offset = issuer.offset(profile, &victim(), &block("1234"));
        assert_eq!(pvv.is_ok(), offset.is_ok());
        assert!(offset.is_ok() || issuer.device.touched() == touched);
        offset
    });
}

fn cvk() -> (Device, Module, KeyHandle) {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 2, 0).unwrap();
    let cvk = key(&mut hsm, "C0", 'T', 'C', 90);
    (device, hsm, cvk)
}

/// A key that has made values of one place makes none of another: service codes 000 and 999, another order of the date.
#[test]
fn b06_a_value_is_of_one_place() {
    let expiry = Expiry::yymm(b"2512").unwrap();
    let mut out = CardValue::empty();
    for code in [b"000", b"999"] {
        assert_eq!(ServiceCode::parse(code).err(), Some(Error::InvalidArgument));
    }
    assert!(ServiceCode::new(0).is_err() && ServiceCode::new(999).is_err());
    attack("B06", Error::UsageNotPermitted, || {
        let (_, mut hsm, cvk) = cvk();
        let stripe = Kind::Stripe(ServiceCode::parse(b"101").unwrap());
        let mut out = CardValue::empty();
        hsm.cvv_generate(cvk, stripe, &victim(), expiry, 3, &mut out).unwrap();
        let printed = Kind::Printed(ExpiryOrder::Mmyy);
        let result = hsm.cvv_generate(cvk, printed, &victim(), expiry, 3, &mut out);
        assert_eq!(out.is_empty(), result.is_err());
        result
    });
    // The halves of the key are no keys for anything else.
    attack("B06.halves", Error::VerificationFailed, || {
        let mut hsm = start(&Device::new(1), Policy::STRICT.with(Permission::SingleDes), 4, 0).unwrap();
        key(&mut hsm, "C0", 'T', 'C', 90);
        let kbpk = key(&mut hsm, "K1", 'A', 'D', 11);
        let mac_key = attributes("M0", 'D', 'C', 'N');
        let half = block_with(&value(11, 16), &mac_key, &value(90, 16)[8..], &[]);
        hsm.key_block_import(kbpk, &half, PROFILE)
    });
    let (_, mut hsm, cvk) = cvk();
    assert_eq!(
        hsm.mac_generate(cvk.into(), payhsm::hsm::MacMethod::X9_19, b"data", &mut [0; 8]),
        Err(Error::UsageNotPermitted)
    );
    assert!(
        hsm.cvv_generate(cvk, Kind::Chip, &victim(), expiry, 3, &mut out)
            .is_ok()
    );
}

/// A device that does not answer questions.
struct Silent(Device);

impl payhsm::entropy::Entropy for Silent {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.0.fill(out)
    }
}

impl payhsm::store::Storage for Silent {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        self.0.load(id, out)
    }

    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        self.0.save(id, record)
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        self.0.erase(id)
    }
}

impl Platform for Silent {}

/// A thousand values, ten thousand PINs: the device is asked before each, and one that cannot answer refuses.
#[test]
fn b07_guesses_are_counted() {
    let expiry = Expiry::yymm(b"2512").unwrap();
    let printed = Kind::Printed(ExpiryOrder::Mmyy);
    attack("B07", Error::LimitReached, || {
        let (device, mut hsm, cvk) = cvk();
        device.world().card_limit = Some(3);
        for n in 0..1000 {
            let guess = CardValue::parse(format!("{n:03}").as_bytes()).unwrap();
            match hsm.cvv_verify(cvk, printed, &victim(), expiry, &guess) {
                Err(Error::VerificationFailed) => {}
                Err(error) => {
                    figure("B07", &format!("{n} of 1000 guesses of a CVV2 are answered"));
                    return Err(error);
                }
                Ok(()) => return Ok(n),
            }
        }
        Err(Error::Internal)
    });
    attack("B07.pin", Error::LimitReached, || {
        let mut issuer = Issuer::new('C');
        let profile = issuer.profile(&profile_3624());
        let offset = issuer.offset(profile, &victim(), &block("0042")).unwrap();
        issuer.limit_tries();
        for n in 0..100 {
            match issuer.verify(profile, &victim(), &block(&format!("{n:04}")), &offset) {
                Err(Error::VerificationFailed) => {}
                other => return other.map(|()| n),
            }
        }
        Err(Error::Internal)
    });
    attack("B07.absent", Error::Refused, || {
        let slots = Box::leak(Box::new([const { Slot::EMPTY }; 2]));
        let groups: &mut [Group] = Box::leak(Box::new([]));
        let mut hsm = Hsm::new(Silent(Device::new(1)), slots, groups, Config::default()).unwrap();
        let attributes = attributes("C0", 'T', 'C', 'N');
        let cvk = hsm.key_generate(&attributes, 16)?.key;
        let guess = CardValue::parse(b"000").unwrap();
        let result = hsm.cvv_verify(cvk, printed, &victim(), expiry, &guess);
        if result == Err(Error::VerificationFailed) {
            Ok(())
        } else {
            result
        }
    });
    // A hook that fails refuses, with its own error.
    let (device, mut hsm, cvk) = cvk();
    device.world().answer = Some(Error::Storage);
    let guess = CardValue::parse(b"000").unwrap();
    assert_eq!(
        hsm.cvv_verify(cvk, printed, &victim(), expiry, &guess),
        Err(Error::Storage)
    );
}
