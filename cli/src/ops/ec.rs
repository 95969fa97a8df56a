// SPDX-License-Identifier: MIT OR Apache-2.0
//! P-256 agreement and signatures; HKDF, X9.63 and one-step key derivation.

use payhsm::ecdh::{FIELD_LEN, PrivateKey, PublicKey};
use payhsm::ecdsa::{Signature, SigningKey, verify};
use payhsm::error::Error;
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
    ("x963_kdf", x963_kdf),
    ("concat_kdf", concat_kdf),
    ("ecdsa_p256_verify", ecdsa_p256_verify),
    ("ecdsa_p256_sign_fixed_k", ecdsa_p256_sign_fixed_k),
];

/// A key derivation: two inputs, parts of the information, output.
type Hkdf = fn(&[u8], &[u8], &[&[u8]], &mut [u8]) -> Result<(), Error>;
type OneStep = fn(&[u8], &[&[u8]], &mut [u8]) -> Result<(), Error>;

fn private_key(scalar: &[u8]) -> Result<PrivateKey, Stop> {
    let scalar = scalar.try_into().map_err(|_| Stop::NoForm("scalar length"))?;
    Ok(PrivateKey::from_bytes(scalar)?)
}

fn agree(scalar: &[u8], peer: &PublicKey) -> Result<Secret<FIELD_LEN>, Stop> {
    let mut z = Secret::zeroed();
    private_key(scalar)?.agree(peer, &mut z)?;
    Ok(z)
}

fn ecdh_p256(case: &Case) -> Done {
    let (private, peer) = (case.hex("private"), case.hex("peer_public"));
    case.expect_hex("public", private_key(&private)?.public().as_bytes());
    case.expect_hex("shared_x", agree(&private, &PublicKey::from_sec1(&peer)?)?.expose());
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
    let z = agree(&private, &PublicKey::from_sec1(&peer)?)?;
    kdf::hkdf_sha256(&salt, z.expose(), &[&info], &mut okm)?;
    case.expect_hex("okm", &okm);
    Ok(())
}

fn family_ecdh_p256(case: &Case) -> Done {
    let (private, peer) = (case.hex("private"), case.hex("peer_public"));
    case.expect_hex("z", agree(&private, &PublicKey::from_sec1(&peer)?)?.expose());
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
    let whole: Hkdf = match hash {
        "sha256" => {
            let mut prk = Secret::zeroed();
            kdf::hkdf_sha256_extract(&salt, &ikm, &mut prk)?;
            case.expect_hex("prk", prk.expose());
            kdf::hkdf_sha256
        }
        "sha384" => {
            let mut prk = Secret::zeroed();
            kdf::hkdf_sha384_extract(&salt, &ikm, &mut prk)?;
            case.expect_hex("prk", prk.expose());
            kdf::hkdf_sha384
        }
        "sha512" => {
            let mut prk = Secret::zeroed();
            kdf::hkdf_sha512_extract(&salt, &ikm, &mut prk)?;
            case.expect_hex("prk", prk.expose());
            kdf::hkdf_sha512
        }
        other => return parameter("hash", other),
    };
    whole(&salt, &ikm, &[&info], &mut okm)?;
    case.expect_hex("okm", &okm);
    Ok(())
}

fn x963_kdf(case: &Case) -> Done {
    let (hash, z, info) = (case.text("hash"), case.hex("z"), case.hex("shared_info"));
    let derive: OneStep = match hash {
        "sha256" => kdf::x963_sha256,
        "sha384" => kdf::x963_sha384,
        "sha512" => kdf::x963_sha512,
        other => return parameter("hash", other),
    };
    one_step(case, derive, &z, &info)
}

fn concat_kdf(case: &Case) -> Done {
    let (hash, z, info) = (case.text("hash"), case.hex("z"), case.hex("other_info"));
    let derive: OneStep = match hash {
        "sha256" => kdf::one_step_sha256,
        "sha384" => kdf::one_step_sha384,
        "sha512" => kdf::one_step_sha512,
        other => return parameter("hash", other),
    };
    one_step(case, derive, &z, &info)
}

