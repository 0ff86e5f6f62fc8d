//! Reads both files again by another way than the editor's, and compares them with what was asked for.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::number::Number;
use crate::rules::handler::MergeError;
use crate::rules::handler::places::Places;
use crate::rules::key_path::KeyPath;

/// A document as its readers see it. Members keep their order and their repetitions.
#[derive(PartialEq)]
pub(super) enum Reading {
    Object(Vec<(String, Reading)>),
    Array(Vec<Reading>),
    String(Zeroizing<Vec<u8>>),
    Number(Number),
    /// `true`, `false`, `null`
    Word(String),
}

impl Reading {
    /// Reads a document; one without a value is an empty object. None if it is not JSON.
    pub(super) fn of(text: &str) -> Option<Self> {
        let plain = plain(text);
        if plain.trim().is_empty() {
            return Some(Self::Object(Vec::new()));
        }
        Self::raw(serde_json::from_str(&plain).ok()?)
    }

    fn raw(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        Some(match text.as_bytes().first()? {
            b'{' => {
                let Members(members) = serde_json::from_str(text).ok()?;
                Self::Object(
                    members
                        .into_iter()
                        .map(|(key, raw)| Some((key, Self::raw(raw)?)))
                        .collect::<Option<_>>()?,
                )
            }
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                Self::Array(items.into_iter().map(Self::raw).collect::<Option<_>>()?)
            }
            b'"' => Self::String(serde_json::from_str::<Bytes>(text).ok()?.0),
            b'-' | b'0'..=b'9' => Self::Number(Number::read(text)),
            _ => Self::Word(text.to_owned()),
        })
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Word(word) if word == "null")
    }

    /// What a merge has to make of this.
    pub(super) fn overlay(&mut self, incoming: Self, delete_nulls: bool) {
        let Self::Object(new) = incoming else {
            *self = incoming;
            return;
        };
        if !matches!(self, Self::Object(_)) {
            *self = Self::Object(Vec::new());
        }
        let Self::Object(members) = self else { return };
        let places: HashMap<String, usize> =
            members.iter().enumerate().map(|(at, (key, _))| (key.clone(), at)).collect();
        let mut gone = Vec::new();
        for (key, value) in new {
            let place = places.get(&key).copied();
            if delete_nulls && value.is_null() {
                gone.extend(place);
            } else {
                let at = place.unwrap_or(members.len());
                if place.is_none() {
                    members.push((key, Self::Object(Vec::new())));
                }
                members[at].1.overlay(value, delete_nulls);
            }
        }
        drop_at(members, gone);
    }

    /// What taking places out has to make of this.
    pub(super) fn without(&mut self, places: &Places) {
        let Self::Object(members) = self else { return };
        members.retain_mut(|(key, value)| match places.below.get(key) {
            Some(places) if places.whole => false,
            Some(places) => {
                value.without(places);
                true
            }
            None => true,
        });
    }

    /// The first place that differs.
    pub(super) fn difference(&self, other: &Self, path: &KeyPath) -> Option<KeyPath> {
        let (Self::Object(ours), Self::Object(theirs)) = (self, other) else {
            return (self != other).then(|| path.clone());
        };
        for (at, (key, value)) in ours.iter().enumerate() {
            match theirs.get(at) {
                Some((other, theirs)) if other == key => {
                    if value != theirs {
                        return value.difference(theirs, &path.child(key));
                    }
                }
                _ => return Some(path.child(key)),
            }
        }
        theirs.get(ours.len()).map(|(key, _)| path.child(key))
    }
}

fn drop_at(members: &mut Vec<(String, Reading)>, mut gone: Vec<usize>) {
    gone.sort_unstable();
    let mut at = 0;
    members.retain(|_| {
        at += 1;
        gone.binary_search(&(at - 1)).is_err()
    });
}

/// # Errors
/// [`MergeError::CheckFailed`] if `after` does not read as `wanted`.
pub(super) fn verify(wanted: Option<&Reading>, after: &str) -> Result<(), MergeError> {
    let path = match (wanted, Reading::of(after)) {
        (Some(wanted), Some(after)) => wanted.difference(&after, &KeyPath::root()),
        _ => Some(KeyPath::root()),
    };
    path.map_or(Ok(()), |path| Err(MergeError::CheckFailed { path }))
}

/// The text with blanks in the place of comments and trailing commas.
fn plain(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut comma = None;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' => {
                comma = None;
                out.push(char);
                let mut escaped = false;
                for char in chars.by_ref() {
                    out.push(char);
                    match char {
                        '"' if !escaped => break,
                        _ => escaped = char == '\\' && !escaped,
                    }
                }
            }
            '/' if chars.peek() == Some(&'/') => while chars.next_if(|char| *char != '\n').is_some() {},
            '/' if chars.peek() == Some(&'*') => {
                chars.next();
                let mut star = false;
                for char in chars.by_ref() {
                    if star && char == '/' {
                        break;
                    }
                    star = char == '*';
                }
                out.push(' ');
            }
            ' ' | '\t' | '\r' | '\n' => out.push(char),
            '}' | ']' => {
                if let Some(at) = comma.take() {
                    out.replace_range(at..at + 1, " ");
                }
                out.push(char);
            }
            _ => {
                comma = (char == ',').then_some(out.len());
                out.push(char);
            }
        }
    }
    out
}

/// The members of an object with their values unread.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Read).map(Members)
    }
}

/// A string that may hold half a surrogate pair.
struct Bytes(Zeroizing<Vec<u8>>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Zeroizing<Vec<u8>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Zeroizing::new(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Read).map(Bytes)
    }
}
