//! Where a run goes: flags, then what an earlier run was told, then the env file.

use serde_json::{Map, Value};
use vsync_core::fanout::target::Target;
use vsync_core::format::envconfig::{EnvConfig, Opaque};

use super::Source;
use crate::targets::routing::Routing;

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
