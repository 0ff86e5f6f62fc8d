//! The URL below which a target is spoken to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;

use super::super::TargetError;

/// What `localhost` means, whatever a resolver says; the port is the URL's.
pub(super) const LOOPBACK: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
];

/// A base URL that may be used.
#[derive(Debug)]
pub(super) struct Base {
    url: Url,
    loopback: bool,
}

impl Base {
    pub(super) fn parse(text: &str) -> Result<Self, TargetError> {
        let refuse = |what: &str| TargetError::Routing {
            what: format!("the base URL cannot be used: {what}"),
            hint: "write it like https://host/path".into(),
        };
        let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("it holds a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it holds a query or a fragment"));
        }
        let loopback = is_loopback(url.host_str().unwrap_or_default());
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(refuse("plain http is spoken only to a loopback address")),
            _ => return Err(refuse("it begins with neither https:// nor http://")),
        }
        Ok(Self { url, loopback })
    }

    pub(super) fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The URL of a path below the base.
    pub(super) fn join(&self, path_and_query: &str) -> Result<Url, String> {
        if !path_and_query.starts_with('/') {
            return Err("the path of a request does not begin with /".into());
        }
        let whole = format!("{}{path_and_query}", self.url.as_str().trim_end_matches('/'));
        let url = Url::parse(&whole).map_err(|error| format!("the path of a request: {error}"))?;
        // Dot segments, also encoded ones, are taken away by the parser: such a path would lead elsewhere.
        let path = path_and_query.split(['?', '#']).next().unwrap_or_default();
        let expected = self.url.path().trim_end_matches('/').matches('/').count() + path.matches('/').count();
        if url.path().matches('/').count() != expected || url.fragment().is_some() {
            return Err("the path of a request holds a part that would lead elsewhere".into());
        }
        Ok(url)
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_bases_are_taken() {
        let fine = [
            "https://api.github.com",
            "https://h/api/v3/",
            "http://127.0.0.1:8200",
            "http://[::1]:1",
            "http://localhost:8080/x",
            "HTTPS://H",
        ];
        for text in fine {
            assert!(Base::parse(text).is_ok(), "{text}");
        }
        let bad = [
            "http://vault.example:8200",
            "http://10.0.0.1",
            "ftp://h",
            "h",
            "",
            "https://u:p@h",
            "https://u@h",
            "https://h/?a=b",
            "https://h/#f",
            "http://localhost.example",
            "http://127.0.0.1.nip.io",
        ];
        for text in bad {
            let error = Base::parse(text).expect_err(text);
            assert!(matches!(error, TargetError::Routing { .. }), "{text}: {error}");
        }
        let error = Base::parse("http://vault.example").expect_err("plain").to_string();
        assert!(error.contains("loopback"), "{error}");
        assert!(
            !Base::parse("https://ada:hunter2@h").expect_err("a password").to_string().contains("hunter2")
        );
    }

    #[test]
    fn a_path_stays_below_the_base() {
        let base = Base::parse("https://h/api/v3/").unwrap();
        assert_eq!(
            base.join("/repos/a%2Fb?x=/../y").unwrap().as_str(),
            "https://h/api/v3/repos/a%2Fb?x=/../y"
        );
        assert_eq!(Base::parse("https://h").unwrap().join("/").unwrap().as_str(), "https://h/");
        for path in ["/../x", "/a/%2e%2E/x", "/a/./x", "repos", "@evil/x", "/x#y"] {
            assert!(base.join(path).is_err(), "{path}");
        }
    }
}
