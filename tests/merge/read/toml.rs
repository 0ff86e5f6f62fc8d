//! TOML as `toml_edit` reads it.

use toml_edit::{Document, Item};

use crate::value::Value;

/// The whole document.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    Ok(item(document.as_item()))
}

fn item(item: &Item) -> Value {
    match item {
        Item::None => Value::Null,
        Item::Value(inner) => value(inner),
        Item::Table(table) => {
            Value::Map(table.iter().map(|(key, it)| (key.to_owned(), self::item(it))).collect())
        }
        Item::ArrayOfTables(tables) => {
            let table = |table: &toml_edit::Table| {
                Value::Map(table.iter().map(|(key, it)| (key.to_owned(), self::item(it))).collect())
            };
            Value::List(tables.iter().map(table).collect())
        }
    }
}

fn value(value: &toml_edit::Value) -> Value {
    use toml_edit::Value as Toml;
    match value {
        Toml::String(text) => Value::Text(text.value().clone()),
        Toml::Integer(number) => Value::Number(number.value().to_string()),
        Toml::Float(number) => Value::Number(number.value().to_string()),
        Toml::Boolean(flag) => Value::Bool(*flag.value()),
        Toml::Datetime(date) => Value::Date(date.value().to_string()),
        Toml::Array(items) => Value::List(items.iter().map(self::value).collect()),
        Toml::InlineTable(table) => {
            Value::Map(table.iter().map(|(key, it)| (key.to_owned(), self::value(it))).collect())
        }
    }
}
