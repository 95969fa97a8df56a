// SPDX-License-Identifier: MIT OR Apache-2.0
//! EMV offline data authentication: what the recovered data are, without a whole card around them.

use payhsm::emv::oda::ca::RID_LEN;
use payhsm::emv::oda::recover::{KeyCertificate, Recovered, assemble};
use payhsm::emv::oda::{CaKey, IccKey};
use payhsm::rsa::{Exponent, PublicKey};
use sha2::{Digest as _, Sha256};

use super::Table;
use super::pin::array;
use crate::cases::parameter;
use crate::value::{Case, Done, Stop};

pub const FAMILY: Table = &[
    ("capk_checksum", capk_checksum),
    ("recover_issuer_pk", recover_issuer_pk),
    ("recover_icc_pk", recover_icc_pk),
    ("verify_sda", verify_sda),
    ("verify_dda", verify_dda),
    ("oda_reject", oda_reject),
    ("rsa_public_op", rsa_public_op),
    ("hash", hash),
];

fn key(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, Stop> {
    Ok(PublicKey::new(modulus, Exponent::from_bytes(exponent)?)?)
}

fn open(key: &PublicKey, signature: &[u8], format: u8) -> Result<Recovered, Stop> {
    Recovered::open(key, signature, format).map_err(|_| Stop::NoForm("recovered data"))
}

fn capk_checksum(case: &Case) -> Done {
    let rid = array::<RID_LEN>(&case.hex("rid"))?;
    let [index] = array(&case.hex("index"))?;
    let (modulus, exponent) = (case.hex("modulus"), case.hex("exponent"));
    case.text("key_kind");
    let checksum = CaKey::checksum(rid, index, &modulus, &exponent);
    case.expect_hex("checksum_sha1", &checksum);
    Ok(())
}

/// The key of a certificate, and whether its hash is that of itself, remainder and exponent alone.
fn certificate<const N: usize>(case: &Case, signer: &PublicKey, names: [&str; 4], format: u8) -> Result<bool, Stop> {
    let [certificate, remainder, exponent, modulus] = names;
    let remainder = case.opt_hex(remainder).unwrap_or_default();
    let exponent = case.hex(exponent);
    let recovered = open(signer, &case.hex(certificate), format)?;
    let fields = KeyCertificate::<N>::parse(recovered.parts().0).map_err(|_| Stop::NoForm("certificate"))?;
    case.expect("expiry_mmyy", fields.expiry.map(|byte| format!("{byte:02X}")).concat());
    case.expect_hex("serial", &fields.serial);
    case.expect_hex(if N == 4 { "issuer_identifier" } else { "pan_field" }, &fields.subject);
    let key = assemble(fields.key_len, fields.field, &remainder, &exponent).map_err(|_| Stop::NoForm("key"))?;
    case.expect_hex(modulus, key.modulus());
    Ok(recovered.covers(&[&remainder, &exponent]))
}

fn recover_issuer_pk(case: &Case) -> Done {
    let rid = array::<RID_LEN>(&case.hex("ca_rid"))?;
    let [index] = array(&case.hex("ca_index"))?;
    let (modulus, exponent) = (case.hex("ca_modulus"), case.hex("ca_exponent"));
    let checksum = CaKey::checksum(rid, index, &modulus, &exponent);
    CaKey::new(rid, index, &modulus, &exponent, &checksum, None)?;
    let names = ["issuer_cert", "issuer_remainder", "issuer_exponent", "issuer_modulus"];
    if certificate::<4>(case, &key(&modulus, &exponent)?, names, 0x02)? {
        Ok(())
    } else {
        Err(Stop::NoForm("hash"))
    }
}

fn recover_icc_pk(case: &Case) -> Done {
    let signer = key(&case.hex("issuer_modulus"), &case.hex("issuer_exponent"))?;
    let names = ["icc_cert", "icc_remainder", "icc_exponent", "icc_modulus"];
    let valid = certificate::<10>(case, &signer, names, 0x04)?;
    case.expect("hash_valid", valid);
    Ok(())
}

fn verify_sda(case: &Case) -> Done {
    let issuer = key(&case.hex("issuer_modulus"), &case.hex("issuer_exponent"))?;
    let recovered = open(&issuer, &case.hex("ssad"), 0x03)?;
    let (signed, hash) = recovered.parts();
    case.expect_hex("data_authentication_code", signed.get(2..4).unwrap_or_default());
    case.expect_hex("hash", hash);
    case.expect("hash_valid", recovered.covers(&[]));
    Ok(())
}

fn verify_dda(case: &Case) -> Done {
    let icc = key(&case.hex("icc_modulus"), &case.hex("icc_exponent"))?;
    let (sdad, sent) = (case.hex("sdad"), case.hex("ddol_data"));
    let recovered = open(&icc, &sdad, 0x05)?;
    let signed = recovered.parts().0;
    let len = signed.get(2).copied().map_or(0, usize::from);
    let data = signed.get(3..len + 3).unwrap_or_default();
    case.expect_hex("icc_dynamic_data", data);
    let number = IccKey::from_public_key(icc).verify_dynamic(&sent, &sdad);
    case.expect("hash_valid", number.is_ok());
    if let Ok(number) = number {
        case.expect_begins(
            "icc_dynamic_data",
            &[data.get(..1).unwrap_or_default(), number.as_bytes()].concat(),
        );
    }
    Ok(())
}

fn oda_reject(case: &Case) -> Done {
    let signer = key(&case.hex("modulus"), &case.hex("exponent"))?;
    let certificate = case.hex("certificate");
    for format in 0x02..=0x05 {
        if Recovered::open(&signer, &certificate, format).is_ok() {
            return Ok(());
        }
    }
    Err(Stop::NoForm("recovered data"))
}

fn rsa_public_op(case: &Case) -> Done {
    let key = key(&case.hex("modulus"), &case.hex("exponent"))?;
    let input = case.hex("input");
    let mut out = vec![0; input.len()];
    key.apply(&input, &mut out)?;
    case.expect_hex("output", &out);
    Ok(())
}

/// The longest message that is given as a byte and how often it stands there.
const MAX_REPEATED: usize = 1 << 24;

fn hash(case: &Case) -> Done {
    let message = match case.opt_hex("repeat_byte") {
        Some(byte) => {
            let count = case.size("repeat");
            if count.checked_mul(byte.len()).is_none_or(|len| len > MAX_REPEATED) {
                return parameter("repeat", count);
            }
            byte.repeat(count)
        }
        None => case.hex("msg"),
    };
    let digest = match case.text("hash") {
        // The library has SHA-1 in places only: this is one that takes any bytes, if they are enough.
        "sha1" => match message.split_first_chunk() {
            Some((rid, [index, rest @ ..])) => CaKey::checksum(*rid, *index, rest, &[]).to_vec(),
            _ => return parameter("message", "too short"),
        },
        "sha256" => Sha256::digest(&message).to_vec(),
        other => return parameter("hash", other),
    };
    case.expect_hex("digest", &digest);
    Ok(())
}
