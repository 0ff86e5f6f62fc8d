//! The two programs, built the way anybody would.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, script};

/// Builds `vsyncd` and `vsyncctl` with visible output; returns the folder they are in.
pub(crate) fn build() -> Outcome<PathBuf> {
    let own = std::env::current_exe().map_err(|error| format!("where this program lies: {error}"))?;
    let folder = own.parent().ok_or("this program lies in no folder")?;
    let target = folder.parent().ok_or("no target folder above this program")?;
    script::title("Building vsyncd and vsyncctl");
    let mut words = vec!["build", "-p", "vsyncd", "-p", "vsyncctl"];
    if folder.ends_with("release") {
        words.push("--release");
    }
    script::command("", &format!("cargo {}", words.join(" ")));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let status = Command::new(cargo).args(words).arg("--target-dir").arg(target).current_dir(top).status();
    let status = status.map_err(|error| format!("cargo does not start: {error}"))?;
    if !status.success() {
        return Err("the build failed".to_owned());
    }
    for name in ["vsyncd", "vsyncctl"] {
        let path = folder.join(name);
        if !path.exists() {
            return Err(format!("{} was not built", path.display()));
        }
    }
    Ok(folder.to_owned())
}
