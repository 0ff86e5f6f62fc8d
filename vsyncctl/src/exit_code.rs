//! What the process ends with. Scripts rely on these numbers; they are declared here only.

use std::process::ExitCode;

use vsync_proto::error::{Category, Failure};

/// Stopped by Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// At least one write to a target was tried and at least one failed: a result, not a failure.
pub(crate) const PARTIAL: u8 = 7;

/// The exit code of a kind of failure. 0 is success.
pub(crate) const fn of(category: Category) -> u8 {
    match category {
        Category::Failed => 1,
        Category::Usage => 2,
        Category::Unreachable => 3,
        Category::Conflict => 4,
        Category::Key => 5,
        Category::Denied => 6,
        Category::Integrity => 8,
        Category::Store => 9,
        Category::Interrupted => INTERRUPTED,
    }
}

/// The exit code of a failure.
pub(crate) fn from(failure: &Failure) -> ExitCode {
    ExitCode::from(of(failure.code.category()))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use vsync_proto::Code;

    use super::*;

    fn page() -> String {
        let mut page = String::from(
            "# Error words\n\n\
             One closed list: the `code` of every error, on the socket and with `--json`, and the `reason` of a\n\
             pair's state. The last column is the exit code of `vsyncctl` when a verb fails with that word;\n\
             `status` exits with 0 whatever state a pair is in.\n\n\
             | word | what it means | exit |\n|---|---|---|\n",
        );
        for code in Code::ALL {
            writeln!(page, "| `{code}` | {} | {} |", code.meaning(), of(code.category())).unwrap();
        }
        page
    }

    #[test]
    fn the_page_of_error_words_is_this_list() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");
        if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
            #[expect(clippy::disallowed_methods, reason = "writes the documentation, on request only")]
            std::fs::write(path, page()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap();
        assert_eq!(written, page(), "run the test with INSTA_UPDATE=always to write docs/errors.md");
    }

    #[test]
    fn every_kind_has_its_own_number() {
        let mut numbers: Vec<_> = Category::ALL.map(of).to_vec();
        numbers.push(PARTIAL);
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 130]);
    }

    #[test]
    fn the_numbers_scripts_know() {
        for (code, number) in [
            (Code::Edited, 4),
            (Code::RemoteAhead, 4),
            (Code::LostRace, 4),
            (Code::DaemonUnreachable, 3),
            (Code::WrongPassphrase, 5),
            (Code::ClockSkew, 6),
            (Code::Torn, 8),
            (Code::BucketMissing, 9),
            (Code::ClassicLayout, 1),
            (Code::Usage, 2),
            (Code::EnvFileInvalid, 1),
            (Code::SecretRefused, 1),
            (Code::TargetDenied, 6),
            (Code::TargetUnreachable, 9),
        ] {
            assert_eq!(of(code.category()), number, "{code}");
        }
    }
}
