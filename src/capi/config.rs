// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the device gives to a context, and how it is set up.

use core::ffi::c_void;
use core::mem::{offset_of, size_of};

use crate::capi::flash::{PayhsmFlash, PayhsmMonotonicAdvanceFn, PayhsmMonotonicReadFn};
use crate::capi::memory::Versioned;
use crate::capi::question::PayhsmQuestion;
use crate::capi::status::Status;
use crate::entropy::{EntropySource, RawQuality};
use crate::error::Error;
use crate::hsm::{RateLimit, SelfTestMode};

/// Length of the key that seals stored records, in bytes.
pub const PAYHSM_STORAGE_KEY_LEN: usize = 32;

/// Fills `out` with `len` random bytes that nobody can predict; 0 if it could.
pub type PayhsmEntropyFn = Option<unsafe extern "C" fn(user: *mut c_void, out: *mut u8, len: usize) -> Status>;
/// Reads record `id` into `out` of `capacity` bytes and sets `*len`, 0 if there is no such record; returns 0 if it
/// could.
pub type PayhsmStorageLoadFn =
    Option<unsafe extern "C" fn(user: *mut c_void, id: u32, out: *mut u8, capacity: usize, len: *mut usize) -> Status>;
/// Writes record `id` whole, in place of what it was; returns 0 only when it would survive a loss of power.
pub type PayhsmStorageSaveFn =
    Option<unsafe extern "C" fn(user: *mut c_void, id: u32, data: *const u8, len: usize) -> Status>;
/// Removes record `id`, so that its bytes cannot be read again; returns 0 also if there is none.
pub type PayhsmStorageEraseFn = Option<unsafe extern "C" fn(user: *mut c_void, id: u32) -> Status>;
/// Decides; 0 lets the command go on. `PAYHSM_ERR_RATE_LIMITED`, and `PAYHSM_ERR_COUNTER_REPLAYED` on a DUKPT counter, are
/// passed on to the caller; anything else refuses with `PAYHSM_ERR_REFUSED`.
pub type PayhsmDecideFn = Option<unsafe extern "C" fn(user: *mut c_void, question: *const PayhsmQuestion) -> Status>;

/// Writes the milliseconds of a clock that runs while the device is on and is never set back; 0 if it could.
pub type PayhsmTickFn = Option<unsafe extern "C" fn(user: *mut c_void, milliseconds: *mut u64) -> Status>;

/// How often something may happen. A field of 0 stands for its default.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct PayhsmRate {
    /// How many may follow each other without a pause; `PAYHSM_RATE_UNLIMITED`: no limit at all.
    pub burst: u32,
    /// Milliseconds until there may be one more. A start brings one.
    pub interval_ms: u32,
    /// How many between two starts if there is no clock.
    pub per_start: u32,
}

/// No limit: `burst` of `payhsm_rate_t`.
pub const PAYHSM_RATE_UNLIMITED: u32 = 0xFFFF_FFFF;

impl PayhsmRate {
    pub(super) const fn limit(self, default: RateLimit) -> RateLimit {
        const fn or(value: u32, default: u32) -> u32 {
            if value == 0 { default } else { value }
        }
        if self.burst == PAYHSM_RATE_UNLIMITED {
            return RateLimit::NONE;
        }
        // Whoever limits something at all does not leave the rest without a limit.
        let given = self.burst | self.interval_ms | self.per_start != 0;
        let default = if given && matches!(default.interval, 0) {
            RateLimit::PIN_ENTRY
        } else {
            default
        };
        RateLimit {
            burst: or(self.burst, default.burst),
            interval: or(self.interval_ms, default.interval),
            per_start: or(self.per_start, default.per_start),
        }
    }
}

