// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cases of `vectors/emv_oda_chain.txt`: whole cards, and for every field a twin in which it is wrong.

use super::oda::{
    CA, CA_LONG, CA_WIDE, Card, Certificate, ICC, ICC_LONG, ICC_SHORT, INDEX, ISSUER, ISSUER_LONG, PIN, RID, Rsa,
    Signed, element, power, records, sha1, template,
};
use payhsm::emv::oda::CaKey;
use payhsm::emv::oda::Fault::{
    self, CryptogramInformation, DynamicData, Expired, Exponent, Format, Hash, HashAlgorithm, Header, IssuerIdentifier,
    KeyAlgorithm, KeyLength, Malformed, Missing, NoCaKey, Padding, Pan, Record, Remainder, Revoked, SignatureLength,
    TagList, Trailer, TransactionHash,
};
use payhsm::emv::oda::Stage::{
    self, DynamicSignature, IccCertificate, IssuerCertificate, PinCertificate, StaticSignature,
};

const DATE: [u8; 3] = [0x26, 0x11, 0x25];
const NUMBER: [u8; 4] = [0x8B, 0x55, 0x63, 0x3B];

/// A case under work, with the blocks that are done.
pub struct Writer {
    out: String,
    serial: usize,
}

/// The terminal's side.
#[derive(Clone)]
struct Terminal {
    rid: [u8; 5],
    date: [u8; 3],
    /// The last day of the CA key.
    expires: Option<[u8; 3]>,
    revoked: Vec<[u8; 3]>,
    aip: Option<[u8; 2]>,
}

