// SPDX-License-Identifier: MIT OR Apache-2.0
//! The key management centre: the only place where keys are in clear. It hands out components with check values,
//! key blocks under the zone master key, cards, and PIN verification values.

use payhsm::emv::derive::{Psn, icc_master_key};
use payhsm::emv::profile::{self, Profile};
use payhsm::error::Error;
use payhsm::hsm::{Hsm, ImportedKey, Platform};
use payhsm::key::role::{Ac, Imk, MacKey, PinVerificationVisa};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::keyblock::header::Version;
use payhsm::keyblock::wrap::Template;
use payhsm::keyblock::{KbpkRef, Profile as BlockProfile};
use payhsm::pin::pvv::{self, Pvv};
use payhsm::pin::{Pan, Pin};

use crate::card::Card;
use crate::platform::SystemEntropy;
use crate::secrets;

/// A key that custodians enter.
#[derive(Clone, Copy)]
pub struct Secret {
    key: &'static [u8; 16],
    number: u8,
    algorithm: KeyAlgorithm,
}

/// Authenticates the key agreement.
pub const AUTHENTICATION: Secret = secret(&secrets::AUTHENTICATION, 1, KeyAlgorithm::Aes);
/// Base derivation key, TDEA.
pub const BDK_TDEA: Secret = secret(&secrets::BDK_TDEA, 2, KeyAlgorithm::Tdea);
/// Base derivation key, AES.
pub const BDK_AES: Secret = secret(&secrets::BDK_AES, 3, KeyAlgorithm::Aes);
/// Zone master key.
pub const ZONE_MASTER: Secret = secret(&secrets::ZONE_MASTER, 4, KeyAlgorithm::Aes);

const fn secret(key: &'static [u8; 16], number: u8, algorithm: KeyAlgorithm) -> Secret {
    Secret { key, number, algorithm }
}

/// What a custodian has in the envelope: a component and its check value.
pub type Component = ([u8; 16], [u8; 5]);

impl Secret {
    /// The components of both custodians.
    pub fn components(&self) -> Result<[Component; 2], Error> {
        let mut first = secrets::MASK;
        first[15] = self.number;
        let mut second = first;
        for (to, from) in second.iter_mut().zip(self.key) {
            *to ^= from;
        }
        Ok([(first, self.kcv(&first)?), (second, self.kcv(&second)?)])
    }

    fn kcv(&self, bytes: &[u8]) -> Result<[u8; 5], Error> {
        match self.algorithm {
            KeyAlgorithm::Aes => Key::<MacKey, Aes>::from_bytes(bytes)?.kcv_cmac(),
            _ => Key::<MacKey, Tdea>::from_bytes(bytes)?.kcv_cmac(),
        }
    }

    /// Lets both custodians enter the key into a module.
    pub fn enter<P: Platform>(
        &self,
        hsm: &mut Hsm<'_, P>,
        usage: Usage,
        mode: ModeOfUse,
    ) -> Result<ImportedKey, Error> {
        let attributes = Attributes::new(usage, self.algorithm, mode, Exportability::NonExportable);
        hsm.component_begin(&attributes, 16, 2, &[])?;
        for (custodian, (component, kcv)) in (1..).zip(self.components()?) {
            hsm.component_add(custodian, &component, &kcv)?;
        }
        hsm.component_finish()
    }
}

/// A key block under the zone master key, taken into a module at once.
pub fn deliver<P: Platform>(
    hsm: &mut Hsm<'_, P>,
    zone_master: payhsm::hsm::KeyHandle,
    key: &[u8; 16],
    usage: Usage,
    algorithm: KeyAlgorithm,
    mode: ModeOfUse,
) -> Result<ImportedKey, Error> {
    let attributes = Attributes::new(usage, algorithm, mode, Exportability::NonExportable);
    let kbpk = Key::from_bytes(&secrets::ZONE_MASTER)?;
    let mut block = [0; 256];
    let len =
        Template::new(Version::D, attributes).wrap_bytes(KbpkRef::Aes(&kbpk), key, &mut SystemEntropy, &mut block)?;
    hsm.key_block_import(zone_master, &block[..len], BlockProfile::X9143Strict)
}

/// A card of the demo's issuer, and what the issuer keeps of it.
pub struct Issued {
    /// The PAN.
    pub pan: Pan,
    /// The PAN sequence number.
    pub psn: Psn,
    /// The cryptogram version.
    pub profile: &'static Profile,
    /// The PIN verification value, PVK index 1.
    pub pvv: Pvv,
}

/// The issuer's two products.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Contact, Visa CVN 18.
    Visa,
    /// Contactless, UnionPay CVN 01.
    UnionPay,
}

impl Product {
    const fn facts(self) -> (&'static Profile, &'static [u8; 16], (&'static str, &'static str)) {
        match self {
            Self::Visa => (&profile::VISA_CVN18, &secrets::IMK_VISA, secrets::VISA),
            Self::UnionPay => (&profile::UNIONPAY_CVN01, &secrets::IMK_UNIONPAY, secrets::UNIONPAY),
        }
    }

    /// The PIN of its cardholder.
    pub const fn pin(self) -> &'static str {
        self.facts().2.1
    }
}

/// A PIN's length and digits, as a keypad gives them.
pub fn entry(pin: &str) -> (u8, [u8; 12]) {
    let mut digits = [0; 12];
    let mut len = 0;
    for (to, from) in digits.iter_mut().zip(pin.bytes()) {
        *to = from - b'0';
        len += 1;
    }
    (len, digits)
}

/// Personalises a card: derives its master key, and the PIN verification value for the issuer's records.
pub fn issue(product: Product) -> Result<(Card, Issued), Error> {
    let (profile, imk, (pan, pin)) = product.facts();
    let (pan, psn) = (Pan::parse(pan.as_bytes())?, Psn::new(1)?);
    let imk = Key::<Imk<Ac>, Tdea>::from_bytes(imk)?;
    let mut mk = Key::empty();
    icc_master_key(profile.master_key(), &imk, &pan, psn, &mut mk)?;
    let pvk = Key::<PinVerificationVisa, Tdea>::from_bytes(&secrets::PIN_VERIFICATION)?;
    let (len, digits) = entry(pin);
    let pvv = pvv::generate(&pvk, 1, &pan, &Pin::from_entry(len, &digits)?)?;
    let card = Card::new(profile, mk, &pan, psn);
    Ok((card, Issued { pan, psn, profile, pvv }))
}
