// SPDX-License-Identifier: MIT OR Apache-2.0
//! `payhsm-tool cases`: runs cases of three formats, told apart by their content.
//!
//! - case lines: one object a line, `{"id", "op", "in", "out"}`;
//! - vector families: one object with `family` and `vectors`, inputs and outputs in one object a vector;
//! - Wycheproof: one object with `algorithm` and `testGroups`.
//!
//! The output is a line for each wrong field, a line for each operation or parameter that is not supported, and the
//! totals. Its order depends on the input alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::{Context, Error, Result};
use crate::ops::{self, Op};
use crate::value::{Case, Expect, Stop, Verdict};
use crate::wycheproof;

/// What became of all cases.
#[derive(Debug, Default)]
pub struct Totals {
    passed: usize,
    failed: usize,
    skipped: usize,
    /// Operations that do not exist, with their number of cases.
    unsupported: BTreeMap<String, usize>,
    /// Parameters that are not supported, by operation and parameter.
    parameters: BTreeMap<(String, String), usize>,
}

impl Totals {
    /// Exit status: 0 all passed, 1 something failed, 2 nothing failed but something was skipped.
    pub const fn status(&self) -> u8 {
        match (self.failed, self.skipped) {
            (0, 0) => 0,
            (0, _) => 2,
            _ => 1,
        }
    }

    const fn count(&self) -> usize {
        self.passed.saturating_add(self.failed).saturating_add(self.skipped)
    }

    fn unsupported(&mut self, op: &str) {
        *self.unsupported.entry(op.to_owned()).or_default() += 1;
        self.skipped += 1;
    }
}

/// Where cases go: to the totals and, in words, to the output.
struct Runner<'a, W> {
    out: &'a mut W,
    only: Option<&'a BTreeSet<String>>,
    totals: Totals,
}

/// Runs the cases of `files`, of the operations in `only` if given, and writes the report to `out`.
///
/// # Errors
/// A file that cannot be read or has another shape, and files of which no case was selected. The cases of the other
/// files have run then, and the report is written.
pub fn run(files: &[PathBuf], only: Option<&BTreeSet<String>>, out: &mut impl Write) -> Result<Totals> {
    let mut runner = Runner {
        out,
        only,
        totals: Totals::default(),
    };
    let mut first_error = None;
    for file in files {
        let ran = fs::read_to_string(file)
            .at("reading")
            .and_then(|text| runner.file(file, &text));
        if let Err(e) = ran.at(file.display()) {
            first_error.get_or_insert(e);
        }
    }
    runner.report().at("output")?;
    match first_error {
        Some(e) => Err(e),
        None if runner.totals.count() == 0 => Err(Error::new("no case was selected")),
        None => Ok(runner.totals),
    }
}

/// Runs the cases of one text, as [`run`] does those of a file.
///
/// # Errors
/// A text of another shape, and an output that cannot be written.
pub fn run_text(text: &str, out: &mut impl Write) -> Result<Totals> {
    let mut runner = Runner {
        out,
        only: None,
        totals: Totals::default(),
    };
    let ran = runner.file(Path::new("-"), text);
    runner.report().at("output")?;
    ran.map(|()| runner.totals)
}

