//! INI line by line, as the parsers of scripting languages do it.

use crate::value::Value;

/// What a `:` before the first `=` of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colon {
    /// It delimits where a plain word stands before it and a blank after it.
    AfterAWord,
    /// It belongs to the key.
    OfTheKey,
}

struct Entry {
    section: String,
    key: String,
    value: Option<Vec<String>>,
}

/// `{section: {key: value}}`: repeated keys as a list, a key without a delimiter as null, keys before any
/// section under the empty name.
pub(crate) fn read(text: &str, colon: Colon) -> Result<Value, String> {
    let (mut sections, mut entries): (Vec<String>, Vec<Entry>) = (vec![String::new()], Vec::new());
    let mut indent = 0;
    let mut open = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            if let (true, true, Some(Entry { value: Some(value), .. })) =
                (open, trimmed.is_empty(), entries.last_mut())
            {
                value.push(String::new());
            }
            continue;
        }
        let depth = line.len() - line.trim_start().len();
        if let (true, Some(Entry { value: Some(value), .. })) = (open && depth > indent, entries.last_mut()) {
            value.push(trimmed.to_owned());
            continue;
        }
        indent = depth;
        if let Some(rest) = trimmed.strip_prefix('[') {
            let end = header_end(rest).ok_or("an open section header")?;
            sections.push(rest[..end].to_owned());
            open = false;
            continue;
        }
        let (key, value) = split(trimmed, colon);
        let section = sections.last().cloned().unwrap_or_default();
        entries.push(Entry { section, key, value: value.map(|value| vec![value]) });
        open = true;
    }
    Ok(collect(&sections, entries))
}

fn header_end(rest: &str) -> Option<usize> {
    let closes = |at: &usize| {
        let after = rest[at + 1..].trim_start();
        after.is_empty() || after.starts_with(['#', ';'])
    };
    rest.match_indices(']').map(|(at, _)| at).find(closes).or_else(|| rest.rfind(']'))
}

fn split(line: &str, colon: Colon) -> (String, Option<String>) {
    let equals = line.find('=');
    let at = match (line.find(':'), equals) {
        (Some(at), Some(equals)) if at < equals && colon == Colon::AfterAWord => {
            let word = line[..at].trim_end();
            let plain = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c));
            Some(if plain && line[at + 1..].starts_with([' ', '\t']) { at } else { equals })
        }
        (_, Some(equals)) => Some(equals),
        (colon, None) => colon,
    };
    match at {
        Some(at) => (line[..at].trim_end().to_owned(), Some(line[at + 1..].trim().to_owned())),
        None => (line.to_owned(), None),
    }
}

fn collect(sections: &[String], entries: Vec<Entry>) -> Value {
    let mut found: Vec<(String, Value)> = Vec::new();
    for name in sections {
        if !found.iter().any(|(known, _)| known == name) {
            found.push((name.clone(), Value::Map(Vec::new())));
        }
    }
    for entry in entries {
        let value = entry
            .value
            .map_or(Value::Null, |lines| Value::Text(lines.join("\n").trim_end_matches('\n').to_owned()));
        let section = found.iter_mut().find(|(name, _)| *name == entry.section);
        let Some((_, Value::Map(keys))) = section else { continue };
        match keys.iter_mut().find(|(key, _)| *key == entry.key) {
            None => keys.push((entry.key, value)),
            Some((_, Value::List(values))) => values.push(value),
            Some((_, first)) => *first = Value::List(vec![first.clone(), value]),
        }
    }
    found.retain(|(name, keys)| !name.is_empty() || !keys.keys().is_empty());
    Value::Map(found)
}

/// The same data with quotes that surround whole values taken off, as readers do that know them.
pub(crate) fn unquoted(value: &Value) -> Value {
    match value {
        Value::Text(text) => {
            let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            let single = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            match (inner, single) {
                (Some(inner), _) => Value::Text(inner.replace("\\\"", "\"").replace("\\\\", "\\")),
                (None, Some(single)) => Value::Text(single.to_owned()),
                (None, None) => value.clone(),
            }
        }
        Value::List(items) => Value::List(items.iter().map(unquoted).collect()),
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(key, value)| (key.clone(), unquoted(value))).collect())
        }
        other => other.clone(),
    }
}
