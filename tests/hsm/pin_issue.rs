// SPDX-License-Identifier: MIT OR Apache-2.0
//! PINs of the IBM 3624, new PINs and changed ones.

use std::collections::BTreeSet;

use payhsm::error::Error;
use payhsm::hsm::{EncipheredPin, KeyHandle, KeyRef, PinProfile};
use payhsm::key::Key;
use payhsm::key::role::PinEncryption;
use payhsm::pin::block::{Format, PinKey};
use payhsm::pin::choose;
use payhsm::pin::ibm3624::{Offset, Profile, Table, Validation};
use payhsm::pin::pan::Pan;
use payhsm::pin::{Pin, pvv::Pvv};
use payhsm::policy::{Permission, Policy};

use crate::common::card::PAN;
use crate::common::{AES_ID, Asked, Device, Module, attributes, ceremony, key, profile_3624, start, value};

/// PIN keys: in, out; TDEA and AES.
const KEYS: [(u8, u8, char, Format); 2] = [(60, 70, 'T', Format::Iso0), (61, 71, 'A', Format::Iso4)];

fn pan() -> Pan {
    Pan::parse(PAN).unwrap()
}

fn digits() -> Vec<u8> {
    PAN.iter().map(|c| c & 15).collect()
}

fn pin(text: &[u8]) -> Pin {
    let mut digits = [0; 12];
    for (to, from) in digits.iter_mut().zip(text) {
        *to = from - b'0';
    }
    Pin::from_entry(text.len().try_into().unwrap(), &digits).unwrap()
}

/// An issuer.
struct Issuer {
    device: Device,
    hsm: Module,
    inputs: [KeyHandle; 2],
    outputs: [KeyHandle; 2],
    pvk: KeyHandle,
    pvk_3624: KeyHandle,
    profile: PinProfile,
}

impl Issuer {
    fn new(policy: Policy) -> Self {
        let device = Device::new(1);
        let mut hsm = start(&device, policy, 10, 3).unwrap();
        Self {
            inputs: KEYS.map(|(seed, _, letter, _)| key(&mut hsm, "P0", letter, 'D', seed)),
            outputs: KEYS.map(|(_, seed, letter, _)| key(&mut hsm, "P0", letter, 'E', seed)),
            pvk: key(&mut hsm, "V2", 'T', 'C', 80),
            pvk_3624: key(&mut hsm, "V1", 'T', 'C', 81),
            profile: hsm.pin_profile_register(&profile_3624()).unwrap(),
            device,
            hsm,
        }
    }

    /// The block of a PIN under an input key, outside the module.
    fn block(at: usize, pin: &Pin) -> Vec<u8> {
        Self::block_for(at, pin, &pan())
    }

    fn block_for(at: usize, pin: &Pin, pan: &Pan) -> Vec<u8> {
        let (seed, _, _, format) = KEYS[at];
        let (tdea, aes) = (Key::from_bytes(&value(seed, 16)), Key::from_bytes(&value(seed, 16)));
        let (tdea, aes): (Key<PinEncryption, _>, Key<PinEncryption, _>) = (tdea.unwrap(), aes.unwrap());
        let key = if at == 0 {
            PinKey::Tdea(&tdea, format)
        } else {
            PinKey::Aes(&aes)
        };
        let mut out = [0; 16];
        let len = key.encipher(pin, Some(pan), &mut Device::new(9), &mut out).unwrap();
        out[..len].to_vec()
    }

    /// What the module enciphered under an output key.
    fn read(at: usize, block: &[u8]) -> String {
        let (_, seed, _, format) = KEYS[at];
        let (tdea, aes) = (Key::from_bytes(&value(seed, 16)), Key::from_bytes(&value(seed, 16)));
        let (tdea, aes): (Key<PinEncryption, _>, Key<PinEncryption, _>) = (tdea.unwrap(), aes.unwrap());
        let key = if at == 0 {
            PinKey::Tdea(&tdea, format)
        } else {
            PinKey::Aes(&aes)
        };
        let mut out = Pin::empty();
        key.decipher(block, Some(&pan()), &mut out).unwrap();
        let (len, digits) = out.expose();
        digits[..usize::from(len)].iter().map(ToString::to_string).collect()
    }

