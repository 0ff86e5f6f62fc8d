//! A passphrase passes through this process: no core dump and no other process may show it.

/// Keeps the memory of this process to itself. A system that refuses is not a reason to stop. Programs that
/// this one starts are not affected.
#[cfg(target_os = "linux")]
pub(crate) fn harden() {
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Has the system write no core dump of this process.
#[cfg(not(target_os = "linux"))]
pub(crate) fn harden() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Core).maximum;
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
}
