// SPDX-License-Identifier: MIT OR Apache-2.0
//! NOR flash as the module's storage: areas for DUKPT groups, and a log of records.
//!
//! ```text
//!  pages:  | bank 0 of the records | bank 1 | group 0: area 0 | area 1 | group 1: area 0 | area 1 | ...
//! ```
//!
//! [`FlashStorage`] divides the pages of a [`Flash`] by a [`Layout`]. Any flash behind the traits of `embedded-storage` is
//! a [`Flash`] through [`Nor`]; a driver with geometry known at run time implements [`Flash`] itself.
//!
//! What is asked of the flash: erasing makes every bit of a page 1, programming makes bits 0, a program word is at most
//! 16 bytes. Words are programmed once after each erasure, unless [`Geometry::rewritable`] says that a programmed word may
//! be programmed again, to zeros or to what it holds; then what is superseded is cleared at once, and otherwise only
//! by the next erasure of its page. A loss of power in the middle of a program or an erasure may leave anything in
//! the words and the page concerned, also bits that read differently from one time to the next.

use embedded_storage::nor_flash::{MultiwriteNorFlash, NorFlash};

use crate::error::Error;
use crate::store::{Area, Half, Storage};

mod log;
use log::RecordLog;

/// What a flash is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes that are erased together.
    pub page_len: u32,
    /// Pages.
    pub pages: u32,
    /// Bytes that are programmed together: 1, 2, 4, 8 or 16.
    pub word_len: u32,
    /// Whether a programmed word may be programmed again, to zeros or to what it holds.
    pub rewritable: bool,
}

/// NOR flash.
pub trait Flash {
    /// Its geometry, always the same.
    fn geometry(&self) -> Geometry;

    /// Reads from any byte on.
    ///
    /// # Errors
    /// [`Error::Storage`], also for what is uncorrectable.
    fn read(&mut self, at: u32, out: &mut [u8]) -> Result<(), Error>;

    /// Programs whole words.
    ///
    /// # Errors
    /// [`Error::Storage`].
    fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), Error>;

    /// Erases page `page`.
    ///
    /// # Errors
    /// [`Error::Storage`].
    fn erase(&mut self, page: u32) -> Result<(), Error>;
}

impl<F: Flash + ?Sized> Flash for &mut F {
    fn geometry(&self) -> Geometry {
        (**self).geometry()
    }

    fn read(&mut self, at: u32, out: &mut [u8]) -> Result<(), Error> {
        (**self).read(at, out)
    }

    fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), Error> {
        (**self).program(at, bytes)
    }

    fn erase(&mut self, page: u32) -> Result<(), Error> {
        (**self).erase(page)
    }
}

/// A flash behind the traits of `embedded-storage`.
///
/// Reads go through a buffer if the flash reads words only (`READ_SIZE` at most 16).
#[derive(Debug)]
pub struct Nor<F> {
    flash: F,
    geometry: Geometry,
}

impl<F: NorFlash> Nor<F> {
    /// A flash whose words are programmed once after each erasure.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a geometry that [`FlashStorage::new`] would refuse.
    pub fn new(flash: F) -> Result<Self, Error> {
        Self::with(flash, false)
    }

    /// A flash whose words may be programmed again.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn rewritable(flash: F) -> Result<Self, Error>
    where
        F: MultiwriteNorFlash,
    {
        Self::with(flash, true)
    }

    fn with(flash: F, rewritable: bool) -> Result<Self, Error> {
        let number = |n: usize| u32::try_from(n).map_err(|_| Error::Unsupported);
        let (page_len, word_len) = (number(F::ERASE_SIZE)?, number(F::WRITE_SIZE)?);
        let pages = number(flash.capacity())?
            .checked_div(page_len)
            .ok_or(Error::Unsupported)?;
        let geometry = Geometry {
            page_len,
            pages,
            word_len,
            rewritable,
        };
        if !geometry.is_sound() || !F::READ_SIZE.is_power_of_two() || F::READ_SIZE > 16 {
            return Err(Error::Unsupported);
        }
        Ok(Self { flash, geometry })
    }

    /// Gives the flash back.
    pub fn into_inner(self) -> F {
        self.flash
    }
}

impl<F: NorFlash> Flash for Nor<F> {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read(&mut self, at: u32, out: &mut [u8]) -> Result<(), Error> {
        // Everything here stands at multiples of 16 and has one as its length.
        self.flash.read(at, out).map_err(|_| Error::Storage)
    }

    fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), Error> {
        self.flash.write(at, bytes).map_err(|_| Error::Storage)
    }

    fn erase(&mut self, page: u32) -> Result<(), Error> {
        let from = page.checked_mul(self.geometry.page_len).ok_or(Error::Storage)?;
        let to = from.checked_add(self.geometry.page_len).ok_or(Error::Storage)?;
        self.flash.erase(from, to).map_err(|_| Error::Storage)
    }
}

