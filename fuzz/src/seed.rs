// SPDX-License-Identifier: MIT OR Apache-2.0
//! Seeds of the targets, made from `vectors/*.txt` and a few lines here.

#[path = "../../tests/common/vectors.rs"]
#[allow(dead_code, unused, clippy::all)]
pub mod vectors;

use std::fs;
use std::path::{Path, PathBuf};

use vectors::{Value, text};

/// The attributes of one vector.
struct Vector<'a>(Vec<(&'a str, text::Token<'a>)>);

impl Vector<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        let (_, token) = self.0.iter().find(|(other, _)| *other == name)?;
        Value::parse(*token)
    }

    fn hex(&self, name: &str) -> Option<Vec<u8>> {
        Some(self.value(name)?.hex())
    }

    fn text(&self, name: &str) -> Option<Vec<u8>> {
        match self.value(name)? {
            Value::Text(text) | Value::Bare(text) => Some(text.into_bytes()),
            Value::List(_) => None,
        }
    }

    fn int(&self, name: &str) -> Option<u8> {
        u8::try_from(self.value(name)?.int()).ok()
    }
}

/// What `make` makes of the vectors whose operation starts with `op`.
fn from(family: &str, op: &str, make: impl Fn(&Vector<'_>) -> Option<Vec<u8>>) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors").join(family);
    let file = fs::read_to_string(path.with_extension("txt")).unwrap();
    let vectors = text::blocks(&file).map(|block| Vector(text::attributes(block).collect()));
    let wanted = vectors.filter(|v| v.text("Op").is_some_and(|name| name.starts_with(op.as_bytes())));
    wanted.filter_map(|vector| make(&vector)).collect()
}

/// An answer with a cryptogram and no signature.
const CRYPTOGRAM: [u8; 24] = [
    0x77, 22, 0x9F, 0x27, 1, 0x80, 0x9F, 0x36, 2, 0, 1, 0x9F, 0x26, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x82, 0,
];

/// A length byte and the bytes.
fn short(bytes: &[u8]) -> Vec<u8> {
    let len = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    [&[len], &bytes[..usize::from(len)]].concat()
}

fn padded<const N: usize>(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.resize(N, 0);
    out
}

/// A PIN as length and twelve digits.
fn pin(text: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = text.iter().map(|c| c & 15).collect();
    [vec![u8::try_from(text.len()).unwrap_or(0)], padded::<12>(&digits)].concat()
}

/// A protection key as the key-block targets read it.
fn kbpk(version: u8, bytes: &[u8]) -> Vec<u8> {
    let len = u8::try_from(bytes.len() / 8).unwrap_or(2).saturating_sub(2);
    let kind = (len << 1) | u8::from(matches!(version, b'D' | b'E'));
    [vec![kind], padded::<32>(bytes)].concat()
}

/// What campaigns kept for a target: `corpora/<target>.txt`, one input a line in hexadecimal.
pub fn kept(target: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora").join(target);
    let text = fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
    text.lines().map(|line| Value::Bare(line.to_owned()).hex()).collect()
}

/// The folder in which libFuzzer keeps a target's inputs.
pub fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// Writes the seeds of every target, and what campaigns kept for it, to its folder.
pub fn write_all() -> std::io::Result<()> {
    for (target, _) in crate::TARGETS {
        let folder = corpus(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds(target).iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
        for (number, kept) in kept(target).iter().enumerate() {
            fs::write(folder.join(format!("kept-{number:03}")), kept)?;
        }
    }
    Ok(())
}

/// A card of `vectors/emv_oda_chain.txt`, as the C functions take it.
pub struct OdaCard {
    pub rid: Vec<u8>,
    pub index: u8,
    pub modulus: Vec<u8>,
    pub checksum: Vec<u8>,
    pub date: Vec<u8>,
    pub aip: Vec<u8>,
    pub un: Vec<u8>,
    pub records: Vec<u8>,
    pub sent: Vec<u8>,
    pub response: Vec<u8>,
}

/// The first card of a method: its number in the header.
pub fn oda_chain(method: u32) -> OdaCard {
    let op = ["oda_sda", "oda_dda", "oda_cda", "oda_fdda"][usize::try_from(method).unwrap() - 1];
    let found = std::cell::RefCell::new(None);
    from("emv_oda_chain", op, |v| {
        let joined = |name| match v.value(name) {
            Some(Value::List(parts)) => parts.iter().flat_map(Value::hex).collect(),
            Some(value) => value.hex(),
            None => Vec::new(),
        };
        let un = v.hex("Unpredictable_number").unwrap_or(vec![0; 4]);
        let card = OdaCard {
            rid: v.hex("Ca_rid")?,
            index: v.hex("Ca_index")?[0],
            modulus: v.hex("Ca_modulus")?,
            checksum: v.hex("Ca_checksum")?,
            date: v.hex("Date")?,
            aip: v.hex("Aip")?,
            un,
            records: v.hex("Records")?,
            sent: joined("Sent"),
            response: joined("Response"),
        };
        found.borrow_mut().get_or_insert(card);
        None
    });
    found.into_inner().unwrap()
}

/// Case lines of the tool's tests, one vector of each operation as a family, a group of Wycheproof, a file of vectors.
fn case_files() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let lines = fs::read_to_string(root.join("cli/tests/data/cases.jsonl")).unwrap();
    let mut seeds: Vec<Vec<u8>> = lines.lines().map(|line| line.as_bytes().to_vec()).collect();
    let mut done = std::collections::BTreeSet::new();
    for family in fs::read_dir(root.join("vectors")).unwrap() {
        let path = family.unwrap().path();
        if path.extension().is_none_or(|e| e != "txt") {
            continue;
        }
        let file = fs::read_to_string(&path).unwrap();
        let mut wrong = [Vec::new(), Vec::new(), Vec::new()];
        for block in text::blocks(&file) {
            let fields = text::attributes(block).map(|(name, token)| (name.to_lowercase(), json(token)));
            let fields: serde_json::Map<_, _> = fields.collect();
            if done.insert(fields["op"].to_string()) && block.len() < 1500 {
                seeds.push(block.as_bytes().to_vec());
                // As it is; and in one file for the family: with another last answer, with values of another kind, with none.
                let named = |name: &str| ["op", "id", "source"].contains(&name);
                let mut others = [fields.clone(), fields.clone(), fields.clone()];
                if let Some((name, value)) = others[0].iter_mut().next_back()
                    && !named(name)
                {
                    *value = "00".into();
                }
                for (name, value) in others[1].iter_mut().filter(|(name, _)| !named(name)) {
                    *value = serde_json::json!({ "not": name });
                }
                others[2].retain(|name, _| named(name));
                wrong.iter_mut().zip(others).for_each(|(all, one)| all.push(one));
                seeds.push(serde_json::json!({"vectors": [fields]}).to_string().into_bytes());
            }
        }
        seeds.extend(wrong.map(|all| serde_json::json!({ "vectors": all }).to_string().into_bytes()));
    }
    for (algorithm, test) in [
        (
            "AES-CMAC",
            r#""key":"00112233445566778899aabbccddeeff","msg":"","tag":"00""#,
        ),
        ("HMACSHA256", r#""key":"0011","msg":"01","tag":"00""#),
        ("HKDF-SHA-256", r#""ikm":"00","salt":"","info":"","size":16,"okm":"00""#),
        ("ECDSA", r#""msg":"","sig":"00""#),
        ("ECDH", r#""public":"04","private":"01","shared":"00""#),
    ] {
        for result in ["valid", "invalid"] {
            let group = format!(
                r#"{{"algorithm":"{algorithm}","testGroups":[{{"keySize":128,"tagSize":128,"curve":"secp256r1",
                "sha":"SHA-256","tests":[{{"tcId":1,"comment":"","flags":[],{test},"result":"{result}"}}]}}]}}"#
            );
            seeds.push(group.into_bytes());
        }
    }
    // What is not as it should be.
    let wrong = [
        r#"[1]"#,
        r#"{"id":1,"op":"kcv"}"#,
        r#"{"id":"1"}"#,
        r#"{"op":"kcv","in":{"key":1},"out":{}}"#,
        r#"{"op":"kcv","in":{},"out":{"kcv":"00","x":1}}"#,
        r#"{"op":"kcv","in":{},"out":{},"more":1}"#,
        r#"{"op":"no_such","in":{},"out":{}}"#,
        r#"{"op":"des_ecb","in":{"key":"0123456789ABCDEF","dir":1,"data":"0g"},"out":{"error":"refusal"}}"#,
        r#"{"vectors":[{"op":"kcv"},{"id":"1","op":"no_such"},{"id":"1","op":"kcv","in":{},"out":{}},{"id":"1","op":"kcv","in":1}]}"#,
        r#"{"vectors":1}"#,
        r#"{"testGroups":[{"tests":[{"tcId":1,"result":"acceptable"}]}]}"#,
        r#"{"algorithm":"ECDSA","testGroups":[{"type":"EcdsaP1363Verify","sha":"SHA-256","publicKey":{"curve":"secp256r1",
        "uncompressed":"04"},"tests":[{"tcId":1,"msg":"","sig":"","result":"other"}]}]}"#,
    ];
    seeds.extend(wrong.map(|text| text.as_bytes().to_vec()));
    seeds
}

