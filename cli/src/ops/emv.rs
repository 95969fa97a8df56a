// SPDX-License-Identifier: MIT OR Apache-2.0
//! EMV keys, application cryptograms and responses.

use payhsm::cipher::{aes, modes};
use payhsm::codec::tlv::Tag;
use payhsm::emv::cryptogram::{self, Padding};
use payhsm::emv::derive::{Diversifier, MasterKeyOption, Psn, icc_master_key};
use payhsm::emv::dol::Dol;
use payhsm::emv::element::Atc;
use payhsm::emv::profile::{self, ArpcKey, ArpcMethod, IadLayout, Profile, Scheme};
use payhsm::emv::raw;
use payhsm::emv::script::{self, PinBlock, Style};
use payhsm::emv::session::{self, Tree};
use payhsm::key::role::{Ac, IccMk, Imk, Purpose, SessionKey, Smc, Smi};
use payhsm::key::{Aes, Key, Tdea};
use payhsm::mac::Mac as _;
use payhsm::mac::cmac::CmacAes;

use super::pin::{array, pan, pin};
use super::{Table, mac};
use crate::cases::parameter;
use crate::value::{Case, Done, Stop, from_hex};

pub const LINE: Table = &[
    ("emv_mk", emv_mk),
    ("emv_sk_common", emv_sk_common),
    ("emv_sk_visa_sm", emv_sk_visa_sm),
    ("emv_sk_tree", emv_sk_tree),
    ("emv_sk_pboc", emv_sk_pboc),
    ("emv_ac", emv_ac),
    ("emv_arpc1", emv_arpc1),
    ("emv_arpc2", emv_arpc2),
    ("emv_sm_mac", emv_sm_mac),
    ("emv_sm_encrypt", emv_sm_encrypt),
    ("emv_vis_pin_block", emv_vis_pin_block),
    ("emv_cvn", emv_cvn),
];

pub const FAMILY: Table = &[
    ("emv_icc_mk", emv_icc_mk),
    ("emv_session_key", emv_session_key),
    ("emv_application_cryptogram", emv_application_cryptogram),
    ("emv_arpc", emv_arpc),
    ("emv_cvn", emv_cvn),
    ("emv_sm_mac", family_sm_mac),
    ("emv_sm_encrypt", family_sm_encrypt),
    ("emv_vis_pin_block", family_vis_pin_block),
    ("emv_script_pin_change", emv_script_pin_change),
    ("emv_ac_input", emv_ac_input),
    ("emv_pboc_chain", emv_pboc_chain),
    ("emv_aes_application_cryptogram", emv_aes_application_cryptogram),
    ("emv_k8_aes_ctr", emv_k8_aes_ctr),
    ("emv_k8_eda_mac", emv_k8_eda_mac),
];

/// The elements that enter a cryptogram before the issuer application data, as a data object list.
const INPUT: [(&str, u8); 10] = [
    ("9F02", 6),
    ("9F03", 6),
    ("9F1A", 2),
    ("95", 5),
    ("5F2A", 2),
    ("9A", 3),
    ("9C", 1),
    ("9F37", 4),
    ("82", 2),
    ("9F36", 2),
];

type Mk<P> = Key<IccMk<P>, Tdea>;
type Sk<P> = Key<SessionKey<P>, Tdea>;

pub fn option(name: &str) -> Result<MasterKeyOption, Stop> {
    match name {
        "A" => Ok(MasterKeyOption::A),
        "B" => Ok(MasterKeyOption::B),
        other => parameter("option", other),
    }
}

fn psn(text: &str) -> Result<Psn, Stop> {
    match text.as_bytes() {
        &[high, low] if high.is_ascii_digit() && low.is_ascii_digit() => {
            Ok(Psn::from_bytes(&[(high & 15) << 4 | low & 15])?)
        }
        _ => Err(Stop::NoForm("PSN")),
    }
}

