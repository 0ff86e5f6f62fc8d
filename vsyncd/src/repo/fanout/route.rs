//! Where a run goes: flags, then what an earlier run was told, then the env file.

use serde_json::{Map, Value};
use vsync_core::fanout::target::Target;
use vsync_core::format::envconfig::{EnvConfig, Opaque};

use super::Source;
use crate::targets::routing::{Routing, Surroundings};
use crate::targets::{TargetError, gh, http};

/// One routing setting: where it stands in the pair's configuration below `sync`, and in a [`Routing`].
type Setting = (&'static str, &'static str, fn(&mut Routing) -> &mut Option<String>);

/// The settings that are kept for a target.
const fn settings(target: Target) -> &'static [Setting] {
    match target {
        Target::Gh => &[("gh", "repo", |routing| &mut routing.gh_repo)],
        Target::Gcp => &[("gcp", "project", |routing| &mut routing.gcp_project)],
        Target::Aws => &[
            ("aws", "region", |routing| &mut routing.aws_region),
            ("aws", "secretPrefix", |routing| &mut routing.aws_secret_prefix),
        ],
        Target::Azure => &[("azure", "vaultName", |routing| &mut routing.azure_vault)],
        Target::Hashicorp => &[
            ("vault", "addr", |routing| &mut routing.vault_addr),
            ("vault", "mount", |routing| &mut routing.vault_mount),
            ("vault", "secretPath", |routing| &mut routing.vault_path),
        ],
    }
}

/// Completes what the flags say.
pub fn settle(target: Target, flags: &Routing, config: &EnvConfig, source: &Source) -> Routing {
    let mut routing = flags.clone();
    for (section, name, place) in settings(target) {
        let saved = config.sync.as_ref().and_then(|sync| sync.0.get(section)?.get(name)?.as_str());
        let place = place(&mut routing);
        *place = place.take().or_else(|| saved.filter(|saved| !saved.is_empty()).map(str::to_owned));
    }
    let value = |key: &str| {
        let text = source.values.get(key)?.expose();
        (!text.is_empty()).then(|| text.clone())
    };
    match target {
        Target::Gh => routing.gh_repo = routing.gh_repo.or_else(|| value("GITHUB_REPO")),
        Target::Gcp => routing.gcp_project = routing.gcp_project.or_else(|| value("GCP_PROJECT_ID")),
        Target::Aws | Target::Azure | Target::Hashicorp => {}
    }
    routing
}

/// The refusal of an address that nobody on this machine has named: it came with the configuration, as an
/// imported share brings it, or with the env file, as a pull does. Whoever wrote it there would be given
/// the caller's own credential. `None` when the address is the public one, the caller's (a flag, `GH_HOST`,
/// `VAULT_ADDR`), or on this machine; and a place that was sent to before needs no such question.
pub fn stranger(
    target: Target,
    flags: &Routing,
    routing: &Routing,
    around: &Surroundings,
) -> Option<TargetError> {
    if flags.base_url.is_some() {
        return None;
    }
    let (address, own, flag) = match target {
        Target::Gh if flags.gh_repo.is_none() => {
            let host = gh::host_of(routing.gh_repo.as_deref()?)?;
            if host == "github.com" {
                return None;
            }
            (format!("https://{host}"), "GH_HOST", format!("--gh-repo {}", routing.gh_repo.as_deref()?))
        }
        Target::Hashicorp if flags.vault_addr.is_none() => {
            let address = routing.vault_addr.clone()?;
            let flag = format!("--vault-addr {address}");
            (address, "VAULT_ADDR", flag)
        }
        // The others choose among their vendor's own addresses.
        _ => return None,
    };
    let bare = |text: &str| {
        let text = text.trim().trim_end_matches('/').to_lowercase();
        text.strip_prefix("https://").map(str::to_owned).unwrap_or(text)
    };
    let named = around.variable(own).is_some_and(|own| bare(own) == bare(&address));
    (!named && !http::is_local(&address)).then(|| TargetError::Routing {
        what: format!(
            "{address} was named by the pair's configuration or env file, and nothing was sent there from this \
             machine yet"
        ),
        hint: format!("if your credential may go there, say so once: {flag}"),
    })
}

