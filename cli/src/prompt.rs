// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asks for a secret at the terminal, without echo.

use crate::fail::Result;
use crate::secrets::Wiped;

/// Asks for `what`. `None` if there is no terminal.
#[cfg(unix)]
pub fn ask(what: &str) -> Result<Option<Wiped>> {
    unix::ask(what)
}

/// Here only files and standard input serve.
#[cfg(not(unix))]
pub fn ask(_: &str) -> Result<Option<Wiped>> {
    Ok(None)
}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{Read, Write};

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    use crate::fail::{Failure, Result};
    use crate::secrets::Wiped;

    /// The most characters that somebody types.
    const LEN: usize = 512;

    /// A terminal without echo, line editing and signals; as it was when this is dropped.
    struct Silent<'f>(&'f File, Termios);

    impl<'f> Silent<'f> {
        fn new(terminal: &'f File) -> rustix::io::Result<Self> {
            let before = tcgetattr(terminal)?;
            let mut silent = before.clone();
            silent
                .local_modes
                .remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
            tcsetattr(terminal, OptionalActions::Flush, &silent)?;
            Ok(Self(terminal, before))
        }
    }

    impl Drop for Silent<'_> {
        fn drop(&mut self) {
            // There is nothing to do about it if this fails.
            let _ = tcsetattr(self.0, OptionalActions::Flush, &self.1);
            let _ = (&*self.0).write_all(b"\n");
        }
    }

    pub(super) fn ask(what: &str) -> Result<Option<Wiped>> {
        let Ok(terminal) = File::options().read(true).write(true).open("/dev/tty") else {
            return Ok(None);
        };
        let failed = |e: &dyn core::fmt::Display| Failure::Environment(format!("terminal: {e}"));
        // Silent before the question: what comes after it must neither be shown nor thrown away.
        let _silent = Silent::new(&terminal).map_err(|e| failed(&e))?;
        write!(&terminal, "{what} (not shown): ").map_err(|e| failed(&e))?;
        let mut line = Wiped::with_room(LEN);
        let mut byte = [0];
        loop {
            if (&terminal).read(&mut byte).map_err(|e| failed(&e))? == 0 {
                break;
            }
            match byte {
                [b'\n' | b'\r' | 4] => break,
                // ^C, ^\: the terminal is put right first.
                [3 | 28] => return Err(Failure::Environment("broken off".to_owned())),
                [8 | 127] => line.pop(),
                // ^U
                [21] => line = Wiped::with_room(LEN),
                [c] => line.push(c)?,
            }
        }
        Ok(Some(line))
    }
}
