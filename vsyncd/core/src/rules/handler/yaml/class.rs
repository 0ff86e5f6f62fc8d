//! What a scalar means: a string for every reader, or something that a schema reads differently.

use super::tree::{Kind, NodeId, Style, Tree};

/// The prefix of the tags that YAML itself defines.
const CORE: &str = "tag:yaml.org,2002:";

/// The meaning of a scalar, comparable. No number passes through a float.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// A string, whichever schema is used.
    Text(String),
    /// Null.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer: sign and decimal digits.
    Integer(String),
    /// A decimal fraction: sign, digits without outer zeros, and the power of ten.
    Float(String, i64),
    /// Unquoted, and read differently by YAML 1.1 and 1.2: `yes`, `0123`, `12:30`, dates; also numbers
    /// that are too large to be compared. Only the same spelling is the same value.
    Spelled(String),
    /// With a tag of its own.
    Tagged(String, String),
}

/// The meaning of a scalar of a tree.
pub(super) fn of(tree: &Tree<'_>, id: NodeId) -> Class {
    let node = tree.node(id);
    let plain = matches!(node.kind, Kind::Scalar(Style::Plain));
    class(&tree.scalar(id), plain, node.properties.tag.as_ref().map(|tag| tag.name.as_str()))
}

/// The meaning of a scalar with this text and tag.
pub(super) fn class(text: &str, plain: bool, tag: Option<&str>) -> Class {
    match tag {
        None if plain => of_plain(text),
        None | Some("!" | "tag:yaml.org,2002:str") => Class::Text(text.to_owned()),
        Some(name @ ("tag:yaml.org,2002:null" | "tag:yaml.org,2002:bool" | "tag:yaml.org,2002:int")) => {
            match (of_plain(text), name.trim_start_matches(CORE)) {
                (found @ Class::Null, "null") | (found @ Class::Bool(_), "bool") => found,
                (found @ Class::Integer(_), "int") => found,
                _ => Class::Tagged(name.to_owned(), text.to_owned()),
            }
        }
        Some(name) => Class::Tagged(name.to_owned(), text.to_owned()),
    }
}

/// Whether a plain scalar with this text is a string for every reader.
pub(super) fn is_text(text: &str) -> bool {
    matches!(of_plain(text), Class::Text(_))
}

fn of_plain(text: &str) -> Class {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Class::Null,
        "true" | "True" | "TRUE" => return Class::Bool(true),
        "false" | "False" | "FALSE" => return Class::Bool(false),
        "y" | "Y" | "n" | "N" | "=" | "<<" => return Class::Spelled(text.to_owned()),
        _ => {}
    }
    let small = text.len() <= 5 && text.is_ascii();
    if small && matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off") {
        return Class::Spelled(text.to_owned());
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let negative = text.starts_with('-');
    if small && matches!(unsigned.to_ascii_lowercase().as_str(), ".inf" | ".nan") {
        return Class::Spelled(text.to_owned());
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Class::Text(text.to_owned());
    }
    number(unsigned, negative, text)
}

fn number(unsigned: &str, negative: bool, text: &str) -> Class {
    let spelled = || Class::Spelled(text.to_owned());
    let digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    if digits(unsigned) {
        let octal = unsigned.len() > 1 && unsigned.starts_with('0');
        return if octal { spelled() } else { integer(unsigned, negative) };
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        let Some(rest) = unsigned.strip_prefix(prefix) else { continue };
        if rest.is_empty() || !rest.chars().all(|c| c == '_' || c.is_digit(radix)) {
            return Class::Text(text.to_owned());
        }
        let shared = radix != 2 && unsigned == text;
        return match u128::from_str_radix(rest, radix) {
            Ok(value) if shared => integer(&value.to_string(), false),
            _ => spelled(),
        };
    }
    if let Some(float) = float(unsigned, negative) {
        return float;
    }
    let unusual = underscored(unsigned) || sexagesimal(unsigned) || (unsigned == text && dated(text));
    if unusual { spelled() } else { Class::Text(text.to_owned()) }
}