/// A card's master key from its issuer's.
pub fn master_key<P: Purpose>(option: MasterKeyOption, imk: &[u8], account: &str, number: &str) -> Result<Mk<P>, Stop> {
    let imk = Key::<Imk<P>, Tdea>::from_bytes(imk)?;
    let mut mk = Key::empty();
    icc_master_key(option, &imk, &pan(account)?, psn(number)?, &mut mk)?;
    Ok(mk)
}

fn atc(bytes: &[u8]) -> Result<Atc, Stop> {
    Ok(Atc::from_bytes(bytes)?)
}

fn common<P: Purpose>(mk: &Mk<P>, r: &[u8]) -> Result<Sk<P>, Stop> {
    let mut sk = Key::empty();
    session::common(mk, &array(r)?, &mut sk)?;
    Ok(sk)
}

fn visa_sm<P: Purpose>(mk: &Mk<P>, counter: Atc) -> Result<Sk<P>, Stop> {
    let mut sk = Key::empty();
    session::visa_sm(mk, counter, &mut sk)?;
    Ok(sk)
}

fn unionpay(mk: &Mk<Ac>, counter: Atc) -> Result<Sk<Ac>, Stop> {
    let mut sk = Key::empty();
    session::unionpay(mk, counter, &mut sk)?;
    Ok(sk)
}

fn tree<P: Purpose>(mk: &Mk<P>, counter: Atc, height: i64, branch: i64, iv: &[u8]) -> Result<Sk<P>, Stop> {
    let shape = match (branch, height) {
        (4, 8) => Tree::Branch4Height8,
        (2, 16) => Tree::Branch2Height16,
        _ => return parameter("tree", format!("{branch} {height}")),
    };
    let mut sk = Key::empty();
    session::emv2000_tree(mk, counter, shape, &array(iv)?, &mut sk)?;
    Ok(sk)
}

fn padding(method: i64) -> Result<Padding, Stop> {
    match method {
        1 => Ok(Padding::Method1),
        2 => Ok(Padding::Method2),
        other => parameter("padding", other),
    }
}

fn emv_mk(case: &Case) -> Done {
    let (name, imk) = (case.text("option"), case.hex("imk"));
    let (account, number) = (case.text("pan"), case.text("psn"));
    let option = option(name)?;
    case.expect_hex("mk", master_key::<Ac>(option, &imk, account, number)?.expose_bytes());
    let y = Diversifier::new(option, &pan(account)?, psn(number)?)?;
    case.expect("second_pass", y.second_pass());
    Ok(())
}

fn emv_sk_common(case: &Case) -> Done {
    let (mk, r) = (case.hex("mk"), case.hex("r"));
    case.expect_hex("sk", common::<Ac>(&Key::from_bytes(&mk)?, &r)?.expose_bytes());
    Ok(())
}

fn emv_sk_visa_sm(case: &Case) -> Done {
    let (mk, counter) = (case.hex("mk"), case.hex("atc"));
    let sk = visa_sm::<Smi>(&Key::from_bytes(&mk)?, atc(&counter)?)?;
    case.expect_hex("sk", sk.expose_bytes());
    Ok(())
}

fn emv_sk_tree(case: &Case) -> Done {
    let (mk, counter, iv) = (case.hex("mk"), case.hex("atc"), case.hex("iv"));
    let (height, branch) = (case.int("height"), case.int("branch"));
    let sk = tree::<Ac>(&Key::from_bytes(&mk)?, atc(&counter)?, height, branch, &iv)?;
    case.expect_hex("sk", sk.expose_bytes());
    Ok(())
}

fn emv_sk_pboc(case: &Case) -> Done {
    let (imk, counter) = (case.hex("imk"), case.hex("atc"));
    let (account, number) = (case.text("pan"), case.text("psn"));
    let udk = master_key(MasterKeyOption::Pboc, &imk, account, number)?;
    case.expect_hex("udk", udk.expose_bytes());
    case.expect_hex("sk", unionpay(&udk, atc(&counter)?)?.expose_bytes());
    Ok(())
}

