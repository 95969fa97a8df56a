// SPDX-License-Identifier: MIT OR Apache-2.0
//! A. PIN blocks and their translation.

use std::collections::{BTreeMap, BTreeSet};

use payhsm::error::Error;
use payhsm::hsm::{EncipheredPin, KeyHandle, PinLimits, RateLimit};
use payhsm::key::role::PinEncryption;
use payhsm::key::{Aes, Key, Tdea};
use payhsm::pin::Pin;
use payhsm::pin::block::{self, Format};
use payhsm::pin::pan::Pan;
use payhsm::pin::pvv::Pvv;
use payhsm::policy::{Permission, Policy};

use crate::catalogue::{attack, attack_fails, figure, is_full, refused};
use crate::common::card::PAN;
use crate::common::{Device, Module, NO_LIMITS, PERMISSIVE, attributes, ceremony, key, start, start_limited, value};

const FORMATS: [Format; 5] = [Format::Iso0, Format::Iso1, Format::Iso2, Format::Iso3, Format::Iso4];
const FORMAT_1: Policy = Policy::STRICT.with(Permission::PinFormat1);
/// Keys of PIN blocks, TDEA and AES: what comes in, what goes out.
const IN: [u8; 2] = [60, 61];
const OUT: [u8; 2] = [70, 71];

fn pan(text: &[u8]) -> Pan {
    Pan::parse(text).unwrap()
}

fn victim() -> Pan {
    pan(PAN)
}

pub fn pin(text: &str) -> Pin {
    let mut digits = [0; 12];
    for (to, from) in digits.iter_mut().zip(text.bytes()) {
        *to = from - b'0';
    }
    Pin::from_entry(text.len().try_into().unwrap(), &digits).unwrap()
}

fn at(format: Format) -> usize {
    usize::from(format == Format::Iso4)
}

/// The block of a PIN under the key of [`value`], made by another device.
pub fn block_of(seed: u8, format: Format, pan: &Pan, pin: &Pin) -> Vec<u8> {
    let (tdea, aes) = (
        Key::<PinEncryption, Tdea>::from_bytes(&value(seed, 16)),
        Key::from_bytes(&value(seed, 16)),
    );
    let (tdea, aes): (_, Key<PinEncryption, Aes>) = (tdea.unwrap(), aes.unwrap());
    let key = match format {
        Format::Iso4 => block::PinKey::Aes(&aes),
        _ => block::PinKey::Tdea(&tdea, format),
    };
    let mut out = [0; 16];
    let len = key.encipher(pin, Some(pan), &mut Device::new(9), &mut out).unwrap();
    out[..len].to_vec()
}

/// A host with keys for each way.
struct Host {
    device: Device,
    hsm: Module,
    input: [KeyHandle; 2],
    output: [KeyHandle; 2],
}

impl Host {
    fn new(policy: Policy) -> Self {
        Self::limited(policy, NO_LIMITS)
    }

    fn limited(policy: Policy, limits: PinLimits) -> Self {
        let device = Device::new(1);
        device.world().now = Some(0);
        let mut hsm = start_limited(&device, policy, 12, 0, limits).unwrap();
        let mut keys = |mode, seeds: [u8; 2]| {
            [('T', seeds[0]), ('A', seeds[1])].map(|(letter, seed)| key(&mut hsm, "P0", letter, mode, seed))
        };
        let (input, output) = (keys('D', IN), keys('E', OUT));
        Self {
            device,
            hsm,
            input,
            output,
        }
    }

    fn translate(&mut self, from: Format, pan: &Pan, text: &[u8], to: Format) -> Result<Vec<u8>, Error> {
        let mut out = [0xA5; 16];
        let (input, output) = (self.input[at(from)].into(), self.output[at(to)]);
        let result = self.hsm.pin_translate(input, from, pan, text, output, to, &mut out);
        assert_eq!(out == [0; 16], result.is_err());
        result.map(|len| out[..len].to_vec())
    }
}