impl Geometry {
    /// Pages of 256 bytes to 1 MiB, words of 1 to 16 bytes, addresses of 32 bits.
    fn is_sound(self) -> bool {
        matches!(self.word_len, 1 | 2 | 4 | 8 | 16)
            && (256..=1 << 20).contains(&self.page_len)
            && self.page_len & (Area::UNIT - 1) == 0
            && self.pages.checked_mul(self.page_len).is_some()
    }
}

/// What the pages of a flash are for, from the first on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Pages of each of the two banks of records; 0: no records are kept.
    pub record_pages: u32,
    /// DUKPT groups with areas.
    pub groups: u16,
    /// Pages of each of the two areas of a group.
    pub area_pages: u32,
}

impl Layout {
    /// Pages that it takes.
    #[must_use]
    pub const fn pages(&self) -> Option<u32> {
        let Some(of_groups) = self.area_pages.checked_mul(self.groups as u32) else {
            return None;
        };
        let Some(of_one_kind) = self.record_pages.checked_add(of_groups) else {
            return None;
        };
        of_one_kind.checked_mul(2)
    }
}

/// A flash as the module's storage.
#[derive(Debug)]
pub struct FlashStorage<F: Flash> {
    flash: F,
    layout: Layout,
    records: RecordLog,
}

impl<F: Flash> FlashStorage<F> {
    /// Divides a flash. Nothing is read or written yet: the first operation on records looks at them.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the flash is too small for the layout, or its geometry none that is supported:
    /// pages of 256 bytes to 1 MiB in multiples of 16, words of 1, 2, 4, 8 or 16 bytes, at most 4 GiB; or banks and areas
    /// of more than 1 MiB.
    pub fn new(flash: F, layout: Layout) -> Result<Self, Error> {
        let geometry = flash.geometry();
        let len = |pages: u32| pages.checked_mul(geometry.page_len).is_some_and(|len| len <= 1 << 20);
        let fits = layout.pages().is_some_and(|pages| pages <= geometry.pages);
        let areas = layout.groups == 0 || layout.area_pages > 0;
        if !geometry.is_sound() || !fits || !areas || !len(layout.record_pages) || !len(layout.area_pages) {
            return Err(Error::InvalidArgument);
        }
        Ok(Self {
            flash,
            layout,
            records: RecordLog::new(geometry, layout.record_pages),
        })
    }

    /// The flash.
    pub const fn flash(&mut self) -> &mut F {
        &mut self.flash
    }

    /// Gives the flash back.
    pub fn into_inner(self) -> F {
        self.flash
    }

    /// The first page of an area.
    fn page(&self, half: Half) -> Result<u32, Error> {
        if half.group >= self.layout.groups {
            return Err(Error::Storage);
        }
        let number = (u32::from(half.group) << 1) | u32::from(half.second);
        // No more than the layout's pages, which are counted in 32 bits.
        let areas = self.layout.record_pages.wrapping_mul(2);
        Ok(areas.wrapping_add(number.wrapping_mul(self.layout.area_pages)))
    }

    /// The address of a part of an area.
    fn address(&self, half: Half, at: u32, len: usize) -> Result<u32, Error> {
        let page_len = self.flash.geometry().page_len;
        let area_len = self.layout.area_pages.wrapping_mul(page_len);
        let end = u32::try_from(len).ok().and_then(|len| at.checked_add(len));
        end.filter(|end| *end <= area_len).ok_or(Error::Storage)?;
        Ok(self.page(half)?.wrapping_mul(page_len).wrapping_add(at))
    }
}

impl<F: Flash> Storage for FlashStorage<F> {
    fn load(&mut self, id: u16, out: &mut [u8]) -> Result<usize, Error> {
        self.records.load(&mut self.flash, id, out)
    }

    fn save(&mut self, id: u16, record: &[u8]) -> Result<(), Error> {
        self.records.save(&mut self.flash, id, record)
    }

    fn erase(&mut self, id: u16) -> Result<(), Error> {
        self.records.erase(&mut self.flash, id)
    }

    fn next_record(&mut self, from: u16) -> Result<Option<u16>, Error> {
        self.records.next(&mut self.flash, from)
    }

    fn area(&mut self, group: u16) -> Option<Area> {
        let Geometry {
            page_len, rewritable, ..
        } = self.flash.geometry();
        (group < self.layout.groups).then(|| Area {
            len: self.layout.area_pages.wrapping_mul(page_len),
            rewritable,
        })
    }

    fn area_read(&mut self, half: Half, at: u32, out: &mut [u8]) -> Result<(), Error> {
        let at = self.address(half, at, out.len())?;
        self.flash.read(at, out)
    }

    fn area_program(&mut self, half: Half, at: u32, bytes: &[u8]) -> Result<(), Error> {
        let at = self.address(half, at, bytes.len())?;
        self.flash.program(at, bytes)
    }

    fn area_erase(&mut self, half: Half) -> Result<(), Error> {
        let first = self.page(half)?;
        (first..first.wrapping_add(self.layout.area_pages)).try_for_each(|page| self.flash.erase(page))
    }
}
