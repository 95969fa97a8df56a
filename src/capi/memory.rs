// SPDX-License-Identifier: MIT OR Apache-2.0
//! From pointers to slices and back.
//!
//! The contract that every `unsafe` block of the C functions relies on, in full in `docs/C-API.md`:
//!
//! - **C1** a pointer that is not `NULL` points to the stated number of readable (inputs) or writable (outputs) bytes,
//!   for the length of the call;
//! - **C2** nobody else reads or writes that memory, or the context, during the call;
//! - **C3** outputs do not overlap inputs, other outputs or the context, except where a function allows input and output
//!   to be the same buffer.
//!
//! C3 is not taken on trust: [`run`](super::context::run) compares the addresses of all [`Place`]s of a call before the
//! first reference to any of them exists.

use core::mem::{MaybeUninit, size_of};
use core::ptr;
use core::slice;

use zeroize::Zeroize;

use crate::error::Error;
use crate::weaken::guard;

/// Where a parameter lies. Nothing is read through it; an output is wiped through it when the call has failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    data: *const u8,
    len: usize,
    /// Whether a failed call wipes it if it is an output.
    wiped: bool,
}

impl Place {
    /// Nowhere; overlaps nothing.
    pub(super) const NONE: Self = Self {
        data: ptr::null(),
        len: 0,
        wiped: false,
    };

    /// `len` bytes. `NULL`, and lengths that no object has, are refused when the pointer is used.
    pub(super) fn bytes(data: *const u8, len: usize) -> Self {
        match isize::try_from(len) {
            Ok(_) if !data.is_null() => Self { data, len, wiped: true },
            _ => Self::NONE,
        }
    }

    /// One value.
    pub(super) fn of<T>(value: *const T) -> Self {
        let place = Self::bytes(value.cast(), size_of::<T>());
        // What is misaligned is no place for a value, and is left alone.
        Self {
            wiped: place.wiped && value.is_aligned(),
            ..place
        }
    }

    /// Values behind each other.
    #[cfg(feature = "host")]
    pub(super) fn array<T>(values: *const T, count: usize) -> Self {
        // A count that no memory has is refused when the pointer is used.
        let place = Self::bytes(values.cast(), count.saturating_mul(size_of::<T>()));
        Self {
            wiped: place.wiped && values.is_aligned(),
            ..place
        }
    }

    /// A structure that begins with its size; as many bytes as it has by its own account, if that is one that can be.
    ///
    /// # Safety
    /// C1 and C2 for the size.
    pub(super) unsafe fn versioned<T: Versioned>(place: *const T) -> Self {
        // SAFETY: the caller's.
        let len = unsafe { size_of_versioned(place) }.unwrap_or(size_of::<T>());
        // As an output it keeps its size, and wipes the rest itself.
        Self {
            wiped: false,
            ..Self::bytes(place.cast(), len)
        }
    }

    /// Whether a byte is in both.
    fn overlaps(self, other: Self) -> bool {
        // Each difference is a distance if it is not below zero, and otherwise more than any length.
        let (a, b) = (self.data.addr(), other.data.addr());
        self.len != 0 && other.len != 0 && (b.wrapping_sub(a) < self.len || a.wrapping_sub(b) < other.len)
    }

    /// An output that a failed call leaves as it is: in a list of statuses a 0 would be success.
    #[cfg(feature = "host")]
    pub(super) const fn kept(self) -> Self {
        Self { wiped: false, ..self }
    }

    /// Wipes an output of a call that has failed: each of them, whichever the call had come to.
    ///
    /// # Safety
    /// C1, C2 and C3 for the place, which was made of a pointer to writable memory; no reference to it exists any more.
    pub(super) unsafe fn wipe(self) {
        if self.wiped {
            // SAFETY: the caller's; bytes of 0 are valid in every output.
            unsafe { ptr::write_bytes(self.data.cast_mut(), 0, self.len) };
            // Looked at, and again if something is there: a left-out instruction may have written what is no zero.
            let mut left = 0;
            for at in 0..self.len {
                // SAFETY: as above; `at` is within the place.
                left |= unsafe { ptr::read_volatile(self.data.wrapping_add(at)) };
            }
            if left != 0 {
                // SAFETY: as above.
                unsafe { ptr::write_bytes(self.data.cast_mut(), 0, self.len) };
            }
        }
    }
}

/// Judges C3: an output overlaps no input and no other output.
pub(super) fn disjoint(outputs: &[Place], inputs: &[Place]) -> Result<(), Error> {
    let mut rest = outputs.iter();
    while let Some(output) = rest.next() {
        if guard!("I01", rest.clone().chain(inputs).any(|other| output.overlaps(*other))) {
            return Err(Error::Overlap);
        }
    }
    Ok(())
}

