//! Whether other readers find in a file what was merged into it.

use vsync_core::rules::handler::{Format, Options};

use crate::read;
use crate::value::{Dialect, Value, same};

/// Reads both documents and looks for the one in the other.
pub(crate) fn incoming(
    format: Format,
    after: &[u8],
    incoming: &[u8],
    options: Options,
) -> Result<(), String> {
    let (found, wanted) = match format {
        Format::Text => return Ok(()),
        Format::Yaml => {
            (first(read::yaml::read(read::text(after)?)?), read::yaml::read(read::text(incoming)?)?)
        }
        Format::Toml => (read::toml::read(read::text(after)?)?, read::toml::read(read::text(incoming)?)?),
        Format::Json => {
            serde_reads(read::text(after)?)?;
            (read::json::read(read::text(after)?, true)?, read::json::read(read::text(incoming)?, true)?)
        }
        Format::Ini => {
            let read = |bytes| read::ini::read(read::text(bytes)?, read::ini::Colon::AfterAWord);
            (read::ini::unquoted(&read(after)?), read::ini::unquoted(&read(incoming)?))
        }
        Format::Netrc => {
            let found = read::netrc::read(read::text(after)?)?;
            return machines(&found, &read::netrc::read(read::text(incoming)?)?);
        }
    };
    let dialect = if format == Format::Yaml { Dialect::Yaml } else { Dialect::Plain };
    holds(&found, &wanted, options, dialect).map_err(|place| format!("another value, or none, at {place}"))
}

/// The first document of a stream.
fn first(read: Value) -> Value {
    match read.get("$docs") {
        Some(Value::List(documents)) => documents.first().cloned().unwrap_or(Value::Null),
        _ => read,
    }
}

/// The usual library takes it as JSON, comments and trailing commas aside.
fn serde_reads(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Ok(());
    }
    serde_json::from_str(&plain(text)).map(|_: serde::de::IgnoredAny| ()).map_err(|error| error.to_string())
}

/// JSON without its comments and trailing commas.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let (mut quoted, mut escaped) = (false, false);
    while let Some(next) = rest.chars().next() {
        let comment = match (quoted, rest.get(..2)) {
            (false, Some("//")) => rest.find('\n').unwrap_or(rest.len()),
            (false, Some("/*")) => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ => 0,
        };
        if comment > 0 {
            rest = &rest[comment..];
            continue;
        }
        if !quoted && ['}', ']'].contains(&next) {
            let end = out.trim_end().len();
            if out[..end].ends_with(',') {
                out.truncate(end - 1);
            }
        }
        quoted ^= next == '"' && !escaped;
        escaped = quoted && next == '\\' && !escaped;
        out.push(next);
        rest = &rest[next.len_utf8()..];
    }
    out
}

fn holds(found: &Value, wanted: &Value, options: Options, dialect: Dialect) -> Result<(), String> {
    match (found, wanted) {
        (_, Value::Map(_)) => wanted.keys().into_iter().try_for_each(|key| {
            let value = wanted.get(key).unwrap_or(&Value::Null);
            match found.get(key) {
                None if options.delete_nulls && *value == Value::Null => Ok(()),
                None => Err(key.to_owned()),
                Some(found) => {
                    holds(found, value, options, dialect).map_err(|place| format!("{key}.{place}"))
                }
            }
        }),
        // Of repeated keys the last ones are managed.
        (Value::List(items), wanted) if !matches!(wanted, Value::List(_)) => {
            let last = items.last().ok_or("an empty list")?;
            same(wanted, last, dialect).map_err(|difference| difference.to_string())
        }
        (Value::List(items), Value::List(some)) if items.len() > some.len() => {
            let last = Value::List(items[items.len() - some.len()..].to_vec());
            same(wanted, &last, dialect).map_err(|difference| difference.to_string())
        }
        _ => same(wanted, found, dialect).map_err(|difference| difference.to_string()),
    }
}

fn machines(found: &Value, wanted: &Value) -> Result<(), String> {
    let list = |value: &Value| match value.get("machines") {
        Some(Value::List(machines)) => machines.clone(),
        _ => Vec::new(),
    };
    let found = list(found);
    for machine in list(wanted) {
        let fits = |entry: &Value| machine.keys().iter().all(|key| entry.get(key) == machine.get(key));
        if !found.iter().any(fits) {
            return Err(format!("no such entry of {:?}", machine.get("machine")));
        }
    }
    Ok(())
}
