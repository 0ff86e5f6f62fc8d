//! An I/O error that says what it happened to.

use std::fmt::Display;
use std::io;

/// Wrapped into an [`io::Error`], so that its kind (disk full, denied) stays recognisable.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {what}: {source}")]
struct Fault {
    doing: &'static str,
    what: String,
    source: io::Error,
}

/// For `map_err`: "cannot `doing` `what`: …", with the kind of the error kept.
pub(crate) fn cannot<E: Into<io::Error>>(
    doing: &'static str,
    what: impl Display,
) -> impl FnOnce(E) -> io::Error {
    move |error| {
        let source = error.into();
        io::Error::new(source.kind(), Fault { doing, what: what.to_string(), source })
    }
}
