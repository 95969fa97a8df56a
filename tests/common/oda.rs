// SPDX-License-Identifier: MIT OR Apache-2.0
//! The side of offline data authentication that this library does not have: an authority, an issuer and a card that
//! sign. For tests; the keys are published here.
//!
//! The primes of `NAME` are the first above SHA-256 of "payhsm oda NAME p " and "payhsm oda NAME q " (a counter byte
//! behind, digests one behind the other) with the two highest bits and the lowest bit set, that fit the exponent.

#![allow(dead_code, reason = "each test file uses its own part of this module")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, Uint};
use payhsm::emv::oda::{CaKey, Record};

/// 1984 bits.
const LIMBS: usize = 1984 / usize::BITS as usize;

type Number = Uint<LIMBS>;

/// What was signed: modulus and data.
type Message = (&'static str, Vec<u8>);

/// A key pair.
#[derive(Clone, Copy, Debug)]
pub struct Rsa {
    modulus: &'static str,
    private: &'static str,
    pub exponent: &'static [u8],
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digit = |c: u8| u8::try_from(char::from(c).to_digit(16).unwrap()).unwrap();
    text.as_bytes()
        .chunks(2)
        .map(|c| digit(c[0]) << 4 | digit(c[1]))
        .collect()
}

fn number(bytes: &[u8]) -> Number {
    let mut wide = [0; 1984 / 8];
    wide[1984 / 8 - bytes.len()..].copy_from_slice(bytes);
    Number::from_be_slice(&wide)
}

impl Rsa {
    pub fn modulus(&self) -> Vec<u8> {
        unhex(self.modulus)
    }

    pub fn len(&self) -> usize {
        self.modulus.len() / 2
    }

    /// The private operation, remembered. Cards share most of their certificates: each is signed once.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        static DONE: Mutex<BTreeMap<Message, Vec<u8>>> = Mutex::new(BTreeMap::new());
        let at = (self.modulus, message.to_vec());
        if let Some(done) = DONE.lock().unwrap().get(&at) {
            return done.clone();
        }
        let signature = self.sign_anew(message);
        DONE.lock().unwrap().insert(at, signature.clone());
        signature
    }

    /// The private operation.
    pub fn sign_anew(&self, message: &[u8]) -> Vec<u8> {
        power(&self.modulus(), message, &unhex(self.private))
    }
}

/// `base`^`exponent` modulo `modulus`, by the big-integer crate.
pub fn power(modulus: &[u8], base: &[u8], exponent: &[u8]) -> Vec<u8> {
    let params = FixedMontyParams::new(Odd::new(number(modulus)).unwrap());
    let bits = u32::try_from(exponent.len() * 8).unwrap();
    let power = FixedMontyForm::new(&number(base), &params)
        .pow_bounded_exp(&number(exponent), bits)
        .retrieve();
    let bytes = power.to_be_bytes();
    let bytes: &[u8] = bytes.as_ref();
    bytes[bytes.len() - modulus.len()..].to_vec()
}

/// SHA-1, by the one function of the library that takes any bytes.
pub fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let all = parts.concat();
    let (rid, rest) = all.split_first_chunk().unwrap();
    CaKey::checksum(*rid, rest[0], &rest[1..], &[])
}

/// 1152 bits.
pub const CA: Rsa = Rsa {
    modulus: "CF83BD8B131D2D6F2219F8FC1E3954FB1D1FBAFDB7DCB7597D6BCBB29CE57EE7792DC0C30E3467141CBB98FD8709BD508E6641B43BF3CB20B6363AAA10AA2F688651BE06B03DF6A548C448CB1F3782941A595BBE72261E9715A63896B4FC13F508E145C645597AC4157AEE9DC2C8B8A25C41848A3FBABE28F8ACFE553E811528A579F4FB522A2A926A9980268BB32EEF",
    private: "2295F4EC832F879285AEFED4AFB438D484DA9F2A494F73E43F91F7486F7B952694324ACB2D08BBD8AF74997F96819F8D6D110AF35F534C8573B3B471AD71B2916BB84A5672B4FE7094A091CE3F0E9A9064A913F070FEF3A0F2EDD66A0C7D91CD0BC28923DF813F796226FC9A16579F6E7D356064558FD1B2AA988D0FA60F660440E4F5E80B87A09F5A95259DF01A6DA3",
    exponent: &[3],
};

