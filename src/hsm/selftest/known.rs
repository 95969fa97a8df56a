// SPDX-License-Identifier: MIT OR Apache-2.0
//! The known answers. Every value is of a standard or of its published examples; `vectors/` has the same ones with their
//! sources.

use super::SelfTest;
use crate::cipher::aes::Aes as AesCipher;
use crate::cipher::modes;
use crate::cipher::scheduled;
use crate::cipher::tdes::Tdes;
#[cfg(any(feature = "host", feature = "terminal"))]
use crate::dukpt::{aes, tdes};
use crate::entropy::{self, Entropy};
use crate::error::Error;
use crate::key::role::PinEncryption;
use crate::key::{self, Key, role};
use crate::keyblock::{KbpkRef, KeyBlock, Payload, Profile, Unverified};
use crate::mac::Mac;
use crate::mac::cmac::{CmacAes, CmacTdes};
use crate::mac::hmac::HmacSha256;
use crate::mac::iso9797::{Padding, RetailMac};
use crate::pin::block::{self, Format};
use crate::pin::{Pin, pan::Pan};
#[cfg(feature = "ec")]
use crate::{
    ecdh::{PrivateKey, PublicKey},
    ecdsa, kdf,
    secret::Secret,
};

/// Bytes of hexadecimal text, at compile time.
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "evaluated at compile time only"
)]
const fn hex<const N: usize>(text: &str) -> [u8; N] {
    const fn digit(c: u8) -> u8 {
        match c {
            b'0'..=b'9' => c - b'0',
            b'A'..=b'F' => c - b'A' + 10,
            _ => panic!("not a digit"),
        }
    }
    let text = text.as_bytes();
    assert!(text.len() == 2 * N);
    let mut out = [0; N];
    let mut i = 0;
    while i < N {
        out[i] = (digit(text[2 * i]) << 4) | digit(text[2 * i + 1]);
        i += 1;
    }
    out
}

/// Runs one test; with `broken` its answer is changed before it is compared.
pub(super) fn run(test: SelfTest, broken: bool) -> Result<(), Error> {
    let result = match test {
        // The platform's.
        SelfTest::Integrity => Ok(()),
        SelfTest::Tdea => tdea(broken),
        SelfTest::Aes => aes_blocks(broken),
        SelfTest::Cmac => cmac(broken),
        SelfTest::RetailMac => retail_mac(broken),
        SelfTest::Sha2 => sha2(broken),
        SelfTest::Hmac => hmac(broken),
        #[cfg(any(feature = "host", feature = "terminal"))]
        SelfTest::DukptTdea => dukpt_tdea(broken),
        #[cfg(any(feature = "host", feature = "terminal"))]
        SelfTest::DukptAes => dukpt_aes(broken),
        SelfTest::KeyBlockB => key_block_b(broken),
        SelfTest::KeyBlockD => key_block_d(broken),
        SelfTest::PinFormat0 => pin_format_0(broken),
        SelfTest::PinFormat4 => pin_format_4(broken),
        SelfTest::Generator => generator(broken),
        #[cfg(feature = "ec")]
        SelfTest::Hkdf => hkdf(broken),
        #[cfg(feature = "ec")]
        SelfTest::Ecdh => ecdh(broken),
        #[cfg(feature = "ec")]
        SelfTest::EcdsaSign => ecdsa_sign(broken),
        #[cfg(feature = "ec")]
        SelfTest::EcdsaVerify => ecdsa_verify(broken),
    };
    result.map_err(|_| Error::SelfTestFailed)
}

/// Compares an answer. Nothing here is secret; the comparison is made twice, so that one skipped instruction does not pass
/// a wrong answer.
fn same(answer: &mut [u8], expected: &[u8], broken: bool) -> Result<(), Error> {
    if let Some(first) = answer.first_mut() {
        *first ^= u8::from(broken);
    }
    if *core::hint::black_box(&*answer) != *expected {
        return Err(Error::SelfTestFailed);
    }
    if *core::hint::black_box(&*answer) == *core::hint::black_box(expected) {
        Ok(())
    } else {
        Err(Error::SelfTestFailed)
    }
}

