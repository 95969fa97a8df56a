// SPDX-License-Identifier: MIT OR Apache-2.0
//! Properties of PIN blocks, PVVs and offsets: round trips, refusals, independence of the PAN, distribution of the fill.
//!
//! Rows of the attack catalogue: A01 and A02 (translation matrix, at scheme level), A04, A08, A09, A10.
#![cfg(all(feature = "hazmat", feature = "host"))]

use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::key::role::{PinEncryption, PinVerification3624, PinVerificationVisa};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::pin::block::{self, Format, PinKey};
use payhsm::pin::ibm3624::{self, Profile, Table, Validation};
use payhsm::pin::pvv;
use payhsm::pin::{Pan, Pin};
use proptest::prelude::*;

const FORMATS: [Format; 5] = [Format::Iso0, Format::Iso1, Format::Iso2, Format::Iso3, Format::Iso4];

/// A deterministic source (SplitMix64), good enough for statistics.
struct Splitmix(u64);

impl Splitmix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }
}

impl Entropy for Splitmix {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        for chunk in out.chunks_mut(8) {
            let word = self.next().to_be_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

/// Fails if it is asked for anything.
struct Untouched;

impl Entropy for Untouched {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), Error> {
        panic!("random bytes were drawn")
    }
}

/// One byte for ever.
struct Stuck(u8);

impl Entropy for Stuck {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        out.fill(self.0);
        Ok(())
    }
}

fn pin(digits: &[u8]) -> Pin {
    let mut all = [0; 12];
    all[..digits.len()].copy_from_slice(digits);
    Pin::from_entry(digits.len().try_into().unwrap(), &all).unwrap()
}

fn pan(digits: &[u8]) -> Pan {
    let text: Vec<u8> = digits.iter().map(|d| b'0' + d).collect();
    Pan::parse(&text).unwrap()
}

fn pins() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..=9_u8, 4..=12)
}

fn pans() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..=9_u8, 13..=19)
}

fn tdea_keys() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 16),
        prop::collection::vec(any::<u8>(), 24)
    ]
}

fn aes_keys() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 16),
        prop::collection::vec(any::<u8>(), 24),
        prop::collection::vec(any::<u8>(), 32)
    ]
}

fn assert_same(a: &Pin, digits: &[u8]) {
    assert_eq!(a.expose(), pin(digits).expose());
}

/// What ISO 9564-1 says, written plainly: the PIN of a clear block, or none.
fn reference(format: Format, block: &[u8], pan: &Pan) -> Option<Vec<u8>> {
    let mut nibbles: Vec<u8> = block.iter().flat_map(|b| [b >> 4, b & 15]).collect();
    if matches!(format, Format::Iso0 | Format::Iso3) {
        let account: Vec<u8> = pan.digits().iter().rev().skip(1).take(12).rev().copied().collect();
        for (n, a) in nibbles[4..].iter_mut().zip(account) {
            *n ^= a;
        }
    }
    let len = usize::from(nibbles[1]);
    if nibbles[0] != format.number() || !(4..=12).contains(&len) {
        return None;
    }
    let (digits, rest) = nibbles[2..16].split_at(len);
    let filled = |n: &u8| match format {
        Format::Iso0 | Format::Iso2 => *n == 15,
        Format::Iso1 => true,
        Format::Iso3 => *n >= 10,
        Format::Iso4 => *n == 10,
    };
    (digits.iter().all(|d| *d <= 9) && rest.iter().all(filled)).then(|| digits.to_vec())
}

