// SPDX-License-Identifier: MIT OR Apache-2.0
//! MACs with the key under test.

use payhsm::hsm::{KeyHandle, MacMethod, MacPurpose, Padding};
use payhsm::key::usage::{Attributes, ModeOfUse};
use payhsm::policy::{MacAlgorithm, Operation, Policy};

use super::common::{Device, ceremony, start, value};
use super::{Outcome, Rig, SEED, names};

const METHODS: [(&str, MacMethod); 3] = [
    (
        "M0 M1",
        MacMethod {
            algorithm: MacAlgorithm::Iso9797Alg1,
            padding: Padding::Method3 { len: 24 },
        },
    ),
    ("M3", MacMethod::X9_19),
    ("M6", MacMethod::CMAC),
];

impl Rig {
    /// All MAC algorithms; a MAC key does that of its usage only.
    pub fn attempt_mac(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        const MESSAGE: [u8; 24] = [0x3C; 24];
        let hsm = &mut self.hsm;
        let mut outcomes = Vec::new();
        for (usages, method) in METHODS {
            let fits = names(usages, attributes.usage) || !names("M0 M1 M3 M6", attributes.usage);
            let (mut one, mut two) = ([0xA5; 8], [0xA5; 8]);
            let results = if operation == Operation::MacGenerate {
                let whole = hsm.mac_generate(key.into(), method, &MESSAGE, &mut one);
                let parts = hsm
                    .mac_begin(key.into(), method, MacPurpose::Generate)
                    .and_then(|()| hsm.mac_update(&MESSAGE));
                let last = hsm.mac_finish(&mut two);
                assert_eq!(parts.is_ok(), last.is_ok());
                [("mac_generate", whole), ("mac_begin", parts)]
            } else {
                let tag = own_mac(attributes, method, &MESSAGE);
                let whole = hsm.mac_verify(key.into(), method, &MESSAGE, &tag);
                let parts = hsm
                    .mac_begin(key.into(), method, MacPurpose::Verify)
                    .and_then(|()| hsm.mac_update(&MESSAGE));
                let last = hsm.mac_finish_verify(&tag);
                assert_eq!(parts.is_ok(), last.is_ok());
                (one, two) = ([0; 8], [0; 8]);
                [("mac_verify", whole), ("mac_begin", parts)]
            };
            for ((command, result), outputs) in results.into_iter().zip([one, two]) {
                outcomes.push(Outcome {
                    fits,
                    ..Outcome::new(command, result, &outputs)
                });
            }
        }
        outcomes
    }
}

/// The MAC under the key under test, made by another module; anything if there is none.
fn own_mac(attributes: &Attributes, method: MacMethod, message: &[u8]) -> [u8; 8] {
    let mut maker = start(&Device::new(5), Policy::STRICT, 1, 0).unwrap();
    let generating = Attributes {
        mode: ModeOfUse::Generate,
        ..*attributes
    };
    let mut tag = [0; 8];
    if let Ok(key) = ceremony(&mut maker, &generating, &value(SEED, 16)) {
        let _ = maker.mac_generate(key.into(), method, message, &mut tag);
    }
    tag
}
