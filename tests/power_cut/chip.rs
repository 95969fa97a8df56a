// SPDX-License-Identifier: MIT OR Apache-2.0
//! A simulated NOR flash: what its driver does, what a loss of power leaves, and what else can happen to it.

use core::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::rc::Rc;

use payhsm::error::Error;
use payhsm::store::flash::{Flash, Geometry};

/// What happens at one operation. A cut takes the power away: every later operation of that boot fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// F-a.
    CutBefore,
    CutAfter,
    /// F-b, F-c: the first words are done.
    Prefix(u32),
    /// All words but one are done.
    AllBut(u32),
    /// One word alone is done.
    Only(u32),
    /// Of the bits that would change, a random half did.
    Random(u64),
    /// F-d: besides, half of the others read differently from one time to the next.
    Marginal(u64),
    /// F-e: not done, and said so.
    Error,
    /// Done, and an error all the same.
    ErrorAfter,
    /// Not done, and success all the same.
    Silence,
    /// From now on every operation on this page fails and does nothing.
    Stuck,
}

impl Fault {
    pub fn is_cut(self) -> bool {
        !matches!(self, Self::Error | Self::ErrorAfter | Self::Silence | Self::Stuck)
    }

    pub fn class(self) -> &'static str {
        match self {
            Self::CutBefore | Self::CutAfter => "F-a",
            Self::Prefix(_) | Self::AllBut(_) | Self::Only(_) | Self::Random(_) => "F-b/c",
            Self::Marginal(_) => "F-d",
            _ => "F-e",
        }
    }
}

/// An operation that changes the flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// So many words.
    Program(u32),
    /// A page of so many words.
    Erase(u32),
    /// The monotonic counter.
    Advance,
}

/// Wrong designs, to see that the campaign finds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// Given out before it is committed: the driver says that it is done before it is, and the last operations wait in a
    /// buffer.
    WriteBack,
    /// What shall be cleared is not.
    NoClearing,
}

#[derive(Clone)]
pub struct Chip {
    pub geometry: Geometry,
    pub image: Vec<u8>,
    /// Bits that read differently from one time to the next.
    marginal: Vec<u8>,
    /// There are such bits, or bytes that only pretend.
    strange: bool,
    /// Words that were programmed since the last erasure.
    programmed: Vec<bool>,
    pub erases: Vec<u32>,
    /// A page fails after so many erasures.
    pub endurance: Option<u32>,
    pub programs: u64,
    pub programmed_bytes: u64,
    pub reads: u64,
    /// Operations since [`power`](Self::power).
    pub done: usize,
    pub fault: Option<(usize, Fault)>,
    dead: bool,
    stuck: Option<u32>,
    /// What the operations were.
    pub trace: Vec<Operation>,
    pub weakness: Option<Weakness>,
    waiting: VecDeque<Vec<u8>>,
    /// Cleared in the eyes of the reader only.
    pretended: Vec<bool>,
    rng: u64,
    /// A word that cannot be read.
    pub unreadable: Option<u32>,
    /// The platform's monotonic counter.
    pub counter: Option<u64>,
}

/// How many operations wait.
const WAITING: usize = 4;

fn next(rng: &mut u64) -> u64 {
    *rng ^= *rng << 13;
    *rng ^= *rng >> 7;
    *rng ^= *rng << 17;
    *rng
}

impl Chip {
    pub fn new(geometry: Geometry) -> Self {
        let len = (geometry.page_len * geometry.pages) as usize;
        Self {
            geometry,
            image: vec![0xFF; len],
            marginal: vec![0; len],
            strange: false,
            programmed: vec![false; len / geometry.word_len as usize],
            erases: vec![0; geometry.pages as usize],
            endurance: None,
            programs: 0,
            programmed_bytes: 0,
            reads: 0,
            done: 0,
            fault: None,
            dead: false,
            stuck: None,
            trace: Vec::new(),
            weakness: None,
            waiting: VecDeque::new(),
            pretended: vec![false; len],
            rng: 0x9E37_79B9_7F4A_7C15,
            unreadable: None,
            counter: None,
        }
    }

    /// Power comes back, or goes first and then comes back; `fault` shall happen at the given operation.
    pub fn power(&mut self, fault: Option<(usize, Fault)>) {
        (self.done, self.fault, self.dead) = (0, fault, false);
        self.trace.clear();
        if let Some(image) = self.waiting.pop_front() {
            self.image = image;
            self.waiting.clear();
        }
    }