/// 1408 bits.
pub const CA_WIDE: Rsa = Rsa {
    modulus: "915F96A14EDD80838118C2E527F76FE5DABC070728914EF2C19665F4FFB0A0657E60FC4CFB6A69F8C5A2DAF4652E2403B64ADEA54D6181539DD3BB0A56342ADD1B9643F5F79DE1DB35248C919B8F384B61C022FC501A445F16B982570D71A3939ADFDFE00EE2B813D529CD08470B783B7C9CA96B4510F17ED36A9B0F4ED87B5F06640CAE9A1722D2643234C1ACA6C6C01E46EDAD2B831F399BFF79FF38488EE73F5D52783A7030AD16DE4632ECADC2DF",
    private: "183A991AE27A4015EAD975D0DBFE92A64F1F5681316D8D28759910FE2A9D7010EA657F6229E711A97645CF28BB87B0AB490C7A70E23AEAE344F89F2C63B35C7A2F43B5FE53EFA5A488DB6CC2EF428961E5A005D4B80460BA437B87659F991B36EC8B20899081712994D7EA1D1274E232D49BCC8A35957495D6EA8294D7CD0AA42B0A7F993EEE5C8AFAFC3BF288D358A767A841997D8BA93E9E60F8B53D4B368D909822C98A19AF843C83B9FBE2DE8303",
    exponent: &[3],
};

/// 1984 bits.
pub const CA_LONG: Rsa = Rsa {
    modulus: "B64B4FD8C2200AAFFEC7AE4F46BD51097D14B44934FD3B6517E50E5DECBA60BB333FA760375F53464C353A19394F432E84AA3A9C1BDE9AD16E90D0452AA301173775A9468AE002E93EC58AE17CA10A248F9C2980BFD79988BFDAB1F27726AAFA4ED6728C0592066E0C6F5FA39F11662A00C0E25813528C4F749A7140A7E42E419A73B524BB24CCEB62CE75E55072A413D8C3C564043CA0F0AEEBBB1C3B75DFAEFB61CF7B3360488347206E92976114D78C835B1AB247239F802DCFD212DD54E6E254CB48453CA663CB23C186E95CC233BE75D36B94B2F4B5B88A7307FF0B428BFC4FF8A1FA1B5B9C26E85A51E566BC30D7FF6ADA585BA6F7",
    private: "0E243181832DB1268E01378876D860DCF7930F994E3F06C884DE040B4D3DF81B0D92B68D443E64DB63360DD7BF166303CCCED7D51C645C663AC9891E947C28AD8063E449D0A42815A804F30D22F9EB2B82E87E5FBA82232AF497268EC4A77F4403B1A7192DA572523F2CB4A2A0C85CC08D666928A3F71763628C4894B5C74A2CF32D9972C9F3A6F6CB2132E306B31FF2DD02CE2FECF82ACB52147C1663D1A6C64BCDB5721AF748FED1F5B804865AC3CE38E844B8DFC836A6BCB1D389FDE78C86BC52B53E77A6DC49D5AB27D55392AAB413253DAFAB1999526CEEC25EA6884F05A720CFC56C301FF10300ECCFD8BCD819A64B854202E0F5A1",
    exponent: &[1, 0, 1],
};