    fn enciphered<'a>(&self, at: usize, block: &'a [u8]) -> EncipheredPin<'a> {
        EncipheredPin {
            key: self.inputs[at].into(),
            format: KEYS[at].3,
            block,
        }
    }

    fn verify(&mut self, at: usize, text: &[u8], offset: &Offset) -> Result<(), Error> {
        let (input, format) = (self.inputs[at].into(), KEYS[at].3);
        self.hsm
            .pin_verify_3624(input, format, &pan(), text, self.pvk_3624, self.profile, offset)
    }

    fn offset(&mut self, at: usize, text: &[u8]) -> Result<Offset, Error> {
        let (input, format) = (self.inputs[at].into(), KEYS[at].3);
        self.hsm
            .pin_offset_generate(input, format, &pan(), text, self.pvk_3624, self.profile)
    }

    fn pvv(&mut self, at: usize, text: &[u8]) -> Result<Pvv, Error> {
        let (input, format) = (self.inputs[at].into(), KEYS[at].3);
        self.hsm.pvv_generate(input, format, &pan(), text, self.pvk, 1)
    }
}

/// B01: tables come in once, judged and by decision; no call brings one.
#[test]
fn b01_tables_are_registered() {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 1, 0).unwrap();
    let validation = Validation::new(3, 12, 15).unwrap();
    let with = |table| Profile::new(table, validation, 16, 4).unwrap();
    // Tables of two digits mark which digits a PIN has.
    for marks in 0..1 << 10_u16 {
        let text: Vec<u8> = (0..16)
            .map(|i| if marks >> (i % 10) & 1 == 1 { b'1' } else { b'0' })
            .collect();
        let result = hsm.pin_profile_register(&with(Table::parse(&text).unwrap()));
        assert_eq!(result, Err(Error::InvalidArgument));
    }
    assert!(device.world().asked.is_empty());
    device.world().answer = Some(Error::Refused);
    assert_eq!(hsm.pin_profile_register(&profile_3624()), Err(Error::Refused));
    assert_eq!(device.world().asked.last(), Some(&Asked::PinProfile(profile_3624())));
    device.world().answer = None;
    let first = hsm.pin_profile_register(&profile_3624()).unwrap();
    assert_eq!(first.to_raw(), 1);
    // The same again has the same number; eight are all.
    let tables = [
        b"1234567890123456",
        b"2345678901234567",
        b"3456789012345678",
        b"4567890123456789",
    ];
    let others = tables.map(|text| with(Table::parse(text).unwrap()));
    let longer = [5, 6, 7].map(|len| Profile::new(Table::STANDARD, validation, 16, len).unwrap());
    for (number, profile) in (2..).zip(others.iter().chain(&longer)) {
        assert_eq!(hsm.pin_profile_register(profile).unwrap().to_raw(), number);
    }
    assert_eq!(hsm.pin_profile_register(&profile_3624()), Ok(first));
    let ninth = Profile::new(Table::STANDARD, validation, 16, 8).unwrap();
    assert_eq!(hsm.pin_profile_register(&ninth), Err(Error::SlotsFull));
    for raw in [0, 256, 257, u32::MAX] {
        assert_eq!(PinProfile::from_raw(raw), Err(Error::InvalidHandle));
    }
    assert_eq!(PinProfile::from_raw(8).unwrap().to_raw(), 8);
    hsm.tamper();
    assert_eq!(hsm.pin_profile_register(&profile_3624()), Err(Error::Tampered));
    // Another start knows none.
    device.world().records.clear();
    let mut hsm = start(&device, Policy::STRICT, 2, 0).unwrap();
    let pvk = key(&mut hsm, "V1", 'T', 'C', 81);
    let zone = key(&mut hsm, "P0", 'T', 'D', 60);
    let touched = device.touched();
    let result = hsm.pin_offset_generate(zone.into(), Format::Iso0, &pan(), &[0; 8], pvk, first);
    assert_eq!(result.err(), Some(Error::InvalidHandle));
    assert_eq!(device.touched(), touched);
}