    /// Whether a page does nothing any more.
    pub fn is_stuck(&self) -> bool {
        self.stuck.is_some()
    }

    fn operation(&mut self, page: u32, operation: Operation) -> Result<Option<Fault>, Error> {
        if self.dead || self.stuck == Some(page) {
            return Err(Error::Storage);
        }
        let now = self.done;
        self.done += 1;
        self.trace.push(operation);
        let fault = self.fault.filter(|(at, _)| *at == now).map(|(_, fault)| fault);
        self.dead = fault.is_some_and(Fault::is_cut);
        match fault {
            Some(Fault::Stuck) => {
                self.stuck = Some(page);
                Err(Error::Storage)
            }
            Some(Fault::CutBefore | Fault::Error) => Err(Error::Storage),
            None if self.weakness == Some(Weakness::WriteBack) => {
                self.waiting.push_back(self.image.clone());
                if self.waiting.len() > WAITING {
                    self.waiting.pop_front();
                }
                Ok(None)
            }
            other => Ok(other),
        }
    }

    /// Brings `range` from what it is to `to`, as far as the fault lets it.
    fn change(&mut self, at: usize, to: &[u8], fault: Option<Fault>) {
        let word = self.geometry.word_len as usize;
        let mut seed = match fault {
            Some(Fault::Random(seed) | Fault::Marginal(seed)) => seed * 2 + 1,
            _ => 1,
        };
        for (i, to) in to.iter().enumerate() {
            let byte = at + i;
            let n = (i / word) as u32;
            let all = match fault {
                Some(Fault::Silence) => false,
                Some(Fault::Prefix(k)) => n < k,
                Some(Fault::AllBut(k)) => n != k,
                Some(Fault::Only(k)) => n == k,
                _ => true,
            };
            if !all {
                continue;
            }
            let changing = self.image[byte] ^ to;
            match fault {
                Some(Fault::Random(_)) => {
                    let bits = next(&mut seed) as u8;
                    self.image[byte] ^= changing & bits;
                }
                Some(Fault::Marginal(_)) => {
                    let (bits, loose) = (next(&mut seed) as u8, (next(&mut seed) >> 8) as u8);
                    self.image[byte] ^= changing & bits;
                    self.marginal[byte] |= changing & loose;
                    self.strange = true;
                }
                _ => {
                    self.image[byte] = *to;
                }
            }
        }
    }

    /// Advances the monotonic counter.
    pub fn advance(&mut self, by: u64) -> Result<(), Error> {
        assert!(by > 0);
        if self.counter.is_none() {
            return Ok(());
        }
        let fault = self.operation(u32::MAX, Operation::Advance)?;
        if fault != Some(Fault::Silence) {
            self.counter = self.counter.map(|value| value + by);
        }
        fault.map_or(Ok(()), |_| Err(Error::Storage))
    }

    pub fn sum_of_erases(&self) -> u32 {
        self.erases.iter().sum()
    }
}

/// The chip, shared by the driver and the test.
#[derive(Clone)]
pub struct Bus(pub Rc<RefCell<Chip>>);

impl Bus {
    pub fn new(geometry: Geometry) -> Self {
        Self(Rc::new(RefCell::new(Chip::new(geometry))))
    }

    pub fn chip(&self) -> RefMut<'_, Chip> {
        self.0.borrow_mut()
    }
}

impl Flash for Bus {
    fn geometry(&self) -> Geometry {
        self.0.borrow().geometry
    }

    fn read(&mut self, at: u32, out: &mut [u8]) -> Result<(), Error> {
        let mut chip = self.chip();
        if chip.dead {
            return Err(Error::Storage);
        }
        assert!(
            at.is_multiple_of(16) && out.len().is_multiple_of(16),
            "a read of {} at {at}",
            out.len()
        );
        chip.reads += 1;
        let from = at as usize;
        if chip.unreadable.is_some_and(|word| {
            let word = (word * chip.geometry.word_len) as usize;
            (from..from + out.len()).contains(&word)
        }) {
            return Err(Error::Storage);
        }
        if !chip.strange {
            out.copy_from_slice(&chip.image[from..from + out.len()]);
            return Ok(());
        }
        for (i, byte) in out.iter_mut().enumerate() {
            let loose = chip.marginal[from + i];
            let bits = if loose == 0 { 0 } else { next(&mut chip.rng) as u8 };
            *byte = if chip.pretended[from + i] {
                0
            } else {
                chip.image[from + i] ^ (loose & bits)
            };
        }
        Ok(())
    }