fn emv_ac(case: &Case) -> Done {
    let (sk, method) = (case.hex("sk"), case.int("padding"));
    let (len, data) = (case.size("length"), case.hex("data"));
    let ac = cryptogram::generate(&Key::from_bytes(&sk)?, padding(method)?, &[&data])?;
    case.expect_hex("ac", ac.get(..len).ok_or(Stop::NoForm("length"))?);
    Ok(())
}

fn emv_arpc1(case: &Case) -> Done {
    let (sk, arqc, arc) = (case.hex("sk"), case.hex("arqc"), case.hex("arc"));
    let arpc = cryptogram::arpc1(&Key::from_bytes(&sk)?, &array(&arqc)?, array(&arc)?)?;
    case.expect_hex("arpc", &arpc);
    Ok(())
}

fn emv_arpc2(case: &Case) -> Done {
    let (sk, arqc) = (case.hex("sk"), case.hex("arqc"));
    let (csu, prop) = (case.hex("csu"), case.hex("prop"));
    let arpc = cryptogram::arpc2(&Key::from_bytes(&sk)?, &array(&arqc)?, array(&csu)?, &prop)?;
    case.expect_hex("arpc", &arpc);
    Ok(())
}

fn cvn(name: &str) -> Result<&'static Profile, Stop> {
    let (scheme, number) = match name {
        "VISA10" => (Scheme::Visa, 0x0A),
        "VISA18" => (Scheme::Visa, 0x12),
        "VISA22" => (Scheme::Visa, 0x22),
        "INTERAC133" => (Scheme::Interac, 0x85),
        "MC16" => (Scheme::Mastercard, 0x10),
        "MC17" => (Scheme::Mastercard, 0x11),
        "MC20" => (Scheme::Mastercard, 0x14),
        "MC21" => (Scheme::Mastercard, 0x15),
        "PBOC01" => (Scheme::UnionPay, 0x01),
        other => return parameter("cvn", other),
    };
    Profile::of(scheme, number).or_else(|_| parameter("cvn", name))
}

/// A transaction under a profile, by its single steps: the issuer application data of these cases are only the parts
/// that enter the cryptogram, so there is no message that the profile could verify as a whole.
fn emv_cvn(case: &Case) -> Done {
    let profile = cvn(case.text("cvn"))?;
    let option = profile.master_key();
    let (imk_ac, imk_smi, imk_smc) = (case.hex("imk_ac"), case.hex("imk_smi"), case.hex("imk_smc"));
    let (account, number) = (case.text("pan"), case.text("psn"));
    let mut data: Vec<u8> = INPUT.iter().flat_map(|(tag, _)| case.hex(tag)).collect();
    for part in ["cvr", "iad", "counters"] {
        data.extend(case.opt_hex(part).unwrap_or_default());
    }
    if case.has("tail") {
        data.extend(case.hex_list("tail").concat());
    }
    let (counter, un) = (case.hex("9F36"), case.hex("9F37"));
    let (arc, csu) = (case.opt_hex("arc"), case.opt_hex("csu"));
    let prop = case.opt_hex("prop").unwrap_or_default();

    let mk_ac = master_key::<Ac>(option, &imk_ac, account, number)?;
    let mk_smi = master_key::<Smi>(option, &imk_smi, account, number)?;
    let mk_smc = master_key::<Smc>(option, &imk_smc, account, number)?;
    case.expect_hex("mk_ac", mk_ac.expose_bytes());
    case.expect_hex("mk_smi", mk_smi.expose_bytes());
    case.expect_hex("mk_smc", mk_smc.expose_bytes());

    let counter = atc(&counter)?;
    let mut sk_ac = Key::empty();
    session::derive(profile.session_key(), &mk_ac, counter, array(&un)?, &mut sk_ac)?;
    case.expect_hex("sk_ac", sk_ac.expose_bytes());
    let ac = cryptogram::generate(&sk_ac, profile.padding(), &[&data])?;
    case.expect_hex("ac", &ac);

    let mut key = Key::empty();
    match profile.arpc_key() {
        ArpcKey::MasterKey => session::direct(&mk_ac, &mut key)?,
        ArpcKey::SessionKey => session::derive(profile.session_key(), &mk_ac, counter, array(&un)?, &mut key)?,
    }
    match profile.arpc() {
        ArpcMethod::Method1 => {
            let arc = arc.ok_or(Stop::NoForm("arc"))?;
            case.expect_hex("arpc", &cryptogram::arpc1(&key, &ac, array(&arc)?)?);
        }
        ArpcMethod::Method2 => {
            let csu = csu.ok_or(Stop::NoForm("csu"))?;
            case.expect_hex("arpc", &cryptogram::arpc2(&key, &ac, array(&csu)?, &prop)?);
        }
    }
    let keys = (&mk_ac, &mk_smi, &mk_smc);
    emv_cvn_script(case, profile, keys, &script::Request::new(counter, ac))
}

