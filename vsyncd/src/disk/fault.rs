//! An I/O error that says what it happened to, and what it is about.

use std::error::Error;
use std::fmt::Display;
use std::io;

use rustix::io::Errno;
use vsync_core::sync::Problem;

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

/// What a failure of the file system means, by the system's number for it.
pub(crate) fn problem(text: String, error: &io::Error) -> Problem {
    match number(error).map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC) => Problem::DiskFull(text),
        Some(Errno::DQUOT) => Problem::QuotaFull(text),
        Some(Errno::ROFS) => Problem::ReadOnly(text),
        Some(Errno::MFILE | Errno::NFILE) => Problem::TooManyFiles(text),
        Some(Errno::IO) => Problem::DiskFailed(text),
        Some(Errno::ACCESS | Errno::PERM) => Problem::NotAllowed(text),
        _ => Problem::Io(text),
    }
}

/// The system's number of an error, however often it was said what it happened to.
fn number(error: &(dyn Error + 'static)) -> Option<i32> {
    let io = error.downcast_ref::<io::Error>();
    let raw = io.and_then(io::Error::raw_os_error);
    raw.or_else(|| match io.and_then(io::Error::get_ref) {
        Some(inner) => number(inner),
        None => number(error.source()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_found_behind_what_it_happened_to() {
        let about = |errno: Errno| {
            let error = cannot("write", "x")(errno);
            let error = cannot("save", "y")(error);
            problem(error.to_string(), &error)
        };
        let full = about(Errno::NOSPC);
        assert!(
            matches!(&full, Problem::DiskFull(text) if text.starts_with("cannot save y: cannot write x: "))
        );
        assert!(matches!(about(Errno::DQUOT), Problem::QuotaFull(_)));
        assert!(matches!(about(Errno::ROFS), Problem::ReadOnly(_)));
        assert!(matches!(about(Errno::MFILE), Problem::TooManyFiles(_)));
        assert!(matches!(about(Errno::IO), Problem::DiskFailed(_)));
        assert!(matches!(about(Errno::ACCESS), Problem::NotAllowed(_)));
        assert!(matches!(about(Errno::NOENT), Problem::Io(_)));
        let plain = io::Error::other("no number");
        assert!(matches!(problem(String::new(), &plain), Problem::Io(_)));
    }
}
