// SPDX-License-Identifier: MIT OR Apache-2.0
//! Issuer scripts: the card takes what the module writes, and the module writes nothing else.

use payhsm::codec::tlv::Tag;
use payhsm::emv::derive::{Psn, icc_master_key};
use payhsm::emv::element::Atc;
use payhsm::emv::profile::{INTERAC_CVN133, MCHIP_CVN10, Profile, UNIONPAY_CVN01, VISA_CVN10, VISA_CVN18, VISA_CVN22};
use payhsm::emv::script::{self, Command, Keys, MAX_COMMAND_LEN, Request};
use payhsm::error::Error;
use payhsm::hsm::{EncipheredPin, KeyHandle, KeyRef, ScriptTarget};
use payhsm::key::role::{Ac, IccMk, Imk, Purpose, SessionKey, Smc, Smi};
use payhsm::key::{Key, Tdea};
use payhsm::pin::block::Format;
use payhsm::pin::{Pan, Pin};
use payhsm::policy::{Permission, Policy};

use crate::common::card::PAN;
use crate::common::{Asked, Device, Module, TDEA_ID, key, start, value};

const FAILED: Error = Error::VerificationFailed;

fn pan() -> Pan {
    Pan::parse(PAN).unwrap()
}

fn pin(digits: &str) -> Pin {
    let mut values = [0; 12];
    for (value, c) in values.iter_mut().zip(digits.bytes()) {
        *value = c - b'0';
    }
    Pin::from_entry(digits.len().try_into().unwrap(), &values).unwrap()
}

fn shown(pin: &Pin) -> String {
    let (len, digits) = pin.expose();
    digits[..len.into()].iter().map(|d| char::from(b'0' + d)).collect()
}

fn target<'a>(profile: &'static Profile, pan: &'a Pan, index: u16) -> ScriptTarget<'a> {
    ScriptTarget {
        profile,
        pan,
        psn: Psn::new(1).unwrap(),
        request: Request::new(Atc::new(7), [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE]),
        index,
    }
}

/// The card: it has its master keys, and counts the commands of a script.
struct Chip {
    profile: &'static Profile,
    smi: Key<SessionKey<Smi>, Tdea>,
    smc: Key<SessionKey<Smc>, Tdea>,
    mk_ac: Key<IccMk<Ac>, Tdea>,
    request: Request,
}

impl Chip {
    fn master<P: Purpose>(target: &ScriptTarget<'_>, seed: u8) -> Key<IccMk<P>, Tdea> {
        let imk = Key::<Imk<P>, Tdea>::from_bytes(&value(seed, 16)).unwrap();
        let mut mk = Key::empty();
        icc_master_key(target.profile.master_key(), &imk, target.pan, target.psn, &mut mk).unwrap();
        mk
    }

    fn new(target: &ScriptTarget<'_>, request: Request) -> Self {
        let (mut smi, mut smc) = (Key::empty(), Key::empty());
        script::session_key(target.profile, &Self::master::<Smi>(target, 2), &request, &mut smi).unwrap();
        script::session_key(target.profile, &Self::master::<Smc>(target, 3), &request, &mut smc).unwrap();
        Self {
            profile: target.profile,
            smi,
            smc,
            mk_ac: Self::master(target, 1),
            request,
        }
    }

    fn takes<'a>(&self, command: &'a [u8]) -> Result<&'a [u8], Error> {
        script::verify_command(self.profile, &self.smi, &self.request, command)
    }

    fn takes_pin(&self, command: &[u8], current: Option<&Pin>) -> Result<String, Error> {
        let keys = Keys {
            smi: &self.smi,
            smc: &self.smc,
            mk_ac: &self.mk_ac,
        };
        let mut new = Pin::empty();
        script::receive_pin_change(self.profile, &keys, &self.request, command, current, &mut new)?;
        Ok(shown(&new))
    }
}

/// Keys AC, SMI, SMC.
fn keys(hsm: &mut Module) -> [KeyHandle; 3] {
    [("E0", 1), ("E2", 2), ("E1", 3)].map(|(usage, seed)| key(hsm, usage, 'T', 'X', seed))
}