/// The script of such a transaction: a command's MAC, enciphered data, and PIN CHANGE.
fn emv_cvn_script(
    case: &Case,
    profile: &Profile,
    (mk_ac, mk_smi, mk_smc): (&Mk<Ac>, &Mk<Smi>, &Mk<Smc>),
    request: &script::Request,
) -> Done {
    let (header, data) = (case.opt_hex("script_header"), case.opt_hex("script_data"));
    let (put_data, new, current) = (
        case.opt_hex("put_data"),
        case.opt_text("pin"),
        case.opt_text("current_pin"),
    );
    if header.is_none() && put_data.is_none() && new.is_none() {
        return Ok(());
    }
    let (mut smi, mut smc) = (Key::empty(), Key::empty());
    script::session_key(profile, mk_smi, request, &mut smi)?;
    script::session_key(profile, mk_smc, request, &mut smc)?;
    case.expect_hex("sk_smi", smi.expose_bytes());
    case.expect_hex("sk_smc", smc.expose_bytes());

    let rules = profile.script()?;
    if let Some(header) = header {
        let mut mac = vec![0; rules.mac_len];
        script::command_mac(
            profile,
            &smi,
            request,
            &array(&header)?,
            &data.unwrap_or_default(),
            &mut mac,
        )?;
        case.expect_hex("script_mac", &mac);
    }
    if let Some(data) = put_data {
        case.expect_hex("enc_data", &enciphered(&smc, rules.style, &data)?);
    }
    if let Some(new) = new {
        let (new, current) = (pin(new)?, current.map(pin).transpose()?);
        let mut block = [0; 8];
        script::pin_block(rules.pin_block, mk_ac, &new, current.as_ref(), &mut block)?;
        case.expect_hex("pin_block", &block);
        let (smi, smc) = (&smi, &smc);
        let keys = script::Keys { smi, smc, mk_ac };
        let mut command = [0; script::MAX_PIN_CHANGE_LEN];
        let len = script::pin_change(profile, &keys, request, &new, current.as_ref(), &mut command)?;
        case.expect_hex("pin_change", command.get(..len).unwrap_or_default());
    }
    Ok(())
}

fn style(name: &str) -> Result<Style, Stop> {
    match name {
        "VISA" => Ok(Style::Visa),
        "MASTERCARD" => Ok(Style::Mastercard),
        "EMV" => Ok(Style::Emv),
        other => parameter("style", other),
    }
}

fn enciphered(sk: &Sk<Smc>, style: Style, data: &[u8]) -> Result<Vec<u8>, Stop> {
    let len = style.enciphered_len(data.len()).ok_or(Stop::NoForm("length"))?;
    let mut out = vec![0; len];
    script::encipher(sk, style, data, &mut out)?;
    Ok(out)
}