fn json(token: text::Token<'_>) -> serde_json::Value {
    match (Value::parse(token), token.items()) {
        (_, Some(items)) => items.map(json).collect(),
        (Some(Value::Bare(word)), _) if word.len() < 4 && word.parse::<u16>().is_ok() => {
            word.parse::<u16>().unwrap().into()
        }
        (Some(Value::Bare(word)), _) if word == "true" || word == "false" => (word == "true").into(),
        (Some(Value::Bare(word) | Value::Text(word)), _) => word.into(),
        _ => serde_json::Value::Null,
    }
}

/// The seeds of a target.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = match target {
        "agreement" => ["host", "a", "0123456789abcdef0123456789abcdef"]
            .iter()
            .zip(0..)
            .map(|(host, n)| {
                [
                    vec![n, n, n, 70, n],
                    short(host.as_bytes()),
                    short(b"terminal"),
                    vec![n; 16],
                ]
                .concat()
            })
            .collect(),
        "atc_window" => vec![
            [vec![0; 10], vec![0, 5], vec![100, 10, 138, 5, 133, 191, 192, 6]].concat(),
            [vec![0, 3, 0, 0, 0, 0, 0, 0, 0, 9], vec![255, 255, 3, 1, 255, 255, 255]].concat(),
            [vec![0, 3, 0, 0, 0, 0, 0, 0, 0, 17], vec![0; 5]].concat(),
        ],
        "attributes" => from("tr31", "tr31_unwrap", |v| {
            v.text("Key_block")?.get(5..13).map(<[u8]>::to_vec)
        }),
        "bcd" => vec![
            b"12".to_vec(),
            vec![9, 9, 9, 9, 9, 9],
            vec![10],
            vec![0xAA],
            vec![0x12, 0x34, 0x5F, 0xFF],
            vec![0, 0, 0x99],
            vec![1, 2, 3],
        ],
        "track2_packed" => vec![
            b"1234567890123456=2512101123".to_vec(),
            [&[5], &[0x12, 0xD3, 0x40][..]].concat(),
        ],
        "card_value" => {
            let mut seeds = from("card_verification", "cvv", |v| {
                let head = [
                    v.hex("Cvk")?,
                    vec![0; 6],
                    short(&v.text("Cvv")?),
                    short(&v.text("Pan")?),
                ]
                .concat();
                let card = [short(&v.text("Expiry")?), short(&v.text("Service_code")?)].concat();
                Some([head, card, short(b"track")].concat())
            });
            seeds.extend(from("card_verification", "cvc3", |v| {
                let tap = [v.hex("Imk")?, v.hex("Un")?, v.hex("Atc")?].concat();
                let none = [short(b""), short(b""), short(b"")].concat();
                Some([tap, short(&v.text("Cvc3")?), none, short(&v.hex("Track_data")?)].concat())
            }));
            seeds
        }
        "case_files" => case_files(),
        "component" => components(),
        "dol" => {
            let list = [0x9F, 0x02, 6, 0x5A, 10, 0x95, 5, 0x9C, 1];
            let values = [short(&[0x12; 6]), short(&[0x41; 8]), short(&[0; 5]), short(&[1, 0])].concat();
            vec![short(&list), [short(&list), values].concat()]
        }
        "ec_signature" => from("ecdh_hkdf", "ecdsa_p256_verify", |v| {
            Some([v.hex("R")?, v.hex("S")?].concat())
        }),
        "script" => commands(),
        "sign_on" => [(0, 24), (1, 40), (2, 60), (1, 28)]
            .iter()
            .flat_map(|&(kind, len)| {
                let mut field: Vec<u8> = (1..=len).collect();
                field.resize(field.len().max(40), 0);
                field.truncate(usize::from(len).max(if kind == 0 { 24 } else { 40 }));
                [0, 1].map(|make| [vec![kind, make], (0x30..0x40).collect(), field.clone()].concat())
            })
            .collect(),
        "ec_point" => from("ecdh_hkdf", "p256_point_validate", |v| v.hex("Public"))
            .into_iter()
            .flat_map(|p| [[&[2 | (p[64] & 1)], &p[1..33]].concat(), p])
            .collect(),
        "emv_field55" => messages(),
        "generate_ac_response" => {
            let ac = [1, 2, 3, 4, 5, 6, 7, 8];
            let format1 = [&[0x80, 18, 0x80, 0, 0x1C], &ac[..], &[6, 1, 0x12, 3, 0xA0, 0xB8, 0]].concat();
            let head = [0x9F, 0x27, 1, 0x80, 0x9F, 0x36, 2, 0, 0x1C];
            let format2 = [&[0x77, 20], &head[..], &[0x9F, 0x26, 8], &ac].concat();
            let signed = [&[0x77, 16], &head[..], &[0x9F, 0x4B, 4, 9, 9, 9, 9]].concat();
            vec![format1, format2, signed]
        }
        "hex" => vec![
            b"0".to_vec(),
            b"0123456789ABCDEF".to_vec(),
            b"0g".to_vec(),
            vec![0xDE, 0xAD, 0xBE],
        ],
        "c_calls" => crate::c_calls::seeds(),
        "hsm" => sequences(),
        "keyblock_pair" => {
            let pair = |v: &Vector<'_>| {
                (v.text("Algorithm")? == b"E").then_some(())?;
                Some([vec![0], v.hex("Key")?].concat())
            };
            let mut seeds = from("tr31", "tr31_unwrap", pair);
            let mut short = seeds[0][..52].to_vec();
            short[2] = 49;
            seeds.push(short);
            seeds.push([vec![1], vec![0x5A; 32]].concat());
            seeds
        }
        "keyblock_parse" => {
            let mut seeds = from("tr31", "tr31_unwrap", |v| v.text("Key_block"));
            seeds.extend(optional_blocks());
            seeds
        }
        "keyblock_unwrap" => from("tr31", "tr31_unwrap", |v| {
            let block = v.text("Key_block")?;
            Some([kbpk(*block.first()?, &v.hex("Kbpk")?), block].concat())
        }),
        "keyblock_wrap" => wraps(),
        "ksn" => [
            ("dukpt_tdes", "dukpt_tdes_key"),
            ("dukpt_aes", "dukpt_aes_derivation_key"),
        ]
        .iter()
        .flat_map(|(family, op)| from(family, op, |v| v.hex("Ksn")))
        .collect(),
        "oda_card" => ["oda_sda", "oda_dda", "oda_fdda"]
            .iter()
            .flat_map(|op| {
                let mut seeds = from("emv_oda_chain", op, |v| {
                    let sent = v.hex("Sent").unwrap_or_default();
                    let response = v.hex("Response").unwrap_or_default();
                    Some([v.hex("Aip")?, short(&sent), short(&response), v.hex("Records")?].concat())
                });
                seeds.truncate(3);
                seeds
            })
            .collect(),
        "oda_signed" => [0, 0x3E, 0x1E, 0x2E, 1, 14, 15]
            .into_iter()
            .flat_map(|choice| [3, 4, 5].map(|format| vec![choice, format, 1, 3, 0x6A, format, 1, 3, 2, 0xAA, 0xBB]))
            // What a card signs over a transaction, and its number.
            .chain([0x3E, 0x1E].map(|choice| vec![choice, 5, 4, 0, 0, 0, 0, 0x6A]))
            // Answers to INTERNAL AUTHENTICATE.
            .chain(
                [
                    &[0x80, 3, 1, 2, 3][..],
                    &[0x77, 7, 0x9F, 0x4B, 4, 1, 2, 3, 4],
                    &[0x77, 2, 0x82, 0],
                ]
                .map(|answer| [&[0x3E, 5, 0][..], &[0x6A; 80], answer].concat()),
            )
            // A cryptogram that is not signed; another transaction's hash.
            .chain([
                [&[0x3E, 5, 0][..], &[0x6A; 80], &CRYPTOGRAM].concat(),
                vec![0xBE, 5, 4, 0, 0, 0, 0, 0x6A],
            ])
            // A list of the card's own, padding, what is signed already.
            .chain([0x10_u8, 0x20, 0x40].into_iter().flat_map(|more| {
                [[1, 7, 7, 7], [2, 7, 7, 7], [0x9F, 0x37, 4, 0x95], [0x9F, 0x37, 3, 0x95]]
                    .map(|value| [&[0x40, 0, more, 0][..], &value].concat())
            }))
            // Certificates, each field of each spoilt, to a value that it may have and to one that it may not.
            .chain((0..16_u8).flat_map(|spoilt| {
                (0..3_u8).flat_map(move |which| {
                    [[0, 10, 2, 0], [0x99, 0x99, 0x12, 0x34], [1, 0x0F, 0xFF, 0xFF]]
                        .map(|value| [&[0x40, spoilt & 1, spoilt, which][..], &value].concat())
                })
            }))
            .collect(),
        "pan" => from("pinblock", "pinblock_enc", |v| v.text("Pan")),
        "pin_block" => from("pinblock", "pinblock_encode", |v| {
            let head = [vec![v.int("Format")?], vec![0x5A; 16]].concat();
            Some(
                [
                    head,
                    pin(&v.text("Pin")?),
                    short(&v.text("Pan").unwrap_or_default()),
                    v.hex("Pinblock")?,
                ]
                .concat(),
            )
        }),
        "pin_clear" => from("pinblock", "pinblock_decode", |v| {
            Some([short(&v.text("Pan").unwrap_or_default()), v.hex("Pinblock")?].concat())
        }),
        "pin_offset" => from("card_verification", "ibm3624_offset", |v| {
            let data = v.hex("Validation_data")?;
            let digits = v.text("Pin")?;
            let len = u8::try_from(digits.len()).ok()?;
            let account: Vec<u8> = data.iter().flat_map(|b| [b >> 4, b & 15]).map(|n| n + b'0').collect();
            Some(
                [
                    vec![0x5A; 16],
                    vec![0, 16, 15, len, len],
                    pin(&digits),
                    short(&v.text("Decimalization_table")?),
                    short(&v.text("Offset")?),
                    short(&account),
                ]
                .concat(),
            )
        }),
        "flash" => vec![
            weak_flash(0, 3),
            weak_flash(4, 3),
            weak_flash(0, 1),
            weak_flash(4, 1),
            vec![0, 8, 0, b'P', b'H', b'S', b'J', 1, 2, 0, 0],
            vec![1],
            vec![1, 8, 40, 1],
            vec![1, 10, 80, 4, 0, 90, 128],
        ],
        "audit_records" => vec![(0..200).collect(), [vec![7; 16], vec![0; 3], vec![9; 100]].concat()],
        "backup" => vec![
            vec![0; 4],
            vec![1, 0, 0, 0],
            vec![1, 0, 30, 1],
            [vec![1, 0, 0, 0], vec![0; 40]].concat(),
            vec![1, 0, 7, 3],
        ],
        "slot_record" => vec![
            [
                b"\x01M6AC00N\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00".to_vec(),
                vec![0xFF; 8],
                vec![0; 4],
                vec![0xFF; 4],
                vec![7; 16],
            ]
            .concat(),
            [
                b"\x01M3TG12E\x00\x00\x81\x00\x11\x02\x00\x07\x00\x00\x04\x00\x00\x00\x00\x05".to_vec(),
                vec![0, 0, 0, 9, 0, 0, 0, 8],
                20_260_101_u32.to_be_bytes().to_vec(),
                20_261_231_u32.to_be_bytes().to_vec(),
                (1..17).collect(),
            ]
            .concat(),
            vec![1; 56],
        ]
        .into_iter()
        // What else the first one's key was used for, where it came from, what it may be derived to; and no key.
        .flat_map(|seed| {
            let mut others = vec![seed.clone()];
            if seed.starts_with(b"\x01M6") {
                let places = (0..25)
                    .map(|choice| (12, choice))
                    .chain([(9, 0x7F), (9, 0x81), (10, 0x83), (10, 0x84)]);
                others.extend(places.map(|(place, value)| {
                    let mut other = seed.clone();
                    other[place] = value;
                    other
                }));
                others.push(seed[..40].to_vec());
            }
            others
        })
        .collect(),
        "life_record" => vec![
            [vec![1], vec![0; 15]].concat(),
            [vec![1, 3, 0, 7, 0, 1, 0, 0], vec![0; 8]].concat(),
            [vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 6], vec![0; 6]].concat(),
            [vec![1, 4], vec![0; 14]].concat(),
            vec![1; 16],
            vec![1; 5],
            Vec::new(),
        ],
        "user_record" => vec![
            [vec![0, 1, 1, 0, 0, 0, 0, 0, 16], vec![0; 16], vec![7; 16], vec![0; 80]].concat(),
            [
                vec![4, 1, 5, 2, 3, 2, 6, 30, 32, 20],
                vec![0; 14],
                vec![9],
                vec![7; 32],
                vec![9; 20],
                vec![0; 44],
            ]
            .concat(),
            [
                vec![11, 1, 2, 1, 10, 0, 0, 0, 24],
                vec![0; 16],
                vec![7; 24],
                vec![0; 72],
            ]
            .concat(),
            [vec![0, 2, 1, 0, 0, 0, 0, 0, 16], vec![0; 112]].concat(),
            vec![3; 121],
        ],
        "record" => vec![
            [
                vec![7; 16],
                vec![0],
                short(b"first"),
                vec![0],
                short(b"second"),
                vec![1, 0],
                short(b"third"),
            ]
            .concat(),
            [
                vec![7; 16],
                vec![0],
                short(b"body"),
                vec![2, 0, 0, 21, 1, 0],
                short(b"again"),
            ]
            .concat(),
            [
                vec![7; 16],
                vec![3, 0],
                short(b"PHSR\x01\x02\x20\x0A"),
                vec![1, 3, 1],
                short(&[0x11; 60]),
            ]
            .concat(),
            // A storage that fails, also one that counts.
            weak_storage(7),
            weak_storage(0xFF),
        ],
        "dukpt_update" => vec![
            vec![1, 0, 0],
            vec![1, 0, 0, 140, 1],
            vec![1, 4, 1],
            [
                vec![2, 0, 0],
                b"B1AXN".to_vec(),
                short(&[0x31; 16]),
                b"IK1234567890123457".to_vec(),
            ]
            .concat(),
            [
                vec![0, 0, 0],
                b"D0144B1AX00N0200IK141234567890123457PB0C00000000".to_vec(),
            ]
            .concat(),
        ],
        "replay_window" => vec![
            [vec![0; 28], vec![0, 0, 1, 1, 3, 130, 129]].concat(),
            [vec![0; 28], vec![64, 1, 255, 0, 0, 3, 0xFE, 1, 1, 1, 1, 135, 2]].concat(),
            [
                vec![1, 2, 3, 0, 7, 7, 7, 7, 7, 7, 7, 7],
                vec![0; 4],
                vec![0, 0, 0, 9],
                vec![0; 7],
                vec![5],
            ]
            .concat(),
        ],
        "snapshot" => (0..4)
            .map(|n| [vec![n * 5], vec![0, n, n, 1, n, 0], vec![n + 1; 24]].concat())
            .collect(),
        "tlv" => [("emv_tlv", "Data"), ("emv_tlv", "Tlv"), ("emv_tlv", "Encoded")]
            .iter()
            .flat_map(|(family, field)| from(family, "", |v| v.hex(field)))
            .collect(),
        "track2" => vec![
            vec![
                0x41, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0xD3, 0x11, 0x22, 0x01, 0x12, 0x3F,
            ],
            vec![0x41, 0x11, 0x11, 0x11, 0x11, 0x11, 0x1F],
            vec![6, 1, 0x12, 3, 0xA0, 0xB8, 0],
            vec![0x10; 18],
        ],
        _ => Vec::new(),
    };
    seeds.sort();
    seeds.dedup();
    seeds
}

