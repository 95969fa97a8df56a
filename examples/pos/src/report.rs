// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a person reads, and whether everything gave what it must.

use core::fmt::Debug;

use crate::world::World;

/// The report.
#[derive(Default)]
pub struct Report {
    expectations: usize,
    failures: usize,
}

impl Report {
    /// A heading.
    pub fn step(&self, title: &str) {
        println!("\n== {title}");
    }

    /// A line of detail.
    pub fn detail(&self, who: &str, text: &str) {
        println!("   {who:<9} {text}");
    }

    /// What display and host said since the last time.
    pub fn drain(&self, world: &mut World) {
        for line in world.host.log.drain(..) {
            self.detail("host", &line);
        }
        for line in world.display.drain(..) {
            self.detail("display", &format!("[ {line} ]"));
        }
    }

    /// Compares, and says `ok` or `FAILED`.
    pub fn expect<T: Debug + PartialEq>(&mut self, what: &str, got: T, expected: T) {
        self.expectations += 1;
        if got == expected {
            println!("   ok        {what}");
        } else {
            self.failures += 1;
            println!("   FAILED    {what}: expected {expected:?}, got {got:?}");
        }
    }

    /// The last line; whether all went as it must.
    pub fn finish(&self) -> bool {
        println!();
        if self.failures == 0 {
            println!("All {} expectations held.", self.expectations);
        } else {
            println!("{} of {} expectations FAILED.", self.failures, self.expectations);
        }
        self.failures == 0
    }
}
