//! Our target against a real KV v2 engine.

use std::sync::Mutex;

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use vsync_core::secret::Secret;
use vsyncd::targets::hashicorp::Hashicorp;
use vsyncd::targets::http::{Http, Request};
use vsyncd::targets::routing::{Routing, Surroundings};
use vsyncd::targets::{Target, TargetError, Write};

/// The server, spoken to as its administrator.
struct Bao {
    address: String,
    token: String,
    /// The file of the certificate that signed the server's.
    ca: String,
    http: Http,
}

impl Bao {
    /// Asks anything; the answer's body as text.
    async fn ask(&self, method: Method, path: &str, namespace: &str, body: &str) -> (u16, String) {
        let text = |text: &str| HeaderValue::from_str(text).expect("a header");
        let mut headers = vec![(HeaderName::from_static("x-vault-token"), text(&self.token))];
        if !namespace.is_empty() {
            headers.push((HeaderName::from_static("x-vault-namespace"), text(namespace)));
        }
        let request = Request {
            method,
            path_and_query: format!("/v1/{path}"),
            headers,
            body: (!body.is_empty()).then(|| Secret::new(body.as_bytes().to_vec())),
            content_type: Some("application/json"),
            repeatable: true,
        };
        let answer = self.http.send(request).await.expect("an answer");
        (answer.status, String::from_utf8(answer.body).expect("text"))
    }

    async fn must(&self, method: Method, path: &str, body: &str) -> String {
        let (status, text) = self.ask(method, path, "", body).await;
        assert!((200..300).contains(&status), "{path}: {status} {text}");
        text
    }

    async fn map(&self, path: &str) -> Value {
        let text = self.must(Method::GET, &format!("secret/data/{path}"), "").await;
        serde_json::from_str::<Value>(&text).expect("JSON")["data"].take()
    }

    async fn target(&self, path: &str, change: impl FnOnce(&mut Routing)) -> Hashicorp {
        self.target_as(&self.token, path, change).await
    }

    async fn target_as(&self, token: &str, path: &str, change: impl FnOnce(&mut Routing)) -> Hashicorp {
        let mut routing = Routing {
            vault_addr: Some(self.address.clone()),
            vault_path: Some(path.into()),
            ..Routing::default()
        };
        change(&mut routing);
        let env = [("VAULT_TOKEN", token), ("VAULT_CACERT", &self.ca)];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let around = Surroundings { env, ..Surroundings::default() };
        Hashicorp::open(&routing, &around).await.expect("a target")
    }
}

fn put(name: &str, value: &str) -> Write {
    let value = Secret::new(value.as_bytes().to_vec());
    Write::Put { name: name.into(), value, exists: false, token: String::new() }
}

/// The first error, if any.
async fn apply(target: &Hashicorp, writes: Vec<Write>) -> Result<(), TargetError> {
    let first = Mutex::new(Ok(()));
    target
        .apply(writes, &|done| {
            let mut first = first.lock().expect("the outcome");
            if let (Ok(()), Err(error)) = (&*first, done.outcome) {
                *first = Err(error);
            }
        })
        .await;
    first.into_inner().expect("the outcome")
}

pub(crate) async fn stories(place: &str) {
    let parts: Vec<String> = place.split(',').map(str::to_owned).collect();
    let [address, token, ca] = parts.try_into().expect("ADDRESS,TOKEN,CA FILE");
    let pem = std::fs::read(&ca).expect("the certificate");
    let http = Http::new(&address, "OpenBao").and_then(|http| http.with_ca(&pem)).expect("a client");
    let bao = Bao { address, token, ca, http };
    values_arrive(&bao).await;
    what_others_keep_there_stays(&bao).await;
    two_at_a_time_both_win(&bao).await;
    deleted_versions_are_replaced(&bao).await;
    the_printed_policy_is_enough(&bao).await;
    other_mounts_are_told_apart(&bao).await;
    namespaces_are_entered(&bao).await;
    a_quota_is_waited_for(&bao).await;
    a_seal_is_named(&bao).await;
}