/// Which format may become which is the matrix of ISO 9564-1 and nothing else; a refused cell asks and draws nothing.
/// Further: `hsm::pin::a01_translations`, with every key and PAN.
#[test]
fn a01_a_block_becomes_no_other_format() {
    use Format::{Iso0, Iso1, Iso3, Iso4};
    let allowed = |from, to| {
        matches!(
            (from, to),
            (Iso0 | Iso1 | Iso3 | Iso4, Iso0 | Iso3 | Iso4) | (Iso1, Iso1)
        )
    };
    attack("A01", Error::FormatNotPermitted, || {
        let mut host = Host::new(FORMAT_1.with(Permission::WeakerPinKey));
        let (mut refusals, mut outside) = (0, 0);
        for (from, to) in FORMATS.iter().flat_map(|&from| FORMATS.map(|to| (from, to))) {
            let text = match from {
                Format::Iso2 => vec![0x5A; 8],
                _ => block_of(IN[at(from)], from, &victim(), &pin("98765")),
            };
            let touched = host.device.touched();
            let result = host.translate(from, &victim(), &text, to);
            if allowed(from, to) {
                assert!(result.is_ok(), "{from:?} {to:?}");
            } else if result.is_ok() {
                outside += 1;
            } else {
                assert_eq!(
                    (result.err(), host.device.touched()),
                    (Some(Error::FormatNotPermitted), touched)
                );
                refusals += 1;
            }
        }
        figure("A01", &format!("{refusals} of 25 cells are refused"));
        if outside == 0 {
            Err(Error::FormatNotPermitted)
        } else {
            Ok(())
        }
    });
}

/// From a block that is bound to a PAN no chain of translations leads to one that is bound to none, or to another PAN.
#[test]
fn a02_no_chain_of_translations_frees_a_block() {
    // A place: format and PAN, 2 for none.
    type Place = (u8, usize);
    let pans = [victim(), pan(b"4761739001010028")];
    let explore = |pans: &[Pan; 2]| {
        let mut host = Host::new(FORMAT_1.with(Permission::WeakerPinKey));
        let mut graph = BTreeMap::<Place, BTreeSet<Place>>::new();
        for (from, to) in FORMATS.iter().flat_map(|&from| FORMATS.map(|to| (from, to))) {
            if from == Format::Iso2 {
                continue;
            }
            for (source, target) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let text = block_of(IN[at(from)], from, &pans[source], &pin("9876"));
                let (input, output) = (host.input[at(from)].into(), host.output[at(to)]);
                let mut out = [0; 16];
                let result =
                    host.hsm
                        .pin_translate_pans(input, from, &pans[source], &text, output, to, &pans[target], &mut out);
                let place = |format: Format, pan| (format.number(), if format.binds_pan() { pan } else { 2 });
                if result.is_ok() {
                    graph.entry(place(from, source)).or_default().insert(place(to, target));
                }
            }
        }
        let (mut reached, mut todo) = (BTreeSet::new(), vec![(0, 0), (3, 0), (4, 0)]);
        while let Some(next) = todo.pop() {
            if reached.insert(next) {
                todo.extend(graph.get(&next).into_iter().flatten());
            }
        }
        reached
    };
    attack_fails("A02", || explore(&pans).iter().any(|&(_, pan)| pan == 2));
    attack_fails("A02.pan", || explore(&pans).iter().any(|&(_, pan)| pan == 1));
    figure(
        "A02",
        &format!("{} places are reached from a bound block", explore(&pans).len()),
    );
}

