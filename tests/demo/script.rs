//! What the demo prints of its own.

use std::io::{IsTerminal as _, Write as _};

fn print(style: &str, text: &str) {
    let mut out = std::io::stdout();
    let styled = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // A reader that left early, such as `head`, is no reason to stop before the cleaning up.
    let _ = if styled { writeln!(out, "\x1b[{style}m{text}\x1b[0m") } else { writeln!(out, "{text}") };
    let _ = out.flush();
}

/// The heading of a step.
pub(crate) fn title(text: &str) {
    print("1", &format!("\n== {text}"));
}

/// A remark.
pub(crate) fn say(text: &str) {
    print("2", &format!("# {text}"));
}

/// A command as its person types it.
pub(crate) fn command(person: &str, line: &str) {
    print("36", &format!("{person}$ {line}"));
}