async fn values_arrive(bao: &Bao) {
    let large = "x".repeat(40 * 1024);
    let values =
        [("U", "grüße 漢字 🔑"), ("E", ""), ("L", &large), ("N", "line\r\nline\n"), ("Q", "\"\\\u{1}</&>")];
    let names: Vec<String> = values.iter().map(|(name, _)| (*name).to_owned()).collect();
    let target = bao.target("values/dev env", |_| {}).await;
    assert!(target.look(&names).await.expect("a look").present.is_empty());
    apply(&target, values.iter().map(|(name, value)| put(name, value)).collect()).await.expect("a write");
    let stored = bao.map("values/dev%20env").await;
    assert_eq!(stored["metadata"]["version"], 1, "one write");
    for (name, value) in values {
        assert_eq!(stored["data"][name], value);
    }
    assert_eq!(target.look(&names).await.expect("a look").present.len(), names.len());
    for (name, value) in values {
        assert_eq!(target.holds(name, &Secret::new(value.into())).await, Ok(Some(true)), "{name}");
    }
    // What is asked for is written, equal or not: whether anything is to be asked for is the engine's matter.
    apply(&target, values.iter().map(|(name, value)| put(name, value)).collect()).await.expect("a write");
    assert_eq!(bao.map("values/dev%20env").await["metadata"]["version"], 2, "one more write");
}

async fn what_others_keep_there_stays(bao: &Bao) {
    let theirs =
        r#"{"data":{"big":12345678901234567890123,"float":1.50,"nested":{"a":[null,true]},"OLD":"x"}}"#;
    bao.must(Method::POST, "secret/data/shared", theirs).await;
    // The engine has its own spelling of some numbers; what it tells is what has to stay.
    let told = bao.must(Method::GET, "secret/data/shared", "").await;
    let target = bao.target("shared", |_| {}).await;
    target.look(&["OURS".into()]).await.expect("a look");
    apply(&target, vec![put("OURS", "1"), Write::Remove { name: "OLD".into() }]).await.expect("a write");
    let text = bao.must(Method::GET, "secret/data/shared", "").await;
    for key in ["big", "float", "nested"] {
        let of = |text: &str| text.split_once(&format!("\"{key}\":")).map(|(_, rest)| rest[..12].to_owned());
        assert_eq!((of(&text), of(&text).is_some()), (of(&told), true), "{key} in {text}");
    }
    assert!(!text.contains("OLD"), "{text}");
    let replacing = bao.target("shared", |routing| routing.replace = true).await;
    replacing.look(&["OURS".into()]).await.expect("a look");
    assert_eq!(replacing.others(), ["big", "float", "nested"]);
    apply(&replacing, vec![put("OURS", "2")]).await.expect("a write");
    assert_eq!(bao.map("shared").await["data"], json!({ "OURS": "2" }));
}

async fn two_at_a_time_both_win(bao: &Bao) {
    let (one, two) = (bao.target("race", |_| {}).await, bao.target("race", |_| {}).await);
    one.look(&[]).await.expect("a look");
    two.look(&[]).await.expect("a look");
    let (first, second) = tokio::join!(apply(&one, vec![put("A", "1")]), apply(&two, vec![put("B", "2")]));
    first.and(second).expect("both");
    assert_eq!(bao.map("race").await["data"], json!({ "A": "1", "B": "2" }));
}

