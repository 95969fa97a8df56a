// SPDX-License-Identifier: MIT OR Apache-2.0
//! No command without its run under valgrind: the list of `ct` names each.

use std::collections::{BTreeMap, BTreeSet};

use super::covered::{By, COMMANDS};

#[test]
fn every_command_is_watched_or_touches_no_secret() {
    let listed: BTreeMap<_, _> = COMMANDS.iter().copied().collect();
    assert_eq!(listed.len(), COMMANDS.len());
    let mut commands = super::life::commands_in_the_source();
    let ceremony = ["component_add", "component_finish", "component_abort"];
    for other in ceremony.into_iter().chain(super::life::IN_EVERY_STATE) {
        commands.insert(other.to_owned());
    }
    let names: BTreeSet<_> = listed.keys().map(|&name| name.to_owned()).collect();
    assert_eq!(names, commands);

    // The harness runs what the list says; that it calls the command at all is seen here.
    let operations = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ct/src/ops");
    let sources: String = std::fs::read_dir(operations)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    for (name, by) in listed {
        match by {
            By::Operation(operation) => {
                assert!(sources.contains(&format!(".{name}(")), "{name}: {operation}");
            }
            By::Nothing(reason) => assert!(!reason.is_empty(), "{name}"),
        }
    }
}
