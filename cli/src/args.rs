// SPDX-License-Identifier: MIT OR Apache-2.0
//! The arguments of a call, by the table of [`spec`](crate::spec).
//!
//! The argument list is public: every user of a machine can read it, and shells keep it. So no option takes a secret;
//! an option `--NAME-file` says where it is. No error message repeats an argument that could be one.

use core::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::rc::Rc;

use crate::fail::{Failure, Result};
use crate::prompt;
use crate::report::Report;
use crate::secrets::{KeyFile, Wiped, data_file, secret_hex};
use crate::spec::{Action, Command, Kind};
use crate::value::from_hex;

/// What is asked for.
pub enum Request {
    /// Text to be printed.
    Help(String),
    /// Something to be done.
    Run(Box<Call>),
}

/// An action with its arguments.
pub struct Call {
    command: &'static Command,
    action: &'static Action,
    values: Vec<(&'static str, String)>,
    files: RefCell<BTreeMap<String, Rc<KeyFile>>>,
}

impl Command {
    /// Reads the arguments behind the command's name.
    ///
    /// # Errors
    /// Arguments that are not as they should be.
    pub fn read(&'static self, args: &[OsString]) -> Result<Request> {
        let mut words = Vec::new();
        for (place, arg) in (1..).zip(args) {
            let word = arg.to_str();
            words.push(word.ok_or_else(|| Failure::Usage(format!("argument {place} is not UTF-8")))?);
        }
        let (action, rest) = match (self.actions, words.as_slice()) {
            (_, [] | ["--help" | "-h" | "help", ..]) if self.actions.len() > 1 => {
                return Ok(Request::Help(self.help()));
            }
            ([action], rest) => (action, rest),
            (actions, [word, rest @ ..]) => match actions.iter().find(|action| action.name == *word) {
                Some(action) => (action, rest),
                None => {
                    let names: Vec<&str> = actions.iter().map(|action| action.name).collect();
                    return Err(Failure::Usage(format!(
                        "{} needs one of: {}",
                        self.name,
                        names.join(", ")
                    )));
                }
            },
            (_, []) => return Ok(Request::Help(self.help())),
        };
        if rest.iter().any(|word| matches!(*word, "--help" | "-h")) {
            return Ok(Request::Help(action.help(self)));
        }
        Ok(Request::Run(Box::new(Call::read(self, action, rest)?)))
    }
}

/// Names under which people try to give secrets.
const SECRET_NAMES: &[&str] = &[
    "key",
    "bdk",
    "ik",
    "ipek",
    "tik",
    "kbpk",
    "kek",
    "zmk",
    "tmk",
    "zpk",
    "tpk",
    "tak",
    "mak",
    "pvk",
    "cvk",
    "imk",
    "mk",
    "pin",
    "component",
    "part",
    "clear-block",
];

impl Call {
    fn read(command: &'static Command, action: &'static Action, words: &[&str]) -> Result<Self> {
        let mut call = Self {
            command,
            action,
            values: Vec::new(),
            files: RefCell::default(),
        };
        let see = format!("`payhsm-tool {} --help` lists what it takes", action.title(command));
        let mut rest = (1_usize..).zip(words.iter().copied());
        while let Some((place, word)) = rest.next() {
            let Some(option) = word.strip_prefix("--").filter(|option| !option.is_empty()) else {
                // Not repeated: it may be a key.
                return Err(Failure::Usage(format!(
                    "argument {place} behind `{}` belongs to no option; {see}",
                    action.title(command)
                )));
            };
            let (name, joined) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (option, None),
            };
            let (name, kind) = call.find(name, &see)?;
            let value = match (kind, joined) {
                (Kind::Flag, None) => String::new(),
                (Kind::Flag, Some(_)) => return Err(Failure::Usage(format!("--{name} takes no value"))),
                (_, Some(value)) => value.to_owned(),
                (_, None) => match rest.next() {
                    Some((_, value)) if !value.starts_with("--") => value.to_owned(),
                    _ => return Err(Failure::Usage(format!("--{name} needs a value"))),
                },
            };
            if kind != Kind::Many && call.value(name).is_some() {
                return Err(Failure::Usage(format!("--{name} stands there twice")));
            }
            call.values.push((name, value));
        }
        call.check_standard_input()?;
        Ok(call)
    }