/// Puts what the flags say into the configuration, for the next runs. False when that changes nothing.
/// What others keep there stays; a section that is no object is not touched.
pub fn remember(target: Target, flags: &Routing, config: &mut EnvConfig) -> bool {
    let mut flags = flags.clone();
    let mut changed = false;
    for (section, name, place) in settings(target) {
        let Some(given) = place(&mut flags).take() else { continue };
        let sync = config.sync.get_or_insert_with(|| Opaque(Value::Object(Map::new())));
        let Some(sync) = sync.0.as_object_mut() else { continue };
        let section = sync.entry(*section).or_insert_with(|| Value::Object(Map::new()));
        let Some(section) = section.as_object_mut() else { continue };
        let given = Value::from(given);
        if section.get(*name) != Some(&given) {
            section.insert((*name).to_owned(), given);
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use vsync_core::secret::Secret;

    use super::*;

    fn config(sync: &str) -> EnvConfig {
        let json = format!(
            r#"{{"version":1,"s3":{{"endpoint":"e","region":"r","bucket":"b","accessKeyId":"a","secretAccessKey":"s"}},
            "encryption":{{"salt":"s"}}{sync}}}"#
        );
        EnvConfig::from_json(json.as_bytes()).unwrap()
    }

    fn source() -> Source {
        let values = [("GITHUB_REPO", "from/file"), ("GCP_PROJECT_ID", "")];
        let values = values.map(|(key, value)| (key.to_owned(), Secret::new(value.to_owned())));
        Source { values: values.into(), ..Source::default() }
    }

    #[test]
    fn a_flag_wins_over_what_is_saved_and_that_over_the_env_file() {
        let saved = config(r#","sync":{"gh":{"repo":"from/saved"},"gcp":{"project":7},"x":1}"#);
        let none = Routing::default();
        let flag = Routing { gh_repo: Some("from/flag".into()), ..Routing::default() };
        let repo = |flags, config| settle(Target::Gh, flags, config, &source()).gh_repo;
        assert_eq!(repo(&flag, &saved).as_deref(), Some("from/flag"));
        assert_eq!(repo(&none, &saved).as_deref(), Some("from/saved"));
        assert_eq!(repo(&none, &config("")).as_deref(), Some("from/file"));
        assert_eq!(settle(Target::Gcp, &none, &saved, &source()).gcp_project, None);
        assert_eq!(settle(Target::Aws, &none, &saved, &source()), none);
    }

    #[test]
    fn an_address_that_came_with_the_vault_is_nobodys_yet() {
        let around = |name: &str, value: &str| Surroundings {
            env: [(name.to_owned(), value.to_owned())].into(),
            ..Surroundings::default()
        };
        let none = around("X", "y");
        let vault = |addr: &str| Routing { vault_addr: Some(addr.into()), ..Routing::default() };
        let hub = |repo: &str| Routing { gh_repo: Some(repo.into()), ..Routing::default() };
        let bare = Routing::default();
        for (target, flags, routing, around, strange) in [
            (Target::Hashicorp, &bare, vault("https://v.example:8200"), &none, true),
            (
                Target::Hashicorp,
                &bare,
                vault("https://v.example"),
                &around("VAULT_ADDR", "https://w.example"),
                true,
            ),
            (
                Target::Hashicorp,
                &bare,
                vault("https://v.example"),
                &around("VAULT_ADDR", "https://V.example/"),
                false,
            ),
            (Target::Hashicorp, &bare, vault("http://127.0.0.1:8200"), &none, false),
            (Target::Hashicorp, &bare, vault("http://127.0.0.1.example"), &none, true),
            (Target::Hashicorp, &vault("https://v.example"), vault("https://v.example"), &none, false),
            (Target::Hashicorp, &bare, bare.clone(), &around("VAULT_ADDR", "https://v.example"), false),
            (Target::Gh, &bare, hub("acme/web"), &none, false),
            (Target::Gh, &bare, hub("https://github.com/acme/web"), &none, false),
            (Target::Gh, &bare, hub("https://hub.example/acme/web"), &none, true),
            (Target::Gh, &bare, hub("hub.example/acme/web"), &around("GH_HOST", "Hub.example"), false),
            (Target::Gh, &hub("hub.example/acme/web"), hub("hub.example/acme/web"), &none, false),
            (Target::Gcp, &bare, vault("https://v.example"), &none, false),
        ] {
            let refusal = stranger(target, flags, &routing, around);
            assert_eq!(refusal.is_some(), strange, "{target} {routing:?} {around:?}");
        }
        let elsewhere = Routing { base_url: Some("https://mine.example".into()), ..Routing::default() };
        assert_eq!(stranger(Target::Hashicorp, &elsewhere, &vault("https://v.example"), &none), None);
        let refusal = stranger(Target::Gh, &bare, &hub("hub.example/acme/web"), &none).unwrap();
        assert!(refusal.to_string().contains("https://hub.example"), "{refusal}");
    }

    #[test]
    fn what_is_remembered_leaves_the_rest_alone() {
        let mut config = config(r#","sync":{"vault":{"addr":"old","x":[1]},"gh":"odd","later":{}}"#);
        let flags = Routing {
            vault_addr: Some("https://v".into()),
            vault_path: Some("p".into()),
            gh_repo: Some("a/b".into()),
            vault_namespace: Some("n".into()),
            ..Routing::default()
        };
        assert!(remember(Target::Hashicorp, &flags, &mut config));
        assert!(!remember(Target::Hashicorp, &flags, &mut config));
        assert!(!remember(Target::Gh, &flags, &mut config), "a section of another shape stays");
        let expected = serde_json::json!({
            "vault": {"addr": "https://v", "x": [1], "secretPath": "p"}, "gh": "odd", "later": {}
        });
        assert_eq!(config.sync.unwrap().0, expected);
    }
}