#[test]
fn commands_for_every_profile() {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 4, 0).unwrap();
    let [_, smi, smc] = keys(&mut hsm);
    let pan = pan();
    let tag = Tag::new(0x9F58).unwrap();
    let data = &[3, 0xAA, 0x55, 1, 2, 3, 4][..];
    let commands = [
        Command::ApplicationBlock,
        Command::ApplicationUnblock,
        Command::CardBlock,
        Command::PinUnblock,
        Command::PutData { tag, data },
        Command::UpdateRecord {
            sfi: 3,
            record: 2,
            data,
        },
    ];
    let mut run = 0;
    for profile in [&VISA_CVN10, &VISA_CVN18, &VISA_CVN22, &MCHIP_CVN10, &INTERAC_CVN133] {
        let target = target(profile, &pan, 0);
        let chip = Chip::new(&target, target.request);
        for command in &commands {
            for handle in [None, Some(smc)] {
                if command.data().is_empty() && handle.is_some() {
                    let mut out = [0x55; MAX_COMMAND_LEN];
                    let result = hsm.script_command(smi, handle, &target, command, &mut out);
                    assert_eq!((result, out), (Err(Error::InvalidArgument), [0; MAX_COMMAND_LEN]));
                    continue;
                }
                let mut out = [0x55; MAX_COMMAND_LEN];
                let len = hsm.script_command(smi, handle, &target, command, &mut out).unwrap();
                assert_eq!(command.secured_len(profile, handle.is_some()), Ok(len));
                assert!(out[len..].iter().all(|&byte| byte == 0));
                let taken = chip.takes(&out[..len]).unwrap();
                match handle {
                    None => assert_eq!(taken, command.data()),
                    Some(_) => {
                        let mut clear = [0; 7];
                        script::decipher(&chip.smc, profile.script().unwrap().style, taken, &mut clear).unwrap();
                        assert_eq!(clear, data);
                    }
                }
                // No byte of it may change.
                for at in 0..len {
                    let mut wrong = out[..len].to_vec();
                    wrong[at] ^= 1;
                    assert!(chip.takes(&wrong).is_err(), "byte {at}");
                }
                let mut short = vec![0x55; len - 1];
                let result = hsm.script_command(smi, handle, &target, command, &mut short);
                assert_eq!((result, short), (Err(Error::BufferTooSmall), vec![0; len - 1]));
                run += 1;
            }
        }
    }
    assert_eq!(run, 5 * 8);
    // The device was asked before each, and only that.
    let world = device.world();
    let asked = |kind: fn(&Asked) -> bool| world.asked.iter().filter(|asked| kind(asked)).count();
    assert_eq!(asked(|asked| matches!(asked, Asked::Script(..))), run);
    assert!(
        world
            .asked
            .iter()
            .all(|asked| matches!(asked, Asked::Ceremony(_) | Asked::Script(..)))
    );
}

/// Further commands have their own keys and MACs where the profile's chaining is known.
#[test]
fn further_commands() {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 4, 0).unwrap();
    let [_, smi, _] = keys(&mut hsm);
    let pan = pan();
    let mut out = [0; MAX_COMMAND_LEN];
    for profile in [&VISA_CVN22, &MCHIP_CVN10, &INTERAC_CVN133] {
        let mut seen = Vec::new();
        for (index, arqc) in [(0_u16, u64::MAX - 1), (1, u64::MAX), (2, 0), (300, 298)] {
            let target = target(profile, &pan, index);
            let len = hsm
                .script_command(smi, None, &target, &Command::ApplicationUnblock, &mut out)
                .unwrap();
            let request = Request::new(Atc::new(7), arqc.to_be_bytes());
            let chip = Chip::new(&target, request);
            assert_eq!(chip.takes(&out[..len]), Ok(&[][..]), "{index}");
            if index > 0 {
                let first = Chip::new(&target, target.request);
                assert_eq!(first.takes(&out[..len]), Err(FAILED));
            }
            assert!(!seen.contains(&out[..len].to_vec()));
            seen.push(out[..len].to_vec());
        }
    }
    for profile in [&VISA_CVN10, &VISA_CVN18] {
        let result = hsm.script_command(
            smi,
            None,
            &target(profile, &pan, 1),
            &Command::ApplicationUnblock,
            &mut out,
        );
        assert_eq!((result, out), (Err(Error::Unsupported), [0; MAX_COMMAND_LEN]));
    }
    let result = hsm.script_command(
        smi,
        None,
        &target(&UNIONPAY_CVN01, &pan, 0),
        &Command::CardBlock,
        &mut out,
    );
    assert_eq!(result, Err(Error::Unsupported));
}

/// An enciphered PIN, made by a terminal with the key of `seed`.
fn enciphered(digits: &str, algorithm: char, seed: u8) -> (Format, Vec<u8>) {
    let mut terminal = start(&Device::new(9), Policy::STRICT, 1, 0).unwrap();
    let format = if algorithm == 'A' { Format::Iso4 } else { Format::Iso0 };
    let key = key(&mut terminal, "P0", algorithm, 'E', seed);
    let mut out = [0; 16];
    let len = terminal
        .pin_encipher(key.into(), format, &pan(), &pin(digits), &mut out)
        .unwrap();
    (format, out[..len].to_vec())
}