/// 1024 bits.
pub const ISSUER: Rsa = Rsa {
    modulus: "B93C57CC8D7051D618A4B28EF59F379D05E858DFF219E68EF008889B4A39BEB2D1EE51C3A730DE25E2320E0E898522275E0AE7320A2D75D3DB4CFAEDBACD6F3B310CE659B6BB43D0442E9F0C479442DDD0E1B6BEA516A9C03A3F80460D590E808AE393AD2F215AF3059AB8FEBADFBAB909D68AE70734AA139D5AA55D52DF3755",
    private: "1EDF63F76CE80DA3AEC61DC27E4533EF80FC0ECFFDAEFBC27D56C16F37099FC8785262F5F132CFB0FB0857AD16EB85B13A572688570793A34F377F279F223D343F5AC44C5202E4DEF1C33546F61287F08C7B933D95E22A10D5298CB7D6BA3B809A9BD90C4E6911CD4AE4309945A71F4800F0EC42F13D91F4C6DC1C88287A436B",
    exponent: &[3],
};

/// 1984 bits.
pub const ISSUER_LONG: Rsa = Rsa {
    modulus: "A3C99C94CA79B71B344F83A0183F00C1F48226FE9C3461BAF929F2CF1B3555229CD793C9B6779C0C89EFE11F24B5DA308BC84685F0D03D7E9F9FC75AB84F6B54D3EA483005E06C4A749D44BE1C19495743DC65AB1E6ADE1D242DA5C5B2CA6C18BD42D021EF55B9940B374B4408E0C751C8CF6D03BC583661FA9C6647128E5B28F78A2693FFF21414587ACB4BE742C7A611259FB193DD5442001042B0814913EB9F11700D1816396CADE3AD77F3242D16754F63203B864D5CC89BF096FEC79386E33255A9590A3E729A2D822BC5E8002E7B9697C2D6239000A73F801920EDFE9EA1946A7949976336F653B9FF0A122BEFDBAB61F1D19C4421",
    private: "0B125B0D807DBCD5251D463D0C168A33124265676B0B6C1B2B07B267074EFCCBCE5ABB9DF441DEA071B1EFAA5EC814E698DF0CCC0B6CD03E09DAA501156F779BC58828A167C1A0206259FFE672AE24E93612FA79184BCA15A1E1F2104CAC914FBF7A24E953AD46FD0D2060EBF4465998463650B20D73D06D4C21C6BF65CB9A260C556D215D04A5AC92FCC1E0FE2A9E57E1A9D50E689D06BD22FB3A67A3812F9E315059F344D64676B04559E31439C6F6CF0B239AF2203EF1E0EB211472CF7325B2270784FD6D4859FD4499B2A7905FB4B796E8F662FE67962EA8C1134E1DDA4CFE11D48CCB169E56B38A3AD8D58D8EFC5BF4651EA46CA147",
    exponent: &[1, 0, 1],
};

/// 896 bits.
pub const ICC: Rsa = Rsa {
    modulus: "A800DB5925B3527AD4E91E9C87CC5DAB11E5B95E6532DF0FCB21E42FDF25ADE12F010B8D1B9C02BD5109F851C5EC9BDE4EEB2FC8E64F31EB3F969FAF856813165E0054D3AC3A98A1C9C6B9C8CCFD3C395F9BA7ECFD007CAC200F7E018B26D4DF9E332AD7E9CB71163412471CDC79D005",
    private: "1C00248EDB9DE31478D1851A16A20F9C82FB9EE510DDCFD7F73050B2A530F25032802C97849A0074E2D6FEB84BA76F4FB7D1DD4C266288519AB3193966A7BECCE841AACF61A465E7906AFC24FEF0EFCF0EBC05FEF7E69B4BD6B720EC78BDF5F6A62F6A8A5CA68A0B7F9EBAEC290C336B",
    exponent: &[3],
};

/// 640 bits.
pub const ICC_SHORT: Rsa = Rsa {
    modulus: "D009130E0800C662A9709CA8E6D95BE5E71B6F03CCF687BCC2C2AC6F8C7AD8927F43593332C4353B506F8CAD7E2D63C88A647E46D5E7A6F4D4AFB8B3D30A111E81A05581E47345ECE8F410F7FF10385D",
    private: "22AC2DD7AC0021107192C4C6D12439FBA6849280A229169F75CB1CBD4214796DBFE08EDDDDCB5E34401C9848F021125EE0B878C26FFE13781384F1DC3EA7127440B8BE1B3DB31E3C400E79AB4F069D5B",
    exponent: &[3],
};

