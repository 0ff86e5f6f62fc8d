//! How long it takes to change one key of a large file, against plain parsing by a usual library of the
//! format in the same run. Prints a table of medians.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::disallowed_macros, reason = "a benchmark prints its figures")]

use std::fmt::{self, Write as _};
use std::hint::black_box;
use std::time::{Duration, Instant};

use vsync_core::rules::handler::{self, Format, Options};

/// The size of each file in bytes, at least.
const SIZE: usize = 1 << 20;
/// How often each is timed.
const ROUNDS: usize = 9;

/// A file, what is merged into it, and how the format is parsed otherwise.
struct Subject {
    format: Format,
    existing: String,
    incoming: &'static str,
    library: &'static str,
    parse: fn(&str) -> bool,
}

/// Entries until the file is large enough.
fn file(before: &str, mut entry: impl FnMut(usize, &mut String) -> fmt::Result, after: &str) -> String {
    let mut text = before.to_owned();
    let mut number = 0;
    while text.len() < SIZE {
        entry(number, &mut text).expect("text takes text");
        number += 1;
    }
    text + after
}

fn subjects() -> Vec<Subject> {
    let yaml = file(
        "",
        |n, out| {
            write!(out, "# about {n}\nservice{n}:\n  host: h{n}.example\n  port: {n}\n  token: \"t{n}\"\n")
        },
        "",
    );
    let json = file(
        "{\n",
        |n, out| {
            write!(
                out,
                "  \"service{n}\": {{\n    \"host\": \"h{n}.example\",\n    \"port\": {n},\n    \"token\": \"t{n}\"\n  }},\n"
            )
        },
        "  \"last\": null\n}\n",
    );
    let toml = file(
        "",
        |n, out| {
            write!(
                out,
                "# about {n}\n[service{n}]\nhost = \"h{n}.example\"\nport = {n}\ntoken = \"t{n}\"\n\n"
            )
        },
        "",
    );
    let ini = file(
        "",
        |n, out| write!(out, "# about {n}\n[service{n}]\nhost = h{n}.example\nport = {n}\ntoken = t{n}\n\n"),
        "",
    );
    let netrc = file("", |n, out| write!(out, "machine h{n}.example\n  login ada\n  password t{n}\n"), "");
    vec![
        Subject {
            format: Format::Yaml,
            existing: yaml,
            incoming: "service900:\n  token: new\n",
            library: "yaml_serde",
            parse: |text| yaml_serde::from_str::<yaml_serde::Value>(text).is_ok(),
        },
        Subject {
            format: Format::Json,
            existing: json,
            incoming: "{\"service900\": {\"token\": \"new\"}}",
            library: "serde_json",
            parse: |text| serde_json::from_str::<serde_json::Value>(text).is_ok(),
        },
        Subject {
            format: Format::Toml,
            existing: toml,
            incoming: "[service900]\ntoken = \"new\"\n",
            library: "toml_edit",
            parse: |text| toml_edit::Document::parse(text).is_ok(),
        },
        Subject {
            format: Format::Ini,
            existing: ini,
            incoming: "[service900]\ntoken = new\n",
            library: "configparser",
            parse: |text| configparser::ini::Ini::new().read(text.to_owned()).is_ok(),
        },
        Subject {
            format: Format::Netrc,
            existing: netrc,
            incoming: "machine h900.example login ada password new\n",
            library: "words alone",
            parse: |text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().len() > 1,
        },
    ]
}

fn median(mut run: impl FnMut() -> bool) -> Option<Duration> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        if !black_box(run()) {
            return None;
        }
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times.get(ROUNDS / 2).copied()
}

fn main() {
    println!("{:<6} {:>9} {:>11} {:>11} {:>6}  against", "", "bytes", "merge ms", "parse ms", "ratio");
    for subject in subjects() {
        let Subject { format, existing, incoming, library, parse } = subject;
        let merged = median(|| {
            let merged = handler::merge(format, existing.as_bytes(), incoming.as_bytes(), Options::default());
            merged.is_ok_and(|merged| merged.changes.len() == 1)
        });
        let parsed = median(|| parse(&existing));
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        match (merged.map(ms), parsed.map(ms)) {
            (Some(merge), Some(parse)) => {
                let (size, ratio) = (existing.len(), merge / parse);
                println!(
                    "{:<6} {size:>9} {merge:>11.1} {parse:>11.1} {ratio:>6.2}  {library}",
                    format.as_str()
                );
            }
            _ => println!("{format:<6} was refused"),
        }
    }
}
