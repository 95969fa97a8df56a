// SPDX-License-Identifier: MIT OR Apache-2.0
//! Status numbers and versions.

use core::ffi::{CStr, c_char};

use crate::error::Error;

/// What every function returns: 0 for success, or the negative number of an error. The numbers never change.
pub type Status = i32;

/// Success.
pub const PAYHSM_OK: Status = 0;

/// The version of the interface. It grows with every change that an old caller would notice.
pub const PAYHSM_ABI_VERSION: u32 = 1;

/// The package's major version.
pub const PAYHSM_VERSION_MAJOR: u32 = 0;
/// The package's minor version.
pub const PAYHSM_VERSION_MINOR: u32 = 1;
/// The package's patch version.
pub const PAYHSM_VERSION_PATCH: u32 = 0;

pub(super) fn status(result: Result<(), Error>) -> Status {
    match result {
        Ok(()) => PAYHSM_OK,
        Err(error) => error.code(),
    }
}

/// The interface version of the linked library; compare it with `PAYHSM_ABI_VERSION` of the header.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn payhsm_abi_version() -> u32 {
    PAYHSM_ABI_VERSION
}

/// A fixed English sentence for a status, never `NULL`, valid for ever.
///
/// Parameters: `status`: a status of any function, or any number.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn payhsm_status_text(status: Status) -> *const c_char {
    text(status).as_ptr()
}

macro_rules! texts {
    ($($name:ident),* $(,)?) => {
        const fn text(status: Status) -> &'static CStr {
            $(
                if status == Error::$name.code() {
                    const TEXT: &[u8; Error::$name.message().len() + 1] = &terminated(Error::$name.message());
                    return match CStr::from_bytes_with_nul(TEXT) {
                        Ok(text) => text,
                        Err(_) => c"unknown",
                    };
                }
            )*
            if status == PAYHSM_OK { c"success" } else { c"unknown status" }
        }

        #[cfg(test)]
        const NAMED: &[Error] = &[$(Error::$name,)*];
    };
}

/// The text with a zero byte behind.
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated at compile time only"
)]
const fn terminated<const N: usize>(text: &str) -> [u8; N] {
    let mut out = [0; N];
    let mut i = 0;
    while i + 1 < N {
        out[i] = text.as_bytes()[i];
        i += 1;
    }
    out
}

texts! {
    InvalidArgument, InvalidLength, BufferTooSmall, InvalidDigit, InvalidPan, InvalidPin, InvalidKeyLength,
    InvalidKsn, NullPointer, Overlap, Unsupported, AbiMismatch, Misaligned, InvalidHandle, NoKey, BadState,
    UsageNotPermitted, ModeNotPermitted, AlgorithmMismatch, ExportNotPermitted, WeakKey, KeyStrength, SlotsFull,
    RateLimited, PanMismatch, FormatNotPermitted, LimitReached, Refused, CounterZero, CounterOverweight,
    CounterReplayed, CounterExhausted, CounterReserved, RegisterInvalid, Locked, Tampered, SelfTestFailed,
    NotAuthenticated, Expired, Hex, Bcd, TlvTag, TlvLength, TlvValue, TlvIndefinite, TlvDepth, TlvDuplicate,
    TlvMissing, Dol, EmvElement, Iad, KeyBlockLength, KeyBlockVersion, KeyBlockUsage, KeyBlockAlgorithm, KeyBlockMode,
    KeyBlockKeyVersion, KeyBlockExportability, KeyBlockOptionalCount, KeyBlockOptional, KeyBlockReserved,
    KeyBlockEncoding, KeyBlockPayload, EcPoint, EcScalar, Signature, Component, Certificate, Track, Record,
    VerificationFailed, Entropy, Storage, StorageIntegrity, Internal,
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn every_error_has_its_text() {
        assert_eq!(NAMED, Error::ALL);
        for error in Error::ALL {
            assert_eq!(text(error.code()).to_str(), Ok(error.message()));
        }
        assert_eq!(text(0).to_str(), Ok("success"));
        assert_eq!(text(1).to_str(), Ok("unknown status"));
        assert_eq!(text(i32::MIN).to_str(), Ok("unknown status"));
    }

    #[test]
    fn versions_are_the_package_s() {
        let version = [PAYHSM_VERSION_MAJOR, PAYHSM_VERSION_MINOR, PAYHSM_VERSION_PATCH];
        let package = [
            env!("CARGO_PKG_VERSION_MAJOR"),
            env!("CARGO_PKG_VERSION_MINOR"),
            env!("CARGO_PKG_VERSION_PATCH"),
        ];
        assert_eq!(version.map(|n| std::string::ToString::to_string(&n)), package);
    }
}