/// Messages of a card of every profile, as the target reads them.
fn messages() -> Vec<Vec<u8>> {
    let iads: [&[u8]; 9] = [
        &[6, 1, 0x0A, 3, 0, 0, 0],
        &[6, 1, 0x12, 3, 0, 0, 0],
        &[6, 1, 0x22, 3, 0, 0, 0],
        &[1; 18],
        &[1; 26],
        &[1; 18],
        &[1; 28],
        &[6, 1, 0x85, 1, 2, 3, 4],
        &[7, 1, 1, 3, 0xA0, 0, 0, 1],
    ];
    let numbers = [
        0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8, 0x40, 0, 0, 0, 0, 0, 8, 0x40, 0x18, 0x12, 0x31, 0,
    ];
    // Those of 32 bytes, of every profile.
    let ccd = |cci| [&[0x0F, cci, 7][..], &[0; 5], &[1; 8], &[0x0F], &[0; 15]].concat();
    let wide: Vec<Vec<u8>> = [0x22, 0x42, 0x43, 0x10, 0x12]
        .into_iter()
        .flat_map(|cvn| {
            [
                [&[0x1F, cvn, 7][..], &[0; 29]].concat(),
                ccd(cvn),
                ccd(cvn | 0x80 | 0x20),
            ]
        })
        .collect();
    let mut out = Vec::new();
    for (iad, choice) in iads.into_iter().chain([&[1; 18][..], &[1; 28][..]]).zip(0..) {
        // Places of a version number vary with the layout: try them all.
        let mut variants = vec![iad.to_vec()];
        for cvn in [0x10, 0x11, 0x14, 0x15] {
            let mut variant = iad.to_vec();
            variant[1] = cvn;
            variants.push(variant);
        }
        for iad in variants.into_iter().chain(wide.clone()) {
            let head = [choice, 1, 1, 40, 1];
            let fixed = [
                vec![0x23; 16],
                numbers.to_vec(),
                vec![0xAB, 0xCD, 0xEF, 0x10, 0x18, 0, 0, 7, 0x30, 0x30, 9, 9],
            ];
            out.push([head.to_vec(), fixed.concat(), short(b"4111111111111111"), short(&iad)].concat());
        }
    }
    out
}

