//! Completions for a shell, made from the command line's own description.

use clap::CommandFactory as _;

use super::{DONE, Outcome};
use crate::cli::{Cli, Completions};
use crate::session;

pub(super) fn run(args: &Completions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "vsyncctl", &mut script);
    session::print(&String::from_utf8_lossy(&script));
    DONE
}
