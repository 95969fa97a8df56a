// SPDX-License-Identifier: MIT OR Apache-2.0
//! Card verification values.

use payhsm::card::CardValue;
use payhsm::card::cvc3::{self, IvCvc3, Tap};
use payhsm::card::cvv::{self, Expiry, ExpiryOrder, Kind, ServiceCode};
use payhsm::card::dcvv::{self, Authentication, Number};
use payhsm::cipher::{modes, tdes::Tdes};
use payhsm::emv::element::Atc;
use payhsm::key::role::{CardVerification, Dn, IccMk};
use payhsm::key::{Key, Tdea};

use super::Table;
use super::emv::{master_key, option};
use super::pin::{array, pan};
use crate::value::{Case, Done, Stop, to_hex};

pub const LINE: Table = &[("cvv", cvv), ("cvc3", cvc3)];

pub const FAMILY: Table = &[
    ("cvv", family_cvv),
    ("cvc3", family_cvc3),
    ("dcvv", family_dcvv),
    ("cavv_cvv_algorithm", family_cavv),
];

fn text(value: &CardValue) -> String {
    value.digits().iter().map(|digit| char::from(b'0' + digit)).collect()
}

/// Service code 000 is the printed value, 999 the chip's. The order of the expiry date is that of the case.
fn kind(service_code: &str) -> Result<Kind, Stop> {
    Ok(match service_code {
        "000" => Kind::Printed(ExpiryOrder::Yymm),
        "999" => Kind::Chip,
        other => Kind::Stripe(ServiceCode::parse(other.as_bytes())?),
    })
}

/// The value in `len` digits; it verifies.
fn made(cvk: &[u8], account: &str, expiry: &str, service_code: &str, len: usize) -> Result<String, Stop> {
    let key = Key::<CardVerification, Tdea>::from_bytes(cvk)?;
    let (kind, pan, expiry) = (kind(service_code)?, pan(account)?, Expiry::yymm(expiry.as_bytes())?);
    let mut value = CardValue::empty();
    cvv::generate(&key, kind, &pan, expiry, len, &mut value)?;
    cvv::verify(&key, kind, &pan, expiry, &value)?;
    Ok(text(&value))
}

fn cvv(case: &Case) -> Done {
    let (cvk, account) = (case.hex("cvk"), case.text("pan"));
    let (expiry, service_code) = (case.text("expiry"), case.text("service_code"));
    case.expect("cvv", made(&cvk, account, expiry, service_code, 3)?);
    case.expect("second_pass", second_pass(&cvk, account, expiry, service_code)?);
    Ok(())
}

/// Whether the digits 0 to 9 of the cipher text did not suffice. The library does not tell: its decimalisation takes both
/// passes always.
fn second_pass(cvk: &[u8], account: &str, expiry: &str, service_code: &str) -> Result<bool, Stop> {
    let digits = format!("{:0<32}", [account, expiry, service_code].concat());
    let packed = crate::value::from_hex(&digits).ok_or(Stop::NoForm("digits"))?;
    let (first, second) = packed.split_at(8);
    let mut block = first.to_vec();
    modes::ecb_encrypt(&Tdes::new(cvk.get(..8).unwrap_or_default())?, &mut block)?;
    block.iter_mut().zip(second).for_each(|(to, from)| *to ^= from);
    modes::ecb_encrypt(&Tdes::new(cvk)?, &mut block)?;
    Ok(to_hex(&block).bytes().filter(u8::is_ascii_digit).count() < 3)
}

fn family_cvv(case: &Case) -> Done {
    let (cvk, account) = (case.hex("cvk"), case.text("pan"));
    let (expiry, service_code) = (case.text("expiry"), case.text("service_code"));
    let value = made(&cvk, account, expiry, service_code, 5)?;
    // The leftmost digits, or all that the source prints.
    let same = |stated: &str| stated.len() >= 3 && value.starts_with(stated);
    case.expect_by("cvv", &value.as_str().into(), |stated| {
        stated.as_str().is_some_and(same)
    });
    Ok(())
}

/// The leftmost digits of a value of five, as many as the source prints.
fn leftmost(case: &Case, field: &str, value: &str) {
    let same = |stated: &str| stated.len() >= 3 && value.starts_with(stated);
    case.expect_by(field, &value.into(), |stated| stated.as_str().is_some_and(same));
}

