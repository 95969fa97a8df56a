// SPDX-License-Identifier: MIT OR Apache-2.0
//! `include/payhsm.h` is what `src/capi` says: generated here and compared; `PAYHSM_WRITE_HEADER=1` rewrites it
//! (`scripts/header`). And it is a header that C and C++ compilers take without a warning.

use core::fmt::Write as _;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::{env, fs};

use cbindgen::{Builder, Config};
use payhsm::error::Error;

/// The sources in the order of the header.
const SOURCES: &[&str] = &[
    "status",
    "context",
    "permission",
    "question",
    "flash",
    "config",
    "life",
    "role",
    "selftest",
    "key",
    "key/ceremony",
    "key/block",
    "key/working",
    "key/agreement",
    "key/agreement/host",
    "key/agreement/signed",
    "key/agreement/unauthenticated",
    "transaction",
    "util",
    "dukpt",
    "pin",
    "mac",
    "data",
    "emv",
    "oda",
    "host",
    "ksn",
    "pin/reference",
    "pin/issue",
    "emv/issuer",
    "emv/script",
    "batch",
    "batch/message",
    "batch/value",
    "batch/import",
    "card",
    "inventory",
    "audit",
];
/// Those without C functions.
const INTERNAL: &[&str] = &["memory", "panic", "platform"];

const LICENCE: &str = "/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Generated from src/capi by scripts/header. Do not edit: a test compares it. */

/*
 * payhsm: a payment security module. docs/C-API.md has the conventions; in short:
 *
 * - every function returns PAYHSM_OK or a negative PAYHSM_ERR_...; on every error outputs are wiped, lengths and handles 0
 *   (but a context that is none or is busy, and buffers that overlap, are refused before anything is written);
 * - bytes are pointer and length, NULL only with length 0; outputs are pointer, capacity and length;
 * - the context lives in your memory; one call at a time for one context; callbacks must not call in again.
 *
 * The contract of pointers, where a function says \"C1 to C3\":
 * C1 a pointer that is not NULL points to the stated number of readable or writable bytes for the length of the call;
 * C2 nobody else reads or writes that memory, or the context, during the call;
 * C3 outputs overlap nothing, except where the function says so; nothing overlaps the context.
 * \"The context's contract\": the context is NULL or came from payhsm_init and was not closed; C2. \"The context's errors\":
 * PAYHSM_ERR_NULL_POINTER, PAYHSM_ERR_MISALIGNED, PAYHSM_ERR_BAD_STATE (not a live context, a call from a callback, or an
 * open component ceremony), PAYHSM_ERR_OVERLAP (C3; the call did nothing), PAYHSM_ERR_TAMPERED.
 *
 * All functions are declared. What the library was not built for (terminal, host, ec) is missing when the program is linked.
 */
";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn header_path() -> PathBuf {
    root().join("include/payhsm.h")
}

/// `KeyBlockMode` as `KEY_BLOCK_MODE`.
fn screaming(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

/// What cbindgen does not make: attribute, status numbers, size macro.
fn preamble() -> String {
    let mut out = String::from(
        "
/* The result of a function must be looked at. */
#if defined(__GNUC__) || defined(__clang__)
#define PAYHSM_MUST_USE __attribute__((warn_unused_result))
#else
#define PAYHSM_MUST_USE
#endif

/*
 * Bytes of a context without slots and groups, and of a slot. Where addresses have 32 bits it is less, and least for a
 * library without the features `host` and `ec`: who links one defines PAYHSM_TERMINAL_ONLY. If that is not so,
 * payhsm_init finds the memory too short.
 */
#if UINTPTR_MAX > 0xFFFFFFFFU
#define PAYHSM_CTX_BASE_SIZE 5120
#define PAYHSM_SLOT_SIZE 192
#else
#ifdef PAYHSM_TERMINAL_ONLY
#define PAYHSM_CTX_BASE_SIZE 3392
#else
#define PAYHSM_CTX_BASE_SIZE 4736
#endif
#define PAYHSM_SLOT_SIZE 160
#endif

/* Bytes of memory for a context with this many slots and groups; align it to PAYHSM_CTX_ALIGN. */
#define PAYHSM_CTX_SIZE(slots, groups) \\
    (PAYHSM_CTX_BASE_SIZE + (size_t)(slots) * PAYHSM_SLOT_SIZE + (size_t)(groups) * PAYHSM_GROUP_SIZE)

/* Errors. The numbers never change. */
",
    );
    for error in Error::ALL {
        let define = format!("#define PAYHSM_ERR_{} ({})", screaming(error.name()), error.code());
        writeln!(out, "{define:<54} /* {} */", error.message()).unwrap();
    }
    out.truncate(out.trim_end().len());
    out
}

fn generate() -> String {
    let mut config = Config::from_file(root().join("cbindgen.toml")).unwrap();
    config.header = Some(LICENCE.into());
    config.after_includes = Some(preamble());
    let mut builder = Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(root().join(format!("src/capi/{source}.rs")));
    }
    let mut bytes = Vec::new();
    builder.generate().unwrap().write(&mut bytes);
    tidy(&String::from_utf8(bytes).unwrap())
}

