// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a command says: lines for a person, or one JSON object for a program. Both hold the same facts.

use core::fmt::Write as _;

use serde_json::{Map, Value};

use crate::fail::Failure;
use crate::value::to_hex;

/// What stands in the place of a secret that was not asked for.
const HIDDEN: &str = "hidden";

enum Row {
    /// A label and what it says.
    Field(String, String),
    /// A line of its own.
    Line(String),
    /// A title with rows of its own.
    Group(String, Vec<Row>),
}

/// Facts in order.
pub struct Report {
    rows: Vec<Row>,
    json: Map<String, Value>,
    notes: Vec<String>,
    show: bool,
    /// Something was left out.
    hidden: bool,
}

impl Report {
    /// Nothing said yet. `show`: secrets too.
    pub fn new(show: bool) -> Self {
        Self {
            rows: Vec::new(),
            json: Map::new(),
            notes: Vec::new(),
            show,
            hidden: false,
        }
    }

    /// Whether secrets are shown.
    pub const fn shows_secrets(&self) -> bool {
        self.show
    }

    /// A fact with one form for persons and another for programs.
    pub fn both(&mut self, name: &str, label: &str, text: impl Into<String>, json: impl Into<Value>) {
        self.rows.push(Row::Field(label.to_owned(), text.into()));
        self.json.insert(name.to_owned(), json.into());
    }

    /// Text.
    pub fn text(&mut self, name: &str, label: &str, text: impl Into<String>) {
        let text = text.into();
        self.both(name, label, text.clone(), text);
    }

    /// Public bytes.
    pub fn hex(&mut self, name: &str, label: &str, bytes: &[u8]) {
        self.text(name, label, to_hex(bytes));
    }

    /// A number.
    pub fn number(&mut self, name: &str, label: &str, number: u64) {
        self.both(name, label, number.to_string(), number);
    }

    /// Yes or no.
    pub fn yes(&mut self, name: &str, label: &str, yes: bool) {
        self.both(name, label, if yes { "yes" } else { "no" }, yes);
    }

    /// Secret bytes: shown only if that was asked for; JSON has `null` otherwise.
    pub fn secret_hex(&mut self, name: &str, label: &str, bytes: &[u8]) {
        self.secret_text(name, label, &to_hex(bytes));
    }

    /// Secret text, as [`secret_hex`](Self::secret_hex).
    pub fn secret_text(&mut self, name: &str, label: &str, text: &str) {
        if self.show {
            self.text(name, label, text);
        } else {
            self.both(name, label, HIDDEN, Value::Null);
            self.hidden = true;
        }
    }

    /// A secret that is left out: `null` in JSON.
    pub fn hide(&mut self, name: &str) {
        self.json(name, Value::Null);
        self.hidden = true;
    }

    /// A fact for programs only.
    pub fn json(&mut self, name: &str, json: impl Into<Value>) {
        self.json.insert(name.to_owned(), json.into());
    }

    /// A line for persons only.
    pub fn line(&mut self, line: impl Into<String>) {
        self.rows.push(Row::Line(line.into()));
    }

    /// Facts under a title: an object in JSON.
    pub fn group(&mut self, name: &str, title: &str, group: Self) {
        self.hidden |= group.hidden;
        self.notes.extend(group.notes);
        self.rows.push(Row::Group(title.to_owned(), group.rows));
        self.json.insert(name.to_owned(), Value::Object(group.json));
    }

    /// A group of which persons read one line.
    pub fn both_group(&mut self, name: &str, text: impl Into<String>, group: Self) {
        self.both_group_named(name, name, text, group);
    }

    /// As [`both_group`](Self::both_group), with a label.
    pub fn both_group_named(&mut self, name: &str, label: &str, text: impl Into<String>, group: Self) {
        self.both(name, label, text, Value::Object(group.json));
    }

    /// One of several groups: the next element of a list in JSON.
    pub fn item(&mut self, name: &str, title: &str, group: Self) {
        self.hidden |= group.hidden;
        self.notes.extend(group.notes);
        self.rows.push(Row::Group(title.to_owned(), group.rows));
        let list = self
            .json
            .entry(name.to_owned())
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(Value::Object(group.json));
        }
    }

    /// As [`item`](Self::item), on one line.
    pub fn item_line(&mut self, name: &str, label: &str, text: impl Into<String>, group: Self) {
        self.item(name, "", group);
        self.rows.pop();
        self.rows.push(Row::Field(label.to_owned(), text.into()));
    }

    /// An empty list in JSON, for [`item`](Self::item)s that may not come.
    pub fn list(&mut self, name: &str) {
        self.json.insert(name.to_owned(), Value::Array(Vec::new()));
    }

    /// Something that whoever reads this should know.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// The lines.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        write_rows(&self.rows, 0, &mut out);
        for note in &self.notes {
            // Writing to a `String` cannot fail.
            let _ = writeln!(out, "note: {note}");
        }
        if self.hidden {
            out.push_str("(keys and PINs are hidden: --show-secrets prints them)\n");
        }
        out
    }

    /// The object: `command`, `ok`, the facts, `notes`, and `error` if it failed.
    pub fn to_json(&self, command: &str, failure: Option<&Failure>) -> String {
        let mut object = Map::new();
        object.insert("command".to_owned(), command.into());
        object.insert("ok".to_owned(), failure.is_none().into());
        object.extend(self.json.clone());
        object.insert("notes".to_owned(), self.notes.clone().into());
        if let Some(failure) = failure {
            let error = failure.error();
            object.insert(
                "error".to_owned(),
                serde_json::json!({
                    "kind": failure.kind(),
                    "status": failure.status(),
                    "message": failure.to_string(),
                    "library_name": error.map(payhsm::error::Error::name),
                    "library_code": error.map(payhsm::error::Error::code),
                }),
            );
        }
        let mut text = format!("{:#}", Value::Object(object));
        text.push('\n');
        text
    }
}

fn write_rows(rows: &[Row], depth: usize, out: &mut String) {
    let width = rows.iter().filter_map(|row| match row {
        Row::Field(label, _) => Some(label.chars().count()),
        _ => None,
    });
    let width = width.max().unwrap_or(0);
    for row in rows {
        let indent = depth * 2;
        let _ = match row {
            Row::Field(label, text) => {
                let gap = width.saturating_sub(label.chars().count());
                let colon = if label.is_empty() { ' ' } else { ':' };
                writeln!(out, "{:indent$}{label}{colon}{:gap$} {}", "", "", text.trim_end())
            }
            Row::Line(line) => writeln!(out, "{:indent$}{line}", ""),
            Row::Group(title, rows) => {
                let done = writeln!(out, "{:indent$}{title}", "");
                write_rows(rows, depth + 1, out);
                done
            }
        };
    }
}