impl<W: Write> Runner<'_, W> {
    fn file(&mut self, path: &Path, text: &str) -> Result<()> {
        // Case lines are many values and therefore no value, or a single case.
        if let Ok(Value::Object(file)) = serde_json::from_str::<Value>(text) {
            if file.contains_key("testGroups") {
                return self.wycheproof(&file);
            }
            if let Some(vectors) = file.get("vectors") {
                let vectors = vectors.as_array().ok_or_else(|| Error::new("vectors is not a list"))?;
                for vector in vectors {
                    let vector = vector
                        .as_object()
                        .ok_or_else(|| Error::new("a vector is not an object"))?;
                    self.vector(vector)?;
                }
                return Ok(());
            }
        }
        for (number, line) in (1_usize..)
            .zip(text.lines())
            .filter(|(_, line)| !line.trim().is_empty())
        {
            let place = format!("{}:{number}", path.display());
            match serde_json::from_str::<Value>(line) {
                Ok(Value::Object(case)) => self.line(&place, case)?,
                Ok(_) => self.fail(&place, "-", &["line object (malformed)".to_owned()])?,
                Err(e) => self.fail(&place, "-", &[format!("line JSON {e}")])?,
            }
        }
        Ok(())
    }

    fn selected(&self, op: &str) -> bool {
        self.only.is_none_or(|only| only.contains(op))
    }

    /// A case line.
    fn line(&mut self, place: &str, mut case: Map<String, Value>) -> Result<()> {
        let id = match case.remove("id") {
            Some(Value::String(id)) => id,
            Some(other) => other.to_string(),
            None => place.to_owned(),
        };
        let Some(Value::String(op)) = case.remove("op") else {
            return self.fail(&id, "-", &["op (missing) -".to_owned()]);
        };
        if !self.selected(&op) {
            return Ok(());
        }
        let (Some(Value::Object(input)), Some(Value::Object(mut output))) = (case.remove("in"), case.remove("out"))
        else {
            return self.fail(&id, &op, &["in,out (missing) -".to_owned()]);
        };
        if let Some((name, value)) = case.iter().next() {
            return self.fail(&id, &op, &[format!("{name} (unknown) {value}")]);
        }
        let Some(run) = ops::line(&op) else {
            self.totals.unsupported(&op);
            return Ok(());
        };
        let expect = match output.remove("error") {
            None => Expect::Answer { whole: true },
            Some(category) => {
                // What was broken; advice.
                output.remove("mutation");
                output.remove("rule");
                Expect::Refusal(category.as_str().unwrap_or("refusal").to_owned())
            }
        };
        self.case(&id, &op, run, Case::new(input, output, expect))
    }

    /// A vector of a family.
    fn vector(&mut self, vector: &Map<String, Value>) -> Result<()> {
        let mut fields = vector.clone();
        let (Some(Value::String(id)), Some(Value::String(op))) = (fields.remove("id"), fields.remove("op")) else {
            return self.fail("-", "-", &["id,op (missing) -".to_owned()]);
        };
        if !self.selected(&op) {
            return Ok(());
        }
        let Some(run) = ops::family(&op) else {
            self.totals.unsupported(&op);
            return Ok(());
        };
        // About the vector, not of it.
        for about in ["source", "note", "reason", "checked_with"] {
            fields.remove(about);
        }
        let expect = if op.ends_with("_reject") {
            Expect::Refusal("refusal".to_owned())
        } else {
            Expect::Answer { whole: false }
        };
        let case = match (fields.remove("in"), fields.remove("out")) {
            // Keys, tags and answers in two objects of their own; what stands beside them is an input.
            (Some(Value::Object(mut input)), Some(Value::Object(output))) => {
                input.append(&mut fields);
                Case::new(input, output, expect)
            }
            (None, None) => Case::merged(fields, expect),
            _ => return self.fail(&id, &op, &["in,out (missing) -".to_owned()]),
        };
        self.case(&id, &op, run, case)
    }

    fn wycheproof(&mut self, file: &Map<String, Value>) -> Result<()> {
        for test in wycheproof::tests(file)? {
            if !self.selected(&test.op) {
                continue;
            }
            match test.run {
                Some(run) => self.case(&test.id, &test.op, run, test.case)?,
                None => self.totals.unsupported(&test.op),
            }
        }
        Ok(())
    }

    fn case(&mut self, id: &str, op: &str, run: Op, case: Case) -> Result<()> {
        let done = run(&case);
        match case.judge(done) {
            Verdict::Passed => self.totals.passed += 1,
            Verdict::Failed(lines) => self.fail(id, op, &lines)?,
            Verdict::Skipped(what) => {
                *self.totals.parameters.entry((op.to_owned(), what)).or_default() += 1;
                self.totals.skipped += 1;
            }
        }
        Ok(())
    }

    fn fail(&mut self, id: &str, op: &str, lines: &[String]) -> Result<()> {
        self.totals.failed += 1;
        for line in lines {
            writeln!(self.out, "{id} {op} {line}").at("output")?;
        }
        Ok(())
    }

    fn report(&mut self) -> io::Result<()> {
        let totals = &self.totals;
        for ((op, what), count) in &totals.parameters {
            writeln!(self.out, "skipped {op} {what}: {count} cases")?;
        }
        for (op, count) in &totals.unsupported {
            writeln!(self.out, "unsupported {op}: {count} cases")?;
        }
        let Totals {
            passed,
            failed,
            skipped,
            ..
        } = totals;
        writeln!(self.out, "{passed} passed, {failed} failed, {skipped} skipped")?;
        self.out.flush()
    }
}

/// A parameter's value that is not supported.
pub fn parameter<T>(name: &str, value: impl core::fmt::Display) -> core::result::Result<T, Stop> {
    Err(Stop::Parameter(format!("{name} {value}")))
}
