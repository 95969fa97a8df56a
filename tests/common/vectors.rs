// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reader of `vectors/*.txt` (grammar: `vectors/README.md`).
//!
//! Two parts: [`text`], which needs neither heap nor `std` and gives slices of the file, and [`cases`], which gives
//! owned values to the integration tests and sees to it that every attribute of a vector is used exactly once.

#![allow(dead_code, reason = "each test file uses its own part of this module")]

use core::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

/// The grammar, over `core` alone.
pub mod text {
    /// One value: a bare word, a quoted text or a list.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Token<'a>(pub &'a str);

    impl<'a> Token<'a> {
        /// The characters between the quotes, backslashes still before `"` and `\`.
        pub fn quoted(self) -> Option<&'a str> {
            self.0.strip_prefix('"')?.strip_suffix('"')
        }

        /// A word that is neither quoted nor a list.
        pub fn bare(self) -> Option<&'a str> {
            (!self.0.is_empty() && !self.0.starts_with(['"', '['])).then_some(self.0)
        }

        /// The bytes of a hexadecimal word; `""` has none. An item that is no byte is `None`.
        pub fn bytes(self) -> Option<impl Iterator<Item = Option<u8>> + 'a> {
            let digits = if self.0 == "\"\"" { "" } else { self.bare()? };
            Some(digits.as_bytes().chunks(2).map(|pair| match *pair {
                [high, low] => Some(nibble(high)? << 4 | nibble(low)?),
                _ => None,
            }))
        }

        /// The items of a list.
        pub fn items(self) -> Option<Items<'a>> {
            Some(Items(self.0.strip_prefix('[')?.strip_suffix(']')?))
        }
    }

    fn nibble(c: u8) -> Option<u8> {
        match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'A'..=b'F' => Some(c - b'A' + 10),
            _ => None,
        }
    }

    /// The items of a list, from the first on.
    #[derive(Clone, Copy, Debug)]
    pub struct Items<'a>(&'a str);

    impl<'a> Iterator for Items<'a> {
        type Item = Token<'a>;

        fn next(&mut self) -> Option<Token<'a>> {
            let rest = self.0.trim_start_matches([' ', ',']);
            if rest.is_empty() {
                return None;
            }
            let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
            let end = rest.bytes().position(|c| {
                match c {
                    _ if escaped => escaped = false,
                    b'\\' if quoted => escaped = true,
                    b'"' => quoted = !quoted,
                    b'[' if !quoted => depth += 1,
                    b']' if !quoted => depth = depth.saturating_sub(1),
                    b',' if !quoted && depth == 0 => return true,
                    _ => {}
                }
                false
            });
            let (item, rest) = rest.split_at(end.unwrap_or(rest.len()));
            self.0 = rest;
            Some(Token(item))
        }
    }

    /// The attributes of one block, in order. A line that is none comes as a name with an empty token.
    pub fn attributes(block: &str) -> impl Iterator<Item = (&str, Token<'_>)> {
        block
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                line.split_once(" = ")
                    .map_or((line, Token("")), |(name, value)| (name, Token(value)))
            })
    }

    /// The blocks of a file: whatever stands between empty lines and has an attribute.
    pub fn blocks(file: &str) -> impl Iterator<Item = &str> {
        file.split("\n\n").filter(|block| attributes(block).next().is_some())
    }
}

/// An attribute's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Hexadecimal, an integer, `true` or `false`: the reader of a vector knows which.
    Bare(String),
    /// Text that stood in quotes.
    Text(String),
    /// A list.
    List(Vec<Value>),
}

impl Value {
    /// Reads a token; `None` if it is malformed.
    pub fn parse(token: text::Token<'_>) -> Option<Self> {
        if let Some(quoted) = token.quoted() {
            let mut out = String::new();
            let mut chars = quoted.chars();
            while let Some(c) = chars.next() {
                out.push(if c == '\\' { chars.next()? } else { c });
            }
            Some(Self::Text(out))
        } else if let Some(items) = token.items() {
            items.map(Self::parse).collect::<Option<_>>().map(Self::List)
        } else {
            token.bare().map(|word| Self::Bare(word.to_owned()))
        }
    }

    /// Bytes.
    pub fn hex(&self) -> Vec<u8> {
        let word = match self {
            Self::Bare(word) => word,
            Self::Text(text) if text.is_empty() => "\"\"",
            other => panic!("not hexadecimal: {other:?}"),
        };
        let bytes = text::Token(word).bytes().and_then(Iterator::collect::<Option<_>>);
        bytes.unwrap_or_else(|| panic!("not hexadecimal: {word}"))
    }

    /// Text.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            other => panic!("not text: {other:?}"),
        }
    }

    /// A whole number.
    pub fn int(&self) -> i64 {
        match self {
            Self::Bare(word) => word.parse().unwrap_or_else(|_| panic!("not a number: {word}")),
            other => panic!("not a number: {other:?}"),
        }
    }

    /// `true` or `false`.
    pub fn bool(&self) -> bool {
        match self {
            Self::Bare(word) if word == "true" => true,
            Self::Bare(word) if word == "false" => false,
            other => panic!("neither true nor false: {other:?}"),
        }
    }

    /// The items of a list.
    pub fn list(&self) -> &[Value] {
        match self {
            Self::List(items) => items,
            other => panic!("not a list: {other:?}"),
        }
    }
}