/// The PINs that are left when a fixed block of format 0 was asked about under PANs that differ over its digits 3 and 4.
fn pins_left(host: &mut Host) -> usize {
    let secret = [8_u8, 9];
    let text = block_of(IN[0], Format::Iso0, &victim(), &pin("4289"));
    let mut left: BTreeSet<(u8, u8)> = (0..10).flat_map(|a| (0..10).map(move |b| (a, b))).collect();
    let own = [victim().digits()[3], victim().digits()[4]];
    for (a, b) in (0..10).flat_map(|a| (0..10).map(move |b| (a, b))) {
        let mut digits = PAN.to_vec();
        (digits[3], digits[4]) = (b'0' + a, b'0' + b);
        let formed = |pin: [u8; 2]| (pin[0] ^ own[0] ^ a) < 10 && (pin[1] ^ own[1] ^ b) < 10;
        match host.translate(Format::Iso0, &pan(&digits), &text, Format::Iso0) {
            Ok(_) => left.retain(|&(x, y)| formed([x, y])),
            Err(Error::VerificationFailed) => left.retain(|&(x, y)| !formed([x, y])),
            Err(error) => assert_eq!(error, Error::LimitReached),
        }
    }
    assert!(left.contains(&(secret[0], secret[1])));
    left.len()
}

/// A block of format 0 under other and other PANs tells digits of its PIN; it has three wrong tries, whatever the PAN.
#[test]
fn a03_a_block_is_not_asked_about_under_many_pans() {
    attack_fails("A03", || {
        let left = pins_left(&mut Host::new(Policy::STRICT));
        let bits = (100.0 / f64::from(u32::try_from(left).unwrap())).log2();
        figure(
            "A03",
            &format!("{left} of 100 pairs of digits are left, {bits:.2} bits gained"),
        );
        // Three refusals and what is well-formed under the way to them.
        left < 20
    });
    // The device is asked each time, too.
    attack("A03.asked", Error::LimitReached, || {
        let mut host = Host::new(Policy::STRICT);
        host.device.world().card_limit = Some(3);
        let text = block_of(IN[0], Format::Iso0, &victim(), &pin("4273"));
        (0..4).try_for_each(|_| host.translate(Format::Iso0, &victim(), &text, Format::Iso3).map(|_| ()))
    });
}

/// Format 3 does not authenticate the PAN: a reference from such a block is the issuer's work, as from any.
#[test]
fn a04_no_reference_from_format_3_but_for_the_issuer() {
    let text = block_of(IN[0], Format::Iso3, &victim(), &pin("4273"));
    let mut alike = 0;
    // Each of the ten digits over the fill may be another by 1.
    for mask in 0..1 << 10_u32 {
        let mut digits = PAN.to_vec();
        for place in 0..10 {
            digits[5 + place] ^= u8::from(mask >> place & 1 == 1);
        }
        if digits.iter().any(|c| !c.is_ascii_digit()) {
            continue;
        }
        let key = Key::<PinEncryption, Tdea>::from_bytes(&value(IN[0], 16)).unwrap();
        let mut out = Pin::empty();
        let block: &[u8; 8] = text.as_slice().try_into().unwrap();
        alike += usize::from(block::decipher_tdea(&key, Format::Iso3, block, Some(&pan(&digits)), &mut out).is_ok());
    }
    figure(
        "A04",
        &format!("{alike} of 1024 neighbouring PANs decode the block alike"),
    );
    assert!(alike >= 256);
    attack("A04", Error::Refused, || {
        let mut host = Host::new(Policy::STRICT);
        let pvk = key(&mut host.hsm, "V2", 'T', 'C', 80);
        let neighbour = pan(b"4761739001010110");
        host.device.world().answer = Some(Error::Refused);
        let input = host.input[0].into();
        host.hsm.pvv_generate(input, Format::Iso3, &neighbour, &text, pvk, 1)
    });
}

