//! Every state as people see it, wide and narrow. The pictures lie in `tests/cli/snapshots`.

use vsync_proto::Code;
use vsync_proto::status::{DaemonStatus, LastSync, Notice, RemoteStatus};

use super::*;
use crate::render::age::instant;

fn view(width: usize, verbose: bool) -> View {
    View { now: instant("2026-05-23T12:00:00Z").unwrap(), width, verbose }
}

fn pair(state: State) -> PairStatus {
    PairStatus {
        repo: "acme_api".into(),
        env: "prod".into(),
        root: "/home/ada/src/api".into(),
        folder: "/home/ada/src/api/infra/vault/prod".into(),
        layout: Some(Layout::Documented),
        r#gen: Some(12),
        version: Some("20260523-114201".into()),
        state,
        since: Some("2026-05-23T11:42:03Z".into()),
        reason: None,
        hint: None,
        local: LocalChanges::default(),
        remote: RemoteStatus {
            r#gen: Some(12),
            version: Some("20260523-114201".into()),
            checked_at: Some("2026-05-23T11:59:56Z".into()),
            age_s: Some(4),
        },
        last_sync: Some(LastSync { op: "pull".into(), at: "2026-05-23T11:42:03Z".into() }),
        conditional_writes: Some(true),
        atomic: Some(true),
        key_store: Some(KeyStore::File),
        notices: Vec::new(),
        next_poll_s: Some(11),
        detail: None,
        watched: Some(true),
    }
}

fn newer() -> RemoteStatus {
    RemoteStatus { r#gen: Some(13), version: Some("20260523-115803".into()), ..pair(State::Ok).remote }
}

fn edits() -> LocalChanges {
    LocalChanges {
        added: vec!["tls/new.key".into()],
        modified: vec![".env.prod".into(), "db password.txt".into()],
        deleted: vec!["old".into()],
    }
}

fn report_of(pairs: Vec<PairStatus>) -> StatusReport {
    let daemon = DaemonStatus {
        version: "0.1.0".into(),
        pid: 4711,
        uptime_s: 7_260,
        state_dir: Some("/home/ada/.local/state/vsync".into()),
        log: Some("/home/ada/.local/state/vsync/vsyncd.log".into()),
    };
    StatusReport { daemon, pairs, rules: Vec::new(), runtime: Vec::new() }
}

/// Without colour, at both widths; no line may be longer than the width.
fn shown(report_: &StatusReport, verbose: bool) -> String {
    let mut all = String::new();
    for width in [80, 40] {
        let text = anstream::adapter::strip_str(&report(report_, view(width, verbose))).to_string();
        for line in text.lines() {
            assert!(line.chars().count() <= width, "longer than {width}: {line}");
            assert_eq!(line, line.trim_end(), "white space at the end");
        }
        let _ = write!(all, "--- {width} columns\n{text}");
    }
    all
}

fn check(name: &str, report: &StatusReport, verbose: bool) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cli/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("status_{name}"), shown(report, verbose)));
}

#[test]
fn no_pairs_says_how_to_begin() {
    check("none", &report_of(Vec::new()), false);
}

#[test]
fn ok_and_verbose() {
    let new = PairStatus {
        env: "staging".into(),
        version: None,
        r#gen: None,
        last_sync: None,
        since: None,
        remote: RemoteStatus::default(),
        layout: None,
        conditional_writes: None,
        atomic: Some(false),
        key_store: None,
        next_poll_s: None,
        detail: None,
        watched: Some(true),
        ..pair(State::Ok)
    };
    check("ok", &report_of(vec![pair(State::Ok)]), false);
    check("ok_verbose", &report_of(vec![pair(State::Ok), new]), true);
}

#[test]
fn edited_lists_few_names_and_counts_many() {
    let edited = PairStatus {
        reason: Some(Code::Edited),
        hint: Some("vsyncctl push prod".into()),
        local: edits(),
        ..pair(State::Edited)
    };
    let mut many = edited.clone();
    many.local.added = (0..30).map(|n| format!("file-{n}")).collect();
    check("edited", &report_of(vec![edited]), false);
    check("edited_many", &report_of(vec![many.clone()]), false);
    check("edited_many_verbose", &report_of(vec![many]), true);
}

#[test]
fn diverged_behind_and_held() {
    let diverged = PairStatus {
        reason: Some(Code::Diverged),
        hint: Some(
            "vsyncctl diff prod, then vsyncctl push prod --force or vsyncctl pull prod --backup".into(),
        ),
        local: edits(),
        remote: newer(),
        ..pair(State::Diverged)
    };
    check("diverged", &report_of(vec![diverged]), false);
    check("behind", &report_of(vec![PairStatus { remote: newer(), ..pair(State::Behind) }]), false);
    let held = PairStatus {
        reason: Some(Code::RollbackSuspected),
        hint: Some("vsyncctl pull prod --allow-rollback".into()),
        remote: RemoteStatus { r#gen: None, version: Some("20260501-080000".into()), ..newer() },
        ..pair(State::Held)
    };
    check("held", &report_of(vec![held]), false);
}

#[test]
fn offline_and_error() {
    let offline = PairStatus {
        reason: Some(Code::StoreUnreachable),
        remote: RemoteStatus { age_s: Some(5_400), ..pair(State::Ok).remote },
        ..pair(State::Offline)
    };
    check("offline", &report_of(vec![offline]), false);
    let error = PairStatus {
        reason: Some(Code::KeyMissing),
        hint: Some("vsyncctl import prod FILE".into()),
        notices: vec![Notice {
            at: "2026-05-23T11:50:00Z".into(),
            text: "a file was written into the replaced folder".into(),
            backup: Some("acme_api-prod-20260523-115000".into()),
        }],
        ..pair(State::Error)
    };
    check("error", &report_of(vec![error]), false);
}

#[test]
fn every_state_has_a_style_and_shows_its_word() {
    for state in State::ALL {
        let text = report(&report_of(vec![pair(state)]), view(80, false));
        assert!(text.contains('\u{1b}'), "no colour for {state:?}");
        assert!(anstream::adapter::strip_str(&text).to_string().contains(state.as_str()));
    }
}

#[test]
fn names_from_elsewhere_do_not_steer_the_terminal() {
    let mut odd = pair(State::Edited);
    odd.local.added = vec!["\u{1b}[2Jgone\r\nerror: x".into()];
    odd.env = "a\u{7}".into();
    let text = anstream::adapter::strip_str(&report(&report_of(vec![odd]), view(80, true))).to_string();
    assert!(!text.contains(['\u{1b}', '\u{7}', '\r']), "{text}");
    assert!(text.contains("\\u{1b}[2Jgone"), "{text}");
}

#[test]
fn a_change_is_one_line() {
    let edited = PairStatus { reason: Some(Code::Edited), local: edits(), ..pair(State::Edited) };
    let event = StatusEvent { pair: edited, gone: false };
    assert_eq!(change(&event), "acme_api/prod edited 20260523-114201 (gen 12) edited +1 ~2 -1\n");
    let gone = StatusEvent { pair: pair(State::Ok), gone: true };
    assert_eq!(change(&gone), "acme_api/prod forgotten\n");
}
