// SPDX-License-Identifier: MIT OR Apache-2.0
//! The examples of the help texts and of docs/TOOL.md are run: what they print is what stands there.
//!
//! `$ cat FILE` shows a file that the example needs; any other line behind `$ ` is run by `sh`. With
//! `PAYHSM_UPDATE_EXAMPLES=1` the texts are rewritten instead (build again after that: the tool holds its help).

mod tool;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tool::{Place, TOOL, without_terminal};

/// Number of actions of all commands.
const ACTIONS: usize = 37;

/// Runs an example and gives it with what its commands print, and the number of commands.
fn run(place: &Place, example: &str) -> (String, usize) {
    let mut out = String::new();
    let mut count = 0;
    let mut lines = example.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(command) = line.strip_prefix("$ ") else {
            // What the command above printed.
            continue;
        };
        out.push_str(line);
        out.push('\n');
        if let Some(file) = command.strip_prefix("cat ") {
            let mut text = String::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                text.push_str(line);
                text.push('\n');
            }
            place.write(file, &text);
            out.push_str(&text);
            continue;
        }
        count += 1;
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("exec 2>&1\n{command}"))
            .current_dir(place.path());
        let path = Path::new(TOOL).parent().unwrap().to_str().unwrap();
        let output = without_terminal(shell)
            .env("PATH", format!("{path}:{}", std::env::var("PATH").unwrap()))
            .output()
            .unwrap();
        out.push_str(&String::from_utf8(output.stdout).unwrap());
    }
    (out, count)
}

fn update() -> bool {
    std::env::var_os("PAYHSM_UPDATE_EXAMPLES").is_some()
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn examples_of_the_help_are_true() {
    let place = Place::new("help");
    let mut count = 0;
    let mut files: Vec<PathBuf> = fs::read_dir(root("src/cmd/examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let (got, commands) = run(&place, &text);
        assert!(commands > 0, "{}", file.display());
        count += 1;
        if update() {
            fs::write(file, got).unwrap();
        } else {
            assert_eq!(text, got, "{}", file.display());
        }
    }
    assert_eq!(count, ACTIONS);
}

/// The text with what its examples print.
fn document(place: &Place, text: &str) -> (String, usize) {
    let (mut out, mut count) = (String::new(), 0);
    for (i, part) in text.split("```console\n").enumerate() {
        let Some((example, rest)) = part.split_once("```").filter(|_| i > 0) else {
            out.push_str(part);
            continue;
        };
        let (got, commands) = run(place, example);
        count += commands;
        out.push_str(&format!("```console\n{got}```{rest}"));
    }
    (out, count)
}

#[test]
fn examples_of_the_document_are_true() {
    let path = root("../docs/TOOL.md");
    let text = fs::read_to_string(&path).unwrap();
    let (got, commands) = document(&Place::new("document"), &text);
    assert!(commands >= 20);
    if update() {
        fs::write(path, got).unwrap();
    } else {
        assert_eq!(text, got);
    }
}

/// The document names every action and every field that the examples of the help have.
#[test]
fn every_field_is_documented() {
    let text = fs::read_to_string(root("../docs/TOOL.md")).unwrap();
    let row = |title: &str| {
        let start = format!("| `{title}` | ");
        // The command's own row comes before that of its fields.
        text.lines()
            .rfind(|line| line.starts_with(&start))
            .unwrap_or_else(|| panic!("{title}"))
            .to_owned()
    };
    let mut count = 0;
    for entry in fs::read_dir(root("src/cmd/examples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let title = name.replacen('-', " ", 1);
        let place = Place::new(&format!("fields-{name}"));
        let example = fs::read_to_string(&path).unwrap();
        // The files of the example, then its own command once more as JSON.
        let files: String = example.split("$ payhsm-tool").next().unwrap().to_owned();
        run(&place, &files);
        let own = format!("$ payhsm-tool {title}");
        let is_own = |line: &&str| {
            line.strip_prefix(&own)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let command = example.lines().find(is_own).unwrap();
        let command = command.strip_prefix("$ payhsm-tool ").unwrap();
        let command = command.split(" | ").next().unwrap().split(" > ").next().unwrap();
        let words: Vec<&str> = command.split(' ').chain(["--json"]).collect();
        let words: Vec<&str> = if command.contains('\'') {
            continue_quoted(command)
        } else {
            words
        };
        let json = place.run(&words).json();
        let row = row(&title);
        for field in json.as_object().unwrap().keys() {
            let common = matches!(field.as_str(), "command" | "ok" | "notes" | "error");
            assert!(common || row.contains(&format!("`{field}`")), "{title} {field}");
        }
        assert_eq!(json["command"], title);
        count += 1;
    }
    assert_eq!(count, ACTIONS);
}

/// The words of a command in which one stands in single quotes.
fn continue_quoted(command: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (i, part) in command.split('\'').enumerate() {
        if i % 2 == 1 {
            words.push(part);
        } else {
            words.extend(part.split_whitespace());
        }
    }
    words.push("--json");
    words
}

/// Every action has a help text, which names every option that its example uses and ends with that example.
#[test]
fn every_action_has_help() {
    let place = Place::new("every-help");
    let general = place.run(&["--help"]);
    assert_eq!(general.status, 0);
    let commands = general.stdout.split_once("commands:\n").unwrap().1;
    let mut count = 0;
    for command in names(commands) {
        let help = place.run(&[&command, "--help"]).stdout;
        let actions = if help.contains("\noptions:\n") {
            vec![String::new()]
        } else {
            names(help.split_once("\n\n").unwrap().1)
        };
        for action in actions {
            let words: Vec<&str> = [command.as_str(), &action, "--help"]
                .into_iter()
                .filter(|word| !word.is_empty())
                .collect();
            let help = place.run(&words);
            assert_eq!(help.status, 0, "{words:?}");
            let (options, example) = help.stdout.split_once("\nexample:\n").unwrap();
            let file = root("src/cmd/examples").join(format!("{}.txt", words[..words.len() - 1].join("-")));
            let text = fs::read_to_string(file).unwrap();
            let plain: String = example
                .lines()
                .map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line)))
                .collect();
            assert_eq!(plain, text);
            assert!(
                example.contains(&format!("$ payhsm-tool {}", words[..words.len() - 1].join(" "))),
                "{words:?}"
            );
            let title = format!("  $ payhsm-tool {} ", words[..words.len() - 1].join(" "));
            let own = example
                .lines()
                .filter_map(|line| line.strip_prefix(&title)?.split(" | ").next());
            for option in own
                .flat_map(str::split_whitespace)
                .filter(|word| word.starts_with("--"))
            {
                assert!(options.contains(&format!("  {option} ")), "{words:?} {option}");
            }
            // What is marked as needed is in the example.
            let flat = options.split("\n  --").skip(1);
            let flat = flat.map(|option| option.split_whitespace().collect::<Vec<_>>().join(" "));
            for option in flat.filter(|option| option.contains(" (needed)")) {
                let option = option.split(' ').next().unwrap();
                assert!(example.contains(&format!(" --{option} ")), "{words:?} {option}");
            }
            assert!(options.lines().all(|line| line.chars().count() <= 120), "{words:?}");
            count += 1;
        }
    }
    assert_eq!(count, ACTIONS);
}

/// The first words of the lines up to the first empty one.
fn names(text: &str) -> Vec<String> {
    text.lines()
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}