#[test]
fn a_new_pin_goes_through() {
    let device = Device::new(1);
    let mut hsm = start(&device, Policy::STRICT, 6, 0).unwrap();
    let [ac, smi, smc] = keys(&mut hsm);
    let zpk = key(&mut hsm, "P0", 'T', 'D', 40);
    let pan = pan();
    let ((format, new_block), (_, old_block)) = (enciphered("98764", 'T', 40), enciphered("1234", 'T', 40));
    let new = EncipheredPin {
        key: KeyRef::Slot(zpk),
        format,
        block: &new_block,
    };
    let old = EncipheredPin {
        block: &old_block,
        ..new
    };
    let mut out = [0x55; MAX_COMMAND_LEN];
    for (profile, with_current, mixed) in [
        (&VISA_CVN10, false, true),
        (&VISA_CVN10, true, true),
        (&VISA_CVN18, false, true),
        (&VISA_CVN22, false, false),
        (&VISA_CVN22, true, true),
        (&MCHIP_CVN10, false, false),
        (&INTERAC_CVN133, false, false),
    ] {
        let target = target(profile, &pan, 0);
        let chip = Chip::new(&target, target.request);
        let (current, current_pin) = (with_current.then_some(&old), with_current.then(|| pin("1234")));
        let asked = device.touched();
        let without = hsm.script_pin_change(smi, smc, None, &target, &new, current, &mut out);
        if mixed {
            assert_eq!((without, device.touched()), (Err(Error::NoKey), asked));
        } else {
            assert!(without.is_ok());
        }
        let len = hsm
            .script_pin_change(smi, smc, Some(ac), &target, &new, current, &mut out)
            .unwrap();
        let digits = PAN.iter().map(|c| c & 15).collect();
        assert_eq!(device.world().asked.last(), Some(&Asked::PinIssue(digits)));
        assert_eq!(
            chip.takes_pin(&out[..len], current_pin.as_ref()),
            Ok("98764".to_owned()),
            "{}",
            profile.name()
        );
        assert!(out[len..].iter().all(|&byte| byte == 0));
        for at in 0..len {
            let mut wrong = out[..len].to_vec();
            wrong[at] ^= 1;
            assert!(chip.takes_pin(&wrong, current_pin.as_ref()).is_err());
        }
        // One byte short, no PIN in the block, another key's block: nothing comes out.
        let mut short = vec![0x55; len - 1];
        let result = hsm.script_pin_change(smi, smc, Some(ac), &target, &new, current, &mut short);
        assert_eq!((result, short), (Err(Error::BufferTooSmall), vec![0; len - 1]));
        let bad = EncipheredPin {
            block: &[profile.name().len().try_into().unwrap(); 8],
            ..new
        };
        out.fill(0x55);
        let result = hsm.script_pin_change(smi, smc, Some(ac), &target, &bad, current, &mut out);
        assert_eq!((result, out), (Err(FAILED), [0; MAX_COMMAND_LEN]));
    }
    // A trivial PIN is no better than a malformed one.
    let (format, trivial) = enciphered("98765", 'T', 40);
    let trivial = EncipheredPin {
        format,
        block: &trivial,
        ..new
    };
    out.fill(0x55);
    let card = target(&MCHIP_CVN10, &pan, 0);
    let result = hsm.script_pin_change(smi, smc, None, &card, &trivial, None, &mut out);
    assert_eq!((result, out), (Err(FAILED), [0; MAX_COMMAND_LEN]));
    // No form with the current PIN.
    let asked = device.touched();
    let target = target(&MCHIP_CVN10, &pan, 0);
    let result = hsm.script_pin_change(smi, smc, Some(ac), &target, &new, Some(&old), &mut out);
    assert_eq!(result, Err(Error::Unsupported));
    // Formats that do not travel.
    for format in [Format::Iso1, Format::Iso2, Format::Iso4] {
        let wrong = EncipheredPin { format, ..new };
        let result = hsm.script_pin_change(smi, smc, None, &target, &wrong, None, &mut out);
        assert_eq!(result, Err(Error::FormatNotPermitted));
    }
    let short = EncipheredPin {
        block: &new_block[..7],
        ..new
    };
    let result = hsm.script_pin_change(smi, smc, None, &target, &short, None, &mut out);
    assert_eq!(result, Err(Error::InvalidLength));
    assert_eq!(device.touched(), asked);
    device.world().answer = Some(Error::Refused);
    let result = hsm.script_pin_change(smi, smc, None, &target, &new, None, &mut out);
    assert_eq!((result, out), (Err(Error::Refused), [0; MAX_COMMAND_LEN]));
}

