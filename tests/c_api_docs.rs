// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pages about the C interface are complete: every function in a group, every status with its number, every question
//! policy bit and event of the log in its table, and no name that the header does not have.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use payhsm::error::Error;
use payhsm::hsm::LogEvent;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Names in `text` that begin with `prefix`.
fn names(text: &str, prefix: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let found = text
        .match_indices(prefix)
        .filter(|(at, _)| !text[..*at].ends_with(is_name));
    found
        .map(|(at, _)| text[at..].chars().take_while(|c| is_name(*c)).collect())
        .collect()
}

/// Functions that the header declares.
fn functions() -> BTreeSet<String> {
    let header = read("include/payhsm.h");
    let mut out = BTreeSet::new();
    for line in header
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
    {
        if let Some((declaration, _)) = line.split_once('(')
            && !line.starts_with("typedef")
            && let Some((_, name)) = declaration.rsplit_once(['*', ' '])
        {
            out.insert(name.to_owned());
        }
    }
    assert!(out.len() >= 90);
    out
}

#[test]
fn every_function_has_its_group() {
    let page = read("docs/C-API.md");
    let (_, groups) = page.split_once("## All functions by group").unwrap();
    let (groups, _) = groups.split_once("\n## ").unwrap();
    let listed = names(groups, "payhsm_");
    let declared = functions();
    let missing: Vec<_> = declared.difference(&listed).collect();
    assert!(missing.is_empty(), "in no group of docs/C-API.md: {missing:?}");
    let unknown: Vec<_> = listed.difference(&declared).collect();
    assert!(unknown.is_empty(), "not in the header: {unknown:?}");
    for name in &listed {
        assert_eq!(groups.matches(&format!("`{name}`")).count(), 1, "{name} twice");
    }
}

#[test]
fn pages_name_functions_that_exist() {
    let declared = functions();
    let types = read("include/payhsm.h");
    for page in ["docs/C-API.md", "docs/C-STATUS.md", "docs/C-MIGRATION.md"] {
        for name in names(&read(page), "payhsm_") {
            let family = name.ends_with('_') && declared.iter().any(|other| other.starts_with(&name));
            let known = declared.contains(&name) || name.ends_with("_t") && types.contains(&name);
            assert!(known || family || name == "payhsm_unreachable_panic", "{page}: {name}");
        }
    }
}

#[test]
fn every_status_has_its_row() {
    let page = read("docs/C-STATUS.md");
    for error in Error::ALL {
        let mut name = String::new();
        for c in error.name().chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(c.to_ascii_uppercase());
        }
        let row = format!("| `{name}` | {} | ", error.code());
        assert_eq!(page.matches(&row).count(), 1, "docs/C-STATUS.md: {row}");
    }
    assert_eq!(
        page.matches("\n| `").count(),
        Error::ALL.len() + 4,
        "a row for no status"
    );
}

#[test]
fn questions_and_policy_bits_have_their_rows() {
    let (header, page) = (read("include/payhsm.h"), read("docs/C-API.md"));
    for prefix in ["PAYHSM_ASK_", "PAYHSM_POLICY_"] {
        let defined = names(&header, prefix)
            .into_iter()
            .filter(|name| name.len() > prefix.len());
        for name in defined {
            if header.contains(&format!("#define {name} ")) {
                let row = format!("| `{}` |", &name[prefix.len()..]);
                assert!(page.contains(&row), "docs/C-API.md has no row for {name}");
            }
        }
    }
}

#[test]
fn every_event_of_the_log_has_its_row() {
    let page = read("docs/AUDIT.md");
    let (_, table) = page.split_once("\n## Events\n").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let rows: Vec<_> = table
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
        .collect();
    assert_eq!(rows.len(), LogEvent::ALL.len());
    for (event, row) in LogEvent::ALL.iter().zip(rows) {
        let start = format!("| {} | {} | ", *event as u8, event.text());
        assert!(row.starts_with(&start), "docs/AUDIT.md: {row}");
        assert_eq!(row.matches(" | ").count(), 4, "docs/AUDIT.md: {row}");
        assert!(!row.contains('$'), "docs/AUDIT.md: {row}");
    }
}