    /// The option of a name, `--NAME-file` of a secret included.
    fn find(&self, name: &str, see: &str) -> Result<(&'static str, Kind)> {
        if let Some(spec) = self
            .action
            .specs()
            .find(|spec| spec.kind != Kind::Secret && spec.name == name)
        {
            return Ok((spec.name, spec.kind));
        }
        let file_of = name.strip_suffix("-file");
        if let Some(of) = file_of {
            if let Some(spec) = self.action.secrets().find(|spec| spec.name == of) {
                return Ok((spec.name, Kind::Value));
            }
            if of == "key" && self.action.secrets().next().is_some() {
                return Ok(("key", Kind::Value));
            }
        }
        let known = self
            .action
            .secrets()
            .find(|spec| spec.name == name)
            .map(|spec| spec.name);
        if let Some(secret) = known.or_else(|| SECRET_NAMES.iter().copied().find(|secret| *secret == name)) {
            let name = if known.is_some() { secret } else { "key" };
            return Err(Failure::Usage(format!(
                "--{secret}: no key and no PIN is taken from the arguments: every user of this machine can read them \
                 (ps), and the shell keeps them in its history; put it into a file and give --{name}-file FILE, give \
                 --{name}-file - for standard input, or leave it out to be asked"
            )));
        }
        let name: String = name.chars().filter(|c| c.is_ascii_graphic()).take(24).collect();
        Err(Failure::Usage(format!("no option --{name} here; {see}")))
    }

    fn check_standard_input(&self) -> Result<()> {
        let from_key_file = self.values.iter().any(|(name, value)| {
            let is_file = *name == "key" || self.action.secrets().any(|spec| spec.name == *name);
            is_file && path_and_entry(value).0 == "-"
        });
        let from_data_file = ["data-file", "block-file"]
            .iter()
            .any(|name| self.value(name) == Some("-"));
        if from_key_file && from_data_file {
            return Err(Failure::Usage(
                "keys and data cannot both come from standard input".to_owned(),
            ));
        }
        Ok(())
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }

    /// What the call is named in reports.
    pub fn title(&self) -> String {
        self.action.title(self.command)
    }

    /// Does it.
    ///
    /// # Errors
    /// Whatever stopped it; what was found before stands in the report.
    pub fn run(&self, out: &mut Report) -> Result<()> {
        (self.action.run)(self, out)
    }

    // ---- Public values.

    /// Whether the flag is there.
    pub fn flag(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The option's value, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.value(name)
    }

