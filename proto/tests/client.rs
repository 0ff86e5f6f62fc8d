//! The client against a socket that plays the daemon, well-behaved and not.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use vsync_proto::client::{Client, ConnectError};
use vsync_proto::codec::{self, Id};
use vsync_proto::error::{Code, Failure};
use vsync_proto::event::{self, Progress, Unit};
use vsync_proto::hello::{HelloResult, PROTOCOL};
use vsync_proto::request::{BackupList, Caller, DaemonStop, ProfileList, Subscribe};
use vsync_proto::response::{Done, Profile};

struct Peer {
    reader: BufReader<UnixStream>,
}

impl Peer {
    fn request(&mut self) -> Option<codec::Request> {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line).unwrap();
        (read > 0).then(|| codec::read_request(line.trim_end().as_bytes()).unwrap())
    }

    fn say(&mut self, text: &str) {
        // The client may have left on purpose.
        let _ = self.reader.get_mut().write_all(text.as_bytes());
    }

    fn answer<R: serde::Serialize>(&mut self, id: &Id, result: &R) {
        for line in codec::answer_lines(id, result).unwrap() {
            self.say(&line);
        }
    }

    fn greet(&mut self, protocol: u32) {
        let hello = self.request().unwrap();
        assert_eq!(hello.method, "hello");
        self.answer(&hello.id, &HelloResult { protocol, daemon_version: "9.9.9".into(), pid: 42 });
    }
}

/// A listener that serves one connection with `script`, its socket, and the folder it lies in.
fn daemon(script: impl FnOnce(Peer) + Send + 'static) -> (tempfile::TempDir, PathBuf, JoinHandle<()>) {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        script(Peer { reader: BufReader::new(stream) });
    });
    (dir, socket, thread)
}

fn refused(outcome: Result<Client, ConnectError>) -> ConnectError {
    outcome.expect_err("there should be no connection")
}

#[test]
fn nobody_there_is_told_from_somebody_silent() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let error = refused(Client::connect(&socket, "test"));
    assert!(error.nobody_there);
    assert_eq!(error.failure.code, Code::DaemonUnreachable);

    drop(UnixListener::bind(&socket).unwrap());
    assert!(refused(Client::connect(&socket, "test")).nobody_there, "a socket nobody listens on any more");

    let (_dir, socket, thread) = daemon(|mut peer| while peer.request().is_some() {});
    let error = refused(Client::connect_within(&socket, "test", Duration::from_millis(100)));
    assert!(!error.nobody_there);
    assert_eq!(error.failure.code, Code::DaemonUnreachable);
    assert!(error.failure.message.contains("does not answer"), "{:?}", error.failure);
    thread.join().unwrap();
}

#[test]
fn dripping_bytes_do_not_stretch_the_time_for_hello() {
    let (_dir, socket, thread) = daemon(|mut peer| {
        peer.request();
        while peer.reader.get_mut().write_all(b" ").is_ok() {
            std::thread::yield_now();
        }
    });
    let error = refused(Client::connect_within(&socket, "test", Duration::from_millis(200)));
    assert!(matches!(error.failure.code, Code::DaemonUnreachable | Code::BadRequest), "{:?}", error.failure);
    thread.join().unwrap();
}

#[test]
fn another_protocol_is_refused_by_either_end() {
    let (_dir, socket, thread) = daemon(|mut peer| peer.greet(PROTOCOL + 1));
    assert_eq!(refused(Client::connect(&socket, "test")).failure.code, Code::ProtocolMismatch);
    thread.join().unwrap();

    let (_dir, socket, thread) = daemon(|mut peer| {
        let hello = peer.request().unwrap();
        let failure = vsync_proto::hello::check(PROTOCOL, PROTOCOL + 1).unwrap_err();
        peer.say(&codec::failure_line(Some(&hello.id), &failure));
    });
    let error = refused(Client::connect(&socket, "test"));
    assert_eq!(error.failure.code, Code::ProtocolMismatch);
    assert!(!error.nobody_there);
    thread.join().unwrap();
}

