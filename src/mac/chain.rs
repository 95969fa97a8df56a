// SPDX-License-Identifier: MIT OR Apache-2.0
use cipher::{Block, BlockCipherEncrypt, typenum::Unsigned};
use zeroize::Zeroize;

/// The CBC chain of ISO/IEC 9797-1 and CMAC up to the last block, which is kept until it is known to be the last.
///
/// The state has the size of a block, whatever the length of the message. It is wiped on drop, as is the cipher.
pub(super) struct Chain<C: BlockCipherEncrypt> {
    pub(super) cipher: C,
    pub(super) state: Block<C>,
    /// Bytes xored into `state` since the last encryption.
    pos: usize,
}

impl<C: BlockCipherEncrypt> Chain<C> {
    #[cfg_attr(target_os = "none", inline(always))]
    pub(super) fn new(cipher: C) -> Self {
        Self {
            cipher,
            state: Block::<C>::default(),
            pos: 0,
        }
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        let mut rest = data;
        while !rest.is_empty() {
            if self.pos >= C::BlockSize::USIZE {
                self.encrypt();
            }
            if self.pos == 0
                && let Some((block, behind)) = rest.split_at_checked(C::BlockSize::USIZE)
            {
                for (to, from) in self.state.iter_mut().zip(block) {
                    *to ^= from;
                }
                self.pos = C::BlockSize::USIZE;
                rest = behind;
                continue;
            }
            let mut taken = 0_usize;
            for (to, from) in self.state.iter_mut().skip(self.pos).zip(rest) {
                *to ^= from;
                taken = taken.wrapping_add(1);
            }
            self.pos = self.pos.wrapping_add(taken);
            rest = rest.get(taken..).unwrap_or(&[]);
        }
    }

    /// Whether the last block is whole; depends on the length of the message alone.
    pub(super) fn is_whole(&self) -> bool {
        self.pos >= C::BlockSize::USIZE
    }

    /// Enciphers the last block, as if zeros had filled it.
    pub(super) fn encrypt(&mut self) {
        self.cipher.encrypt_block(&mut self.state);
        self.pos = 0;
    }
}

impl<C: BlockCipherEncrypt> Drop for Chain<C> {
    fn drop(&mut self) {
        self.state.zeroize();
    }
}
