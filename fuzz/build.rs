// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads `include/payhsm.h` and makes of it the table of functions that `src/c_calls.rs` calls: names, addresses,
//! parameters, sizes of structures. A function that comes to the header comes into the target by itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::{env, fs, path::Path};

/// Size and alignment.
type Layout = (usize, usize);

/// What makes and ends contexts, and what takes nothing that could be wrong.
const LEFT_OUT: [&str; 2] = ["payhsm_init", "payhsm_close"];

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").unwrap();
    let path = Path::new(&root).join("../include/payhsm.h");
    println!("cargo:rerun-if-changed={}", path.display());
    let text = without_comments(&fs::read_to_string(path).unwrap());
    let constants = constants(&text);
    let structs = structs(&text, &constants);
    let table = functions(&text, &structs);
    fs::write(Path::new(&env::var("OUT_DIR").unwrap()).join("c_functions.rs"), table).unwrap();
}

fn without_comments(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("/*") {
        out.push_str(before);
        rest = behind.split_once("*/").unwrap().1;
    }
    out + rest
}

fn constants(text: &str) -> BTreeMap<String, usize> {
    let defines = text.lines().filter_map(|line| line.strip_prefix("#define "));
    defines
        .filter_map(|line| {
            let (name, value) = line.split_once(' ')?;
            Some((name.to_owned(), value.trim().parse().ok()?))
        })
        .collect()
}

/// The layout of each structure, as C lays it out on this machine.
fn structs(text: &str, constants: &BTreeMap<String, usize>) -> BTreeMap<String, Layout> {
    let mut known: BTreeMap<String, Layout> = BTreeMap::new();
    for part in text.split("typedef struct {").skip(1) {
        let (body, behind) = part.split_once('}').unwrap();
        let name = behind.split(';').next().unwrap().trim();
        let (mut size, mut align) = (0_usize, 1);
        for field in body.split(';').map(str::trim).filter(|field| !field.is_empty()) {
            let (kind, _) = field.trim_start_matches("const ").split_once(' ').unwrap();
            let one = if field.contains('*') || kind.ends_with("_fn_t") {
                (8, 8)
            } else {
                known.get(kind).copied().unwrap_or_else(|| scalar(kind).unwrap())
            };
            let count = field.split_once('[').map_or(1, |(_, count)| {
                let count = count.trim_end_matches(']');
                count.parse().unwrap_or_else(|_| constants[count])
            });
            size = size.next_multiple_of(one.1) + one.0 * count;
            align = align.max(one.1);
        }
        known.insert(name.to_owned(), (size.next_multiple_of(align), align));
    }
    known
}

fn scalar(kind: &str) -> Option<Layout> {
    match kind {
        "uint8_t" => Some((1, 1)),
        "uint16_t" => Some((2, 2)),
        "uint32_t" | "int32_t" | "payhsm_status_t" => Some((4, 4)),
        "uint64_t" | "size_t" => Some((8, 8)),
        _ => None,
    }
}

fn functions(text: &str, structs: &BTreeMap<String, Layout>) -> String {
    let (mut table, mut externs, mut skipped) = (String::new(), String::new(), Vec::new());
    let declarations = text
        .split(';')
        .filter_map(|part| part.rsplit_once("payhsm_status_t payhsm_"));
    for (_, declaration) in declarations.filter(|(before, _)| !before.trim_end().ends_with("typedef")) {
        let Some((name, parameters)) = declaration.split_once('(') else {
            continue;
        };
        let name = format!("payhsm_{name}");
        if LEFT_OUT.contains(&&*name) || name.contains(')') {
            continue;
        }
        let parameters: Vec<_> = parameters.trim_end_matches(')').split(',').map(parameter).collect();
        match parameters_of(&parameters, structs) {
            Some(list) => {
                writeln!(externs, "    fn {name}();").unwrap();
                writeln!(
                    table,
                    "    Function {{ name: {name:?}, address: {name}, parameters: &[{list}] }},"
                )
                .unwrap();
            }
            None => skipped.push(name),
        }
    }
    format!(
        "unsafe extern \"C\" {{\n{externs}}}\npub const FUNCTIONS: &[Function] = &[\n{table}];\n\
         pub const SKIPPED: &[&str] = &{skipped:?};\n"
    )
}

/// Type, stars and name of a parameter.
fn parameter(text: &str) -> (String, usize, String) {
    let stars = text.matches('*').count();
    let text = text.replace('*', " ");
    let (kind, name) = text.trim().rsplit_once(' ').unwrap_or((text.trim(), ""));
    (
        kind.split_whitespace().collect::<Vec<_>>().join(" "),
        stars,
        name.to_owned(),
    )
}

fn parameters_of(list: &[(String, usize, String)], structs: &BTreeMap<String, Layout>) -> Option<String> {
    let mut out = String::new();
    let mut i = 0;
    while let Some((kind, stars, name)) = list.get(i) {
        let next = list
            .get(i + 1)
            .filter(|(kind, stars, _)| kind == "size_t" && *stars == 0);
        let next = next.map(|(_, _, name)| name.as_str());
        let constant = kind.strip_prefix("const ");
        i += 1;
        match (kind.as_str(), *stars) {
            ("payhsm_ctx_t", 1) => out.push_str("Param::Ctx, "),
            ("const uint8_t", 1) if next == Some(&format!("{name}_len")) => {
                write!(out, "Param::Input({name:?}), ").unwrap();
                i += 1;
            }
            ("const uint8_t", 1) => write!(out, "Param::Fixed({name:?}), ").unwrap(),
            ("uint8_t", 1) if next.is_some_and(|n| n.ends_with("capacity") || n == format!("{name}_len")) => {
                write!(out, "Param::Buffer({name:?}), ").unwrap();
                i += 1;
            }
            ("uint8_t", 1) => write!(out, "Param::FixedOut({name:?}), ").unwrap(),
            ("size_t", 0) => write!(out, "Param::Size({name:?}), ").unwrap(),
            (kind, 0) if scalar(kind).is_some() => write!(out, "Param::Number({name:?}), ").unwrap(),
            (kind, 1) if scalar(kind).is_some() => {
                write!(out, "Param::Out({name:?}, {}), ", scalar(kind)?.0).unwrap();
            }
            (kind, 1) if structs.contains_key(constant.unwrap_or(kind)) => {
                // Of an array of structures there is one. A key's attributes stand before its length.
                if next.is_some_and(|name| name != "len" && name != "count") {
                    return None;
                }
                let (size, _) = structs[constant.unwrap_or(kind)];
                let form = if constant.is_some() { "StructIn" } else { "StructOut" };
                write!(out, "Param::{form}({:?}, {size}), ", constant.unwrap_or(kind)).unwrap();
            }
            _ => return None,
        }
    }
    Some(out)
}