/// What the device gives, and how the module is set up. Set it to zero, then the fields.
///
/// Callbacks run inside calls of the library, on its stack. They must not call the library with the same context.
#[repr(C)]
#[derive(Debug)]
pub struct PayhsmConfig {
    /// `sizeof(payhsm_config_t)`.
    pub size: u32,
    /// `PAYHSM_ABI_VERSION`.
    pub abi_version: u32,
    /// Key slots, 1 to 256.
    pub slots: u32,
    /// DUKPT groups, 0 to 256.
    pub groups: u32,
    /// `PAYHSM_POLICY_…` bits.
    pub policy: u32,
    /// Minutes after which a component ceremony that is still open is over, at most 65535; 0: 15. Without `tick` it lasts
    /// until it ends by itself or is aborted.
    pub ceremony_minutes: u32,
    /// 32 bytes that seal stored records, unique to the device; copied. `NULL`: nothing is stored, and no DUKPT
    /// initial key can be loaded.
    pub storage_key: *const u8,
    /// Given to every callback.
    pub user: *mut c_void,
    /// Random bytes; must not be `NULL`. An error is the error of the call that asked; with a source that seeds a generator
    /// (`PAYHSM_ENTROPY_SEED`, `PAYHSM_ENTROPY_RAW`) it ends every output until the next start.
    pub entropy: PayhsmEntropyFn,
    /// Storage; all three or none.
    pub storage_load: PayhsmStorageLoadFn,
    /// Storage.
    pub storage_save: PayhsmStorageSaveFn,
    /// Storage.
    pub storage_erase: PayhsmStorageEraseFn,
    /// Decisions; `NULL` refuses all of them.
    pub decide: PayhsmDecideFn,
    /// The clock; `NULL` without one: limits over time then count what happens since the start.
    pub tick: PayhsmTickFn,
    /// PINs that are enciphered at this terminal. Default: 10 at once, one in 30 seconds on average, 120 without a clock.
    pub pin_entry: PayhsmRate,
    /// PIN commands of a host, of all cards together. All zero: no limit; the decision callback is asked each time. Otherwise a
    /// field of 0 has the default of `pin_entry`.
    pub pin_host: PayhsmRate,
    /// What `entropy` gives: `PAYHSM_ENTROPY_READY` (0), `PAYHSM_ENTROPY_SEED` or `PAYHSM_ENTROPY_RAW`.
    pub entropy_source: u32,
    /// With `PAYHSM_ENTROPY_RAW`: the min-entropy of one byte in whole bits, 1 to 8; otherwise 0.
    pub entropy_bits: u32,
    /// Storage in NOR flash, in place of the three storage callbacks; `NULL` without. Copied. Its callbacks must be good
    /// until `payhsm_close`.
    pub flash: *const PayhsmFlash,
    /// A counter that is never set back, with which an older image of the storage is seen; both or none. It counts from 0
    /// for a device whose storage is empty.
    pub monotonic_read: PayhsmMonotonicReadFn,
    /// Advances that counter.
    pub monotonic_advance: PayhsmMonotonicAdvanceFn,
    /// When algorithms are tested: `PAYHSM_SELF_TESTS_…`; 0: at their first use.
    pub self_tests: u32,
    /// Hours after which all self-tests must have run again, or commands that need one are refused, at most 65535; 0: never.
    /// Needs `tick`.
    pub self_test_hours: u32,
    /// Wrong log-ins in a row, 3 to 10, after which tries must wait; 0: 5.
    pub login_tries: u32,
    /// Minutes without a command after which a user is logged out, at most 65535; 0: 15. Needs `tick`.
    pub idle_minutes: u32,
    /// The time of day, from a clock that users cannot set; `NULL`: users with one-time codes cannot log in.
    pub unix_time: PayhsmTimeFn,
    /// The platform's verdict on the code in memory; `NULL` without one.
    pub integrity: PayhsmIntegrityFn,
    /// Not 0: limits over time do not begin anew at a start (needs `storage_key`). A start brings no PIN then, and what is
    /// counted without a clock is counted until `payhsm_limits_reset`.
    pub persistent_limits: u32,
    /// 0.
    pub reserved: u32,
}

/// Writes the seconds since 1970-01-01 UTC; 0 if it could.
pub type PayhsmTimeFn = Option<unsafe extern "C" fn(user: *mut c_void, seconds: *mut u64) -> Status>;
/// Judges whether the code in memory is what it should be: 0 if it is.
pub type PayhsmIntegrityFn = Option<unsafe extern "C" fn(user: *mut c_void) -> Status>;

