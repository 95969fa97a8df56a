// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands and their options as one table, from which the help is written.

use core::fmt::Write as _;

use crate::args::Call;
use crate::fail::Result;
use crate::report::Report;

/// What an option takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Flag,
    /// A public value.
    Value,
    /// A public value; the option may stand several times.
    Many,
    /// A secret: `--NAME-file FILE`, an entry of the key file, or an answer at the terminal.
    Secret,
}

/// An option, or a secret.
pub struct Spec {
    /// Its name, without `--`.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What the value is called in the help.
    value: &'static str,
    /// Words.
    pub help: &'static str,
    needed: bool,
}

impl Spec {
    /// The same, and nothing goes without it.
    pub const fn needed(mut self) -> Self {
        self.needed = true;
        self
    }
}

/// An option without value.
pub const fn flag(name: &'static str, help: &'static str) -> Spec {
    spec(name, Kind::Flag, "", help)
}

/// An option with a public value.
pub const fn option(name: &'static str, value: &'static str, help: &'static str) -> Spec {
    spec(name, Kind::Value, value, help)
}

/// An option with a public value that may stand several times.
pub const fn many(name: &'static str, value: &'static str, help: &'static str) -> Spec {
    spec(name, Kind::Many, value, help)
}

/// A secret.
pub const fn secret(name: &'static str, help: &'static str) -> Spec {
    spec(name, Kind::Secret, "", help)
}

const fn spec(name: &'static str, kind: Kind, value: &'static str, help: &'static str) -> Spec {
    Spec {
        name,
        kind,
        value,
        help,
        needed: false,
    }
}

/// Options of every action.
const COMMON: &[Spec] = &[
    flag("json", "one JSON object instead of lines"),
    flag("show-secrets", "print clear keys and PINs too"),
];

/// A message: one of three options.
pub const DATA: &[Spec] = &[
    option("data", "HEX", "the data in hexadecimal"),
    option("text", "TEXT", "the data as characters"),
    option(
        "data-file",
        "FILE",
        "the data as the bytes of a file; - is standard input",
    ),
];

/// One thing that a command does.
pub struct Action {
    /// Its name; empty if the command does one thing only.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// Options and secrets.
    pub specs: &'static [&'static [Spec]],
    /// What else to know.
    pub notes: &'static str,
    /// Commands and what they print, each command behind `$ `.
    pub example: &'static str,
    /// Does it.
    pub run: fn(&Call, &mut Report) -> Result<()>,
}

/// A command.
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// What it does.
    pub actions: &'static [Action],
}

impl Command {
    /// Its actions.
    pub fn help(&self) -> String {
        let mut out = format!("payhsm-tool {}: {}\n\n", self.name, self.about);
        for action in self.actions {
            let _ = writeln!(out, "  {:<14} {}", action.name, action.about);
        }
        let _ = writeln!(
            out,
            "\nOptions and an example of each: payhsm-tool {} ACTION --help",
            self.name
        );
        out
    }
}

impl Action {
    /// Options and secrets, those of every action included.
    pub fn specs(&self) -> impl Iterator<Item = &'static Spec> {
        self.specs.iter().copied().flatten().chain(COMMON)
    }

    /// Secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &'static Spec> {
        self.specs().filter(|spec| spec.kind == Kind::Secret)
    }

    /// What it is named in reports.
    pub fn title(&self, command: &Command) -> String {
        format!("{} {}", command.name, self.name).trim_end().to_owned()
    }

    /// Options, secrets, notes and the example.
    pub fn help(&self, command: &Command) -> String {
        let mut options: Vec<(String, String)> = Vec::new();
        for spec in self.specs().filter(|spec| spec.kind != Kind::Secret) {
            let several = match (spec.kind, spec.needed) {
                (Kind::Many, _) => " (may stand several times)",
                (_, true) => " (needed)",
                _ => "",
            };
            let option = format!("--{} {}", spec.name, spec.value);
            options.push((option, format!("{}{several}", spec.help)));
        }
        let named: Vec<&Spec> = self.secrets().filter(|spec| !spec.help.is_empty()).collect();
        if !named.is_empty() {
            let words = "keys and PINs: lines name = value, or one value alone";
            options.push(("--key-file FILE".to_owned(), words.to_owned()));
        }
        for spec in named.iter().filter(|spec| spec.name != "key") {
            let words = format!("the value of {} alone, or FILE#ENTRY", spec.name);
            options.push((format!("--{}-file FILE", spec.name), words));
        }

        let mut out = format!("payhsm-tool {}: {}\n\noptions:\n", self.title(command), self.about);
        let width = options.iter().map(|(option, _)| option.len()).max().unwrap_or(0);
        for (option, words) in options {
            let _ = writeln!(out, "  {option:<width$}  {}", wrapped(&words, width + 4));
        }
        if !named.is_empty() {
            out.push_str("\nsecrets (names of entries):\n");
            for spec in named {
                let _ = writeln!(out, "  {:<14} {}", spec.name, spec.help);
            }
            out.push_str(
                "A value alone in the key file is the first of them. FILE - is standard input. What is\n\
                 in no file is asked for at the terminal. Nothing secret is taken from the arguments.\n",
            );
        }
        if !self.notes.is_empty() {
            let _ = writeln!(out, "\n{}", self.notes);
        }
        out.push_str(
            "\nexit status: 0 done, 1 a check says no, 2 wrong arguments, 3 a value is refused,\n\
             4 a file, the terminal or the source of random bytes failed\n\nexample:\n",
        );
        for line in self.example.lines() {
            let _ = writeln!(out, "{}", format!("  {line}").trim_end());
        }
        out
    }
}

/// Text broken into lines of at most 100 columns, all but the first after `indent` blanks.
fn wrapped(text: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut column = indent;
    for word in text.split(' ') {
        if column + word.len() > 100 && column > indent {
            let _ = write!(out, "\n{:indent$}", "");
            column = indent;
        } else if column > indent {
            out.push(' ');
        }
        out.push_str(word);
        column += word.len() + 1;
    }
    out
}
