// SPDX-License-Identifier: MIT OR Apache-2.0
//! One case: typed access to its fields, and what became of it.
//!
//! Every access is recorded, so that a field nobody asked for can be told. A missing or malformed field is recorded as
//! a problem and read as empty: an operation reads all its fields first and needs no error path for them.

use core::cell::RefCell;
use core::fmt::Write as _;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Why an operation stopped before its last answer.
#[derive(Debug)]
pub enum Stop {
    /// The library refused the input.
    Refused(payhsm::error::Error),
    /// The runner cannot put the input into the library's types (a PAN of 25 digits has no type): a refusal too.
    NoForm(&'static str),
    /// A parameter's value that is not supported: what, in words.
    Parameter(String),
}

impl From<payhsm::error::Error> for Stop {
    fn from(error: payhsm::error::Error) -> Self {
        Self::Refused(error)
    }
}

/// What an operation returns.
pub type Done = Result<(), Stop>;

/// The state of a judged case.
#[derive(Debug)]
pub enum Verdict {
    /// All answers are right.
    Passed,
    /// Something is wrong: a line each, without the case's id and operation.
    Failed(Vec<String>),
    /// A parameter is not supported.
    Skipped(String),
}

/// What the answer must be, besides its fields.
#[derive(Clone, Debug)]
pub enum Expect {
    /// The operation goes through; all fields are right. `whole`: every answer must stand in the case.
    Answer {
        /// Whether an answer may not be missing.
        whole: bool,
    },
    /// The operation refuses; the category is advice.
    Refusal(String),
    /// Right, or refused.
    Either,
}

/// A case under work.
#[derive(Debug)]
pub struct Case {
    input: Map<String, Value>,
    output: Map<String, Value>,
    expect: Expect,
    read: RefCell<BTreeSet<String>>,
    compared: RefCell<BTreeSet<String>>,
    /// Wrong answers.
    problems: RefCell<Vec<String>>,
    /// Fields that the operation needs and the case lacks.
    missing: RefCell<Vec<String>>,
    /// Fields that are there but not of their kind. In a case that must be refused this is the refusal.
    malformed: RefCell<Vec<String>>,
    /// Inputs and outputs are one object.
    merged: bool,
}

impl Case {
    /// A case with inputs and outputs apart.
    pub fn new(input: Map<String, Value>, output: Map<String, Value>, expect: Expect) -> Self {
        Self {
            input,
            output,
            expect,
            read: RefCell::default(),
            compared: RefCell::default(),
            problems: RefCell::default(),
            missing: RefCell::default(),
            malformed: RefCell::default(),
            merged: false,
        }
    }

    /// A case whose inputs and outputs stand in one object.
    pub fn merged(fields: Map<String, Value>, expect: Expect) -> Self {
        Self {
            merged: true,
            ..Self::new(fields, Map::new(), expect)
        }
    }

    fn problem(&self, field: &str, expected: &str, got: &str) {
        self.problems.borrow_mut().push(format!("{field} {expected} {got}"));
    }

    fn malform(&self, field: &str, expected: &str, got: &Value) {
        self.malformed.borrow_mut().push(format!("{field} {expected} {got}"));
    }

    fn outputs(&self) -> &Map<String, Value> {
        if self.merged { &self.input } else { &self.output }
    }

    // ---- Inputs.

    /// The field, if the case has it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.read.borrow_mut().insert(name.to_owned());
        self.input.get(name)
    }