/// Blocks with one optional block of every form, and padding: for the parser, so nobody has authenticated them.
fn optional_blocks() -> Vec<Vec<u8>> {
    let long = "A".repeat(300);
    let data = [
        ("TS", "2020-08-18T22:31:42Z"),
        ("TC", "20200818223142Z"),
        ("TS", "20200818223142.25Z"),
        ("TC", "2020-08-18T22:31:42.123456Z"),
        ("TS", "2020-08-18 22:31:42Z"),
        ("TS", "2020081822314Z"),
        ("KV", "1234"),
        ("KP", "0112345"),
        ("KC", "0012345"),
        ("BI", "011234567890"),
        ("BI", "001234567890"),
        ("AL", "0101"),
        ("WP", "0001"),
        ("DA", "01P0AE00E"),
        ("HM", "0121"),
        ("CT", "00QUJD"),
        ("CT", "02000500QUJD000501QUJD"),
        ("CT", "01QUJDRA=="),
        ("IK", "1234567890123456"),
        ("KS", "FFFF9876543210E00000"),
        ("LB", "A label"),
        ("PK", "01ABCDEF"),
        ("ZZ", "whatever"),
        ("LB", long.as_str()),
        ("CT", long.as_str()),
    ];
    let mut out = Vec::new();
    for (id, value) in data {
        let block = if value.len() + 4 > 0xFF {
            format!("{id}0004{:04X}{value}", value.len() + 10)
        } else {
            format!("{id}{:02X}{value}", value.len() + 4)
        };
        let pad = (32 - (block.len() + 4) % 16) % 16;
        let padding = format!("PB{:02X}{}", pad + 4, "0".repeat(pad));
        let optional = format!("{block}{padding}");
        let behind = "0123456789ABCDEF".repeat(6);
        let len = 16 + optional.len() + behind.len();
        out.push(format!("D{len:04}B1AX00E0200{optional}{behind}").into_bytes());
        // Alone, and in a block that says there are three.
        out.push(format!("D{len:04}B1AX00E0100{optional}{behind}").into_bytes());
        out.push(format!("B{len:04}P0TE00N0300{optional}{behind}").into_bytes());
    }
    out
}

