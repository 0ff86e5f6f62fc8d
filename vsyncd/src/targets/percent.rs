//! Percent-encoding of a part of a path or query.

use std::fmt::Write as _;

/// The text as one part of a path: everything but letters, digits and `-._~` is encoded, the slash too.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_could_mean_something_is_encoded() {
        assert_eq!(super::encoded("eu/prod #1?ü%"), "eu%2Fprod%20%231%3F%C3%BC%25");
        assert_eq!(super::encoded("a-b_c.d~e"), "a-b_c.d~e");
    }
}
