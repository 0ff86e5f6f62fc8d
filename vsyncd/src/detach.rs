//! Leaving the client that started the daemon: own session, `/` as folder, nothing inherited.

use std::io;

/// Detaches this process. The client has already given it null as its standard streams.
///
/// # Errors
/// What the system says; the daemon may run attached then.
pub fn detach() -> io::Result<()> {
    close_inherited()?;
    match rustix::process::setsid() {
        // Already a session of its own.
        Err(rustix::io::Errno::PERM) => {}
        other => {
            other?;
        }
    }
    std::env::set_current_dir("/")
}

/// Closes what the client's shell left open: a lock or a pipe held by the daemon would outlive
/// its owner. Runs before the daemon opens anything itself.
fn close_inherited() -> io::Result<()> {
    let listed =
        std::fs::read_dir("/dev/fd")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let open: Vec<i32> = listed.filter(|fd| *fd > 2).collect();
    for fd in open {
        // The listing's own descriptor is among them and closed already.
        if rustix::fs::readlink(format!("/dev/fd/{fd}"), Vec::new()).is_ok() || cfg!(target_os = "macos") {
            close(fd);
        }
    }
    Ok(())
}

#[expect(unsafe_code, reason = "there is no owner: the descriptor came from the process before exec")]
fn close(fd: i32) {
    // SAFETY: called before the daemon opens anything or starts a thread, so no value of this
    // program owns the descriptor. It is closed once.
    unsafe { rustix::io::close(fd) };
}
