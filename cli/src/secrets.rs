// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where keys and PINs come from: files, standard input, the terminal. Never the argument list.
//!
//! A key file holds one value alone, or lines `name = value`. Blank lines and lines that begin with `#` are comments.
//! What was read is overwritten when it is no longer needed; nothing of it gets into an error message.

use std::fs::File;
use std::io::Read;

use zeroize::Zeroize;

use crate::fail::{Failure, Result};

/// The most that a key file may hold.
const KEY_FILE_LEN: usize = 1 << 16;
/// The most that a data file may hold.
const DATA_LEN: usize = 1 << 20;

/// Bytes that are overwritten when they are dropped. Their place is reserved once, so that growing leaves no copy.
pub struct Wiped(Vec<u8>);

impl Wiped {
    /// Nothing yet, with room for `len` bytes.
    pub fn with_room(len: usize) -> Self {
        Self(Vec::with_capacity(len))
    }

    /// A copy of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Adds a byte; past the room that was reserved it is an error.
    pub fn push(&mut self, byte: u8) -> Result<()> {
        if self.0.len() >= self.0.capacity() {
            return Err(Failure::refused(format!(
                "a value is longer than {} characters",
                self.0.capacity()
            )));
        }
        self.0.push(byte);
        Ok(())
    }

    /// Takes the last byte off.
    pub fn pop(&mut self) {
        if let Some(last) = self.0.last_mut() {
            last.zeroize();
        }
        self.0.pop();
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, to be changed in place.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

/// Reads a file, or standard input for `-`.
fn read(path: &str, most: usize) -> Result<Wiped> {
    let mut file: Box<dyn Read> = if path == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(|e| cannot_open(path, &e))?)
    };
    let mut out = Wiped(vec![0; most.saturating_add(1)]);
    let mut len = 0;
    loop {
        let room = out.0.get_mut(len..).unwrap_or(&mut []);
        match file.read(room) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Failure::Environment(format!("{}: {e}", shown(path)))),
        }
    }
    if len > most {
        return Err(Failure::refused(format!("{} is longer than {most} bytes", shown(path))));
    }
    if let Some(rest) = out.0.get_mut(len..) {
        rest.zeroize();
    }
    out.0.truncate(len);
    Ok(out)
}

/// A file of data, as it is.
pub fn data_file(path: &str) -> Result<Wiped> {
    read(path, DATA_LEN)
}

/// How a path stands in messages.
fn shown(path: &str) -> &str {
    if path == "-" { "standard input" } else { path }
}

/// A path that is a key by mistake must not be printed once more.
fn cannot_open(path: &str, error: &std::io::Error) -> Failure {
    let digits = path.bytes().filter(u8::is_ascii_hexdigit).count();
    if digits >= 4 && path.bytes().all(|c| c.is_ascii_hexdigit() || c == b' ') {
        return Failure::Usage(
            "the name of a key file is made of hexadecimal digits alone and there is no such file: if it was a key or \
             a PIN, it now stands in the shell's history; put it into a file and give the file's name"
                .to_owned(),
        );
    }
    Failure::Environment(format!("{path}: {error}"))
}

/// A key file that was read.
pub struct KeyFile {
    text: Wiped,
    name: String,
}

impl KeyFile {
    /// Reads `path`, or standard input for `-`.
    ///
    /// # Errors
    /// A file that cannot be read, is too long or has another form.
    pub fn read(path: &str) -> Result<Self> {
        let file = Self {
            text: read(path, KEY_FILE_LEN)?,
            name: shown(path).to_owned(),
        };
        file.check()?;
        Ok(file)
    }

    /// Number and text of each line that says something.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let text = core::str::from_utf8(self.text.bytes()).unwrap_or_default();
        (1_usize..)
            .zip(text.lines())
            .map(|(number, line)| (number, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
    }

    fn check(&self) -> Result<()> {
        let refused = |what: String| Err(Failure::refused(format!("{}: {what}", self.name)));
        if core::str::from_utf8(self.text.bytes()).is_err() {
            return refused("not text; keys are written in hexadecimal".to_owned());
        }
        let mut names: Vec<&str> = Vec::new();
        let mut alone = None;
        for (number, line) in self.lines() {
            match line.split_once('=') {
                Some((name, _)) => {
                    let name = name.trim();
                    if name.is_empty()
                        || !name
                            .bytes()
                            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
                    {
                        return refused(format!("line {number}: a name is made of letters, digits, - and _"));
                    }
                    if names.contains(&name) {
                        return refused(format!("line {number}: {name} stands there twice"));
                    }
                    names.push(name);
                }
                None if alone.is_some() => {
                    return refused(format!(
                        "line {number}: two values without a name; write one value alone, or lines name = value"
                    ));
                }
                None => alone = Some(number),
            }
        }
        match (alone, names.is_empty()) {
            (Some(number), false) => refused(format!("line {number}: a value without a name among named ones")),
            (None, true) => refused("empty; a value in hexadecimal, or lines name = value, is expected".to_owned()),
            _ => Ok(()),
        }
    }

    /// The value of the entry `name`.
    pub fn entry(&self, name: &str) -> Option<Wiped> {
        self.lines()
            .filter_map(|(_, line)| line.split_once('='))
            .find(|(entry, _)| entry.trim() == name)
            .map(|(_, value)| Wiped::of(value.trim().as_bytes()))
    }

    /// The value that stands alone.
    pub fn alone(&self) -> Option<Wiped> {
        self.lines()
            .map(|(_, line)| line)
            .find(|line| !line.contains('='))
            .map(|line| Wiped::of(line.as_bytes()))
    }

    /// The names of the entries.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self
            .lines()
            .filter_map(|(_, line)| line.split_once('='))
            .map(|(name, _)| name.trim())
            .collect();
        names.join(", ")
    }

    /// How the file is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The bytes of hexadecimal digits of either case; blanks between them do not count. The message says where it is
/// wrong, never what stands there.
pub fn secret_hex(field: &str, text: &Wiped) -> Result<Wiped> {
    let mut out = Wiped::with_room(text.len() / 2 + 1);
    let (mut high, mut place) = (None, 0_usize);
    for &c in text.bytes() {
        if c == b' ' {
            continue;
        }
        place += 1;
        let digit = char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let Some(digit) = digit else {
            return Err(Failure::refused(format!(
                "{field}: character {place} is not a hexadecimal digit"
            )));
        };
        match high.take() {
            None => high = Some(digit << 4),
            Some(high) => out.push(high | digit)?,
        }
    }
    if high.is_some() {
        return Err(Failure::refused(format!(
            "{field}: {place} hexadecimal digits: an odd number; one is missing or too much"
        )));
    }
    Ok(out)
}
