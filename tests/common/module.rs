// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device for tests of the module: what it draws, stores and decides can be looked at, and made to fail.
#![allow(dead_code)]

use core::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;

use payhsm::cipher::{modes, tdes::Tdes};
use payhsm::entropy::Entropy;
use payhsm::error::Error;
use payhsm::hsm::{
    Act, Config, FINGERPRINT_LEN, Group, Hsm, KeyHandle, PinLimits, Platform, Question, RateLimit, SelfTestMode, Slot,
    UserRole,
};
use payhsm::key::role::{Kbpk, StorageKey};
use payhsm::key::usage::{Attributes, Exportability, KeyAlgorithm, ModeOfUse, Usage};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::keyblock::header::Version;
use payhsm::keyblock::optional::Optional;
use payhsm::keyblock::wrap::Template;
use payhsm::keyblock::{KbpkRef, Profile};
use payhsm::pin::ibm3624::{self, Table, Validation};
use payhsm::policy::{Permission, Policy};
use payhsm::store::Storage;

pub type Module = Hsm<'static, Device>;

pub type Profile3624 = ibm3624::Profile;

/// All permissions.
pub const PERMISSIVE: Policy = Policy::STRICT
    .with(Permission::ModeN)
    .with(Permission::WeakerPinKey)
    .with(Permission::LongKbpk)
    .with(Permission::PinKeyBothWays)
    .with(Permission::CbcMac)
    .with(Permission::ThreeKeyFromAes128)
    .with(Permission::LegacyDataKey)
    .with(Permission::LegacyPinVariantData)
    .with(Permission::WeakerDataKey)
    .with(Permission::SharedCvk)
    .with(Permission::UnionPay)
    .with(Permission::EcbData)
    .with(Permission::SingleDes)
    .with(Permission::LegacyKeyBlocks)
    .with(Permission::WeakPedigree)
    .with(Permission::ExportSensitive)
    .with(Permission::KeyCheckLengths)
    .with(Permission::LegacyImport)
    .with(Permission::UnauthenticatedAgreement)
    .with(Permission::RawCryptogram)
    .with(Permission::ExplainCryptogram)
    .with(Permission::PinFormat1)
    .with(Permission::PinVerifyFormat1)
    .with(Permission::TrivialPins);

/// What happens at one operation of the storage. A cut takes the power away: every later one of that boot fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    CutBefore,
    CutAfter,
    /// A save leaves the first half of the record, an erase zeros in it.
    Torn,
    /// Not done, and said so.
    Error,
    /// Done, and an error all the same.
    ErrorAfter,
}

pub const FAULTS: [Fault; 5] = [
    Fault::CutBefore,
    Fault::CutAfter,
    Fault::Torn,
    Fault::Error,
    Fault::ErrorAfter,
];

/// A question that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Ceremony(Attributes),
    PinTranslate(Vec<u8>),
    PinVerify(Vec<u8>),
    CardValue(Vec<u8>),
    PinIssue(Vec<u8>),
    PinChange(Vec<u8>),
    PinProfile(Profile3624),
    DukptCounter(Vec<u8>, u32),
    Atc(Vec<u8>, u16),
    Script(Vec<u8>, u16),
    WorkingKey(Attributes),
    CryptogramExplain(Vec<u8>, u16),
    PeerKey(Vec<u8>, Vec<u8>),
    UnauthenticatedPeer(Vec<u8>, ModeOfUse),
    Enrol(u8, UserRole),
    SecondFactor(u8, UserRole),
    DualControl(Act),
    Reinitialise(bool, u16),
    AuditRelease(u64),
    Session(u16),
    LimitsReset,
    AuditKey,
    /// Of this device, older.
    Restore(bool, bool),
}

