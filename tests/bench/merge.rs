//! How long edits of large files take, against plain parsing by a usual library of the format in the same
//! run: one key, ten thousand keys that change, ten thousand that are added, the same taken out again, and
//! the shapes that a search from line to line or from key to key would be slow in. Prints a table of medians.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::disallowed_macros, reason = "a benchmark prints its figures")]

use std::fmt::{self, Write as _};
use std::hint::black_box;
use std::time::{Duration, Instant};

use vsync_core::rules::handler::{self, Format, Merged, Options};
use vsync_core::rules::key_path::KeyPath;

/// The size of each file in bytes, at least.
const SIZE: usize = 1 << 20;
/// How often each is timed.
const ROUNDS: usize = 5;
/// How many keys are edited at once.
const MANY: usize = 10_000;

/// A way to write a file and what is merged into it.
struct Shape {
    format: Format,
    name: &'static str,
    before: &'static str,
    entry: fn(usize, &mut String) -> fmt::Result,
    /// Between two entries.
    between: &'static str,
    after: &'static str,
    /// One entry of the incoming data.
    incoming: fn(usize, &mut String) -> fmt::Result,
}

/// What each format is measured against.
fn library(format: Format) -> (&'static str, fn(&str) -> bool) {
    match format {
        Format::Yaml => ("yaml_serde", |text| yaml_serde::from_str::<yaml_serde::Value>(text).is_ok()),
        Format::Json => ("serde_json", |text| serde_json::from_str::<serde_json::Value>(text).is_ok()),
        Format::Toml => ("toml_edit", |text| toml_edit::Document::parse(text).is_ok()),
        Format::Ini => ("configparser", |text| configparser::ini::Ini::new().read(text.to_owned()).is_ok()),
        Format::Netrc | Format::Text => {
            ("words alone", |text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().len() > 1)
        }
    }
}

impl Shape {
    fn file(&self) -> String {
        let mut text = self.before.to_owned();
        let mut number = 0;
        while text.len() < SIZE {
            text.push_str(if number > 0 { self.between } else { "" });
            (self.entry)(number, &mut text).expect("text takes text");
            number += 1;
        }
        text + self.after
    }

    fn data(&self, numbers: impl Iterator<Item = usize>) -> String {
        let mut text = self.before.to_owned();
        for (count, number) in numbers.enumerate() {
            text.push_str(if count > 0 { self.between } else { "" });
            (self.incoming)(number, &mut text).expect("text takes text");
        }
        text + self.after
    }
}

const fn shape(format: Format, name: &'static str, entry: fn(usize, &mut String) -> fmt::Result) -> Shape {
    let (before, between, after) = match format {
        Format::Json => ("{", ",", "\n}\n"),
        _ => ("", "", ""),
    };
    Shape { format, name, before, entry, between, after, incoming: entry }
}

fn sections() -> Vec<Shape> {
    vec![
        Shape {
            incoming: |n, out| write!(out, "service{n}:\n  token: new\n"),
            ..shape(Format::Yaml, "mappings", |n, out| {
                let head = format!("# about {n}\nservice{n}:\n  host: h{n}.example\n");
                write!(out, "{head}  port: {n}\n  token: \"t{n}\"\n")
            })
        },
        Shape {
            incoming: |n, out| write!(out, "\"service{n}\": {{\"token\": \"new\"}}"),
            ..shape(Format::Json, "objects", |n, out| {
                let head = format!("\n  \"service{n}\": {{\n    \"host\": \"h{n}.example\",\n");
                write!(out, "{head}    \"port\": {n},\n    \"token\": \"t{n}\"\n  }}")
            })
        },
        Shape {
            incoming: |n, out| write!(out, "[service{n}]\ntoken = \"new\"\n"),
            ..shape(Format::Toml, "tables", |n, out| {
                let head = format!("# about {n}\n[service{n}]\nhost = \"h{n}.example\"\n");
                write!(out, "{head}port = {n}\ntoken = \"t{n}\"\n\n")
            })
        },
        Shape {
            incoming: |n, out| write!(out, "[service{n}]\ntoken = new\n"),
            ..shape(Format::Ini, "sections", |n, out| {
                let head = format!("# about {n}\n[service{n}]\nhost = h{n}.example\n");
                write!(out, "{head}port = {n}\ntoken = t{n}\n\n")
            })
        },
        Shape {
            incoming: |n, out| writeln!(out, "machine h{n}.example login ada password new"),
            ..shape(Format::Netrc, "entries", |n, out| {
                write!(out, "machine h{n}.example\n  login ada\n  password t{n}\n")
            })
        },
    ]
}