/// What must be refused was.
fn refused<T>(result: Result<T, Error>) -> Result<(), Error> {
    match result {
        Err(Error::VerificationFailed) => Ok(()),
        _ => Err(Error::SelfTestFailed),
    }
}

/// Random bytes that a published example fixes.
struct Given<'a>(&'a [u8]);

impl Entropy for Given<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let (now, rest) = self.0.split_at_checked(out.len()).ok_or(Error::Entropy)?;
        out.copy_from_slice(now);
        self.0 = rest;
        Ok(())
    }
}

/// CAVP TECBMMT2 and TECBMMT3, the first message each of two blocks.
#[inline(never)]
fn tdea(broken: bool) -> Result<(), Error> {
    const KEY2: [u8; 16] = hex("259DF16E7AF804FE83B90E9BF7C7E557");
    const CLEAR2: [u8; 16] = hex("A4619C433BBD6787C07C81728F9AC9FA");
    const CIPHER2: [u8; 16] = hex("9E06DE155C483C6BCFD834DBC8BD5830");
    const KEY3: [u8; 24] = hex("49E692290D2A5E46BACE79B9648A4C5D491004C262DC9D49");
    const CLEAR3: [u8; 16] = hex("6B1540781B01CE1997ADAE102DBF3C5B");
    const CIPHER3: [u8; 16] = hex("4D0DC182D6E481AC4A3DC6AB6976CCAE");
    tdea_both_ways(&KEY2, &CLEAR2, &CIPHER2, broken)?;
    tdea_both_ways(&KEY3, &CLEAR3, &CIPHER3, broken)
}

// One schedule at a time.
#[inline(never)]
fn tdea_both_ways(key: &[u8], clear: &[u8; 16], enciphered: &[u8; 16], broken: bool) -> Result<(), Error> {
    scheduled!(let cipher = Tdes, key);
    both_ways(&cipher, clear, enciphered, broken)
}

fn both_ways<C>(cipher: &C, clear: &[u8; 16], enciphered: &[u8; 16], broken: bool) -> Result<(), Error>
where
    C: ::cipher::BlockCipherEncrypt + ::cipher::BlockCipherDecrypt,
{
    let mut data = *clear;
    modes::ecb_encrypt(cipher, &mut data)?;
    same(&mut data, enciphered, broken)?;
    data = *enciphered;
    modes::ecb_decrypt(cipher, &mut data)?;
    same(&mut data, clear, broken)
}

/// FIPS 197 appendix C.
#[inline(never)]
fn aes_blocks(broken: bool) -> Result<(), Error> {
    const KEY: [u8; 32] = hex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
    const CLEAR: [u8; 16] = hex("00112233445566778899AABBCCDDEEFF");
    const ANSWERS: [(usize, [u8; 16]); 3] = [
        (16, hex("69C4E0D86A7B0430D8CDB78070B4C55A")),
        (24, hex("DDA97CA4864CDFE06EAF70A0EC0D7191")),
        (32, hex("8EA2B7CA516745BFEAFC49904B496089")),
    ];
    for (len, answer) in &ANSWERS {
        scheduled!(let cipher = AesCipher, KEY.get(..*len).ok_or(Error::Internal)?);
        both_ways(&cipher, &CLEAR, answer, broken)?;
    }
    Ok(())
}

/// SP 800-38B appendix D: AES-128 example 3, TDEA example 2; each verified, and a wrong one refused.
#[inline(never)]
fn cmac(broken: bool) -> Result<(), Error> {
    const AES_KEY: [u8; 16] = hex("2B7E151628AED2A6ABF7158809CF4F3C");
    const MESSAGE: [u8; 40] = hex("6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E5130C81C46A35CE411");
    const AES_MAC: [u8; 16] = hex("DFA66747DE9AE63030CA32611497C827");
    const TDEA_KEY: [u8; 24] = hex("8AA83BF8CBDA10620BC1BF19FBB6CD58BC313D4A371CA8B5");
    const TDEA_MAC: [u8; 8] = hex("8E8F293136283797");
    let (short, _) = MESSAGE.split_first_chunk::<8>().ok_or(Error::Internal)?;
    mac(|| CmacAes::new(&AES_KEY), &MESSAGE, &AES_MAC, broken)?;
    mac(|| CmacTdes::new(&TDEA_KEY), short, &TDEA_MAC, broken)
}