    fn program(&mut self, at: u32, bytes: &[u8]) -> Result<(), Error> {
        let mut chip = self.chip();
        let word = chip.geometry.word_len;
        let page = at / chip.geometry.page_len;
        assert!(at.is_multiple_of(word) && bytes.len().is_multiple_of(word as usize));
        let fault = chip.operation(page, Operation::Program(bytes.len() as u32 / word))?;
        chip.programs += 1;
        chip.programmed_bytes += bytes.len() as u64;
        let from = at as usize;
        if chip.weakness == Some(Weakness::NoClearing) && bytes.iter().all(|byte| *byte == 0) && fault.is_none() {
            chip.pretended[from..from + bytes.len()].fill(true);
            chip.strange = true;
            return Ok(());
        }
        for n in from / word as usize..(from + bytes.len()) / word as usize {
            assert!(
                chip.geometry.rewritable || !chip.programmed[n],
                "word {n} programmed twice"
            );
            // Of a word that the driver has left alone nothing is known but that.
            chip.programmed[n] |= fault != Some(Fault::Silence);
        }
        let cleared: Vec<u8> = bytes
            .iter()
            .zip(&chip.image[from..])
            .map(|(new, old)| new & old)
            .collect();
        // Programming makes zeros firm.
        if fault.is_none() {
            for (i, byte) in bytes.iter().enumerate() {
                chip.marginal[from + i] &= *byte;
            }
        }
        chip.change(from, &cleared, fault);
        match fault {
            None | Some(Fault::Silence) => Ok(()),
            Some(_) => Err(Error::Storage),
        }
    }

    fn erase(&mut self, page: u32) -> Result<(), Error> {
        let mut chip = self.chip();
        let Geometry { page_len, word_len, .. } = chip.geometry;
        let fault = chip.operation(page, Operation::Erase(page_len / word_len))?;
        chip.erases[page as usize] += 1;
        if chip.endurance.is_some_and(|most| chip.erases[page as usize] > most) {
            // A worn page erases badly.
            return Err(Error::Storage);
        }
        let (from, len) = ((page * page_len) as usize, page_len as usize);
        if fault.is_none() {
            chip.marginal[from..from + len].fill(0);
        }
        chip.change(from, &vec![0xFF; len], fault);
        if fault.is_none_or(|fault| fault != Fault::Silence) {
            let word = word_len as usize;
            for n in from / word..(from + len) / word {
                chip.programmed[n] = chip.image[n * word..(n + 1) * word].iter().any(|byte| *byte != 0xFF);
            }
            chip.pretended[from..from + len].fill(false);
        }
        match fault {
            None | Some(Fault::Silence) => Ok(()),
            Some(_) => Err(Error::Storage),
        }
    }
}

/// The torn variants of an operation. `all`: every word; else the first, middle and last ones.
pub fn torn(operation: Operation, all: bool, seeds: u64) -> Vec<Fault> {
    let (Operation::Program(words) | Operation::Erase(words)) = operation else {
        return vec![Fault::CutBefore, Fault::CutAfter];
    };
    let erase = matches!(operation, Operation::Erase(_));
    let picked: Vec<u32> = match (all, erase) {
        (true, false) => (0..words).collect(),
        // A page has too many words to go through all of them; those of headers, of the middle and of the end.
        _ => {
            let mut some: Vec<u32> = [0, 1, 2, 3, words / 2, words.saturating_sub(1)]
                .into_iter()
                .filter(|n| *n < words)
                .collect();
            some.dedup();
            some
        }
    };
    let mut faults = vec![Fault::CutBefore, Fault::CutAfter];
    faults.extend(picked.iter().filter(|n| **n > 0).map(|n| Fault::Prefix(*n)));
    if words > 1 {
        faults.extend(picked.iter().map(|n| Fault::AllBut(*n)));
        faults.extend(picked.iter().map(|n| Fault::Only(*n)));
    }
    faults.extend((0..seeds).map(Fault::Random));
    faults.extend((0..seeds / 2).map(|seed| Fault::Marginal(1000 + seed)));
    faults
}

/// Driver errors.
pub const DRIVER: [Fault; 4] = [Fault::Error, Fault::ErrorAfter, Fault::Silence, Fault::Stuck];