fn integer(digits: &str, negative: bool) -> Class {
    let sign = if negative && digits != "0" { "-" } else { "" };
    Class::Integer(format!("{sign}{digits}"))
}

/// `1.5`, `.5`, `5.`, `1e3`, `1.5E-3`.
fn float(unsigned: &str, negative: bool) -> Option<Class> {
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || whole.len() + part.len() == 0 {
        return None;
    }
    let power = match exponent {
        None => 0,
        Some(word) => {
            let bare = word.strip_prefix(['-', '+']).unwrap_or(word);
            if bare.is_empty() || !digits(bare) {
                return None;
            }
            match word.parse::<i64>() {
                Ok(power) if power.abs() < i64::MAX / 2 => power,
                _ => return Some(Class::Spelled(unsigned.to_owned())),
            }
        }
    };
    let all = format!("{whole}{part}");
    let kept = all.trim_start_matches('0').trim_end_matches('0');
    let zeros = all.trim_start_matches('0').len() - kept.len();
    let sign = if negative { "-" } else { "" };
    if kept.is_empty() {
        return Some(Class::Float(format!("{sign}0"), 0));
    }
    let power = power - i64::try_from(part.len()).ok()? + i64::try_from(zeros).ok()?;
    Some(Class::Float(format!("{sign}{kept}"), power))
}

/// `1_000`, `1_0.5`: numbers to YAML 1.1.
fn underscored(unsigned: &str) -> bool {
    unsigned.contains('_') && unsigned.bytes().all(|byte| byte.is_ascii_digit() || b"_.eE+-".contains(&byte))
}

/// `12:30:45`, `190:20:30.15`: numbers to base 60 in YAML 1.1.
fn sexagesimal(unsigned: &str) -> bool {
    let mut parts = unsigned.split(':');
    let first =
        parts.next().is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_'));
    let mut count = 0;
    let rest = parts.all(|part| {
        count += 1;
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'_')
    });
    first && rest && count > 0
}

/// `2026-05-23`, with or without a time.
fn dated(text: &str) -> bool {
    let bytes = text.as_bytes();
    let run = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let dash = |at: usize| bytes.get(at) == Some(&b'-');
    if run(0) != 4 || !dash(4) {
        return false;
    }
    let month = run(5);
    if !(1..=2).contains(&month) || !dash(5 + month) {
        return false;
    }
    let day = run(6 + month);
    let end = 6 + month + day;
    (1..=2).contains(&day)
        && bytes.get(end).is_none_or(|byte| matches!(byte, b'T' | b't' | b' ' | b'\t'))
        && bytes[end..].iter().all(|byte| byte.is_ascii_digit() || b"Tt \t:.+-Z".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_only_look_like_numbers_are_text() {
        for text in ["4f1c", "1.2.3", "1e", "0xZZ", "12-34", "v1", "-", "+", "-x", "a=b", "2026-05", "1:b"] {
            assert!(is_text(text), "{text}");
        }
    }

    #[test]
    fn what_readers_disagree_on_is_not_text() {
        for text in [
            "",
            "~",
            "null",
            "yes",
            "No",
            "OFF",
            "y",
            "0123",
            "1_000",
            "0b11",
            "12:30",
            "2026-05-23",
            "<<",
            "=",
            "2026-05-23T10:00:00Z",
            ".inf",
            "-.INF",
            "1e400",
            "0x1F",
            "0o17",
            ".5",
            "5.",
            "True",
        ] {
            assert!(!is_text(text), "{text}");
        }
    }

    #[test]
    fn numbers_are_compared_by_value_without_rounding() {
        let same = |one: &str, other: &str| of_plain(one) == of_plain(other);
        assert!(same("+1", "1") && same("0x1F", "31") && same("0o17", "15") && same("-0", "0"));
        assert!(same("1e3", "1000.0") && same("1.50", "1.5") && same(".5", "0.5") && same("1e400", "10e399"));
        assert!(!same("1", "1.0") && !same("017", "17") && !same("-0.0", "0.0") && !same("yes", "Yes"));
        assert!(!same("9007199254740993", "9007199254740992"));
        assert!(same("~", "null") && same("", "NULL") && same("True", "true"));
    }
}
