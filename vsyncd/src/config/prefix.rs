//! Under which prefix of the bucket a pair lives.

use vsync_core::id::{Env, Repo};

/// A prefix that no key may start with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' cannot be a prefix: no '.' or '..' component, control character or backslash")]
pub struct BadPrefix(String);

/// The pair's prefix: `--prefix`, else the profile's, else `<repo>/`, and then `<env>/`. It ends
/// in one slash and starts with none; empty components go. An empty `--prefix` means the top of
/// the bucket, an empty one in a profile means none was chosen.
///
/// # Errors
/// [`BadPrefix`]: a folder store would leave its folder, and stores treat such keys differently.
pub fn prefix(
    flag: Option<&str>,
    profile: Option<&str>,
    repo: &Repo,
    env: &Env,
) -> Result<String, BadPrefix> {
    let profile = profile.filter(|prefix| !prefix.trim_matches('/').is_empty());
    let chosen = flag.or(profile).unwrap_or(repo.as_str());
    let bad = |part: &str| matches!(part, "." | "..") || part.contains(|c: char| c.is_control() || c == '\\');
    if chosen.split('/').any(bad) {
        return Err(BadPrefix(chosen.escape_default().to_string()));
    }
    let mut prefix = String::new();
    for part in chosen.split('/').filter(|part| !part.is_empty()).chain([env.as_str()]) {
        prefix.push_str(part);
        prefix.push('/');
    }
    Ok(prefix)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(flag: Option<&str>, profile: Option<&str>) -> Result<String, BadPrefix> {
        prefix(flag, profile, &Repo::new("acme/web").unwrap(), &Env::new("prod").unwrap())
    }

    #[test]
    fn the_flag_wins_over_the_profile_and_that_over_the_repository() {
        assert_eq!(of(None, None).unwrap(), "acme_web/prod/");
        assert_eq!(of(None, Some("team/")).unwrap(), "team/prod/");
        assert_eq!(of(Some("x"), Some("team/")).unwrap(), "x/prod/");
        assert_eq!(of(None, Some("")).unwrap(), "acme_web/prod/");
        assert_eq!(of(Some(""), Some("team/")).unwrap(), "prod/");
        assert_eq!(of(Some("//a///b//"), None).unwrap(), "a/b/prod/");
    }

    #[test]
    fn what_could_leave_the_folder_is_refused() {
        for flag in ["..", "a/../b", "./a", "a\\b", "a\nb"] {
            assert!(of(Some(flag), None).is_err(), "{flag:?}");
            assert!(of(None, Some(flag)).is_err(), "{flag:?}");
        }
    }

    proptest! {
        #[test]
        fn every_prefix_is_normal(flag in "[a-z./]{0,12}") {
            if let Ok(prefix) = of(Some(&flag), None) {
                prop_assert!(prefix.ends_with("prod/") && !prefix.starts_with('/') && !prefix.contains("//"));
                prop_assert!(prefix.split('/').all(|part| part != ".." && part != "."));
            }
        }
    }
}
