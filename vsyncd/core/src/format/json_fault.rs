//! What may be said about JSON that does not fit.

/// Names a fault without quoting the document: the parser's own message can repeat a value, and
/// the documents here hold credentials.
pub(super) fn describe(error: &serde_json::Error) -> String {
    let message = error.to_string();
    // Field names in this message come from our own types, never from the document.
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
    match (missing, error.classify()) {
        (Some((field, _)), _) => format!("the field '{field}' is missing"),
        (None, serde_json::error::Category::Data) => {
            format!("unexpected value at line {} column {}", error.line(), error.column())
        }
        (None, _) => format!("not JSON, at line {} column {}", error.line(), error.column()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Doc {
        #[expect(dead_code, reason = "only its name and type matter")]
        salt: u32,
    }

    #[test]
    fn names_the_field_but_never_a_value() {
        let fault = |text: &str| describe(&serde_json::from_str::<Doc>(text).unwrap_err());
        assert_eq!(fault("{}"), "the field 'salt' is missing");
        assert!(!fault(r#"{"salt":"hunter2"}"#).contains("hunter2"));
        assert!(fault("hunter2").starts_with("not JSON"));
    }
}
