//! `WIRE.md` tells the truth: every method is there, and every example line is one.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use vsync_proto::codec::{self, Id, Incoming, Joiner};
use vsync_proto::event::Event;
use vsync_proto::hello::HelloResult;
use vsync_proto::response::*;
use vsync_proto::status::StatusReport;
use vsync_proto::{Call, Code, Method};

const PAGE: &str = include_str!("../WIRE.md");

/// The section of a method, without those below it.
fn section(method: Method) -> &'static str {
    let title = format!("\n### {}\n", method.as_str());
    let (_, rest) = PAGE.split_once(&title).unwrap_or_else(|| panic!("{} has no section", method.as_str()));
    rest.split("\n### ").next().unwrap_or_default()
}

/// True when the text reads as an answer and writing it again loses and adds nothing.
fn is<T: DeserializeOwned + Serialize>(result: &RawValue) -> bool {
    let Ok(read) = serde_json::from_str::<T>(result.get()) else { return false };
    serde_json::to_value(read).unwrap() == serde_json::from_str::<Value>(result.get()).unwrap()
}

fn answers(method: Method, result: &RawValue) -> bool {
    match method {
        Method::Hello => is::<HelloResult>(result),
        Method::Status => is::<StatusReport>(result),
        Method::Push => is::<PushResult>(result),
        Method::Pull => is::<PullResult>(result),
        Method::Diff => is::<DiffResult>(result),
        Method::Versions => is::<Vec<VersionEntry>>(result),
        Method::Sync => is::<SyncResult>(result),
        Method::Init => is::<InitResult>(result),
        Method::ProfileAdd | Method::ProfileShow => is::<Profile>(result),
        Method::ProfileList => is::<Vec<Profile>>(result),
        Method::Track => is::<TrackResult>(result),
        Method::Forget => is::<ForgetResult>(result),
        Method::Export => is::<ExportResult>(result),
        Method::Import => is::<ImportResult>(result),
        Method::BackupList => is::<Vec<BackupEntry>>(result),
        Method::BackupRestore => is::<BackupRestoreResult>(result),
        Method::Doctor => is::<DoctorResult>(result),
        Method::DaemonReload => is::<ReloadResult>(result),
        Method::DaemonLogLevel => is::<LogLevelResult>(result),
        Method::DaemonInfo => is::<DaemonInfoResult>(result),
        Method::Subscribe | Method::ProfileRemove | Method::DaemonStop => is::<Done>(result),
    }
}

#[test]
fn every_method_is_shown_with_its_request_and_answer() {
    for method in Method::ALL.iter().copied() {
        let name = method.as_str();
        let mut lines = section(method).lines().filter(|line| line.starts_with('{'));
        let request = codec::read_request(lines.next().unwrap_or_default().as_bytes()).unwrap();
        assert_eq!(request.method, name);
        let call = Call::read(&request.method, request.params.as_deref()).unwrap();
        assert_eq!(call.method(), method);
        let mut answered = false;
        for line in lines {
            match codec::read_incoming(line.as_bytes()).unwrap() {
                Incoming::Answer { id, outcome: Ok(result) } => {
                    assert_eq!(id.as_ref(), Some(&request.id), "{name}");
                    assert!(answers(method, &result), "{name}: {}", result.get());
                    answered = true;
                }
                Incoming::Event(Event::Status(_)) => assert_eq!(method, Method::Subscribe),
                Incoming::Event(Event::Plan(plan)) => {
                    assert_eq!((method, plan.id), (Method::Sync, request.id.clone()));
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        assert!(answered, "{name} shows no answer");
    }
}

#[test]
fn there_is_no_section_for_a_method_that_does_not_exist() {
    let titles: Vec<_> = PAGE.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(titles.len(), Method::ALL.len(), "{titles:?}");
}

#[test]
fn the_other_examples_are_messages_too() {
    let (before, _) = PAGE.split_once("\n## Methods\n").unwrap();
    let mut joiner = Joiner::default();
    let mut kinds = Vec::new();
    for line in before.lines().filter(|line| line.starts_with('{') && line.ends_with('}')) {
        match codec::read_incoming(line.as_bytes()).unwrap() {
            Incoming::Answer { outcome: Err(failure), .. } => {
                assert_eq!(failure.code, Code::RemoteAhead);
                kinds.push("failure");
            }
            Incoming::Answer { id, outcome: Ok(result) } => {
                assert_eq!(id, Some(Id::Number(8)));
                let versions: Vec<VersionEntry> = std::mem::take(&mut joiner).finish(&result).unwrap();
                assert_eq!(versions.len(), 1);
                kinds.push("joined");
            }
            Incoming::Event(Event::Part(part)) => joiner.push(&part, 1_000).unwrap(),
            Incoming::Event(Event::Progress(_)) => kinds.push("progress"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(kinds, ["failure", "progress", "joined"]);
}

#[test]
fn the_shell_session_sends_requests_that_are_understood() {
    let (_, session) = PAGE.split_once("```sh\n").unwrap();
    let (session, _) = session.split_once("```").unwrap();
    let lines: Vec<_> = session.lines().filter_map(|line| line.split('\'').nth(1)).collect();
    let requests: Vec<_> = lines.iter().filter(|line| line.starts_with('{')).collect();
    assert_eq!(requests.len(), 2);
    for line in requests {
        let request = codec::read_request(line.as_bytes()).unwrap();
        Call::read(&request.method, request.params.as_deref()).unwrap();
    }
}
