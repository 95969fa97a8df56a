// SPDX-License-Identifier: MIT OR Apache-2.0
//! The MAC algorithms by name, and why a MAC does not match.

use payhsm::cipher::{aes::Aes, tdes::Tdes};
use payhsm::error::Error;
use payhsm::key::usage::KeyAlgorithm;
use payhsm::mac::Mac;
use payhsm::mac::cmac::{CmacAes, CmacTdes};
use payhsm::mac::hmac::{HmacSha256, HmacSha384, HmacSha512};
use payhsm::mac::iso9797::{CbcMac, Padding, RetailMac, laboratory::LaboratoryMac};
use payhsm::mac::unionpay::UnionPayMac;

use crate::args::Call;
use crate::fail::{Failure, Named as _, Result};
use crate::report::Report;
use crate::spec::{Spec, option};

/// A MAC algorithm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// ISO/IEC 9797-1 algorithm 1.
    Cbc,
    /// ISO/IEC 9797-1 algorithm 2.
    Alg2,
    /// ISO/IEC 9797-1 algorithm 3.
    Retail,
    /// ISO/IEC 9797-1 algorithm 4.
    Alg4,
    /// ISO/IEC 9797-1 algorithm 5.
    Cmac,
    /// The MAC of UnionPay terminals.
    UnionPay,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// Names of algorithms as options take them.
pub const NAMES: &[(&str, Name)] = &[
    ("retail", Name::Retail),
    ("x9.19", Name::Retail),
    ("alg3", Name::Retail),
    ("cbc", Name::Cbc),
    ("x9.9", Name::Cbc),
    ("alg1", Name::Cbc),
    ("alg2", Name::Alg2),
    ("alg4", Name::Alg4),
    ("unionpay", Name::UnionPay),
    ("ecb-mac", Name::UnionPay),
    ("cmac", Name::Cmac),
    ("alg5", Name::Cmac),
    ("hmac-sha256", Name::HmacSha256),
    ("hmac-sha384", Name::HmacSha384),
    ("hmac-sha512", Name::HmacSha512),
];

/// Options that say how a MAC is computed.
pub const OPTIONS: &[Spec] = &[
    option(
        "algorithm",
        "NAME",
        "cmac (alg5), retail (x9.19, alg3), cbc (x9.9, alg1), unionpay (ecb-mac), alg2, alg4, hmac-sha256, hmac-sha384, hmac-sha512",
    ),
    option(
        "padding",
        "1|2|3",
        "ISO/IEC 9797-1 padding method of alg1 to alg4; default 1",
    ),
];

/// A MAC algorithm with all that it needs but the key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Algorithm {
    /// Its name.
    pub name: Name,
    /// The cipher.
    pub cipher: KeyAlgorithm,
    /// Number of the padding method; 0 for algorithms that pad by themselves.
    pub padding: usize,
}

impl Name {
    const fn takes_padding(self) -> bool {
        matches!(self, Self::Cbc | Self::Alg2 | Self::Retail | Self::Alg4)
    }

    /// Whether the key is an HMAC key.
    pub const fn is_hmac(self) -> bool {
        matches!(self, Self::HmacSha256 | Self::HmacSha384 | Self::HmacSha512)
    }
}

impl Algorithm {
    /// What the options say, for a key of the cipher.
    pub fn read(call: &Call, cipher: KeyAlgorithm, default: Option<Name>) -> Result<Self> {
        let name = match (call.get("algorithm"), default) {
            (None, Some(default)) => default,
            _ => call.choice("algorithm", call.need("algorithm")?, NAMES)?,
        };
        let padding = match (name.takes_padding(), call.get_number("padding")?) {
            (true, None) => 1,
            (true, Some(number @ 1..=3)) => number,
            (true, Some(_)) => return Err(Failure::refused("padding: one of 1, 2, 3 is expected")),
            (false, None) => 0,
            (false, Some(_)) => {
                return Err(Failure::refused(
                    "padding: this algorithm pads by itself; leave --padding out",
                ));
            }
        };
        Ok(Self { name, cipher, padding })
    }

    /// Words for it.
    pub fn words(&self) -> String {
        let cipher = super::keys::algorithm_name(self.cipher);
        let padding = match self.padding {
            1 => ", padding method 1 (zeros to a whole block, none if there is one)",
            2 => ", padding method 2 (80, then zeros to a whole block)",
            3 => ", padding method 3 (a block with the length in bits, then zeros)",
            _ => "",
        };
        match self.name {
            Name::Cbc => format!("ISO/IEC 9797-1 algorithm 1 (CBC-MAC, X9.9) with {cipher}{padding}"),
            Name::Retail => format!("ISO/IEC 9797-1 algorithm 3 (retail MAC, X9.19){padding}"),
            Name::Alg2 => format!("ISO/IEC 9797-1 algorithm 2 with DES{padding}"),
            Name::Alg4 => format!("ISO/IEC 9797-1 algorithm 4 with DES{padding}"),
            Name::UnionPay => "UnionPay ECB MAC, 8 characters".to_owned(),
            Name::Cmac => format!("ISO/IEC 9797-1 algorithm 5 (CMAC) with {cipher}"),
            Name::HmacSha256 => "HMAC with SHA-256".to_owned(),
            Name::HmacSha384 => "HMAC with SHA-384".to_owned(),
            Name::HmacSha512 => "HMAC with SHA-512".to_owned(),
        }
    }

