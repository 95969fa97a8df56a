// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data: modes of operation, one for one key; re-encipherment; UnionPay's track 2; the limit of a TDEA key.

use payhsm::error::Error;
use payhsm::hsm::{KeyHandle, KeyRef};
use payhsm::policy::{Permission, Policy, TDEA_BLOCK_LIMIT};

use crate::common::{
    Device, Module, PROFILE, TDEA_ID, attributes, ceremony, initial_key, key, load_kbpk, module, start, value,
};

fn permissive() -> Policy {
    Policy::STRICT.with(Permission::EcbData).with(Permission::UnionPay)
}

fn open() -> Module {
    start(&Device::new(1), permissive(), 8, 2).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn enter(hsm: &mut Module, algorithm: char, mode: char, material: &str) -> KeyHandle {
    ceremony(hsm, &attributes("D0", algorithm, mode, 'N'), &hex(material)).unwrap()
}

/// SP 800-38A F.1.1, F.5.1 and F.2.1: the same first block under AES-128 in three modes.
#[test]
fn modes_of_sp_800_38a() {
    let plain = hex("6BC1BEE22E409F96E93D7E117393172A");
    let aes = "2B7E151628AED2A6ABF7158809CF4F3C";
    let mut hsm = open();
    let ecb = enter(&mut hsm, 'A', 'B', aes);
    let mut data = plain.clone();
    hsm.data_ecb_encipher(ecb, &mut data).unwrap();
    assert_eq!(data, hex("3AD77BB40D7A3660A89ECAF32466EF97"));
    hsm.data_ecb_decipher(ecb, &mut data).unwrap();
    assert_eq!(data, plain);
    hsm.key_erase(ecb).unwrap();

    let ctr = enter(&mut hsm, 'A', 'B', aes);
    let counter = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF");
    for len in [16, 5, 0] {
        let mut data = plain[..len].to_vec();
        hsm.data_ctr(ctr, &counter, &mut data).unwrap();
        assert_eq!(data, hex("874D6191B620E3261BEF6864990DB6CE")[..len]);
        hsm.data_ctr(ctr, &counter, &mut data).unwrap();
        assert_eq!(data, plain[..len]);
    }
    hsm.key_erase(ctr).unwrap();

    let cbc = enter(&mut hsm, 'A', 'B', aes);
    let mut data = plain;
    let iv = hex("000102030405060708090A0B0C0D0E0F");
    hsm.data_encipher(cbc.into(), &iv, &mut data).unwrap();
    assert_eq!(data, hex("7649ABAC8119B246CEE98E9B12E9197D"));
}

type Call = fn(&mut Module, KeyHandle, &mut [u8]) -> Result<(), Error>;

const ECB: [Call; 2] = [
    |hsm, key, data| hsm.data_ecb_encipher(key, data),
    |hsm, key, data| hsm.data_ecb_decipher(key, data),
];
const CTR: [Call; 1] = [|hsm, key, data| hsm.data_ctr(key, &[7; 8], data)];
const CBC: [Call; 2] = [
    |hsm, key, data| hsm.data_encipher(key.into(), &[7; 8], data),
    |hsm, key, data| hsm.data_decipher(key.into(), &[7; 8], data),
];

/// A data key serves the mode of operation that it was first used for.
#[test]
fn one_mode_for_one_key() {
    let all: [(&str, &[Call]); 3] = [("ECB", &ECB), ("CTR", &CTR), ("CBC", &CBC)];
    for (first, calls) in all {
        let mut hsm = open();
        let key = key(&mut hsm, "D0", 'T', 'B', 1);
        // A refusal binds nothing.
        for (_, calls) in all {
            let mut data = [0x5A; 7];
            if first != "CTR" {
                let _ = calls[0](&mut hsm, key, &mut data).map_err(|error| assert_eq!(error, Error::InvalidLength));
                hsm.key_erase(key).unwrap();
                break;
            }
        }
        let key = if first == "CTR" {
            key
        } else {
            crate::common::key(&mut hsm, "D0", 'T', 'B', 1)
        };
        for call in calls {
            call(&mut hsm, key, &mut [0x5A; 16]).unwrap();
        }
        for (other, calls) in all {
            for call in calls {
                let mut data = [0x5A; 16];
                let result = call(&mut hsm, key, &mut data);
                if other == first {
                    assert_eq!(result, Ok(()));
                } else {
                    assert_eq!((result, data), (Err(Error::UsageNotPermitted), [0; 16]));
                }
            }
        }
    }
}

#[test]
fn permissions_modes_and_lengths() {
    // ECB and tracks by permission.
    let mut strict = module(&Device::new(1));
    let one = key(&mut strict, "D0", 'T', 'B', 1);
    for call in ECB {
        let mut data = [0x5A; 16];
        assert_eq!(
            (call(&mut strict, one, &mut data), data),
            (Err(Error::Refused), [0; 16])
        );
    }
    let mut out = [0xA5; 20];
    let track = b"1234567890123456789=0508201781999168302";
    assert_eq!(strict.track2_encipher(one, track, &mut out), Err(Error::Refused));
    assert_eq!(out, [0; 20]);
    // Who enciphers in CTR can decipher: the key must be for both.
    let mut hsm = open();
    for mode in ['E', 'D'] {
        let one = key(&mut hsm, "D0", 'T', mode, 1);
        let mut data = [0x5A; 16];
        let result = hsm.data_ctr(one, &[0; 8], &mut data);
        assert_eq!((result, data), (Err(Error::ModeNotPermitted), [0; 16]));
        hsm.key_erase(one).unwrap();
    }
    for (letter, block_len) in [('T', 8), ('A', 16)] {
        for len in [1, block_len - 1, block_len + 1] {
            let one = key(&mut hsm, "D0", letter, 'B', 1);
            let mut data = [0x5A; 24];
            let wrong = Err(Error::InvalidLength);
            assert_eq!(hsm.data_ecb_encipher(one, &mut data[..len]), wrong);
            assert_eq!(hsm.data_ctr(one, &[0; 24][..len], &mut data[..16]), wrong);
            assert_eq!(hsm.data_encipher(one.into(), &[0; 24][..len], &mut data[..16]), wrong);
            assert!(data[..len.max(16)].iter().all(|&b| b == 0));
            hsm.key_erase(one).unwrap();
        }
    }
}

/// Sample of the block that UnionPay terminals encipher, computed twice; and what is no track.
#[test]
fn track_2_of_unionpay() {
    let mut hsm = open();
    let zone = enter(&mut hsm, 'T', 'B', "0123456789ABCDEFFEDCBA9876543210");
    let track = b"1234567890123456789=0508201781999168302";
    let mut packed = [0xA5; 24];
    let len = hsm.track2_encipher(zone, track, &mut packed).unwrap();
    assert_eq!(packed[..len], hex("1234567890123456789D054CFC20D6F04568AC20")[..]);
    assert!(packed[len..].iter().all(|&b| b == 0));
    let mut back = [0xA5; 40];
    hsm.track2_decipher(zone, &packed[..len], 39, &mut back).unwrap();
    assert_eq!(&back[..39], track);
    assert_eq!(back[39], 0);

    for (track, error) in [
        (&b"1234567890123="[..], Error::Track),
        (b"12345678901234567890123456789", Error::Track),
        (b"123456789012345=12345=6789", Error::Track),
        (b";123456789012345=123456789?", Error::Track),
    ] {
        let mut out = [0xA5; 24];
        assert_eq!(hsm.track2_encipher(zone, track, &mut out), Err(error));
        assert_eq!(out, [0; 24]);
    }
    let mut out = [0xA5; 40];
    for characters in [0, 36, 38, 41] {
        let result = hsm.track2_decipher(zone, &packed[..len], characters, &mut out);
        assert!(
            matches!(result, Err(Error::Track | Error::VerificationFailed)),
            "{characters} {result:?}"
        );
        assert_eq!(out, [0; 40]);
    }
    // A changed cryptogram is no track, but for one in a thousand.
    packed[len - 2] ^= 1;
    let result = hsm.track2_decipher(zone, &packed[..len], 39, &mut out);
    assert_eq!((result, out), (Err(Error::VerificationFailed), [0; 40]));
    let long = ceremony(&mut hsm, &attributes("D0", 'T', 'B', 'N'), &value(3, 24)).unwrap();
    let aes = key(&mut hsm, "D0", 'A', 'B', 4);
    for (key, error) in [(long, Error::InvalidKeyLength), (aes, Error::AlgorithmMismatch)] {
        assert_eq!(hsm.track2_encipher(key, track, &mut out), Err(error));
    }
}

/// From each cipher to each, whole and in pieces; the other side reads it.
#[test]
fn reencipherment() {
    let clear: Vec<u8> = (0..208_u8).map(|i| i.wrapping_mul(7)).collect();
    for (from_letter, to_letter) in [('T', 'T'), ('T', 'A'), ('A', 'A')] {
        for cut in [0, 16, 64, 96, 208] {
            let (mut sender, mut receiver) = (module(&Device::new(1)), module(&Device::new(2)));
            let mut hsm = module(&Device::new(3));
            let source = key(&mut sender, "D0", from_letter, 'E', 1);
            let sink = key(&mut receiver, "D0", to_letter, 'D', 2);
            let from = key(&mut hsm, "D0", from_letter, 'D', 1);
            let to = key(&mut hsm, "D0", to_letter, 'E', 2);
            let block = |letter| if letter == 'T' { 8 } else { 16 };
            let (from_len, to_len) = (block(from_letter), block(to_letter));
            let mut data = clear.clone();
            sender
                .data_encipher(source.into(), &[1; 16][..from_len], &mut data)
                .unwrap();
            let (mut from_iv, mut to_iv) = (vec![1; from_len], vec![2; to_len]);
            let (first, second) = data.split_at_mut(cut);
            for piece in [first, second] {
                let last = piece.len().checked_sub(from_len).map(|at| piece[at..].to_vec());
                hsm.data_reencipher(from.into(), &from_iv, to, &to_iv, piece).unwrap();
                if let Some(last) = last {
                    from_iv = last;
                    to_iv = piece[piece.len() - to_len..].to_vec();
                }
            }
            receiver
                .data_decipher(sink.into(), &[2; 16][..to_len], &mut data)
                .unwrap();
            assert_eq!(data, clear, "{from_letter} {to_letter} {cut}");
        }
    }
}

#[test]
fn reencipherment_is_judged_before_it_begins() {
    let mut hsm = open();
    let from = key(&mut hsm, "D0", 'A', 'D', 1);
    let to = key(&mut hsm, "D0", 'A', 'E', 2);
    let weak = key(&mut hsm, "D0", 'T', 'E', 3);
    let other = key(&mut hsm, "M6", 'A', 'C', 4);
    let mut attempt = |from: KeyHandle, iv: usize, to, to_iv: usize, len: usize| {
        let mut data = [0x5A; 40];
        let (ones, twos) = ([1; 24], [2; 24]);
        let result = hsm.data_reencipher(from.into(), &ones[..iv], to, &twos[..to_iv], &mut data[..len]);
        assert_eq!(data[..len].iter().all(|&b| b == 0), result.is_err());
        result
    };
    assert_eq!(attempt(to, 16, to, 16, 32), Err(Error::InvalidArgument));
    assert_eq!(attempt(to, 16, from, 16, 32), Err(Error::ModeNotPermitted));
    assert_eq!(attempt(other, 16, to, 16, 32), Err(Error::UsageNotPermitted));
    assert_eq!(attempt(from, 16, weak, 8, 32), Err(Error::KeyStrength));
    for (iv, to_iv, len) in [(8, 16, 32), (16, 8, 32), (16, 16, 24), (16, 16, 33), (0, 16, 32)] {
        assert_eq!(attempt(from, iv, to, to_iv, len), Err(Error::InvalidLength));
    }
    assert_eq!(attempt(from, 16, to, 16, 32), Ok(()));
    // Keys that serve ECB do not serve here.
    let ecb = key(&mut hsm, "D0", 'A', 'B', 5);
    hsm.data_ecb_encipher(ecb, &mut [0; 16]).unwrap();
    let result = hsm.data_reencipher(ecb.into(), &[0; 16], to, &[0; 16], &mut [0; 16]);
    assert_eq!(result, Err(Error::UsageNotPermitted));
}

/// A host's transaction: a terminal's data go to a zone key, once.
#[test]
fn reencipherment_of_a_transaction() {
    let bdk = value(0x31, 16);
    let mut host = module(&Device::new(1));
    let bdk = ceremony(&mut host, &attributes("B0", 'T', 'X', 'N'), &bdk).unwrap();
    let wrapping = key(&mut host, "K1", 'A', 'E', 0xB0);
    let mut block = [0; 256];
    let (len, _) = host
        .dukpt_export_initial_key(bdk, &TDEA_ID, wrapping, &mut block)
        .unwrap();
    let mut terminal = module(&Device::new(2));
    let kbpk = load_kbpk(&mut terminal);
    let (group, _) = terminal.dukpt_load(kbpk, &block[..len], PROFILE).unwrap();
    let (sale, ksn) = terminal.dukpt_begin(group).unwrap();
    let mut data = *b"5413330089604111=251220100000000";
    terminal.data_encipher(sale.into(), &[0; 8], &mut data).unwrap();

    let zone = key(&mut host, "D0", 'A', 'E', 7);
    let message = host.dukpt_derive(bdk, ksn.as_bytes()).unwrap();
    // What is wrong about the call uses nothing up.
    for (iv, to_iv, len) in [(16, 16, 32), (8, 8, 32), (8, 16, 24)] {
        let mut copy = data;
        let (zeros, other) = ([0; 16], [9; 16]);
        let result = host.data_reencipher(
            KeyRef::Transaction(message),
            &zeros[..iv],
            zone,
            &other[..to_iv],
            &mut copy[..len],
        );
        assert_eq!(result, Err(Error::InvalidLength));
    }
    host.data_reencipher(message.into(), &[0; 8], zone, &[9; 16], &mut data)
        .unwrap();
    let mut again = data;
    let result = host.data_reencipher(message.into(), &[0; 8], zone, &[9; 16], &mut again);
    assert_eq!((result, again), (Err(Error::LimitReached), [0; 32]));
    let mut receiver = module(&Device::new(3));
    let sink = key(&mut receiver, "D0", 'A', 'D', 7);
    receiver.data_decipher(sink.into(), &[9; 16], &mut data).unwrap();
    assert_eq!(&data, b"5413330089604111=251220100000000");
    let _ = initial_key;
}

/// 2^20 blocks, whatever is done with them.
#[test]
fn tdea_data_keys_have_a_last_block() {
    let mut hsm = open();
    let limit = usize::try_from(TDEA_BLOCK_LIMIT).unwrap();
    let mut much = vec![0x5A; (limit + 2) * 8];
    let one = key(&mut hsm, "D0", 'T', 'B', 1);
    let over = Err(Error::LimitReached);
    assert_eq!(hsm.data_encipher(one.into(), &[0; 8], &mut much), over);
    assert!(much.iter().all(|&b| b == 0));
    // Refused is not counted.
    hsm.data_encipher(one.into(), &[0; 8], &mut much[..64]).unwrap();
    assert_eq!(
        hsm.data_decipher(one.into(), &[0; 8], &mut much[..(limit - 7) * 8]),
        over
    );
    let to = key(&mut hsm, "D0", 'A', 'E', 2);
    let (_, short) = much.split_at_mut(8 * 8);
    let result = hsm.data_reencipher(one.into(), &[0; 8], to, &[0; 16], &mut short[..(limit - 6) * 8]);
    assert_eq!(result, over);
    let ctr = key(&mut hsm, "D0", 'T', 'B', 3);
    assert_eq!(hsm.data_ctr(ctr, &[0; 8], &mut much[..limit * 8 + 1]), over);
    let ecb = key(&mut hsm, "D0", 'T', 'B', 4);
    assert_eq!(hsm.data_ecb_encipher(ecb, &mut much), over);
}

/// A second slot with the same key goes on where the first one stands.
#[test]
fn copies_of_a_key_share_what_it_is_bound_to() {
    for first_is_used_before in [false, true] {
        let mut hsm = open();
        let [mut one, mut two] = [[0x5A; 16]; 2];
        let used = key(&mut hsm, "D0", 'A', 'B', 1);
        let copy = (!first_is_used_before).then(|| key(&mut hsm, "D0", 'A', 'B', 1));
        hsm.data_encipher(used.into(), &[0; 16], &mut one).unwrap();
        let copy = copy.unwrap_or_else(|| key(&mut hsm, "D0", 'A', 'B', 1));
        assert_eq!(hsm.data_ecb_encipher(copy, &mut two), Err(Error::UsageNotPermitted));
        assert_eq!(hsm.data_ctr(copy, &[0; 16], &mut two), Err(Error::UsageNotPermitted));
        two = [0x5A; 16];
        hsm.data_encipher(copy.into(), &[0; 16], &mut two).unwrap();
        assert_eq!(one, two);
        // Another key is free to choose.
        let other = key(&mut hsm, "D0", 'A', 'B', 2);
        hsm.data_ctr(other, &[0; 16], &mut two).unwrap();
    }
    let mut hsm = open();
    let limit = usize::try_from(TDEA_BLOCK_LIMIT).unwrap();
    let mut much = vec![0x5A; limit * 8];
    let [one, two] = [1, 1].map(|seed| key(&mut hsm, "D0", 'T', 'B', seed));
    hsm.data_encipher(one.into(), &[0; 8], &mut much).unwrap();
    for handle in [one, two, key(&mut hsm, "D0", 'T', 'B', 1)] {
        let result = hsm.data_encipher(handle.into(), &[0; 8], &mut much[..8]);
        assert_eq!(result, Err(Error::LimitReached));
    }
}