/// Commands of every profile, the first of its script and the second; behind them data of a card's, and of nobody.
fn commands() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for choice in 0..11 {
        for which in 0..5 {
            for index in [0, 1] {
                let head = vec![choice, which, index, 9 * which, 1];
                let keys: Vec<u8> = (0..48).map(|i| i * 5 + choice).collect();
                let request = vec![0, 7, 1, 2, 3, 4, 5, 6, 7, 8];
                let raw = [0x84, 0x24, 0, 2, 16].into_iter().chain(0..16);
                let text = [vec![0x84, 0x24, 0, 1, 24], vec![which; 24], vec![0x5A; 32]];
                let behind = [raw.collect(), text[usize::from(index)].clone(), text[2].clone()];
                let pins = [pin(b"1234"), pin(b"567890")].concat();
                out.push([head, keys, request, pins, behind[usize::from(which % 3)].clone()].concat());
            }
        }
    }
    out
}

/// Records saved and removed while each operation of the storage fails once.
fn weak_storage(key: u8) -> Vec<u8> {
    let mut seed = vec![key; 16];
    for n in 0..16 {
        seed.extend([[4, n].to_vec(), short(&[n; 20])].concat());
        seed.extend([5, n]);
        seed.extend([4, 200, 1, n]);
    }
    seed
}