/// An offset verifies the PIN it was made for; slips are refused before the platform counts a try (B02, B03, B04).
#[test]
fn b02_b03_b04_offsets() {
    let mut issuer = Issuer::new(Policy::STRICT);
    let failed = Error::VerificationFailed;
    for at in 0..2 {
        let text = Issuer::block(at, &pin(b"9753"));
        let offset = issuer.offset(at, &text).unwrap();
        assert_eq!(offset.digits().len(), 4);
        assert_eq!(issuer.device.world().asked.last(), Some(&Asked::PinIssue(digits())));
        assert_eq!(issuer.verify(at, &text, &offset), Ok(()));
        assert_eq!(issuer.device.world().asked.last(), Some(&Asked::PinVerify(digits())));
        // Each wrong offset is a try (B02).
        let asked = issuer.device.world().asked.len();
        for place in 0..4 {
            let mut other = offset.digits().to_vec();
            other[place] = (other[place] + 1) % 10;
            let other = Offset::from_digits(&other).unwrap();
            assert_eq!(issuer.verify(at, &text, &other), Err(failed));
        }
        assert_eq!(issuer.device.world().asked.len(), asked + 4);
        // Another PIN, one with the same digits in front, a malformed block, another card's block.
        for other in [&b"9754"[..], b"97530", b"975309753097"] {
            let text = Issuer::block(at, &pin(other));
            assert_eq!(issuer.verify(at, &text, &offset), Err(failed));
            assert_eq!(issuer.offset(at, &text).err(), (other.len() != 4).then_some(failed));
        }
        let mut changed = text.clone();
        changed[0] ^= 0x40;
        for text in [vec![0; text.len()], changed] {
            assert_eq!(issuer.verify(at, &text, &offset), Err(failed));
            assert_eq!(issuer.offset(at, &text).err(), Some(failed));
        }
        // Slips: lengths of offset, block and PAN.
        let touched = issuer.device.touched();
        for len in [5, 12] {
            let other = Offset::from_digits(&[0; 12][..len]).unwrap();
            assert_eq!(issuer.verify(at, &text, &other), Err(Error::InvalidLength));
        }
        assert_eq!(issuer.verify(at, &text[1..], &offset), Err(Error::InvalidLength));
        let longer = Pan::parse(b"47617390010100100").unwrap();
        let (input, format) = (issuer.inputs[at].into(), KEYS[at].3);
        let result =
            issuer
                .hsm
                .pin_verify_3624(input, format, &longer, &text, issuer.pvk_3624, issuer.profile, &offset);
        assert_eq!(result, Err(Error::InvalidPan));
        assert_eq!(issuer.device.touched(), touched);
    }
}

/// A profile of fewer checked digits: which ones count is the profile's, not the call's.
#[test]
fn b03_fewer_checked_digits() {
    let mut issuer = Issuer::new(Policy::STRICT);
    let validation = Validation::new(3, 12, 15).unwrap();
    let profile = Profile::new(Table::STANDARD, validation, 16, 6).unwrap();
    issuer.profile = issuer
        .hsm
        .pin_profile_register(&profile.with_check_len(4).unwrap())
        .unwrap();
    let text = Issuer::block(0, &pin(b"271828"));
    let offset = issuer.offset(0, &text).unwrap();
    assert_eq!(offset.digits().len(), 4);
    assert_eq!(issuer.verify(0, &text, &offset), Ok(()));
    let verify = |issuer: &mut Issuer, digits: &[u8]| issuer.verify(0, &Issuer::block(0, &pin(digits)), &offset);
    assert_eq!(verify(&mut issuer, b"991828"), Ok(()));
    assert_eq!(verify(&mut issuer, b"271829"), Err(Error::VerificationFailed));
    assert_eq!(verify(&mut issuer, b"1828"), Err(Error::VerificationFailed));
    // No PIN is computed from part of an offset.
    let (output, pvk, profile) = (issuer.outputs[0], issuer.pvk_3624, issuer.profile);
    let touched = issuer.device.touched();
    let mut out = [0xA5; 16];
    let result = issuer
        .hsm
        .pin_derive_3624(&pan(), output, Format::Iso0, pvk, profile, &offset, &mut out);
    assert_eq!((result, out), (Err(Error::InvalidLength), [0; 16]));
    assert_eq!(issuer.device.touched(), touched);
}

