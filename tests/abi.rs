// SPDX-License-Identifier: MIT OR Apache-2.0
//! The binary interface of `include/payhsm.h`, as C compilers see it: every constant, the layout of every structure on
//! 64-bit hosts and on 32-bit ARM, every function type and signature. `include/payhsm.abi` is the committed record.
//!
//! What is recorded never changes; what is new is appended to it by `scripts/header`. A change that breaks the interface
//! is refused there, unless `PAYHSM_BREAK_ABI=1` says that it is meant.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const TARGETS: [(&str, &[&str]); 2] = [("gcc", &[]), ("arm-none-eabi-gcc", &["-mcpu=cortex-m4", "-mthumb"])];

/// Constants that are less where addresses have 32 bits.
const DIFFERENT: [&str; 2] = ["PAYHSM_CTX_BASE_SIZE", "PAYHSM_SLOT_SIZE"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The header without comments, and without line breaks inside of declarations.
fn header() -> String {
    let text = fs::read_to_string(root().join("include/payhsm.h")).unwrap();
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once("/*") {
        out.push_str(before);
        rest = behind.split_once("*/").unwrap().1;
    }
    out + rest
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn constants(header: &str) -> Vec<String> {
    let lines = header.lines().filter_map(|line| line.strip_prefix("#define PAYHSM_"));
    let mut names: Vec<String> = Vec::new();
    for (name, _) in lines.filter_map(|line| line.split_once(' ')) {
        let name = format!("PAYHSM_{name}");
        let counts = !name.contains('(') && name != "PAYHSM_MUST_USE" && !name.starts_with("PAYHSM_VERSION_");
        // One that differs between targets stands there more than once.
        if counts && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Name of each structure, and type and name of its fields.
fn structures(header: &str) -> Vec<(String, Vec<(String, String)>)> {
    let parts = header.split("typedef struct {").skip(1);
    parts
        .map(|part| {
            let (body, behind) = part.split_once('}').unwrap();
            let name = words(behind.split(';').next().unwrap());
            let fields = body.split(';').map(words).filter(|field| !field.is_empty());
            let fields = fields.map(|field| {
                let (declared, array) = field.split_once('[').map_or((field.as_str(), ""), |(a, b)| (a, b));
                let at = declared.rfind([' ', '*']).unwrap() + 1;
                let array = if array.is_empty() {
                    String::new()
                } else {
                    format!("[{array}")
                };
                (format!("{}{array}", declared[..at].trim()), declared[at..].to_owned())
            });
            (name, fields.collect())
        })
        .collect()
}

/// Functions and function types: `name` and the types of result and parameters.
fn signatures(header: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for declaration in header.split(';').map(words) {
        let declaration = declaration.rsplit("PAYHSM_MUST_USE").next().unwrap();
        let Some((head, parameters)) = declaration.split_once('(') else {
            continue;
        };
        let types = |list: &str| {
            let types = list.trim_end_matches(')').split(',').map(|parameter| {
                let parameter = parameter.trim();
                let at = parameter.rfind([' ', '*']).map_or(parameter.len(), |at| at + 1);
                parameter[..at].trim().to_owned()
            });
            types.collect::<Vec<_>>().join(", ")
        };
        if let Some((name, list)) = parameters.strip_prefix('*').and_then(|rest| rest.split_once(")(")) {
            if name.starts_with("payhsm_") {
                let result = head.rsplit("typedef").next().unwrap().trim();
                out.push((name.to_owned(), format!("{result} (*)({})", types(list))));
            }
        } else if let Some(at) = head.rfind([' ', '*']) {
            let (result, name) = head.split_at(at + 1);
            if name.starts_with("payhsm_") && parameters.ends_with(')') {
                let result = result.rsplit(['#', '}', '{', '"']).next().unwrap().trim();
                out.push((name.to_owned(), format!("{result} ({})", types(parameters))));
            }
        }
    }
    out
}

/// What the sections of an object file compiled from `source` hold; `None` without the compiler.
fn compile(compiler: &str, flags: &[&str], source: &str) -> Option<[Vec<u8>; 2]> {
    Command::new(compiler).arg("--version").output().ok()?;
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = |ending: &str| scratch.join(format!("abi-{compiler}-{}.{ending}", std::process::id()));
    fs::write(path("c"), source).unwrap();
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    run(Command::new(compiler)
        .args(flags)
        .args(["-std=c99", "-ffreestanding", "-c", "-I"])
        .arg(root().join("include"))
        .arg("-o")
        .args([path("o"), path("c")]));
    let objcopy = compiler.replace("gcc", "objcopy");
    Some([".constants", ".layout"].map(|section| {
        run(Command::new(&objcopy)
            .args(["-O", "binary", "-j", section])
            .args([path("o"), path("bin")]));
        fs::read(path("bin")).unwrap()
    }))
}

/// The interface, a line for each thing: what it is, and its value. 32-bit figures are missing without that compiler.
fn interface() -> Vec<(String, String)> {
    let header = header();
    let (constants, structures) = (constants(&header), structures(&header));
    let mut layout = Vec::new();
    for (name, fields) in &structures {
        layout.push((format!("struct {name} size"), String::new(), format!("sizeof({name})")));
        for (kind, field) in fields {
            let key = format!("struct {name} field {field}");
            layout.push((key, format!("{kind} at "), format!("offsetof({name}, {field})")));
        }
    }
    let values: Vec<&str> = layout.iter().map(|(_, _, value)| value.as_str()).collect();
    let source = format!(
        "#include \"payhsm.h\"\n\
         __attribute__((section(\".constants\"))) const long long payhsm_constants[] = {{{}}};\n\
         __attribute__((section(\".layout\"))) const unsigned payhsm_layout[] = {{{}}};\n",
        constants.join(", "),
        values.join(", ")
    );
    let compiled = TARGETS.map(|(compiler, flags)| compile(compiler, flags, &source));
    let host = compiled[0].as_ref().expect("gcc");
    let numbers = |bytes: &[u8]| -> Vec<u32> {
        let (chunks, rest) = bytes.as_chunks();
        assert!(rest.is_empty());
        chunks.iter().map(|chunk| u32::from_le_bytes(*chunk)).collect()
    };
    let (wide, rest) = host[0].as_chunks();
    assert!(rest.is_empty() && wide.len() == constants.len());
    let narrow = compiled[1].as_ref().map(|arm| arm[0].as_chunks().0);

    let mut out = Vec::new();
    for (i, (name, value)) in constants.into_iter().zip(wide).enumerate() {
        let host = i64::from_le_bytes(*value).to_string();
        let value = if DIFFERENT.contains(&name.as_str()) {
            let arm = narrow.map_or_else(|| "?".to_owned(), |arm| i64::from_le_bytes(arm[i]).to_string());
            format!("{host} {arm}")
        } else {
            assert!(
                narrow.is_none_or(|arm| arm[i] == *value),
                "{name} differs between targets"
            );
            host
        };
        out.push((format!("constant {name}"), value));
    }
    let on_host = numbers(&host[1]);
    let on_arm = compiled[1].as_ref().map(|arm| numbers(&arm[1]));
    assert_eq!(on_host.len(), layout.len());
    for (i, (key, kind, _)) in layout.into_iter().enumerate() {
        let arm = on_arm.as_ref().map_or_else(|| "?".to_owned(), |arm| arm[i].to_string());
        out.push((key, format!("{kind}{} {arm}", on_host[i])));
    }
    for (name, types) in signatures(&header) {
        out.push((format!("function {name}"), types));
    }
    out
}

/// Whether a recorded value holds still: without a compiler for the other target, as far as it is known.
fn same(recorded: &str, now: &str) -> bool {
    recorded == now || now.strip_suffix('?').is_some_and(|known| recorded.starts_with(known))
}

/// A structure that begins with its size may grow.
fn may_change(key: &str, recorded: &str, now: &str, interface: &BTreeMap<String, String>) -> bool {
    let first = |text: &str| text.split(' ').next().and_then(|n| n.parse::<u32>().ok());
    key.strip_suffix(" size").is_some_and(|name| {
        interface
            .get(&format!("{name} field size"))
            .is_some_and(|field| field.starts_with("uint32_t at 0 "))
            && first(now) > first(recorded)
    })
}

#[test]
fn the_binary_interface_is_the_recorded_one() {
    let path = root().join("include/payhsm.abi");
    let lines = interface();
    let now: BTreeMap<String, String> = lines.iter().cloned().collect();
    assert_eq!(now.len(), lines.len(), "a name twice");
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    let recorded: BTreeMap<&str, &str> = recorded.lines().filter_map(|line| line.split_once(": ")).collect();

    let write = env::var_os("PAYHSM_WRITE_HEADER").is_some();
    let meant = env::var_os("PAYHSM_BREAK_ABI").is_some();
    let mut wrong = Vec::new();
    for (key, value) in &recorded {
        match now.get(*key) {
            None => wrong.push(format!("{key}: is gone")),
            Some(other) if same(value, other) || write && may_change(key, value, other, &now) => {}
            Some(other) => {
                wrong.push(format!("{key}: was {value}, is {other}"));
            }
        }
    }
    if write {
        assert!(
            wrong.is_empty() || meant,
            "this breaks the interface (PAYHSM_BREAK_ABI=1 if it is meant):\n{}",
            wrong.join("\n")
        );
        assert!(
            lines.iter().all(|(_, value)| !value.ends_with('?')),
            "arm-none-eabi-gcc is needed"
        );
        let text: String = lines.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
        fs::write(&path, text).unwrap();
        return;
    }
    let new = lines.iter().filter(|(key, _)| !recorded.contains_key(key.as_str()));
    wrong.extend(new.map(|(key, value)| format!("{key}: {value}: is new; run scripts/header")));
    assert!(wrong.is_empty(), "include/payhsm.abi:\n{}", wrong.join("\n"));
    let functions = lines.iter().filter(|(key, _)| key.starts_with("function payhsm_"));
    assert!(functions.count() >= 95);
}

/// The checks above see what they shall: a recorded value that is not the header's is found.
#[test]
fn a_change_is_seen() {
    let now: BTreeMap<String, String> = [
        ("struct a size", "8 8"),
        ("struct a field size", "uint32_t at 0 0"),
        ("struct b size", "8 8"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    assert!(same("8 4", "8 4") && same("8 4", "8 ?") && !same("8 4", "8 8") && !same("7 4", "8 ?"));
    assert!(may_change("struct a size", "4 4", "8 8", &now) && !may_change("struct a size", "16 16", "8 8", &now));
    assert!(!may_change("struct b size", "4 4", "8 8", &now) && !may_change("constant PAYHSM_OK", "0", "1", &now));
}