    /// Whether the case has this input.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn need(&self, name: &str) -> Option<&Value> {
        let value = self.get(name);
        if value.is_none() {
            self.missing.borrow_mut().push(format!("{name} (missing) -"));
        }
        value
    }

    /// Bytes.
    pub fn hex(&self, name: &str) -> Vec<u8> {
        self.need(name)
            .map(|value| self.as_hex(name, value))
            .unwrap_or_default()
    }

    /// Bytes, if the case has them.
    pub fn opt_hex(&self, name: &str) -> Option<Vec<u8>> {
        self.get(name).map(|value| self.as_hex(name, value))
    }

    /// A list of byte strings.
    pub fn hex_list(&self, name: &str) -> Vec<Vec<u8>> {
        match self.need(name) {
            Some(Value::Array(items)) => items.iter().map(|item| self.as_hex(name, item)).collect(),
            Some(other) => {
                self.malform(name, "list", other);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// A list.
    pub fn list(&self, name: &str) -> &[Value] {
        match self.need(name) {
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.malform(name, "list", other);
                &[]
            }
            None => &[],
        }
    }

    /// Named values.
    pub fn object(&self, name: &str) -> impl Iterator<Item = (&String, &Value)> {
        let value = self.need(name);
        let object = value.and_then(Value::as_object);
        if let (Some(other), None) = (value, object) {
            self.malform(name, "object", other);
        }
        object.into_iter().flatten()
    }

    fn as_hex(&self, name: &str, value: &Value) -> Vec<u8> {
        value.as_str().and_then(from_hex).unwrap_or_else(|| {
            self.malform(name, "hexadecimal", value);
            Vec::new()
        })
    }

    /// Text.
    pub fn text(&self, name: &str) -> &str {
        self.opt_text(name).unwrap_or_else(|| {
            self.need(name);
            ""
        })
    }

    /// Text, if the case has it.
    pub fn opt_text(&self, name: &str) -> Option<&str> {
        let value = self.get(name)?;
        let text = value.as_str();
        if text.is_none() {
            self.malform(name, "text", value);
        }
        text
    }

    /// A whole number.
    pub fn int(&self, name: &str) -> i64 {
        if !self.has(name) {
            self.need(name);
        }
        self.opt_int(name).unwrap_or_default()
    }

    /// A whole number, if the case has it.
    pub fn opt_int(&self, name: &str) -> Option<i64> {
        let value = self.get(name)?;
        let int = value.as_i64();
        if int.is_none() {
            self.malform(name, "integer", value);
        }
        int
    }

    /// A length or an index.
    pub fn size(&self, name: &str) -> usize {
        usize::try_from(self.int(name)).unwrap_or_else(|_| {
            self.malform(name, "size", self.input.get(name).unwrap_or(&Value::Null));
            0
        })
    }

    /// A truth value, if the case has it.
    pub fn opt_bool(&self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.malform(name, "boolean", value);
        }
        flag
    }

    // ---- Outputs.

    /// The stated answer, for an operation that needs a hint of it (a length, a block to read a random field from).
    pub fn answer_hex(&self, name: &str) -> Option<Vec<u8>> {
        self.outputs().get(name).map(|value| self.as_hex(name, value))
    }

    /// Compares one answer by `same`.
    fn answer(&self, name: &str, got: impl FnOnce() -> String, same: impl FnOnce(&Value) -> bool) {
        self.compared.borrow_mut().insert(name.to_owned());
        match (self.outputs().get(name), &self.expect) {
            (Some(expected), _) => {
                if !same(expected) {
                    let got = got();
                    self.problem(name, &shown(expected), &got);
                }
            }
            (None, Expect::Answer { whole: true }) => self.problem(name, "(missing)", &got()),
            (None, _) => {}
        }
    }

    /// Compares bytes.
    pub fn expect_hex(&self, name: &str, got: &[u8]) {
        self.answer(name, || to_hex(got), |expected| expected.as_str() == Some(&to_hex(got)));
    }

    /// Compares bytes whose stated form may be in either case.
    pub fn expect_bytes(&self, name: &str, got: &[u8]) {
        self.answer(
            name,
            || to_hex(got),
            |expected| expected.as_str().and_then(from_hex).is_some_and(|bytes| bytes == got),
        );
    }

    /// Compares bytes; the stated answer may be shorter and is then the leftmost part.
    pub fn expect_left(&self, name: &str, got: &[u8]) {
        self.answer(
            name,
            || to_hex(got),
            |expected| {
                expected.as_str().is_some_and(|text| {
                    !text.is_empty() && text.len().is_multiple_of(2) && to_hex(got).starts_with(text)
                })
            },
        );
    }

    /// Compares the left of an answer with bytes, besides the comparison of the whole.
    pub fn expect_begins(&self, name: &str, got: &[u8]) {
        if self.outputs().contains_key(name) {
            let begins = |expected: &Value| expected.as_str().is_some_and(|text| text.starts_with(&to_hex(got)));
            self.answer(name, || to_hex(got), begins);
        }
    }

    /// Compares bytes without their lowest bits, which are parity.
    pub fn expect_key(&self, name: &str, got: &[u8]) {
        let bare = |bytes: &[u8]| bytes.iter().map(|byte| byte & 0xFE).collect::<Vec<_>>();
        self.answer(
            name,
            || to_hex(got),
            |expected| {
                expected
                    .as_str()
                    .and_then(from_hex)
                    .is_some_and(|bytes| bare(&bytes) == bare(got))
            },
        );
    }

    /// Compares any JSON value.
    pub fn expect(&self, name: &str, got: impl Into<Value>) {
        let got = got.into();
        self.answer(name, || shown(&got), |expected| *expected == got);
    }

    /// Compares any JSON value by `same`.
    pub fn expect_by(&self, name: &str, got: &Value, same: impl FnOnce(&Value) -> bool) {
        self.answer(name, || shown(got), same);
    }

    /// Leaves an answer out of the comparison, because a document says that it is not to be compared.
    pub fn ignore(&self, name: &str) {
        self.answer(name, || "-".to_owned(), |_| true);
    }

    // ---- The verdict.

    /// Judges the case after its operation.
    pub fn judge(self, done: Done) -> Verdict {
        if let Err(Stop::Parameter(what)) = done {
            // What was answered before the parameter came into play counts.
            let problems = self.problems.into_inner();
            return if problems.is_empty() {
                Verdict::Skipped(what)
            } else {
                Verdict::Failed(problems)
            };
        }
        let (read, compared) = (self.read.into_inner(), self.compared.into_inner());
        let malformed = self.malformed.into_inner();
        let refusal = match &done {
            Ok(()) if malformed.is_empty() => None,
            Ok(()) => Some("malformed"),
            Err(Stop::Refused(error)) => Some(error.name()),
            Err(Stop::NoForm(what)) => Some(*what),
            Err(Stop::Parameter(_)) => Some("parameter"),
        };

        // Fields that no code asked for. An operation that was refused did not come to its answers.
        let mut failures = Vec::new();
        let mut unknown = |fields: &Map<String, Value>, known: &dyn Fn(&str) -> bool| {
            let fields = fields.iter().filter(|(name, _)| !known(name));
            failures.extend(fields.map(|(name, value)| format!("{name} (unknown) {}", shown(value))));
        };
        if self.merged {
            if refusal.is_none() {
                unknown(&self.input, &|name| read.contains(name) || compared.contains(name));
            }
        } else {
            unknown(&self.input, &|name| read.contains(name));
            if refusal.is_none() {
                unknown(&self.output, &|name| compared.contains(name));
            }
        }

        let missing = self.missing.into_inner();
        let sound = missing.is_empty() && malformed.is_empty();
        failures.extend(missing);
        match (self.expect, refusal) {
            (Expect::Refusal(category), None) => failures.push(format!("error {category} (accepted)")),
            (Expect::Refusal(_) | Expect::Either, Some(_)) => {}
            (Expect::Answer { .. } | Expect::Either, None) => {
                failures.extend(self.problems.into_inner());
                if self.merged && !compared.iter().any(|name| self.input.contains_key(name)) {
                    failures.push("answer (missing) -".to_owned());
                }
            }
            (Expect::Answer { .. }, Some(refusal)) => {
                failures.extend(malformed);
                // Answers that came before the refusal say nothing more.
                if sound {
                    failures.push(format!("error (none) {refusal}"));
                }
            }
        }
        if failures.is_empty() {
            Verdict::Passed
        } else {
            Verdict::Failed(failures)
        }
    }
}

