// SPDX-License-Identifier: MIT OR Apache-2.0
//! CMAC (SP 800-38B; ISO/IEC 9797-1:2011 algorithm 5) over TDEA and AES.

use core::fmt;

use ::cmac::{Cmac as Core, Mac as _};
use cipher::InnerIvInit as _;
use cipher::common::InnerInit as _;
use zeroize::Zeroize;

use crate::cipher::{aes::Aes, tdes::Tdes};
use crate::error::Error;
use crate::mac::{Mac, truncate};

macro_rules! cmac {
    ($(#[$doc:meta])* $name:ident, $cipher:ident, $len:literal) => {
        $(#[$doc])*
        pub struct $name(Core<$cipher>);

        impl $name {
            /// Starts a message under `key`.
            ///
            /// # Errors
            /// [`Error::InvalidKeyLength`].
            pub fn new(key: &[u8]) -> Result<Self, Error> {
                Ok(Self(Core::inner_init($cipher::new(key)?)))
            }
        }

        impl Mac for $name {
            const LEN: usize = $len;

            fn update(&mut self, data: &[u8]) {
                self.0.update(data);
            }

            fn finish(self, out: &mut [u8]) -> Result<(), Error> {
                let mut full = self.0.finalize().into_bytes();
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

cmac! {
    /// AES-CMAC; keys of 16, 24 or 32 bytes, MAC of 16.
    CmacAes, Aes, 16
}
cmac! {
    /// TDEA-CMAC; keys of 16 or 24 bytes (8: legacy), MAC of 8.
    CmacTdes, Tdes, 8
}
