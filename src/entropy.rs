// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where random bytes come from: the caller's source, tested as they come, and if asked for a generator that it seeds.
//!
//! ```text
//! caller's source ──> health tests ──> the module                          (ready source; default)
//!                                └──> SHA-256 ──> ChaCha20 generator ──> the module   (raw source, or on request)
//! ```
//!
//! What fails a health test has failed for good: no byte comes any more, [`Error::Entropy`], until the next start.

mod drbg;
mod health;

use core::hint::black_box;

use zeroize::Zeroize;

use crate::error::Error;

use self::drbg::Drbg;
pub use self::health::RawQuality;
use self::health::{Health, READY_REPETITIONS};

/// A source of random bytes that an attacker can neither predict nor influence.
pub trait Entropy {
    /// Fills all of `out`.
    ///
    /// # Errors
    /// [`Error::Entropy`] if the source failed; the operation that asked is refused then. There is no fall-back.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error>;
}

impl<E: Entropy + ?Sized> Entropy for &mut E {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        (**self).fill(out)
    }
}

/// What the caller's source is, and what stands between it and the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntropySource {
    /// Bytes that are ready for use, eight bits of entropy in each. They are used as they come; only a byte that repeats
    /// nine times is taken for a failure.
    #[default]
    Ready,
    /// The same, but they seed a generator once a start, and the module draws from that.
    Seed,
    /// Samples of a noise source as they are digitised: they are tested as SP 800-90B says and seed the generator. They are
    /// never used as they are.
    Raw(RawQuality),
}

/// Bytes of a ready source that go into a seed: twice the strength of the generator.
const READY_SEED_LEN: u32 = 64;

/// The good value of the latch; the other word is its complement.
const SOUND: u32 = 0x69A5_C3F0;

/// The source as the module draws from it.
#[derive(Debug)]
pub(crate) struct Source {
    kind: EntropySource,
    health: Health,
    drbg: Drbg,
    sound: u32,
    mirror: u32,
}

impl Source {
    pub(crate) const fn new(kind: EntropySource) -> Self {
        let health = match kind {
            EntropySource::Ready | EntropySource::Seed => Health::new(READY_REPETITIONS, None),
            EntropySource::Raw(quality) => Health::new(quality.repetitions(), Some(quality.proportion())),
        };
        Self {
            kind,
            health,
            drbg: Drbg::EMPTY,
            sound: SOUND,
            mirror: !SOUND,
        }
    }

    /// Whether a test has failed.
    pub(crate) fn has_failed(&self) -> bool {
        let (sound, mirror) = (black_box(self.sound), black_box(self.mirror));
        sound != SOUND || mirror != !SOUND
    }

    fn fail(&mut self) -> Error {
        self.sound = 0;
        self.mirror = 0;
        self.drbg.zeroize();
        Error::Entropy
    }

    /// Fills `out`, which is zero on every error.
    pub(crate) fn fill(&mut self, caller: &mut impl Entropy, out: &mut [u8]) -> Result<(), Error> {
        let filled = self.draw(caller, out);
        if filled.is_err() {
            out.zeroize();
        }
        filled
    }

    fn draw(&mut self, caller: &mut impl Entropy, out: &mut [u8]) -> Result<(), Error> {
        if self.has_failed() {
            return Err(Error::Entropy);
        }
        if self.kind == EntropySource::Ready {
            // An error of the source is an error of this command. What it gives is judged for good.
            caller.fill(out).map_err(|_| Error::Entropy)?;
            return match self.health.take(out) {
                Ok(()) => Ok(()),
                Err(_) => Err(self.fail()),
            };
        }
        if !self.drbg.is_seeded() && self.seed(caller).is_err() {
            return Err(self.fail());
        }
        match self.drbg.fill(out) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.fail()),
        }
    }

    /// Seeds the generator; of a raw source the start-up tests come first, over 1,024 samples and the seed's own.
    fn seed(&mut self, caller: &mut impl Entropy) -> Result<(), Error> {
        let samples = match self.kind {
            EntropySource::Raw(quality) => {
                let mut start = health::START_UP_SAMPLES;
                let mut piece = [0; 32];
                while let Some(rest) = start.checked_sub(32) {
                    caller.fill(&mut piece)?;
                    self.health.take(&piece)?;
                    start = rest;
                }
                piece.zeroize();
                quality.seed_samples()
            }
            _ => READY_SEED_LEN,
        };
        self.drbg.seed(samples, |piece| {
            caller.fill(piece)?;
            self.health.take(piece)
        })
    }
}