fn family_dcvv(case: &Case) -> Done {
    let (imk, method, account) = (case.hex("imk"), case.text("mkd"), case.text("pan"));
    let (expiry, code, atc) = (case.text("expiry"), case.text("service_code"), case.text("atc"));
    let mk = master_key(option(method)?, &imk, account, case.opt_text("psn").unwrap_or("00"))?;
    let (expiry, code) = (Expiry::yymm(expiry.as_bytes())?, ServiceCode::parse(code.as_bytes())?);
    let (pan, atc) = (pan(account)?, Number::parse(atc.as_bytes())?);
    let mut value = CardValue::empty();
    dcvv::generate(&mk, &pan, atc, expiry, code, 5, &mut value)?;
    dcvv::verify(&mk, &pan, atc, expiry, code, &value)?;
    leftmost(case, "dcvv", &text(&value));
    Ok(())
}

fn family_cavv(case: &Case) -> Done {
    let (cvk, account, number) = (case.hex("cvk"), case.text("pan"), case.text("unpredictable_number"));
    let (result, factor) = (case.text("auth_result_code"), case.text("second_factor_code"));
    let key = Key::<CardVerification, Tdea>::from_bytes(&cvk)?;
    let [result] = array(result.as_bytes())?;
    let over = Authentication::parse(number.as_bytes(), result, &array(factor.as_bytes())?)?;
    let pan = pan(account)?;
    let mut value = CardValue::empty();
    dcvv::cavv_generate(&key, &pan, &over, 5, &mut value)?;
    dcvv::cavv_verify(&key, &pan, &over, &value)?;
    leftmost(case, "cavv", &text(&value));
    Ok(())
}

/// All five digits of a CVC3; three to five of the rightmost verify.
fn all_digits(mk: &Key<IccMk<Dn>, Tdea>, iv: &IvCvc3, tap: Tap) -> Result<String, Stop> {
    let mut value = CardValue::empty();
    cvc3::generate(mk, iv, tap, &mut value)?;
    let digits = text(&value);
    for first in 0..3 {
        let came = CardValue::parse(digits.get(first..).unwrap_or_default().as_bytes())?;
        cvc3::verify(mk, iv, tap, &came)?;
    }
    Ok(digits)
}

fn tap(case: &Case) -> Result<Tap, Stop> {
    let (atc, un) = (case.hex("atc"), case.hex("un"));
    Ok(Tap {
        un: array(&un)?,
        atc: Atc::from_bytes(&atc)?,
    })
}

fn cvc3(case: &Case) -> Done {
    let (mk, track) = (case.hex("icc_mk"), case.hex("track"));
    let tap = tap(case)?;
    let mk = Key::from_bytes(&mk)?;
    let iv = IvCvc3::over(&mk, &track)?;
    case.expect_hex("iv_cvc3", iv.expose());
    let digits = all_digits(&mk, &iv, tap)?;
    case.expect("cvc3", digits.as_str());
    let number: u32 = digits.parse().map_err(|_| Stop::NoForm("number"))?;
    case.expect("cvc3_value", number);
    Ok(())
}

fn family_cvc3(case: &Case) -> Done {
    let (imk, method, account) = (case.hex("imk"), case.text("mkd"), case.text("pan"));
    let (number, track, iv) = (case.text("psn"), case.opt_hex("track_data"), case.opt_hex("ivcvc3"));
    let tap = tap(case)?;
    let mk = master_key(option(method)?, &imk, account, number)?;
    let iv = match (iv, track) {
        (Some(iv), None) => IvCvc3::from_bytes(array(&iv)?),
        (None, Some(track)) => IvCvc3::over(&mk, &track)?,
        _ => return Err(Stop::NoForm("track_data or ivcvc3")),
    };
    let digits = all_digits(&mk, &iv, tap)?;
    // The rightmost digits, as many as the source prints.
    let same = |stated: &str| stated.len() >= 3 && digits.ends_with(stated);
    case.expect_by("cvc3", &digits.as_str().into(), |stated| {
        stated.as_str().is_some_and(same)
    });
    Ok(())
}
