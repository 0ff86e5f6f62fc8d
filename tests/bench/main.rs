//! The times that the product promises, measured on the binaries beside this one (or in
//! `VSYNC_BIN_DIR`). Prints a table, or the parts of it that are named on the command line; ends with 1 when
//! a promise is not kept.

mod clients;
mod fanout;
mod process;
mod travel;

use std::process::ExitCode;
use std::time::Duration;

/// One line of the table.
struct Line {
    what: String,
    times: Vec<Duration>,
    /// What is promised of one of the times.
    promise: Option<(Of, Duration)>,
}

/// Which of several times a promise is about.
#[derive(Clone, Copy)]
enum Of {
    Median,
    Worst,
}

impl Line {
    /// A figure that nothing is promised of.
    fn figure(what: &str, times: Vec<Duration>) -> Self {
        Self { what: what.to_owned(), times, promise: None }
    }

    fn promised(what: &str, times: Vec<Duration>, of: Of, at_most: Duration) -> Self {
        Self { what: what.to_owned(), times, promise: Some((of, at_most)) }
    }

    fn median(&self) -> Duration {
        median(&self.times)
    }

    fn worst(&self) -> Duration {
        self.times.iter().max().copied().unwrap_or_default()
    }

    fn kept(&self) -> bool {
        self.promise.is_none_or(|(of, at_most)| match of {
            Of::Median => self.median() <= at_most,
            Of::Worst => self.worst() <= at_most,
        })
    }

    fn print(&self) {
        let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1000.0);
        let promise = match self.promise {
            None => String::new(),
            Some((of, at_most)) => {
                let of = match of {
                    Of::Median => "median",
                    Of::Worst => "worst",
                };
                let kept = if self.kept() { "kept" } else { "BROKEN" };
                format!("{of} at most {} ms: {kept}", ms(at_most))
            }
        };
        println!(
            "{:<52} {:>3} {:>9} {:>9}  {promise}",
            self.what,
            self.times.len(),
            ms(self.median()),
            ms(self.worst())
        );
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// A part of the table.
type Part = fn() -> Vec<Line>;

/// The parts, by the name that picks one on the command line.
const PARTS: [(&str, Part); 5] = [
    ("processes", process::whole_processes),
    ("clients", clients::next_client),
    ("fanout", fanout::secrets),
    ("edits", travel::edits),
    ("bulk", travel::bulk),
];

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let known = |name: &String| PARTS.iter().any(|(part, _)| part == name);
    if let Some(unknown) = asked.iter().find(|name| !known(name)) {
        let names = PARTS.map(|(name, _)| name).join(", ");
        eprintln!("error: there is no part {unknown}; there are: {names}");
        return ExitCode::from(2);
    }
    println!("{:<52} {:>3} {:>9} {:>9}", "", "n", "median ms", "worst ms");
    let mut kept = true;
    for (name, part) in PARTS {
        if !asked.is_empty() && !asked.iter().any(|one| one == name) {
            continue;
        }
        for line in part() {
            line.print();
            kept &= line.kept();
        }
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