fn emv_sm_mac(case: &Case) -> Done {
    let (sk, data, len) = (case.hex("sk"), case.hex("data"), case.size("length"));
    let mut mac = vec![0; len.min(script::MAX_MAC_LEN + 1)];
    script::mac(&Key::from_bytes(&sk)?, &[&data], &mut mac)?;
    case.expect_hex("mac", &mac);
    Ok(())
}

fn emv_sm_encrypt(case: &Case) -> Done {
    let (sk, name, data) = (case.hex("sk"), case.text("style"), case.hex("data"));
    case.expect_hex("data", &enciphered(&Key::from_bytes(&sk)?, style(name)?, &data)?);
    Ok(())
}

fn vis_pin_block(case: &Case, mk_ac: &[u8]) -> Result<[u8; 8], Stop> {
    let (new, current) = (case.text("pin"), case.opt_text("current_pin"));
    let (new, current) = (pin(new)?, current.map(pin).transpose()?);
    let mut block = [0; 8];
    script::pin_block(
        PinBlock::Vis,
        &Key::from_bytes(mk_ac)?,
        &new,
        current.as_ref(),
        &mut block,
    )?;
    Ok(block)
}

fn emv_vis_pin_block(case: &Case) -> Done {
    let mk_ac = case.hex("mk_ac");
    case.expect_hex("block", &vis_pin_block(case, &mk_ac)?);
    Ok(())
}

fn emv_icc_mk(case: &Case) -> Done {
    let (name, imk) = (case.text("option"), case.hex("imk"));
    let (account, number) = (case.text("pan"), case.text("psn"));
    let mk = master_key::<Ac>(option(name)?, &imk, account, number)?;
    case.expect_key("icc_mk", mk.expose_bytes());
    case.expect_left("icc_mk_kcv", &mk.kcv_legacy()?);
    Ok(())
}

/// The session key of a family vector: derived by `sk_method` from the master key.
fn derived<P: Purpose>(case: &Case, mk: &Mk<P>) -> Result<Sk<P>, Stop> {
    let counter = || atc(&case.hex("atc"));
    let mut sk = Key::empty();
    match case.text("sk_method") {
        "none" => session::direct(mk, &mut sk)?,
        "common" => return common(mk, &case.hex("r")),
        "common_ac" => session::common_ac(mk, counter()?, &mut sk)?,
        "mastercard" => session::mchip(mk, counter()?, array(&case.hex("un"))?, &mut sk)?,
        "visa_sm" => return visa_sm(mk, counter()?),
        "emv2000_tree" => {
            return tree(mk, counter()?, case.int("height"), case.int("branch"), &case.hex("iv"));
        }
        other => return parameter("sk_method", other),
    }
    Ok(sk)
}

fn emv_session_key(case: &Case) -> Done {
    let mk = case.hex("icc_mk");
    case.expect_key(
        "session_key",
        derived::<Ac>(case, &Key::from_bytes(&mk)?)?.expose_bytes(),
    );
    Ok(())
}

/// The card's master key, if the vector starts at the issuer's, and the session key, which may be given.
fn card_keys<P: Purpose>(case: &Case) -> Result<(Option<Mk<P>>, Sk<P>), Stop> {
    if !case.has("imk") {
        return Ok((None, Key::from_bytes(&case.hex("session_key"))?));
    }
    let (name, imk) = (case.text("option"), case.hex("imk"));
    let (account, number) = (case.text("pan"), case.text("psn"));
    let mk = master_key(option(name)?, &imk, account, number)?;
    let sk = derived(case, &mk)?;
    case.expect_left("icc_mk_kcv", &mk.kcv_legacy()?);
    case.expect_left("session_key_kcv", &sk.kcv_legacy()?);
    case.expect_key("session_key", sk.expose_bytes());
    Ok((Some(mk), sk))
}