/// A list of all PINs of a PAN, made by translating own blocks of format 1.
#[test]
fn a05_no_code_book_through_format_1() {
    let own = |n: u16| block_of(IN[0], Format::Iso1, &victim(), &pin(&format!("{n:04}")));
    attack("A05.permission", Error::FormatNotPermitted, || {
        Host::new(Policy::STRICT).translate(Format::Iso1, &victim(), &own(1234), Format::Iso0)
    });
    // Into a key that could also read the result of a bound block.
    attack("A05.both", Error::FormatNotPermitted, || {
        let mut host = Host::new(FORMAT_1.with(Permission::PinKeyBothWays));
        let both = key(&mut host.hsm, "P0", 'T', 'B', 90);
        let (input, mut out) = (host.input[0].into(), [0; 16]);
        refused(&host.device, &mut out, |out| {
            let out = out.first_chunk_mut().unwrap();
            host.hsm
                .pin_translate(input, Format::Iso1, &victim(), &own(1234), both, Format::Iso0, out)
        })
    });
    // With both permissions: an hour of it.
    attack_fails("A05.rate", || {
        let limits = PinLimits {
            host: RateLimit {
                burst: 1,
                interval: 30_000,
                per_start: 0,
            },
            ..NO_LIMITS
        };
        let mut host = Host::limited(FORMAT_1, limits);
        let mut book = BTreeSet::new();
        for second in 0..3600_u16 {
            host.device.world().now = Some(u64::from(second) * 1000);
            book.extend(host.translate(Format::Iso1, &victim(), &own(second % 10_000), Format::Iso0));
        }
        figure("A05", &format!("{} entries in an hour", book.len()));
        book.len() > 120
    });
}

/// A list of all PINs of a PAN, made by entering them; and a key that reads what it wrote.
#[test]
fn a06_no_code_book_through_entry() {
    attack("A06.mode", Error::ModeNotPermitted, || {
        let mut hsm = start(&Device::new(1), Policy::STRICT, 2, 0).unwrap();
        ceremony(&mut hsm, &attributes("P0", 'T', 'B', 'N'), &value(60, 16))
    });
    attack_fails("A06.rate", || {
        let device = Device::new(1);
        device.world().now = Some(0);
        let mut entries = 0;
        // The terminal is started again every half minute, and tried five times a second.
        for start_of in 0..120_u64 {
            device.world().now = Some(start_of * 30_000);
            let mut hsm = start_limited(&device, Policy::STRICT, 2, 0, PinLimits::default()).unwrap();
            let key = key(&mut hsm, "P0", 'T', 'E', 60);
            for tick in 0..150 {
                device.world().now = Some(start_of * 30_000 + tick * 200);
                let mut out = [0; 16];
                let entered = hsm.pin_encipher(key.into(), Format::Iso0, &victim(), &pin("1234"), &mut out);
                entries += usize::from(entered.is_ok());
            }
        }
        figure("A06", &format!("{entries} entries in an hour of restarts"));
        entries > 121
    });
    // A host has no entry at all: the command belongs to terminals.
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/hsm/pin.rs")).unwrap();
    let (before, _) = source.split_once("    pub fn pin_encipher(").unwrap();
    assert!(before.trim_end().ends_with("#[cfg(feature = \"terminal\")]"));
}

/// From a stronger key to a weaker one.
#[test]
fn a07_no_translation_to_a_weaker_key() {
    let text = block_of(IN[1], Format::Iso4, &victim(), &pin("4273"));
    attack("A07", Error::KeyStrength, || {
        let mut host = Host::new(Policy::STRICT);
        let (input, output, mut out) = (host.input[1].into(), host.output[0], [0; 16]);
        refused(&host.device, &mut out, |out| {
            let out = out.first_chunk_mut().unwrap();
            host.hsm
                .pin_translate(input, Format::Iso4, &victim(), &text, output, Format::Iso0, out)
        })
    });
}

