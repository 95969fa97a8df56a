// SPDX-License-Identifier: MIT OR Apache-2.0
//! The callbacks of the device as a platform of the module.

use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroize;

use crate::capi::config::{
    PayhsmConfig, PayhsmDecideFn, PayhsmEntropyFn, PayhsmIntegrityFn, PayhsmStorageEraseFn, PayhsmStorageLoadFn,
    PayhsmStorageSaveFn, PayhsmTickFn, PayhsmTimeFn,
};
use crate::capi::flash::{CallbackFlash, PayhsmFlash, PayhsmMonotonicAdvanceFn, PayhsmMonotonicReadFn};
use crate::capi::question::{self, PAYHSM_ASK_DUKPT_COUNTER};
use crate::capi::status::PAYHSM_OK;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::hsm::{FINGERPRINT_LEN, Platform, Question};
use crate::store::flash::FlashStorage;
use crate::store::{Area, Half, Storage};

/// The callbacks as a platform.
#[derive(Debug)]
pub(super) struct Callbacks {
    user: *mut c_void,
    entropy: PayhsmEntropyFn,
    load: PayhsmStorageLoadFn,
    save: PayhsmStorageSaveFn,
    erase: PayhsmStorageEraseFn,
    decide: PayhsmDecideFn,
    tick: PayhsmTickFn,
    flash: Option<FlashStorage<CallbackFlash>>,
    monotonic_read: PayhsmMonotonicReadFn,
    monotonic_advance: PayhsmMonotonicAdvanceFn,
    unix_time: PayhsmTimeFn,
    integrity: PayhsmIntegrityFn,
    /// Set when a tamper event comes; in the context, beside the module.
    signal: *const AtomicBool,
}

impl Callbacks {
    /// With a flash it is the storage. `signal`: valid and initialised as long as the module lives.
    pub(super) fn new(
        config: &PayhsmConfig,
        flash: Option<&PayhsmFlash>,
        signal: *const AtomicBool,
    ) -> Result<Self, Error> {
        let records = config.storage_load.is_some() || config.storage_save.is_some() || config.storage_erase.is_some();
        if (flash.is_some() && records) || config.monotonic_read.is_some() != config.monotonic_advance.is_some() {
            return Err(Error::InvalidArgument);
        }
        Ok(Self {
            user: config.user,
            entropy: config.entropy,
            load: config.storage_load,
            save: config.storage_save,
            erase: config.storage_erase,
            decide: config.decide,
            tick: config.tick,
            flash: flash.map(CallbackFlash::storage).transpose()?,
            monotonic_read: config.monotonic_read,
            monotonic_advance: config.monotonic_advance,
            unix_time: config.unix_time,
            integrity: config.integrity,
            signal,
        })
    }
}

impl Entropy for Callbacks {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let Some(entropy) = self.entropy else {
            return Err(Error::Entropy);
        };
        // SAFETY: the contract of `payhsm_config_t`: the callback writes at most `len` bytes of `out`.
        match unsafe { entropy(self.user, out.as_mut_ptr(), out.len()) } {
            PAYHSM_OK => Ok(()),
            _ => {
                out.zeroize();
                Err(Error::Entropy)
            }
        }
    }
}

