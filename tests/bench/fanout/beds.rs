//! The servers, and what each wants to hear.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dryoc::classic::crypto_box::crypto_box_seal;
use dryoc::constants::CRYPTO_BOX_SEALBYTES;
use serde_json::{Map, Value, json};
use vsync_tests::github::{self, GitHubServer};
use vsync_tests::http::HttpServer;
use vsync_tests::key_vault::{self, KeyVault};
use vsync_tests::kv2::{self, Kv2Server};
use vsync_tests::secret_manager::{self, SecretManager};
use vsync_tests::secrets_manager::{self, Content, SecretsManager, signed};

use super::floor::{self, Connection};

/// The names and values of a run.
pub(super) type Values = [(String, String)];

/// A server that secrets are sent to.
pub(super) trait Bed {
    /// What it plays.
    const NAME: &'static str;
    /// How many names the env file has.
    const NAMES: usize = 200;

    /// An empty one.
    fn start() -> Self;

    /// What is under it.
    fn http(&self) -> &HttpServer;

    /// The caller's variables.
    fn variables(&self) -> Vec<(&'static str, String)>;

    /// What follows `vsyncctl sync dev`, for each run that it takes to send everything.
    fn runs(&self) -> Vec<Vec<String>>;

    /// What a secret holds.
    fn secret(&self, name: &str) -> Option<String>;

    /// Writes all of them as plainly as can be.
    fn floor(&self, values: &Values);
}

fn texts(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|text| (*text).to_owned()).collect()
}

fn text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok()
}

const REPOSITORY: &str = "acme/web";

impl Bed for GitHubServer {
    const NAME: &'static str = "GitHub";
    /// As many as GitHub keeps in an environment; they are sent to the repository too.
    const NAMES: usize = 100;

    fn start() -> Self {
        let server = Self::start(REPOSITORY);
        server.add_environment("dev");
        server
    }

    fn http(&self) -> &HttpServer {
        self.http()
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![("GH_TOKEN", github::TOKEN.to_owned())]
    }

    fn runs(&self) -> Vec<Vec<String>> {
        let run = |scope| texts(&["gh", "--gh-repo", REPOSITORY, "--base-url", &self.url(), scope]);
        vec![run("--gh-scope=env"), run("--gh-scope=repo")]
    }

    fn secret(&self, name: &str) -> Option<String> {
        let (there, here) = (self.secret(Some("dev"), name)?, self.secret(None, name)?);
        (there == here).then(|| text(there))?
    }

    fn floor(&self, values: &Values) {
        let authorization = format!("Bearer {}", github::TOKEN);
        for place in ["environments/dev/secrets", "actions/secrets"] {
            let path = |name: &str| format!("/repos/{REPOSITORY}/{place}/{name}");
            let headers = [("authorization", authorization.as_str())];
            let key = Connection::open(&self.url()).send("GET", &path("public-key"), &headers, b"");
            let key: Value = serde_json::from_slice(&key).expect("a key");
            let public = STANDARD.decode(key["key"].as_str().expect("its bytes")).expect("base64");
            let public = public.try_into().expect("32 bytes");
            floor::each(&self.url(), values, |connection, name, value| {
                let mut sealed = vec![0; value.len() + CRYPTO_BOX_SEALBYTES];
                crypto_box_seal(&mut sealed, value.as_bytes(), &public).expect("a key to seal for");
                let body = json!({ "encrypted_value": STANDARD.encode(sealed), "key_id": key["key_id"] });
                connection.send("PUT", &path(name), &headers, body.to_string().as_bytes());
            });
        }
    }
}

impl Bed for SecretManager {
    const NAME: &'static str = "Google Cloud";

    fn start() -> Self {
        Self::start()
    }

    fn http(&self) -> &HttpServer {
        self.http()
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![("CLOUDSDK_AUTH_ACCESS_TOKEN", secret_manager::TOKEN.to_owned())]
    }

    fn runs(&self) -> Vec<Vec<String>> {
        vec![texts(&["gcp", "--gcp-project", secret_manager::PROJECT, "--base-url", &self.url()])]
    }

    fn secret(&self, name: &str) -> Option<String> {
        text(self.secret(name)?)
    }

