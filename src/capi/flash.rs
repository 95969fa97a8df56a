// SPDX-License-Identifier: MIT OR Apache-2.0
//! NOR flash and a monotonic counter behind callbacks.

use core::ffi::c_void;

use crate::capi::memory::Versioned;
use crate::capi::status::{PAYHSM_OK, Status};
use crate::error::Error;
use crate::store::flash::{Flash, FlashStorage, Geometry, Layout};

/// Reads `len` bytes at `address` into `out`; 0 if it could, another number for what cannot be read. `address`, counted
/// from the first byte of the flash that the module has, and `len` are multiples of 16.
pub type PayhsmFlashReadFn =
    Option<unsafe extern "C" fn(user: *mut c_void, address: u32, out: *mut u8, len: usize) -> Status>;
/// Programs `len` bytes, at most 64, at `address`: bits go from 1 to 0, whole words at a time. Both are multiples of 16; what
/// is programmed may cross the end of a page. Returns 0 only when it would survive a loss of power.
pub type PayhsmFlashProgramFn =
    Option<unsafe extern "C" fn(user: *mut c_void, address: u32, data: *const u8, len: usize) -> Status>;
/// Erases the page that begins at `address`: every byte becomes FF. Returns 0 only when it is done.
pub type PayhsmFlashEraseFn = Option<unsafe extern "C" fn(user: *mut c_void, address: u32) -> Status>;

/// Writes the value of a counter that is never set back, also not by a loss of power; 0 if it could.
pub type PayhsmMonotonicReadFn = Option<unsafe extern "C" fn(user: *mut c_void, value: *mut u64) -> Status>;
/// Advances that counter by `by`, at least 1; returns 0 only when the new value would survive a loss of power.
pub type PayhsmMonotonicAdvanceFn = Option<unsafe extern "C" fn(user: *mut c_void, by: u64) -> Status>;

/// NOR flash that the module has for itself. Set it to zero, then the fields.
///
/// The pages, from the first on: `record_pages` for one bank of records, as many for the other; then for each DUKPT group
/// `area_pages` for one area of its journal, and as many for the other. docs/STORAGE.md says how many are needed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PayhsmFlash {
    /// `sizeof(payhsm_flash_t)`.
    pub size: u32,
    /// Bytes that are erased together, 256 to 1048576, a multiple of 16.
    pub page_size: u32,
    /// Pages.
    pub pages: u32,
    /// Bytes that are programmed together: 1, 2, 4, 8 or 16.
    pub program_word: u32,
    /// Not 0: a programmed word may be programmed again, to zeros or to what it holds. Used keys are cleared in place
    /// then; otherwise they stay, sealed, until their page is erased.
    pub word_rewritable: u32,
    /// Added to every address that the callbacks get.
    pub base: u32,
    /// Pages of each of the two banks of records.
    pub record_pages: u32,
    /// DUKPT groups that have areas, from group 0 on; the others are kept in records.
    pub groups: u32,
    /// Pages of each of the two areas of a group.
    pub area_pages: u32,
    /// 0.
    pub reserved: u32,
    /// Reads; must not be `NULL`.
    pub read: PayhsmFlashReadFn,
    /// Programs; must not be `NULL`.
    pub program: PayhsmFlashProgramFn,
    /// Erases; must not be `NULL`.
    pub erase: PayhsmFlashEraseFn,
    /// Given to these three callbacks.
    pub user: *mut c_void,
}

// SAFETY: `repr(C)`, the size first; numbers, functions that may be none and a pointer that may be `NULL`.
unsafe impl Versioned for PayhsmFlash {}

/// The callbacks as a flash.
#[derive(Debug)]
pub(super) struct CallbackFlash {
    geometry: Geometry,
    base: u32,
    read: PayhsmFlashReadFn,
    program: PayhsmFlashProgramFn,
    erase: PayhsmFlashEraseFn,
    user: *mut c_void,
}

impl CallbackFlash {
    /// The storage on it.
    pub(super) fn storage(config: &PayhsmFlash) -> Result<FlashStorage<Self>, Error> {
        if config.read.is_none() || config.program.is_none() || config.erase.is_none() {
            return Err(Error::NullPointer);
        }
        let geometry = Geometry {
            page_len: config.page_size,
            pages: config.pages,
            word_len: config.program_word,
            rewritable: config.word_rewritable != 0,
        };
        let layout = Layout {
            record_pages: config.record_pages,
            groups: u16::try_from(config.groups).map_err(|_| Error::InvalidArgument)?,
            area_pages: config.area_pages,
        };
        let end = config
            .pages
            .checked_mul(config.page_size)
            .and_then(|len| len.checked_add(config.base));
        if end.is_none() || config.reserved != 0 {
            return Err(Error::InvalidArgument);
        }
        let flash = Self {
            geometry,
            base: config.base,
            read: config.read,
            program: config.program,
            erase: config.erase,
            user: config.user,
        };
        FlashStorage::new(flash, layout)
    }
}

impl Flash for CallbackFlash {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read(&mut self, at: u32, out: &mut [u8]) -> Result<(), Error> {
        let read = self.read.ok_or(Error::Storage)?;
        let at = self.base.wrapping_add(at);
        // SAFETY: the contract of `payhsm_flash_t`: the callback writes at most `len` bytes of `out`.
        match unsafe { read(self.user, at, out.as_mut_ptr(), out.len()) } {
            PAYHSM_OK => Ok(()),
            _ => Err(Error::Storage),
        }
    }

    fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), Error> {
        let program = self.program.ok_or(Error::Storage)?;
        let at = self.base.wrapping_add(at);
        // SAFETY: the contract of `payhsm_flash_t`: the callback reads `len` bytes of `data`.
        match unsafe { program(self.user, at, bytes.as_ptr(), bytes.len()) } {
            PAYHSM_OK => Ok(()),
            _ => Err(Error::Storage),
        }
    }

    fn erase(&mut self, page: u32) -> Result<(), Error> {
        let erase = self.erase.ok_or(Error::Storage)?;
        let at = self.base.wrapping_add(page.wrapping_mul(self.geometry.page_len));
        // SAFETY: the contract of `payhsm_flash_t`.
        match unsafe { erase(self.user, at) } {
            PAYHSM_OK => Ok(()),
            _ => Err(Error::Storage),
        }
    }
}