/// An input.
///
/// # Safety
/// C1 and C2 for `data` and `len`.
pub(super) unsafe fn input<'a>(data: *const u8, len: usize) -> Result<&'a [u8], Error> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Error::NullPointer);
    }
    if isize::try_from(len).is_err() {
        return Err(Error::InvalidLength);
    }
    // SAFETY: not null, at most isize::MAX bytes, readable by C1, not written meanwhile by C2.
    Ok(unsafe { slice::from_raw_parts(data, len) })
}

/// An input of fixed length.
///
/// # Safety
/// C1 and C2 for `data` and `N`.
pub(super) unsafe fn input_array<'a, const N: usize>(data: *const u8) -> Result<&'a [u8; N], Error> {
    // SAFETY: the caller's.
    unsafe { input(data, N) }?.try_into().map_err(|_| Error::Internal)
}

/// An output buffer, wiped.
///
/// # Safety
/// C1, C2 and C3 for `data` and `len`.
pub(super) unsafe fn output<'a>(data: *mut u8, len: usize) -> Result<&'a mut [u8], Error> {
    if len == 0 {
        return Ok(&mut []);
    }
    if data.is_null() {
        return Err(Error::NullPointer);
    }
    if isize::try_from(len).is_err() {
        return Err(Error::InvalidLength);
    }
    // SAFETY: writable by C1; zero is a valid byte.
    unsafe { ptr::write_bytes(data, 0, len) };
    // SAFETY: not null, at most isize::MAX initialised bytes, nobody else's by C2 and C3.
    Ok(unsafe { slice::from_raw_parts_mut(data, len) })
}

/// An output of fixed length, wiped.
///
/// # Safety
/// C1, C2 and C3 for `data` and `N`.
pub(super) unsafe fn output_array<'a, const N: usize>(data: *mut u8) -> Result<&'a mut [u8; N], Error> {
    // SAFETY: the caller's.
    unsafe { output(data, N) }?.try_into().map_err(|_| Error::Internal)
}

/// An output value, set to `value`.
///
/// # Safety
/// C1, C2 and C3 for `place`.
pub(super) unsafe fn place<'a, T>(place: *mut T, value: T) -> Result<&'a mut T, Error> {
    if place.is_null() {
        return Err(Error::NullPointer);
    }
    if !place.is_aligned() {
        return Err(Error::Misaligned);
    }
    // SAFETY: not null, aligned, writable by C1.
    unsafe { place.write(value) };
    // SAFETY: just initialised; nobody else's by C2 and C3.
    Ok(unsafe { &mut *place })
}

/// Two outputs: each was wiped before either is missed.
pub(super) fn both<A, B>(a: Result<A, Error>, b: Result<B, Error>) -> Result<(A, B), Error> {
    Ok((a?, b?))
}

/// An input value.
///
/// # Safety
/// C1 and C2 for `place`.
pub(super) unsafe fn value<'a, T>(place: *const T) -> Result<&'a T, Error> {
    if place.is_null() {
        return Err(Error::NullPointer);
    }
    if !place.is_aligned() {
        return Err(Error::Misaligned);
    }
    // SAFETY: not null, aligned, readable by C1 and not written by C2. The types used here have no invalid values.
    Ok(unsafe { &*place })
}

/// Whether values stand where a slice of them may.
#[cfg(feature = "host")]
fn judge_array<T>(values: *const T, count: usize) -> Result<(), Error> {
    if values.is_null() {
        Err(Error::NullPointer)
    } else if !values.is_aligned() {
        Err(Error::Misaligned)
    } else if count
        .checked_mul(size_of::<T>())
        .is_none_or(|len| isize::try_from(len).is_err())
    {
        Err(Error::InvalidLength)
    } else {
        Ok(())
    }
}

/// Input values behind each other.
///
/// # Safety
/// C1 and C2 for `values` and `count`.
#[cfg(feature = "host")]
pub(super) unsafe fn inputs<'a, T>(values: *const T, count: usize) -> Result<&'a [T], Error> {
    if count == 0 {
        return Ok(&[]);
    }
    judge_array(values, count)?;
    // SAFETY: not null, aligned, at most isize::MAX bytes, readable by C1, not written meanwhile by C2. The types used
    // here have no invalid values.
    Ok(unsafe { slice::from_raw_parts(values, count) })
}

/// Output values behind each other, each set to `value`.
///
/// # Safety
/// C1, C2 and C3 for `values` and `count`.
#[cfg(feature = "host")]
pub(super) unsafe fn outputs<'a, T: Copy>(values: *mut T, count: usize, value: T) -> Result<&'a mut [T], Error> {
    if count == 0 {
        return Ok(&mut []);
    }
    judge_array(values, count)?;
    for index in 0..count {
        // SAFETY: inside the array, which is writable by C1.
        unsafe { values.add(index).write(value) };
    }
    // SAFETY: not null, aligned, at most isize::MAX bytes, just initialised, nobody else's by C2 and C3.
    Ok(unsafe { slice::from_raw_parts_mut(values, count) })
}

