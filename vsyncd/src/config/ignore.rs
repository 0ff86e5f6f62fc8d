//! The lines that keep a vault out of git.

use vsync_core::relpath::RelPath;

use super::vault_folder::DEFAULT_PARENT;

/// The link to the chosen environment's file, and the siblings of a vault folder while it is
/// exchanged. The latter appear wherever the folder lies.
const ALWAYS: [&str; 3] = [".env", ".vsync-*.old-*", ".vsync-*.new-*"];

/// The new text of a `.gitignore` that hides the vault folder (relative to the top level) and its
/// companions; `None` when it does already. What is there stays byte for byte, with its line
/// endings and with or without a final newline.
pub fn ignore_lines(existing: &str, vault_folder: &RelPath) -> Option<String> {
    let folder = folder_pattern(vault_folder);
    let wanted = std::iter::once(folder.as_str()).chain(ALWAYS);
    let missing: Vec<String> =
        wanted.filter(|pattern| !is_ignored(existing, pattern)).map(str::to_owned).collect();
    if missing.is_empty() { None } else { Some(Lines::of(existing).append(missing)) }
}

/// In the default layout all environments lie side by side, and one line hides them all.
fn folder_pattern(folder: &RelPath) -> String {
    let hidden = match folder.parent() {
        Some(parent) if parent.as_str() == DEFAULT_PARENT => DEFAULT_PARENT,
        _ => folder.as_str(),
    };
    let mut pattern = String::from("/");
    for c in hidden.chars() {
        // The characters that git would take for a pattern.
        if matches!(c, '*' | '?' | '[' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('/');
    pattern
}

/// Whether a line means the same as the pattern and no later one takes it back.
fn is_ignored(text: &str, pattern: &str) -> bool {
    let mut ignored = false;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.trim_end();
        let (negated, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        if equivalent(line, pattern) {
            ignored = !negated;
        }
    }
    ignored
}

/// A pattern with a slash inside is anchored with or without a leading one; a folder is hidden
/// with or without a trailing one. `.env` is a link, which a trailing slash would not match, and
/// the siblings may lie anywhere, which a leading slash would not allow.
fn equivalent(line: &str, pattern: &str) -> bool {
    if pattern.starts_with('/') {
        return line.trim_start_matches('/').trim_end_matches('/') == pattern.trim_matches('/');
    }
    match pattern {
        ".env" => line == ".env" || line == "/.env",
        _ => line.strip_suffix('/').unwrap_or(line) == pattern,
    }
}

/// A text to which lines are added in its own style.
pub(super) struct Lines<'a> {
    text: &'a str,
    end: &'static str,
}

impl<'a> Lines<'a> {
    /// Takes the style from the first line ending.
    pub(super) fn of(text: &'a str) -> Self {
        let crlf = text.find('\n').is_some_and(|at| text[..at].ends_with('\r'));
        Self { text, end: if crlf { "\r\n" } else { "\n" } }
    }

    /// The text and the lines behind it. A text without a final newline stays so.
    pub(super) fn append(&self, lines: impl IntoIterator<Item = String>) -> String {
        let closed = self.text.is_empty() || self.text.ends_with('\n');
        let mut result = self.text.to_owned();
        for line in lines {
            if closed {
                result.extend([line.as_str(), self.end]);
            } else {
                result.extend([self.end, line.as_str()]);
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn add(existing: &str, folder: &str) -> Option<String> {
        ignore_lines(existing, &RelPath::new(folder).unwrap())
    }

    #[test]
    fn what_is_missing_is_added() {
        let all = "/infra/vault/\n.env\n.vsync-*.old-*\n.vsync-*.new-*\n";
        assert_eq!(add("", "infra/vault/dev").unwrap(), all);
        assert_eq!(add(all, "infra/vault/prod"), None);
        assert_eq!(add("target\n", "infra/vault/dev").unwrap(), format!("target\n{all}"));
        let other = add("", "secrets/d*v").unwrap();
        assert!(other.starts_with("/secrets/d\\*v/\n"), "{other}");
        let deeper = add("", "infra/vault/a/b").unwrap();
        assert!(deeper.starts_with("/infra/vault/a/b/\n"), "{deeper}");
    }

    #[test]
    fn the_files_style_is_kept() {
        let crlf = add("a\r\n.env\r\n", "s").unwrap();
        assert_eq!(crlf, "a\r\n.env\r\n/s/\r\n.vsync-*.old-*\r\n.vsync-*.new-*\r\n");
        let open = add("a\n.env", "s").unwrap();
        assert_eq!(open, "a\n.env\n/s/\n.vsync-*.old-*\n.vsync-*.new-*");
    }

    #[test]
    fn equivalent_lines_are_recognised() {
        let rest = ".env\n.vsync-*.old-*\n.vsync-*.new-*/\n";
        for line in ["infra/vault", "infra/vault/", "/infra/vault", "/infra/vault/  ", "/infra/vault/\r"] {
            assert_eq!(add(&format!("{line}\n{rest}"), "infra/vault/dev"), None, "{line:?}");
        }
        for line in ["# /infra/vault/", "vault/", "/infra/vault/*.txt", "/infra/vault/\n!/infra/vault/"] {
            let text = add(&format!("{line}\n{rest}"), "infra/vault/dev").unwrap();
            assert!(text.ends_with("new-*/\n/infra/vault/\n"), "{line:?}: {text}");
        }
        for line in [".env/", "#.env", ".env.*"] {
            let text = add(&format!("/s/\n{line}\n.vsync-*.old-*\n.vsync-*.new-*\n"), "s").unwrap();
            assert!(text.ends_with("\n.env\n"), "{line:?}");
        }
    }

    #[test]
    fn git_hides_what_the_lines_name() {
        let temp = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let done = std::process::Command::new("git").args(args).current_dir(temp.path()).output();
            done.is_ok_and(|output| output.status.success())
        };
        if !git(&["init", "-q", "."]) {
            return; // no git on this machine
        }
        let text = add("", "se[c]ret*/dev").unwrap();
        std::io::Write::write_all(
            &mut std::fs::OpenOptions::new()
                .create_new(true)
                .write(true)
                .open(temp.path().join(".gitignore"))
                .unwrap(),
            text.as_bytes(),
        )
        .unwrap();
        for hidden in
            ["se[c]ret*/dev/.env.dev", ".env", "se[c]ret*/.vsync-dev.old-17/x", ".vsync-dev.new-1/x"]
        {
            assert!(git(&["check-ignore", "-q", "--no-index", hidden]), "{hidden}");
        }
        assert!(!git(&["check-ignore", "-q", "--no-index", "se[c]ret*/other"]));
    }

    proptest! {
        #[test]
        fn adding_keeps_what_is_there_and_is_done_once(
            existing in "([a-z/.!*]{0,8}(\n|\r\n)){0,4}[a-z]{0,4}", folder in "[a-z]{1,4}(/[a-z]{1,4}){0,2}"
        ) {
            if let Some(text) = add(&existing, &folder) {
                prop_assert!(text.starts_with(&existing));
                prop_assert_eq!(text.ends_with('\n'), existing.is_empty() || existing.ends_with('\n'));
                prop_assert_eq!(add(&text, &folder), None);
            }
        }
    }
}