/// What outlives a loss of power, and what shall fail.
#[derive(Default)]
pub struct World {
    rng: u64,
    /// Bytes drawn so far.
    pub drawn: usize,
    /// Draws until the source fails.
    pub entropy_fails_in: Option<usize>,
    pub records: BTreeMap<u16, Vec<u8>>,
    /// Operations of the storage since the last boot.
    pub done: usize,
    pub fault: Option<(usize, Fault)>,
    pub dead: bool,
    /// Every operation of the storage fails.
    pub broken: bool,
    pub asked: Vec<Asked>,
    /// What a question is answered with.
    pub answer: Option<Error>,
    /// The clock, in milliseconds.
    pub now: Option<u64>,
    /// The time of day, in seconds.
    pub unix: Option<u64>,
    /// The tamper input.
    pub tampered: bool,
    /// The verdict on the code.
    pub sound: Option<bool>,
    /// The tamper input becomes active at this call of the platform.
    pub tamper_at: Option<usize>,
    /// Calls of the platform so far.
    pub calls: usize,
    /// The random source gives one byte over and over.
    pub stuck: bool,
    /// The fingerprints beside the questions.
    pub fingerprints: Vec<[u8; FINGERPRINT_LEN]>,
    /// How often a card may try; each question with a card is a try.
    pub card_limit: Option<usize>,
    /// Tries so far, by account.
    pub tries: BTreeMap<[u8; 11], usize>,
    /// The source gives one byte for ever.
    pub entropy_stuck: bool,
    /// The storage says that it has saved, and has not.
    pub silent: bool,
}

/// A handle of the device that the module and the test share.
#[derive(Clone, Default)]
pub struct Device(Rc<RefCell<World>>);

impl Device {
    /// A device whose random bytes differ from those of another seed.
    pub fn new(seed: u64) -> Self {
        let device = Self::default();
        device.world().rng = seed;
        device
    }

    pub fn world(&self) -> RefMut<'_, World> {
        self.0.borrow_mut()
    }

    /// Power comes back; `fault` shall happen at the given operation.
    pub fn boot(&self, fault: Option<(usize, Fault)>) {
        let mut world = self.world();
        (world.done, world.fault, world.dead, world.broken) = (0, fault, false, false);
    }

    /// Questions, bytes drawn, operations of the storage: all that a refused command must leave alone.
    pub fn touched(&self) -> (usize, usize, usize) {
        let world = self.world();
        (world.asked.len(), world.drawn, world.done)
    }
}

impl World {
    /// A call of the platform, at which the tamper input may become active.
    fn call(&mut self) {
        let now = self.calls;
        self.calls += 1;
        self.tampered |= self.tamper_at == Some(now);
    }

    fn operation(&mut self) -> Result<Option<Fault>, Error> {
        self.call();
        if self.dead || self.broken {
            return Err(Error::Storage);
        }
        let now = self.done;
        self.done += 1;
        let fault = self.fault.filter(|(at, _)| *at == now).map(|(_, fault)| fault);
        self.dead = matches!(fault, Some(Fault::CutBefore | Fault::CutAfter | Fault::Torn));
        match fault {
            Some(Fault::CutBefore | Fault::Error) => Err(Error::Storage),
            other => Ok(other),
        }
    }

    fn after(fault: Option<Fault>) -> Result<(), Error> {
        fault.map_or(Ok(()), |_| Err(Error::Storage))
    }
}

impl Entropy for Device {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let mut world = self.world();
        world.call();
        if let Some(left) = world.entropy_fails_in.as_mut() {
            if *left == 0 {
                // A source may leave anything behind when it fails.
                out.fill(0xEE);
                return Err(Error::Entropy);
            }
            *left -= 1;
        }
        world.drawn += out.len();
        if world.stuck {
            out.fill(0x5C);
            return Ok(());
        }
        if world.entropy_stuck {
            out.fill(0x5A);
            return Ok(());
        }
        for byte in out {
            world.rng = world
                .rng
                .wrapping_mul(0x5851_F42D_4C95_7F2D)
                .wrapping_add(0x1405_7B7E_F767_814F);
            *byte = world.rng.to_be_bytes()[0];
        }
        Ok(())
    }
}

impl Storage for Device {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        let mut world = self.world();
        let fault = world.operation()?;
        let record = world.records.get(&id).cloned().unwrap_or_default();
        out.get_mut(..record.len())
            .ok_or(Error::BufferTooSmall)?
            .copy_from_slice(&record);
        World::after(fault).map(|()| record.len())
    }

    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        let mut world = self.world();
        let fault = world.operation()?;
        let len = if fault == Some(Fault::Torn) {
            record.len() / 2
        } else {
            record.len()
        };
        if world.silent {
            return World::after(fault);
        }
        world.records.insert(id, record[..len].to_vec());
        World::after(fault)
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        let mut world = self.world();
        let fault = world.operation()?;
        match world.records.get_mut(&id) {
            Some(record) if fault == Some(Fault::Torn) => {
                let half = record.len() / 2;
                record[..half].fill(0);
            }
            _ => {
                world.records.remove(&id);
            }
        }
        World::after(fault)
    }
}