/// From a stronger key a PIN goes to the card's two-key TDEA by permission only.
#[test]
fn a_pin_under_aes() {
    let pan = pan();
    let (format, block) = enciphered("4312", 'A', 41);
    for (policy, expected) in [
        (Policy::STRICT, Err(Error::KeyStrength)),
        (Policy::STRICT.with(Permission::WeakerPinKey), Ok("4312".to_owned())),
    ] {
        let mut hsm = start(&Device::new(1), policy, 5, 0).unwrap();
        let [_, smi, smc] = keys(&mut hsm);
        let key = KeyRef::Slot(key(&mut hsm, "P0", 'A', 'D', 41));
        let new = EncipheredPin {
            key,
            format,
            block: &block,
        };
        let target = target(&MCHIP_CVN10, &pan, 0);
        let mut out = [0; MAX_COMMAND_LEN];
        let chip = Chip::new(&target, target.request);
        let taken = hsm
            .script_pin_change(smi, smc, None, &target, &new, None, &mut out)
            .and_then(|len| chip.takes_pin(&out[..len], None));
        assert_eq!(taken, expected);
    }
}

/// A PIN that a terminal sends under DUKPT, once.
#[test]
fn a_pin_of_a_transaction() {
    let pan = pan();
    let mut host = start(&Device::new(1), Policy::STRICT, 6, 2).unwrap();
    let bdk = key(&mut host, "B0", 'T', 'X', 51);
    let kbpk = key(&mut host, "K1", 'A', 'E', 52);
    let mut text = [0; 256];
    let (len, _) = host.dukpt_export_initial_key(bdk, &TDEA_ID, kbpk, &mut text).unwrap();
    let mut terminal = start(&Device::new(2), Policy::STRICT, 2, 1).unwrap();
    let unwrapping = key(&mut terminal, "K1", 'A', 'D', 52);
    let profile = payhsm::keyblock::Profile::X9143Strict;
    let (group, _) = terminal.dukpt_load(unwrapping, &text[..len], profile).unwrap();
    let (transaction, ksn) = terminal.dukpt_begin(group).unwrap();
    let mut block = [0; 16];
    let len = terminal
        .pin_encipher(transaction.into(), Format::Iso0, &pan, &pin("2468"), &mut block)
        .unwrap();
    host.key_erase(kbpk).unwrap();
    let [ac, smi, smc] = keys(&mut host);
    let new = EncipheredPin {
        key: host.dukpt_derive(bdk, ksn.as_bytes()).unwrap().into(),
        format: Format::Iso0,
        block: &block[..len],
    };
    let visa = target(&VISA_CVN10, &pan, 0);
    let mut out = [0; MAX_COMMAND_LEN];
    // Both PINs of one transaction: refused before it is used.
    let result = host.script_pin_change(smi, smc, Some(ac), &visa, &new, Some(&new), &mut out);
    assert_eq!(result, Err(Error::LimitReached));
    let target = target(&MCHIP_CVN10, &pan, 0);
    let len = host
        .script_pin_change(smi, smc, None, &target, &new, None, &mut out)
        .unwrap();
    let chip = Chip::new(&target, target.request);
    assert_eq!(chip.takes_pin(&out[..len], None), Ok("2468".to_owned()));
    let result = host.script_pin_change(smi, smc, None, &target, &new, None, &mut out);
    assert_eq!((result, out), (Err(Error::LimitReached), [0; MAX_COMMAND_LEN]));
}

#[test]
fn keys_of_other_lengths() {
    let mut hsm = start(&Device::new(1), Policy::STRICT, 4, 0).unwrap();
    let attributes = crate::common::attributes("E2", 'T', 'X', 'N');
    let long = crate::common::ceremony(&mut hsm, &attributes, &value(2, 24)).unwrap();
    let pan = pan();
    let mut out = [0x55; MAX_COMMAND_LEN];
    let result = hsm.script_command(
        long,
        None,
        &target(&MCHIP_CVN10, &pan, 0),
        &Command::CardBlock,
        &mut out,
    );
    assert_eq!((result, out), (Err(Error::InvalidKeyLength), [0; MAX_COMMAND_LEN]));
}
