// SPDX-License-Identifier: MIT OR Apache-2.0
//! KSN, initial key and transaction of either scheme, as the options and key files give them.

use payhsm::ct;
use payhsm::dukpt::aes;
use payhsm::dukpt::tdes;
use payhsm::error::Error;
use payhsm::key::role::InitialKey;
use payhsm::key::usage::KeyAlgorithm;
use payhsm::key::{Aes, Key, Tdea};

use super::working::Transaction;
use crate::args::{Call, public_hex};
use crate::cmd::keys;
use crate::fail::{Failure, Named as _, Result};
use crate::report::Report;
use crate::spec::{Spec, flag, option, secret};

/// How a KSN is given.
pub const KSN: &[Spec] = &[
    option("ksn", "HEX", "key serial number: 20 digits (TDES) or 24 (AES)").needed(),
    flag("short-ksn", "the KSN is the 8-byte form of TDES: FFFF is put in front"),
];

/// From which key the others come.
pub const KEYS: &[Spec] = &[
    secret("bdk", "base derivation key: TDES 16 bytes, AES 16, 24 or 32"),
    secret("ik", "initial key (IPEK), instead of the BDK or to be compared with it"),
];

/// A KSN of either scheme.
#[derive(Clone, Copy)]
pub enum Ksn {
    /// 10 bytes.
    Tdes(tdes::Ksn),
    /// 12 bytes.
    Aes(aes::Ksn),
}

impl Ksn {
    /// The KSN of the options.
    pub fn read(call: &Call) -> Result<Self> {
        let bytes = public_hex("KSN", call.need("ksn")?)?;
        match (bytes.len(), call.flag("short-ksn")) {
            (8, true) => tdes::Ksn::from_short(&bytes).named("KSN").map(Self::Tdes),
            (10, false) => tdes::Ksn::parse(&bytes).named("KSN").map(Self::Tdes),
            (12, false) => aes::Ksn::parse(&bytes).named("KSN").map(Self::Aes),
            (len, true) => Err(refused(format!(
                "KSN has {} hexadecimal digits: --short-ksn takes 16",
                len * 2
            ))),
            (len, false) => Err(refused(format!(
                "KSN has {} hexadecimal digits: 20 are needed for TDES DUKPT and 24 for AES DUKPT; an 8-byte KSN (16 \
                 digits) may be left-filled with FF by --short-ksn",
                len * 2
            ))),
        }
    }

    /// Whether the counter is one that a terminal uses.
    pub fn check(&self) -> core::result::Result<(), Error> {
        match self {
            Self::Tdes(ksn) => ksn.check(),
            Self::Aes(ksn) => ksn.check(),
        }
    }

    /// The transaction counter.
    pub fn counter(&self) -> u32 {
        match self {
            Self::Tdes(ksn) => ksn.counter(),
            Self::Aes(ksn) => ksn.counter(),
        }
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Tdes(ksn) => ksn.as_bytes(),
            Self::Aes(ksn) => ksn.as_bytes(),
        }
    }

    /// What is wrong with the counter, in words.
    pub fn counter_fault(&self) -> Option<String> {
        let error = self.check().err()?;
        let (ones, most) = (self.counter().count_ones(), self.most_ones());
        Some(match error {
            Error::CounterZero => {
                "counter 0 names the initial key and is no transaction; the first one is 1".to_owned()
            }
            Error::CounterReserved => "counter FFFFFFFF is reserved for the update key".to_owned(),
            Error::CounterOverweight => {
                format!("the counter has {ones} one bits; no terminal uses one with more than {most}: it skips them")
            }
            other => other.to_string(),
        })
    }

    /// The most one bits of a counter.
    pub const fn most_ones(&self) -> u32 {
        match self {
            Self::Tdes(_) => 10,
            Self::Aes(_) => 16,
        }
    }

    /// Refuses a counter that no terminal uses.
    pub fn demand_transaction(&self) -> Result<()> {
        match (self.check(), self.counter_fault()) {
            (Err(error), Some(fault)) => Err(Failure::Refused(format!("KSN: {fault}"), Some(error))),
            _ => Ok(()),
        }
    }

    /// The transactions nearest to this one, before and after, of the same initial key.
    pub fn neighbours(&self) -> Vec<Self> {
        let counter = self.counter();
        (counter.saturating_sub(4)..=counter.saturating_add(4))
            .filter(|near| *near != counter)
            .filter_map(|near| match self {
                Self::Tdes(ksn) => ksn.initial_key_id().ksn(near).ok().map(Self::Tdes),
                Self::Aes(ksn) => ksn.initial_key_id().ksn(near).ok().map(Self::Aes),
            })
            .collect()
    }

    /// The algorithm of BDK and initial key.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Tdes(_) => KeyAlgorithm::Tdea,
            Self::Aes(_) => KeyAlgorithm::Aes,
        }
    }
}

