// SPDX-License-Identifier: MIT OR Apache-2.0
//! Roles of keys, as zero-sized types. Bodies are not generic over them, so they cost no flash.

use core::marker::PhantomData;

mod sealed {
    pub trait Sealed {}
}

/// What a key may do. Sealed.
pub trait Role: sealed::Sealed + 'static {
    /// The term of the standards.
    const NAME: &'static str;
}

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;
            impl sealed::Sealed for $name {}
            impl Role for $name {
                const NAME: &'static str = $text;
            }
        )*
    };
}

roles! {
    /// Base derivation key (B0).
    #[doc(alias = "base derivation key")]
    Bdk = "BDK";
    /// Initial DUKPT key (B1).
    #[doc(alias = "IPEK")]
    #[doc(alias = "TIK")]
    InitialKey = "IK";
    /// Key that protects the update of an initial key.
    UpdateKey = "update key";
    /// PIN encryption (P0).
    #[doc(alias = "TPK")]
    #[doc(alias = "ZPK")]
    #[doc(alias = "PEK")]
    PinEncryption = "PIN encryption";
    /// MAC of requests (terminal generates, host verifies).
    MacRequest = "request MAC";
    /// MAC of responses (host generates, terminal verifies).
    MacResponse = "response MAC";
    /// MAC of both directions.
    MacBoth = "MAC, both directions";
    /// Encryption of request data.
    DataRequest = "request data encryption";
    /// Encryption of response data.
    DataResponse = "response data encryption";
    /// Encryption of data of both directions.
    DataBoth = "data encryption, both directions";
    /// MAC key without a direction (M0 to M8).
    #[doc(alias = "TAK")]
    #[doc(alias = "MAK")]
    #[doc(alias = "ZAK")]
    MacKey = "MAC";
    /// Data encryption (D0).
    #[doc(alias = "TDK")]
    #[doc(alias = "ZEK")]
    DataEncryption = "data encryption";
    /// Card verification (C0).
    #[doc(alias = "CVK")]
    CardVerification = "card verification";
    /// PIN verification value (V2).
    #[doc(alias = "PVK")]
    PinVerificationVisa = "PIN verification, Visa PVV";
    /// PIN verification by IBM 3624 (V1).
    PinVerification3624 = "PIN verification, IBM 3624";
    /// Key-block protection key (K1).
    Kbpk = "KBPK";
    /// Key encryption key (K0).
    #[doc(alias = "ZMK")]
    #[doc(alias = "TMK")]
    Kek = "KEK";
    /// Signatures with an asymmetric key pair (S0).
    Signing = "signature";
    /// Key of one device from which the keys of stored records are derived.
    StorageKey = "storage";
}

/// EMV purpose: application cryptograms (E0).
#[derive(Clone, Copy, Debug)]
pub struct Ac;
/// EMV purpose: secure messaging for confidentiality (E1).
#[derive(Clone, Copy, Debug)]
pub struct Smc;
/// EMV purpose: secure messaging for integrity (E2).
#[derive(Clone, Copy, Debug)]
pub struct Smi;
/// EMV purpose: data authentication code (E3).
#[derive(Clone, Copy, Debug)]
pub struct Dac;
/// EMV purpose: dynamic numbers, CVC3 (E4).
#[derive(Clone, Copy, Debug)]
pub struct Dn;

/// The purpose of an EMV key. Sealed.
pub trait Purpose: sealed::Sealed + 'static {
    /// Name of the issuer master key.
    const IMK: &'static str;
    /// Name of the card master key.
    const ICC_MK: &'static str;
    /// Name of the session key.
    const SK: &'static str;
}

macro_rules! purposes {
    ($($name:ident = $text:literal;)*) => {
        $(
            impl sealed::Sealed for $name {}
            impl Purpose for $name {
                const IMK: &'static str = concat!("IMK-", $text);
                const ICC_MK: &'static str = concat!("ICC MK-", $text);
                const SK: &'static str = concat!("SK-", $text);
            }
        )*
    };
}

purposes! {
    Ac = "AC";
    Smc = "SMC";
    Smi = "SMI";
    Dac = "DAC";
    Dn = "DN";
}

/// Issuer master key for purpose `P`.
#[derive(Clone, Copy, Debug)]
pub struct Imk<P>(PhantomData<fn() -> P>);
/// Card (ICC) master key for purpose `P`.
#[doc(alias = "UDK")]
#[derive(Clone, Copy, Debug)]
pub struct IccMk<P>(PhantomData<fn() -> P>);
/// Session key for purpose `P`.
#[derive(Clone, Copy, Debug)]
pub struct SessionKey<P>(PhantomData<fn() -> P>);

impl<P: Purpose> sealed::Sealed for Imk<P> {}
impl<P: Purpose> Role for Imk<P> {
    const NAME: &'static str = P::IMK;
}
impl<P: Purpose> sealed::Sealed for IccMk<P> {}
impl<P: Purpose> Role for IccMk<P> {
    const NAME: &'static str = P::ICC_MK;
}
impl<P: Purpose> sealed::Sealed for SessionKey<P> {}
impl<P: Purpose> Role for SessionKey<P> {
    const NAME: &'static str = P::SK;
}