/// What is drawn comes out enciphered, with the reference of the very PIN.
#[test]
fn drawn_pins() {
    let mut issuer = Issuer::new(Policy::STRICT);
    let mut seen = BTreeSet::new();
    for at in 0..2 {
        let (output, format) = (issuer.outputs[at], KEYS[at].3);
        let (pvk, pvk_3624, profile) = (issuer.pvk, issuer.pvk_3624, issuer.profile);
        for len in 4..=12 {
            let mut out = [0xA5; 16];
            let (block_len, pvv) = issuer
                .hsm
                .pin_generate_pvv(len, &pan(), output, format, pvk, 1, &mut out)
                .unwrap();
            assert_eq!(
                (block_len, &out[block_len..]),
                (format.block_len(), &[0; 16][block_len..])
            );
            assert_eq!(issuer.device.world().asked.last(), Some(&Asked::PinIssue(digits())));
            let text = Issuer::read(at, &out[..block_len]);
            assert_eq!(text.len(), usize::from(len));
            let block = Issuer::block(at, &pin(text.as_bytes()));
            assert_eq!(issuer.pvv(at, &block).unwrap().digits(), pvv.digits());
            assert!(seen.insert(text));
        }
        let mut out = [0xA5; 16];
        let (block_len, offset) = issuer
            .hsm
            .pin_generate_3624(&pan(), output, format, pvk_3624, profile, &mut out)
            .unwrap();
        let text = Issuer::read(at, &out[..block_len]);
        assert_eq!(text.len(), 4);
        let block = Issuer::block(at, &pin(text.as_bytes()));
        assert_eq!(issuer.verify(at, &block, &offset), Ok(()));
        // And back from the offset.
        let mut out = [0xA5; 16];
        let block_len = issuer
            .hsm
            .pin_derive_3624(&pan(), output, format, pvk_3624, profile, &offset, &mut out)
            .unwrap();
        assert_eq!(Issuer::read(at, &out[..block_len]), text);
        // Slips draw and ask nothing.
        let touched = issuer.device.touched();
        let hsm = &mut issuer.hsm;
        let mut refused = |len, format, pvki, error| {
            let mut out = [0xA5; 16];
            let result = hsm.pin_generate_pvv(len, &pan(), output, format, pvk, pvki, &mut out);
            assert_eq!((result.err(), out), (Some(error), [0; 16]));
        };
        for len in [0, 3, 13, 255] {
            refused(len, format, 1, Error::InvalidLength);
        }
        for format in [Format::Iso1, Format::Iso2, KEYS[1 - at].3] {
            refused(4, format, 1, Error::FormatNotPermitted);
        }
        refused(4, format, 10, Error::InvalidDigit);
        assert_eq!(issuer.device.touched(), touched);
        // A source that fails, a platform that refuses.
        let hsm = &mut issuer.hsm;
        for fails_in in [0, 1] {
            issuer.device.world().entropy_fails_in = Some(fails_in);
            let mut out = [0xA5; 16];
            let result = hsm.pin_generate_pvv(4, &pan(), output, format, pvk, 1, &mut out);
            // Format 0 draws for the PIN only.
            if at == 1 || fails_in == 0 {
                assert_eq!((result.err(), out), (Some(Error::Entropy), [0; 16]));
            }
        }
        issuer.device.world().entropy_fails_in = None;
        issuer.device.world().answer = Some(Error::Refused);
        let mut out = [0xA5; 16];
        let result = hsm.pin_generate_3624(&pan(), output, format, pvk_3624, profile, &mut out);
        assert_eq!((result.err(), out), (Some(Error::Refused), [0; 16]));
        let result = hsm.pin_derive_3624(&pan(), output, format, pvk_3624, profile, &offset, &mut out);
        assert_eq!((result.err(), out), (Some(Error::Refused), [0; 16]));
        issuer.device.world().answer = None;
    }
}