/// The first command after a start that needs an algorithm runs its test.
pub const PAYHSM_SELF_TESTS_FIRST_USE: u32 = 0;
/// A command that needs an algorithm which was not tested since the start is refused.
pub const PAYHSM_SELF_TESTS_REFUSE: u32 = 1;
/// Never.
pub const PAYHSM_SELF_TESTS_OFF: u32 = 2;

/// Bytes that are ready for use. They are used as they come; only a byte that repeats nine times is taken for a failure.
pub const PAYHSM_ENTROPY_READY: u32 = 0;
/// Bytes that are ready for use and seed a generator (ChaCha20) once a start; the module draws from that.
pub const PAYHSM_ENTROPY_SEED: u32 = 1;
/// Samples of a noise source as they are digitised: they pass the health tests of SP 800-90B and seed the generator.
pub const PAYHSM_ENTROPY_RAW: u32 = 2;

impl PayhsmConfig {
    pub(super) const fn test_mode(&self) -> Result<SelfTestMode, Error> {
        match self.self_tests {
            PAYHSM_SELF_TESTS_FIRST_USE => Ok(SelfTestMode::FirstUse),
            PAYHSM_SELF_TESTS_REFUSE => Ok(SelfTestMode::Refuse),
            PAYHSM_SELF_TESTS_OFF => Ok(SelfTestMode::Off),
            _ => Err(Error::InvalidArgument),
        }
    }

    /// 0, or 3 to 10.
    pub(super) fn tries(&self) -> Result<u8, Error> {
        match u8::try_from(self.login_tries) {
            Ok(tries @ (0 | 3..=10)) => Ok(tries),
            _ => Err(Error::InvalidArgument),
        }
    }

    pub(super) fn source(&self) -> Result<EntropySource, Error> {
        match (self.entropy_source, self.entropy_bits) {
            (PAYHSM_ENTROPY_READY, 0) => Ok(EntropySource::Ready),
            (PAYHSM_ENTROPY_SEED, 0) => Ok(EntropySource::Seed),
            (PAYHSM_ENTROPY_RAW, bits) => {
                let bits = u8::try_from(bits).map_err(|_| Error::InvalidArgument)?;
                RawQuality::bits_per_byte(bits).map(EntropySource::Raw)
            }
            _ => Err(Error::InvalidArgument),
        }
    }
}

// SAFETY: `repr(C)`; the size comes first; numbers, pointers that may be `NULL` and functions that may be none.
unsafe impl Versioned for PayhsmConfig {
    const FIRST_SIZE: usize = offset_of!(Self, pin_host) + size_of::<PayhsmRate>();
}

#[cfg(test)]
mod tests {
    use core::mem::MaybeUninit;

    use super::*;
    use crate::capi::memory;

    #[test]
    fn the_sizes_of_this_header_and_of_older_ones_are_known() {
        let first = u32::try_from(PayhsmConfig::FIRST_SIZE).unwrap();
        let whole = u32::try_from(size_of::<PayhsmConfig>()).unwrap();
        assert!(PayhsmConfig::has_size(first) && PayhsmConfig::has_size(whole));
        for size in [0, first - 1, first + 1, first - 8, whole + 1, whole + 8, u32::MAX] {
            assert!(!PayhsmConfig::has_size(size), "{size}");
        }
    }

    #[test]
    fn fields_that_an_older_structure_does_not_have_are_zero() {
        let key = [0_u8; 32];
        let mut config = MaybeUninit::<PayhsmConfig>::zeroed();
        // SAFETY: within the structure, whose fields may all be 0.
        let mut config = unsafe {
            (*config.as_mut_ptr()).slots = 3;
            (*config.as_mut_ptr()).storage_key = key.as_ptr();
            (*config.as_mut_ptr()).pin_host.per_start = 7;
            config.assume_init()
        };
        // SAFETY: readable.
        let unknown = unsafe { memory::versioned(&raw const config) };
        assert!(matches!(unknown, Err(Error::AbiMismatch)));
        config.size = u32::try_from(PayhsmConfig::FIRST_SIZE).unwrap();
        // SAFETY: readable, and longer than what is read.
        let read = unsafe { memory::versioned(&raw const config) }.unwrap();
        assert_eq!(
            (read.slots, read.storage_key, read.pin_host.per_start),
            (3, key.as_ptr(), 7)
        );
    }
}
