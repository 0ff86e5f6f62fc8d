use serde_json::{Value, json};

use super::*;
use crate::http::{Received, Service as _};

fn ask(server: &KeyVault, method: &str, path: &str, query: &[(&str, &str)], body: &str) -> (u16, Value) {
    let token = server.api.state().tokens.give("test.");
    let query = query.iter().chain(&[("api-version", "7.4")]);
    let request = Received {
        method: method.into(),
        path: path.into(),
        query: query.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        headers: [("authorization".to_owned(), format!("Bearer {token}"))].into(),
        body: body.into(),
    };
    let reply = server.api.answer(&request);
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or_default())
}

#[test]
fn names_are_kept_in_one_case_and_underscores_refused() {
    let server = KeyVault::start();
    assert_eq!(ask(&server, "PUT", "/secrets/Api-Key", &[], r#"{"value":"1"}"#).0, 200);
    assert_eq!(ask(&server, "PUT", "/secrets/API-KEY", &[], r#"{"value":"2"}"#).0, 200);
    assert_eq!((server.versions("api-key"), server.secret("api-key").unwrap()), (2, "2".to_owned()));
    assert_eq!(ask(&server, "PUT", "/secrets/API_KEY", &[], r#"{"value":"2"}"#).0, 400);
    assert_eq!(ask(&server, "GET", "/secrets/api-key", &[], "").1["value"], "2");
    assert_eq!(ask(&server, "DELETE", "/secrets/api-key", &[], "").0, 200);
    let (status, error) = ask(&server, "PUT", "/secrets/api-key", &[], r#"{"value":"3"}"#);
    assert_eq!(
        (status, &error["error"]["innererror"]["code"]),
        (409, &json!("ObjectIsDeletedButRecoverable"))
    );
}

#[test]
fn lists_come_in_pages_and_strangers_are_challenged() {
    let server = KeyVault::start();
    for number in 0..30 {
        server.set_secret(&format!("s{number:02}"), "x");
    }
    let (_, page) = ask(&server, "GET", "/secrets", &[], "");
    let link = page["nextLink"].as_str().unwrap().to_owned();
    assert!(page["value"].as_array().unwrap().len() == 25 && link.contains("$skiptoken=25"), "{link}");
    let (_, page) = ask(&server, "GET", "/secrets", &[("$skiptoken", "25")], "");
    assert_eq!((page["value"].as_array().unwrap().len(), &page["nextLink"]), (5, &Value::Null));
    let reply =
        server.api.answer(&Received { method: "GET".into(), path: "/secrets".into(), ..Received::default() });
    assert!(reply.status == 401 && reply.headers.iter().any(|(name, _)| name == "www-authenticate"));
}
