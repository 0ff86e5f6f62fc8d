//! The manual, made from the command line's own description.

use std::fs::DirBuilder;
use std::io;

use clap::CommandFactory as _;
use vsync_proto::{Code, Failure};

use super::{DONE, Outcome};
use crate::cli::{Cli, ManPages};
use crate::input::io_failure;
use crate::session;

pub(super) fn run(args: &ManPages) -> Outcome {
    let command = Cli::command();
    if let Some(dir) = &args.dir {
        let failed =
            |error: io::Error| io_failure(&format!("cannot write manual pages to {}", dir.display()), &error);
        DirBuilder::new().recursive(true).create(dir).map_err(failed)?;
        clap_mangen::generate_to(command, dir).map_err(failed)?;
        return DONE;
    }
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command).render(&mut page);
    rendered.map_err(|error| {
        Failure::new(Code::Internal, "the manual cannot be made").cause(error.to_string())
    })?;
    session::print(&String::from_utf8_lossy(&page));
    DONE
}
