// SPDX-License-Identifier: MIT OR Apache-2.0
//! The panic handler of the bare-metal archive.

unsafe extern "C" {
    /// Defined nowhere. If no panic can be reached the linker drops the handler and never looks for this; if one can,
    /// the image does not link. An image that must accept a reachable panic defines it: wipe and reset.
    fn payhsm_unreachable_panic() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: a function without parameters that does not return.
    unsafe { payhsm_unreachable_panic() }
}