/// Records saved and removed on a flash that fails in the `step`-th operation, and the next time in the one behind it.
fn weak_flash(flags: u8, step: u8) -> Vec<u8> {
    let mut seed = vec![3 | flags];
    for n in 0..60 {
        let call = if n % step == 0 { 1 } else { 0 } | if n % 7 == 6 { 4 } else { 0 };
        seed.push(call);
        if call & 1 == 1 {
            seed.push(n);
        }
        seed.extend(short(&vec![n; usize::from(n % 40) + 8]));
    }
    seed
}

/// Ceremonies that succeed: open, two or three parts, finish.
fn components() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for (choice, finish) in [(0x04, 3), (0x14, 3), (0x06, 3), (0x05, 7), (0x09, 7)] {
        for count in [2_u8, 3] {
            let len = (choice >> 1 & 7) * 8;
            let mut seed = vec![0, choice, count];
            for n in 0..count {
                seed.extend([1, n]);
                let part: Vec<u8> = (0..len)
                    .map(|i| i.wrapping_mul(37) ^ n.wrapping_mul(91) ^ 0x5A)
                    .collect();
                seed.extend(short(&part));
            }
            // And with check values that nothing has, or that every part must have.
            for (first, flags) in [(1, 0x20), (1, 0x60), (5, 0), (13, 0), (1, 0x80)] {
                let mut other = seed.clone();
                other[1] |= flags;
                other[3] = first;
                let check = [7; 5];
                let len = match (flags, first) {
                    (0x20, _) | (0, 5) => 5,
                    (0x60, _) | (0, 13) => 3,
                    _ => 0,
                };
                let place = if flags == 0 { 5 } else { 3 };
                other.splice(place..place, check[..len].iter().copied());
                other.push(finish);
                out.push(other);
            }
            seed.push(finish);
            out.push(seed);
        }
    }
    out
}

