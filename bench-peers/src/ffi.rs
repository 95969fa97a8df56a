// SPDX-License-Identifier: MIT OR Apache-2.0
//! The functions of OpenSSL 3 and mbedTLS 2.28 that are measured. Sizes of structures: those of the headers, with room.

use core::ffi::{c_char, c_int, c_uchar, c_uint, c_void};

/// Room for a structure of theirs.
#[repr(C, align(16))]
pub struct Room<const N: usize>(pub [u8; N]);

pub type DesSchedule = Room<128>;
pub type MbedDes = Room<128>;
pub type MbedDes3 = Room<384>;
pub type MbedAes = Room<320>;

unsafe extern "C" {
    pub fn DES_set_key_unchecked(key: *const c_uchar, schedule: *mut DesSchedule);
    pub fn DES_ecb_encrypt(input: *const c_uchar, output: *mut c_uchar, schedule: *const DesSchedule, encrypt: c_int);
    pub fn DES_ecb3_encrypt(
        input: *const c_uchar,
        output: *mut c_uchar,
        first: *const DesSchedule,
        second: *const DesSchedule,
        third: *const DesSchedule,
        encrypt: c_int,
    );
    /// CBC without output: the last block.
    pub fn DES_cbc_cksum(
        input: *const c_uchar,
        output: *mut c_uchar,
        len: i64,
        schedule: *const DesSchedule,
        iv: *const c_uchar,
    ) -> c_uint;

    pub fn OSSL_PROVIDER_load(context: *mut c_void, name: *const c_char) -> *mut c_void;
    pub fn EVP_CIPHER_fetch(context: *mut c_void, name: *const c_char, properties: *const c_char) -> *mut c_void;
    pub fn EVP_CIPHER_CTX_new() -> *mut c_void;
    pub fn EVP_CIPHER_CTX_set_padding(context: *mut c_void, pad: c_int) -> c_int;
    pub fn EVP_CipherInit_ex2(
        context: *mut c_void,
        cipher: *const c_void,
        key: *const c_uchar,
        iv: *const c_uchar,
        encrypt: c_int,
        parameters: *const c_void,
    ) -> c_int;
    pub fn EVP_CipherUpdate(
        context: *mut c_void,
        output: *mut c_uchar,
        written: *mut c_int,
        input: *const c_uchar,
        len: c_int,
    ) -> c_int;
    pub fn EVP_MAC_fetch(context: *mut c_void, name: *const c_char, properties: *const c_char) -> *mut c_void;
    pub fn EVP_MAC_CTX_new(mac: *mut c_void) -> *mut c_void;
    pub fn EVP_MAC_init(context: *mut c_void, key: *const c_uchar, len: usize, parameters: *const OsslParam) -> c_int;
    pub fn EVP_MAC_update(context: *mut c_void, data: *const c_uchar, len: usize) -> c_int;
    pub fn EVP_MAC_final(context: *mut c_void, out: *mut c_uchar, written: *mut usize, size: usize) -> c_int;
    pub fn OpenSSL_version(what: c_int) -> *const c_char;

    pub fn mbedtls_des_setkey_enc(context: *mut MbedDes, key: *const c_uchar) -> c_int;
    pub fn mbedtls_des_setkey_dec(context: *mut MbedDes, key: *const c_uchar) -> c_int;
    pub fn mbedtls_des_crypt_ecb(context: *mut MbedDes, input: *const c_uchar, output: *mut c_uchar) -> c_int;
    pub fn mbedtls_des3_set2key_enc(context: *mut MbedDes3, key: *const c_uchar) -> c_int;
    pub fn mbedtls_des3_set2key_dec(context: *mut MbedDes3, key: *const c_uchar) -> c_int;
    pub fn mbedtls_des3_crypt_ecb(context: *mut MbedDes3, input: *const c_uchar, output: *mut c_uchar) -> c_int;
    pub fn mbedtls_aes_init(context: *mut MbedAes);
    pub fn mbedtls_aes_setkey_enc(context: *mut MbedAes, key: *const c_uchar, bits: c_uint) -> c_int;
    pub fn mbedtls_aes_setkey_dec(context: *mut MbedAes, key: *const c_uchar, bits: c_uint) -> c_int;
    pub fn mbedtls_aes_crypt_ecb(
        context: *mut MbedAes,
        mode: c_int,
        input: *const c_uchar,
        output: *mut c_uchar,
    ) -> c_int;
    pub fn mbedtls_cipher_info_from_type(kind: c_int) -> *const c_void;
    pub fn mbedtls_cipher_cmac(
        info: *const c_void,
        key: *const c_uchar,
        bits: usize,
        input: *const c_uchar,
        len: usize,
        output: *mut c_uchar,
    ) -> c_int;
    pub fn mbedtls_version_get_string_full(out: *mut c_char);
}

/// `MBEDTLS_CIPHER_AES_128_ECB` of mbedTLS 2.28.
pub const MBEDTLS_CIPHER_AES_128_ECB: c_int = 2;

/// `OSSL_PARAM`.
#[repr(C)]
pub struct OsslParam {
    pub key: *const c_char,
    pub kind: c_uint,
    pub data: *const c_void,
    pub size: usize,
    pub returned: usize,
}

/// `OSSL_PARAM_UTF8_STRING`.
pub const OSSL_PARAM_UTF8_STRING: c_uint = 4;