impl Platform for Device {
    fn decide(&mut self, question: &Question<'_>) -> Result<(), Error> {
        let asked = match *question {
            Question::Ceremony { attributes } => Asked::Ceremony(*attributes),
            Question::PinTranslate { pan } => Asked::PinTranslate(pan.digits().to_vec()),
            Question::PinVerify { pan } => Asked::PinVerify(pan.digits().to_vec()),
            Question::CardValue { pan } => Asked::CardValue(pan.digits().to_vec()),
            Question::PinIssue { pan } => Asked::PinIssue(pan.digits().to_vec()),
            Question::PinChange { pan } => Asked::PinChange(pan.digits().to_vec()),
            Question::PinProfile { profile } => Asked::PinProfile(*profile),
            Question::DukptCounter { identity, counter } => Asked::DukptCounter(identity.to_vec(), counter),
            Question::Atc { pan, atc } => Asked::Atc(pan.digits().to_vec(), atc),
            Question::Script { pan, atc } => Asked::Script(pan.digits().to_vec(), atc),
            Question::WorkingKey { attributes } => Asked::WorkingKey(*attributes),
            Question::CryptogramExplain { pan, atc } => Asked::CryptogramExplain(pan.digits().to_vec(), atc),
            Question::PeerKey { identity, public } => Asked::PeerKey(identity.to_vec(), public.to_vec()),
            Question::UnauthenticatedPeer { public, mode } => Asked::UnauthenticatedPeer(public.to_vec(), mode),
            Question::AuditRelease { sequence } => Asked::AuditRelease(sequence),
            Question::Enrol { user, role } => Asked::Enrol(user, role),
            Question::SecondFactor { user, role } => Asked::SecondFactor(user, role),
            Question::DualControl { act } => Asked::DualControl(act),
            Question::Reinitialise { tampered, lost_marks } => Asked::Reinitialise(tampered, lost_marks),
            Question::Session { owner } => Asked::Session(owner),
            Question::LimitsReset => Asked::LimitsReset,
            Question::AuditKey => Asked::AuditKey,
            Question::Restore { is_own, is_older, .. } => Asked::Restore(is_own, is_older),
            _ => panic!("an unknown question"),
        };
        let mut world = self.world();
        world.call();
        world.asked.push(asked);
        if let (Some(limit), Some(account)) = (world.card_limit, question.account()) {
            let tries = world.tries.entry(account).or_default();
            *tries += 1;
            if *tries > limit {
                return Err(Error::LimitReached);
            }
        }
        world.answer.map_or(Ok(()), Err)
    }

    fn decide_card(&mut self, question: &Question<'_>, fingerprint: &[u8; FINGERPRINT_LEN]) -> Result<(), Error> {
        self.world().fingerprints.push(*fingerprint);
        self.decide(question)
    }

    fn tick(&mut self) -> Option<u64> {
        self.world().now
    }

    fn unix_time(&mut self) -> Option<u64> {
        self.world().unix
    }

    fn code_is_sound(&mut self) -> Option<bool> {
        self.world().sound
    }

    fn tampered(&self) -> bool {
        self.0.try_borrow().is_ok_and(|world| world.tampered)
    }
}

/// No limit on PINs.
pub const NO_LIMITS: PinLimits = PinLimits {
    entry: RateLimit::NONE,
    host: RateLimit::NONE,
};

/// Starts a module with `slots` and `groups` places on the device, without limits over time.
pub fn start(device: &Device, policy: Policy, slots: usize, groups: usize) -> Result<Module, Error> {
    start_limited(device, policy, slots, groups, NO_LIMITS)
}

/// The same with limits on PINs.
pub fn start_limited(
    device: &Device,
    policy: Policy,
    slots: usize,
    groups: usize,
    pin_limits: PinLimits,
) -> Result<Module, Error> {
    let slots = Box::leak((0..slots).map(|_| Slot::EMPTY).collect::<Box<[_]>>());
    let groups = Box::leak((0..groups).map(|_| Group::EMPTY).collect::<Box<[_]>>());
    let storage_key = Key::<StorageKey, _>::from_bytes(&[0x5A; 32]).unwrap();
    let config = Config {
        ceremony_minutes: 0,
        policy,
        storage_key: Some(&storage_key),
        pin_limits,
        // The known answers have tests of their own, and a debug build is slow.
        self_tests: SelfTestMode::Off,
        ..Config::default()
    };
    Hsm::new(device.clone(), slots, groups, config)
}

/// A module of a device that works.
pub fn module(device: &Device) -> Module {
    start(device, Policy::STRICT, 8, 2).unwrap()
}

