// SPDX-License-Identifier: MIT OR Apache-2.0
//! A module imports only from its own layer and from lower ones (docs/ARCHITECTURE.md).

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first.
const LAYERS: &[&[&str]] = &[
    &["error", "ct", "secret", "entropy", "codec", "weaken"],
    &["cipher", "mac", "kdf", "ecdh", "ecdsa", "rsa"],
    &["key"],
    &["batch", "card", "dukpt", "pin", "emv", "keyblock", "inject"],
    &["policy", "store", "hsm"],
    &["capi"],
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            out.push(path);
        }
    }
}

/// The top-level modules that a file names: `crate::x`, and the first names of `use crate::{x::…, y::…}`.
fn imports(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let code = code.split("\n#[cfg(test)]\nmod tests").next().unwrap().to_owned();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0_i32;
            let mut name = String::new();
            let mut reading = true;
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        found.push(core::mem::take(&mut name));
                        reading = true;
                    }
                    c if (c.is_alphanumeric() || c == '_') && depth == 0 && reading => name.push(c),
                    ':' => reading = false,
                    _ => {}
                }
            }
            found.push(name);
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

fn upward(own: &str, text: &str) -> Vec<String> {
    let own_layer = layer(own).unwrap_or_else(|| panic!("module {own} has no layer"));
    imports(text)
        .into_iter()
        .filter(|name| layer(name).is_some_and(|other| other > own_layer))
        .collect()
}

#[test]
fn no_module_imports_from_a_higher_layer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut checked = 0;
    for file in &files {
        let relative = file.strip_prefix(&root).unwrap();
        let own = relative
            .iter()
            .next()
            .unwrap()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs");
        if own == "lib" {
            continue;
        }
        let found = upward(own, &fs::read_to_string(file).unwrap());
        assert!(found.is_empty(), "{} imports upward: {found:?}", relative.display());
        checked += 1;
    }
    assert!(checked >= 40, "only {checked} files");
    for module in LAYERS.iter().flat_map(|modules| modules.iter()) {
        let file = root.join(format!("{module}.rs"));
        assert!(file.exists(), "the table names {module}, which does not exist");
    }
}

/// The test sees what it must see.
#[test]
fn an_upward_import_is_found() {
    assert_eq!(upward("dukpt", "use crate::hsm::Hsm;\n"), ["hsm"]);
    assert_eq!(
        upward("key", "use crate::{error::Error, pin::{Pin, pan::Pan}, ct};\n"),
        ["pin"]
    );
    assert_eq!(upward("mac", "fn f() { crate::key::x(); }\n"), ["key"]);
    assert!(upward("hsm", "use crate::pin::Pin;\n// use crate::capi::x\n").is_empty());
}

/// Every file of the library says what it may be used under.
#[test]
fn every_file_names_its_licence() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for dir in ["src", "tests", "benches", "cli", "ct"] {
        sources(&root.join(dir), &mut files);
    }
    assert!(files.len() >= 60);
    for file in files
        .iter()
        .filter(|file| !file.components().any(|c| c.as_os_str() == "target"))
    {
        let text = fs::read_to_string(file).unwrap();
        assert!(
            text.starts_with("// SPDX-License-Identifier: MIT OR Apache-2.0\n"),
            "{}",
            file.display()
        );
    }
}