/// A block is opened as what it is, and its PIN's length shows nowhere.
#[test]
fn a08_a_block_is_opened_as_its_own_format() {
    let mut host = Host::new(PERMISSIVE);
    let mut refusals = 0;
    for (made, said) in FORMATS.iter().flat_map(|&made| FORMATS.map(|said| (made, said))) {
        if made == Format::Iso2 || made == said || at(made) != at(said) {
            continue;
        }
        for text in ["4273", "427385", "427385910276"] {
            let block = block_of(IN[at(made)], made, &victim(), &pin(text));
            let error = host.translate(said, &victim(), &block, Format::Iso0).err();
            let expected = if said == Format::Iso2 {
                Error::FormatNotPermitted
            } else {
                Error::VerificationFailed
            };
            assert_eq!(error, Some(expected), "{made:?} {said:?}");
            refusals += 1;
        }
    }
    figure(
        "A08",
        &format!("{refusals} blocks under another format's name are refused"),
    );
    for to in [Format::Iso0, Format::Iso3, Format::Iso4] {
        let answers: BTreeSet<_> = (4..=12)
            .map(|len| {
                let block = block_of(IN[0], Format::Iso0, &victim(), &pin(&"427385910276"[..len]));
                host.translate(Format::Iso0, &victim(), &block, to)
                    .map(|text| text.len())
            })
            .map(Result::unwrap)
            .collect();
        assert_eq!(answers.len(), 1);
    }
    // Said to be of format 1 it would lose its PAN, and take the attacker's.
    attack("A08.format", Error::VerificationFailed, || {
        let block = block_of(IN[0], Format::Iso0, &pan(b"0000000000000000"), &pin("427385910276"));
        Host::new(FORMAT_1).translate(Format::Iso1, &victim(), &block, Format::Iso0)
    });
    attack("A08.conversion", Error::FormatNotPermitted, || {
        let block = block_of(IN[0], Format::Iso0, &victim(), &pin("4273"));
        Host::new(FORMAT_1).translate(Format::Iso0, &victim(), &block, Format::Iso1)
    });
}

/// Format 4 is bound to all of the PAN, and nothing in it may be another.
#[test]
fn a09_format_4_is_bound_to_its_pan() {
    let short = pan(b"12345678901");
    attack("A09.pan", Error::InvalidPan, || {
        let mut host = Host::new(Policy::STRICT);
        let (output, mut out) = (host.output[1].into(), [0; 16]);
        refused(&host.device, &mut out, |out| {
            let out = out.first_chunk_mut().unwrap();
            host.hsm.pin_encipher(output, Format::Iso4, &short, &pin("4273"), out)
        })
    });
    // Wrong PANs: what is well-formed all the same.
    let key = Key::<PinEncryption, Aes>::from_bytes(&value(IN[1], 16)).unwrap();
    let text = block_of(IN[1], Format::Iso4, &victim(), &pin("4273"));
    let text: &[u8; 16] = text.as_slice().try_into().unwrap();
    let accepted = |count: u64| {
        (0..count)
            .filter(|n| {
                let other = pan(format!("{:016}", n * 7 + 1).as_bytes());
                block::decipher_aes(&key, text, &other, &mut Pin::empty()).is_ok()
            })
            .count()
    };
    let count = if is_full() { 10_000_000 } else { 20_000 };
    let well_formed = accepted(count);
    figure(
        "A09",
        &format!("{well_formed} of {count} wrong PANs give a well-formed block"),
    );
    assert!(well_formed <= 5);
    attack_fails("A09.field", || accepted(2_000) > 0);
    // Each bit of the field before the random half, by a device that has the key.
    let mut field = [0; 16];
    block::encode_format4(&pin("4273"), &[0x3C; 8], &mut field).unwrap();
    let flips = (0..64)
        .filter(|bit| {
            let mut changed = field;
            changed[bit / 8] ^= 0x80 >> (bit % 8);
            let mut out = Pin::empty();
            block::decode_format4(&changed, &mut out).is_ok()
        })
        .count();
    // What a changed digit gives is another PIN: 4 with 3 bits, 2 with 3, 7 with 3, 3 with 3.
    assert!(flips <= 13, "{flips}");
}

