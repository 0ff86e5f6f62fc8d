//! What doctor looks at, and how.

use std::process::Stdio;

use vsync_tests::machine::Machine;
use vsync_tests::s3::{Fault, Matcher};
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

#[test]
fn doctor_looks_at_all_environments_side_by_side() {
    const ENVS: [&str; 3] = ["dev", "prod", "staging"];
    let place = Place::s3();
    let mut ann = Machine::new("ann").with("VSYNC_POLL_INTERVAL", "1h");
    ann.start();
    team::profile(&ann, place.server());
    for env in ENVS {
        ann.ok(&["init", env, "--profile", "test"]);
        ann.wait_status(env, "the first look is over", |pair| pair["remote"]["checked_at"].is_string());
    }
    place.server().fail_next(usize::MAX, Matcher::method("GET"), Fault::Hang);
    let doctor = ann.ctl_command(&["doctor"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("all are asked at once", || place.server().hanging() == ENVS.len());
    place.server().offline(true);
    let said = doctor.wait_with_output().unwrap();
    assert_eq!(said.status.code(), Some(1));
    let text = String::from_utf8(said.stdout).unwrap();
    let at = ENVS.map(|env| text.find(&format!("acme_web/{env} store")).unwrap_or_else(|| panic!("{text}")));
    assert!(at.is_sorted(), "each environment keeps its place: {text}");
}