/// Of 3000 PINs none is trivial under the strict policy; one in 333 is if the policy allows it.
#[test]
fn drawn_pins_are_not_trivial() {
    for (policy, least, most) in [
        (Policy::STRICT, 0, 0),
        (Policy::STRICT.with(Permission::TrivialPins), 2, 25),
    ] {
        let mut issuer = Issuer::new(policy);
        let (output, pvk) = (issuer.outputs[0], issuer.pvk);
        let mut trivial = 0;
        for _ in 0..3000 {
            let mut out = [0; 16];
            issuer
                .hsm
                .pin_generate_pvv(4, &pan(), output, Format::Iso0, pvk, 1, &mut out)
                .unwrap();
            let text = Issuer::read(0, &out[..8]);
            trivial += u32::from(bool::from(choose::is_trivial(&pin(text.as_bytes()))));
        }
        assert!((least..=most).contains(&trivial), "{trivial}");
    }
}

/// A11: the old PIN is verified in the same call; one failure, and nothing about the new PIN.
#[test]
fn a11_changes() {
    let (old_pin, new_pin) = (pin(b"9753"), pin(b"2580"));
    for policy in [Policy::STRICT, Policy::STRICT.with(Permission::TrivialPins)] {
        let mut issuer = Issuer::new(policy);
        for (at, to) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let (old, new) = (Issuer::block(at, &old_pin), Issuer::block(to, &new_pin));
            let (pvv, offset) = (issuer.pvv(at, &old).unwrap(), issuer.offset(at, &old).unwrap());
            let (new_pvv, new_offset) = (issuer.pvv(to, &new).unwrap(), issuer.offset(to, &new).unwrap());
            let mut change = |old: &[u8], new: &[u8], pvv: &Pvv, offset: &Offset| {
                let (old, new) = (issuer.enciphered(at, old), issuer.enciphered(to, new));
                let (pvk, pvk_3624, profile) = (issuer.pvk, issuer.pvk_3624, issuer.profile);
                let asked = issuer.device.world().asked.len();
                let one = issuer.hsm.pin_change_pvv(&pan(), &old, &new, pvk, 1, pvv);
                let two = issuer
                    .hsm
                    .pin_change_3624(&pan(), &old, &new, pvk_3624, profile, offset);
                let world = issuer.device.world();
                let change = Asked::PinChange(digits());
                assert_eq!(world.asked[asked..], [change.clone(), change]);
                assert_eq!(one.as_ref().err(), two.as_ref().err());
                one.map(|pvv| (*pvv.digits(), two.unwrap()))
            };
            let expected = (*new_pvv.digits(), new_offset);
            assert_eq!(change(&old, &new, &pvv, &offset), Ok(expected));
            let failed = Err(Error::VerificationFailed);
            // The wrong PIN, blocks of nobody, and blocks of another card.
            let wrong = Issuer::block(at, &pin(b"9754"));
            let other = Pan::parse(b"9761739001010010").unwrap();
            assert_eq!(change(&wrong, &new, &pvv, &offset), failed);
            assert_eq!(change(&vec![0; old.len()], &new, &pvv, &offset), failed);
            assert_eq!(change(&old, &vec![0; new.len()], &pvv, &offset), failed);
            if to == 1 {
                assert_eq!(
                    change(&old, &Issuer::block_for(1, &new_pin, &other), &pvv, &offset),
                    failed
                );
            }
            let mut digits = *pvv.digits();
            digits[0] = (digits[0] + 1) % 10;
            let mut ones = offset.digits().to_vec();
            ones[0] = (ones[0] + 1) % 10;
            let (digits, ones) = (Pvv::from_digits(&digits).unwrap(), Offset::from_digits(&ones).unwrap());
            assert_eq!(change(&old, &new, &digits, &ones), failed);
            // A PIN that everybody tries first.
            for trivial in [b"0000", b"1234", b"8901", b"3210"] {
                let result = change(&old, &Issuer::block(to, &pin(trivial)), &pvv, &offset);
                assert_eq!(result.is_ok(), policy != Policy::STRICT);
                if policy == Policy::STRICT {
                    assert_eq!(result, failed);
                }
            }
        }
    }
}

