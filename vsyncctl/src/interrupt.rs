//! Ctrl-C ends the program with exit code 130.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::SIGINT;

use crate::exit_code;

static ARMED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Lets SIGINT end the program. What the daemon has begun for it is the daemon's to finish.
pub(crate) fn install() {
    let armed = ARMED.get_or_init(|| Arc::new(AtomicBool::new(true)));
    // Without the handler the signal still ends the program.
    let _ = signal_hook::flag::register_conditional_shutdown(
        SIGINT,
        exit_code::INTERRUPTED.into(),
        Arc::clone(armed),
    );
}

/// Runs a hidden prompt, which sees Ctrl-C as a key and raises the signal itself: the terminal
/// has to be put back before the program ends.
pub(crate) fn held_off<T>(prompt: impl FnOnce() -> T) -> T {
    let arm = |on| {
        if let Some(armed) = ARMED.get() {
            armed.store(on, Ordering::SeqCst);
        }
    };
    arm(false);
    let outcome = prompt();
    arm(true);
    outcome
}
