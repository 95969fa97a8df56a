// SPDX-License-Identifier: MIT OR Apache-2.0
//! One interface over the peers' DES and AES, so that each scheme is written once.
//!
//! Their results live on the stack or, for EVP, in contexts that are made once and used again: nobody is charged for
//! memory that a careful caller would not ask for.

use core::cell::RefCell;
use core::ffi::{CStr, c_int, c_void};
use core::ptr::{null, null_mut};

use des::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};

use crate::ffi::*;

pub type Block = [u8; 8];

/// Single DES with its key schedule.
pub trait Des {
    fn new(key: &Block) -> Self;
    fn encrypt(&self, block: Block) -> Block;
    fn decrypt(key: &Block, block: Block) -> Block;

    /// CBC from zero: the last block.
    fn cbc_mac(&self, message: &[u8]) -> Block {
        message.chunks_exact(8).fold([0; 8], |sum, block| {
            self.encrypt(core::array::from_fn(|i| sum[i] ^ block[i]))
        })
    }
}

/// TDEA with two keys.
pub trait Tdea {
    fn new(key: &[u8; 16]) -> Self;
    fn encrypt(&self, block: Block) -> Block;
    fn decrypt(key: &[u8; 16], block: Block) -> Block;
}

/// AES-128.
pub trait Aes {
    fn new(key: &[u8; 16]) -> Self;
    fn encrypt(&self, block: [u8; 16]) -> [u8; 16];
    fn decrypt(key: &[u8; 16], block: [u8; 16]) -> [u8; 16];
}

// --- OpenSSL, low level ------------------------------------------------------------------------------------------------

pub struct LowDes(DesSchedule);

impl Des for LowDes {
    fn new(key: &Block) -> Self {
        let mut schedule = Room([0; 128]);
        // SAFETY: eight bytes in, a DES_key_schedule out.
        unsafe { DES_set_key_unchecked(key.as_ptr(), &mut schedule) };
        Self(schedule)
    }

    fn encrypt(&self, mut block: Block) -> Block {
        // SAFETY: one block in place.
        unsafe { DES_ecb_encrypt(block.as_ptr(), block.as_mut_ptr(), &self.0, 1) };
        block
    }

    fn decrypt(key: &Block, mut block: Block) -> Block {
        let schedule = Self::new(key);
        // SAFETY: one block in place.
        unsafe { DES_ecb_encrypt(block.as_ptr(), block.as_mut_ptr(), &schedule.0, 0) };
        block
    }

    fn cbc_mac(&self, message: &[u8]) -> Block {
        let mut out = [0; 8];
        // SAFETY: reads the message and a zero block, writes one block.
        unsafe {
            DES_cbc_cksum(
                message.as_ptr(),
                out.as_mut_ptr(),
                message.len() as i64,
                &self.0,
                [0; 8].as_ptr(),
            )
        };
        out
    }
}

pub struct LowTdea(LowDes, LowDes);

impl Tdea for LowTdea {
    fn new(key: &[u8; 16]) -> Self {
        Self(
            LowDes::new(key[..8].try_into().unwrap()),
            LowDes::new(key[8..].try_into().unwrap()),
        )
    }

    fn encrypt(&self, mut block: Block) -> Block {
        let (k1, k2) = (&self.0.0, &self.1.0);
        // SAFETY: one block in place.
        unsafe { DES_ecb3_encrypt(block.as_ptr(), block.as_mut_ptr(), k1, k2, k1, 1) };
        block
    }

    fn decrypt(key: &[u8; 16], mut block: Block) -> Block {
        let schedules = Self::new(key);
        let (k1, k2) = (&schedules.0.0, &schedules.1.0);
        // SAFETY: one block in place.
        unsafe { DES_ecb3_encrypt(block.as_ptr(), block.as_mut_ptr(), k1, k2, k1, 0) };
        block
    }
}

// --- OpenSSL, EVP ------------------------------------------------------------------------------------------------------

struct Fetched {
    des: *mut c_void,
    tdea: *mut c_void,
    aes: *mut c_void,
    cmac: *mut c_void,
    /// Contexts that nobody uses now.
    free: Vec<*mut c_void>,
}

thread_local! {
    static EVP: RefCell<Fetched> = RefCell::new({
        let fetch = |name: &CStr| {
            // SAFETY: names that end with zero; the default library context.
            let cipher = unsafe { EVP_CIPHER_fetch(null_mut(), name.as_ptr(), null()) };
            assert!(!cipher.is_null(), "{name:?}");
            cipher
        };
        // SAFETY: as above. Single DES is in the provider of legacy algorithms.
        unsafe {
            OSSL_PROVIDER_load(null_mut(), c"default".as_ptr());
            OSSL_PROVIDER_load(null_mut(), c"legacy".as_ptr());
            let mac = EVP_MAC_fetch(null_mut(), c"CMAC".as_ptr(), null());
            Fetched {
                des: fetch(c"DES-ECB"),
                tdea: fetch(c"DES-EDE-ECB"),
                aes: fetch(c"AES-128-ECB"),
                cmac: EVP_MAC_CTX_new(mac),
                free: Vec::new(),
            }
        }
    });
}

