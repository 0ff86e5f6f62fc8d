//! The `origin` URL of a checkout, as it may be recorded, shown and compared.

/// The URL without user, password, query and fragment, which can hold tokens. `git@host:path`
/// keeps its user: it is part of that form and no secret.
pub fn without_credentials(url: &str) -> String {
    let url = url.trim();
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// Whether two URLs lead to the same repository: same host and path, whatever the protocol,
/// user and port. Two that differ may still give the same repository name; then `--repo` has to
/// decide.
pub fn same(one: &str, other: &str) -> bool {
    place(one) == place(other)
}

/// Host (empty for a local path) and path.
fn place(url: &str) -> (String, String) {
    let url = without_credentials(url);
    let (host, path) = if let Some((_, rest)) = url.split_once("://") {
        rest.split_once('/').unwrap_or((rest, ""))
    } else {
        match url.split_once(':') {
            // `C:/work` is a path, as for the repository's name.
            Some((host, path)) if !host.contains('/') && host.len() > 1 => (host, path),
            _ => ("", url.as_str()),
        }
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let path = path.trim_matches('/');
    (host.to_lowercase(), path.strip_suffix(".git").unwrap_or(path).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_dropped() {
        for (url, clean) in [
            ("https://user:pa%40ss@git.acme.dev:8443/a/b.git", "https://git.acme.dev:8443/a/b.git"),
            ("https://ghp_token@github.com/a/b?x=y#z", "https://github.com/a/b"),
            ("https://a@b:c@host", "https://host"),
            ("ssh://git@host/a/b", "ssh://host/a/b"),
            ("https://host/a@b", "https://host/a@b"),
            (" git@github.com:a/b.git\n", "git@github.com:a/b.git"),
            ("/srv/git/a", "/srv/git/a"),
            ("file:///srv/git/a", "file:///srv/git/a"),
        ] {
            assert_eq!(without_credentials(url), clean);
        }
    }

    #[test]
    fn one_repository_has_many_urls() {
        let forms = [
            "https://github.com/acme/web.git",
            "https://token@GitHub.com/acme/web/",
            "git@github.com:acme/web.git",
            "ssh://git@github.com:22/acme/web",
        ];
        for form in forms {
            assert!(same(forms[0], form), "{form}");
        }
        assert!(same("file:///srv/web", "/srv/web"));
    }

    #[test]
    fn two_repositories_of_one_name_differ() {
        for (one, other) in [
            ("https://github.com/acme/web", "https://gitlab.com/acme/web"),
            ("https://github.com/acme/web", "https://github.com/acme-web"),
            ("/srv/acme/web", "https://github.com/acme/web"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }
}
