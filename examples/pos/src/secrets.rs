// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that is secret in the demo, in clear: test keys, PINs and PANs. Only the key management centre
//! (office.rs), the custodians and the cardholders see it; the test searches the output for it.

/// A key from its spelling.
const fn key<const N: usize>(text: &str) -> [u8; N] {
    let text = text.as_bytes();
    let mut out = [0; N];
    let mut i = 0;
    while i < text.len() {
        let nibble = if text[i] > b'9' {
            text[i] - b'A' + 10
        } else {
            text[i] - b'0'
        };
        out[i / 2] = (out[i / 2] << 4) | nibble;
        i += 1;
    }
    out
}

/// Authenticates the key agreement of terminal and host.
pub const AUTHENTICATION: [u8; 16] = key("C69439AA4BC4F1EFC0CB87A7AFAF8258");
/// Base derivation key, TDEA DUKPT.
pub const BDK_TDEA: [u8; 16] = key("57155EA2A75E674F0132138CF2DFB008");
/// Base derivation key, AES DUKPT.
pub const BDK_AES: [u8; 16] = key("CF38A55833267E44F0B6D7E66BC9D6CC");
/// Protects the key blocks from the key management centre.
pub const ZONE_MASTER: [u8; 16] = key("538CE6F3003BA697B072B2968210A684");
/// PINs between host and issuer, TDEA.
pub const ZONE_PIN_TDEA: [u8; 16] = key("E592919D4F98C86868E51391BA5E0B94");
/// PINs between host and issuer, AES.
pub const ZONE_PIN_AES: [u8; 16] = key("D98359FC392E0FD186CA8CDDA1AF3CE3");
/// PIN verification values.
pub const PIN_VERIFICATION: [u8; 16] = key("EFAE64430B6D4CE549808AD94A897931");
/// Issuer master key for application cryptograms, the contact card's.
pub const IMK_VISA: [u8; 16] = key("082A64D3DC1C3473A4463119A22F490B");
/// Issuer master key for application cryptograms, the contactless card's.
pub const IMK_UNIONPAY: [u8; 16] = key("6D794362EA40649123E526ADDA2657E3");
/// The first component of each key is this, with the number of the key in its last byte.
pub const MASK: [u8; 16] = key("2D8AFC70DE20399E475A0C2751AB1100");
/// Seals the terminal's records; in a product, unique to each device.
pub const DEVICE: [u8; 32] = key("0F5D9E2A6C81B34770E1C29D54A8F36B1BE7409CD2653FA88E71C4065AD93B12");

/// All keys, for the search.
#[allow(dead_code, reason = "the test's")]
pub const KEYS: [&[u8]; 11] = [
    &AUTHENTICATION,
    &BDK_TDEA,
    &BDK_AES,
    &ZONE_MASTER,
    &ZONE_PIN_TDEA,
    &ZONE_PIN_AES,
    &PIN_VERIFICATION,
    &IMK_VISA,
    &IMK_UNIONPAY,
    &MASK,
    &DEVICE,
];

/// PAN and PIN of the contact card. Long PINs, so that no cryptogram shows one by accident.
pub const VISA: (&str, &str) = ("4761739001010010", "84071952");
/// PAN and PIN of the contactless card.
pub const UNIONPAY: (&str, &str) = ("6216618372945614", "30925746");
/// A PIN that is wrong for both.
pub const WRONG_PIN: &str = "71648305";