fn emv_application_cryptogram(case: &Case) -> Done {
    let (data, method) = (case.hex("data"), case.int("padding"));
    let (_, sk) = card_keys::<Ac>(case)?;
    case.expect_hex("ac", &cryptogram::generate(&sk, padding(method)?, &[&data])?);
    Ok(())
}

fn emv_arpc(case: &Case) -> Done {
    let (method, name, ac) = (case.int("method"), case.opt_text("arpc_key"), case.hex("ac"));
    let prop = case.opt_hex("prop_auth_data").unwrap_or_default();
    let (mk, mut key) = card_keys::<Ac>(case)?;
    match (name, mk) {
        (None | Some("session_key"), _) => {}
        (Some("icc_mk"), Some(mk)) => session::direct(&mk, &mut key)?,
        (Some(other), _) => return parameter("arpc_key", other),
    }
    match method {
        1 => case.expect_hex(
            "arpc",
            &cryptogram::arpc1(&key, &array(&ac)?, array(&case.hex("arc"))?)?,
        ),
        2 => case.expect_hex(
            "arpc",
            &cryptogram::arpc2(&key, &array(&ac)?, array(&case.hex("csu"))?, &prop)?,
        ),
        other => return parameter("method", other),
    }
    Ok(())
}

/// The input of a cryptogram: the terminal fills the card's list, and what of the issuer application data enters
/// stands behind it.
fn emv_ac_input(case: &Case) -> Done {
    let (iad, part, method) = (case.hex("iad"), case.hex("iad_part"), case.int("padding"));
    let tags = case.object("tags");
    let mut list = Vec::new();
    for (tag, len) in INPUT {
        list.extend(from_hex(tag).unwrap_or_default());
        list.push(len);
    }
    let mut values = Vec::new();
    for (tag, value) in tags {
        let tag = Tag::from_bytes(&from_hex(tag).ok_or(Stop::NoForm("tag"))?)?;
        values.push((tag, value.as_str().and_then(from_hex).ok_or(Stop::NoForm("tag value"))?));
    }
    let objects: Vec<(Tag, &[u8])> = values.iter().map(|(tag, value)| (*tag, value.as_slice())).collect();
    let dol = Dol::parse(&list)?;
    let mut data = vec![0; dol.data_len()];
    dol.build(&objects, &mut data)?;
    // The part is what one of the layouts says, or all.
    let layouts = [IadLayout::Visa, IadLayout::MChip, IadLayout::CommonCore];
    let parsed = layouts.iter().filter_map(|layout| layout.parse(&iad).ok());
    if !parsed.into_iter().any(|iad| iad.whole == part || iad.cvr == part) {
        return Err(Stop::NoForm("part of the issuer application data"));
    }
    data.extend(part);
    case.expect_hex("data", &data);
    case.expect_hex("padded", &mac::padded(method, 8, &data)?);
    Ok(())
}

fn family_sm_mac(case: &Case) -> Done {
    let data = case.hex("data");
    let (_, sk) = card_keys(case)?;
    let mut mac = [0; script::MAX_MAC_LEN];
    script::mac(&sk, &[&data], &mut mac)?;
    case.expect_left("mac", &mac);
    Ok(())
}

fn family_sm_encrypt(case: &Case) -> Done {
    let (sk, name, data) = (case.hex("session_key"), case.text("style"), case.hex("plaintext"));
    case.expect_hex("ciphertext", &enciphered(&Key::from_bytes(&sk)?, style(name)?, &data)?);
    Ok(())
}

fn family_vis_pin_block(case: &Case) -> Done {
    let mk_ac = case.hex("icc_mk_ac");
    case.expect_hex("pin_block", &vis_pin_block(case, &mk_ac)?);
    Ok(())
}

