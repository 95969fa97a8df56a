// SPDX-License-Identifier: MIT OR Apache-2.0
//! How an attack is run, with its control.
#![allow(dead_code)]

use core::fmt::Debug;

use payhsm::error::Error;

use crate::common::Device;

/// Tells `scripts/attacks` something about a row; a test without `--nocapture` shows it on failure only.
fn tell(kind: &str, switch: &str, what: &str) {
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    println!("{kind}\t{switch}\t{test}\t{what}");
}

/// A figure of a row, for the report.
pub fn figure(row: &str, what: &str) {
    tell("figure", row, what);
}

/// Runs an attack, which gives what the attacker has won: it must fail with `expected`, and succeed without the checks of
/// the name `switch`, which begins with the row's id. What a refused command must leave alone is for `run` to assert.
pub fn attack<T>(switch: &'static str, expected: Error, run: impl Fn() -> Result<T, Error>) {
    attack_by(switch, Err(expected), run);
}

/// The same for an attack that fails without an error, and gives `false` then.
pub fn attack_fails(switch: &'static str, run: impl Fn() -> bool) {
    let run = || if run() { Ok(()) } else { Err("nothing won") };
    attack_by(switch, Err("nothing won"), run);
}

fn attack_by<T, E: Debug + PartialEq>(switch: &'static str, expected: Result<(), E>, run: impl Fn() -> Result<T, E>) {
    let result = run().map(|_| ());
    assert_eq!(result, expected, "{switch}");
    let refused = result.err().map(|error| format!("{error:?}")).unwrap_or_default();
    tell("attack", switch, &refused);
    #[cfg(payhsm_weaken)]
    {
        let won = payhsm::weaken::without(switch, run).map(|_| ());
        assert!(won.is_ok(), "{switch}: with its check off the attack ends with {won:?}");
        tell("control", switch, "succeeds");
    }
}

/// Whether the long form of a row is wanted: the figures of the catalogue, not a sample of them.
pub fn is_full() -> bool {
    std::env::var_os("PAYHSM_ATTACKS_FULL").is_some()
}

/// What a refused command must leave as it is, and gives its error: its outputs are zero, nothing was asked, drawn or
/// stored.
pub fn refused<T>(
    device: &Device,
    out: &mut [u8],
    run: impl FnOnce(&mut [u8]) -> Result<T, Error>,
) -> Result<T, Error> {
    out.fill(0xA5);
    let before = device.touched();
    let result = run(out);
    if let Err(error) = &result {
        assert!(out.iter().all(|&byte| byte == 0), "{error:?} leaves {out:02X?}");
        assert_eq!(device.touched(), before, "{error:?}");
    }
    result
}
