//! Clients that say nonsense, too much, too little or nothing.

use super::*;

/// The longest request, in bytes.
const REQUEST_MAX: usize = 1 << 20;

#[test]
fn nonsense_before_the_greeting_is_refused_and_hung_up_on() {
    let machine = running();
    let garbage: Vec<u8> = (0..=255u8).filter(|byte| *byte != b'\n').chain([b'\n']).collect();
    let mut too_long = vec![b'x'; 2 * REQUEST_MAX];
    too_long.push(b'\n');
    let mut deep = vec![b'['; REQUEST_MAX];
    deep.push(b'\n');
    let hello = |protocol: u32| {
        let params = json!({"protocol": protocol, "client": "test"});
        format!("{}\n", json!({"jsonrpc": "2.0", "id": 1, "method": "hello", "params": params})).into_bytes()
    };
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("malformed JSON", b"{\"jsonrpc\":\"2.0\",\"id\":1,\n".to_vec(), "bad_request"),
        ("garbage", garbage, "bad_request"),
        ("two MiB", too_long, "request_too_large"),
        ("deep nesting", deep, "bad_request"),
        ("an HTTP request", b"GET / HTTP/1.1\r\n\r\n".to_vec(), "bad_request"),
        (
            "no hello",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":{}}\n".to_vec(),
            "bad_request",
        ),
        ("a newer protocol", hello(2), "protocol_mismatch"),
        ("an older protocol", hello(0), "protocol_mismatch"),
    ];
    for (what, bytes, code) in cases {
        let mut raw = Raw::connect(&machine);
        raw.send(&bytes);
        assert_eq!(raw.refusal(), code, "{what}");
        assert_eq!(raw.line(), None, "{what}: the daemon hangs up");
        assert_serves(&machine, what);
    }
}

#[test]
fn a_bad_request_after_the_greeting_is_answered_and_the_talk_goes_on() {
    let machine = running();
    let mut raw = Raw::greeted(&machine);
    let deep =
        format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":{}\n", "[".repeat(900_000));
    let nested = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":{}{}}}\n",
        "[".repeat(400_000),
        "]".repeat(400_000)
    );
    let cases = [
        ("{\n", "bad_request"),
        ("[]\n", "bad_request"),
        ("{\"jsonrpc\":\"2.0\",\"method\":\"status\",\"params\":{}}\n", "bad_request"),
        ("{\"jsonrpc\":\"2.0\",\"id\":-1,\"method\":\"status\",\"params\":{}}\n", "bad_request"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"frobnicate\",\"params\":{}}\n", "unknown_method"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":{\"al\":true}}\n", "bad_request"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":{\"all\":1}}\n", "bad_request"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"push\",\"params\":{}}\n", "bad_request"),
        (&deep, "bad_request"),
        (&nested, "bad_request"),
    ];
    for (line, code) in cases {
        let shown: String = line.chars().take(90).collect();
        assert!(raw.send(line.as_bytes()), "{shown}: hung up");
        assert_eq!(raw.refusal(), code, "{shown}");
    }
    raw.ask(9, "status", &json!({"all": true}));
    assert!(raw.line().unwrap()["result"]["daemon"]["pid"].is_u64());
}

#[test]
fn silence_and_half_a_request_end_with_a_word() {
    let machine = running();
    let mut silent = Raw::connect(&machine);
    let mut half = Raw::connect(&machine);
    half.send(b"{\"jsonrpc\":\"2.0\",");
    let mut later = Raw::greeted(&machine);
    later.send(b"{\"jsonrpc\":\"2.0\",");
    assert_serves(&machine, "half requests");
    for (what, raw) in
        [("silence", &mut silent), ("half a greeting", &mut half), ("half a request", &mut later)]
    {
        assert_eq!(raw.refusal(), "bad_request", "{what}");
        assert_eq!(raw.line(), None, "{what}: the daemon hangs up");
    }
    assert_serves(&machine, "half requests");
}

/// More idle clients than the daemon keeps: the oldest make way, a new one is always let in.
#[test]
fn a_thousand_idle_connections_keep_nobody_out() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let machine = running();
    let mut idle: Vec<Raw> = (0..500).map(|_| Raw::connect(&machine)).collect();
    assert_serves(&machine, "500 silent connections");
    idle.extend((0..500).map(|_| Raw::greeted(&machine)));
    assert_serves(&machine, "1000 connections");
    for raw in &mut idle {
        raw.send(b"\xff\xfe{");
    }
    assert_serves(&machine, "1000 connections that talk nonsense");
    drop(idle);
    assert_serves(&machine, "1000 connections that left");
}