fn one_step(case: &Case, derive: OneStep, z: &[u8], info: &[u8]) -> Done {
    let mut key = vec![0; case.size("length")];
    derive(z, &[info], &mut key)?;
    case.expect_hex("key_data", &key);
    Ok(())
}

fn ecdsa_p256_verify(case: &Case) -> Done {
    let (hash, public, msg) = (case.text("hash"), case.hex("public"), case.hex("msg"));
    let signature = Signature::from_raw(&[case.hex("r"), case.hex("s")].concat());
    if hash != "sha256" {
        return parameter("hash", hash);
    }
    let key = PublicKey::from_sec1(&public)?;
    case.expect(
        "valid",
        signature.and_then(|signature| verify(&key, &msg, &signature)).is_ok(),
    );
    Ok(())
}

fn ecdsa_p256_sign_fixed_k(case: &Case) -> Done {
    let (hash, private, k, msg) = (case.text("hash"), case.hex("private"), case.hex("k"), case.hex("msg"));
    let deterministic = case.opt_bool("rfc6979") == Some(true);
    if hash != "sha256" {
        return parameter("hash", hash);
    }
    let form = |bytes: &[u8]| <[u8; FIELD_LEN]>::try_from(bytes).map_err(|_| Stop::NoForm("scalar length"));
    let key = SigningKey::from_bytes(&form(&private)?)?;
    let fixed = key.sign_with_nonce(&msg, &form(&k)?)?;
    // Where the nonce is that of RFC 6979, the library finds it itself.
    let signature = if deterministic { key.sign(&msg)? } else { fixed };
    let raw = signature.to_raw();
    let (r, s) = raw.split_at(FIELD_LEN);
    case.expect_hex("r", r);
    case.expect_hex("s", s);
    if signature != fixed {
        return Err(Stop::NoForm("nonce of RFC 6979"));
    }
    Ok(())
}

/// A Wycheproof signature in DER.
pub fn ecdsa_der(case: &Case) -> Done {
    let (public, msg, sig) = (case.hex("public"), case.hex("msg"), case.hex("sig"));
    let key = PublicKey::from_sec1(&public)?;
    Ok(verify(&key, &msg, &Signature::from_der(&sig)?)?)
}

/// A Wycheproof signature as `r || s`.
pub fn ecdsa_raw(case: &Case) -> Done {
    let (public, msg, sig) = (case.hex("public"), case.hex("msg"), case.hex("sig"));
    let key = PublicKey::from_sec1(&public)?;
    Ok(verify(&key, &msg, &Signature::from_raw(&sig)?)?)
}

/// A Wycheproof HKDF test.
pub fn hkdf_sha256_wycheproof(case: &Case) -> Done {
    hkdf_wycheproof(case, kdf::hkdf_sha256)
}

/// As [`hkdf_sha256_wycheproof`].
pub fn hkdf_sha384_wycheproof(case: &Case) -> Done {
    hkdf_wycheproof(case, kdf::hkdf_sha384)
}

/// As [`hkdf_sha256_wycheproof`].
pub fn hkdf_sha512_wycheproof(case: &Case) -> Done {
    hkdf_wycheproof(case, kdf::hkdf_sha512)
}

fn hkdf_wycheproof(case: &Case, derive: Hkdf) -> Done {
    let (salt, ikm, info) = (case.hex("salt"), case.hex("ikm"), case.hex("info"));
    let mut okm = vec![0; case.size("size")];
    derive(&salt, &ikm, &[&info], &mut okm)?;
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
    case.expect_bytes(
        "shared",
        agree(&scalar(&private)?, &PublicKey::from_sec1(&peer)?)?.expose(),
    );
    Ok(())
}

/// A Wycheproof agreement test with the peer's key as SubjectPublicKeyInfo.
pub fn ecdh_spki(case: &Case) -> Done {
    let (private, peer) = (case.hex("private"), case.hex("public"));
    case.expect_bytes(
        "shared",
        agree(&scalar(&private)?, &PublicKey::from_spki(&peer)?)?.expose(),
    );
    Ok(())
}
