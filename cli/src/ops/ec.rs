// SPDX-License-Identifier: MIT OR Apache-2.0
//! P-256 agreement and HKDF.

use payhsm::ecdh::{FIELD_LEN, PrivateKey, PublicKey};
use payhsm::kdf;
use payhsm::secret::Secret;

use super::Table;
use crate::cases::parameter;
use crate::value::{Case, Done, Stop};

pub const LINE: Table = &[
    ("ecdh_p256", ecdh_p256),
    ("ecdh_p256_reject", ecdh_p256),
    ("hkdf_sha256", hkdf_sha256),
    ("ecdh_hkdf", ecdh_hkdf),
];

pub const FAMILY: Table = &[
    ("ecdh_p256", family_ecdh_p256),
    ("p256_public_from_private", p256_public_from_private),
    ("p256_point_validate", p256_point_validate),
    ("hkdf", hkdf),
];

fn private_key(scalar: &[u8]) -> Result<PrivateKey, Stop> {
    let scalar = scalar.try_into().map_err(|_| Stop::NoForm("scalar length"))?;
    Ok(PrivateKey::from_bytes(scalar)?)
}

fn agree(scalar: &[u8], peer: &[u8]) -> Result<Secret<FIELD_LEN>, Stop> {
    let mut z = Secret::zeroed();
    private_key(scalar)?.agree(&PublicKey::from_sec1(peer)?, &mut z)?;
    Ok(z)
}

fn ecdh_p256(case: &Case) -> Done {
    let (private, peer) = (case.hex("private"), case.hex("peer_public"));
    case.expect_hex("public", private_key(&private)?.public().as_bytes());
    case.expect_hex("shared_x", agree(&private, &peer)?.expose());
    Ok(())
}

fn hkdf_sha256(case: &Case) -> Done {
    let (salt, ikm, info) = (case.hex("salt"), case.hex("ikm"), case.hex("info"));
    let mut okm = vec![0; case.size("length")];
    kdf::hkdf_sha256(&salt, &ikm, &[&info], &mut okm)?;
    case.expect_hex("okm", &okm);
    Ok(())
}

fn ecdh_hkdf(case: &Case) -> Done {
    let (private, peer) = (case.hex("private"), case.hex("peer_public"));
    let (salt, info) = (case.hex("salt"), case.hex("info"));
    let mut okm = vec![0; case.size("length")];
    let z = agree(&private, &peer)?;
    kdf::hkdf_sha256(&salt, z.expose(), &[&info], &mut okm)?;
    case.expect_hex("okm", &okm);
    Ok(())
}

fn family_ecdh_p256(case: &Case) -> Done {
    let (private, peer) = (case.hex("private"), case.hex("peer_public"));
    case.expect_hex("z", agree(&private, &peer)?.expose());
    Ok(())
}

fn p256_public_from_private(case: &Case) -> Done {
    let private = case.hex("private");
    case.expect_hex("public", private_key(&private)?.public().as_bytes());
    Ok(())
}

fn p256_point_validate(case: &Case) -> Done {
    let public = case.hex("public");
    case.expect("valid", PublicKey::from_sec1(&public).is_ok());
    Ok(())
}

fn hkdf(case: &Case) -> Done {
    let (hash, salt, ikm, info) = (case.text("hash"), case.hex("salt"), case.hex("ikm"), case.hex("info"));
    let mut okm = vec![0; case.size("length")];
    if hash != "sha256" {
        return parameter("hash", hash);
    }
    let mut prk = Secret::zeroed();
    kdf::hkdf_sha256_extract(&salt, &ikm, &mut prk)?;
    case.expect_hex("prk", prk.expose());
    kdf::hkdf_sha256_expand(&prk, &[&info], &mut okm)?;
    case.expect_hex("okm", &okm);
    Ok(())
}

/// A Wycheproof HKDF test.
pub fn hkdf_wycheproof(case: &Case) -> Done {
    let (salt, ikm, info) = (case.hex("salt"), case.hex("ikm"), case.hex("info"));
    let mut okm = vec![0; case.size("size")];
    kdf::hkdf_sha256(&salt, &ikm, &[&info], &mut okm)?;
    case.expect_bytes("okm", &okm);
    Ok(())
}

/// A Wycheproof scalar is a number: as many bytes as it needs, or a zero more.
fn scalar(number: &[u8]) -> Result<[u8; FIELD_LEN], Stop> {
    let start = number.iter().position(|&byte| byte != 0).unwrap_or(number.len());
    let digits = number.get(start..).unwrap_or_default();
    let mut scalar = [0; FIELD_LEN];
    let offset = FIELD_LEN
        .checked_sub(digits.len())
        .ok_or(Stop::NoForm("scalar length"))?;
    for (to, from) in scalar.iter_mut().skip(offset).zip(digits) {
        *to = *from;
    }
    Ok(scalar)
}

/// A Wycheproof agreement test with the peer's key as a SEC 1 point.
pub fn ecdh_sec1(case: &Case) -> Done {
    let (private, peer) = (case.hex("private"), case.hex("public"));
    case.expect_bytes("shared", agree(&scalar(&private)?, &peer)?.expose());
    Ok(())
}

/// A Wycheproof agreement test with the peer's key as SubjectPublicKeyInfo. The library takes points; the two
/// encodings of a named P-256 key (RFC 5480) are told by their fixed beginning, every other structure is refused.
pub fn ecdh_spki(case: &Case) -> Done {
    const UNCOMPRESSED: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
        0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    const COMPRESSED: [u8; 26] = [
        0x30, 0x39, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
        0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x22, 0x00,
    ];
    let (private, peer) = (case.hex("private"), case.hex("public"));
    let point = peer.strip_prefix(&UNCOMPRESSED).filter(|point| point.len() == 65);
    let point = point.or_else(|| peer.strip_prefix(&COMPRESSED).filter(|point| point.len() == 33));
    let point = point.ok_or(Stop::NoForm("public key structure"))?;
    case.expect_bytes("shared", agree(&scalar(&private)?, point)?.expose());
    Ok(())
}
