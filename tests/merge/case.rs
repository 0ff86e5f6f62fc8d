//! One case: a file, what is merged into it, and what has to hold afterwards.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vsync_core::rules::handler::{Format, Options};

use crate::value::Value;

/// The fields that more than one check reads; the others are taken from `expects` where they are judged.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) format: Format,
    /// Empty for a file that does not exist.
    pub(crate) existing: Vec<u8>,
    pub(crate) incoming: Vec<u8>,
    pub(crate) options: Options,
    pub(crate) expects: Value,
}

impl Case {
    pub(crate) fn of(case: &Value) -> Result<Self, String> {
        let text = |name: &str| case.field(name).and_then(Value::text);
        let id = text("id").or_else(|| text("name")).ok_or("a case without an id")?.to_owned();
        let format = text("format").ok_or_else(|| format!("{id} names no format"))?;
        let format = if format == "jsonc" { "json" } else { format };
        let format = format.parse().map_err(|error| format!("{id}: {error}"))?;
        let existing = document(case, "existing")?.unwrap_or_default();
        let incoming = document(case, "incoming")?.ok_or_else(|| format!("{id} has nothing incoming"))?;
        let option = |name: &str| case.field("options").and_then(|options| options.field(name));
        let options = Options { delete_nulls: option("delete_nulls").is_some_and(Value::is_true) };
        Ok(Self { id, format, existing, incoming, options, expects: case.clone() })
    }

    /// Whether a field is there and says yes.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.expects.field(name).is_some_and(Value::is_true)
    }

    /// A field that holds texts: one or a list of them.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&str>, String> {
        match self.expects.field(name) {
            None => Ok(Vec::new()),
            Some(Value::Text(text)) => Ok(vec![text]),
            Some(Value::List(items)) => {
                let texts: Option<Vec<&str>> = items.iter().map(Value::text).collect();
                texts.ok_or_else(|| format!("{name} holds something that is not text"))
            }
            Some(_) => Err(format!("{name} is not a list of texts")),
        }
    }
}

/// A document as text, or as base64 where its bytes are no text.
fn document(case: &Value, name: &str) -> Result<Option<Vec<u8>>, String> {
    if let Some(text) = case.field(&format!("{name}_base64")).and_then(Value::text) {
        return STANDARD.decode(text).map(Some).map_err(|error| format!("{name}_base64: {error}"));
    }
    match case.field(name) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text.clone().into_bytes())),
        Some(_) => Err(format!("{name} is not text")),
    }
}
