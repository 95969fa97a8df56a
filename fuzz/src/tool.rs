// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that the tools read: cases and vectors.

use payhsm_tool::cases::run_text;
use serde_json::Value;

use crate::seed::vectors::text;

/// A walk of more steps than this only takes time.
const MAX_STEPS: u64 = 100;

fn walks_far(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            name == "transactions" && value.as_u64().is_some_and(|steps| steps > MAX_STEPS) || walks_far(value)
        }),
        Value::Array(items) => items.iter().any(walks_far),
        _ => false,
    }
}

fn report(text: &str) -> (bool, Vec<u8>) {
    let mut out = Vec::new();
    let ran = run_text(text, &mut out);
    // Whatever went wrong, the totals are there.
    assert!(out.ends_with(b" skipped\n"));
    (ran.is_ok(), out)
}

/// A file of cases gives the same report each time and in another spelling; a file of vectors is read to its end.
pub fn case_files(data: &[u8]) {
    let Ok(file) = core::str::from_utf8(data) else { return };
    for block in text::blocks(file) {
        for (_, token) in text::attributes(block) {
            read(token, 0);
        }
    }
    let values = serde_json::Deserializer::from_str(file).into_iter::<Value>();
    if values.flatten().any(|value| walks_far(&value)) {
        return;
    }
    let first = report(file);
    let whole = serde_json::from_str::<Value>(file);
    match whole {
        // In one line and without the spaces.
        Ok(value) if value.get("vectors").is_some() || value.get("testGroups").is_some() => {
            assert_eq!(report(&value.to_string()), first);
        }
        _ => assert_eq!(report(file), first),
    }
}

fn read(token: text::Token<'_>, depth: u8) {
    if let Some(bytes) = token.bytes() {
        assert!(bytes.count() <= token.0.len());
    }
    assert!(token.quoted().is_none() || token.bare().is_none());
    for item in token.items().into_iter().flatten() {
        // An item is shorter than its list.
        assert!(item.0.len() < token.0.len());
        if depth < 8 {
            read(item, depth + 1);
        }
    }
}
