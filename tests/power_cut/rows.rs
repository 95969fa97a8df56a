// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows of the catalogue of attacks that are about flash; `scripts/attacks` runs them in both of its builds.

use super::damage;
use super::wear::live;
use crate::catalogue::{attack_fails, figure};

/// Somebody puts back an older image, or an older page of it.
#[test]
fn f03_an_older_image_is_seen() {
    const STEPS: usize = 20;
    let (seen, _) = damage::rollback(4, true, true, STEPS);
    attack_fails("F03", || damage::rollback(4, true, true, STEPS).1 > 0);
    let (_, unseen) = damage::rollback(4, true, false, STEPS);
    figure(
        "F03",
        &format!("{seen} older images and pages are seen; without a counter {unseen} are not"),
    );
}

/// Somebody has the terminal write until its flash is worn out, before its keys are used up.
#[test]
fn j07_keys_are_used_up_before_the_flash() {
    const LIFE: u64 = 1_048_575;
    let of_life = || {
        let wear = live('T', 16, 4, true, 1000);
        let most = wear.erases.iter().max().copied().unwrap_or(0);
        // One more is begun.
        u64::from(most + 1) * LIFE / u64::from(wear.transactions)
    };
    let erasures = of_life();
    attack_fails("J07", || of_life() > 10_000);
    figure(
        "J07",
        &format!("{erasures} erasures of a page at most in a life, by 1000 transactions of it"),
    );
}

/// The planted controls that are wrong designs of the library: each is found, as those of a wrong driver are
/// (`controls_are_found`).
#[cfg(payhsm_weaken)]
mod weak {
    use crate::power_cut::damage;
    use payhsm::weaken::without;
    use std::panic::catch_unwind;

    /// No authenticator: bits that fell change the state (F-f).
    #[test]
    fn no_authenticator_decay() {
        let found = catch_unwind(|| without("J05", || damage::decay(4, true, damage::SOME)));
        println!("no authenticator: a flipped bit goes unseen: {}", found.is_err());
        assert!(found.is_err());
    }

    /// No authenticator: another record passes for the last one (F-g).
    #[test]
    fn no_authenticator_splice() {
        let (_, unseen) = damage::rollback(4, true, false, 20);
        let (_, weak) = without("J05", || damage::rollback(4, true, false, 20));
        println!("no authenticator: {unseen} older images and pages go unseen, {weak} without it");
        assert!(weak > unseen);
    }

    /// Used keys stay.
    #[test]
    fn no_clearing() {
        let found = catch_unwind(|| without("F04", || damage::forward_secrecy(10)));
        println!("no clearing: a past key is in the image: {}", found.is_err());
        assert!(found.is_err());
    }
}