    fn floor(&self, values: &Values) {
        let authorization = format!("Bearer {}", secret_manager::TOKEN);
        let headers = [("authorization", authorization.as_str())];
        let all = format!("/v1/projects/{}/secrets", secret_manager::PROJECT);
        floor::each(&self.url(), values, |connection, name, value| {
            let secret = br#"{"replication":{"automatic":{}}}"#;
            connection.send("POST", &format!("{all}?secretId={name}"), &headers, secret);
            let body = json!({ "payload": { "data": STANDARD.encode(value) } });
            let path = format!("{all}/{name}:addVersion");
            connection.send("POST", &path, &headers, body.to_string().as_bytes());
        });
    }
}

impl Bed for SecretsManager {
    const NAME: &'static str = "AWS";

    fn start() -> Self {
        Self::start()
    }

    fn http(&self) -> &HttpServer {
        self.http()
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let (id, secret) = secrets_manager::KEY;
        vec![("AWS_ACCESS_KEY_ID", id.to_owned()), ("AWS_SECRET_ACCESS_KEY", secret.to_owned())]
    }

    fn runs(&self) -> Vec<Vec<String>> {
        vec![texts(&["aws", "--aws-region", secrets_manager::REGION, "--base-url", &self.url()])]
    }

    fn secret(&self, name: &str) -> Option<String> {
        match self.secret(name)? {
            Content::Text(text) => Some(text),
            Content::Binary(_) => None,
        }
    }

    fn floor(&self, values: &Values) {
        floor::each(&self.url(), values, |connection, name, value| {
            let token = format!("{name:0>32}");
            let body = json!({ "Name": name, "ClientRequestToken": token, "SecretString": value });
            let body = body.to_string().into_bytes();
            let headers = signed(connection.host(), "CreateSecret", "20260101T000000Z", &body);
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            connection.send("POST", "/", &headers, &body);
        });
    }
}

impl Bed for KeyVault {
    const NAME: &'static str = "Azure";

    fn start() -> Self {
        Self::start()
    }

    fn http(&self) -> &HttpServer {
        self.http()
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AZURE_TENANT_ID", key_vault::TENANT.to_owned()),
            ("AZURE_CLIENT_ID", key_vault::CLIENT.to_owned()),
            ("AZURE_CLIENT_SECRET", key_vault::CLIENT_SECRET.to_owned()),
            ("AZURE_AUTHORITY_HOST", self.url()),
        ]
    }

    fn runs(&self) -> Vec<Vec<String>> {
        vec![texts(&["azure", "--azure-vault", "acme-prod", "--base-url", &self.url()])]
    }

    fn secret(&self, name: &str) -> Option<String> {
        self.secret(name)
    }

    fn floor(&self, values: &Values) {
        let (tenant, client, secret) = (key_vault::TENANT, key_vault::CLIENT, key_vault::CLIENT_SECRET);
        let form = format!(
            "grant_type=client_credentials&client_id={client}&client_secret={secret}\
             &scope=https%3A%2F%2Fvault.azure.net%2F.default"
        );
        let path = format!("/{tenant}/oauth2/v2.0/token");
        let granted = Connection::open(&self.url()).send("POST", &path, &[], form.as_bytes());
        let granted: Value = serde_json::from_slice(&granted).expect("a token");
        let authorization = format!("Bearer {}", granted["access_token"].as_str().expect("a token"));
        let headers = [("authorization", authorization.as_str())];
        floor::each(&self.url(), values, |connection, name, value| {
            let path = format!("/secrets/{name}?api-version=7.4");
            connection.send("PUT", &path, &headers, json!({ "value": value }).to_string().as_bytes());
        });
    }
}

impl Bed for Kv2Server {
    const NAME: &'static str = "HashiCorp Vault";

    fn start() -> Self {
        Self::start()
    }

    fn http(&self) -> &HttpServer {
        self.http()
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![("VAULT_TOKEN", kv2::TOKEN.to_owned())]
    }

    fn runs(&self) -> Vec<Vec<String>> {
        vec![texts(&["vault", "--vault-path", "bench", "--vault-addr", &self.url()])]
    }

    fn secret(&self, name: &str) -> Option<String> {
        self.map("bench").get(name)?.as_str().map(str::to_owned)
    }

    fn floor(&self, values: &Values) {
        let map: Map<String, Value> =
            values.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let body = json!({ "data": map }).to_string();
        let headers = [("x-vault-token", kv2::TOKEN)];
        Connection::open(&self.url()).send("POST", "/v1/secret/data/bench", &headers, body.as_bytes());
    }
}
