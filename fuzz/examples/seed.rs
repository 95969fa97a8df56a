// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the seeds of every target, and what campaigns kept for it, to `corpus/<target>/`.

fn main() -> std::io::Result<()> {
    payhsm_fuzz::seed::write_all()
}
