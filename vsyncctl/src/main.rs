//! `vsyncctl`, a keyboard for `vsyncd`: it asks, shows the answer, and does nothing itself.

mod cli;
mod clock;
mod exit_code;
mod harden;
mod input;
mod interrupt;
mod render;
mod session;
mod share_file;
mod start;
mod verbs;

fn main() -> std::process::ExitCode {
    harden::harden();
    interrupt::install();
    verbs::run(std::env::args_os())
}