/// The first 32 bytes of ChaCha20's key stream under a key of zeros, for the self-test.
pub(crate) fn known_stream(out: &mut [u8; 32]) {
    let mut block = [0; 64];
    drbg::chacha20_block(&[0; 32], &[0; 12], &mut block);
    for (to, from) in out.iter_mut().zip(block) {
        *to = from;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;
    use std::vec::Vec;

    use super::*;

    type Byte = std::boxed::Box<dyn FnMut(usize) -> u8>;

    /// A source that gives what a function says for each byte, and fails at a byte.
    struct Bytes<F>(usize, Option<usize>, F);

    impl<F: FnMut(usize) -> u8> Entropy for Bytes<F> {
        fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
            for byte in out {
                if self.1 == Some(self.0) {
                    return Err(Error::Entropy);
                }
                *byte = (self.2)(self.0);
                self.0 += 1;
            }
            Ok(())
        }
    }

    fn good() -> impl FnMut(usize) -> u8 {
        let mut state = 7_u64;
        move |_| {
            state = state
                .wrapping_mul(0x5851_F42D_4C95_7F2D)
                .wrapping_add(0x1405_7B7E_F767_814F);
            state.to_be_bytes()[0]
        }
    }

    fn kinds() -> Vec<EntropySource> {
        let raw = (1..=8).map(|bits| EntropySource::Raw(RawQuality::bits_per_byte(bits).unwrap()));
        [EntropySource::Ready, EntropySource::Seed]
            .into_iter()
            .chain(raw)
            .collect()
    }

    #[test]
    fn sound_sources_go_on() {
        for kind in kinds() {
            let mut source = Source::new(kind);
            let mut caller = Bytes(0, None, good());
            let mut seen = vec![[0; 16]];
            for _ in 0..200 {
                let mut out = [0; 16];
                source.fill(&mut caller, &mut out).unwrap();
                assert!(!seen.contains(&out));
                seen.push(out);
            }
            assert!(!source.has_failed());
            let seeded = match kind {
                EntropySource::Ready => 200 * 16,
                EntropySource::Seed => 64,
                EntropySource::Raw(quality) => 1024 + quality.seed_samples() as usize,
            };
            assert_eq!(caller.0, seeded);
        }
    }

    /// Attack row K03: a source that is stuck, repeats, is biased, or fails in the middle. For good, and nothing goes out.
    #[test]
    fn k03_broken_sources_are_latched() {
        for kind in kinds() {
            let raw = matches!(kind, EntropySource::Raw(_));
            let mut noise = good();
            let mut broken: Vec<(&str, Byte)> = vec![
                ("stuck at 0", std::boxed::Box::new(|_| 0)),
                ("stuck at FF", std::boxed::Box::new(|_| 0xFF)),
            ];
            if raw {
                // Nine samples of ten are one value.
                broken.push((
                    "biased",
                    std::boxed::Box::new(move |n| if n % 10 == 0 { noise(n) } else { 3 }),
                ));
            }
            for (name, byte) in broken {
                let mut source = Source::new(kind);
                let mut out = [0xA5; 40];
                let mut caller = Bytes(0, None, byte);
                assert_eq!(
                    source.fill(&mut caller, &mut out),
                    Err(Error::Entropy),
                    "{kind:?} {name}"
                );
                assert_eq!(out, [0; 40]);
                // Better bytes do not bring it back.
                let mut sound = Bytes(0, None, good());
                assert_eq!(source.fill(&mut sound, &mut out), Err(Error::Entropy));
                assert!(source.has_failed() && sound.0 == 0);
            }
            // A source that fails at any byte of a seed leaves no generator.
            if kind != EntropySource::Ready {
                for at in [0, 1, 31, 32, 63] {
                    let mut source = Source::new(kind);
                    let mut out = [0xA5; 8];
                    assert!(source.fill(&mut Bytes(0, Some(at), good()), &mut out).is_err());
                    assert!(source.has_failed() && !source.drbg.is_seeded());
                    assert_eq!(out, [0; 8]);
                }
            }
        }
    }

    #[test]
    fn a_changed_latch_is_a_failure() {
        for bit in 0..32 {
            let mut source = Source::new(EntropySource::Ready);
            source.sound ^= 1 << bit;
            assert!(source.has_failed());
            let mut source = Source::new(EntropySource::Ready);
            source.mirror ^= 1 << bit;
            assert!(source.has_failed());
        }
    }
}