proptest! {
    #[test]
    fn every_format_gives_the_pin_back(
        digits in pins(), account in pans(), tdea in tdea_keys(), aes in aes_keys(), seed: u64
    ) {
        let (tdea, aes) = (Key::from_bytes(&tdea).unwrap(), Key::from_bytes(&aes).unwrap());
        let account = pan(&account);
        let mut rng = Splitmix(seed);
        for format in FORMATS {
            let key = if format == Format::Iso4 { PinKey::Aes(&aes) } else { PinKey::Tdea(&tdea, format) };
            let mut block = [0x55; 16];
            let len = key.encipher(&pin(&digits), Some(&account), &mut rng, &mut block).unwrap();
            prop_assert_eq!(len, format.block_len());
            let mut back = Pin::empty();
            key.decipher(&block[..len], Some(&account), &mut back).unwrap();
            assert_same(&back, &digits);
            // No other length is a block.
            for other in (0..=17).filter(|other| *other != len) {
                let bytes = [0; 17];
                prop_assert_eq!(key.decipher(&bytes[..other], Some(&account), &mut back), Err(Error::InvalidLength));
                prop_assert_eq!(back.expose().0, 0);
            }
            prop_assert_eq!(
                key.encipher(&pin(&digits), Some(&account), &mut rng, &mut block[..len - 1]),
                Err(Error::BufferTooSmall)
            );
        }
    }

    #[test]
    fn decoding_agrees_with_the_plain_form(
        digits in pins(), account in pans(), fill in prop::array::uniform14(10..16_u8),
        place in 0..16_usize, value in 0..16_u8
    ) {
        let account = pan(&account);
        for format in [Format::Iso0, Format::Iso1, Format::Iso2, Format::Iso3] {
            let mut block = [0; 8];
            block::encode(format, &pin(&digits), Some(&account), &fill, &mut block).unwrap();
            prop_assert_eq!(reference(format, &block, &account), Some(digits.clone()));
            // One nibble changed to any value.
            let shift = if place % 2 == 0 { 4 } else { 0 };
            block[place / 2] = (block[place / 2] & !(15 << shift)) | (value << shift);
            let mut back = Pin::empty();
            let got = block::decode(format, &block, Some(&account), &mut back);
            match reference(format, &block, &account) {
                Some(expected) => {
                    prop_assert_eq!(got, Ok(()));
                    assert_same(&back, &expected);
                }
                None => {
                    prop_assert_eq!(got, Err(Error::VerificationFailed));
                    prop_assert_eq!(back.expose(), (0, &[0; 12]));
                }
            }
        }
    }

    #[test]
    fn random_blocks_agree_with_the_plain_form(
        block: [u8; 8], account in pans(), head in prop::option::of((0..5_u8, 4..13_u8))
    ) {
        let account = pan(&account);
        let mut block = block;
        if let Some((control, len)) = head {
            block[0] = control << 4 | len;
        }
        for format in [Format::Iso0, Format::Iso1, Format::Iso2, Format::Iso3] {
            let mut back = Pin::empty();
            let got = block::decode(format, &block, Some(&account), &mut back);
            match reference(format, &block, &account) {
                Some(expected) => assert_same(&back, &expected),
                None => prop_assert_eq!(got, Err(Error::VerificationFailed)),
            }
        }
    }

    /// PIN = natural PIN + offset, whatever the profile; an offset of fewer digits is the end of the whole one.
    #[test]
    fn offsets_give_the_pin_back(
        raw in tdea_keys(),
        table in prop::collection::vec(0_u8..10, 16),
        digits in pins(),
        account in prop::collection::vec(0_u8..10, 12..=19),
        start in 0_u8..12,
        len in 1_u8..=16,
        pad in 0_u8..16,
        less in 0_u8..9,
    ) {
        let key = Key::<PinVerification3624, Tdea>::from_bytes(&raw).unwrap();
        let text: Vec<u8> = table.iter().map(|d| d + b'0').collect();
        let (pan_len, pin_len) = (u8::try_from(account.len()).unwrap(), u8::try_from(digits.len()).unwrap());
        prop_assume!(start + len <= pan_len);
        let validation = Validation::new(start, len, pad).unwrap();
        let profile = Profile::new(Table::parse(&text).unwrap(), validation, pan_len, pin_len).unwrap();
        let (pan, entered) = (pan(&account), pin(&digits));
        let offset = ibm3624::generate(&key, &profile, &pan, &entered).unwrap();
        prop_assert_eq!(ibm3624::verify(&key, &profile, &pan, &entered, &offset), Ok(()));
        let mut back = Pin::empty();
        ibm3624::derive(&key, &profile, &pan, &offset, &mut back).unwrap();
        assert_same(&back, &digits);
        // The same by the functions for vectors.
        let data = validation.data(&pan).unwrap();
        let mut out = vec![0; digits.len()];
        ibm3624::offset_digits(&key, profile.table(), &data, &digits, &mut out).unwrap();
        prop_assert_eq!(&out[..], offset.digits());
        let check_len = pin_len.saturating_sub(less).max(4);
        let profile = profile.with_check_len(check_len).unwrap();
        let shorter = ibm3624::generate(&key, &profile, &pan, &entered).unwrap();
        prop_assert_eq!(shorter.digits(), &offset.digits()[usize::from(pin_len - check_len)..]);
        prop_assert_eq!(ibm3624::verify(&key, &profile, &pan, &entered, &shorter), Ok(()));
    }

    #[test]
    fn pvv_counts_four_digits_and_eleven(
        digits in pins(), account in prop::collection::vec(0..=9_u8, 12..=19), key: [u8; 16], pvki in 0..=9_u8
    ) {
        let key = Key::<PinVerificationVisa, Tdea>::from_bytes(&key).unwrap();
        let value = pvv::generate(&key, pvki, &pan(&account), &pin(&digits)).unwrap();
        prop_assert!(value.digits().iter().all(|d| *d <= 9));
        // Digits behind the fourth, the check digit and what is left of the eleven do not enter.
        let mut other = account.clone();
        *other.last_mut().unwrap() = 9 - other.last().unwrap();
        let tail = other[other.len() - 12..].to_vec();
        prop_assert_eq!(pvv::verify(&key, pvki, &pan(&other), &pin(&digits[..4]), &value), Ok(()));
        prop_assert_eq!(pvv::verify(&key, pvki, &pan(&tail), &pin(&digits), &value), Ok(()));
        prop_assert_eq!(
            pvv::generate(&key, pvki, &pan(&account[account.len() - 11..]), &pin(&digits)).unwrap_err(),
            Error::InvalidPan
        );
        prop_assert_eq!(
            pvv::generate(&key, pvki + 10, &pan(&account), &pin(&digits)).unwrap_err(),
            Error::InvalidDigit
        );
    }
}

