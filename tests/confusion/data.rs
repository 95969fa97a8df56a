// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data with the key under test.

use payhsm::cipher::{modes, tdes::Tdes};
use payhsm::error::Error;
use payhsm::hsm::KeyHandle;
use payhsm::key::usage::{Attributes, KeyAlgorithm, ModeOfUse};
use payhsm::policy::Operation;

use super::common::{ceremony, value};
use super::{Outcome, Rig, SEED, is_allowed};

impl Rig {
    pub fn attempt_data(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        let block_len = if attributes.algorithm == KeyAlgorithm::Aes {
            16
        } else {
            8
        };
        let hsm = &mut self.hsm;
        match operation {
            Operation::DataEncipher => {
                let mut data = [0xA5; 16];
                let result = hsm.data_encipher(key.into(), &[0; 16][..block_len], &mut data);
                let mut other = [0xA5; 16];
                let from = self.data_in.into();
                let again = hsm.data_reencipher(from, &[0; 8], key, &[0; 16][..block_len], &mut other);
                let mut outcomes = vec![
                    Outcome::new("data_encipher", result, &data),
                    Outcome::new("data_reencipher", again, &other),
                ];
                outcomes.extend(self.attempt_modes(operation, key, attributes));
                outcomes
            }
            Operation::DataDecipher => {
                let mut data = [0xA5; 16];
                let result = hsm.data_decipher(key.into(), &[0; 16][..block_len], &mut data);
                let mut other = [0xA5; 16];
                let again = hsm.data_reencipher(key.into(), &[0; 16][..block_len], self.data_out, &[0; 16], &mut other);
                let mut outcomes = vec![
                    Outcome::new("data_decipher", result, &data),
                    Outcome::new("data_reencipher", again, &other),
                ];
                outcomes.extend(self.attempt_modes(operation, key, attributes));
                outcomes
            }
            other => panic!("{other:?} has no column"),
        }
    }

    /// The other modes of operation, each with the key come in anew: a key serves one.
    fn attempt_modes(&mut self, operation: Operation, key: KeyHandle, attributes: &Attributes) -> Vec<Outcome> {
        const TRACK: &[u8] = b"1234567890123456=2512101123";
        let encipher = operation == Operation::DataEncipher;
        let aes = attributes.algorithm == KeyAlgorithm::Aes;
        let both = matches!(attributes.mode, ModeOfUse::Both | ModeOfUse::NoRestriction);
        let allowed = is_allowed(operation, attributes, self.permissive);
        let mut outcomes = Vec::new();
        for (command, fits, permitted) in [
            (
                if encipher {
                    "data_ecb_encipher"
                } else {
                    "data_ecb_decipher"
                },
                true,
                self.permissive,
            ),
            (
                if encipher { "track2_encipher" } else { "track2_decipher" },
                !aes,
                self.permissive,
            ),
            ("data_ctr", both, true),
        ] {
            let hsm = &mut self.hsm;
            // A refused key needs no other, and must change nothing.
            let seed = 90 + u8::try_from(outcomes.len()).unwrap();
            let anew = allowed.then(|| ceremony(hsm, attributes, &value(seed, 16)).unwrap());
            let key = anew.unwrap_or(key);
            let mut data = [0xA5; 40];
            let result = match command {
                "data_ecb_encipher" => hsm.data_ecb_encipher(key, &mut data[..16]).map(|()| 16),
                "data_ecb_decipher" => hsm.data_ecb_decipher(key, &mut data[..16]).map(|()| 16),
                "track2_encipher" => hsm.track2_encipher(key, TRACK, &mut data).map(|_| 0),
                "track2_decipher" => {
                    let packed = own_track(TRACK, if allowed { seed } else { SEED });
                    hsm.track2_decipher(key, &packed, TRACK.len(), &mut data).map(|()| 0)
                }
                _ => hsm
                    .data_ctr(key, &[0; 16][..if aes { 16 } else { 8 }], &mut data[..16])
                    .map(|()| 16),
            };
            if anew.is_some() {
                hsm.key_erase(key).unwrap();
            }
            if !permitted && result == Err(Error::Refused) {
                // The key might; the policy does not.
                assert!(data[..16].iter().all(|&b| b == 0));
                self.commands.insert(command);
                continue;
            }
            outcomes.push(Outcome {
                fits,
                ..Outcome::new(command, result, &data[..16])
            });
        }
        outcomes
    }
}

/// A track enciphered under the key under test, by the scheme layer.
fn own_track(track: &[u8], seed: u8) -> Vec<u8> {
    let mut packed = [0; 20];
    let len = payhsm::codec::track::pack(track, &mut packed).unwrap();
    let cipher = Tdes::new(&value(seed, 16)).unwrap();
    modes::ecb_encrypt(&cipher, &mut packed[len - 9..len - 1]).unwrap();
    packed[..len].to_vec()
}
