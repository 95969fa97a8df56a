// SPDX-License-Identifier: MIT OR Apache-2.0
//! EMV: an issuer's commands as the card reads them, and a card's transaction counters.

use std::collections::BTreeSet;

use payhsm::emv::atc::AtcWindow;
use payhsm::emv::element::Atc;
use payhsm::emv::profile;
use payhsm::emv::script::{
    Command, HEADER_LEN, Keys, MAX_COMMAND_LEN, MAX_PIN_CHANGE_LEN, Request, Style, decipher, encipher, pin_change,
    receive_pin_change, secure, verify_command,
};
use payhsm::error::Error;
use payhsm::key::Key;
use payhsm::pin::Pin;

use crate::Input;

/// A PIN: its length, then twelve digits.
fn pin(input: &mut Input<'_>) -> Pin {
    let len = 4 + input.byte() % 9;
    let mut digits = input.array::<12>().map(|digit| digit % 10);
    digits[usize::from(len)..].fill(0);
    Pin::from_entry(len, &digits).unwrap()
}

/// The card takes what the issuer made, and nothing else: one byte changed, or bytes of nobody.
pub fn script(data: &[u8]) {
    let mut input = Input::new(data);
    let [choice, which, index, place, xor] = input.array();
    let profile = profile::ALL[usize::from(choice) % profile::ALL.len()];
    let keys = Keys {
        smi: &Key::from_bytes(&input.array::<16>()).unwrap(),
        smc: &Key::from_bytes(&input.array::<16>()).unwrap(),
        mk_ac: &Key::from_bytes(&input.array::<16>()).unwrap(),
    };
    let first = Request::new(Atc::new(u16::from_be_bytes(input.array())), input.array());
    let (new, old) = (pin(&mut input), pin(&mut input));
    let current = (which & 4 != 0).then_some(&old);
    let raw = input.rest();

    // Bytes of nobody.
    assert!(verify_command(profile, keys.smi, &first, raw).is_err());
    let mut got = Pin::empty();
    assert!(receive_pin_change(profile, &keys, &first, raw, current, &mut got).is_err());
    assert_eq!(got.expose(), Pin::empty().expose());
    styles(&keys, raw);

    let Ok(request) = first.nth(profile, index.into()) else {
        return;
    };
    let mut out = [0; MAX_COMMAND_LEN];
    let made = match which & 3 {
        0 => pin_change(profile, &keys, &request, &new, current, &mut out),
        1 => secure(profile, keys.smi, None, &request, &Command::CardBlock, &mut out),
        2 => secure(profile, keys.smi, None, &request, &Command::PinUnblock, &mut out),
        _ => secure(
            profile,
            keys.smi,
            None,
            &request,
            &Command::ApplicationUnblock,
            &mut out,
        ),
    };
    let Ok(len) = made else {
        // Only a form of the PIN that the profile has not.
        assert_eq!(made, Err(Error::Unsupported));
        assert_eq!(out, [0; MAX_COMMAND_LEN]);
        return;
    };
    let mac_len = profile.script().unwrap().mac_len;
    let body = verify_command(profile, keys.smi, &request, &out[..len]).unwrap();
    assert_eq!(body, &out[HEADER_LEN..len - mac_len]);
    if which & 3 == 0 {
        assert!(len <= MAX_PIN_CHANGE_LEN);
        receive_pin_change(profile, &keys, &request, &out[..len], current, &mut got).unwrap();
        assert_eq!(got.expose(), new.expose());
    }
    // Cut short, or one byte changed.
    let place = usize::from(place) % len;
    assert!(verify_command(profile, keys.smi, &request, &out[..place]).is_err());
    out[place] ^= xor;
    let verdict = verify_command(profile, keys.smi, &request, &out[..len]);
    assert_eq!(verdict.is_ok(), xor == 0);
    if which & 3 == 0 {
        let verdict = receive_pin_change(profile, &keys, &request, &out[..len], current, &mut got);
        assert_eq!((verdict.is_ok(), got.expose().0 == 0), (xor == 0, xor != 0));
    }
}

/// What is deciphered is enciphered the same, and the other way round.
fn styles(keys: &Keys<'_>, raw: &[u8]) {
    for style in [Style::Visa, Style::Mastercard, Style::Emv] {
        let mut text = vec![0; raw.len() + 16];
        match encipher(keys.smc, style, raw, &mut text) {
            Ok(len) => {
                let mut back = vec![0x55; raw.len()];
                decipher(keys.smc, style, &text[..len], &mut back).unwrap();
                assert_eq!(back, raw);
            }
            Err(error) => assert!(error == Error::InvalidLength && raw.len() > 255),
        }
        // As if it were enciphered, of every length that it may have.
        for len in raw.len().saturating_sub(9)..=raw.len() {
            let mut clear = vec![0x55; len];
            if decipher(keys.smc, style, raw, &mut clear).is_ok() {
                assert_eq!(encipher(keys.smc, style, &clear, &mut text), Ok(raw.len()));
                assert_eq!(text[..raw.len()], *raw);
            } else {
                assert!(clear.iter().all(|&b| b == 0));
            }
        }
    }
}

/// A window takes each counter once, none that it may have forgotten and none too far ahead, and comes back as it was
/// stored.
pub fn atc_window(data: &[u8]) {
    let mut input = Input::new(data);
    let stored = input.array();
    // Bytes of nobody are refused, or are what a window writes.
    match AtcWindow::from_bytes(&stored) {
        Ok(window) => {
            assert_eq!(window.to_bytes(), stored);
            assert_eq!(window.highest().is_none(), stored == [0; AtcWindow::LEN]);
        }
        Err(error) => assert_eq!(error, Error::Record),
    }
    let jump = u16::from_be_bytes(input.array());
    let mut window = AtcWindow::new();
    let mut taken = BTreeSet::new();
    let mut counter = 0_u16;
    while let Some(step) = input.more() {
        // Near the last one, or anywhere.
        counter = match step {
            0..=127 => counter.wrapping_add(step.into()),
            128..=223 => counter.wrapping_sub(u16::from(step - 128)),
            _ => u16::from_be_bytes(input.array()),
        };
        let expected = match taken.last().copied() {
            Some(highest) if counter > highest && counter - highest > jump => Err(Error::LimitReached),
            Some(highest) if taken.contains(&counter) || counter.saturating_add(63) < highest => {
                Err(Error::CounterReplayed)
            }
            _ => Ok(()),
        };
        let before = window;
        assert_eq!(window.accept(Atc::new(counter), jump), expected, "{counter:X}");
        if expected.is_ok() {
            taken.insert(counter);
        } else {
            assert_eq!(window, before);
        }
        assert_eq!(window.highest(), taken.last().map(|&highest| Atc::new(highest)));
        assert_eq!(AtcWindow::from_bytes(&window.to_bytes()), Ok(window));
    }
}
