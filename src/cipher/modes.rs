// SPDX-License-Identifier: MIT OR Apache-2.0
//! ECB, CBC and CTR, in place and without padding.
//!
//! Data are whole blocks (CTR: any length). Lengths show in timing, contents do not.

use cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, typenum::Unsigned};
use zeroize::Zeroize;

use crate::error::Error;

fn whole_blocks<C: BlockSizeUser>(data: &[u8]) -> Result<(), Error> {
    if data.len() % C::BlockSize::USIZE == 0 {
        Ok(())
    } else {
        Err(Error::InvalidLength)
    }
}

fn load<C: BlockSizeUser>(bytes: &[u8]) -> Block<C> {
    let mut block = Block::<C>::default();
    for (to, from) in block.iter_mut().zip(bytes) {
        *to = *from;
    }
    block
}

fn xor(to: &mut [u8], from: &[u8]) {
    for (t, f) in to.iter_mut().zip(from) {
        *t ^= f;
    }
}

/// Enciphers each block of `data` by itself.
///
/// # Errors
/// [`Error::InvalidLength`] if `data` is not whole blocks.
pub fn ecb_encrypt<C: BlockCipherEncrypt>(cipher: &C, data: &mut [u8]) -> Result<(), Error> {
    whole_blocks::<C>(data)?;
    for chunk in data.chunks_exact_mut(C::BlockSize::USIZE) {
        let mut block = load::<C>(chunk);
        cipher.encrypt_block(&mut block);
        chunk.copy_from_slice(&block);
        block.zeroize();
    }
    Ok(())
}

/// Deciphers each block of `data` by itself.
///
/// # Errors
/// [`Error::InvalidLength`] if `data` is not whole blocks.
pub fn ecb_decrypt<C: BlockCipherDecrypt>(cipher: &C, data: &mut [u8]) -> Result<(), Error> {
    whole_blocks::<C>(data)?;
    for chunk in data.chunks_exact_mut(C::BlockSize::USIZE) {
        let mut block = load::<C>(chunk);
        cipher.decrypt_block(&mut block);
        chunk.copy_from_slice(&block);
        block.zeroize();
    }
    Ok(())
}

/// CBC encipherment under a given initialisation vector of one block.
///
/// # Errors
/// [`Error::InvalidLength`] if `data` is not whole blocks or `iv` is not one block.
pub fn cbc_encrypt<C: BlockCipherEncrypt>(cipher: &C, iv: &[u8], data: &mut [u8]) -> Result<(), Error> {
    whole_blocks::<C>(data)?;
    if iv.len() != C::BlockSize::USIZE {
        return Err(Error::InvalidLength);
    }
    let mut chain = load::<C>(iv);
    for chunk in data.chunks_exact_mut(C::BlockSize::USIZE) {
        xor(&mut chain, chunk);
        cipher.encrypt_block(&mut chain);
        chunk.copy_from_slice(&chain);
    }
    chain.zeroize();
    Ok(())
}

/// CBC decipherment under a given initialisation vector of one block.
///
/// # Errors
/// [`Error::InvalidLength`] if `data` is not whole blocks or `iv` is not one block.
pub fn cbc_decrypt<C: BlockCipherDecrypt>(cipher: &C, iv: &[u8], data: &mut [u8]) -> Result<(), Error> {
    whole_blocks::<C>(data)?;
    if iv.len() != C::BlockSize::USIZE {
        return Err(Error::InvalidLength);
    }
    let mut chain = load::<C>(iv);
    for chunk in data.chunks_exact_mut(C::BlockSize::USIZE) {
        let mut block = load::<C>(chunk);
        let ciphertext = block.clone();
        cipher.decrypt_block(&mut block);
        xor(&mut block, &chain);
        chunk.copy_from_slice(&block);
        block.zeroize();
        chain = ciphertext;
    }
    Ok(())
}

/// CTR: the counter block starts at `counter` (one block) and counts as one big-endian number that wraps
/// (SP 800-38A 6.5). Its own inverse. `data` may have any length.
///
/// # Errors
/// [`Error::InvalidLength`] if `counter` is not one block.
pub fn ctr<C: BlockCipherEncrypt>(cipher: &C, counter: &[u8], data: &mut [u8]) -> Result<(), Error> {
    if counter.len() != C::BlockSize::USIZE {
        return Err(Error::InvalidLength);
    }
    let mut counter = load::<C>(counter);
    for chunk in data.chunks_mut(C::BlockSize::USIZE) {
        let mut stream = counter.clone();
        cipher.encrypt_block(&mut stream);
        xor(chunk, &stream);
        stream.zeroize();
        let mut carry = 1_u16;
        for byte in counter.iter_mut().rev() {
            let sum = u16::from(*byte).wrapping_add(carry);
            *byte = sum.to_be_bytes()[1];
            carry = sum >> 8;
        }
    }
    Ok(())
}
