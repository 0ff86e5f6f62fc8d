//! YAML as `yaml_serde` reads it, with repeated keys kept, big numbers whole and `<<` resolved.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess as _};

use crate::value::Value;

/// One document, or `{"$docs": […]}`; a stream without any is null.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let mut documents = Vec::new();
    for document in yaml_serde::Deserializer::from_str(text) {
        let Node(value) = Node::deserialize(document).map_err(|error| error.to_string())?;
        documents.push(value);
    }
    Ok(match documents.len() {
        0 => Value::Null,
        1 => documents.remove(0),
        _ => Value::Map(vec![("$docs".to_owned(), Value::List(documents))]),
    })
}

struct Node(Value);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor).map(Self)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Node(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut own = Vec::new();
        let mut inherited = Vec::new();
        while let Some((Node(key), Node(value))) = entries.next_entry()? {
            match (key, value) {
                (Value::Text(key), Value::Map(base)) if key == "<<" => inherited.push(base),
                (Value::Text(key), Value::List(bases)) if key == "<<" => {
                    inherited.extend(bases.into_iter().filter_map(|base| match base {
                        Value::Map(base) => Some(base),
                        _ => None,
                    }));
                }
                (key, value) => own.push((word(key), value)),
            }
        }
        for (key, value) in inherited.into_iter().flatten() {
            if !own.iter().any(|(name, _)| *name == key) {
                own.push((key, value));
            }
        }
        Ok(Value::Map(own))
    }

    /// A value with a tag: the value.
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (_, content): (String, _) = data.variant()?;
        content.newtype_variant::<Node>().map(|Node(value)| value)
    }
}

/// A key as JSON would hold it.
fn word(key: Value) -> String {
    match key {
        Value::Text(text) | Value::Number(text) | Value::Date(text) => text,
        Value::Bool(flag) => flag.to_string(),
        Value::Null => "null".to_owned(),
        other => format!("{other:?}"),
    }
}