/// Attributes by their characters: `"P0"`, `'T'`, `'E'`, exportability `'E'` or `'N'`.
pub fn attributes(usage: &str, algorithm: char, mode: char, exportability: char) -> Attributes {
    let byte = |c: char| u8::try_from(c).unwrap();
    Attributes::new(
        Usage::from_chars(usage.as_bytes().try_into().unwrap()).unwrap(),
        KeyAlgorithm::from_char(byte(algorithm)).unwrap(),
        ModeOfUse::from_char(byte(mode)).unwrap(),
        Exportability::from_char(byte(exportability)).unwrap(),
    )
}

/// PINs of 4 digits for PANs of 16: validation data are the 12 digits left of the check digit, and F.
pub fn profile_3624() -> Profile3624 {
    Profile3624::new(Table::STANDARD, Validation::new(3, 12, 15).unwrap(), 16, 4).unwrap()
}

/// A sound key value.
pub fn value(seed: u8, len: usize) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let byte = |_| {
        state = state
            .wrapping_mul(0x5851_F42D_4C95_7F2D)
            .wrapping_add(0x1405_7B7E_F767_814F);
        state.to_be_bytes()[0]
    };
    (0..len).map(byte).collect()
}

/// Brings `material` in as three components.
pub fn ceremony(hsm: &mut Module, attributes: &Attributes, material: &[u8]) -> Result<KeyHandle, Error> {
    let (first, second) = (value(0xC1, material.len()), value(0xC2, material.len()));
    let third: Vec<u8> = first
        .iter()
        .zip(&second)
        .zip(material)
        .map(|((a, b), c)| a ^ b ^ c)
        .collect();
    hsm.component_begin(attributes, material.len(), 3, &[])?;
    for (custodian, component) in (1..).zip([&first, &second, &third]) {
        hsm.component_add(custodian, component, &[])?;
    }
    hsm.component_finish().map(|imported| imported.key)
}

/// A key of [`value`] by ceremony, 16 bytes.
pub fn key(hsm: &mut Module, usage: &str, algorithm: char, mode: char, seed: u8) -> KeyHandle {
    ceremony(hsm, &attributes(usage, algorithm, mode, 'N'), &value(seed, 16)).unwrap()
}