/// All keys in one mapping, on lines of their own or on one.
fn flat() -> Vec<Shape> {
    vec![
        Shape {
            incoming: |n, out| writeln!(out, "key{n}: new"),
            ..shape(Format::Yaml, "flat", |n, out| writeln!(out, "key{n}: some value {n}"))
        },
        Shape {
            incoming: |n, out| writeln!(out, "{n}: new"),
            ..shape(Format::Yaml, "numbered", |n, out| writeln!(out, "{n}: some value {n}"))
        },
        Shape {
            before: "{",
            between: ",",
            after: "}\n",
            incoming: |n, out| write!(out, "\"key{n}\":{{\"a\":\"new\"}}"),
            ..shape(Format::Yaml, "one line", |n, out| write!(out, "\"key{n}\":{{\"a\":\"v{n}\"}}"))
        },
        Shape {
            before: "x: &x {a: 1}\n",
            incoming: |n, out| writeln!(out, "key{n}: {{b: new}}"),
            ..shape(Format::Yaml, "anchored", |n, out| {
                write!(out, "key{n}: &k{n}\n  <<: *x\n  b: &b{n} v{n}\nalso{n}: *b{n}\n")
            })
        },
        Shape {
            after: "}\n",
            incoming: |n, out| write!(out, "\"key{n}\":{{\"a\":\"new\"}}"),
            ..shape(Format::Json, "one line", |n, out| write!(out, "\"key{n}\":{{\"a\":\"v{n}\"}}"))
        },
        Shape {
            incoming: |n, out| writeln!(out, "key{n} = \"new\""),
            ..shape(Format::Toml, "flat", |n, out| writeln!(out, "key{n} = \"some value {n}\""))
        },
        Shape {
            incoming: |n, out| writeln!(out, "a.b.c.d.key{n}.e.f = \"new\""),
            ..shape(Format::Toml, "dotted", |n, out| writeln!(out, "a.b.c.d.key{n}.e.f = \"value {n}\""))
        },
        Shape {
            before: "all = {",
            between: ", ",
            after: "}\n",
            incoming: |n, out| write!(out, "key{n}.a = \"new\""),
            ..shape(Format::Toml, "one line", |n, out| write!(out, "key{n}.a = \"some value {n}\""))
        },
        Shape {
            incoming: |n, out| writeln!(out, "key{n} = new"),
            ..shape(Format::Ini, "flat", |n, out| writeln!(out, "key{n} = some value {n}"))
        },
        Shape {
            incoming: |_, out| writeln!(out, "key = new"),
            ..shape(Format::Ini, "repeated", |n, out| writeln!(out, "key = some value {n}"))
        },
        Shape {
            incoming: |n, out| writeln!(out, "machine h login u{n} password new"),
            ..shape(Format::Netrc, "one host", |n, out| write!(out, "machine h login u{n} password t{n} "))
        },
    ]
}

fn median<T>(rounds: usize, mut run: impl FnMut() -> Result<T, String>) -> Result<Duration, String> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begun = Instant::now();
        black_box(run()?);
        times.push(begun.elapsed());
        if begun.elapsed() > Duration::from_secs(3) {
            break;
        }
    }
    times.sort_unstable();
    times.get(times.len() / 2).copied().ok_or_else(|| "no rounds".to_owned())
}

fn merge(format: Format, existing: &str, incoming: &str) -> Result<Merged, String> {
    let merged = handler::merge(format, existing.as_bytes(), incoming.as_bytes(), Options::default());
    let merged = merged.map_err(|error| error.to_string())?;
    if merged.changes.is_empty() { Err("nothing changed".to_owned()) } else { Ok(merged) }
}

/// Of one key, of many, of many that are not there, and of taking those out.
fn edits(shape: &Shape, existing: &str) -> [Result<Duration, String>; 4] {
    let format = shape.format;
    let one = shape.data(std::iter::once(900));
    let many = shape.data((0..MANY).map(|n| n * 2));
    let new = shape.data(1_000_000..1_000_000 + MANY);
    let gone = |merged: &Merged| {
        let places: Vec<KeyPath> = merged.changes.iter().map(|change| change.path.clone()).collect();
        let bytes = merged.bytes.to_vec();
        median(ROUNDS, || handler::remove(format, &bytes, &places).map_err(|error| error.to_string()))
    };
    [
        median(ROUNDS, || merge(format, existing, &one)),
        median(ROUNDS, || merge(format, existing, &many)),
        median(ROUNDS, || merge(format, existing, &new)),
        merge(format, existing, &new).and_then(|merged| gone(&merged)),
    ]
}

fn main() {
    let only = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    println!(
        "{:<6} {:<9} {:>9} {:>7}  {:>13} {:>13} {:>13} {:>13}",
        "", "", "bytes", "parse", "one key", "10000 change", "10000 new", "10000 gone"
    );
    for shape in sections().into_iter().chain(flat()) {
        if only.as_ref().is_some_and(|only| !format!("{} {}", shape.format, shape.name).contains(only)) {
            continue;
        }
        let existing = shape.file();
        let (library, parse) = library(shape.format);
        let parsed = median(ROUNDS, || if parse(&existing) { Ok(()) } else { Err("no parse".to_owned()) });
        let ms = |time: &Duration| time.as_secs_f64() * 1000.0;
        let plain = parsed.as_ref().map_or(f64::NAN, ms);
        let (format, name, size) = (shape.format, shape.name, existing.len());
        print!("{:<6} {name:<9} {size:>9} {plain:>7.1}", format.as_str());
        for time in edits(&shape, &existing) {
            match time {
                Ok(time) => print!("  {:>7.1} {:>5.1}", ms(&time), ms(&time) / plain),
                Err(what) => print!("  {what:>13}"),
            }
        }
        println!("  {library}");
    }
}