/// 1984 bits.
pub const ICC_LONG: Rsa = Rsa {
    modulus: "CC27081E561F52C246DFD8EC087027481B37EB637F4F1156D4215547D2BF0760E9CDD83A3601BF0345BB0D9E2E72A7F60CA77463DBA075E5403B262086D3692EBDE175B9F0006725CD44C3FD72BE0704F591A4E6B3D9727A583F152CF4E4D7CABC94917D923C5E8D13395529D1B89FE68E83BB26D6F59B58C0572CECAC76CB413732550CC6CD2565854B9867E2A16518BED8E792D72ED520B6705076E8F7B4A5557D110D135077090F43756971E00BA5E0C41F9515D512D8A9AD5E60932F53276C6BC43EACFFA009009CD9F64592732A1E949F43AC44EE19DB023A7BD914B08D4A184FBA2369DD4C7FA212B6CDC5CE78A6446F01D5319513",
    private: "1C0DA504F3800711A146F34FAE9D2818B57CCAAB77D162A83ED57C7036852A3B66B01D9814D71FEB6587F3081B33DAE169BDBD0B0276C5F1EF109C5DA333FBE3D61331928FBDF919430AC1AFDB364250012561613E5CE6BE947A7400CDD4D5D3B5C99345E11ECB3E06E292FC55D05150BA4C09C9FD874485E945A6C0CEB7EED413B9B8FA5F63E5FAB7FF9A362C02C07371459EE52C8D93A90E34780EBEFB7FED4A90CF74C765AB22DC97D494F72D0643EE5D11823EBAC4B99BCAE7812182F8074B9439A07B83B618519B647FCCCDC6EFDC6ED719B1BEC3BE38DE5ABD94E4A5D295FB2CAD97A0A252E552CB90C1B933ACAE800F598AB34081",
    exponent: &[1, 0, 1],
};

/// 768 bits.
pub const PIN: Rsa = Rsa {
    modulus: "BA83F4427B32B066CEBB6F2D000D39608074EBC2AC1A49BE7F6C18F50378D968714FFBB83F1DFE6D168EABAB58BD8FC7145FDC062FA23025207C914804C643577B9A43D227828AD648D7D2A0D5BD8C6C40B0502AE6341691584FD2588B1EF779",
    private: "07C57F82C5221CAEF347CF4C8AAB37B95AAF89D2C72BC3129AA4810A357A5E645A0DFFD257F695448B9B472723B290A83941FA734EC4ED9C676137153A6A2772E463F11D16DA088A07BE6CA2BE91FAE96760EB914795A18EA2387AA4ED094DAB",
    exponent: &[3],
};

/// What is signed, with every field at hand to be spoilt.
#[derive(Clone, Debug)]
pub struct Signed {
    pub header: u8,
    pub format: u8,
    /// Behind the format number.
    pub fields: Vec<u8>,
    pub pad: u8,
    /// Whether the hash is another one.
    pub spoil_hash: bool,
    pub trailer: u8,
}

impl Signed {
    pub fn new(format: u8, fields: Vec<u8>) -> Self {
        Self {
            header: 0x6A,
            format,
            fields,
            pad: 0xBB,
            spoil_hash: false,
            trailer: 0xBC,
        }
    }

    /// Pads to the length of the key, hashes with `rest`, and signs.
    pub fn sign(&self, key: &Rsa, rest: &[&[u8]]) -> Vec<u8> {
        let mut signed = vec![self.format];
        signed.extend(&self.fields);
        assert!(signed.len() <= key.len() - 22);
        signed.resize(key.len() - 22, self.pad);
        let mut hash = sha1(&[&[&signed[..]], rest].concat());
        if self.spoil_hash {
            hash[19] ^= 1;
        }
        key.sign(&[&[self.header][..], &signed, &hash, &[self.trailer]].concat())
    }
}