impl Storage for Callbacks {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        if let Some(flash) = &mut self.flash {
            return flash.load(id, out);
        }
        let Some(load) = self.load else {
            return Ok(0);
        };
        let mut len = 0;
        // SAFETY: the contract of `payhsm_config_t`: the callback writes at most `capacity` bytes of `out`, and `len`.
        match unsafe { load(self.user, id.into(), out.as_mut_ptr(), out.len(), &raw mut len) } {
            PAYHSM_OK if len <= out.len() => Ok(len),
            _ => Err(Error::Storage),
        }
    }

    fn save(&mut self, id: u16, data: &[u8]) -> Result<(), Error> {
        if let Some(flash) = &mut self.flash {
            return flash.save(id, data);
        }
        let Some(save) = self.save else {
            return Err(Error::Storage);
        };
        // SAFETY: the contract of `payhsm_config_t`: the callback reads `len` bytes of `data`.
        match unsafe { save(self.user, id.into(), data.as_ptr(), data.len()) } {
            PAYHSM_OK => Ok(()),
            _ => Err(Error::Storage),
        }
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        if let Some(flash) = &mut self.flash {
            return flash.erase(id);
        }
        let Some(erase) = self.erase else {
            return Err(Error::Storage);
        };
        // SAFETY: the contract of `payhsm_config_t`.
        match unsafe { erase(self.user, id.into()) } {
            PAYHSM_OK => Ok(()),
            _ => Err(Error::Storage),
        }
    }

    fn next_record(&mut self, from: u16) -> Result<Option<u16>, Error> {
        match &mut self.flash {
            Some(flash) => flash.next_record(from),
            None => Ok(Some(from)),
        }
    }

    fn area(&mut self, group: u16) -> Option<Area> {
        self.flash.as_mut()?.area(group)
    }

    fn area_read(&mut self, half: Half, at: u32, out: &mut [u8]) -> Result<(), Error> {
        self.flash.as_mut().ok_or(Error::Storage)?.area_read(half, at, out)
    }

    fn area_program(&mut self, half: Half, at: u32, bytes: &[u8]) -> Result<(), Error> {
        self.flash.as_mut().ok_or(Error::Storage)?.area_program(half, at, bytes)
    }

    fn area_erase(&mut self, half: Half) -> Result<(), Error> {
        self.flash.as_mut().ok_or(Error::Storage)?.area_erase(half)
    }

    fn monotonic(&mut self) -> Result<Option<u64>, Error> {
        let Some(read) = self.monotonic_read else {
            return Ok(None);
        };
        let mut value = 0;
        // SAFETY: the contract of `payhsm_config_t`: the callback writes the number.
        match unsafe { read(self.user, &raw mut value) } {
            PAYHSM_OK => Ok(Some(value)),
            _ => Err(Error::Storage),
        }
    }

    fn advance(&mut self, by: u64) -> Result<(), Error> {
        let Some(advance) = self.monotonic_advance else {
            return Ok(());
        };
        // SAFETY: the contract of `payhsm_config_t`.
        match unsafe { advance(self.user, by) } {
            PAYHSM_OK => Ok(()),
            _ => Err(Error::Storage),
        }
    }
}

impl Platform for Callbacks {
    fn decide(&mut self, question: &Question<'_>) -> Result<(), Error> {
        self.decide_card(question, &[0; FINGERPRINT_LEN])
    }

    fn decide_card(&mut self, question: &Question<'_>, fingerprint: &[u8; FINGERPRINT_LEN]) -> Result<(), Error> {
        let Some(decide) = self.decide else {
            return Err(Error::Refused);
        };
        question::with(question, fingerprint, |question| {
            // SAFETY: the contract of `payhsm_config_t`: the callback reads the question during the call only.
            match unsafe { decide(self.user, question) } {
                PAYHSM_OK => Ok(()),
                // The two answers that a caller wants to tell apart.
                code if code == Error::CounterReplayed.code() && question.kind == PAYHSM_ASK_DUKPT_COUNTER => {
                    Err(Error::CounterReplayed)
                }
                code if code == Error::RateLimited.code() => Err(Error::RateLimited),
                _ => Err(Error::Refused),
            }
        })
    }

    fn tick(&mut self) -> Option<u64> {
        let mut milliseconds = 0;
        // SAFETY: the contract of `payhsm_config_t`: the callback writes the number.
        match unsafe { (self.tick?)(self.user, &raw mut milliseconds) } {
            PAYHSM_OK => Some(milliseconds),
            _ => None,
        }
    }

    fn unix_time(&mut self) -> Option<u64> {
        let mut seconds = 0;
        // SAFETY: the contract of `payhsm_config_t`: the callback writes the number.
        match unsafe { (self.unix_time?)(self.user, &raw mut seconds) } {
            PAYHSM_OK => Some(seconds),
            _ => None,
        }
    }

    fn code_is_sound(&mut self) -> Option<bool> {
        // SAFETY: the contract of `payhsm_config_t`.
        Some(unsafe { (self.integrity?)(self.user) } == PAYHSM_OK)
    }

    fn tampered(&self) -> bool {
        // SAFETY: by `new`.
        unsafe { (*self.signal).load(Ordering::Acquire) }
    }
}
