//! What a person gives with an action.

use serde_json::{Map, Value};

/// The largest cell, in bytes.
pub const META_MAX: usize = 2048;

/// A JSON object.
pub type Meta = Map<String, Value>;

/// Why given meta was not understood. The caller decides whether that stops anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetaError {
    /// The variable has to hold a JSON object.
    #[error("VSYNC_AUDIT_META is not a JSON object")]
    NotAnObject,
    /// An option without its value.
    #[error("--meta takes key=value, not '{0}'")]
    NotAPair(String),
}

/// Merges the four sources, a later one winning: `$VSYNC_AUDIT_META` (a JSON object),
/// `$VSYNC_AUDIT_NOTE`, each `--meta k=v`, `--note`. A note is the field `note`. An empty
/// variable counts as not set.
///
/// # Errors
/// [`MetaError`].
pub fn merge_meta(
    env_meta: Option<&str>,
    env_note: Option<&str>,
    pairs: &[String],
    note: Option<&str>,
) -> Result<Meta, MetaError> {
    let mut meta = match env_meta.filter(|text| !text.trim().is_empty()) {
        Some(text) => serde_json::from_str(text).map_err(|_| MetaError::NotAnObject)?,
        None => Meta::new(),
    };
    let mut set = |name: &str, value: &str| meta.insert(name.to_owned(), Value::from(value));
    if let Some(note) = env_note.filter(|text| !text.is_empty()) {
        set("note", note);
    }
    for pair in pairs {
        let (name, value) = pair.split_once('=').ok_or_else(|| MetaError::NotAPair(pair.clone()))?;
        if name.is_empty() {
            return Err(MetaError::NotAPair(pair.clone()));
        }
        set(name, value);
    }
    if let Some(note) = note {
        set("note", note);
    }
    Ok(meta)
}

/// The cell's text.
pub(super) fn cell(meta: &Meta) -> String {
    if meta.is_empty() {
        return String::new();
    }
    let text = serde_json::to_string(meta).unwrap_or_default();
    if text.len() > META_MAX { r#"{"_truncated":true}"#.to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_sources_win() {
        let env = r#"{"a":1,"note":"from meta","ticket":"X"}"#;
        let text = |meta: Result<Meta, _>| cell(&meta.unwrap());
        assert_eq!(text(merge_meta(None, None, &[], None)), "");
        assert_eq!(text(merge_meta(Some(" "), Some(""), &[], None)), "");
        assert_eq!(text(merge_meta(Some(env), None, &[], None)), env);
        let pairs = ["a=2=3".to_owned(), "note=from pair".to_owned()];
        let note = |pairs, note| merge_meta(Some(env), Some("from env"), pairs, note).unwrap();
        assert_eq!(note(&[], None)["note"], "from env");
        assert_eq!(note(&pairs, None)["note"], "from pair");
        assert_eq!(note(&pairs, Some("from flag"))["note"], "from flag");
        assert_eq!(note(&pairs, None)["a"], "2=3");
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert_eq!(merge_meta(Some("[1]"), None, &[], None), Err(MetaError::NotAnObject));
        for pair in ["x", "=x"] {
            let bad = Err(MetaError::NotAPair(pair.to_owned()));
            assert_eq!(merge_meta(None, None, &[pair.to_owned()], None), bad);
        }
    }

    #[test]
    fn a_cell_ends_at_its_limit() {
        let of = |length: usize| merge_meta(None, None, &[], Some(&"x".repeat(length))).unwrap();
        let frame = r#"{"note":""}"#.len();
        assert_eq!(cell(&of(META_MAX - frame)).len(), META_MAX);
        assert_eq!(cell(&of(META_MAX - frame + 1)), r#"{"_truncated":true}"#);
    }
}