pub struct Evp(*mut c_void);

impl Evp {
    fn keyed(cipher: impl Fn(&Fetched) -> *mut c_void, key: &[u8], encrypt: bool) -> Self {
        EVP.with_borrow_mut(|evp| {
            // SAFETY: a context of OpenSSL, given back when this one is dropped.
            let context = evp.free.pop().unwrap_or_else(|| unsafe { EVP_CIPHER_CTX_new() });
            let done = unsafe {
                // SAFETY: the key has the cipher's length.
                EVP_CipherInit_ex2(context, cipher(evp), key.as_ptr(), null(), c_int::from(encrypt), null())
            };
            assert_eq!(done, 1);
            // SAFETY: as above.
            unsafe { EVP_CIPHER_CTX_set_padding(context, 0) };
            Self(context)
        })
    }

    fn block<const N: usize>(&self, mut block: [u8; N]) -> [u8; N] {
        let mut written = 0;
        // SAFETY: one block in place.
        unsafe { EVP_CipherUpdate(self.0, block.as_mut_ptr(), &mut written, block.as_ptr(), N as c_int) };
        block
    }
}

impl Drop for Evp {
    fn drop(&mut self) {
        EVP.with_borrow_mut(|evp| evp.free.push(self.0));
    }
}

pub struct EvpDes(Evp);

impl Des for EvpDes {
    fn new(key: &Block) -> Self {
        Self(Evp::keyed(|evp| evp.des, key, true))
    }

    fn encrypt(&self, block: Block) -> Block {
        self.0.block(block)
    }

    fn decrypt(key: &Block, block: Block) -> Block {
        Evp::keyed(|evp| evp.des, key, false).block(block)
    }
}

pub struct EvpTdea(Evp);

impl Tdea for EvpTdea {
    fn new(key: &[u8; 16]) -> Self {
        Self(Evp::keyed(|evp| evp.tdea, key, true))
    }

    fn encrypt(&self, block: Block) -> Block {
        self.0.block(block)
    }

    fn decrypt(key: &[u8; 16], block: Block) -> Block {
        Evp::keyed(|evp| evp.tdea, key, false).block(block)
    }
}

pub struct EvpAes(Evp);

impl Aes for EvpAes {
    fn new(key: &[u8; 16]) -> Self {
        Self(Evp::keyed(|evp| evp.aes, key, true))
    }

    fn encrypt(&self, block: [u8; 16]) -> [u8; 16] {
        self.0.block(block)
    }

    fn decrypt(key: &[u8; 16], block: [u8; 16]) -> [u8; 16] {
        Evp::keyed(|evp| evp.aes, key, false).block(block)
    }
}

/// CMAC with AES-128 through `EVP_MAC`.
pub fn evp_cmac(key: &[u8; 16], message: &[u8]) -> [u8; 16] {
    EVP.with_borrow_mut(|evp| {
        let cipher = c"AES-128-CBC";
        let parameters = [
            OsslParam {
                key: c"cipher".as_ptr(),
                kind: OSSL_PARAM_UTF8_STRING,
                data: cipher.as_ptr().cast(),
                size: cipher.to_bytes().len(),
                returned: 0,
            },
            OsslParam {
                key: null(),
                kind: 0,
                data: null(),
                size: 0,
                returned: 0,
            },
        ];
        let (mut out, mut written) = ([0; 16], 0);
        // SAFETY: the parameters end with an empty one; sixteen bytes are written.
        unsafe {
            assert_eq!(EVP_MAC_init(evp.cmac, key.as_ptr(), key.len(), parameters.as_ptr()), 1);
            EVP_MAC_update(evp.cmac, message.as_ptr(), message.len());
            EVP_MAC_final(evp.cmac, out.as_mut_ptr(), &mut written, out.len());
        }
        out
    })
}

// --- mbedTLS -------------------------------------------------------------------------------------------------------------

/// Their functions take the context as one that they may change.
pub struct MbedTlsDes(RefCell<MbedDes>);

impl Des for MbedTlsDes {
    fn new(key: &Block) -> Self {
        let mut context = Room([0; 128]);
        // SAFETY: eight bytes in, a mbedtls_des_context out.
        unsafe { mbedtls_des_setkey_enc(&mut context, key.as_ptr()) };
        Self(RefCell::new(context))
    }

    fn encrypt(&self, mut block: Block) -> Block {
        // SAFETY: one block in place.
        unsafe { mbedtls_des_crypt_ecb(self.0.as_ptr(), block.as_ptr(), block.as_mut_ptr()) };
        block
    }

