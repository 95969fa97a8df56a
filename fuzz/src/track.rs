// SPDX-License-Identifier: MIT OR Apache-2.0
//! Track 2 in binary-coded decimal.

use payhsm::codec::track;
use payhsm::error::Error;

/// A track that packs unpacks to itself, and packed bytes that unpack pack to themselves.
pub fn track2_packed(data: &[u8]) {
    let mut packed = [0xAA; track::MAX_LEN];
    match track::pack(data, &mut packed) {
        Ok(len) => {
            assert_eq!(len, data.len().div_ceil(2));
            let mut text = [0xAA; track::MAX_CHARACTERS];
            track::unpack(&packed[..len], data.len(), &mut text).unwrap();
            let same = |(a, b): (&u8, &u8)| a == b || (*a == b'=' && *b == b'D');
            assert!(text.iter().zip(data).all(same));
        }
        Err(error) => {
            assert_eq!((error, packed), (Error::Track, [0; track::MAX_LEN]));
        }
    }
    let Some((&characters, packed)) = data.split_first() else {
        return;
    };
    let mut text = [0xAA; track::MAX_CHARACTERS];
    match track::unpack(packed, usize::from(characters), &mut text) {
        Ok(()) => {
            let mut back = [0xAA; track::MAX_LEN];
            let len = track::pack(&text[..usize::from(characters)], &mut back).unwrap();
            assert_eq!(&back[..len], packed);
        }
        Err(error) => assert_eq!((error, text), (Error::Track, [0; track::MAX_CHARACTERS])),
    }
}
