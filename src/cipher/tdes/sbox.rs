// SPDX-License-Identifier: MIT OR Apache-2.0
//! The eight S-boxes at once, as a polynomial over words.
//!
//! Each of the 32 output bits of the S-boxes is a Boolean function of six input bits, so it is one polynomial over
//! GF(2) in x0 to x5 (its algebraic normal form): the sum, over the 64 products of inputs, of a coefficient bit times
//! the product. Bit p of a word is the lane of one output bit. The coefficients of one product, for all 32 outputs,
//! are one constant word, and the whole layer is one polynomial whose coefficients and variables are words:
//!
//! ```text
//! lane p:        output bit j of S-box i
//! x[k]:          input bit k of S-box i, in all four lanes of S-box i
//! y = sum over m of C[m] & product of the x[k] in m         (& is the product, ^ the sum)
//! ```
//!
//! It is evaluated by Horner's rule, one & and one ^ for each coefficient, without a branch or an address that depends
//! on x. Two facts of DES make it shorter. For fixed outer bits x0 and x5 each S-box is a permutation of its four inner
//! bits (FIPS 46-3, Appendix 1), and an output bit of a permutation of four bits has degree three at most: the
//! coefficients of all products with x1 x2 x3 x4 are zero. So there are 15 products of inner bits, and the coefficient of
//! each is a polynomial in x0 and x5 alone: four constants.
//!
//! A 64-bit word takes the polynomial apart once more, into A + x5 B: A in the lower half, B in the upper one.
//!
//! The constants follow from the tables of FIPS 46-3 and the lanes of [`portable`](super::portable); a unit test derives
//! them again, and another one compares all 8 x 64 entries.

use super::portable::{NIBBLES, P};

/// For each product of inner bits (bit n of the index: x[n + 1]) the coefficients of 1, x0, x5 and x0 x5.
pub(super) const COEFFICIENTS_32: [[u32; 4]; 15] = [
    [0xF5E4_647E, 0xFBD6_35AC, 0xCB33_A93E, 0x17AC_DE63],
    [0xA765_67D7, 0x3EA8_8C0A, 0x58F8_04AB, 0x6B0E_100A],
    [0x5CEA_3BE6, 0x368D_E653, 0x915F_4208, 0x10AD_E820],
    [0xC9D0_DD1C, 0x6E8E_AA5F, 0x69A3_08CB, 0x5AAB_7F2A],
    [0xB396_A659, 0x053C_0C95, 0x0DF5_4062, 0x07F1_4195],
    [0xCD0B_3C3A, 0x2DFD_0A5C, 0xA80D_01AB, 0x3103_556C],
    [0x2505_512C, 0x2414_103F, 0x210F_526E, 0x215C_1375],
    [0x0D64_182C, 0x2DFF_0C3F, 0x01F6_5AA8, 0x0306_6A7F],
    [0xE537_7FFC, 0x0261_CACF, 0x00FD_4243, 0x70F7_4AB9],
    [0x099C_0039, 0x3BBC_0093, 0x29FC_80E0, 0x5B59_014D],
    [0x3F5C_A09B, 0x33E4_DAF5, 0x010A_4042, 0x5551_E252],
    [0x1C1C_8008, 0xAA38_2ACA, 0x1C55_0001, 0xB8FC_E2EF],
    [0x4EED_43CA, 0x672E_30A3, 0x9D50_D22C, 0x5DA2_F9E0],
    [0x5595_8273, 0xC4F9_AA5D, 0x34F8_3788, 0xE505_D4AA],
    [0x212D_7904, 0x203F_3C05, 0x85AF_5E42, 0x0DFC_1B0B],
];

/// What a round over 32-bit words reads. Together, so that one register holds the address of all of it.
pub(super) struct Constants32 {
    coefficients: [[u32; 4]; 15],
    pub(super) masks: [u32; 6],
    pub(super) nibbles: u32,
}

pub(super) static CONSTANTS_32: Constants32 = Constants32 {
    coefficients: COEFFICIENTS_32,
    masks: {
        let [(m0, _), (m1, _), (m2, _), (m3, _), (m4, _), (m5, _)] = P;
        [m0, m1, m2, m3, m4, m5]
    },
    nibbles: NIBBLES,
};