#[inline(never)]
fn mac<M: Mac, const N: usize>(
    new: impl Fn() -> Result<M, Error>,
    message: &[u8],
    expected: &[u8; N],
    broken: bool,
) -> Result<(), Error> {
    let mut answer = [0; N];
    let mut made = new()?;
    made.update(message);
    made.finish(&mut answer)?;
    same(&mut answer, expected, broken)?;
    let mut wrong = new()?;
    wrong.update(message);
    *answer.last_mut().ok_or(Error::Internal)? ^= 1;
    refused(wrong.verify(&answer))
}

/// ISO/IEC 9797-1 annex B, algorithm 3 with padding 2.
#[inline(never)]
fn retail_mac(broken: bool) -> Result<(), Error> {
    const KEY: [u8; 16] = hex("0123456789ABCDEFFEDCBA9876543210");
    const MAC: [u8; 8] = hex("E9086230CA3BE796");
    mac(
        || RetailMac::new(&KEY, Padding::Method2),
        b"Now is the time for all ",
        &MAC,
        broken,
    )
}

/// FIPS 180, the message "abc".
#[inline(never)]
fn sha2(broken: bool) -> Result<(), Error> {
    use ::sha2::Digest as _;
    const DIGEST: [u8; 32] = hex("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
    let mut digest = [0; 32];
    ::sha2::Sha256::new_with_prefix(b"abc").finalize_into((&mut digest).into());
    same(&mut digest, &DIGEST, broken)
}

/// RFC 4231, test case 2.
#[inline(never)]
fn hmac(broken: bool) -> Result<(), Error> {
    const MAC: [u8; 32] = hex("5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843");
    mac(
        || HmacSha256::new(b"Jefe"),
        b"what do ya want for nothing?",
        &MAC,
        broken,
    )
}

/// ANSI X9.24-1:2009 A.4: the PIN key of the first transaction.
#[cfg(any(feature = "host", feature = "terminal"))]
#[inline(never)]
fn dukpt_tdea(broken: bool) -> Result<(), Error> {
    const IK: [u8; 16] = hex("6AC292FAA1315B4D858AB3A3D7D5933A");
    const KEY: [u8; 16] = hex("042666B49184CF5C68DE9628D0397B36");
    let mut keys = tdes::Transaction::empty();
    tdes::first_transaction(
        &IK,
        &tdes::Ksn::parse(&const { hex::<10>("FFFF9876543210E00001") })?,
        &mut keys,
    );
    let mut pin_key = Key::<PinEncryption, key::Tdea>::empty();
    keys.pin_key(&mut pin_key)?;
    let mut answer = [0; 16];
    for (to, from) in answer.iter_mut().zip(pin_key.material()?) {
        *to = *from;
    }
    same(&mut answer, &KEY, broken)
}

/// ANSI X9.24-3:2017, test vectors: the PIN key of the first transaction.
#[cfg(any(feature = "host", feature = "terminal"))]
#[inline(never)]
fn dukpt_aes(broken: bool) -> Result<(), Error> {
    const IK: [u8; 16] = hex("1273671EA26AC29AFA4D1084127652A1");
    const KEY: [u8; 16] = hex("AF8CB133A78F8DC2D1359F18527593FB");
    let mut keys = aes::Transaction::empty();
    aes::first_transaction(
        &IK,
        &aes::Ksn::parse(&const { hex::<12>("123456789012345600000001") })?,
        &mut keys,
    )?;
    let mut pin_key = Key::<PinEncryption, key::Aes>::empty();
    keys.working_key(aes::KeyType::Aes128, &mut pin_key)?;
    let mut answer = [0; 16];
    for (to, from) in answer.iter_mut().zip(pin_key.material()?) {
        *to = *from;
    }
    same(&mut answer, &KEY, broken)
}

const CARRIED: [u8; 16] = hex("3F419E1CB7079442AA37474C2EFBF8B8");

/// TR-31:2018 A.7.2.2.
#[inline(never)]
fn key_block_b(broken: bool) -> Result<(), Error> {
    const KBPK: [u8; 16] = hex("DD7515F2BFC17F85CE48F3CA25CB21F6");
    const BLOCK: &[u8; 80] = b"B0080P0TE00E000094B420079CC80BA3461F86FE26EFC4A3B8E4FA4C5F5341176EED7B727B8A248E";
    let mut kbpk = Key::<role::Kbpk, key::Tdea>::empty();
    kbpk.set(&KBPK)?;
    key_block(*BLOCK, KbpkRef::Tdea(&kbpk), broken)
}

/// TR-31:2018 A.7.4.
#[inline(never)]
fn key_block_d(broken: bool) -> Result<(), Error> {
    const KBPK: [u8; 32] = hex("88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6");
    const BLOCK: &[u8; 112] = b"D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A27E8E31DA05F7425509593D03A457DC34";
    let mut kbpk = Key::<role::Kbpk, key::Aes>::empty();
    kbpk.set(&KBPK)?;
    key_block(*BLOCK, KbpkRef::Aes(&kbpk), broken)
}

fn key_block<const N: usize>(mut text: [u8; N], kbpk: KbpkRef<'_>, broken: bool) -> Result<(), Error> {
    let mut payload = Payload::empty();
    let mut answer = [0; 16];
    let verified = KeyBlock::<Unverified>::parse(&text, Profile::Tr31_2018)?.verify(kbpk, &mut payload)?;
    for (to, from) in answer.iter_mut().zip(verified.key()) {
        *to = *from;
    }
    same(&mut answer, &CARRIED, broken)?;
    // One bit of the payload, in the middle of the enciphered key.
    let changed = text.get_mut(20).ok_or(Error::Internal)?;
    *changed = if *changed == b'0' { b'1' } else { b'0' };
    refused(KeyBlock::<Unverified>::parse(&text, Profile::Tr31_2018)?.verify(kbpk, &mut payload))
}

/// ANSI X9.24-1:2009 A.4.2: PIN 1234 under the first PIN key.
#[inline(never)]
fn pin_format_0(broken: bool) -> Result<(), Error> {
    const BLOCK: [u8; 8] = hex("1B9C1845EB993A7A");
    let mut key = Key::<PinEncryption, key::Tdea>::empty();
    key.set(&const { hex::<16>("042666B49184CF5C68DE9628D0397B36") })?;
    let (pan, other) = (Pan::parse(b"4012345678909")?, Pan::parse(b"4012345678917")?);
    let mut pin = Pin::empty();
    block::decipher_tdea(&key, Format::Iso0, &BLOCK, Some(&pan), &mut pin)?;
    pin_is_1234(&pin, broken)?;
    let mut again = [0; 8];
    block::encipher_tdea(&key, Format::Iso0, &pin, Some(&pan), &mut Given(&[]), &mut again)?;
    same(&mut again, &BLOCK, broken)?;
    refused(block::decipher_tdea(&key, Format::Iso0, &BLOCK, Some(&other), &mut pin))
}

/// ANSI X9.24-3:2017, test vectors: PIN 1234 under the first PIN key.
#[inline(never)]
fn pin_format_4(broken: bool) -> Result<(), Error> {
    const BLOCK: [u8; 16] = hex("A912150391AB65A67E52883D81CE2D15");
    const FILL: [u8; 8] = hex("2F69ADDE2E9E7ACE");
    let mut key = Key::<PinEncryption, key::Aes>::empty();
    key.set(&const { hex::<16>("AF8CB133A78F8DC2D1359F18527593FB") })?;
    let (pan, other) = (Pan::parse(b"4111111111111111")?, Pan::parse(b"4111111111111129")?);
    let mut pin = Pin::empty();
    block::decipher_aes(&key, &BLOCK, &pan, &mut pin)?;
    pin_is_1234(&pin, broken)?;
    let mut again = [0; 16];
    block::encipher_aes(&key, &pin, &pan, &mut Given(&FILL), &mut again)?;
    same(&mut again, &BLOCK, broken)?;
    refused(block::decipher_aes(&key, &BLOCK, &other, &mut pin))
}

fn pin_is_1234(pin: &Pin, broken: bool) -> Result<(), Error> {
    let (len, digits) = pin.parts();
    let mut answer = [len, 0, 0, 0, 0];
    for (to, from) in answer.iter_mut().skip(1).zip(digits) {
        *to = *from;
    }
    same(&mut answer, &[4, 1, 2, 3, 4], broken)
}

/// RFC 8439 A.1, test vector 1.
#[inline(never)]
fn generator(broken: bool) -> Result<(), Error> {
    const STREAM: [u8; 32] = hex("76B8E0ADA0F13D90405D6AE55386BD28BDD219B8A08DED1AA836EFCC8B770DC7");
    let mut answer = [0; 32];
    entropy::known_stream(&mut answer);
    same(&mut answer, &STREAM, broken)
}

/// RFC 5869 A.1.
#[cfg(feature = "ec")]
#[inline(never)]
fn hkdf(broken: bool) -> Result<(), Error> {
    const OKM: [u8; 42] = hex("3CB25F25FAACD57A90434F64D0362F2A2D2D0A90CF1A5A4C5DB02D56ECC4C5BF34007208D5B887185865");
    let mut answer = [0; 42];
    let info = const { hex::<10>("F0F1F2F3F4F5F6F7F8F9") };
    kdf::hkdf_sha256(
        &const { hex::<13>("000102030405060708090A0B0C") },
        &[0x0B; 22],
        &[&info],
        &mut answer,
    )?;
    same(&mut answer, &OKM, broken)
}

/// CAVP ECC CDH, P-256, the first.
#[cfg(feature = "ec")]
#[inline(never)]
fn ecdh(broken: bool) -> Result<(), Error> {
    const SCALAR: [u8; 32] = hex("7D7DC5F71EB29DDAF80D6214632EEAE03D9058AF1FB6D22ED80BADB62BC1A534");
    const PEER: [u8; 65] = hex(
        "04700C48F77F56584C5CC632CA65640DB91B6BACCE3A4DF6B42CE7CC838833D287DB71E509E3FD9B060DDB20BA5C51DCC5948D46FBF640DFE0441782CAB85FA4AC",
    );
    const SHARED: [u8; 32] = hex("46FC62106420FF012E54A434FBDD2D25CCC5852060561E68040DD7778997BD7B");
    let mut private = PrivateKey::empty();
    private.regenerate(&mut Given(&SCALAR))?;
    let mut z = Secret::zeroed();
    private.agree_in_place(&PublicKey::from_sec1(&PEER)?, &mut z)?;
    same(z.expose_mut(), &SHARED, broken)
}

#[cfg(feature = "ec")]
const RFC6979_SCALAR: [u8; 32] = hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
#[cfg(feature = "ec")]
const RFC6979_SIGNATURE: [u8; 64] = hex(
    "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
);

/// RFC 6979 A.2.5, SHA-256, message "sample".
#[cfg(feature = "ec")]
#[inline(never)]
fn ecdsa_sign(broken: bool) -> Result<(), Error> {
    let mut private = ecdsa::SigningKey::empty();
    private.set(&RFC6979_SCALAR)?;
    let mut answer = private.sign(b"sample")?.to_raw();
    same(&mut answer, &RFC6979_SIGNATURE, broken)
}

/// RFC 6979 A.2.5; another message is refused.
#[cfg(feature = "ec")]
#[inline(never)]
fn ecdsa_verify(broken: bool) -> Result<(), Error> {
    const PUBLIC: [u8; 65] = hex(
        "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB67903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
    );
    let key = PublicKey::from_sec1(&PUBLIC)?;
    let signature = ecdsa::Signature::from_raw(&RFC6979_SIGNATURE)?;
    let mut answer = [u8::from(ecdsa::verify(&key, b"sample", &signature).is_ok())];
    same(&mut answer, &[1], broken)?;
    refused(ecdsa::verify(&key, b"sampld", &signature))
}
