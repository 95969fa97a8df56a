// SPDX-License-Identifier: MIT OR Apache-2.0
//! MACs with the key under test.

use payhsm::hsm::audit::{RECORD_LEN, TAG_LEN};
use payhsm::hsm::{KeyHandle, MacMethod, MacPurpose, Padding};
use payhsm::key::usage::{Attributes, KeyAlgorithm, ModeOfUse};
use payhsm::mac::Mac;
use payhsm::mac::cmac::CmacAes;
use payhsm::policy::{MacAlgorithm, Operation, Policy};

use payhsm::keyblock::Profile;

use super::common::{Device, PERMISSIVE, block, key, payload, start, value};
use super::{Outcome, Rig, SEED, names};

const METHODS: [(&str, MacMethod); 4] = [
    (
        "M0 M1",
        MacMethod {
            algorithm: MacAlgorithm::Iso9797Alg1,
            padding: Padding::Method3 { len: 24 },
        },
    ),
    ("M3", MacMethod::X9_19),
    ("M6", MacMethod::CMAC),
    ("M7", MacMethod::HMAC_SHA_256),
];

/// The keys of the other side of a translation: their seed.
pub const OTHER: u8 = 81;
const MESSAGE: [u8; 24] = [0x3C; 24];

impl Rig {
    /// All MAC algorithms; a MAC key does that of its usage only.
    pub fn attempt_mac(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        let hsm = &mut self.hsm;
        let mut outcomes = Vec::new();
        for (usages, method) in METHODS {
            let fits = names(usages, attributes.usage) || !names("M0 M1 M3 M6 M7", attributes.usage);
            let (mut one, mut two, mut three) = ([0xA5; 8], [0xA5; 8], [0xA5; 8]);
            let results = if operation == Operation::MacGenerate {
                let whole = hsm.mac_generate(key.into(), method, &MESSAGE, &mut one);
                let parts = hsm
                    .mac_begin(key.into(), method, MacPurpose::Generate)
                    .and_then(|()| hsm.mac_update(&MESSAGE));
                let last = hsm.mac_finish(&mut two);
                assert_eq!(parts.is_ok(), last.is_ok());
                let (from, to) = (self.mac_in.into(), key.into());
                let translated =
                    hsm.mac_translate(from, MacMethod::CMAC, &MESSAGE, &other_mac(), to, method, &mut three);
                [
                    ("mac_generate", whole),
                    ("mac_begin", parts),
                    ("mac_translate", translated),
                ]
            } else {
                let tag = own_mac(attributes, method, &MESSAGE);
                let whole = hsm.mac_verify(key.into(), method, &MESSAGE, &tag);
                let parts = hsm
                    .mac_begin(key.into(), method, MacPurpose::Verify)
                    .and_then(|()| hsm.mac_update(&MESSAGE));
                let last = hsm.mac_finish_verify(&tag);
                assert_eq!(parts.is_ok(), last.is_ok());
                (one, two) = ([0; 8], [0; 8]);
                let (from, to) = (key.into(), self.mac_out.into());
                let translated = hsm.mac_translate(from, method, &MESSAGE, &tag, to, MacMethod::CMAC, &mut three);
                [
                    ("mac_verify", whole),
                    ("mac_begin", parts),
                    ("mac_translate", translated),
                ]
            };
            for ((command, result), outputs) in results.into_iter().zip([one, two, three]) {
                outcomes.push(Outcome {
                    fits,
                    ..Outcome::new(command, result, &outputs)
                });
            }
        }
        if operation == Operation::MacVerify {
            let fits = names("M6", attributes.usage) && attributes.algorithm == KeyAlgorithm::Aes
                || !names("M0 M1 M3 M6 M7", attributes.usage);
            let verified = hsm.audit_verify(key, &record(), None, None);
            outcomes.push(Outcome {
                fits,
                ..Outcome::new("audit_verify", verified, &[])
            });
        }
        outcomes
    }
}

/// A record of a log under the key under test.
fn record() -> [u8; RECORD_LEN] {
    let mut record = [0; RECORD_LEN];
    let (covered, tag) = record.split_at_mut(RECORD_LEN - TAG_LEN);
    covered[7] = 1;
    let mut mac = CmacAes::new(&value(SEED, 16)).unwrap();
    mac.update(covered);
    mac.finish(tag).unwrap();
    record
}

/// The MAC under the key under test, made by another module; anything if there is none.
fn own_mac(attributes: &Attributes, method: MacMethod, message: &[u8]) -> [u8; 8] {
    let mut maker = start(&Device::new(5), PERMISSIVE, 2, 0).unwrap();
    let generating = Attributes {
        mode: ModeOfUse::Generate,
        ..*attributes
    };
    let mut tag = [0; 8];
    let unwrapping = key(&mut maker, "K1", 'A', 'D', 11);
    let text = block(&value(11, 16), &generating, &payload(&generating, SEED), &[]);
    if let Ok(imported) = maker.key_block_import(unwrapping, &text, Profile::Tr31_2018) {
        let _ = maker.mac_generate(imported.key.into(), method, message, &mut tag);
    }
    tag
}

/// The MAC that a translation starts from.
fn other_mac() -> [u8; 8] {
    let mut maker = start(&Device::new(5), Policy::STRICT, 1, 0).unwrap();
    let key = key(&mut maker, "M6", 'A', 'G', OTHER);
    let mut tag = [0; 8];
    maker
        .mac_generate(key.into(), MacMethod::CMAC, &MESSAGE, &mut tag)
        .unwrap();
    tag
}