/// A private key of P-256 as a key block carries it: RFC 5915, with the public key.
#[cfg(feature = "ec")]
pub fn key_pair(scalar: &[u8]) -> Vec<u8> {
    let public = payhsm::ecdh::PrivateKey::from_bytes(scalar.try_into().unwrap())
        .unwrap()
        .public();
    let curve = [0xA0, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
    let parts: [&[u8]; 5] = [
        &[0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20],
        scalar,
        &curve,
        &[0xA1, 0x44, 0x03, 0x42, 0x00],
        public.as_bytes(),
    ];
    parts.concat()
}

/// The payload of a key block with a sound key of these attributes: [`value`] of 16 bytes, or a key pair.
pub fn payload(attributes: &Attributes, seed: u8) -> Vec<u8> {
    match attributes.algorithm {
        #[cfg(feature = "ec")]
        KeyAlgorithm::Ec if attributes.usage != Usage::I0 => {
            // Made once: in a debug build a point takes long.
            static PAIRS: std::sync::Mutex<BTreeMap<u8, Vec<u8>>> = std::sync::Mutex::new(BTreeMap::new());
            let mut pairs = PAIRS.lock().unwrap();
            pairs.entry(seed).or_insert_with(|| key_pair(&value(seed, 32))).clone()
        }
        KeyAlgorithm::Des if attributes.usage != Usage::I0 => value(seed, 8),
        _ => value(seed, 16),
    }
}

/// A key block made outside the module: version D under an AES KBPK of 16, 24 or 32 bytes.
pub fn block(kbpk: &[u8], attributes: &Attributes, material: &[u8], optional: &[Optional<'_>]) -> Vec<u8> {
    let kbpk = Key::<Kbpk, Aes>::from_bytes(kbpk).unwrap();
    write_block(Version::D, KbpkRef::Aes(&kbpk), attributes, material, optional)
}

/// The same, version B under a TDEA KBPK.
pub fn block_tdea(kbpk: &[u8], attributes: &Attributes, material: &[u8], optional: &[Optional<'_>]) -> Vec<u8> {
    let kbpk = Key::<Kbpk, Tdea>::from_bytes(kbpk).unwrap();
    write_block(Version::B, KbpkRef::Tdea(&kbpk), attributes, material, optional)
}

/// The same, version E under an AES KBPK.
pub fn block_iso20038(kbpk: &[u8], attributes: &Attributes, material: &[u8], optional: &[Optional<'_>]) -> Vec<u8> {
    let kbpk = Key::<Kbpk, Aes>::from_bytes(kbpk).unwrap();
    write_block(Version::E, KbpkRef::Aes(&kbpk), attributes, material, optional)
}

/// The same, version C under a TDEA KBPK.
#[cfg(feature = "legacy")]
pub fn block_variant(kbpk: &[u8], attributes: &Attributes, material: &[u8], optional: &[Optional<'_>]) -> Vec<u8> {
    let kbpk = Key::<Kbpk, Tdea>::from_bytes(kbpk).unwrap();
    write_block(Version::C, KbpkRef::Tdea(&kbpk), attributes, material, optional)
}

fn write_block(
    version: Version,
    kbpk: KbpkRef<'_>,
    attributes: &Attributes,
    material: &[u8],
    optional: &[Optional<'_>],
) -> Vec<u8> {
    let mut out = vec![0; 512];
    let template = Template::new(version, *attributes).with_optional(optional);
    let len = template
        .wrap_bytes(kbpk, material, &mut Device::new(9), &mut out)
        .unwrap();
    out.truncate(len);
    out
}

/// A working key under a TDEA master key by ECB, and its check value of 4 bytes.
pub fn working_key(kek: &[u8], material: &[u8]) -> (Vec<u8>, [u8; 4]) {
    let (mut cipher, mut zeros) = (material.to_vec(), [0; 8]);
    modes::ecb_encrypt(&Tdes::new(kek).unwrap(), &mut cipher).unwrap();
    modes::ecb_encrypt(&Tdes::new(material).unwrap(), &mut zeros).unwrap();
    (cipher, *zeros.first_chunk().unwrap())
}

/// Field 62 of a sign-on answer. A MAC key of 8 bytes beside a PIN key of 16 is padded.
pub fn sign_on(tmk: &[u8], keys: &[&[u8]]) -> Vec<u8> {
    let mut field = Vec::new();
    for key in keys {
        let (mut cipher, kcv) = working_key(tmk, key);
        cipher.resize(keys[0].len(), 0);
        field.extend(cipher);
        field.extend(kcv);
    }
    field
}

/// The KBPK under which [`initial_key`] comes in.
pub const KBPK_SEED: u8 = 0xB0;

pub const TDEA_ID: [u8; 10] = [0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0];
pub const AES_ID: [u8; 8] = [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56];

/// The block of an initial DUKPT key whose identity ends in `id`.
pub fn initial_key(algorithm: char, id: u8, material: &[u8]) -> Vec<u8> {
    let kbpk = value(KBPK_SEED, 16);
    let attributes = attributes("B1", algorithm, 'X', 'N');
    let (name, mut identity, at) = match algorithm {
        'T' => (*b"KS", TDEA_ID.to_vec(), 6),
        _ => (*b"IK", AES_ID.to_vec(), 7),
    };
    identity[at] = id;
    let text: String = identity.iter().map(|byte| format!("{byte:02X}")).collect();
    let optional = Optional::new(name, text.as_bytes()).unwrap();
    block(&kbpk, &attributes, material, &[optional])
}

/// Loads the KBPK of [`initial_key`] blocks.
pub fn load_kbpk(hsm: &mut Module) -> KeyHandle {
    key(hsm, "K1", 'A', 'D', KBPK_SEED)
}

pub const PROFILE: Profile = Profile::X9143Strict;

/// A card and one of its transactions.
#[cfg(feature = "host")]
pub mod card {
    use payhsm::codec::tlv::Writer;
    use payhsm::emv::CardAlgorithm;
    use payhsm::emv::card::{IssuerAnswer, generate_ac, verify_arpc};
    use payhsm::emv::derive::{Psn, icc_master_key, icc_master_key_aes};
    use payhsm::emv::element::{Atc, CryptogramKind, tag};
    use payhsm::emv::profile::{AcInput, CCD_CV6, Profile, Recipe};
    use payhsm::emv::raw;
    use payhsm::emv::response::Authentication;
    use payhsm::error::Error;
    use payhsm::key::Key;
    use payhsm::key::role::{Ac, IccMk, Imk};
    use payhsm::key::{self};
    use payhsm::pin::pan::Pan;

    pub const PAN: &[u8] = b"4761739001010010";
    pub const VISA_IAD_10: [u8; 7] = [0x06, 0x01, 0x0A, 0x03, 0, 0, 0];
    pub const VISA_IAD_18: [u8; 7] = [0x06, 0x01, 0x12, 0x03, 0, 0, 0];
    /// Of an AES card of the common core definitions.
    pub const CCD_IAD_6: [u8; 32] = [
        0x0F, 0xA6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    /// The terminal's elements of the transaction.
    const TERMINAL: [u8; AcInput::TERMINAL_LEN] = [
        0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x46, 0, 0, 0, 0x80, 0, 0x09, 0x78, 0x26, 0x01, 0x31, 0, 1, 2, 3,
        4,
    ];

    pub struct Card<A: CardAlgorithm = key::Tdea> {
        profile: &'static Profile,
        mk: Key<IccMk<Ac>, A>,
        pub psn: Psn,
    }

    impl Card {
        pub fn new(profile: &'static Profile, imk: &[u8]) -> Self {
            let imk = Key::<Imk<Ac>, key::Tdea>::from_bytes(imk).unwrap();
            let (pan, psn) = (Pan::parse(PAN).unwrap(), Psn::new(1).unwrap());
            let mut mk = Key::empty();
            icc_master_key(profile.master_key(), &imk, &pan, psn, &mut mk).unwrap();
            Self { profile, mk, psn }
        }
    }

    impl Card<key::Aes> {
        /// An AES card of the common core definitions.
        pub fn aes(imk: &[u8]) -> Self {
            let imk = Key::<Imk<Ac>, key::Aes>::from_bytes(imk).unwrap();
            let (pan, psn) = (Pan::parse(PAN).unwrap(), Psn::new(1).unwrap());
            let mut mk = Key::empty();
            icc_master_key_aes(&imk, &pan, psn, &mut mk).unwrap();
            Self {
                profile: &CCD_CV6,
                mk,
                psn,
            }
        }
    }

    impl<A: CardAlgorithm> Card<A> {
        /// A cryptogram over bytes that no profile has.
        pub fn sign(&self, recipe: &Recipe, atc: u16, un: [u8; 4], data: &[u8]) -> [u8; 8] {
            raw::generate(recipe, &self.mk, Atc::new(atc), un, data).unwrap()
        }

        fn input(atc: u16) -> AcInput {
            AcInput::new(&TERMINAL, [0x18, 0], Atc::from_bytes(&atc.to_be_bytes()).unwrap()).unwrap()
        }

        /// The cryptogram of a transaction, and field 55 with it.
        pub fn request(&self, atc: u16, kind: CryptogramKind, iad: &[u8]) -> ([u8; 8], Vec<u8>) {
            let response = generate_ac(self.profile, &self.mk, kind, &Self::input(atc), iad).unwrap();
            let Authentication::Cryptogram(ac) = response.authentication else {
                panic!("no cryptogram");
            };
            let mut rest = &TERMINAL[..];
            let mut next = |len| {
                let (value, behind) = rest.split_at(len);
                rest = behind;
                value
            };
            let mut out = [0; 300];
            let mut writer = Writer::new(&mut out);
            for (tag, value) in [
                (tag::AMOUNT, next(6)),
                (tag::AMOUNT_OTHER, next(6)),
                (tag::COUNTRY, next(2)),
                (tag::TVR, next(5)),
                (tag::CURRENCY, next(2)),
                (tag::DATE, next(3)),
                (tag::TRANSACTION_TYPE, next(1)),
                (tag::UNPREDICTABLE_NUMBER, next(4)),
                (tag::AIP, &[0x18, 0]),
                (tag::ATC, &atc.to_be_bytes()),
                (tag::CRYPTOGRAM, &ac),
                (tag::CID, &[response.cid.to_byte()]),
                (tag::IAD, iad),
            ] {
                writer.put(tag, value).unwrap();
            }
            let len = writer.finish().unwrap();
            (ac, out[..len].to_vec())
        }

        /// Whether the card takes the issuer's answer, and as what.
        pub fn takes(&self, atc: u16, arqc: &[u8; 8], answer: &[u8]) -> Result<IssuerAnswer, Error> {
            verify_arpc(self.profile, &self.mk, &Self::input(atc), arqc, answer)
        }
    }
}

/// The sources of the module's commands.
pub fn command_sources() -> Vec<String> {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![source.join("hsm.rs")];
    let mut directories = vec![source.join("hsm")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let list = if path.is_dir() { &mut directories } else { &mut files };
            list.push(path);
        }
    }
    files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect()
}
