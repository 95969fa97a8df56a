// SPDX-License-Identifier: MIT OR Apache-2.0
#[cfg(feature = "host")]
use super::derive::{self, MasterKeyOption, Psn};
use super::element::Atc;
use super::{cryptogram, session};
use crate::error::Error;
#[cfg(feature = "host")]
use crate::key::role::Imk;
use crate::key::role::{Ac, IccMk, Purpose, SessionKey};
use crate::key::usage::KeyAlgorithm;
use crate::key::{Aes, Algorithm, Key, Tdea};
#[cfg(feature = "host")]
use crate::pin::pan::Pan;

/// The block cipher of a card's keys: TDEA or AES. Sealed.
pub trait CardAlgorithm: Algorithm + Sized {
    /// The value of key attributes.
    const ALGORITHM: KeyAlgorithm;

    #[doc(hidden)]
    #[cfg(feature = "host")]
    fn icc_master_key<P: Purpose>(
        option: MasterKeyOption,
        imk: &Key<Imk<P>, Self>,
        pan: &Pan,
        psn: Psn,
        out: &mut Key<IccMk<P>, Self>,
    ) -> Result<(), Error>;

    #[doc(hidden)]
    fn session_key<P: Purpose>(
        method: session::Method,
        mk: &Key<IccMk<P>, Self>,
        atc: Atc,
        un: [u8; 4],
        out: &mut Key<SessionKey<P>, Self>,
    ) -> Result<(), Error>;

    #[doc(hidden)]
    fn cryptogram(
        sk: &Key<SessionKey<Ac>, Self>,
        padding: cryptogram::Padding,
        parts: &[&[u8]],
    ) -> Result<[u8; 8], Error>;

    #[doc(hidden)]
    fn verify(
        sk: &Key<SessionKey<Ac>, Self>,
        padding: cryptogram::Padding,
        parts: &[&[u8]],
        ac: &[u8; 8],
    ) -> Result<(), Error>;

    #[doc(hidden)]
    fn arpc1(key: &Key<SessionKey<Ac>, Self>, arqc: &[u8; 8], arc: [u8; 2]) -> Result<[u8; 8], Error>;

    #[doc(hidden)]
    fn arpc2(
        key: &Key<SessionKey<Ac>, Self>,
        arqc: &[u8; 8],
        csu: [u8; 4],
        proprietary: &[u8],
    ) -> Result<[u8; 4], Error>;
}

impl CardAlgorithm for Tdea {
    const ALGORITHM: KeyAlgorithm = KeyAlgorithm::Tdea;

    #[cfg(feature = "host")]
    fn icc_master_key<P: Purpose>(
        option: MasterKeyOption,
        imk: &Key<Imk<P>, Self>,
        pan: &Pan,
        psn: Psn,
        out: &mut Key<IccMk<P>, Self>,
    ) -> Result<(), Error> {
        derive::icc_master_key(option, imk, pan, psn, out)
    }

    fn session_key<P: Purpose>(
        method: session::Method,
        mk: &Key<IccMk<P>, Self>,
        atc: Atc,
        un: [u8; 4],
        out: &mut Key<SessionKey<P>, Self>,
    ) -> Result<(), Error> {
        session::derive(method, mk, atc, un, out)
    }

    fn cryptogram(
        sk: &Key<SessionKey<Ac>, Self>,
        padding: cryptogram::Padding,
        parts: &[&[u8]],
    ) -> Result<[u8; 8], Error> {
        cryptogram::generate(sk, padding, parts)
    }

    fn verify(
        sk: &Key<SessionKey<Ac>, Self>,
        padding: cryptogram::Padding,
        parts: &[&[u8]],
        ac: &[u8; 8],
    ) -> Result<(), Error> {
        cryptogram::verify(sk, padding, parts, ac)
    }

    fn arpc1(key: &Key<SessionKey<Ac>, Self>, arqc: &[u8; 8], arc: [u8; 2]) -> Result<[u8; 8], Error> {
        cryptogram::arpc1(key, arqc, arc)
    }

    fn arpc2(
        key: &Key<SessionKey<Ac>, Self>,
        arqc: &[u8; 8],
        csu: [u8; 4],
        proprietary: &[u8],
    ) -> Result<[u8; 4], Error> {
        cryptogram::arpc2(key, arqc, csu, proprietary)
    }
}

impl CardAlgorithm for Aes {
    const ALGORITHM: KeyAlgorithm = KeyAlgorithm::Aes;

    #[cfg(feature = "host")]
    fn icc_master_key<P: Purpose>(
        option: MasterKeyOption,
        imk: &Key<Imk<P>, Self>,
        pan: &Pan,
        psn: Psn,
        out: &mut Key<IccMk<P>, Self>,
    ) -> Result<(), Error> {
        match option {
            MasterKeyOption::C => derive::icc_master_key_aes(imk, pan, psn, out),
            _ => Err(Error::AlgorithmMismatch),
        }
    }

    fn session_key<P: Purpose>(
        method: session::Method,
        mk: &Key<IccMk<P>, Self>,
        atc: Atc,
        _: [u8; 4],
        out: &mut Key<SessionKey<P>, Self>,
    ) -> Result<(), Error> {
        session::derive_aes(method, mk, atc, out)
    }

    /// CMAC has its own padding.
    fn cryptogram(sk: &Key<SessionKey<Ac>, Self>, _: cryptogram::Padding, parts: &[&[u8]]) -> Result<[u8; 8], Error> {
        cryptogram::generate_aes(sk, parts)
    }

    fn verify(
        sk: &Key<SessionKey<Ac>, Self>,
        _: cryptogram::Padding,
        parts: &[&[u8]],
        ac: &[u8; 8],
    ) -> Result<(), Error> {
        cryptogram::verify_aes(sk, parts, ac)
    }

    fn arpc1(key: &Key<SessionKey<Ac>, Self>, arqc: &[u8; 8], arc: [u8; 2]) -> Result<[u8; 8], Error> {
        cryptogram::arpc1_aes(key, arqc, arc)
    }

    fn arpc2(
        key: &Key<SessionKey<Ac>, Self>,
        arqc: &[u8; 8],
        csu: [u8; 4],
        proprietary: &[u8],
    ) -> Result<[u8; 4], Error> {
        cryptogram::arpc2_aes(key, arqc, csu, proprietary)
    }
}
