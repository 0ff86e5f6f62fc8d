//! Whether a merge did what its case asks for.

use vsync_core::rules::handler::{self, Format, MergeError, Merged};

use crate::case::Case;
use crate::read;
use crate::trace;
use crate::value::{Dialect, Difference, Value, same};

/// Runs the case and judges every field of it.
pub(crate) fn case(case: &Case) -> Result<(), String> {
    let merged = match handler::merge(case.format, &case.existing, &case.incoming, case.options) {
        Err(error) => return refused(case, &error),
        Ok(_) if case.flag("expect_error") => return Err("was to be refused".to_owned()),
        Ok(merged) => merged,
    };
    let judgement = accepted(case, &merged);
    judgement.map_err(|what| format!("{what}\n--- the result:\n{}", String::from_utf8_lossy(&merged.bytes)))
}

/// A refusal leaves the file alone by itself; it must be wanted or allowed, and quote nothing.
fn refused(case: &Case, error: &MergeError) -> Result<(), String> {
    if !case.flag("expect_error") && !case.flag("optional") {
        return Err(format!("was refused: {error}"));
    }
    if let Some(quoted) = trace::quoted(case, error) {
        return Err(format!("the error quotes {quoted:?}: {error}"));
    }
    Ok(())
}

fn accepted(case: &Case, merged: &Merged) -> Result<(), String> {
    if merged.bytes.as_slice() == case.existing && !merged.changes.is_empty() {
        return Err(format!("changes without a change: {:?}", merged.changes));
    }
    if merged.bytes.as_slice() != case.existing && merged.changes.is_empty() {
        return Err("a change that is not told".to_owned());
    }
    let again = handler::merge(case.format, &merged.bytes, &case.incoming, case.options)
        .map_err(|error| format!("the result is refused: {error}"))?;
    if again.bytes != merged.bytes || !again.changes.is_empty() {
        return Err(format!("merging again changes {:?}", again.changes));
    }
    result(case, &merged.bytes)
}

/// Whether these bytes are what the case wants of the file.
pub(crate) fn result(case: &Case, bytes: &[u8]) -> Result<(), String> {
    if case.flag("expect_no_write") && bytes != case.existing {
        return Err("nothing was to be written".to_owned());
    }
    if let Some(expected) = case.expects.field("expect_semantic") {
        semantic(case.format, expected, bytes)?;
    }
    trace::preserved(case, bytes)?;
    trace::absent(case, bytes)?;
    trace::line_ends(case, bytes)?;
    trace::lines(case, bytes)?;
    key_order(case, bytes)
}

fn semantic(format: Format, expected: &Value, bytes: &[u8]) -> Result<(), String> {
    if format == Format::Text {
        let same = expected.text().is_some_and(|text| text.as_bytes() == bytes);
        return if same { Ok(()) } else { Err("another text was expected".to_owned()) };
    }
    let readings = readings(format, bytes)?;
    let mut first = None;
    for found in &readings {
        match fits(format, expected, found) {
            Ok(()) => return Ok(()),
            Err(difference) => first = first.or(Some(difference)),
        }
    }
    Err(first.map_or_else(|| "no reading".to_owned(), |difference| difference.to_string()))
}

/// What the result says. Readers of ini disagree on colons and quotes: each reading counts.
fn readings(format: Format, bytes: &[u8]) -> Result<Vec<Value>, String> {
    let text = read::text(bytes)?;
    Ok(match format {
        Format::Yaml => vec![read::yaml::read(text)?],
        Format::Json => vec![read::json::read(text, true)?],
        Format::Toml => vec![read::toml::read(text)?],
        Format::Netrc => vec![read::netrc::read(text)?],
        Format::Text => Vec::new(),
        Format::Ini => {
            let one = read::ini::read(text, read::ini::Colon::AfterAWord)?;
            let other = read::ini::read(text, read::ini::Colon::OfTheKey)?;
            vec![one.clone(), read::ini::unquoted(&one), other.clone(), read::ini::unquoted(&other)]
        }
    })
}

fn fits(format: Format, expected: &Value, found: &Value) -> Result<(), Difference> {
    match format {
        Format::Netrc => netrc(expected, found),
        Format::Ini => same(&without_empty_default(expected), found, Dialect::Plain),
        Format::Yaml => same(expected, found, Dialect::Yaml),
        _ => same(expected, found, Dialect::Plain),
    }
}

fn without_empty_default(expected: &Value) -> Value {
    match expected {
        Value::Map(sections) => {
            let kept = sections.iter().filter(|(name, keys)| !name.is_empty() || !keys.keys().is_empty());
            Value::Map(kept.cloned().collect())
        }
        other => other.clone(),
    }
}

/// The fields that the case has: machines as a set, since a new one may stand anywhere before `default`.
fn netrc(expected: &Value, found: &Value) -> Result<(), Difference> {
    for key in expected.keys() {
        let wanted = expected.get(key).unwrap_or(&Value::Null);
        let value = found.get(key).unwrap_or(&Value::Null);
        match key {
            "machines" => same(&sorted(wanted), &sorted(value), Dialect::Plain)?,
            "macdefs" if wanted == &Value::Null => same(&Value::Map(Vec::new()), value, Dialect::Plain)?,
            "default" => same(&without_nulls(wanted), value, Dialect::Plain)?,
            _ => same(wanted, value, Dialect::Plain)?,
        }
    }
    Ok(())
}

fn without_nulls(entry: &Value) -> Value {
    match entry {
        Value::Map(fields) => {
            Value::Map(fields.iter().filter(|(_, value)| *value != Value::Null).cloned().collect())
        }
        other => other.clone(),
    }
}

fn sorted(machines: &Value) -> Value {
    let Value::List(machines) = machines else { return machines.clone() };
    let mut machines: Vec<Value> = machines.iter().map(without_nulls).collect();
    let name = |entry: &Value| {
        let field = |name| entry.get(name).and_then(Value::text).unwrap_or_default().to_owned();
        (field("machine"), field("login"), field("password"))
    };
    machines.sort_by_key(name);
    Value::List(machines)
}

/// The keys stand in this order: in the root, in some mapping that has them all, or over the whole file.
fn key_order(case: &Case, bytes: &[u8]) -> Result<(), String> {
    let wanted = case.texts("expect_key_order")?;
    if wanted.is_empty() {
        return Ok(());
    }
    let root = readings(case.format, bytes)?.into_iter().next().unwrap_or(Value::Null);
    let mappings = root.mappings();
    let holds = |keys: &[&str]| wanted.iter().all(|key| keys.contains(key));
    let of_all: Vec<&str> = mappings.iter().flat_map(|mapping| mapping.keys()).collect();
    let keys = mappings.iter().map(|mapping| mapping.keys()).find(|keys| holds(keys)).unwrap_or(of_all);
    let mut rest = keys.iter();
    match wanted.iter().find(|key| !rest.any(|found| found == *key)) {
        None => Ok(()),
        Some(key) => Err(format!("the key {key:?} is not where it was expected")),
    }
}