async fn deleted_versions_are_replaced(bao: &Bao) {
    bao.must(Method::POST, "secret/data/gone", r#"{"data":{"A":"1"}}"#).await;
    bao.must(Method::DELETE, "secret/data/gone", "").await;
    let target = bao.target("gone", |_| {}).await;
    assert!(target.look(&["A".into()]).await.expect("a look").present.is_empty());
    apply(&target, vec![put("B", "2")]).await.expect("a write");
    let stored = bao.map("gone").await;
    assert_eq!((&stored["data"], &stored["metadata"]["version"]), (&json!({ "B": "2" }), &json!(2)));
}

async fn the_printed_policy_is_enough(bao: &Bao) {
    let token = async |capabilities: &str| {
        let policy = format!(r#"path "secret/data/web/dev" {{ capabilities = [{capabilities}] }}"#);
        bao.must(Method::PUT, "sys/policies/acl/vsync", &json!({ "policy": policy }).to_string()).await;
        let made = bao.must(Method::POST, "auth/token/create", r#"{"policies":["vsync"]}"#).await;
        let made: Value = serde_json::from_str(&made).expect("JSON");
        made["auth"]["client_token"].as_str().expect("a token").to_owned()
    };
    let fit = bao.target_as(&token(r#""create", "read", "update""#).await, "web/dev", |_| {}).await;
    fit.look(&[]).await.expect("a look");
    apply(&fit, vec![put("A", "1")]).await.expect("the first write");
    apply(&fit, vec![put("A", "2")]).await.expect("the second");
    let elsewhere = bao.target_as(&token(r#""read""#).await, "web/prod", |_| {}).await;
    assert!(matches!(elsewhere.look(&[]).await, Err(TargetError::Denied { .. })));
    let reader = bao.target_as(&token(r#""read""#).await, "web/dev", |_| {}).await;
    reader.look(&[]).await.expect("a look");
    let refused = apply(&reader, vec![put("A", "3")]).await.expect_err("no right to write");
    assert!(matches!(refused, TargetError::Denied { .. }), "{refused:?}");
    let wrong = bao.target_as("s.wrong-wrong-wrong", "web/dev", |_| {}).await;
    assert!(matches!(wrong.look(&[]).await, Err(TargetError::Denied { .. })));
}

async fn other_mounts_are_told_apart(bao: &Bao) {
    bao.must(Method::POST, "sys/mounts/old", r#"{"type":"kv","options":{"version":"1"}}"#).await;
    let on = |mount: &'static str| move |routing: &mut Routing| routing.vault_mount = Some(mount.into());
    let error = bao.target("web", on("old")).await.look(&[]).await.expect_err("an engine of version 1");
    assert!(matches!(&error, TargetError::Failed { what, .. } if what.contains("version 2")), "{error:?}");
    let error = bao.target("web", on("none")).await.look(&[]).await.expect_err("no engine");
    assert!(matches!(error, TargetError::Missing { .. }), "{error:?}");
    bao.must(Method::POST, "sys/mounts/deep/kv", r#"{"type":"kv","options":{"version":"2"}}"#).await;
    let nested = bao.target("web", on("deep/kv")).await;
    nested.look(&[]).await.expect("a look");
    apply(&nested, vec![put("A", "1")]).await.expect("a write");
}

async fn namespaces_are_entered(bao: &Bao) {
    bao.must(Method::POST, "sys/namespaces/team", "").await;
    let mount =
        bao.ask(Method::POST, "sys/mounts/secret", "team", r#"{"type":"kv","options":{"version":"2"}}"#);
    assert_eq!(mount.await.0, 204);
    let target = bao.target("inside", |routing| routing.vault_namespace = Some("team".into())).await;
    target.look(&[]).await.expect("a look");
    apply(&target, vec![put("A", "1")]).await.expect("a write");
    assert_eq!(bao.ask(Method::GET, "secret/data/inside", "team", "").await.0, 200);
    assert_eq!(bao.ask(Method::GET, "secret/data/inside", "", "").await.0, 404);
}

async fn a_quota_is_waited_for(bao: &Bao) {
    bao.must(Method::POST, "sys/quotas/rate-limit/slow", r#"{"path":"secret/","rate":1,"interval":"1s"}"#)
        .await;
    let target = bao.target("values/dev env", |_| {}).await;
    for _ in 0..3 {
        target.look(&[]).await.expect("a look after a wait");
    }
    bao.must(Method::DELETE, "sys/quotas/rate-limit/slow", "").await;
}

async fn a_seal_is_named(bao: &Bao) {
    bao.must(Method::PUT, "sys/seal", "").await;
    let error = bao.target("shared", |_| {}).await.look(&[]).await.expect_err("sealed");
    let sealed = |what: &str| what.to_lowercase().contains("sealed");
    assert!(matches!(&error, TargetError::Unreachable { what, .. } if sealed(what)), "{error:?}");
}
