use super::*;
use crate::http::{Received, Reply, Service as _};

fn request(method: &str, path: &str, token: &str, body: &Value) -> Received {
    Received {
        method: method.into(),
        path: path.into(),
        headers: BTreeMap::from([("x-vault-token".into(), token.into())]),
        body: body.to_string().into_bytes(),
        ..Received::default()
    }
}

fn told(reply: &Reply) -> (u16, Value) {
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
}

#[test]
fn check_and_set_and_soft_deletion_behave() {
    let server = Kv2Server::start();
    let write = |cas: u64| {
        let body = serde_json::json!({ "options": { "cas": cas }, "data": { "a": "b" } });
        told(&server.api.answer(&request("POST", "/v1/secret/data/x/y", TOKEN, &body))).0
    };
    assert_eq!([write(1), write(0), write(0), write(1)], [400, 200, 400, 200]);
    server.delete("x/y");
    let (status, body) =
        told(&server.api.answer(&request("GET", "/v1/secret/data/x/y", READER, &Value::Null)));
    assert_eq!((status, &body["data"]["metadata"]["version"]), (404, &Value::from(2)));
    assert_eq!([write(0), write(2)], [400, 200]);
    server.race(1, "other", Value::from(1));
    assert_eq!([write(3), write(4)], [400, 200]);
    assert_eq!(server.version("x/y"), 5);
}

#[test]
fn who_may_not_is_told_as_vault_tells_it() {
    let server = Kv2Server::start();
    let ask = |path: &str, token: &str| told(&server.api.answer(&request("POST", path, token, &Value::Null)));
    assert_eq!(ask("/v1/secret/data/x", READER).0, 403);
    assert_eq!(ask("/v1/secret/data/x", "no").0, 403);
    assert!(
        ask("/v1/none/data/x", TOKEN).1["errors"][0].as_str().unwrap().starts_with("no handler for route")
    );
    assert_eq!(ask("/v1/old/data/x", TOKEN).0, 204);
    server.seal(true);
    assert_eq!(ask("/v1/secret/data/x", TOKEN), (503, serde_json::json!({ "errors": ["Vault is sealed"] })));
}