/// A value on one line, text without quotes.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && !text.contains(char::is_whitespace) => text.clone(),
        other => other.to_string(),
    }
}

/// Bytes of hexadecimal text of either case; `None` if it is none.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let nibble = |c: u8| char::from(c).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|&[high, low]| Some(nibble(high)? << 4 | nibble(low)?));
    rest.is_empty().then(|| bytes.collect()).flatten()
}

/// Upper-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use payhsm::error::Error;

    fn fields(json: &Value) -> Map<String, Value> {
        json.as_object().unwrap().clone()
    }

    fn lines(verdict: Verdict) -> Vec<String> {
        match verdict {
            Verdict::Passed => Vec::new(),
            Verdict::Failed(lines) => lines,
            Verdict::Skipped(what) => panic!("{what}"),
        }
    }

    fn case(input: &Value, output: &Value, expect: Expect) -> Case {
        Case::new(fields(input), fields(output), expect)
    }

    const WHOLE: Expect = Expect::Answer { whole: true };

    #[test]
    fn right_and_wrong() {
        for (answer, expected) in [("0102", vec![]), ("0103", vec!["mac 0103 0102".to_owned()])] {
            let case = case(
                &serde_json::json!({"key": "AA"}),
                &serde_json::json!({"mac": answer}),
                WHOLE,
            );
            assert_eq!(case.hex("key"), [0xAA]);
            case.expect_hex("mac", &[1, 2]);
            assert_eq!(lines(case.judge(Ok(()))), expected);
        }
    }

    #[test]
    fn unknown_and_missing() {
        let input = serde_json::json!({"key": "AA", "odd": 1});
        let output = serde_json::json!({"kcv": "00", "strange": "x"});
        let case = case(&input, &output, WHOLE);
        case.hex("key");
        case.hex("iv");
        case.expect_hex("kcv", &[0]);
        case.expect_hex("mac", &[0]);
        let expected = [
            "odd (unknown) 1",
            "strange (unknown) x",
            "iv (missing) -",
            "mac (missing) 00",
        ];
        assert_eq!(lines(case.judge(Ok(()))), expected);
    }

    #[test]
    fn refusals() {
        let refusal = || Expect::Refusal("digit".to_owned());
        let none = serde_json::json!({});
        let stop = || Err(Stop::Refused(Error::InvalidLength));
        assert!(lines(case(&none, &none, refusal()).judge(stop())).is_empty());
        assert_eq!(
            lines(case(&none, &none, refusal()).judge(Ok(()))),
            ["error digit (accepted)"]
        );
        assert_eq!(
            lines(case(&none, &none, WHOLE).judge(stop())),
            ["error (none) InvalidLength"]
        );
        assert!(lines(case(&none, &none, Expect::Either).judge(stop())).is_empty());
        // Bytes that are none cannot be given to the library: refused. A field that is not there: a broken case.
        let odd = serde_json::json!({"block": "123"});
        let broken = case(&odd, &none, refusal());
        broken.hex("block");
        assert!(lines(broken.judge(Ok(()))).is_empty());
        let broken = case(&none, &none, refusal());
        broken.hex("block");
        assert_eq!(lines(broken.judge(stop())), ["block (missing) -"]);
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(from_hex("00fF"), Some(vec![0, 255]));
        assert_eq!(from_hex(""), Some(vec![]));
        assert_eq!((from_hex("0"), from_hex("0G"), from_hex("+1")), (None, None, None));
        assert_eq!(to_hex(&[0, 255]), "00FF");
    }
}