/// A source of random bytes that stands still, fails, or repeats itself.
#[test]
fn a10_the_fill_is_not_predictable() {
    attack("A10", Error::Entropy, || {
        let mut host = Host::new(FORMAT_1);
        host.device.world().entropy_stuck = true;
        let (output, mut out) = (host.output[0].into(), [0; 16]);
        let result = host
            .hsm
            .pin_encipher(output, Format::Iso1, &victim(), &pin("4273"), &mut out);
        assert_eq!(out == [0; 16], result.is_err());
        result
    });
    for format in [Format::Iso1, Format::Iso3, Format::Iso4] {
        let mut host = Host::new(FORMAT_1);
        host.device.world().entropy_fails_in = Some(0);
        let (output, mut out) = (host.output[at(format)].into(), [0xA5; 16]);
        let result = host.hsm.pin_encipher(output, format, &victim(), &pin("4273"), &mut out);
        assert_eq!((result, out), (Err(Error::Entropy), [0; 16]));
    }
    // One PIN many times: never the same block where the fill has 40 bits or more, and each of the six letters that
    // format 3 fills with as often as any other.
    let count = if is_full() { 100_000 } else { 3_000 };
    let key = Key::<PinEncryption, Tdea>::from_bytes(&value(IN[0], 16)).unwrap();
    let (mut seen, mut letters, mut rng) = (BTreeSet::new(), [0_u32; 6], Device::new(5));
    let cipher = payhsm::cipher::tdes::Tdes::new(&value(IN[0], 16)).unwrap();
    let account = victim().account_field().unwrap();
    for _ in 0..count {
        let mut out = [0; 8];
        block::encipher_tdea(&key, Format::Iso3, &pin("4273"), Some(&victim()), &mut rng, &mut out).unwrap();
        let mut unbound = [0; 8];
        block::encipher_tdea(&key, Format::Iso1, &pin("4273"), None, &mut rng, &mut unbound).unwrap();
        seen.insert(unbound);
        let clear = cipher.decrypt(out);
        for (byte, mask) in clear.iter().zip(account).skip(3) {
            for nibble in [(byte ^ mask) >> 4, (byte ^ mask) & 15] {
                letters[usize::from(nibble - 10)] += 1;
            }
        }
    }
    assert_eq!(seen.len(), count);
    let expected = f64::from(letters.iter().sum::<u32>()) / 6.0;
    let chi: f64 = letters
        .iter()
        .map(|&n| (f64::from(n) - expected).powi(2) / expected)
        .sum();
    figure(
        "A10",
        &format!("{count} blocks of one PIN all differ; chi-square of the fill {chi:.2} (5 degrees)"),
    );
    // p = 0.001.
    assert!(chi < 20.52);
}

/// A PIN is changed by whoever has the old one.
#[test]
fn a11_no_new_pin_without_the_old_one() {
    let right = block_of(IN[0], Format::Iso0, &victim(), &pin("4273"));
    let wrong = block_of(IN[0], Format::Iso0, &victim(), &pin("1234"));
    let new = block_of(IN[0], Format::Iso0, &victim(), &pin("7391"));
    let run = |old: &[u8], answer| {
        let mut host = Host::new(Policy::STRICT);
        let pvk = key(&mut host.hsm, "V2", 'T', 'C', 80);
        let zone = host.input[0].into();
        let pvv: Pvv = host
            .hsm
            .pvv_generate(zone, Format::Iso0, &victim(), &right, pvk, 1)
            .unwrap();
        let [old, new] = [old, &new].map(|block| EncipheredPin {
            key: zone,
            format: Format::Iso0,
            block,
        });
        let asked = host.device.touched().0;
        host.device.world().answer = answer;
        let result = host.hsm.pin_change_pvv(&victim(), &old, &new, pvk, 1, &pvv);
        // The try is counted before anything is compared.
        assert_eq!(host.device.touched().0, asked + 1);
        result
    };
    assert!(run(&right, None).is_ok());
    assert_eq!(run(&right, Some(Error::LimitReached)).err(), Some(Error::LimitReached));
    attack("A11", Error::VerificationFailed, || run(&wrong, None));
}
