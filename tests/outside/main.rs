//! What a merge or a removal leaves: byte for byte all that it does not manage.
//!
//! Documents are written here from parts, so that it is known without any parser of the product which bytes
//! are a managed value and which are not: comments, blanks, line ends, order, marks at the start and the end of
//! the file. yaml and ini have properties of the same kind beside their handlers.

mod doc;
mod json;
mod netrc;
mod text;
mod toml;

use proptest::test_runner::Config;

/// A few hundred cases; thousands where `VSYNC_SOAK=1` asks for the long form.
#[expect(clippy::disallowed_methods, reason = "a test may be asked for more cases")]
fn cases() -> Config {
    let soak = std::env::var_os("VSYNC_SOAK").is_some();
    Config { failure_persistence: None, ..Config::with_cases(if soak { 20_000 } else { 256 }) }
}
