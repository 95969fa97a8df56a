// SPDX-License-Identifier: MIT OR Apache-2.0
//! MACs under typed keys.
//!
//! ```text
//! Key<R, A>, R: MacRole ---> Retail, Cbc.., Cmac.., Hmac.. ---update---> finish: the MAC, or verify: yes or no
//! ```
//!
//! A stream holds its own key schedule and a state of fixed size; it is wiped when it ends or is dropped. The role
//! allows both directions: which of them a party may use is the mode of the key's slot. A session key of a card has its own
//! functions ([`emv`](crate::emv)).

use core::fmt;

use crate::cipher::{aes, tdes};
use crate::error::Error;
use crate::key::role::{MacBoth, MacKey, MacRequest, MacResponse, Role};
use crate::key::{Aes, Hmac, Key, Tdea};
use crate::mac::Mac as _;
use crate::mac::{cmac, hmac, iso9797, unionpay};

pub use crate::mac::iso9797::Padding;

/// Roles whose keys authenticate messages.
pub trait MacRole: Role {}

impl MacRole for MacRequest {}
impl MacRole for MacResponse {}
impl MacRole for MacBoth {}
impl MacRole for MacKey {}

macro_rules! streams {
    ($($(#[$doc:meta])* $name:ident($inner:ty) = ($algorithm:ident $(, $padding:ident)?) $make:expr;)*) => {
        $(
            $(#[$doc])*
            pub struct $name($inner);

            impl $name {
                /// Starts a message under `key`.
                ///
                /// # Errors
                /// [`Error::NoKey`] if `key` is empty, [`Error::InvalidKeyLength`] if its length does not fit the MAC
                /// algorithm.
                pub fn new<R: MacRole>(key: &Key<R, $algorithm> $(, $padding: Padding)?) -> Result<Self, Error> {
                    #[allow(clippy::redundant_closure_call)]
                    $make(key.material()? $(, $padding)?).map(Self)
                }

                /// Takes more of the message.
                pub fn update(&mut self, data: &[u8]) {
                    self.0.update(data);
                }

                /// Ends the message and writes the leftmost `out.len()` bytes of the MAC.
                ///
                /// # Errors
                /// [`Error::InvalidLength`] if `out` is empty or longer than the MAC, or if the message does not have
                /// the length that was announced; `out` is wiped then.
                ///
                /// # Timing
                /// Depends on the length of the message.
                pub fn finish(self, out: &mut [u8]) -> Result<(), Error> {
                    self.0.finish(out)
                }

                /// Ends the message and compares the leftmost `tag.len()` bytes of the MAC in constant time. How short
                /// `tag` may be is the caller's policy, never the message's.
                ///
                /// # Errors
                /// [`Error::InvalidLength`] as in [`finish`](Self::finish), [`Error::VerificationFailed`] if it
                /// differs.
                ///
                /// # Timing
                /// Depends on the length of the message.
                pub fn verify(self, tag: &[u8]) -> Result<(), Error> {
                    self.0.verify(tag)
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.debug_struct(stringify!($name)).finish_non_exhaustive()
                }
            }
        )*
    };
}

streams! {
    /// Retail MAC: ISO/IEC 9797-1 algorithm 3 under a two-key TDEA key K || K', MAC of 8 bytes.
    ///
    /// # Source
    /// ISO/IEC 9797-1:2011 7.3, ANSI X9.19; vectors: `vectors/mac.txt`, `iso9797_1_mac`.
    #[doc(alias = "X9.19")]
    #[doc(alias = "M3")]
    Retail(iso9797::RetailMac) = (Tdea, padding) iso9797::RetailMac::new;

    /// CBC-MAC: ISO/IEC 9797-1 algorithm 1 under (T)DEA, MAC of 8 bytes. Only for messages of fixed length.
    ///
    /// # Source
    /// ISO/IEC 9797-1:2011 7.1, ISO 16609; vectors: `vectors/mac.txt`, `iso9797_1_mac`.
    #[doc(alias = "ISO 16609")]
    #[doc(alias = "X9.9")]
    #[doc(alias = "M0")]
    CbcTdea(iso9797::CbcMac<tdes::Tdes>) = (Tdea, padding)
        |key: &[u8], padding| Ok(iso9797::CbcMac::new(tdes::Tdes::new(key)?, padding));

    /// CBC-MAC: ISO/IEC 9797-1 algorithm 1 under AES, MAC of 16 bytes. Only for messages of fixed length.
    ///
    /// # Source
    /// ISO/IEC 9797-1:2011 7.1.
    #[doc(alias = "M1")]
    CbcAes(iso9797::CbcMac<aes::Aes>) = (Aes, padding)
        |key: &[u8], padding| Ok(iso9797::CbcMac::new(aes::Aes::new(key)?, padding));

    /// CMAC under TDEA, MAC of 8 bytes.
    ///
    /// # Source
    /// SP 800-38B, ISO/IEC 9797-1:2011 7.5 (algorithm 5); vectors: `vectors/mac.txt`, `cmac`.
    #[doc(alias = "M6")]
    CmacTdea(cmac::CmacTdes) = (Tdea) cmac::CmacTdes::new;

    /// CMAC under AES, MAC of 16 bytes.
    ///
    /// # Source
    /// SP 800-38B, ISO/IEC 9797-1:2011 7.5 (algorithm 5); vectors: `vectors/mac.txt`, `cmac`.
    #[doc(alias = "M6")]
    CmacAes(cmac::CmacAes) = (Aes) cmac::CmacAes::new;

    /// The "ECB MAC" of UnionPay terminals under DES or two-key TDEA: 8 characters. It does not see blocks that change
    /// places; see [`mac::unionpay`](crate::mac::unionpay).
    ///
    /// # Source
    /// UnionPay terminal specification as public implementations have it; vectors: `vectors/mac.txt`, `cup_ecb_mac`.
    #[doc(alias = "ECB MAC")]
    UnionPay(unionpay::UnionPayMac) = (Tdea) unionpay::UnionPayMac::new;

    /// HMAC with SHA-256, MAC of 32 bytes.
    ///
    /// # Source
    /// RFC 2104, FIPS 198-1; vectors: `vectors/mac.txt`, `hmac`.
    #[doc(alias = "M7")]
    HmacSha256(hmac::HmacSha256) = (Hmac) hmac::HmacSha256::new;

    /// HMAC with SHA-384, MAC of 48 bytes.
    ///
    /// # Source
    /// RFC 2104, FIPS 198-1; vectors: `vectors/mac.txt`, `hmac`.
    #[doc(alias = "M7")]
    HmacSha384(hmac::HmacSha384) = (Hmac) hmac::HmacSha384::new;

    /// HMAC with SHA-512, MAC of 64 bytes.
    ///
    /// # Source
    /// RFC 2104, FIPS 198-1; vectors: `vectors/mac.txt`, `hmac`.
    #[doc(alias = "M7")]
    HmacSha512(hmac::HmacSha512) = (Hmac) hmac::HmacSha512::new;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_keys_give_the_same_macs() {
        let mut key: Key<MacRequest, Tdea> = Key::empty();
        assert_eq!(Retail::new(&key, Padding::Method1).err(), Some(Error::NoKey));
        key.set(b"0123456789ABCDEF").unwrap();
        let (mut typed, mut raw) = ([0; 8], [0; 8]);
        let mut mac = Retail::new(&key, Padding::Method2).unwrap();
        mac.update(b"message");
        mac.finish(&mut typed).unwrap();
        let mut mac = iso9797::RetailMac::new(b"0123456789ABCDEF", Padding::Method2).unwrap();
        mac.update(b"message");
        mac.finish(&mut raw).unwrap();
        assert_eq!(typed, raw);

        for len in 1..=8 {
            let mut mac = Retail::new(&key, Padding::Method2).unwrap();
            mac.update(b"message");
            assert_eq!(mac.verify(&raw[..len]), Ok(()));
            let mut bad = raw;
            bad[len - 1] ^= 1;
            let mut mac = Retail::new(&key, Padding::Method2).unwrap();
            mac.update(b"message");
            assert_eq!(mac.verify(&bad[..len]), Err(Error::VerificationFailed));
        }

        key.set(&[7; 24]).unwrap();
        assert_eq!(Retail::new(&key, Padding::Method1).err(), Some(Error::InvalidKeyLength));
        assert!(CmacTdea::new(&key).is_ok());
    }
}