/// Attributes that describe a vector and are no input or output of it.
const ABOUT: [&str; 6] = ["Op", "Id", "Source", "Note", "Checked_with", "Reason"];

/// One vector. Dropping it with an attribute left unread panics, as does reading one twice.
#[derive(Debug)]
pub struct Case {
    op: String,
    id: String,
    attributes: RefCell<BTreeMap<String, Value>>,
}

impl Case {
    fn parse(block: &str) -> Self {
        let mut attributes = BTreeMap::new();
        for (name, token) in text::attributes(block) {
            let value = Value::parse(token).unwrap_or_else(|| panic!("malformed line {name} = {token:?}"));
            let twice = attributes.insert(name.to_owned(), value).is_some();
            assert!(!twice, "{name} stands twice in\n{block}");
        }
        let mut word = |name: &str| match attributes.remove(name) {
            Some(Value::Bare(word)) => word,
            other => panic!("{name} is {other:?} in\n{block}"),
        };
        let (op, id) = (word("Op"), word("Id"));
        attributes.retain(|name, _| !ABOUT.contains(&name.as_str()));
        Self {
            op,
            id,
            attributes: RefCell::new(attributes),
        }
    }

    /// The operation's name.
    pub fn op(&self) -> &str {
        &self.op
    }

    /// The vector's name, unique in its family.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Takes an attribute of any kind.
    pub fn value(&self, name: &str) -> Value {
        self.opt(name)
            .unwrap_or_else(|| panic!("{self:?} has no {name}, or it was read before"))
    }

    /// Takes an attribute that not every vector has.
    pub fn opt(&self, name: &str) -> Option<Value> {
        self.attributes.borrow_mut().remove(name)
    }

    /// Takes bytes.
    pub fn hex(&self, name: &str) -> Vec<u8> {
        self.value(name).hex()
    }

    /// Takes exactly `N` bytes.
    pub fn array<const N: usize>(&self, name: &str) -> [u8; N] {
        let bytes = self.hex(name);
        bytes
            .try_into()
            .unwrap_or_else(|b: Vec<u8>| panic!("{}: {name} has {} bytes, not {N}", self.id, b.len()))
    }

    /// Takes text.
    pub fn text(&self, name: &str) -> String {
        self.value(name).text()
    }

    /// Takes a whole number.
    pub fn int(&self, name: &str) -> i64 {
        self.value(name).int()
    }

    /// Takes a truth value.
    pub fn bool(&self, name: &str) -> bool {
        self.value(name).bool()
    }

    /// Takes a list.
    pub fn list(&self, name: &str) -> Vec<Value> {
        self.value(name).list().to_vec()
    }

    /// Takes bytes if the vector has them.
    pub fn opt_hex(&self, name: &str) -> Option<Vec<u8>> {
        self.opt(name).map(|value| value.hex())
    }

    /// Takes text if the vector has it.
    pub fn opt_text(&self, name: &str) -> Option<String> {
        self.opt(name).map(|value| value.text())
    }

    /// Takes a whole number if the vector has it.
    pub fn opt_int(&self, name: &str) -> Option<i64> {
        self.opt(name).map(|value| value.int())
    }

    /// Takes a truth value if the vector has it.
    pub fn opt_bool(&self, name: &str) -> Option<bool> {
        self.opt(name).map(|value| value.bool())
    }

    /// Takes a list if the vector has it.
    pub fn opt_list(&self, name: &str) -> Option<Vec<Value>> {
        self.opt(name).map(|value| value.list().to_vec())
    }

    /// Gives up what is left unread, for a vector that the caller skips on purpose.
    pub fn discard(&self) {
        self.attributes.borrow_mut().clear();
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let attributes = self.attributes.borrow();
            let left: Vec<_> = attributes.keys().collect();
            assert!(left.is_empty(), "{} {}: {left:?} not read", self.op, self.id);
        }
    }
}

/// All vectors of `vectors/{family}.txt`.
///
/// # Panics
/// If the file is missing, empty or malformed.
pub fn family(family: &str) -> Vec<Case> {
    // The package at the root, or a member below it.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let directory = root.map(|at| at.join("vectors")).find(|at| at.is_dir());
    let path = directory.unwrap_or_default().join(family).with_extension("txt");
    let file = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let cases: Vec<Case> = text::blocks(&file).map(Case::parse).collect();
    assert!(!cases.is_empty(), "{} has no vector", path.display());
    cases
}

/// The vectors of operation `op` in `vectors/{family}.txt`.
///
/// # Panics
/// If there are none.
pub fn cases(name: &str, op: &str) -> Vec<Case> {
    let mut cases = family(name);
    for other in cases.iter().filter(|case| case.op != op) {
        other.discard();
    }
    cases.retain(|case| case.op == op);
    assert!(!cases.is_empty(), "vectors/{name}.txt has no {op}");
    cases
}