/// A structure that begins with its size. Fields are appended and never taken away: a caller built against an older
/// header has a shorter one.
///
/// # Safety
/// `repr(C)`; the first field is the size, a `u32`; bytes of 0 are valid in every field.
pub(super) unsafe trait Versioned: Sized {
    /// Its size when it had its first fields only.
    const FIRST_SIZE: usize = size_of::<Self>();

    /// Whether a structure of this size is one that this library knows.
    fn has_size(size: u32) -> bool {
        let size = size as usize;
        (Self::FIRST_SIZE..=size_of::<Self>()).contains(&size) && size.is_multiple_of(align_of::<Self>())
    }
}

/// The size that a structure gives itself.
///
/// # Safety
/// C1 and C2 for the size.
unsafe fn size_of_versioned<T: Versioned>(place: *const T) -> Result<usize, Error> {
    if place.is_null() {
        return Err(Error::NullPointer);
    }
    if !place.is_aligned() {
        return Err(Error::Misaligned);
    }
    // SAFETY: not null, aligned, readable by C1.
    let size = unsafe { place.cast::<u32>().read() };
    if T::has_size(size) {
        Ok(size as usize)
    } else {
        Err(Error::AbiMismatch)
    }
}

/// An input structure that begins with its size; the fields that it does not have are 0.
///
/// # Safety
/// C1 and C2 for `place`, with as many bytes as its size says.
pub(super) unsafe fn versioned<T: Versioned>(place: *const T) -> Result<T, Error> {
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: readable by C1, and no longer than the copy, whose fields may be 0.
    unsafe {
        let size = size_of_versioned(place)?;
        ptr::copy_nonoverlapping(place.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), size);
        Ok(copy.assume_init())
    }
}

/// An output structure, in which the caller has put the size; the rest is wiped.
pub(super) struct VersionedOutput<T> {
    place: *mut T,
    size: u32,
}

impl<T: Versioned> VersionedOutput<T> {
    /// # Safety
    /// C1, C2 and C3 for `place`, with as many bytes as its size says, until the call ends.
    pub(super) unsafe fn new(place: *mut T) -> Result<Self, Error> {
        // SAFETY: the caller's. The size was judged, so that it is the length of the structure by C1.
        unsafe {
            let size = size_of_versioned(place)?;
            let bytes = place.cast::<u8>();
            ptr::write_bytes(bytes.add(size_of::<u32>()), 0, size.wrapping_sub(size_of::<u32>()));
            Ok(Self {
                place,
                size: bytes.cast::<u32>().read(),
            })
        }
    }

    /// Writes the fields that the caller's structure has.
    pub(super) fn write(self, value: &T) {
        // SAFETY: by `new`, the place has as many bytes; the value has no fewer.
        unsafe {
            ptr::copy_nonoverlapping(
                ptr::from_ref(value).cast::<u8>(),
                self.place.cast::<u8>(),
                self.size as usize,
            );
            self.place.cast::<u32>().write(self.size);
        }
    }
}

/// A buffer that is filled up to a length that the call finds.
pub(super) struct Output<'a> {
    bytes: &'a mut [u8],
    len: &'a mut usize,
}

impl<'a> Output<'a> {
    /// Wipes the buffer and sets the length to 0.
    ///
    /// # Safety
    /// C1, C2 and C3 for `data` with `capacity` bytes and for `len`.
    pub(super) unsafe fn new(data: *mut u8, capacity: usize, len: *mut usize) -> Result<Self, Error> {
        // SAFETY: the caller's.
        let (len, bytes) = unsafe { both(place(len, 0), output(data, capacity)) }?;
        Ok(Self { bytes, len })
    }

    /// The buffer whole, for a call that reports how much it wrote.
    pub(super) fn fill(self, write: impl FnOnce(&mut [u8]) -> Result<usize, Error>) -> Result<(), Error> {
        match write(self.bytes) {
            Ok(len) => {
                *self.len = len;
                Ok(())
            }
            Err(error) => {
                self.bytes.zeroize();
                Err(error)
            }
        }
    }

    /// The first `len` bytes, for a call that writes all of them.
    pub(super) fn exactly(self, len: usize, write: impl FnOnce(&mut [u8]) -> Result<(), Error>) -> Result<(), Error> {
        self.fill(|bytes| {
            let out = bytes.get_mut(..len).ok_or(Error::BufferTooSmall)?;
            write(out)?;
            Ok(len)
        })
    }
}

