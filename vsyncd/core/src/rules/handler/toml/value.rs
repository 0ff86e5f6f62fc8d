//! What a TOML document means, read by toml_edit.

use std::collections::HashMap;

use toml_edit::{Datetime, Document, Item, Offset, Value as Parsed};
use zeroize::Zeroizing;

use crate::rules::handler::MergeError;
use crate::rules::handler::places::Places;
use crate::rules::handler::source::{Fault, Source};
use crate::rules::key_path::KeyPath;

/// A value, equal to another one that means the same.
pub(super) enum Value {
    String(Zeroizing<String>),
    Plain(Plain),
    /// `tables`: written as `[[…]]`.
    Array {
        items: Vec<Value>,
        tables: bool,
    },
    Table(Table),
}

/// What is written without quotes, with its spelling.
pub(super) struct Plain {
    meaning: Meaning,
    pub(super) spelled: Zeroizing<String>,
}

#[derive(PartialEq)]
enum Meaning {
    Integer(i64),
    /// By its bits: all that is not a number is equal, the two zeros are not.
    Float(u64),
    Boolean(bool),
    Datetime(Datetime),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::String(one), Self::String(other)) => one == other,
            (Self::Plain(one), Self::Plain(other)) => one.meaning == other.meaning,
            (Self::Array { items: one, .. }, Self::Array { items: other, .. }) => one == other,
            (Self::Table(one), Self::Table(other)) => {
                one.difference(other, &KeyPath::root(), false).is_none()
            }
            _ => false,
        }
    }
}

/// Tables of more values than this have an index.
const FEW: usize = 8;

/// Values by key, in the order of the document.
#[derive(Default)]
pub(super) struct Table {
    entries: Vec<(String, Value)>,
    /// Empty for a few values.
    places: HashMap<String, usize>,
}

impl Table {
    /// # Errors
    /// The text is not valid TOML.
    pub(super) fn read(source: &Source<'_>) -> Result<Self, MergeError> {
        let document = Document::parse(source.text).map_err(|error| {
            let what = match error.message() {
                message if message.contains("duplicate") => "a key or a table stands twice",
                message if message.contains("recursion") => "too deeply nested",
                _ => "it does not parse",
            };
            let at = error.span().map_or(0, |span| span.start).min(source.text.len());
            source.fault(Fault { at, what })
        })?;
        Ok(table(document.as_table().iter(), source.text))
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.place(key).map(|at| &self.entries[at].1)
    }

    fn place(&self, key: &str) -> Option<usize> {
        if self.entries.len() <= FEW {
            return self.entries.iter().position(|(known, _)| known == key);
        }
        self.places.get(key).copied()
    }

    /// Makes the index anew.
    fn index(&mut self) {
        self.places.clear();
        if self.entries.len() > FEW {
            self.places = self.entries.iter().enumerate().map(|(at, (key, _))| (key.clone(), at)).collect();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn put(&mut self, key: String, value: Value) {
        match self.place(&key) {
            Some(at) => self.entries[at].1 = value,
            None if self.entries.len() <= FEW => {
                self.entries.push((key, value));
                self.index();
            }
            None => {
                self.places.insert(key.clone(), self.entries.len());
                self.entries.push((key, value));
            }
        }
    }

    /// What a merge has to make of this.
    pub(super) fn overlay(&mut self, incoming: Self) {
        for (key, value) in incoming.entries {
            match (self.place(&key).map(|at| &mut self.entries[at].1), value) {
                (Some(Value::Table(old)), Value::Table(new)) => old.overlay(new),
                (_, value) => self.put(key, value),
            }
        }
    }

    /// What taking places out has to make of this.
    pub(super) fn without(&mut self, places: &Places) {
        self.entries.retain_mut(|(key, value)| match (places.below.get(key), value) {
            (Some(places), _) if places.whole => false,
            (Some(places), Value::Table(table)) => {
                table.without(places);
                true
            }
            _ => true,
        });
        self.index();
    }

    /// The first place where `other` is not this. `hollow`: tables without a value in them may be missing
    /// there, because nothing is left that would write them.
    pub(super) fn difference(&self, other: &Self, path: &KeyPath, hollow: bool) -> Option<KeyPath> {
        for (key, value) in self.iter() {
            let difference = match (value, other.get(key)) {
                (Value::Table(one), Some(Value::Table(other))) => {
                    one.difference(other, &path.child(key), hollow)
                }
                (Value::Table(one), None) if hollow && one.is_hollow() => None,
                (one, Some(other)) if one == other => None,
                _ => Some(path.child(key)),
            };
            if difference.is_some() {
                return difference;
            }
        }
        other.iter().find(|(key, _)| self.get(key).is_none()).map(|(key, _)| path.child(key))
    }

    fn is_hollow(&self) -> bool {
        self.entries.iter().all(|(_, value)| matches!(value, Value::Table(table) if table.is_hollow()))
    }
}

fn table<'a>(entries: impl Iterator<Item = (&'a str, &'a Item)>, text: &str) -> Table {
    let mut table = Table::default();
    for (key, item) in entries {
        if let Some(value) = item_value(item, text) {
            table.put(key.to_owned(), value);
        }
    }
    table
}

fn item_value(item: &Item, text: &str) -> Option<Value> {
    match item {
        Item::None => None,
        Item::Value(parsed) => Some(value(parsed, text)),
        Item::Table(entries) => Some(Value::Table(table(entries.iter(), text))),
        Item::ArrayOfTables(tables) => Some(Value::Array {
            items: tables.iter().map(|entries| Value::Table(table(entries.iter(), text))).collect(),
            tables: true,
        }),
    }
}

fn value(parsed: &Parsed, text: &str) -> Value {
    let meaning = match parsed {
        Parsed::String(string) => return Value::String(string.value().clone().into()),
        Parsed::Array(items) => {
            return Value::Array {
                items: items.iter().map(|item| value(item, text)).collect(),
                tables: false,
            };
        }
        Parsed::InlineTable(entries) => {
            let mut table = Table::default();
            for (key, parsed) in entries.iter() {
                table.put(key.to_owned(), value(parsed, text));
            }
            return Value::Table(table);
        }
        Parsed::Integer(number) => Meaning::Integer(*number.value()),
        Parsed::Float(number) if number.value().is_nan() => Meaning::Float(f64::NAN.to_bits()),
        Parsed::Float(number) => Meaning::Float(number.value().to_bits()),
        Parsed::Boolean(boolean) => Meaning::Boolean(*boolean.value()),
        Parsed::Datetime(datetime) => Meaning::Datetime(plain_datetime(*datetime.value())),
    };
    let spelled = parsed.span().and_then(|span| text.get(span)).unwrap_or_default();
    Value::Plain(Plain { meaning, spelled: spelled.to_owned().into() })
}

/// `Z` is the offset zero; seconds and fractions that are not written are zero.
fn plain_datetime(mut datetime: Datetime) -> Datetime {
    if datetime.offset == Some(Offset::Z) {
        datetime.offset = Some(Offset::Custom { minutes: 0 });
    }
    if let Some(time) = &mut datetime.time {
        time.second.get_or_insert(0);
        time.nanosecond.get_or_insert(0);
    }
    datetime
}
