// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a command did not do what was asked, and the exit status that says so.

use core::fmt;

use payhsm::error::Error;

/// A failure, in words for a person at a terminal. No word of it is a secret.
#[derive(Debug)]
pub enum Failure {
    /// The check was made and says no.
    No(String),
    /// The arguments are not as they should be.
    Usage(String),
    /// A value is malformed, or the library refuses it.
    Refused(String, Option<Error>),
    /// Something outside: a file, the terminal, the source of random bytes.
    Environment(String),
}

/// A result with the tool's failure.
pub type Result<T> = core::result::Result<T, Failure>;

impl Failure {
    /// A refused value without an error of the library.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into(), None)
    }

    /// Exit status.
    pub const fn status(&self) -> u8 {
        match self {
            Self::No(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(..) => 3,
            Self::Environment(_) => 4,
        }
    }

    /// One word for programs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::No(_) => "verification",
            Self::Usage(_) => "usage",
            Self::Refused(..) => "refused",
            Self::Environment(_) => "environment",
        }
    }

    /// The error of the library behind it.
    pub const fn error(&self) -> Option<Error> {
        match self {
            Self::No(_) => Some(Error::VerificationFailed),
            Self::Refused(_, error) => *error,
            Self::Usage(_) | Self::Environment(_) => None,
        }
    }

    fn of(message: String, error: Error) -> Self {
        match error {
            Error::VerificationFailed => Self::No(message),
            Error::Entropy | Error::Storage => Self::Environment(message),
            other => Self::Refused(message, Some(other)),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No(message) | Self::Usage(message) | Self::Refused(message, _) | Self::Environment(message) => {
                f.write_str(message)
            }
        }
    }
}

/// Names the field that an error of the library is about.
pub trait Named<T> {
    /// Puts `field: ` before the library's sentence.
    ///
    /// # Errors
    /// The error that was there, with its field.
    fn named(self, field: &str) -> Result<T>;

    /// Puts `field: ` before the library's sentence, and behind it what would be right.
    ///
    /// # Errors
    /// The error that was there, with its field.
    fn expected(self, field: &str, expected: &str) -> Result<T>;
}

impl<T> Named<T> for core::result::Result<T, Error> {
    fn named(self, field: &str) -> Result<T> {
        self.map_err(|error| Failure::of(format!("{field}: {error}"), error))
    }

    fn expected(self, field: &str, expected: &str) -> Result<T> {
        self.map_err(|error| Failure::of(format!("{field}: {error}; {expected}"), error))
    }
}