/// Comments in the words of C, those of one line on one line, and constants of one family without gaps.
fn tidy(text: &str) -> String {
    let text = text
        .replace("\n # Safety\n", "\n Contract:\n")
        .replace('…', "...")
        .replace('−', "-");
    let mut lines: Vec<String> = Vec::new();
    let mut rest = text.lines().map(str::trim_end).peekable();
    while let Some(line) = rest.next() {
        let indent = line.len() - line.trim_start().len();
        if line.trim_start() != "/*" {
            lines.push(line.to_owned());
            continue;
        }
        let comment: Vec<&str> = rest.by_ref().take_while(|line| line.trim_start() != "*/").collect();
        let pad = &line[..indent];
        if let [one] = comment[..] {
            lines.push(format!("{pad}/* {} */", one.trim_start_matches([' ', '*'])));
        } else {
            lines.push(line.to_owned());
            for line in comment {
                let words = line.trim_start().trim_start_matches("* ");
                let star = if words.is_empty() || words == "*" { " *" } else { " * " };
                lines.push(format!("{pad}{star}{}", words.trim_start_matches('*')));
            }
            lines.push(format!("{pad} */"));
        }
    }
    let family = |line: &str| {
        let name = line.strip_prefix("#define PAYHSM_")?;
        name.split(['_', ' ']).next().map(str::to_owned)
    };
    let mut out = String::new();
    for (i, line) in lines.iter().enumerate() {
        let (before, behind) = (i.checked_sub(1).map(|i| &lines[i]), lines.get(i + 2));
        let gap = line.is_empty()
            && before.is_some_and(|line| family(line).is_some())
            && before.and_then(|line| family(line)) == behind.and_then(|line| family(line));
        if !gap {
            writeln!(out, "{line}").unwrap();
        }
    }
    out
}

/// The header as it is committed, after it was written anew if that was asked for.
fn header() -> &'static str {
    static HEADER: LazyLock<String> = LazyLock::new(|| {
        if env::var_os("PAYHSM_WRITE_HEADER").is_some() {
            fs::create_dir_all(root().join("include")).unwrap();
            fs::write(header_path(), generate()).unwrap();
        }
        fs::read_to_string(header_path()).unwrap()
    });
    &HEADER
}

#[test]
fn header_is_generated() {
    assert!(
        header() == generate(),
        "include/payhsm.h is not what src/capi says: run scripts/header"
    );
    assert!(header().is_ascii());
}

/// Names that follow `prefix` in `text`, up to the first character that no name has.
fn names_after(text: &str, prefix: &str) -> BTreeSet<String> {
    text.match_indices(prefix)
        .map(|(at, _)| {
            text[at + prefix.len()..]
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

fn files_below(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, out);
        } else {
            out.push(path);
        }
    }
}

#[test]
fn every_function_is_declared() {
    let mut files: BTreeSet<String> = BTreeSet::new();
    let mut exported = BTreeSet::new();
    let capi = root().join("src/capi");
    let mut paths = Vec::new();
    files_below(&capi, &mut paths);
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let functions = names_after(&text, "extern \"C\" fn payhsm_");
        let name = path.strip_prefix(&capi).unwrap().with_extension("");
        let name = name.to_str().unwrap().to_owned();
        assert_eq!(functions.len(), text.matches("#[unsafe(no_mangle)]").count(), "{name}");
        exported.extend(functions);
        files.insert(name);
    }
    let known: BTreeSet<_> = SOURCES.iter().chain(INTERNAL).map(|name| (*name).to_owned()).collect();
    assert_eq!(files, known);

    // A declaration begins a line; comments, macros and types are none.
    let declared: BTreeSet<_> = header()
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()) && !line.starts_with("typedef"))
        .filter_map(|line| line.split_once('('))
        .flat_map(|(declaration, _)| declaration.rsplit_once("payhsm_"))
        .map(|(_, name)| name.to_owned())
        .collect();
    assert_eq!(declared, exported);
    assert!(exported.len() >= 35, "{}", exported.len());
}

