//! The figures that the product promises, measured on the binaries beside this one (or in
//! `VSYNC_BIN_DIR`). Prints a table, or the parts of it that are named on the command line, with
//! `--markdown` for a page; ends with 1 when a promise is not kept.

mod bulk;
mod clients;
mod fanout;
mod floor;
mod idle;
mod plain_s3;
mod process;
mod table;
mod travel;

use std::process::ExitCode;

use table::Line;

/// A part of the table.
type Part = fn() -> Vec<Line>;

/// The parts, by the name that picks one on the command line.
const PARTS: [(&str, Part); 8] = [
    ("processes", process::whole_processes),
    ("idle", idle::daemons),
    ("small", bulk::small),
    ("large", bulk::large),
    ("swap", bulk::swap),
    ("clients", clients::next_client),
    ("fanout", fanout::secrets),
    ("edits", travel::edits),
];

fn main() -> ExitCode {
    let mut asked: Vec<String> = std::env::args().skip(1).collect();
    if asked.first().is_some_and(|first| first == floor::PROGRAM) {
        floor::run(&asked[1..]);
        return ExitCode::SUCCESS;
    }
    let markdown = asked.iter().any(|word| word == "--markdown");
    asked.retain(|word| word != "--markdown");
    let known = |name: &String| PARTS.iter().any(|(part, _)| part == name);
    if let Some(unknown) = asked.iter().find(|name| !known(name)) {
        let names = PARTS.map(|(name, _)| name).join(", ");
        eprintln!("error: there is no part {unknown}; there are: {names}");
        return ExitCode::from(2);
    }
    table::head(markdown);
    let mut kept = true;
    for (name, part) in PARTS {
        if !asked.is_empty() && !asked.iter().any(|one| one == name) {
            continue;
        }
        for line in part() {
            line.print(markdown);
            kept &= line.kept();
        }
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
