// SPDX-License-Identifier: MIT OR Apache-2.0
//! PIN blocks, and the PIN's way in at the terminal.

use crate::error::Error;
use crate::hsm::PIN_BLOCK_MAX_LEN;
use crate::pin::block::Format;

/// PIN block format: ISO 9564-1 format 0, 8 bytes.
pub const PAYHSM_PIN_FORMAT_0: u32 = 0;
/// PIN block format: ISO 9564-1 format 1, 8 bytes, bound to no PAN: `PAYHSM_POLICY_PIN_FORMAT_1`.
pub const PAYHSM_PIN_FORMAT_1: u32 = 1;
/// PIN block format: ISO 9564-1 format 3, 8 bytes.
pub const PAYHSM_PIN_FORMAT_3: u32 = 3;
/// PIN block format: ISO 9564-1 format 4, 16 bytes, AES.
pub const PAYHSM_PIN_FORMAT_4: u32 = 4;
/// The longest enciphered PIN block, in bytes.
pub const PAYHSM_PIN_BLOCK_MAX_LEN: usize = 16;

const _: () = assert!(PAYHSM_PIN_BLOCK_MAX_LEN == PIN_BLOCK_MAX_LEN);

pub(super) fn format_of(number: u32) -> Result<Format, Error> {
    u8::try_from(number)
        .map_err(|_| Error::InvalidArgument)
        .and_then(Format::from_number)
}

#[cfg(feature = "host")]
mod issue;
#[cfg(feature = "host")]
mod reference;

#[cfg(feature = "terminal")]
pub use entry::*;
#[cfg(feature = "host")]
pub use issue::*;
#[cfg(feature = "host")]
pub use reference::*;

#[cfg(feature = "terminal")]
mod entry {
    use core::fmt;

    use zeroize::Zeroize;

    use super::format_of;
    use crate::capi::context::{PayhsmCtx, run};
    use crate::capi::memory::{self, Output, Place};
    use crate::capi::status::Status;
    use crate::error::Error;
    use crate::hsm::{KeyRef, PIN_BLOCK_MAX_LEN};
    use crate::pin::Pin;
    use crate::pin::pan::Pan;

    /// A PIN on its way from the keypad into the library, which wipes it in every call that takes it.
    #[repr(C)]
    pub struct PayhsmPin {
        /// Number of digits, 4 to 12.
        pub len: u8,
        /// The digits, values 0 to 9; 0 behind the last.
        pub digits: [u8; 12],
    }

    impl fmt::Debug for PayhsmPin {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("PayhsmPin").finish_non_exhaustive()
        }
    }

    /// A PIN that is wiped where the caller has it, whatever happens: also if it lies in another parameter.
    pub(in crate::capi) struct Entry(pub(in crate::capi) *mut PayhsmPin);

    impl Drop for Entry {
        fn drop(&mut self) {
            // SAFETY: null or writable by C1; what referred to it is gone.
            if let Some(pin) = unsafe { self.0.as_mut() } {
                pin.len.zeroize();
                pin.digits.zeroize();
            }
        }
    }

    /// Enciphers a PIN that was entered at this terminal.
    ///
    /// Parameters: `key`: a P0 key's or a terminal transaction's handle. `format_number`: `PAYHSM_PIN_FORMAT_…`. `pan`,
    /// `pan_len`: ASCII digits with the check digit, 12 to 19, for formats 0 and 3 at least 13. `pin`: wiped in every
    /// case. `block`, `block_capacity`, `block_len`: receive 8 or 16 bytes; wiped and 0 on error.
    ///
    /// Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
    /// `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_FORMAT_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_PAN`,
    /// `PAYHSM_ERR_INVALID_PIN`, `PAYHSM_ERR_LIMIT_REACHED` (a second PIN of one transaction),
    /// `PAYHSM_ERR_RATE_LIMITED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_ENTROPY`; the context's errors.
    ///
    /// In libraries built with `terminal`.
    ///
    /// # Safety
    /// The context's contract; C1 to C3 for the pointers.
    #[must_use]
    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn payhsm_pin_encipher(
        ctx: *mut PayhsmCtx,
        key: u32,
        format_number: u32,
        pan: *const u8,
        pan_len: usize,
        pin: *mut PayhsmPin,
        block: *mut u8,
        block_capacity: usize,
        block_len: *mut usize,
    ) -> Status {
        let _entry = Entry(pin);
        let outputs = [
            Place::of(pin),
            Place::bytes(block, block_capacity),
            Place::of(block_len),
        ];
        // SAFETY: the caller's.
        unsafe {
            run(ctx, &outputs, &[Place::bytes(pan, pan_len)], |module| {
                let out = Output::new(block, block_capacity, block_len)?;
                let pin = memory::value(pin)?;
                let key = KeyRef::from_raw(key)?;
                let format = format_of(format_number)?;
                let pan = Pan::parse(memory::input(pan, pan_len)?)?;
                let mut secret = Pin::empty();
                secret.enter(pin.len, &pin.digits)?;
                let mut enciphered = [0; PIN_BLOCK_MAX_LEN];
                out.fill(|bytes| {
                    if bytes.len() < format.block_len() {
                        return Err(Error::BufferTooSmall);
                    }
                    let len = module.pin_encipher(key, format, &pan, &secret, &mut enciphered)?;
                    for (to, from) in bytes.iter_mut().zip(enciphered.iter().take(len)) {
                        *to = *from;
                    }
                    Ok(len)
                })
            })
        }
    }
}