/// A certificate of a public key in the making.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Format, subject, expiry, serial and both algorithms.
    pub signed: Signed,
    pub subject: Vec<u8>,
    pub expiry: [u8; 2],
    pub serial: [u8; 3],
    pub hash_algorithm: u8,
    pub key_algorithm: u8,
    pub modulus: Vec<u8>,
    pub key_len: u8,
    pub exponent: Vec<u8>,
    pub exponent_len: u8,
    /// Bytes that the remainder has more (any value) than the key needs, or fewer.
    pub remainder_more: isize,
}

impl Certificate {
    pub fn new(format: u8, subject: &[u8], key: &Rsa) -> Self {
        Self {
            signed: Signed::new(format, Vec::new()),
            subject: subject.to_vec(),
            expiry: [0x12, 0x30],
            serial: [0x00, 0x0A, 0x01],
            hash_algorithm: 1,
            key_algorithm: 1,
            modulus: key.modulus(),
            key_len: u8::try_from(key.len()).unwrap(),
            exponent: key.exponent.to_vec(),
            exponent_len: u8::try_from(key.exponent.len()).unwrap(),
            remainder_more: 0,
        }
    }

    /// The certificate and the remainder.
    pub fn sign(&self, signer: &Rsa, static_data: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut signed = self.signed.clone();
        signed.fields = [&self.subject[..], &self.expiry, &self.serial].concat();
        signed
            .fields
            .extend([self.hash_algorithm, self.key_algorithm, self.key_len, self.exponent_len]);
        let room = signer.len() - 22 - 1 - signed.fields.len();
        let inside = self.modulus.len().min(room);
        signed.fields.extend(&self.modulus[..inside]);
        let mut remainder = self.modulus[inside..].to_vec();
        let len = remainder.len().checked_add_signed(self.remainder_more).unwrap();
        remainder.resize(len, 0x77);
        let certificate = signed.sign(signer, &[&remainder, &self.exponent, static_data]);
        (certificate, remainder)
    }
}

/// An element with its tag and length.
pub fn element(tag: u32, value: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = tag.to_be_bytes().into_iter().skip_while(|&byte| byte == 0).collect();
    match u8::try_from(value.len()).unwrap() {
        len @ 0..=0x7F => out.push(len),
        len => out.extend([0x81, len]),
    }
    out.extend(value);
    out
}

/// A template.
pub fn template(tag: u8, elements: &[Vec<u8>]) -> Vec<u8> {
    let content = elements.concat();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(len @ 0..=0x7F) => out.push(len),
        Ok(len) => out.extend([0x81, len]),
        Err(_) => {
            out.push(0x82);
            out.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        }
    }
    out.extend(content);
    out
}

