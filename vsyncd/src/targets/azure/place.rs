//! Which key vault, in which of Azure's clouds.

use reqwest::Url;

use super::super::TargetError;
use super::super::routing::Routing;

/// The public cloud and those of governments: the domain of vaults and where logins are.
const CLOUDS: [(&str, &str); 3] = [
    ("vault.azure.net", "https://login.microsoftonline.com"),
    ("vault.azure.cn", "https://login.chinacloudapi.cn"),
    ("vault.usgovcloudapi.net", "https://login.microsoftonline.us"),
];

/// A key vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    name: String,
    /// The address.
    pub(super) base: String,
    /// What a token is for.
    pub(super) resource: String,
    /// Where tokens are given out.
    pub(super) authority: &'static str,
}

impl Place {
    /// Reads the name of a vault, or its address: `NAME`, `NAME.vault.azure.net`, `https://NAME.vault.azure.net/`.
    pub(super) fn choose(routing: &Routing) -> Result<Self, TargetError> {
        let text = routing.azure_vault.as_deref();
        let text =
            text.ok_or_else(|| refused("it is not known which Azure key vault is meant".into()))?.trim();
        let bare = text.strip_prefix("https://").unwrap_or(text).trim_end_matches('/').to_lowercase();
        let (name, domain) = bare.split_once('.').unwrap_or((&bare, CLOUDS[0].0));
        let cloud = CLOUDS.iter().find(|(known, _)| *known == domain);
        let (Some((domain, authority)), true) = (cloud, is_name(name)) else {
            return Err(refused(format!("'{}' is no Azure key vault", text.escape_debug())));
        };
        let base = routing.base_url.clone().unwrap_or_else(|| format!("https://{name}.{domain}"));
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { name: name.to_owned(), base, resource: format!("https://{domain}"), authority })
    }

    /// The name that `az` knows it by.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// For people, and the place's identity.
    pub(super) fn describe(&self) -> String {
        let bare = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
        let usual = format!("{}.{}", self.name, CLOUDS[0].0);
        let suffix = if bare == usual { String::new() } else { format!(" on {bare}") };
        format!("Azure key vault {}{suffix}", self.name)
    }

    /// The path of a page of a list that the service points to; `None` when it points to another place, which
    /// must not get the token.
    pub(super) fn path_of(&self, link: &str) -> Option<String> {
        let (base, link) = (Url::parse(&self.base).ok()?, Url::parse(link).ok()?);
        if base.origin() != link.origin() {
            return None;
        }
        let path = link.path().strip_prefix(base.path().trim_end_matches('/'))?;
        let query = link.query().map(|query| format!("?{query}")).unwrap_or_default();
        path.starts_with('/').then(|| format!("{path}{query}"))
    }
}

/// Three to 24 letters, digits and single hyphens, beginning with a letter.
fn is_name(name: &str) -> bool {
    (3..=24).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !name.ends_with('-')
        && !name.contains("--")
}

fn refused(what: String) -> TargetError {
    TargetError::Routing { what, hint: "name it: --azure-vault, or the saved sync.azure.vaultName".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(text: &str, base: Option<&str>) -> Result<Place, TargetError> {
        let base_url = base.map(str::to_owned);
        Place::choose(&Routing { azure_vault: Some(text.into()), base_url, ..Routing::default() })
    }

    #[test]
    fn a_vault_is_named_or_addressed() {
        for text in
            ["acme-prod", "Acme-Prod", "acme-prod.vault.azure.net", "https://acme-prod.vault.azure.net/"]
        {
            let place = choose(text, None).unwrap();
            assert_eq!(place.base, "https://acme-prod.vault.azure.net");
            assert_eq!(
                (place.resource.as_str(), place.describe()),
                ("https://vault.azure.net", "Azure key vault acme-prod".into())
            );
        }
        let china = choose("acme.vault.azure.cn", None).unwrap();
        assert_eq!((china.resource.as_str(), china.authority), ("https://vault.azure.cn", CLOUDS[1].1));
        assert_eq!(china.describe(), "Azure key vault acme on acme.vault.azure.cn");
        for text in [
            "",
            "ab",
            "a_b",
            "1abc",
            "abc-",
            "a--b",
            "acme.example.com",
            "acme/x",
            "http://acme.vault.azure.net",
        ] {
            let error = choose(text, None).unwrap_err();
            assert!(
                matches!(&error, TargetError::Routing { hint, .. } if hint.contains("--azure-vault")),
                "{text}"
            );
        }
        assert!(Place::choose(&Routing::default()).is_err());
    }

    #[test]
    fn pages_stay_at_the_vault() {
        let place = choose("acme", None).unwrap();
        let link = "https://acme.vault.azure.net:443/secrets?api-version=7.4&$skiptoken=x%2Fy";
        assert_eq!(place.path_of(link).unwrap(), "/secrets?api-version=7.4&$skiptoken=x%2Fy");
        for link in ["https://evil.example/secrets", "http://acme.vault.azure.net/secrets", "/secrets", ""] {
            assert_eq!(place.path_of(link), None, "{link}");
        }
        let below = choose("acme", Some("http://127.0.0.1:1/kv/")).unwrap();
        assert_eq!(below.path_of("http://127.0.0.1:1/kv/secrets").unwrap(), "/secrets");
        assert_eq!(below.path_of("http://127.0.0.1:1/secrets"), None);
        assert_eq!(below.path_of("http://127.0.0.1:1/kvx"), None);
    }
}