    /// The values of an option that may stand several times.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values
            .iter()
            .filter(move |(known, _)| *known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The option's value.
    pub fn need(&self, name: &str) -> Result<&str> {
        self.value(name).ok_or_else(|| {
            let spec = self.action.specs().find(|spec| spec.name == name);
            let help = spec.map_or("", |spec| spec.help);
            Failure::Usage(format!("--{name} is missing: {help}"))
        })
    }

    /// The option's value as bytes, if it is there.
    pub fn get_hex(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.value(name).map(|text| public_hex(name, text)).transpose()
    }

    /// The option's value as bytes.
    pub fn hex(&self, name: &str) -> Result<Vec<u8>> {
        public_hex(name, self.need(name)?)
    }

    /// The option's value as a number, if it is there.
    pub fn get_number(&self, name: &str) -> Result<Option<usize>> {
        let number = |text: &str| {
            text.parse()
                .map_err(|_| Failure::refused(format!("{name}: a whole number is expected")))
        };
        self.value(name).map(number).transpose()
    }

    /// One of several words.
    pub fn choice<T: Copy>(&self, name: &str, text: &str, choices: &[(&str, T)]) -> Result<T> {
        choices
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text))
            .map(|(_, choice)| *choice)
            .ok_or_else(|| {
                let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
                Failure::refused(format!("{name}: one of {} is expected", words.join(", ")))
            })
    }

    /// The message of [`DATA`].
    pub fn data(&self) -> Result<Wiped> {
        match (self.value("data"), self.value("text"), self.value("data-file")) {
            (Some(hex), None, None) => Ok(Wiped::of(&public_hex("data", hex)?)),
            (None, Some(text), None) => Ok(Wiped::of(text.as_bytes())),
            (None, None, Some(path)) => data_file(path),
            (None, None, None) => Err(Failure::Usage(
                "the data is missing: --data HEX, --text TEXT or --data-file FILE".to_owned(),
            )),
            _ => Err(Failure::Usage(
                "only one of --data, --text and --data-file says what the data is".to_owned(),
            )),
        }
    }

    // ---- Secrets.

    fn file(&self, path: &str) -> Result<Rc<KeyFile>> {
        if let Some(file) = self.files.borrow().get(path) {
            return Ok(Rc::clone(file));
        }
        let file = Rc::new(KeyFile::read(path)?);
        self.files.borrow_mut().insert(path.to_owned(), Rc::clone(&file));
        Ok(file)
    }

    /// The secret, if a file has it.
    pub fn get_secret(&self, name: &'static str) -> Result<Option<Wiped>> {
        let own = self.value(name).filter(|_| name != "key");
        let (place, is_own) = match (own, self.value("key")) {
            (Some(place), _) => (place, true),
            (None, Some(place)) => (place, false),
            (None, None) => return Ok(None),
        };
        let (path, entry) = path_and_entry(place);
        let file = self.file(path)?;
        let first = self.action.secrets().next().is_some_and(|spec| spec.name == name);
        match entry.filter(|_| is_own || name == "key") {
            Some(entry) => file.entry(entry).map(Some).ok_or_else(|| {
                Failure::refused(format!(
                    "{}: no entry {entry}; there are: {}",
                    file.name(),
                    file.names()
                ))
            }),
            None if is_own || first => {
                let value = file.alone().or_else(|| file.entry(name));
                if value.is_none() && is_own {
                    return Err(Failure::refused(format!(
                        "{}: no entry {name}; there are: {}",
                        file.name(),
                        file.names()
                    )));
                }
                Ok(value)
            }
            None => Ok(file.entry(name)),
        }
    }

    /// The secret: from a file, or from the terminal.
    pub fn secret(&self, name: &'static str) -> Result<Wiped> {
        if let Some(value) = self.get_secret(name)? {
            return Ok(value);
        }
        let spec = self.action.secrets().find(|spec| spec.name == name);
        let help = spec.map_or(name, |spec| spec.help);
        prompt::ask(&format!("{name}: {help}"))?.ok_or_else(|| {
            Failure::Usage(format!(
                "{name} is missing ({help}): give --{name}-file FILE, or --key-file FILE with a line `{name} = ...`, or \
                 start this at a terminal to be asked"
            ))
        })
    }

    /// The bytes of a secret in hexadecimal.
    pub fn key(&self, name: &'static str) -> Result<Wiped> {
        secret_hex(name, &self.secret(name)?)
    }

    /// The bytes of a secret in hexadecimal, if a file has it.
    pub fn get_key(&self, name: &'static str) -> Result<Option<Wiped>> {
        self.get_secret(name)?.map(|text| secret_hex(name, &text)).transpose()
    }
}

/// `FILE` or `FILE#ENTRY`.
fn path_and_entry(place: &str) -> (&str, Option<&str>) {
    match place.rsplit_once('#') {
        Some((path, entry)) => (path, Some(entry)),
        None => (place, None),
    }
}

/// Public bytes in hexadecimal; blanks between the digits do not count.
pub fn public_hex(name: &str, text: &str) -> Result<Vec<u8>> {
    let digits: String = text.chars().filter(|c| *c != ' ').collect();
    if let Some((place, c)) = (1_usize..).zip(digits.chars()).find(|(_, c)| !c.is_ascii_hexdigit()) {
        return Err(Failure::refused(format!(
            "{name}: character {place}, {c:?}, is not a hexadecimal digit"
        )));
    }
    from_hex(&digits).ok_or_else(|| {
        Failure::refused(format!(
            "{name} has {} hexadecimal digits: an odd number; one is missing or too much",
            digits.len()
        ))
    })
}

/// What is wrong with a value that has another length.
pub fn wrong_len(name: &str, text: &str, bytes: usize) -> Failure {
    let digits = text.chars().filter(|c| *c != ' ').count();
    Failure::refused(format!(
        "{name} has {digits} hexadecimal digits: {} are needed",
        bytes * 2
    ))
}