/// Records as the library takes them.
pub fn records(all: &[(u8, bool, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (sfi, authenticated, data) in all {
        let mut one = vec![0; data.len() + 3];
        let record = Record {
            sfi: *sfi,
            authenticated: *authenticated,
            data,
        };
        assert_eq!(record.write(&mut one), Ok(one.len()));
        out.extend(one);
    }
    out
}

pub const RID: [u8; 5] = [0xA0, 0x00, 0x00, 0x99, 0x99];
pub const INDEX: u8 = 0xF5;
/// 16 digits.
pub const PAN: [u8; 8] = [0x99, 0x99, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12];
/// CDA, DDA and SDA.
pub const AIP: [u8; 2] = [0x61, 0x00];

/// A card with its certificates, in the making. Every part can be spoilt before it is signed.
#[derive(Clone, Debug)]
pub struct Card {
    pub ca: Rsa,
    pub issuer: Rsa,
    pub icc: Rsa,
    pub issuer_certificate: Certificate,
    pub icc_certificate: Certificate,
    pub pin_certificate: Option<Certificate>,
    /// SSAD: the DAC.
    pub static_signature: Signed,
    /// Records 1 and 2 of file 2, and record 1 of file 12: what is signed of the card.
    pub static_records: Vec<(u8, bool, Vec<u8>)>,
    pub tag_list: Option<Vec<u8>>,
    pub aip: [u8; 2],
    /// More elements in records that are not signed.
    pub more: Vec<Vec<u8>>,
}

impl Card {
    pub fn new(ca: Rsa, issuer: Rsa, icc: Rsa) -> Self {
        let mut field = PAN.to_vec();
        field.resize(10, 0xFF);
        Self {
            ca,
            issuer,
            icc,
            issuer_certificate: Certificate::new(0x02, &[0x99, 0x99, 0x12, 0xFF], &issuer),
            icc_certificate: Certificate::new(0x04, &field, &icc),
            pin_certificate: None,
            static_signature: Signed::new(0x03, vec![0x01, 0xDA, 0xC5]),
            static_records: vec![
                (
                    2,
                    true,
                    template(
                        0x70,
                        &[
                            element(0x5A, &PAN),
                            element(0x5F34, &[0x01]),
                            element(0x5F24, &[0x30, 0x12, 0x31]),
                        ],
                    ),
                ),
                (
                    2,
                    true,
                    template(0x70, &[element(0x5F28, &[0x09, 0x99]), element(0x9F07, &[0xFF, 0x00])]),
                ),
                (12, true, template(0x70, &[element(0x9F42, &[0x09, 0x99])])),
            ],
            tag_list: Some(vec![0x82]),
            aip: AIP,
            more: Vec::new(),
        }
    }

    pub fn with_pin_key(mut self, key: &Rsa) -> Self {
        self.pin_certificate = Some(Certificate::new(0x04, &self.icc_certificate.subject, key));
        self
    }

    /// What the static signatures cover.
    pub fn static_data(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (sfi, authenticated, data) in &self.static_records {
            if *authenticated {
                // Short templates: tag and length are two bytes.
                out.extend(if *sfi > 10 { data } else { &data[2..] });
            }
        }
        if self.tag_list.is_some() {
            out.extend(self.aip);
        }
        out
    }

    /// The records of the card, signed.
    pub fn records(&self) -> Vec<(u8, bool, Vec<u8>)> {
        let static_data = self.static_data();
        let (issuer, issuer_remainder) = self.issuer_certificate.sign(&self.ca, &[]);
        let (icc, icc_remainder) = self.icc_certificate.sign(&self.issuer, &static_data);
        let ssad = self.static_signature.sign(&self.issuer, &[&static_data]);
        let mut records = self.static_records.clone();
        let mut elements = vec![element(0x8F, &[INDEX]), element(0x90, &issuer)];
        if !issuer_remainder.is_empty() {
            elements.push(element(0x92, &issuer_remainder));
        }
        elements.push(element(0x9F32, &self.issuer_certificate.exponent));
        records.push((3, false, template(0x70, &elements)));
        records.push((3, false, template(0x70, &[element(0x93, &ssad)])));
        let mut elements = vec![element(0x9F46, &icc), element(0x9F47, &self.icc_certificate.exponent)];
        if !icc_remainder.is_empty() {
            elements.push(element(0x9F48, &icc_remainder));
        }
        if let Some(list) = &self.tag_list {
            elements.push(element(0x9F4A, list));
        }
        records.push((4, false, template(0x70, &elements)));
        if let Some(pin) = &self.pin_certificate {
            let (certificate, remainder) = pin.sign(&self.issuer, &[]);
            let mut elements = vec![element(0x9F2D, &certificate), element(0x9F2E, &pin.exponent)];
            if !remainder.is_empty() {
                elements.push(element(0x9F2F, &remainder));
            }
            records.push((4, false, template(0x70, &elements)));
        }
        if !self.more.is_empty() {
            records.push((5, false, template(0x70, &self.more)));
        }
        records
    }

    /// ICC dynamic data with their length in front, as the signed dynamic data hold them.
    pub fn dynamic(data: &[u8]) -> Signed {
        let mut fields = vec![0x01, u8::try_from(data.len()).unwrap()];
        fields.extend(data);
        Signed::new(0x05, fields)
    }
}
