// SPDX-License-Identifier: MIT OR Apache-2.0
//! HMAC (RFC 2104, FIPS 198-1) over SHA-2.

use core::fmt;

use ::hmac::{Hmac as Core, KeyInit as _, Mac as _};
use zeroize::Zeroize;

use crate::error::Error;
use crate::mac::{Conclude, Mac, truncate};

macro_rules! hmac {
    ($(#[$doc:meta])* $name:ident, $hash:ty, $len:literal) => {
        $(#[$doc])*
        pub struct $name(Core<$hash>);

        impl $name {
            /// Starts a message under `key` of any length.
            ///
            /// # Errors
            /// None today.
            pub fn new(key: &[u8]) -> Result<Self, Error> {
                Core::new_from_slice(key).map(Self).map_err(|_| Error::InvalidKeyLength)
            }
        }

        impl Mac for $name {
            const LEN: usize = $len;

            fn update(&mut self, data: &[u8]) {
                self.0.update(data);
            }

            fn finish(mut self, out: &mut [u8]) -> Result<(), Error> {
                self.conclude(out)
            }
        }

        impl Conclude for $name {
            fn conclude(&mut self, out: &mut [u8]) -> Result<(), Error> {
                let mut full = self.0.clone().finalize().into_bytes();
                let result = truncate(&full, out);
                full.zeroize();
                result
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

#[cfg(feature = "hazmat")]
hmac! {
    /// HMAC-SHA-224, MAC of 28 bytes: for published values only.
    HmacSha224, sha2::Sha224, 28
}
hmac! {
    /// HMAC-SHA-256, MAC of 32 bytes.
    HmacSha256, sha2::Sha256, 32
}
hmac! {
    /// HMAC-SHA-384, MAC of 48 bytes.
    HmacSha384, sha2::Sha384, 48
}
hmac! {
    /// HMAC-SHA-512, MAC of 64 bytes.
    HmacSha512, sha2::Sha512, 64
}