    fn padding(&self, data: &[u8]) -> Padding {
        match self.padding {
            2 => Padding::Method2,
            3 => Padding::Method3 { len: data.len() as u64 },
            _ => Padding::Method1,
        }
    }

    /// The whole MAC.
    pub fn generate(&self, key: &[u8], data: &[u8]) -> core::result::Result<Vec<u8>, Error> {
        self.with(key, data, Full)
    }

    /// Whether `mac` is the left of the MAC.
    pub fn verify(&self, key: &[u8], data: &[u8], mac: &[u8]) -> core::result::Result<(), Error> {
        self.with(key, data, Compare(mac))
    }

    fn with<E: End>(&self, key: &[u8], data: &[u8], end: E) -> core::result::Result<E::Out, Error> {
        let padding = self.padding(data);
        let is_aes = self.cipher == KeyAlgorithm::Aes;
        match self.name {
            Name::Cbc if is_aes => run(CbcMac::new(Aes::new(key)?, padding), data, end),
            Name::Cbc => run(CbcMac::new(Tdes::new(key)?, padding), data, end),
            Name::Retail | Name::Alg2 | Name::Alg4 | Name::UnionPay if is_aes => Err(Error::AlgorithmMismatch),
            Name::Alg2 => run(LaboratoryMac::algorithm_2(key, padding)?, data, end),
            Name::Alg4 => run(LaboratoryMac::algorithm_4(key, padding)?, data, end),
            Name::UnionPay => run(UnionPayMac::new(key)?, data, end),
            Name::Retail => run(RetailMac::new(key, padding)?, data, end),
            Name::Cmac if is_aes => run(CmacAes::new(key)?, data, end),
            Name::Cmac => run(CmacTdes::new(key)?, data, end),
            Name::HmacSha256 => run(HmacSha256::new(key)?, data, end),
            Name::HmacSha384 => run(HmacSha384::new(key)?, data, end),
            Name::HmacSha512 => run(HmacSha512::new(key)?, data, end),
        }
    }
}

/// How a MAC ends.
trait End {
    type Out;
    fn end<M: Mac>(self, mac: M) -> core::result::Result<Self::Out, Error>;
}

struct Full;

impl End for Full {
    type Out = Vec<u8>;

    fn end<M: Mac>(self, mac: M) -> core::result::Result<Vec<u8>, Error> {
        let mut out = vec![0; M::LEN];
        mac.finish(&mut out)?;
        Ok(out)
    }
}

struct Compare<'a>(&'a [u8]);

impl End for Compare<'_> {
    type Out = ();

    fn end<M: Mac>(self, mac: M) -> core::result::Result<(), Error> {
        mac.verify(self.0)
    }
}

fn run<M: Mac, E: End>(mut mac: M, data: &[u8], end: E) -> core::result::Result<E::Out, Error> {
    mac.update(data);
    end.end(mac)
}

/// Writes the MAC, cut to `--length`.
pub fn generate(call: &Call, out: &mut Report, algorithm: Algorithm, key: &[u8], data: &[u8]) -> Result<()> {
    out.text("algorithm", "algorithm", algorithm.words());
    out.number("data_length", "data length", data.len() as u64);
    let mac = algorithm.generate(key, data).named("key")?;
    let len = call.get_number("length")?.unwrap_or(mac.len());
    let cut = mac
        .get(..len)
        .filter(|cut| !cut.is_empty())
        .ok_or_else(|| Failure::refused(format!("length: 1 to {} bytes of this MAC can be had", mac.len())))?;
    out.hex("mac", "MAC", cut);
    if algorithm.name == Name::UnionPay {
        out.text("mac_text", "as characters", String::from_utf8_lossy(cut));
    }
    Ok(())
}

/// Compares `--mac`, and tells what else it would be.
pub fn verify(call: &Call, out: &mut Report, algorithm: Algorithm, key: &[u8], data: &[u8]) -> Result<()> {
    out.text("algorithm", "algorithm", algorithm.words());
    out.number("data_length", "data length", data.len() as u64);
    let mac = match call.need("mac")? {
        // Its characters are hexadecimal digits themselves.
        text if algorithm.name == Name::UnionPay && text.len() == 8 => text.as_bytes().to_vec(),
        _ => call.hex("mac")?,
    };
    let verified = algorithm.verify(key, data, &mac);
    out.yes("verified", "verified", verified.is_ok());
    if verified == Err(Error::VerificationFailed) {
        // Short MACs match too much by chance to say anything.
        if mac.len() >= 3 {
            for other in others(algorithm).filter(|other| other.verify(key, data, &mac).is_ok()) {
                out.note(format!("the MAC is right for {}", other.words()));
            }
        }
        return Err(Failure::No("the MAC does not belong to this key and data".to_owned()));
    }
    verified.expected("mac", "its length in bytes is that of the MAC or less")
}

/// The other algorithms that a key of the cipher can be used with.
fn others(algorithm: Algorithm) -> impl Iterator<Item = Algorithm> {
    let names = [
        Name::Retail,
        Name::Cbc,
        Name::Cmac,
        Name::UnionPay,
        Name::Alg2,
        Name::Alg4,
        Name::HmacSha256,
        Name::HmacSha384,
        Name::HmacSha512,
    ];
    names
        .into_iter()
        .filter(move |name| name.is_hmac() == algorithm.name.is_hmac())
        .flat_map(move |name| {
            let paddings = if name.takes_padding() { 1..=3 } else { 0..=0 };
            paddings.map(move |padding| Algorithm {
                name,
                padding,
                ..algorithm
            })
        })
        .filter(move |other| *other != algorithm)
}
