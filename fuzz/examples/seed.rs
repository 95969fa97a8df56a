// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the seeds of every target, and what campaigns kept for it, to `corpus/<target>/`.

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    for (target, _) in payhsm_fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in payhsm_fuzz::seed::seeds(target).iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
        for (number, kept) in payhsm_fuzz::seed::kept(target).iter().enumerate() {
            fs::write(folder.join(format!("kept-{number:03}")), kept)?;
        }
    }
    Ok(())
}
