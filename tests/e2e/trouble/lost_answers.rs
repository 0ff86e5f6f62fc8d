//! A write happened, and its answer did not arrive or was no clear one. Each object that a push
//! writes is looked at: what is there counts.

use super::*;

/// One push whose write of this object is answered like that, once.
fn counts_once(key: &str, fault: &Fault) {
    let (place, ann) = published();
    let server = place.server();
    server.fail_next(1, Matcher::method("PUT").key(key), fault.clone());
    write(&ann.vault("dev"), "a.env", "A=2\n", 0o600);
    let (code, pushed) = ann.json(&["push", "dev"]);
    assert_eq!((code, &pushed["gen"], &pushed["outcome"]), (0, &2.into(), &"published".into()), "{pushed}");
    let state = ann.wait_state("dev", "ok");
    assert_eq!(state["version"], pushed["version"]);
    assert_eq!(place.bundles().len(), 2, "nothing is published twice");
    let pointer = server.get_raw(POINTER).unwrap();
    assert_eq!(pointer.body, pushed["version"].as_str().unwrap());
    let bundle = server.get_raw(&format!("{BUNDLE}{}", pushed["version"].as_str().unwrap())).unwrap();
    assert_eq!(bundle.etag, pointer.metadata["bundle-etag"]);
    vsync_tests::wait::until("both rows are in the audit log, once", || {
        let audit = server.get_raw(AUDIT).map(|audit| audit.body).unwrap_or_default();
        let audit = String::from_utf8_lossy(&audit).into_owned();
        let rows = audit.lines().filter(|row| row.contains(",push,")).count();
        assert!(rows <= 2, "{audit}");
        rows == 2
    });
}

macro_rules! counts_once {
    ($($name:ident: $key:expr, $fault:expr;)*) => {$(
        #[test]
        fn $name() {
            counts_once($key, &$fault);
        }
    )*};
}

counts_once! {
    the_bundles_answer_is_lost: BUNDLE, Fault::LoseAnswer;
    the_pointers_answer_is_lost: POINTER, Fault::LoseAnswer;
    the_audits_answer_is_lost: AUDIT, Fault::LoseAnswer;
    the_bundle_meets_an_internal_error: BUNDLE, Fault::Status(500);
    the_pointer_meets_an_internal_error: POINTER, Fault::Status(500);
    the_audit_meets_an_internal_error: AUDIT, Fault::Status(500);
    the_bundle_is_never_answered: BUNDLE, Fault::Mute;
    the_pointer_is_never_answered: POINTER, Fault::Mute;
    the_audit_is_never_answered: AUDIT, Fault::Mute;
    the_pointer_meets_a_conflict_of_requests: POINTER, Fault::DoneBut(409);
    the_pointer_is_written_and_refused: POINTER, Fault::DoneBut(412);
    the_pointer_is_refused_for_nothing: POINTER, Fault::Status(409);
    the_bundle_is_written_and_fails: BUNDLE, Fault::DoneBut(500);
    the_bundle_is_written_and_refused: BUNDLE, Fault::DoneBut(412);
    the_audit_is_written_and_refused: AUDIT, Fault::DoneBut(412);
}
