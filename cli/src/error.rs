// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tool's own error: a sentence for a person at a terminal.

use core::fmt;

/// What went wrong, in words, outermost first.
#[derive(Debug)]
pub struct Error(String);

/// A result with the tool's error.
pub type Result<T> = core::result::Result<T, Error>;

impl Error {
    /// An error with this sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Error {}

/// Says where an error happened.
pub trait Context<T> {
    /// Puts `place: ` before the message.
    ///
    /// # Errors
    /// The error that was there, with its place.
    fn at(self, place: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for core::result::Result<T, E> {
    fn at(self, place: impl fmt::Display) -> Result<T> {
        self.map_err(|e| Error(format!("{place}: {e}")))
    }
}