#[test]
fn every_error_has_its_number() {
    let header = header();
    let defines: BTreeSet<_> = names_after(header, "#define PAYHSM_ERR_");
    assert_eq!(defines.len(), Error::ALL.len());
    for error in Error::ALL {
        let define = format!("#define PAYHSM_ERR_{} ({}) ", screaming(error.name()), error.code());
        assert_eq!(header.matches(&define).count(), 1, "{define}");
    }
    // Comments name errors that exist.
    for name in names_after(header, "PAYHSM_ERR_") {
        let family = matches!(name.as_str(), "" | "KEY_BLOCK_" | "TLV_" | "COUNTER_");
        assert!(defines.contains(&name) || family, "PAYHSM_ERR_{name}");
    }
}

/// A source that uses every constant, so that each is a constant expression of the language.
fn user(header: &str) -> String {
    let mut out = String::from("#include \"payhsm.h\"\n");
    let constants: BTreeSet<_> = names_after(header, "#define PAYHSM_")
        .into_iter()
        .filter(|name| !matches!(name.as_str(), "H" | "MUST_USE" | "CTX_SIZE"))
        .collect();
    out.push_str("static const long long payhsm_constants[] = {\n");
    for name in &constants {
        writeln!(out, "    (long long)PAYHSM_{name},").unwrap();
    }
    out.push_str("};\n");
    out.push_str("extern unsigned char payhsm_memory[PAYHSM_CTX_SIZE(8, 2)];\n");
    out.push_str("unsigned char payhsm_memory[PAYHSM_CTX_SIZE(8, 2)];\n");
    writeln!(
        out,
        "typedef char payhsm_version_is_the_package_s[PAYHSM_VERSION_MAJOR == {} && PAYHSM_VERSION_MINOR == {} && \
         PAYHSM_VERSION_PATCH == {} ? 1 : -1];",
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        env!("CARGO_PKG_VERSION_PATCH")
    )
    .unwrap();
    out.push_str("long long payhsm_use(payhsm_ctx_t *ctx);\n");
    out.push_str("long long payhsm_use(payhsm_ctx_t *ctx) {\n");
    out.push_str(
        "    payhsm_version_is_the_package_s used = {0};\n    payhsm_pin_t pin;\n    payhsm_config_t config;\n",
    );
    out.push_str("    config.size = sizeof config;\n    pin.len = 4;\n");
    out.push_str(
        "    return payhsm_close(ctx) + payhsm_constants[0] + used[0] + pin.len + (long long)config.size;\n}\n",
    );
    out
}

fn compiles(compiler: &str, arguments: &[&str], source: &Path) {
    let output = Command::new(compiler)
        .args(arguments)
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I"])
        .arg(root().join("include"))
        .arg(source)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{compiler} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// By every compiler that is here; one must be.
#[test]
fn compilers_take_it() {
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let source = user(header());
    let (c, cc) = (scratch.join("header.c"), scratch.join("header.cc"));
    fs::write(&c, &source).unwrap();
    fs::write(&cc, &source).unwrap();
    let present = |name: &&&str| Command::new(name).arg("--version").output().is_ok();
    let mut compilers = 0;
    for compiler in ["gcc", "clang"].iter().filter(present) {
        compilers += 1;
        for standard in ["-std=c99", "-std=c11", "-std=c17", "-std=c2x"] {
            compiles(compiler, &[standard], &c);
            compiles(compiler, &[standard, "-ffreestanding"], &c);
        }
    }
    for compiler in ["g++", "clang++"].iter().filter(present) {
        compilers += 1;
        for standard in ["-std=c++11", "-std=c++14", "-std=c++17", "-std=c++20"] {
            compiles(compiler, &[standard], &cc);
        }
    }
    assert!(compilers > 0, "no C compiler (gcc or clang)");
}
