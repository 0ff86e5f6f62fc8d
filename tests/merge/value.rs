//! Data as any of the formats holds it, and when two of them say the same.

use std::fmt;

/// What a reader found, or what a case expects. Numbers stay as they are spelled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    /// A date or time of TOML.
    Date(String),
    List(Vec<Self>),
    /// In the file's order, repeated keys included: the last one counts.
    Map(Vec<(String, Self)>),
}

impl Value {
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// A field; what a case leaves out or sets to null is none.
    pub(crate) fn field(&self, key: &str) -> Option<&Self> {
        self.get(key).filter(|value| **value != Self::Null)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_true(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    /// The keys of a mapping, each once, in order.
    pub(crate) fn keys(&self) -> Vec<&str> {
        let mut keys = Vec::new();
        if let Self::Map(entries) = self {
            for (key, _) in entries {
                if !keys.contains(&key.as_str()) {
                    keys.push(key.as_str());
                }
            }
        }
        keys
    }

    /// Every mapping in it, itself first.
    pub(crate) fn mappings(&self) -> Vec<&Self> {
        let mut found = Vec::new();
        match self {
            Self::Map(entries) => {
                found.push(self);
                found.extend(entries.iter().flat_map(|(_, value)| value.mappings()));
            }
            Self::List(items) => found.extend(items.iter().flat_map(Self::mappings)),
            _ => {}
        }
        found
    }
}

/// Where two values differ.
#[derive(Debug)]
pub(crate) struct Difference {
    at: Vec<String>,
    what: String,
}

impl Difference {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { at: Vec::new(), what: what.into() }
    }

    fn below(mut self, key: impl Into<String>) -> Self {
        self.at.insert(0, key.into());
        self
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {:?}: {}", self.at, self.what)
    }
}

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Types and values are what they are.
    Plain,
    /// Readers of YAML 1.1 and 1.2 disagree on some plain words; either reading counts.
    Yaml,
}

/// Whether `found` says what was `expected`. Order of keys is not looked at here.
pub(crate) fn same(expected: &Value, found: &Value, dialect: Dialect) -> Result<(), Difference> {
    if let Some((kind, text)) = marked(expected) {
        let fits = match found {
            Value::Date(date) | Value::Text(date) => moment(date) == moment(text),
            Value::Number(number) => same_number(text, number),
            _ => false,
        };
        return if fits { Ok(()) } else { Err(Difference::new(format!("{kind} {text}, found {found:?}"))) };
    }
    match (expected, found) {
        (Value::Map(_), Value::Map(_)) => same_mapping(expected, found, dialect),
        (Value::List(wanted), Value::List(items)) => {
            if wanted.len() != items.len() {
                return Err(Difference::new(format!("{} items, found {}", wanted.len(), items.len())));
            }
            let pairs = wanted.iter().zip(items).enumerate();
            pairs.into_iter().try_for_each(|(at, (one, other))| {
                same(one, other, dialect).map_err(|difference| difference.below(at.to_string()))
            })
        }
        _ if same_scalar(expected, found) => Ok(()),
        _ if dialect == Dialect::Yaml && same_word(expected, found) => Ok(()),
        _ => Err(Difference::new(format!("expected {expected:?}, found {found:?}"))),
    }
}

fn same_mapping(expected: &Value, found: &Value, dialect: Dialect) -> Result<(), Difference> {
    for key in found.keys() {
        if expected.get(key).is_none() {
            return Err(Difference::new("not expected").below(key));
        }
    }
    for key in expected.keys() {
        let wanted = expected.get(key).unwrap_or(&Value::Null);
        let Some(value) = found.get(key) else { return Err(Difference::new("missing").below(key)) };
        same(wanted, value, dialect).map_err(|difference| difference.below(key))?;
    }
    Ok(())
}

fn same_scalar(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Number(wanted), Value::Number(number)) => same_number(wanted, number),
        (Value::Text(wanted), Value::Date(date)) => moment(wanted) == moment(date),
        _ => expected == found,
    }
}

/// Whether a plain word is the one for some readers of YAML and the other for others.
fn same_word(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Text(wanted), Value::Number(number)) => {
            wanted.contains(['e', 'E', 'o', 'x', '_']) && same_number(wanted, number)
        }
        (Value::Bool(wanted), Value::Text(word)) => {
            let word = word.to_ascii_lowercase();
            if *wanted { ["yes", "on", "y"].contains(&&*word) } else { ["no", "off", "n"].contains(&&*word) }
        }
        (Value::Number(wanted), Value::Text(word)) => old_number(word).is_some_and(|it| &it == wanted),
        _ => false,
    }
}

/// `{"$date": "…"}` and its kin: values that JSON has no type for.
fn marked(expected: &Value) -> Option<(&str, &str)> {
    let Value::Map(entries) = expected else { return None };
    let [(kind, Value::Text(text))] = entries.as_slice() else { return None };
    let known = ["date", "time", "float", "number", "int"].iter().any(|word| kind.contains(word));
    (kind.starts_with('$') && known).then_some((kind, text))
}

/// A date as all spellings of it are compared.
fn moment(text: &str) -> String {
    let mut text = text.trim().to_ascii_uppercase().replacen(' ', "T", 1).replace('Z', "+00:00");
    if let Some(dot) = text.find('.') {
        let digits = text[dot + 1..].chars().take_while(char::is_ascii_digit).count();
        let fraction = text[dot + 1..dot + 1 + digits].trim_end_matches('0').to_owned();
        let dotted = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
        text.replace_range(dot..=dot + digits, &dotted);
    }
    text
}

/// Integers by all their digits; what is written as a fraction also by the float that it is read as.
fn same_number(wanted: &str, found: &str) -> bool {
    if let (Some(one), Some(other)) = (decimal(wanted), decimal(found))
        && one == other
    {
        return true;
    }
    let whole = wanted.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit());
    let float = |text: &str| match text.trim_start_matches('+') {
        "NaN" | "nan" | "-nan" | ".nan" | ".NaN" => Some(f64::NAN),
        "Infinity" | "inf" | ".inf" => Some(f64::INFINITY),
        "-Infinity" | "-inf" | "-.inf" => Some(f64::NEG_INFINITY),
        text => text.replace('_', "").parse::<f64>().ok(),
    };
    match (float(wanted), float(found)) {
        (Some(one), Some(other)) => !whole && (one == other || one.is_nan() && other.is_nan()),
        _ => false,
    }
}

/// Sign, digits without zeros at either end, and exponent.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let negative = text.starts_with('-');
    let unsigned = text.trim_start_matches(['-', '+']);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let mut exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    exponent -= i64::try_from(fraction.len()).ok()?;
    let significant = digits.trim_end_matches('0');
    exponent += i64::try_from(digits.len() - significant.len()).ok()?;
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    Some((negative, significant.to_owned(), exponent))
}

/// The number that YAML 1.1 sees in a word that is text in YAML 1.2.
fn old_number(word: &str) -> Option<String> {
    let plain = word.replace('_', "");
    if let Some(octal) = plain.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        return u128::from_str_radix(octal, 8).ok().map(|number| number.to_string());
    }
    if plain.contains(':') {
        let parts: Option<Vec<u128>> = plain.split(':').map(|part| part.parse().ok()).collect();
        return parts.map(|parts| parts.iter().fold(0, |sum, part| sum * 60 + part).to_string());
    }
    plain.parse::<u128>().ok().filter(|_| plain != word).map(|number| number.to_string())
}