/// Slips of a change, and two messages of a DUKPT terminal.
#[test]
fn a11_slips_of_changes() {
    let mut issuer = Issuer::new(Policy::STRICT);
    let (old, new) = (Issuer::block(0, &pin(b"9753")), Issuer::block(0, &pin(b"2580")));
    let pvv = issuer.pvv(0, &old).unwrap();
    let verify_only = ceremony(&mut issuer.hsm, &attributes("V2", 'T', 'V', 'N'), &value(82, 16)).unwrap();
    let generate_only = ceremony(&mut issuer.hsm, &attributes("V2", 'T', 'G', 'N'), &value(83, 16)).unwrap();
    let (pvk, touched) = (issuer.pvk, issuer.device.touched());
    for (format, old, new, pvk, pvki, error) in [
        (
            Format::Iso0,
            &old[..],
            &new[..],
            verify_only,
            1,
            Error::ModeNotPermitted,
        ),
        (Format::Iso0, &old, &new, generate_only, 1, Error::ModeNotPermitted),
        (Format::Iso0, &old, &new, issuer.pvk_3624, 1, Error::UsageNotPermitted),
        (Format::Iso0, &old, &new, pvk, 10, Error::InvalidDigit),
        (Format::Iso0, &old[1..], &new, pvk, 1, Error::InvalidLength),
        (Format::Iso0, &old, &new[1..], pvk, 1, Error::InvalidLength),
        (Format::Iso1, &old, &new, pvk, 1, Error::FormatNotPermitted),
        (Format::Iso4, &old, &new, pvk, 1, Error::FormatNotPermitted),
    ] {
        let [old, new] = [old, new].map(|block| EncipheredPin {
            format,
            ..issuer.enciphered(0, block)
        });
        let result = issuer.hsm.pin_change_pvv(&pan(), &old, &new, pvk, pvki, &pvv);
        assert_eq!(result.err(), Some(error));
    }
    assert_eq!(issuer.device.touched(), touched);
    // Under one KSN there is one PIN.
    let bdk = key(&mut issuer.hsm, "B0", 'A', 'X', 84);
    let ksn = |counter| [&AES_ID[..], &[0, 0, 0, counter]].concat();
    let [first, second] = [1, 2].map(|n| KeyRef::from(issuer.hsm.dukpt_derive(bdk, &ksn(n)).unwrap()));
    let block = [0; 16];
    let enciphered = |key| EncipheredPin {
        key,
        format: Format::Iso4,
        block: &block,
    };
    let touched = issuer.device.touched();
    let mut change = |old, new| {
        issuer
            .hsm
            .pin_change_pvv(&pan(), &enciphered(old), &enciphered(new), pvk, 1, &pvv)
            .err()
    };
    assert_eq!(change(first, first), Some(Error::LimitReached));
    assert_eq!(issuer.device.touched(), touched);
    assert_eq!(change(first, second), Some(Error::VerificationFailed));
    // Both are used up.
    assert_eq!(change(first, second), Some(Error::LimitReached));
    assert_eq!(change(second, first), Some(Error::LimitReached));
}