/// The same for 64-bit words: coefficients of 1 and x0, and in the upper half those of x5 and x0 x5.
pub(super) static COEFFICIENTS_64: [[u64; 2]; 15] = [
    [0xCB33_A93E_F5E4_647E, 0x17AC_DE63_FBD6_35AC],
    [0x58F8_04AB_A765_67D7, 0x6B0E_100A_3EA8_8C0A],
    [0x915F_4208_5CEA_3BE6, 0x10AD_E820_368D_E653],
    [0x69A3_08CB_C9D0_DD1C, 0x5AAB_7F2A_6E8E_AA5F],
    [0x0DF5_4062_B396_A659, 0x07F1_4195_053C_0C95],
    [0xA80D_01AB_CD0B_3C3A, 0x3103_556C_2DFD_0A5C],
    [0x210F_526E_2505_512C, 0x215C_1375_2414_103F],
    [0x01F6_5AA8_0D64_182C, 0x0306_6A7F_2DFF_0C3F],
    [0x00FD_4243_E537_7FFC, 0x70F7_4AB9_0261_CACF],
    [0x29FC_80E0_099C_0039, 0x5B59_014D_3BBC_0093],
    [0x010A_4042_3F5C_A09B, 0x5551_E252_33E4_DAF5],
    [0x1C55_0001_1C1C_8008, 0xB8FC_E2EF_AA38_2ACA],
    [0x9D50_D22C_4EED_43CA, 0x5DA2_F9E0_672E_30A3],
    [0x34F8_3788_5595_8273, 0xE505_D4AA_C4F9_AA5D],
    [0x85AF_5E42_212D_7904, 0x0DFC_1B0B_203F_3C05],
];

/// The address, not before `value` is there; the compiler does not know that it is the same.
///
/// The polynomial needs every register of a Cortex-M4. Left to itself the compiler reads coefficients long before they
/// are used and puts them on the stack: a seventh of the instructions of a block. It is not told what to do but only
/// that there is an order.
#[inline(always)]
#[cfg_attr(target_arch = "arm", allow(unsafe_code, reason = "an empty template"))]
fn after(address: &'static Constants32, value: u32) -> &'static Constants32 {
    #[cfg(target_arch = "arm")]
    {
        let mut address: *const Constants32 = address;
        // SAFETY: no instruction; the address stays what it is.
        unsafe {
            core::arch::asm!(
                "/* {0} {1} */",
                inout(reg) address,
                in(reg) value,
                options(pure, nomem, nostack, preserves_flags)
            );
            &*address
        }
    }
    #[cfg(not(target_arch = "arm"))]
    {
        let _ = value;
        core::hint::black_box(address)
    }
}

/// The polynomial by Horner's rule, in an order in which two sums and four coefficients are alive at most.
#[inline(always)]
pub(super) fn evaluate32(constants: &mut &'static Constants32, [x0, x1, x2, x3, x4, x5]: [u32; 6]) -> u32 {
    let mut at = *constants;
    // Not a loop: at opt-level `s` it would stay one.
    at = after(after(after(at, x0), x1), x2);
    at = after(after(after(at, x3), x4), x5);
    macro_rules! leaf {
        ($n:literal after $sum:expr) => {{
            at = after(at, $sum);
            let [a, b, c, d] = at.coefficients[$n];
            (a ^ (b & x0)) ^ ((c ^ (d & x0)) & x5)
        }};
    }
    let mut sum = leaf!(14 after x0) & x2;
    sum ^= leaf!(13 after sum) & x1;
    sum ^= leaf!(12 after sum);
    sum &= x3;
    let mut part = leaf!(11 after sum) & x1;
    part = (part ^ leaf!(10 after part)) & x2;
    sum ^= part;
    sum ^= leaf!(9 after sum) & x1;
    sum = (sum ^ leaf!(8 after sum)) & x4;
    part = leaf!(7 after sum) & x1;
    part = (part ^ leaf!(6 after part)) & x2;
    part ^= leaf!(5 after part) & x1;
    part = (part ^ leaf!(4 after part)) & x3;
    sum ^= part;
    part = leaf!(3 after sum) & x1;
    part = (part ^ leaf!(2 after part)) & x2;
    sum ^= part;
    sum ^= leaf!(1 after sum) & x1;
    sum ^= leaf!(0 after sum);
    *constants = after(at, sum);
    sum
}

/// The polynomial by Horner's rule, in the order in which a processor with several units does most at a time.
#[inline(always)]
pub(super) fn evaluate64(coefficients: &[[u64; 2]; 15], [x0, x1, x2, x3, x4, x5]: [u64; 6]) -> u64 {
    let leaf = |&[a, b]: &[u64; 2]| a ^ (b & x0);
    let [c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14] = coefficients;
    let quad = |a, b, c, d| (leaf(a) ^ (leaf(b) & x1)) ^ ((leaf(c) ^ (leaf(d) & x1)) & x2);
    let top = leaf(c12) ^ (leaf(c13) & x1) ^ (leaf(c14) & x2);
    let high = quad(c8, c9, c10, c11) ^ (top & x3);
    let low = quad(c0, c1, c2, c3) ^ (quad(c4, c5, c6, c7) & x3);
    // A in the lower half, B in the upper one; both halves get A + x5 B.
    let terms = (low ^ (high & x4)) & (x5 | 0xFFFF_FFFF);
    terms ^ terms.rotate_left(32)
}