fn refused(message: String) -> Failure {
    Failure::Refused(message, Some(Error::InvalidKsn))
}

/// An initial key of either scheme.
pub enum Initial {
    /// TDES.
    Tdes(Key<InitialKey, Tdea>),
    /// AES.
    Aes(Key<InitialKey, Aes>),
}

impl Initial {
    /// The initial key: that of the key file, or the one that the BDK gives for the KSN.
    pub fn read(call: &Call, ksn: &Ksn, out: &mut Report) -> Result<Self> {
        let algorithm = ksn.algorithm();
        let given = call.get_key("ik")?;
        let bdk = match &given {
            Some(_) => call.get_key("bdk")?,
            None => Some(call.key("bdk")?),
        };
        if let Some(given) = &given {
            check("ik", ksn, given.bytes())?;
        }
        let derived = match &bdk {
            None => None,
            Some(bdk) => {
                check("bdk", ksn, bdk.bytes())?;
                keys::field(out, "bdk", "BDK", algorithm, bdk.bytes())?;
                keys::note_defects(out, "bdk", algorithm, bdk.bytes());
                Some(Self::derive(ksn, bdk.bytes())?)
            }
        };
        let own = match (&derived, &given) {
            (Some(derived), _) => Self::of(ksn, derived.bytes())?,
            (None, Some(given)) => Self::of(ksn, given.bytes())?,
            (None, None) => return Err(Failure::Usage("bdk is missing".to_owned())),
        };
        keys::field(out, "ik", "initial key", algorithm, own.bytes())?;
        if let (Some(derived), Some(given)) = (&derived, &given) {
            let same = bool::from(ct::eq(derived.bytes(), given.bytes()));
            out.yes("ik_matches", "as the given one", same);
            if !same {
                let kcv = keys::usual_kcv(algorithm, given.bytes())?.unwrap_or_default();
                return Err(Failure::No(format!(
                    "ik: the given initial key (KCV {kcv}) is not the one that this BDK gives for this KSN"
                )));
            }
        }
        Ok(own)
    }

    fn derive(ksn: &Ksn, bdk: &[u8]) -> Result<Self> {
        Ok(match ksn {
            Ksn::Tdes(ksn) => {
                let mut ik = Key::empty();
                let bdk = Key::from_bytes(bdk).named("bdk")?;
                tdes::Host::initial_key(&bdk, &ksn.initial_key_id(), &mut ik).named("bdk")?;
                Self::Tdes(ik)
            }
            Ksn::Aes(ksn) => {
                let mut ik = Key::empty();
                let bdk = Key::from_bytes(bdk).named("bdk")?;
                aes::Host::initial_key(&bdk, &ksn.initial_key_id(), &mut ik).named("bdk")?;
                Self::Aes(ik)
            }
        })
    }

    /// From bytes.
    pub fn of(ksn: &Ksn, bytes: &[u8]) -> Result<Self> {
        Ok(match ksn {
            Ksn::Tdes(_) => Self::Tdes(Key::from_bytes(bytes).named("ik")?),
            Ksn::Aes(_) => Self::Aes(Key::from_bytes(bytes).named("ik")?),
        })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Tdes(key) => key.expose_bytes(),
            Self::Aes(key) => key.expose_bytes(),
        }
    }

    /// Shows the bytes, if secrets are shown.
    pub fn show(&self, out: &mut Report) {
        if out.shows_secrets() {
            out.hex("ik", "", self.bytes());
        } else {
            out.hide("ik");
        }
    }

    /// The transaction of the KSN.
    pub fn transaction(&self, ksn: &Ksn) -> Result<Transaction> {
        ksn.demand_transaction()?;
        match (self, ksn) {
            (Self::Tdes(ik), Ksn::Tdes(ksn)) => {
                let mut transaction = tdes::Transaction::empty();
                tdes::Host::transaction(ik, ksn, &mut transaction).named("KSN")?;
                Ok(Transaction::Tdes(transaction))
            }
            (Self::Aes(ik), Ksn::Aes(ksn)) => {
                let mut transaction = aes::Transaction::empty();
                aes::Host::transaction(ik, ksn, &mut transaction).named("KSN")?;
                Ok(Transaction::Aes(transaction))
            }
            _ => Err(Failure::refused("KSN and key are of different schemes")),
        }
    }
}

fn check(name: &str, ksn: &Ksn, key: &[u8]) -> Result<()> {
    match ksn {
        Ksn::Tdes(_) => keys::check_len(
            name,
            key,
            &[16],
            "a KSN of 20 digits is TDES DUKPT, whose BDK and initial key have 16 bytes (32 hexadecimal digits)",
        ),
        Ksn::Aes(_) => keys::check_len(
            name,
            key,
            &[16, 24, 32],
            "a KSN of 24 digits is AES DUKPT, whose BDK and initial key have 16, 24 or 32 bytes",
        ),
    }
}