/// PIN CHANGE by its single steps: these vectors combine what no one profile has.
fn emv_script_pin_change(case: &Case) -> Done {
    let (imk_ac, imk_smi, imk_smc) = (case.hex("imk_ac"), case.hex("imk_smi"), case.hex("imk_smc"));
    let (account, number) = (case.text("pan"), case.text("psn"));
    let (option, style) = (option(case.text("option"))?, style(case.text("enc_style"))?);
    let (new, current) = (case.text("pin"), case.opt_text("current_pin"));
    let (new, current) = (pin(new)?, current.map(pin).transpose()?);
    let form = match case.text("pin_format") {
        "iso2" => PinBlock::Iso2,
        "vis" => PinBlock::Vis,
        other => return parameter("pin_format", other),
    };
    let prefix = case.hex("mac_prefix");
    let mk_ac = master_key(option, &imk_ac, account, number)?;
    let smi = derived::<Smi>(case, &master_key(option, &imk_smi, account, number)?)?;
    let smc = derived::<Smc>(case, &master_key(option, &imk_smc, account, number)?)?;
    let mut block = [0; 8];
    script::pin_block(form, &mk_ac, &new, current.as_ref(), &mut block)?;
    case.expect_hex("pin_block", &block);
    let data = enciphered(&smc, style, &block)?;
    case.expect_hex("encrypted_data", &data);
    let mut mac = [0; script::MAX_MAC_LEN];
    script::mac(&smi, &[&prefix, &data], &mut mac)?;
    case.expect_hex("mac", &mac);
    Ok(())
}

/// An AES card makes its cryptogram over these bytes, and the raw form is the way to give bytes.
fn emv_aes_application_cryptogram(case: &Case) -> Done {
    let (mk, counter, data) = (case.hex("icc_mk"), case.hex("atc"), case.hex("data"));
    let mk = Key::<IccMk<Ac>, Aes>::from_bytes(&mk)?;
    let recipe = profile::CCD_CV6.recipe();
    case.expect_hex("ac", &raw::generate(&recipe, &mk, atc(&counter)?, [0; 4], &data)?);
    Ok(())
}

/// Data of the secure channel of Kernel 8: counter mode from the message counter and zeros.
fn emv_k8_aes_ctr(case: &Case) -> Done {
    let (key, number, mut data) = (case.hex("skc"), case.hex("message_counter"), case.hex("plaintext"));
    let mut counter = [0; 16];
    counter
        .iter_mut()
        .zip(array::<2>(&number)?)
        .for_each(|(to, from)| *to = from);
    modes::ctr(&aes::Aes::new(&key)?, &counter, &mut data)?;
    case.expect_hex("ciphertext", &data);
    Ok(())
}

/// The MAC of Kernel 8's enhanced data authentication: CMAC over two zero bytes, cryptogram, MAC of the IAD.
fn emv_k8_eda_mac(case: &Case) -> Done {
    let (key, ac, iad) = (case.hex("ski"), case.hex("ac"), case.hex("iad_mac"));
    let mut mac = CmacAes::new(&key)?;
    mac.update(&[0; 2]);
    mac.update(&ac);
    mac.update(&iad);
    let mut out = [0; 8];
    mac.finish(&mut out)?;
    case.expect_hex("eda_mac", &out);
    Ok(())
}

fn emv_pboc_chain(case: &Case) -> Done {
    let (imk, counter) = (case.hex("imk"), case.hex("atc"));
    let (account, number) = (case.text("pan"), case.text("psn"));
    let (data, arc) = (case.opt_hex("data"), case.opt_hex("arc"));
    let udk = master_key(MasterKeyOption::Pboc, &imk, account, number)?;
    let sk = unionpay(&udk, atc(&counter)?)?;
    case.expect_hex("udk", udk.expose_bytes());
    case.expect_hex("session_key", sk.expose_bytes());
    if let Some(data) = data {
        let ac = cryptogram::generate(&sk, profile::UNIONPAY_CVN01.padding(), &[&data])?;
        case.expect_hex("ac", &ac);
        if let Some(arc) = arc {
            case.expect_hex("arpc", &cryptogram::arpc1(&sk, &ac, array(&arc)?)?);
        }
    }
    Ok(())
}
