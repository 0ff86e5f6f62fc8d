//! Readers that judge a result. None of them shares code with the handlers.

pub(crate) mod ini;
pub(crate) mod json;
pub(crate) mod netrc;
pub(crate) mod toml;
pub(crate) mod yaml;

/// UTF-8 text without its BOM.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}