/// Templates of every version and hiding.
fn wraps() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for version in 0..5 {
        for hiding in 0..3 {
            let letter = b'A' + version;
            // Algorithm and usage by their place in the lists: whatever stands there.
            for algorithm in 0..9 {
                let head = vec![hiding, version, algorithm, hiding, 128, 7];
                let attributes = vec![algorithm * 5, version, hiding, b'0', b'0'];
                let optional = [
                    vec![2],
                    b"LB".to_vec(),
                    short(b"label"),
                    b"KS".to_vec(),
                    short(&[b'A'; 20]),
                ]
                .concat();
                out.push(
                    [
                        head,
                        kbpk(letter, &[0x3B; 16]),
                        attributes,
                        short(&[0x1D; 16]),
                        optional,
                    ]
                    .concat(),
                );
            }
        }
    }
    // With a block whose length takes the long form.
    let long = [vec![1], b"LB".to_vec(), short(&[b'A'; 255])].concat();
    let behind = b"LB".len() + 1;
    for seed in out.clone().into_iter().filter(|seed| seed[1] == 3) {
        let end = seed.len() - (1 + 2 + behind + 5 + 2 + 21) + 2;
        out.push([&seed[..end], &long].concat());
    }
    out
}

/// Commands that belong together: a group loaded, used, lost and found again; PINs, MACs, data, blocks.
fn sequences() -> Vec<Vec<u8>> {
    // The start keys are handles 0 to 9; what comes in later is counted on.
    let head = vec![0, 1];
    let load = |scheme: u8| vec![8, 1 + scheme, 0, scheme, 9, 0, 0];
    let group = |scheme: u8| {
        let format = if scheme == 0 { 0 } else { 4 };
        let transaction = vec![
            10,
            10,
            14,
            11,
            format,
            17,
            11,
            1 - scheme,
            8,
            3,
            1,
            2,
            3,
            21,
            11,
            scheme,
        ];
        [transaction, short(&[9; 16]), vec![12, 11]].concat()
    };
    let mut out = Vec::new();
    for scheme in [0, 1] {
        let again = vec![0xFF, 10, 10, 10, 10];
        out.push([head.clone(), load(scheme), group(scheme), again.clone(), again].concat());
        let failing = vec![23, 2 | 3 << 2, 10, 10, 10, 10, 0xFF, 10, 10];
        out.push([head.clone(), load(scheme), failing].concat());
        out.push(
            [
                head.clone(),
                load(scheme),
                vec![10, 10, 11, 10],
                load(scheme),
                vec![10, 12],
            ]
            .concat(),
        );
        // The host's side of the terminal's PIN block.
        let translate = vec![
            13,
            1 + scheme,
            2 | scheme,
            15,
            12,
            3,
            if scheme == 0 { 0 } else { 4 },
            0,
            1,
        ];
        out.push([head.clone(), load(scheme), group(scheme), translate].concat());
    }
    // One initial key in two groups, at once or one after the other, and over a loss of power.
    let both = [load(0), vec![8, 2, 0, 1, 9, 0, 1, 10, 10, 10, 11, 10, 10, 10, 11]].concat();
    let twice = [load(0), vec![9, 0, 0, 10, 10, 10, 11, 10, 10]].concat();
    let swapped = vec![11, 10, 11, 11, 9, 0, 1, 9, 0, 0, 10, 16, 10, 17];
    let later = vec![0xFF, 11, 10, 11, 11, 9, 0, 1, 9, 0, 0, 10, 12, 10, 13];
    out.push([head.clone(), twice].concat());
    out.push([head.clone(), both.clone(), swapped].concat());
    out.push([head.clone(), both, later].concat());
    let export = vec![1, 0, 5, 1, 0, 7, 0, 5, 2, 0, 0, 0];
    out.push([head.clone(), export].concat());
    let ceremony = vec![4, 7, 16, 2, 0, 5, 1];
    out.push(
        [
            head.clone(),
            ceremony,
            short(&[0x3C; 16]),
            vec![0, 5, 2],
            short(&[0x5D; 16]),
            vec![0, 6],
        ]
        .concat(),
    );
    let streams = vec![18, 5, 0, 19, 3, 1, 2, 3, 20, 0, 18, 6, 3, 20, 1, 2, 9, 9, 30, 0xA5];
    out.push([head.clone(), streams].concat());
    // Data in every mode, from every key to every other.
    for choice in (0..16).map(|n| 4 * n) {
        let data: Vec<u8> = (0..10)
            .flat_map(|from| [vec![29, from, 9 - from, choice & 12 | choice >> 4], short(&[0x35; 16])].concat())
            .collect();
        out.push([head.clone(), data].concat());
    }
    out
}
