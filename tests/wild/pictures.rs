//! The pictures in `docs/rules.md`: what a handler makes of the file before is the file after.

use std::path::Path;

use vsync_core::rules::handler::{self, Format, Options};

/// What is merged in each of them, in the order of the page.
const RENDERED: [(Format, &str); 6] = [
    (Format::Yaml, "upstream:\n  api_key: new\n  retries: 3\n"),
    (Format::Json, r#"{"http.proxyAuth": "new", "files.exclude": {"**/tmp": true}}"#),
    (
        Format::Toml,
        "[registries.corp]\ntoken = \"new\"\nuser = \"ada\"\n[server]\ntls.key = \"a.key\"\n[mail]\nhost = \"smtp.example\"\n",
    ),
    (Format::Ini, "//npm.acme.example/:_authToken=new\n"),
    (Format::Ini, "[global]\ntimeout = 30\n[list]\nformat = columns\n"),
    (
        Format::Netrc,
        "machine git.example.com login ada password new\nmachine api.example.com login ada password token\n",
    ),
];

/// # Errors
/// A picture shows something else than what happens.
pub(crate) fn are_true() -> Result<(), String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules.md");
    let page = std::fs::read_to_string(page).map_err(|error| error.to_string())?;
    let pictures: Vec<&str> =
        page.split("```diff\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    if pictures.len() != RENDERED.len() {
        return Err(format!("{} pictures are known, the page has {}", RENDERED.len(), pictures.len()));
    }
    for (picture, (format, incoming)) in pictures.into_iter().zip(RENDERED) {
        let (before, after) = (side(picture, '-'), side(picture, '+'));
        let merged = handler::merge(format, before.as_bytes(), incoming.as_bytes(), Options::default());
        let merged = merged.map_err(|error| format!("{format}: {error}"))?;
        if merged.bytes.as_slice() != after.as_bytes() {
            return Err(format!("the file becomes\n{}", String::from_utf8_lossy(&merged.bytes)));
        }
    }
    Ok(())
}

/// The file on one side of a picture: the lines with this mark, and those without one.
fn side(picture: &str, mark: char) -> String {
    let lines = picture.lines().filter(|line| line.is_empty() || line.starts_with([' ', mark]));
    lines.map(|line| format!("{}\n", line.get(1..).unwrap_or_default())).collect()
}
