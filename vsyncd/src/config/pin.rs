//! The `.vsync` file at a checkout's top level: which repository it stands for.
//!
//! Lines of `key=value`; `#` starts a comment line. Only `repo` means something; other lines are
//! kept.

use vsync_core::id::Repo;

use super::ignore::Lines;

/// The file's name.
pub const FILE: &str = ".vsync";

/// The repository that the file names, not yet checked. The first `repo` line counts.
pub fn repo(text: &str) -> Option<&str> {
    text.trim_start_matches('\u{feff}').lines().find_map(value).filter(|name| !name.is_empty())
}

fn value(line: &str) -> Option<&str> {
    let (key, value) = line.split_once('=')?;
    (key.trim() == "repo").then_some(value.trim())
}

/// The file's new text so that it names this repository; `None` when it does already. Everything
/// else in it stays as it is.
pub fn with_repo(existing: &str, name: &Repo) -> Option<String> {
    let ours = format!("repo={name}");
    let Some(line) = existing.lines().find(|line| value(line).is_some()) else {
        return Some(Lines::of(existing).append([ours]));
    };
    // Another spelling of the same name is the same name.
    if value(line).and_then(|pinned| Repo::new(pinned).ok()).as_ref() == Some(name) {
        return None;
    }
    let at = line.as_ptr() as usize - existing.as_ptr() as usize;
    Some(format!("{}{ours}{}", &existing[..at], &existing[at + line.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repo_line_is_found() {
        for (text, name) in [
            ("repo=web\n", Some("web")),
            ("# pin\r\n\r\n repo = Acme/Web \r\n", Some("Acme/Web")),
            ("\u{feff}repo=web", Some("web")),
            ("repo=a\nrepo=b\n", Some("a")),
            ("repo=\n", None),
            ("#repo=web\n", None),
            ("repository=web\n", None),
            ("", None),
        ] {
            assert_eq!(repo(text), name, "{text:?}");
        }
    }

    #[test]
    fn writing_keeps_everything_else() {
        let web = Repo::new("acme/web").unwrap();
        for (before, after) in [
            ("", Some("repo=acme_web\n")),
            ("# note\r\n", Some("# note\r\nrepo=acme_web\r\n")),
            ("x=1", Some("x=1\nrepo=acme_web")),
            ("a=1\r\nrepo=old\r\nb=2\r\n", Some("a=1\r\nrepo=acme_web\r\nb=2\r\n")),
            ("repo=", Some("repo=acme_web")),
            ("repo=Acme-Web\n", None),
        ] {
            assert_eq!(with_repo(before, &web).as_deref(), after, "{before:?}");
            if let Some(after) = after {
                assert_eq!(with_repo(after, &web), None);
                assert_eq!(repo(after), Some("acme_web"));
            }
        }
    }
}