impl Default for Terminal {
    fn default() -> Self {
        Self {
            rid: RID,
            date: DATE,
            expires: Some([0x30, 0x12, 0x31]),
            revoked: vec![[0x00, 0x0A, 0x02]],
            aip: None,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "\"\"".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

type Lines = Vec<(&'static str, String)>;

impl Writer {
    fn block(&mut self, op: &str, id: &str, lines: &[(&str, String)]) {
        self.serial += 1;
        self.out += &format!("\nOp = {op}\nId = {id}\nSource = \"self\"\n");
        for (name, value) in lines {
            self.out += &format!("{name} = {value}\n");
        }
    }

    fn head(ca: &Rsa, terminal: &Terminal, card: &Card, records: &[u8]) -> Lines {
        let modulus = ca.modulus();
        let mut lines = vec![
            ("Ca_rid", hex(&RID)),
            ("Ca_index", hex(&[INDEX])),
            ("Ca_modulus", hex(&modulus)),
            ("Ca_exponent", hex(ca.exponent)),
            ("Ca_checksum", hex(&CaKey::checksum(RID, INDEX, &modulus, ca.exponent))),
        ];
        if let Some(expires) = terminal.expires {
            lines.push(("Ca_expires", hex(&expires)));
        }
        let revoked: Vec<_> = terminal.revoked.iter().map(|serial| hex(serial)).collect();
        lines.push(("Revoked", format!("[{}]", revoked.join(", "))));
        lines.push(("Date", hex(&terminal.date)));
        lines.push(("Rid", hex(&terminal.rid)));
        lines.push(("Aip", hex(&terminal.aip.unwrap_or(card.aip))));
        lines.push(("Records", hex(records)));
        lines
    }

    /// A case of `op`: what is done with the card, and what comes of it.
    fn case(
        &mut self,
        op: &str,
        id: &str,
        terminal: &Terminal,
        card: &Card,
        records: &[u8],
        inputs: Lines,
        outcome: Outcome,
    ) {
        let mut lines = Self::head(&card.ca, terminal, card, records);
        lines.extend(inputs);
        match outcome {
            Ok(outputs) => {
                lines.extend(outputs);
                self.block(op, id, &lines);
            }
            Err((stage, fault)) => {
                lines.push(("Stage", format!("\"{stage:?}\"")));
                lines.push(("Fault", format!("\"{fault:?}\"")));
                self.block(&format!("{op}_reject"), id, &lines);
            }
        }
    }
}

type Outcome = Result<Lines, (Stage, Fault)>;

fn good() -> Card {
    Card::new(CA, ISSUER, ICC).with_pin_key(&PIN)
}

/// Static data authentication of the card as it is.
fn sda(out: &mut Writer, id: &str, card: &Card, fault: Option<(Stage, Fault)>) {
    sda_at(out, id, &Terminal::default(), card, &records(&card.records()), fault);
}

fn sda_at(out: &mut Writer, id: &str, terminal: &Terminal, card: &Card, records: &[u8], fault: Option<(Stage, Fault)>) {
    let outcome = fault.map_or_else(|| Ok(vec![("Dac", "DAC5".to_owned())]), Err);
    out.case("oda_sda", id, terminal, card, records, Vec::new(), outcome);
}

/// Dynamic data authentication: the answer is made with `answer`.
fn dda(out: &mut Writer, id: &str, card: &Card, answer: &Signed, sent: &[u8], fault: Option<(Stage, Fault)>) {
    let signature = answer.sign(&card.icc, &[&NUMBER]);
    let response = if out.serial.is_multiple_of(2) {
        template(0x80, &[signature])
    } else {
        template(0x77, &[element(0x9F4B, &signature)])
    };
    let inputs = vec![("Sent", hex(sent)), ("Response", hex(&response))];
    let outcome = fault.map_or_else(|| Ok(vec![("Dynamic_number", "010203040506".to_owned())]), Err);
    out.case(
        "oda_dda",
        id,
        &Terminal::default(),
        card,
        &records(&card.records()),
        inputs,
        outcome,
    );
}

fn dda_answer() -> Signed {
    Card::dynamic(&[0x06, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06])
}

/// What is to be spoilt in a combined answer.
#[derive(Clone)]
struct Cda {
    sent: Vec<Vec<u8>>,
    number: [u8; 4],
    /// CID inside and outside.
    cid: [u8; 2],
    /// Elements of the answer besides CID and signature.
    elements: Vec<Vec<u8>>,
    dynamic_len: u8,
    signed: Option<fn(&mut Signed)>,
    /// After signing.
    spoil: Option<fn(&mut Self)>,
    without_signature: bool,
}

impl Default for Cda {
    fn default() -> Self {
        Self {
            sent: vec![
                vec![0x36, 0x00, 0x40, 0x00],
                vec![0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x8B, 0x55, 0x63, 0x3B],
            ],
            number: NUMBER,
            cid: [0x40, 0x40],
            elements: vec![
                element(0x9F36, &[0x00, 0x1D]),
                element(0x9F10, &[0x06, 0x01, 0x0A, 0x03, 0xA4, 0x00, 0x00]),
            ],
            dynamic_len: 8,
            signed: None,
            spoil: None,
            without_signature: false,
        }
    }
}

const CRYPTOGRAM: [u8; 8] = [0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8];

fn cda(out: &mut Writer, id: &str, card: &Card, mut case: Cda, fault: Option<(Stage, Fault)>) {
    let outside = element(0x9F27, &case.cid[1..]);
    let mut hashed = case.sent.concat();
    hashed.extend(&outside);
    hashed.extend(case.elements.concat());
    let number = vec![0x5A; usize::from(case.dynamic_len)];
    let mut data = vec![case.dynamic_len];
    data.extend(&number);
    data.push(case.cid[0]);
    data.extend(CRYPTOGRAM);
    data.extend(sha1(&[&hashed]));
    let mut signed = Card::dynamic(&data);
    if let Some(spoil) = case.signed {
        spoil(&mut signed);
    }
    let signature = signed.sign(&card.icc, &[&case.number]);
    if let Some(spoil) = case.spoil {
        spoil(&mut case);
    }
    let mut elements = vec![outside, case.elements[0].clone()];
    if !case.without_signature {
        elements.push(element(0x9F4B, &signature));
    }
    elements.extend_from_slice(&case.elements[1..]);
    let response = template(0x77, &elements);
    let sent: Vec<_> = case.sent.iter().map(|part| hex(part)).collect();
    let inputs = vec![
        ("Unpredictable_number", hex(&case.number)),
        ("Sent", format!("[{}]", sent.join(", "))),
        ("Response", hex(&response)),
    ];
    let outcome = fault.map_or_else(
        || {
            Ok(vec![
                ("Cid", hex(&case.cid[..1])),
                ("Atc", "001D".to_owned()),
                ("Cryptogram", hex(&CRYPTOGRAM)),
                ("Dynamic_number", hex(&number)),
            ])
        },
        Err,
    );
    out.case(
        "oda_cda",
        id,
        &Terminal::default(),
        card,
        &records(&card.records()),
        inputs,
        outcome,
    );
}

fn fdda(out: &mut Writer, id: &str, related: Option<&[u8]>, currency: [u8; 2], fault: Option<(Stage, Fault)>) {
    let mut card = good();
    let amount = [0x00, 0x00, 0x00, 0x01, 0x80, 0x00];
    let signature =
        Card::dynamic(&[0x02, 0x00, 0x1D]).sign(&card.icc, &[&NUMBER, &amount, &[0x09, 0x78], related.unwrap_or(&[])]);
    card.more.push(element(0x9F4B, &signature));
    card.more.extend(related.map(|related| element(0x9F69, related)));
    let inputs = vec![
        ("Unpredictable_number", hex(&NUMBER)),
        ("Amount", hex(&amount)),
        ("Currency", hex(&currency)),
    ];
    let outcome = fault.map_or_else(|| Ok(vec![("Dynamic_number", "001D".to_owned())]), Err);
    out.case(
        "oda_fdda",
        id,
        &Terminal::default(),
        &card,
        &records(&card.records()),
        inputs,
        outcome,
    );
}

fn pin(out: &mut Writer, id: &str, card: &Card, digits: &str, fault: Option<(Stage, Fault)>) {
    let key = if card.pin_certificate.is_some() { PIN } else { card.icc };
    let challenge = [0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8];
    let random: Vec<u8> = (0..key.len() - 17)
        .map(|i| i.to_le_bytes()[0].wrapping_mul(0x3D) ^ 0x91)
        .collect();
    let mut text = format!("2{:X}{digits}", digits.len());
    text += &"F".repeat(16 - text.len());
    let clear = [&[0x7F][..], &super::oda::unhex(&text), &challenge, &random].concat();
    let enciphered = power(&key.modulus(), &clear, key.exponent);
    let inputs = vec![
        ("Pin", format!("\"{digits}\"")),
        ("Challenge", hex(&challenge)),
        ("Random", hex(&random)),
    ];
    let outcome = fault.map_or_else(|| Ok(vec![("Plaintext", text), ("Enciphered", hex(&enciphered))]), Err);
    out.case(
        "oda_pin",
        id,
        &Terminal::default(),
        card,
        &records(&card.records()),
        inputs,
        outcome,
    );
}

/// The whole file.
pub fn file() -> String {
    let mut out = Writer {
        out: "# emv_oda_chain: made by `scripts/oda-vectors`, not to be edited.\n".to_owned()
            + "# Cards of our own with published private keys (tests/common/oda.rs). They show that this library and its\n"
            + "# tests agree, nothing more.\n",
        serial: 0,
    };
    cards(&mut out);
    records_and_keys(&mut out);
    issuer_certificates(&mut out);
    icc_certificates(&mut out);
    static_signatures(&mut out);
    dynamic_signatures(&mut out);
    combined(&mut out);
    fast(&mut out);
    pins(&mut out);
    out.out
}

/// The card of most cases as strings of C, for `examples/c`.
pub fn header(file: &str) -> String {
    let field = |id: &str, name: &str| {
        let block = file
            .split("\n\n")
            .find(|block| block.contains(&format!("\nId = {id}\n")))
            .unwrap();
        let value = block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))
            .unwrap();
        value.trim_matches(['[', ']']).replace(", ", "")
    };
    let mut out = "/* SPDX-License-Identifier: MIT OR Apache-2.0 */\n".to_owned()
        + "/* The cases dda and cda of vectors/emv_oda_chain.txt; made by scripts/oda-vectors. */\n";
    for (name, id, of) in [
        ("ODA_MODULUS", "dda", "Ca_modulus"),
        ("ODA_CHECKSUM", "dda", "Ca_checksum"),
        ("ODA_RECORDS", "dda", "Records"),
        ("ODA_DDA_SENT", "dda", "Sent"),
        ("ODA_DDA_RESPONSE", "dda", "Response"),
        ("ODA_CDA_SENT", "cda", "Sent"),
        ("ODA_CDA_RESPONSE", "cda", "Response"),
    ] {
        out += &format!("#define {name}");
        let value = field(id, of);
        for line in value.as_bytes().chunks(100) {
            out += &format!(" \\\n    \"{}\"", str::from_utf8(line).unwrap());
        }
        out.push('\n');
    }
    out
}

/// Cards that are right, with keys inside, beyond and short of their certificates.
fn cards(out: &mut Writer) {
    sda(out, "sda", &good(), None);
    sda(out, "sda-wide", &Card::new(CA_WIDE, ISSUER, ICC_SHORT), None);
    sda(out, "sda-long", &Card::new(CA_LONG, ISSUER_LONG, ICC_LONG), None);
    let mut card = good();
    card.tag_list = None;
    sda(out, "sda-without-aip", &card, None);
    let mut card = good();
    card.static_records.pop();
    card.static_records[1].1 = false;
    sda(out, "sda-other-records", &card, None);
    let mut card = good();
    card.issuer_certificate.subject = vec![0x99, 0x9F, 0xFF, 0xFF];
    sda(out, "sda-short-identifier", &card, None);
    card.issuer_certificate.subject = vec![0x99, 0x99, 0x12, 0x34];
    sda(out, "sda-long-identifier", &card, None);
    let mut card = good();
    card.issuer_certificate.expiry = [0x11, 0x26];
    sda(out, "sda-last-month", &card, None);
    let mut terminal = Terminal::default();
    terminal.expires = None;
    sda_at(
        out,
        "sda-no-ca-date",
        &terminal,
        &good(),
        &records(&good().records()),
        None,
    );
    terminal.expires = Some(DATE);
    sda_at(
        out,
        "sda-last-day",
        &terminal,
        &good(),
        &records(&good().records()),
        None,
    );
    // A file of the card's own that is no template, and is not signed.
    let mut all = good().records();
    all.push((30, false, vec![0xFF, 0x01]));
    sda_at(
        out,
        "sda-foreign-file",
        &Terminal::default(),
        &good(),
        &records(&all),
        None,
    );
    dda(out, "dda", &good(), &dda_answer(), &NUMBER, None);
    dda(
        out,
        "dda-short",
        &Card::new(CA_WIDE, ISSUER, ICC_SHORT),
        &dda_answer(),
        &NUMBER,
        None,
    );
    dda(
        out,
        "dda-long",
        &Card::new(CA_LONG, ISSUER_LONG, ICC_LONG),
        &dda_answer(),
        &NUMBER,
        None,
    );
    let mut more = dda_answer();
    more.fields.extend([0x77; 20]);
    more.fields[1] += 20;
    dda(out, "dda-more-data", &good(), &more, &NUMBER, None);
    cda(out, "cda", &good(), Cda::default(), None);
    cda(
        out,
        "cda-long",
        &Card::new(CA_LONG, ISSUER_LONG, ICC_LONG),
        Cda::default(),
        None,
    );
    for (id, len) in [("cda-number-2", 2), ("cda-number-7", 7)] {
        let mut case = Cda::default();
        case.dynamic_len = len;
        cda(out, id, &good(), case, None);
    }
    // The second GENERATE AC, and an answer with a template inside.
    let mut case = Cda::default();
    case.sent.push(vec![0x30, 0x30, 0x8B, 0x55, 0x63, 0x3B]);
    case.elements
        .push(template(0xBF, &[vec![0x0C, 0x03], element(0x9C, &[1])]).split_off(2));
    case.elements[2] = [vec![0xBF, 0x0C, 0x03], element(0x9C, &[0x01])].concat();
    cda(out, "cda-second", &good(), case, None);
}

fn records_and_keys(out: &mut Writer) {
    let card = good();
    let terminal = Terminal::default();
    let all = card.records();
    let mut with = |id: &str, change: &dyn Fn(&mut Vec<(u8, bool, Vec<u8>)>), stage: Stage, fault: Fault| {
        let mut other = all.clone();
        change(&mut other);
        sda_at(out, id, &terminal, &card, &records(&other), Some((stage, fault)));
    };
    with("record-other-tag", &|all| all[1].2[0] = 0x71, Stage::Records, Record);
    with(
        "record-two-templates",
        &|all| all[1].2.extend([0x70, 0x00]),
        Stage::Records,
        Record,
    );
    with(
        "record-signed-file-12",
        &|all| all[2].2[0] = 0x71,
        Stage::Records,
        Record,
    );
    with("record-cut-off", &|all| all[3].2.truncate(100), Stage::Records, Record);
    with("record-inside", &|all| all[1].2[4] = 0x09, Stage::Records, Malformed);
    with(
        "element-twice",
        &|all| all.push((6, false, template(0x70, &[element(0x8F, &[INDEX])]))),
        Stage::Records,
        Malformed,
    );
    with("index-missing", &|all| all[3].2[3] = 0xC1, Stage::CaKey, Missing);
    with(
        "certificate-missing",
        &|all| all[3].2[6] = 0xD0,
        IssuerCertificate,
        Missing,
    );
    with("pan-missing", &|all| all[0].2[2] = 0x5B, IssuerCertificate, Missing);
    with("pan-malformed", &|all| all[0].2[4] = 0xA9, IssuerCertificate, Malformed);
    with("ssad-missing", &|all| drop(all.remove(4)), StaticSignature, Missing);
    let change = |id: &str, out: &mut Writer, change: &dyn Fn(&mut Terminal), stage: Stage, fault: Fault| {
        let mut terminal = Terminal::default();
        change(&mut terminal);
        sda_at(out, id, &terminal, &card, &records(&all), Some((stage, fault)));
    };
    with(
        "index-empty",
        &|all| (all[3].2[4], all[3].2[5]) = (0, 0),
        Stage::CaKey,
        Malformed,
    );
    change("other-rid", out, &|t| t.rid[4] ^= 1, Stage::CaKey, NoCaKey);
    change(
        "ca-expired",
        out,
        &|t| t.expires = Some([0x26, 0x11, 0x24]),
        Stage::CaKey,
        Expired,
    );
    change(
        "revoked",
        out,
        &|t| t.revoked.push([0x00, 0x0A, 0x01]),
        IssuerCertificate,
        Revoked,
    );
    change("other-aip", out, &|t| t.aip = Some([0x60, 0x00]), StaticSignature, Hash);
    let mut card = good();
    card.tag_list = Some(vec![0x82, 0x82]);
    sda(out, "tag-list-twice", &card, Some((Stage::Records, TagList)));
    card.tag_list = Some(vec![0x9F, 0x36]);
    sda(out, "tag-list-other", &card, Some((Stage::Records, TagList)));
    card.tag_list = Some(vec![]);
    sda(out, "tag-list-empty", &card, Some((Stage::Records, TagList)));
    let mut other = good();
    other.ca = CA_LONG;
    let certificate = good().records();
    sda_at(
        out,
        "other-ca-length",
        &Terminal::default(),
        &other,
        &records(&certificate),
        Some((IssuerCertificate, SignatureLength)),
    );
}

/// What is wrong with a certificate, of which kind and key ever.
type Spoil = (&'static str, fn(&mut Certificate), Fault);

const SPOILS: &[Spoil] = &[
    ("trailer", |c| c.signed.trailer = 0xBD, Trailer),
    ("header", |c| c.signed.header = 0x6B, Header),
    ("format", |c| c.signed.format ^= 1, Format),
    ("hash-algorithm", |c| c.hash_algorithm = 2, HashAlgorithm),
    ("hash", |c| c.signed.spoil_hash = true, Hash),
    ("expired", |c| c.expiry = [0x10, 0x26], Expired),
    ("month-0", |c| c.expiry = [0x00, 0x30], Expired),
    ("month-13", |c| c.expiry = [0x13, 0x30], Expired),
    ("year-last-century", |c| c.expiry = [0x12, 0x50], Expired),
    ("key-algorithm", |c| c.key_algorithm = 2, KeyAlgorithm),
    ("exponent-length", |c| c.exponent_len = 3, Exponent),
    ("exponent-1", |c| c.exponent = vec![1], Exponent),
    (
        "exponent-none",
        |c| (c.exponent, c.exponent_len) = (vec![], 0),
        Exponent,
    ),
    (
        "exponent-2-bytes",
        |c| (c.exponent, c.exponent_len) = (vec![0, 3], 2),
        Exponent,
    ),
    ("key-length-249", |c| c.key_len = 249, KeyLength),
    ("key-length-0", |c| (c.key_len, c.modulus) = (0, vec![]), KeyLength),
    ("key-length-1-more", |c| c.key_len += 1, Remainder),
    ("key-length-1-less", |c| c.key_len -= 1, Remainder),
    ("remainder-1-more", |c| c.remainder_more = 1, Remainder),
    ("remainder-1-less", |c| c.remainder_more = -1, Remainder),
    ("even-modulus", |c| *c.modulus.last_mut().unwrap() &= 0xFE, KeyLength),
    ("leading-zero", |c| c.modulus[0] = 0, KeyLength),
];

fn issuer_certificates(out: &mut Writer) {
    for (id, spoil, fault) in SPOILS {
        let mut card = good();
        spoil(&mut card.issuer_certificate);
        sda(out, &format!("issuer-{id}"), &card, Some((IssuerCertificate, *fault)));
    }
    for (id, subject) in [
        ("other", [0x99, 0x99, 0x13, 0xFF]),
        ("2-digits", [0x99, 0xFF, 0xFF, 0xFF]),
        ("half-byte", [0x99, 0x99, 0x2F, 0xFF]),
        ("inner-f", [0x99, 0xF9, 0x12, 0xFF]),
        ("letter", [0x99, 0x99, 0x1A, 0xFF]),
        ("none", [0xFF, 0xFF, 0xFF, 0xFF]),
    ] {
        let mut card = good();
        card.issuer_certificate.subject = subject.to_vec();
        sda(
            out,
            &format!("issuer-identifier-{id}"),
            &card,
            Some((IssuerCertificate, IssuerIdentifier)),
        );
    }
    let mut card = Card::new(CA_WIDE, ISSUER, ICC_SHORT);
    card.issuer_certificate.signed.pad = 0xBA;
    sda(out, "issuer-padding", &card, Some((IssuerCertificate, Padding)));
    let mut card = Card::new(CA_WIDE, ISSUER, ICC_SHORT);
    card.issuer_certificate.remainder_more = 1;
    sda(
        out,
        "issuer-remainder-not-needed",
        &card,
        Some((IssuerCertificate, Remainder)),
    );
}

fn icc_certificates(out: &mut Writer) {
    let refuse = |out: &mut Writer, id: &str, card: &Card, fault: Fault| {
        dda(
            out,
            &format!("icc-{id}"),
            card,
            &dda_answer(),
            &NUMBER,
            Some((IccCertificate, fault)),
        );
    };
    for (id, spoil, fault) in SPOILS {
        let mut card = good();
        spoil(&mut card.icc_certificate);
        refuse(out, id, &card, *fault);
    }
    for (id, change) in [
        ("pan-other", (|pan| pan[7] = 0x13) as fn(&mut Vec<u8>)),
        ("pan-half-byte", |pan| pan[7] = 0x1F),
        ("pan-longer", |pan| pan[8] = 0x0F),
        ("pan-inner-f", |pan| pan[9] = 0xF0),
    ] {
        let mut card = good();
        change(&mut card.icc_certificate.subject);
        refuse(out, id, &card, Pan);
    }
    let mut card = Card::new(CA_WIDE, ISSUER, ICC_SHORT);
    card.icc_certificate.signed.pad = 0xBA;
    refuse(out, "padding", &card, Padding);
    let card = good();
    let mut other = card.records();
    // The record that holds the second element of the static data.
    other[1].2[6] ^= 1;
    let signature = template(0x80, &[dda_answer().sign(&card.icc, &[&NUMBER])]);
    let inputs = vec![("Sent", hex(&NUMBER)), ("Response", hex(&signature))];
    out.case(
        "oda_dda",
        "icc-static-data",
        &Terminal::default(),
        &card,
        &records(&other),
        inputs,
        Err((IccCertificate, Hash)),
    );
}

fn static_signatures(out: &mut Writer) {
    let refuse = |out: &mut Writer, id: &str, spoil: fn(&mut Signed), fault: Fault| {
        let mut card = good();
        spoil(&mut card.static_signature);
        sda(out, &format!("ssad-{id}"), &card, Some((StaticSignature, fault)));
    };
    refuse(out, "trailer", |s| s.trailer = 0xBB, Trailer);
    refuse(out, "header", |s| s.header = 0x60, Header);
    refuse(out, "format", |s| s.format = 0x05, Format);
    refuse(out, "hash-algorithm", |s| s.fields[0] = 0, HashAlgorithm);
    refuse(out, "hash", |s| s.spoil_hash = true, Hash);
    refuse(out, "padding", |s| s.pad = 0xB8, Padding);
    refuse(
        out,
        "padding-last",
        |s| (s.fields.resize(105, 0xBB), s.fields[104] = 0xBC).1,
        Padding,
    );
    let card = good();
    let all = card.records();
    let mut with = |id: &str, change: &dyn Fn(&mut Vec<(u8, bool, Vec<u8>)>), fault: Fault| {
        let mut other = all.clone();
        change(&mut other);
        sda_at(
            out,
            id,
            &Terminal::default(),
            &card,
            &records(&other),
            Some((StaticSignature, fault)),
        );
    };
    with("ssad-record-changed", &|all| all[2].2[6] ^= 1, Hash);
    with("ssad-record-order", &|all| all.swap(0, 1), Hash);
    with("ssad-record-less", &|all| all[2].1 = false, Hash);
    with("ssad-record-more", &|all| all[6].1 = true, Hash);
    with("ssad-record-file", &|all| all[2].0 = 9, Hash);
}

fn dynamic_signatures(out: &mut Writer) {
    let refuse = |out: &mut Writer, id: &str, spoil: fn(&mut Signed), fault: Fault| {
        let mut answer = dda_answer();
        spoil(&mut answer);
        dda(
            out,
            &format!("sdad-{id}"),
            &good(),
            &answer,
            &NUMBER,
            Some((DynamicSignature, fault)),
        );
    };
    refuse(out, "trailer", |s| s.trailer = 0xCB, Trailer);
    refuse(out, "header", |s| s.header = 0x4A, Header);
    refuse(out, "format", |s| s.format = 0x03, Format);
    refuse(out, "hash-algorithm", |s| s.fields[0] = 3, HashAlgorithm);
    refuse(out, "hash", |s| s.spoil_hash = true, Hash);
    refuse(out, "padding", |s| s.pad = 0x00, Padding);
    refuse(out, "data-too-long", |s| s.fields[1] = 255, DynamicData);
    refuse(out, "data-one-too-long", |s| s.fields[1] = 112 - 24, DynamicData);
    refuse(out, "data-none", |s| s.fields[1] = 0, Padding);
    refuse(out, "number-1", |s| s.fields[2] = 1, DynamicData);
    refuse(out, "number-9", |s| (s.fields[2], s.fields[1]) = (9, 10), DynamicData);
    refuse(out, "number-beyond", |s| s.fields[2] = 7, DynamicData);
    let other = [0x8B, 0x55, 0x63, 0x3C];
    dda(
        out,
        "sdad-other-number",
        &good(),
        &dda_answer(),
        &other,
        Some((DynamicSignature, Hash)),
    );
}

fn combined(out: &mut Writer) {
    let refuse = |out: &mut Writer, id: &str, spoil: fn(&mut Cda), fault: Fault| {
        let mut case = Cda::default();
        spoil(&mut case);
        cda(
            out,
            &format!("cda-{id}"),
            &good(),
            case,
            Some((DynamicSignature, fault)),
        );
    };
    refuse(out, "trailer", |c| c.signed = Some(|s| s.trailer = 0), Trailer);
    refuse(out, "header", |c| c.signed = Some(|s| s.header = 0), Header);
    refuse(out, "format", |c| c.signed = Some(|s| s.format = 4), Format);
    refuse(
        out,
        "hash-algorithm",
        |c| c.signed = Some(|s| s.fields[0] = 4),
        HashAlgorithm,
    );
    refuse(out, "hash", |c| c.signed = Some(|s| s.spoil_hash = true), Hash);
    refuse(out, "padding", |c| c.signed = Some(|s| s.pad = 0xBC), Padding);
    refuse(out, "number", |c| c.spoil = Some(|c| c.number[0] ^= 1), Hash);
    refuse(
        out,
        "data-too-short",
        |c| c.signed = Some(|s| (s.fields.pop(), s.fields[1] -= 1).1),
        DynamicData,
    );
    refuse(
        out,
        "data-too-long",
        |c| c.signed = Some(|s| s.fields[1] = 0xFF),
        DynamicData,
    );
    refuse(out, "number-1", |c| c.dynamic_len = 1, DynamicData);
    refuse(out, "number-9", |c| c.dynamic_len = 9, DynamicData);
    refuse(out, "cid", |c| c.cid = [0x40, 0x80], CryptogramInformation);
    refuse(out, "pdol", |c| c.spoil = Some(|c| c.sent[0][0] ^= 1), TransactionHash);
    refuse(out, "cdol", |c| c.spoil = Some(|c| c.sent[1][9] ^= 1), TransactionHash);
    refuse(
        out,
        "cdol-missing",
        |c| c.spoil = Some(|c| drop(c.sent.pop())),
        TransactionHash,
    );
    refuse(
        out,
        "atc",
        |c| c.spoil = Some(|c| *c.elements[0].last_mut().unwrap() ^= 1),
        TransactionHash,
    );
    refuse(
        out,
        "iad",
        |c| c.spoil = Some(|c| *c.elements[1].last_mut().unwrap() ^= 1),
        TransactionHash,
    );
    refuse(
        out,
        "answer-less",
        |c| c.spoil = Some(|c| drop(c.elements.pop())),
        TransactionHash,
    );
    refuse(
        out,
        "answer-more",
        |c| c.spoil = Some(|c| c.elements.push(element(0x9F4C, &[1, 2]))),
        TransactionHash,
    );
    refuse(out, "signature-missing", |c| c.without_signature = true, Malformed);
}

fn fast(out: &mut Writer) {
    let related = [0x01, 0xAB, 0xAB, 0xAB, 0xAB, 0x80, 0x00];
    let refused = |fault| Some((DynamicSignature, fault));
    fdda(out, "fdda", Some(&related), [0x09, 0x78], None);
    fdda(out, "fdda-long", Some(&[0x01; 16]), [0x09, 0x78], None);
    fdda(out, "fdda-currency", Some(&related), [0x08, 0x40], refused(Hash));
    fdda(out, "fdda-missing", None, [0x09, 0x78], refused(Missing));
    fdda(
        out,
        "fdda-version-0",
        Some(&[0x00, 0xAB, 0xAB, 0xAB, 0xAB]),
        [0x09, 0x78],
        refused(DynamicData),
    );
    fdda(
        out,
        "fdda-short",
        Some(&[0x01, 0xAB, 0xAB, 0xAB]),
        [0x09, 0x78],
        refused(DynamicData),
    );
    fdda(
        out,
        "fdda-too-long",
        Some(&[0x01; 17]),
        [0x09, 0x78],
        refused(DynamicData),
    );
}

fn pins(out: &mut Writer) {
    for (id, digits) in [("pin-4", "1234"), ("pin-5", "98765"), ("pin-12", "123456789012")] {
        pin(out, id, &good(), digits, None);
    }
    pin(out, "pin-icc-key", &Card::new(CA, ISSUER, ICC), "1234", None);
    pin(
        out,
        "pin-long",
        &Card::new(CA_LONG, ISSUER_LONG, ICC_LONG),
        "1234",
        None,
    );
    for (id, spoil, fault) in &SPOILS[..7] {
        let mut card = good();
        spoil(card.pin_certificate.as_mut().unwrap());
        pin(out, &format!("pin-{id}"), &card, "1234", Some((PinCertificate, *fault)));
    }
    let mut card = good();
    card.pin_certificate.as_mut().unwrap().subject[0] = 0x98;
    pin(out, "pin-other-card", &card, "1234", Some((PinCertificate, Pan)));
}