/// Copies an input to the output that is worked on in place. Both may be one buffer.
///
/// # Safety
/// C1 and C2 for `data` with `len` bytes, and for `out` with `len` bytes; C3, but `out` may be `data`.
pub(super) unsafe fn copy_in<'a>(data: *const u8, len: usize, out: *mut u8) -> Result<&'a mut [u8], Error> {
    if len == 0 {
        return Ok(&mut []);
    }
    if data.is_null() || out.is_null() {
        return Err(Error::NullPointer);
    }
    if isize::try_from(len).is_err() {
        return Err(Error::InvalidLength);
    }
    // SAFETY: readable and writable for `len` bytes by C1; `copy` allows both to be the same buffer.
    unsafe { ptr::copy(data, out, len) };
    // SAFETY: not null, at most isize::MAX initialised bytes, nobody else's by C2.
    Ok(unsafe { slice::from_raw_parts_mut(out, len) })
}

/// How many words of the stack below a call are overwritten after it: more than the deepest call of a thumb image takes, and
/// four times as much where frames are larger. `scripts/size` holds a terminal's to what it computes; `scripts/residue`, with
/// every feature, prints how deep each call is.
const BURN_WORDS: usize = if cfg!(not(target_os = "none")) {
    4096
} else if cfg!(any(feature = "host", feature = "ec")) {
    1840
} else {
    976
};

/// The same after a start.
const START_BURN_WORDS: usize = if cfg!(not(target_os = "none")) {
    16384
} else if cfg!(any(feature = "host", feature = "ec")) {
    2048
} else {
    976
};

/// Overwrites the stack that a call has used: moved values and spilled registers leave copies that no destructor
/// reaches. Then the registers that are nobody's after a call.
#[inline(never)]
pub(super) fn burn_stack() {
    overwrite::<BURN_WORDS>();
}

/// The same after a start.
#[inline(never)]
pub(super) fn burn_stack_of_start() {
    overwrite::<START_BURN_WORDS>();
}

#[inline(always)]
fn overwrite<const WORDS: usize>() {
    let mut area = MaybeUninit::<[u32; WORDS]>::uninit();
    let words = area.as_mut_ptr().cast::<u32>();
    for index in 0..WORDS {
        // SAFETY: inside the area.
        unsafe { words.add(index).write_volatile(0) };
    }
    core::hint::black_box(&mut area);
    #[cfg(target_arch = "arm")]
    // SAFETY: writes registers that it declares.
    unsafe {
        // The last is where a status would stand: no success.
        core::arch::asm!(
            "movs r0, #0", "mov r1, r0", "mov r2, r0", "mov r3, r0", "mov r12, r0", "mvns r0, r0",
            out("r0") _, out("r1") _, out("r2") _, out("r3") _, out("r12") _,
            options(nomem, nostack),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_overlap_when_a_byte_is_in_both() {
        let place = |address: usize, len| Place {
            data: ptr::without_provenance(address),
            len,
            wiped: false,
        };
        for (a, b) in (0..7).flat_map(|a| (0..7).map(move |b| (a, b))) {
            for (a_len, b_len) in (0..5).flat_map(|a| (0..5).map(move |b| (a, b))) {
                let both = (a..a + a_len).any(|byte| (b..b + b_len).contains(&byte));
                // The same at the end of the address space, where a place may even go round.
                for base in [1000, usize::MAX - 12, usize::MAX - 3] {
                    let first = place(base.wrapping_add(a), a_len);
                    let second = place(base.wrapping_add(b), b_len);
                    assert_eq!(first.overlaps(second), both, "{a} {a_len} {b} {b_len}");
                }
            }
        }
        let all = place(16, usize::MAX / 2);
        assert!(all.overlaps(place(usize::MAX / 2, 1)));
        assert!(!all.overlaps(place(15, 1)) && !place(15, 1).overlaps(all));
    }

    #[test]
    fn every_output_is_compared_with_everything() {
        let bytes = [0_u8; 8];
        let at = |i: usize, len| Place::bytes(bytes.as_ptr().wrapping_add(i), len);
        assert_eq!(disjoint(&[at(0, 2), at(2, 2)], &[at(4, 2), at(4, 4)]), Ok(()));
        assert_eq!(disjoint(&[at(0, 2), at(2, 2), at(3, 1)], &[]), Err(Error::Overlap));
        assert_eq!(
            disjoint(&[at(0, 2), at(2, 2)], &[at(6, 2), at(3, 1)]),
            Err(Error::Overlap)
        );
        assert_eq!(disjoint(&[at(0, 8)], &[at(0, 0), Place::bytes(ptr::null(), 8)]), Ok(()));
        assert_eq!(disjoint(&[at(0, 8)], &[at(0, usize::MAX)]), Ok(()));
    }
}
