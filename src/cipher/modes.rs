// SPDX-License-Identifier: MIT OR Apache-2.0
//! ECB, CBC and CTR, in place and without padding.
//!
//! Data are whole blocks (CTR: any length). Lengths show in timing, contents do not. What is deciphered or enciphered
//! never leaves `data`; chaining values are ciphertext, key stream is wiped.

use cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, array::Array};
use zeroize::Zeroize;

use crate::error::Error;
use crate::weaken::guard;

/// `data` as blocks.
fn blocks<C: BlockSizeUser>(data: &mut [u8]) -> Result<&mut [Block<C>], Error> {
    let (blocks, rest) = Array::slice_as_chunks_mut(data);
    if guard!("H07", !rest.is_empty()) {
        return Err(Error::InvalidLength);
    }
    Ok(blocks)
}

/// One block: an initialisation vector or a counter.
fn block<C: BlockSizeUser>(bytes: &[u8]) -> Result<Block<C>, Error> {
    match Array::slice_as_chunks(bytes) {
        ([block], []) => Ok(block.clone()),
        _ => Err(Error::InvalidLength),
    }
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
///
/// # Source
/// SP 800-38A 6.1; vectors: `vectors/des_aes_kat.txt`.
pub fn ecb_encrypt<C: BlockCipherEncrypt>(cipher: &C, data: &mut [u8]) -> Result<(), Error> {
    for block in blocks::<C>(data)? {
        cipher.encrypt_block(block);
    }
    Ok(())
}

/// Deciphers each block of `data` by itself.
///
/// # Errors
/// [`Error::InvalidLength`] if `data` is not whole blocks.
///
/// # Source
/// SP 800-38A 6.1; vectors: `vectors/des_aes_kat.txt`.
pub fn ecb_decrypt<C: BlockCipherDecrypt>(cipher: &C, data: &mut [u8]) -> Result<(), Error> {
    for block in blocks::<C>(data)? {
        cipher.decrypt_block(block);
    }
    Ok(())
}

/// CBC encipherment under a given initialisation vector of one block.
///
/// # Errors
/// [`Error::InvalidLength`] if `data` is not whole blocks or `iv` is not one block; `data` is unchanged then.
///
/// # Source
/// SP 800-38A 6.2; vectors: `vectors/des_aes_kat.txt`.
pub fn cbc_encrypt<C: BlockCipherEncrypt>(cipher: &C, iv: &[u8], data: &mut [u8]) -> Result<(), Error> {
    let mut chain = block::<C>(iv)?;
    for block in blocks::<C>(data)? {
        xor(block, &chain);
        cipher.encrypt_block(block);
        chain.clone_from(block);
    }
    Ok(())
}

/// CBC decipherment under a given initialisation vector of one block.
///
/// # Errors
/// [`Error::InvalidLength`] if `data` is not whole blocks or `iv` is not one block; `data` is unchanged then.
///
/// # Source
/// SP 800-38A 6.2; vectors: `vectors/des_aes_kat.txt`.
pub fn cbc_decrypt<C: BlockCipherDecrypt>(cipher: &C, iv: &[u8], data: &mut [u8]) -> Result<(), Error> {
    let mut chain = block::<C>(iv)?;
    for block in blocks::<C>(data)? {
        let ciphertext = block.clone();
        cipher.decrypt_block(block);
        xor(block, &chain);
        chain = ciphertext;
    }
    Ok(())
}

/// CTR: the counter block starts at `counter` (one block) and counts as one big-endian number that wraps. Its own
/// inverse. `data` may have any length.
///
/// # Errors
/// [`Error::InvalidLength`] if `counter` is not one block; `data` is unchanged then.
///
/// # Source
/// SP 800-38A 6.5 and B.1, the whole block as counter; vectors: `vectors/des_aes_kat.txt`.
pub fn ctr<C: BlockCipherEncrypt>(cipher: &C, counter: &[u8], data: &mut [u8]) -> Result<(), Error> {
    let mut counter = block::<C>(counter)?;
    let mut stream = Block::<C>::default();
    for chunk in data.chunks_mut(stream.len()) {
        stream.clone_from(&counter);
        cipher.encrypt_block(&mut stream);
        xor(chunk, &stream);
        increment(&mut counter);
    }
    stream.zeroize();
    Ok(())
}

/// Adds one to a big-endian number, without regard to where the carry ends.
fn increment(number: &mut [u8]) {
    let mut carry = 1_u16;
    for byte in number.iter_mut().rev() {
        let [high, low] = u16::from(*byte).wrapping_add(carry).to_be_bytes();
        *byte = low;
        carry = u16::from(high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::{aes::Aes, tdes::Tdes};

    #[test]
    fn counter_wraps() {
        let mut number = [0xFF; 3];
        increment(&mut number);
        assert_eq!(number, [0; 3]);
        let mut number = [0x01, 0xFF, 0xFF];
        increment(&mut number);
        assert_eq!(number, [0x02, 0, 0]);

        // The block after FF..FF is that of 00..00.
        let aes = Aes::new(&[7; 16]).unwrap();
        let mut two = [0; 32];
        ctr(&aes, &[0xFF; 16], &mut two).unwrap();
        let mut zero = [0; 16];
        ecb_encrypt(&aes, &mut zero).unwrap();
        assert_eq!(two[16..], zero);
    }

    #[test]
    fn broken_lengths_change_nothing() {
        let tdes = Tdes::new(&[1; 16]).unwrap();
        let mut data = [5; 17];
        for len in [1, 7, 9, 15, 17] {
            let data = &mut data[..len];
            assert_eq!(ecb_encrypt(&tdes, data), Err(Error::InvalidLength));
            assert_eq!(ecb_decrypt(&tdes, data), Err(Error::InvalidLength));
            assert_eq!(cbc_encrypt(&tdes, &[0; 8], data), Err(Error::InvalidLength));
            assert_eq!(cbc_decrypt(&tdes, &[0; 8], data), Err(Error::InvalidLength));
        }
        for len in [0, 7, 9, 16] {
            let data = &mut data[..16];
            assert_eq!(cbc_encrypt(&tdes, &[0; 16][..len], data), Err(Error::InvalidLength));
            assert_eq!(cbc_decrypt(&tdes, &[0; 16][..len], data), Err(Error::InvalidLength));
            assert_eq!(ctr(&tdes, &[0; 16][..len], data), Err(Error::InvalidLength));
        }
        assert_eq!(data, [5; 17]);
    }
}
