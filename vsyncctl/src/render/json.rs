//! One JSON value, and nothing else, on one line.

use serde::Serialize;
use vsync_proto::Failure;

#[derive(Serialize)]
struct Report<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'static str,
    message: String,
    hint: Option<&'a str>,
}

/// A result.
pub(crate) fn value<T: Serialize>(value: &T) -> String {
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    text
}

/// A failure; its causes are part of the message.
pub(crate) fn failure(failure: &Failure) -> String {
    let mut message = failure.message.clone();
    for cause in &failure.causes {
        message.push_str(": ");
        message.push_str(cause);
    }
    value(&Report { error: Error { code: failure.code.as_str(), message, hint: failure.hint.as_deref() } })
}

#[cfg(test)]
mod tests {
    use vsync_proto::Code;

    use super::*;

    #[test]
    fn a_failure_has_code_message_and_hint() {
        let shown = failure(&Failure::new(Code::Io, "cannot \"read\"").cause("gone"));
        assert_eq!(
            shown,
            "{\"error\":{\"code\":\"io\",\"message\":\"cannot \\\"read\\\": gone\",\"hint\":null}}\n"
        );
    }
}
