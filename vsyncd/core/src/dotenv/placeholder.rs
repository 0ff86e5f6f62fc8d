//! `~/`, `${HOME}` and `${VAULT_ROOT}` in values.

use crate::secret::Secret;

/// What the placeholders stand for.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    /// The folder of the env file, absolute.
    pub(super) vault_root: &'a str,
    /// The user's home folder, absolute.
    pub(super) home: &'a str,
}

impl Places<'_> {
    /// The value with each placeholder replaced, in one pass from left to right: what was put in is not
    /// looked at again. Anything else that begins with `$` or `~` stays.
    pub(super) fn expand(self, value: &str) -> Secret<String> {
        let tokens = [("${VAULT_ROOT}", self.vault_root), ("${HOME}", self.home)];
        // Large enough from the start, so that no half-built copy of a secret is left in freed memory.
        let growth = self.vault_root.len().max(self.home.len());
        let mut out = String::with_capacity(value.len() + growth * (value.matches("${").count() + 1));
        let mut rest = value;
        if rest.starts_with("~/") {
            out.push_str(self.home);
            rest = &rest[1..];
        }
        while let Some(at) = rest.find("${") {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let found =
                tokens.iter().find_map(|(token, stands_for)| Some((rest.strip_prefix(token)?, *stands_for)));
            match found {
                Some((after, stands_for)) => {
                    out.push_str(stands_for);
                    rest = after;
                }
                None => {
                    out.push_str("${");
                    rest = &rest[2..];
                }
            }
        }
        out.push_str(rest);
        Secret::new(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(value: &str) -> String {
        Places { vault_root: "/v", home: "/h" }.expand(value).expose().clone()
    }

    #[test]
    fn the_tokens_stand_for_folders_wherever_they_are() {
        for (value, wanted) in [
            ("~/", "/h/"),
            ("~/a", "/h/a"),
            ("${HOME}", "/h"),
            ("a:${HOME}/b:${VAULT_ROOT}/c", "a:/h/b:/v/c"),
            ("~/${HOME}${VAULT_ROOT}", "/h//h/v"),
            ("\\${HOME}", "\\/h"),
            ("$${HOME}}", "$/h}"),
            ("${${HOME}", "${/h"),
        ] {
            assert_eq!(expanded(value), wanted, "{value}");
        }
    }

    #[test]
    fn everything_else_stays() {
        for value in [
            "",
            "~",
            "~ada/x",
            "a~/b",
            " ~/a",
            "$HOME",
            "${home}",
            "${HOME:-x}",
            "${ HOME}",
            "${HOME",
            "$",
            "${",
        ] {
            assert_eq!(expanded(value), value);
        }
    }

    #[test]
    fn what_was_put_in_is_not_expanded() {
        let places = Places { vault_root: "/v/${HOME}", home: "/h/${VAULT_ROOT}" };
        assert_eq!(places.expand("~/a").expose(), "/h/${VAULT_ROOT}/a");
        assert_eq!(places.expand("${VAULT_ROOT}:${HOME}").expose(), "/v/${HOME}:/h/${VAULT_ROOT}");
        // Nor does a token arise from what was put in and what follows.
        let places = Places { vault_root: "/v$", home: "/h" };
        assert_eq!(places.expand("${VAULT_ROOT}{HOME}").expose(), "/v${HOME}");
    }
}