#[test]
fn progress_arrives_before_the_result_and_strangers_are_passed_over() {
    let (_dir, socket, thread) = daemon(|mut peer| {
        peer.greet(PROTOCOL);
        let request = peer.request().unwrap();
        peer.say("{\"jsonrpc\":\"2.0\",\"method\":\"from_the_future\",\"params\":{}}\n");
        for (id, done) in [(request.id.clone(), 1), (Id::Number(999), 50), (request.id.clone(), 2)] {
            let step = Progress { id, stage: "scan".into(), done, total: Some(2), unit: Unit::Files };
            peer.say(&codec::notification_line(event::PROGRESS, &step).unwrap());
        }
        peer.answer(&Id::Number(999), &Done {});
        peer.answer(&request.id, &Done {});
        let request = peer.request().unwrap();
        peer.say(&codec::failure_line(Some(&request.id), &Failure::new(Code::Busy, "busy").hint("later")));
    });
    let mut client = Client::connect(&socket, "test").unwrap();
    assert_eq!(client.hello().pid, 42);
    let mut seen = Vec::new();
    client.call(&DaemonStop {}, &mut |step| seen.push(step.done)).unwrap();
    assert_eq!(seen, [1, 2]);
    let failure = client.call(&DaemonStop {}, &mut |_| {}).unwrap_err();
    assert_eq!(failure, Failure::new(Code::Busy, "busy").hint("later"));
    thread.join().unwrap();
}

#[test]
fn a_long_answer_is_put_together_from_parts() {
    let profile = |n: usize| Profile {
        name: format!("p{n}"),
        endpoint: "https://\"quoted\".example/ü".repeat(10),
        region: "r".into(),
        bucket: "b".into(),
        access_key_id: "a".into(),
        prefix: None,
    };
    let profiles: Vec<_> = (0..2_000).map(profile).collect();
    let sent = profiles.clone();
    let (_dir, socket, thread) = daemon(move |mut peer| {
        peer.greet(PROTOCOL);
        let request = peer.request().unwrap();
        let lines = codec::answer_lines(&request.id, &sent).unwrap();
        assert!(lines.len() > 2, "the answer should be long enough to be cut");
        for line in lines {
            peer.say(&line);
        }
    });
    let mut client = Client::connect(&socket, "test").unwrap();
    assert_eq!(client.call(&ProfileList {}, &mut |_| {}).unwrap(), profiles);
    thread.join().unwrap();
}

#[test]
fn a_daemon_that_leaves_or_talks_nonsense_is_an_error() {
    for (line, code) in [
        ("", Code::DaemonUnreachable),
        ("half a li", Code::DaemonUnreachable),
        ("nonsense\n", Code::BadRequest),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":7}\n", Code::BadRequest),
        ("{\"jsonrpc\":\"2.0\",\"id\":1}\n", Code::BadRequest),
    ] {
        let (_dir, socket, thread) = daemon(move |mut peer| {
            peer.greet(PROTOCOL);
            peer.request();
            peer.say(line);
        });
        let mut client = Client::connect(&socket, "test").unwrap();
        let ask = BackupList { caller: Caller::default(), env: None };
        assert_eq!(client.call(&ask, &mut |_| {}).unwrap_err().code, code, "{line}");
        thread.join().unwrap();
    }
}

#[test]
fn a_subscription_ends_with_the_stream() {
    let (_dir, socket, thread) = daemon(|mut peer| {
        peer.greet(PROTOCOL);
        let request = peer.request().unwrap();
        let pair = r#"{"repo":"r","env":"dev","root":"/w","folder":"/w/v","layout":null,"gen":1,"version":null,
            "state":"ok","since":null,"reason":null,"hint":null,"local":{"added":[],"modified":[],"deleted":[]},
            "remote":{"gen":1,"version":null,"checked_at":null,"age_s":null},"last_sync":null,
            "conditional_writes":null,"atomic":null,"key_store":null,"next_poll_s":null}"#;
        let pair: serde_json::Value = serde_json::from_str(pair).unwrap();
        for gone in [false, true] {
            let event = serde_json::json!({"pair": pair, "gone": gone});
            peer.say(&codec::notification_line(event::STATUS_EVENT, &event).unwrap());
        }
        peer.answer(&request.id, &Done {});
    });
    let client = Client::connect(&socket, "test").unwrap();
    let events: Result<Vec<_>, _> = client.subscribe(&Subscribe::default()).unwrap().collect();
    assert_eq!(events.unwrap().iter().map(|event| event.gone).collect::<Vec<_>>(), [false, true]);
    thread.join().unwrap();
}
