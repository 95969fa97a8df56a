// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool dukpt`: both schemes, told apart by the length of the KSN.

mod derive;
mod ksn;
mod source;
mod use_keys;
mod working;

use super::{ciphers, macs, pins};
use crate::spec::{Action, Command, DATA, Spec, option};
use source::{KEYS, KSN};
use working::KEY_TYPE;

const IKSN: &[Spec] = &[option(
    "layout",
    "A-B-C",
    "how the key owner splits the KSN: digits of key set, device and counter",
)];
const USAGES: &[Spec] = &[option(
    "usage",
    "LIST",
    "pin, mac-request, mac-response, mac-both, data-request, data-response, data-both, key-encryption; legacy: \
     legacy-data-request, legacy-data-response (no one-way step), legacy-data-pin; default all but legacy",
)];
const MAC_USAGE: &[Spec] = &[option(
    "usage",
    "request|response|both",
    "which MAC key; default request",
)];
const DATA_USAGE: &[Spec] = &[option(
    "usage",
    "NAME",
    "request, response, both; legacy-request, legacy-response (no one-way step), legacy-pin; default request",
)];
const FORMAT: &[Spec] = &[option(
    "format",
    "0..4",
    "PIN block format; default 0 under TDES keys, 4 under AES keys",
)];
const LENGTH: &[Spec] = &[option("length", "BYTES", "leftmost bytes of the MAC; default all")];
const MAC: &[Spec] = &[option("mac", "HEX", "the MAC to be checked; its length counts").needed()];

const MAC_NOTES: &str = "\
Default algorithm: retail (X9.19) under TDES keys, cmac under AES keys, hmac-sha256 under HMAC keys.
The usage is seen from the terminal: it makes request MACs and checks response MACs, the host the
other way round. If a check says no, the other usages, algorithms and paddings are tried and what
would have matched is said.";

/// The command.
pub const COMMAND: Command = Command {
    name: "dukpt",
    about: "derived unique key per transaction, TDES and AES",
    actions: &[
        Action {
            name: "ksn",
            about: "explains a KSN; needs no key",
            specs: &[KSN, IKSN],
            notes: "",
            example: include_str!("examples/dukpt-ksn.txt"),
            run: ksn::run,
        },
        Action {
            name: "ik",
            about: "initial key of a terminal from the BDK",
            specs: &[KSN, KEYS],
            notes: "The counter of the KSN does not matter.",
            example: include_str!("examples/dukpt-ik.txt"),
            run: derive::ik,
        },
        Action {
            name: "derive",
            about: "initial, transaction and working keys of a KSN",
            specs: &[KSN, KEYS, KEY_TYPE, USAGES],
            notes: "\
The transaction key is none of the working keys: nothing is enciphered under it.
Check values: legacy, 3 bytes, of TDES keys; CMAC, 5 bytes, of AES keys; HMAC keys have none.",
            example: include_str!("examples/dukpt-derive.txt"),
            run: derive::run,
        },
        Action {
            name: "update-key",
            about: "update key of an AES initial key (counter FFFFFFFF)",
            specs: &[KSN, KEYS, KEY_TYPE],
            notes: "",
            example: include_str!("examples/dukpt-update-key.txt"),
            run: derive::update,
        },
        Action {
            name: "encrypt-pin",
            about: "enciphers a PIN as the terminal does",
            specs: &[KSN, KEYS, pins::PIN, pins::PAN, FORMAT, KEY_TYPE, pins::FILL],
            notes: "",
            example: include_str!("examples/dukpt-encrypt-pin.txt"),
            run: use_keys::encrypt_pin,
        },
        Action {
            name: "decrypt-pin",
            about: "deciphers a PIN block as the host does",
            specs: &[KSN, KEYS, pins::BLOCK, pins::PAN, FORMAT, KEY_TYPE],
            notes: "",
            example: include_str!("examples/dukpt-decrypt-pin.txt"),
            run: use_keys::decrypt_pin,
        },
        Action {
            name: "mac",
            about: "computes a MAC",
            specs: &[KSN, KEYS, MAC_USAGE, macs::OPTIONS, KEY_TYPE, DATA, LENGTH],
            notes: MAC_NOTES,
            example: include_str!("examples/dukpt-mac.txt"),
            run: use_keys::mac,
        },
        Action {
            name: "verify-mac",
            about: "checks a MAC, and says what else it could be",
            specs: &[KSN, KEYS, MAC_USAGE, macs::OPTIONS, KEY_TYPE, DATA, MAC],
            notes: MAC_NOTES,
            example: include_str!("examples/dukpt-verify-mac.txt"),
            run: use_keys::verify_mac,
        },
        Action {
            name: "encrypt-data",
            about: "enciphers data",
            specs: &[KSN, KEYS, DATA_USAGE, ciphers::OPTIONS, KEY_TYPE, DATA],
            notes: "",
            example: include_str!("examples/dukpt-encrypt-data.txt"),
            run: use_keys::encrypt_data,
        },
        Action {
            name: "decrypt-data",
            about: "deciphers data",
            specs: &[KSN, KEYS, DATA_USAGE, ciphers::OPTIONS, KEY_TYPE, DATA],
            notes: "\
Which key the data is under is the usual question: by the standard it is the data variant with the
one-way step; readers in the field use the variant alone, or the PIN variant (--usage legacy-...).",
            example: include_str!("examples/dukpt-decrypt-data.txt"),
            run: use_keys::decrypt_data,
        },
    ],
};