    fn decrypt(key: &Block, mut block: Block) -> Block {
        let mut context = Room([0; 128]);
        // SAFETY: as above.
        unsafe {
            mbedtls_des_setkey_dec(&mut context, key.as_ptr());
            mbedtls_des_crypt_ecb(&mut context, block.as_ptr(), block.as_mut_ptr());
        }
        block
    }
}

pub struct MbedTlsTdea(RefCell<MbedDes3>);

impl Tdea for MbedTlsTdea {
    fn new(key: &[u8; 16]) -> Self {
        let mut context = Room([0; 384]);
        // SAFETY: sixteen bytes in, a mbedtls_des3_context out.
        unsafe { mbedtls_des3_set2key_enc(&mut context, key.as_ptr()) };
        Self(RefCell::new(context))
    }

    fn encrypt(&self, mut block: Block) -> Block {
        // SAFETY: one block in place.
        unsafe { mbedtls_des3_crypt_ecb(self.0.as_ptr(), block.as_ptr(), block.as_mut_ptr()) };
        block
    }

    fn decrypt(key: &[u8; 16], mut block: Block) -> Block {
        let mut context = Room([0; 384]);
        // SAFETY: as above.
        unsafe {
            mbedtls_des3_set2key_dec(&mut context, key.as_ptr());
            mbedtls_des3_crypt_ecb(&mut context, block.as_ptr(), block.as_mut_ptr());
        }
        block
    }
}

pub struct MbedTlsAes(RefCell<MbedAes>);

impl Aes for MbedTlsAes {
    fn new(key: &[u8; 16]) -> Self {
        let aes = Self(RefCell::new(Room([0; 320])));
        // SAFETY: sixteen bytes in, a mbedtls_aes_context at its final place.
        unsafe {
            mbedtls_aes_init(aes.0.as_ptr());
            mbedtls_aes_setkey_enc(aes.0.as_ptr(), key.as_ptr(), 128);
        }
        aes
    }

    fn encrypt(&self, mut block: [u8; 16]) -> [u8; 16] {
        let mut context = self.0.borrow_mut();
        // The context points into itself, and may have moved since.
        let inside = (&raw mut *context).cast::<u8>();
        // SAFETY: `buf` of mbedTLS 2.28 follows the number of rounds and the pointer to it.
        unsafe {
            inside.add(8).cast::<*mut u8>().write(inside.add(16));
            mbedtls_aes_crypt_ecb(&mut *context, 1, block.as_ptr(), block.as_mut_ptr());
        }
        block
    }

    fn decrypt(key: &[u8; 16], mut block: [u8; 16]) -> [u8; 16] {
        let mut context = Room([0; 320]);
        // SAFETY: as above, and the context does not move.
        unsafe {
            mbedtls_aes_init(&mut context);
            mbedtls_aes_setkey_dec(&mut context, key.as_ptr(), 128);
            mbedtls_aes_crypt_ecb(&mut context, 0, block.as_ptr(), block.as_mut_ptr());
        }
        block
    }
}

/// CMAC with AES-128 in one call.
pub fn mbedtls_cmac(key: &[u8; 16], message: &[u8]) -> [u8; 16] {
    let mut out = [0; 16];
    // SAFETY: the cipher is there; sixteen bytes are written.
    let done = unsafe {
        let info = mbedtls_cipher_info_from_type(MBEDTLS_CIPHER_AES_128_ECB);
        mbedtls_cipher_cmac(
            info,
            key.as_ptr(),
            128,
            message.as_ptr(),
            message.len(),
            out.as_mut_ptr(),
        )
    };
    assert_eq!(done, 0);
    out
}

// --- crate des -----------------------------------------------------------------------------------------------------------

pub struct CrateDes(des::Des);

impl Des for CrateDes {
    fn new(key: &Block) -> Self {
        Self(des::Des::new(&Array(*key)))
    }

    fn encrypt(&self, block: Block) -> Block {
        let mut block = Array(block);
        self.0.encrypt_block(&mut block);
        block.0
    }

    fn decrypt(key: &Block, block: Block) -> Block {
        let mut block = Array(block);
        Self::new(key).0.decrypt_block(&mut block);
        block.0
    }
}

pub struct CrateTdea(des::TdesEde2);

impl Tdea for CrateTdea {
    fn new(key: &[u8; 16]) -> Self {
        Self(des::TdesEde2::new(&Array(*key)))
    }

    fn encrypt(&self, block: Block) -> Block {
        let mut block = Array(block);
        self.0.encrypt_block(&mut block);
        block.0
    }

    fn decrypt(key: &[u8; 16], block: Block) -> Block {
        let mut block = Array(block);
        Self::new(key).0.decrypt_block(&mut block);
        block.0
    }
}