/// Names of formats: those of the same block, and no others.
#[test]
fn names_of_formats() {
    for (name, format) in [
        ("ISO-0", Format::Iso0),
        ("ANSI X9.8", Format::Iso0),
        ("VISA-1", Format::Iso0),
        ("ECI-1", Format::Iso0),
        ("ISO-1", Format::Iso1),
        ("ECI-4", Format::Iso1),
        ("ISO-2", Format::Iso2),
        ("ISO-3", Format::Iso3),
        ("ISO-4", Format::Iso4),
    ] {
        assert_eq!(Format::from_name(name), Ok(format));
    }
    for name in [
        "", "ISO-5", "iso-0", "VISA-2", "VISA-3", "VISA-4", "ECI-2", "ECI-3", "OEM-1", "DOCUTEL", "IBM 3624",
    ] {
        assert_eq!(Format::from_name(name), Err(Error::FormatNotPermitted), "{name}");
    }
}

/// Every length nibble, and at every place every nibble, for every format.
#[test]
fn a08_every_nibble_of_every_length() {
    let account = pan(&[4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    for format in [Format::Iso0, Format::Iso1, Format::Iso2, Format::Iso3] {
        for len in 4..=12 {
            let mut clear = [0; 8];
            block::encode(format, &pin(&vec![3; len]), Some(&account), &[0xC; 14], &mut clear).unwrap();
            for place in 0..16 {
                for flip in 1..16_u8 {
                    let mut twin = clear;
                    twin[place / 2] ^= flip << if place % 2 == 0 { 4 } else { 0 };
                    let mut out = Pin::empty();
                    let got = block::decode(format, &twin, Some(&account), &mut out);
                    let expected = reference(format, &twin, &account);
                    assert_eq!(got.is_ok(), expected.is_some(), "{format:?} {len} {place} {flip}");
                    // As any other format the block is nothing.
                    for other in [Format::Iso0, Format::Iso1, Format::Iso2, Format::Iso3] {
                        if other != format && place > 0 {
                            assert_eq!(
                                block::decode(other, &twin, Some(&account), &mut out),
                                Err(Error::VerificationFailed)
                            );
                        }
                    }
                }
            }
        }
    }
}

/// The last fill nibble counts as much as the first.
#[test]
fn a08_every_fill_nibble_is_checked() {
    let account = pan(&[4; 16]);
    for (format, wrong) in [(Format::Iso0, 0xE), (Format::Iso2, 0), (Format::Iso3, 9)] {
        for len in 4..=12_usize {
            for place in len..14 {
                let fill = [0xF; 14];
                let mut clear = [0; 8];
                block::encode(format, &pin(&vec![1; len]), Some(&account), &fill, &mut clear).unwrap();
                let shift = if place % 2 == 0 { 4 } else { 0 };
                clear[1 + place / 2] ^= (15 ^ wrong) << shift;
                let mut out = Pin::empty();
                assert_eq!(
                    block::decode(format, &clear, Some(&account), &mut out),
                    Err(Error::VerificationFailed)
                );
            }
        }
    }
    for len in 4..=12_usize {
        let mut field = [0; 16];
        block::encode_format4(&pin(&vec![1; len]), &[0; 8], &mut field).unwrap();
        for place in 0..14 {
            for flip in 1..16_u8 {
                let mut twin = field;
                twin[1 + place / 2] ^= flip << if place % 2 == 0 { 4 } else { 0 };
                let mut out = Pin::empty();
                let still_digit = place < len && (1 ^ flip) <= 9;
                assert_eq!(block::decode_format4(&twin, &mut out).is_ok(), still_digit);
            }
        }
    }
}

/// A refused cell of the matrix draws nothing and writes nothing; a permitted one keeps the PIN.
#[test]
fn a01_translation_matrix() {
    let account = pan(&[5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
    let tdea = [
        Key::<PinEncryption, Tdea>::from_bytes(b"0123456789ABCDEF").unwrap(),
        Key::<PinEncryption, Tdea>::from_bytes(b"FEDCBA9876543210").unwrap(),
    ];
    let aes = [
        Key::<PinEncryption, Aes>::from_bytes(b"0123456789ABCDEF").unwrap(),
        Key::<PinEncryption, Aes>::from_bytes(b"FEDCBA9876543210").unwrap(),
    ];
    // Rows: from format 0 to 4; columns: to format 0 to 4.
    const MATRIX: [[bool; 5]; 5] = [
        [true, false, false, true, true],
        [true, true, false, true, true],
        [false, false, false, false, false],
        [true, false, false, true, true],
        [true, false, false, true, true],
    ];
    let side = |i: usize, format: Format| -> PinKey<'_> {
        if format == Format::Iso4 {
            PinKey::Aes(&aes[i])
        } else {
            PinKey::Tdea(&tdea[i], format)
        }
    };
    let mut rng = Splitmix(1);
    for (from, row) in FORMATS.into_iter().zip(MATRIX) {
        let mut block = [0; 16];
        let len = side(0, from)
            .encipher(&pin(&[9, 8, 7, 6, 5]), Some(&account), &mut rng, &mut block)
            .unwrap();
        for (to, permitted) in FORMATS.into_iter().zip(row) {
            assert_eq!(from.translates_to(to), permitted);
            let mut out = [0x55; 16];
            let (source, target) = (side(0, from), side(1, to));
            if permitted {
                let got = block::translate(&source, &block[..len], &target, Some(&account), &mut rng, &mut out);
                assert_eq!(got, Ok(to.block_len()));
                let mut back = Pin::empty();
                target
                    .decipher(&out[..to.block_len()], Some(&account), &mut back)
                    .unwrap();
                assert_same(&back, &[9, 8, 7, 6, 5]);
                // Without a PAN only from and to a format without one.
                let got = block::translate(&source, &block[..len], &target, None, &mut rng, &mut out);
                assert_eq!(got.is_ok(), !from.binds_pan() && !to.binds_pan());
            } else {
                let got = block::translate(
                    &source,
                    &block[..len],
                    &target,
                    Some(&account),
                    &mut Untouched,
                    &mut out,
                );
                assert_eq!(got, Err(Error::FormatNotPermitted));
                assert_eq!(out, [0; 16]);
            }
        }
    }
}

/// No path through permitted translations leads from a block with a PAN to one without.
#[test]
fn a02_closure_of_the_matrix() {
    let mut reach = FORMATS.map(|from| FORMATS.map(|to| from.translates_to(to)));
    for _ in 0..5 {
        for i in 0..5 {
            for j in 0..5 {
                for k in 0..5 {
                    reach[i][j] |= reach[i][k] && reach[k][j];
                }
            }
        }
    }
    for (from, row) in FORMATS.into_iter().zip(reach) {
        for (to, reached) in FORMATS.into_iter().zip(row) {
            assert!(!(reached && from.binds_pan() && !to.binds_pan()));
        }
    }
}

/// Format 3 does not authenticate the PAN: swapping A-F by xor 1 keeps a 4-digit block well-formed under 2^10 PANs.
#[test]
fn a04_format_3_under_neighbouring_pans() {
    let mut clear = [0; 8];
    let digits = [4, 1, 2, 3, 2, 4, 2, 6, 2, 4, 6, 2, 4, 2, 6, 2];
    block::encode(
        Format::Iso3,
        &pin(&[1, 2, 3, 4]),
        Some(&pan(&digits)),
        &[0xB; 14],
        &mut clear,
    )
    .unwrap();
    let mut accepted = 0;
    for mask in 0..1024_u32 {
        let mut other = digits;
        for bit in 0..10 {
            // The ten account digits that lie over the fill.
            other[5 + bit] ^= (mask >> bit & 1) as u8;
        }
        let mut out = Pin::empty();
        if block::decode(Format::Iso3, &clear, Some(&pan(&other)), &mut out).is_ok() {
            assert_same(&out, &[1, 2, 3, 4]);
            accepted += 1;
        }
    }
    assert_eq!(accepted, 1024);
}

/// Wrong PANs and keys of format 4 are found by the checks of the field: 2^-24 pass.
#[test]
fn a09_format_4_under_wrong_pans_and_keys() {
    let mut rng = Splitmix(9);
    let key = Key::<PinEncryption, Aes>::from_bytes(&[0x57; 16]).unwrap();
    let right = pan(&[4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5]);
    let mut enciphered = [0; 16];
    block::encipher_aes(&key, &pin(&[1, 2, 3, 4]), &right, &mut rng, &mut enciphered).unwrap();
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut text = [0; 16];
        rng.fill(&mut text).unwrap();
        let other = pan(&text.map(|b| b % 10));
        let mut out = Pin::empty();
        accepted += u32::from(other != right && block::decipher_aes(&key, &enciphered, &other, &mut out).is_ok());
        let wrong = Key::<PinEncryption, Aes>::from_bytes(&text).unwrap();
        accepted += u32::from(block::decipher_aes(&wrong, &enciphered, &right, &mut out).is_ok());
    }
    // Expected 0.0024; the figure for 10^7 tries belongs to the campaign.
    assert_eq!(accepted, 0);
}

#[test]
fn a10_a_stuck_or_failing_source_gives_no_block() {
    let account = pan(&[4; 16]);
    let tdea = Key::<PinEncryption, Tdea>::from_bytes(b"0123456789ABCDEF").unwrap();
    let aes = Key::<PinEncryption, Aes>::from_bytes(b"0123456789ABCDEF").unwrap();
    for byte in 0..=255 {
        for format in [Format::Iso1, Format::Iso3] {
            let mut out = [0x55; 8];
            let got = block::encipher_tdea(&tdea, format, &pin(&[1; 4]), Some(&account), &mut Stuck(byte), &mut out);
            assert_eq!((got, out), (Err(Error::Entropy), [0; 8]));
        }
        let mut out = [0x55; 16];
        let got = block::encipher_aes(&aes, &pin(&[1; 4]), &account, &mut Stuck(byte), &mut out);
        assert_eq!((got, out), (Err(Error::Entropy), [0; 16]));
    }
    // A source that varies but never gives a usable nibble ends too.
    struct Useless;
    impl Entropy for Useless {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            for (i, byte) in out.iter_mut().enumerate() {
                *byte = if i % 2 == 0 { 0x77 } else { 0x66 };
            }
            Ok(())
        }
    }
    let mut out = [0x55; 8];
    let got = block::encipher_tdea(
        &tdea,
        Format::Iso3,
        &pin(&[1; 4]),
        Some(&account),
        &mut Useless,
        &mut out,
    );
    assert_eq!((got, out), (Err(Error::Entropy), [0; 8]));
}

#[test]
fn a10_encodings_of_one_pin_differ() {
    let account = pan(&[4; 16]);
    let tdea = Key::<PinEncryption, Tdea>::from_bytes(b"0123456789ABCDEF").unwrap();
    let aes = Key::<PinEncryption, Aes>::from_bytes(b"0123456789ABCDEF").unwrap();
    let mut rng = Splitmix(10);
    for key in [
        PinKey::Tdea(&tdea, Format::Iso1),
        PinKey::Tdea(&tdea, Format::Iso3),
        PinKey::Aes(&aes),
    ] {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..5_000 {
            let mut out = [0; 16];
            key.encipher(&pin(&[1, 2, 3, 4]), Some(&account), &mut rng, &mut out)
                .unwrap();
            seen.insert(out);
        }
        // Format 3 has 6^10 fills: a repetition is expected once in five such runs.
        assert!(seen.len() >= 4_998, "{}", seen.len());
    }
}

/// Chi-square of the format-3 fill over A to F, at each place.
#[test]
fn a10_format_3_fill_is_uniform() {
    const BLOCKS: u32 = 6_000;
    let account = pan(&[0; 16]);
    let key = Key::<PinEncryption, Tdea>::from_bytes(b"0123456789ABCDEF").unwrap();
    let cipher = payhsm::cipher::tdes::Tdes::new(b"0123456789ABCDEF").unwrap();
    let mut rng = Splitmix(11);
    let mut counts = [[0_u32; 6]; 10];
    for _ in 0..BLOCKS {
        let mut out = [0; 8];
        block::encipher_tdea(
            &key,
            Format::Iso3,
            &pin(&[1, 2, 3, 4]),
            Some(&account),
            &mut rng,
            &mut out,
        )
        .unwrap();
        let clear = cipher.decrypt(out);
        for (place, nibble) in clear[3..].iter().flat_map(|b| [b >> 4, b & 15]).enumerate() {
            counts[place][usize::from(nibble - 10)] += 1;
        }
    }
    let expected = f64::from(BLOCKS) / 6.0;
    let chi = |counts: &[u32; 6], expected: f64| -> f64 {
        counts
            .iter()
            .map(|n| (f64::from(*n) - expected).powi(2) / expected)
            .sum()
    };
    // Five degrees of freedom: 20.5 is p = 0.001 (26.7: 0.0001 for the ten places).
    let mut sum = [0; 6];
    for place in &counts {
        assert!(chi(place, expected) < 26.7, "{counts:?}");
        for (to, from) in sum.iter_mut().zip(place) {
            *to += from;
        }
    }
    let figure = chi(&sum, expected * 10.0);
    println!("chi-square {figure:.2}, five degrees of freedom");
    assert!(figure < 20.5, "{sum:?}");
}
