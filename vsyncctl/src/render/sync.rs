//! What a `sync` is about to do, and what it did.

use std::fmt::Write as _;

use anstyle::Style;
use vsync_proto::event::Plan;
use vsync_proto::response::{SyncAction, SyncResult, SyncStep};

use super::human::line;
use super::text::{BAD, FAINT, GOOD, NOTICE, TITLE, count, paint, plain};

/// Policy and plan, before anything is sent. What stays as it is is only counted, unless more is to be seen.
pub(crate) fn plan(plan: &Plan, verbose: bool) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", paint(TITLE, &plan.target));
    let _ = writeln!(out, "{} {}", paint(FAINT, "policy:"), plain(&plan.policy));
    if verbose {
        let _ = writeln!(out, "{} {}", paint(FAINT, "credential:"), plain(&plan.credential));
    }
    let mut same = 0;
    for step in &plan.steps {
        if step.action == SyncAction::Unchanged && !verbose {
            same += 1;
        } else {
            out += &row(step);
        }
    }
    if same > 0 {
        let _ = writeln!(out, "{FAINT}{:10}{FAINT:#} {}", "unchanged", count(same, "secret"));
    }
    out
}

fn row(step: &SyncStep) -> String {
    let (style, word) = action(step.action);
    let mut row = format!("{style}{word:10}{style:#} {}", plain(&step.name));
    if let Some(why) = &step.why {
        let _ = write!(row, ": {}", plain(why));
    }
    if step.foreign {
        row += " (changed there by somebody else since the last run)";
    }
    row.push('\n');
    row
}

const fn action(action: SyncAction) -> (Style, &'static str) {
    match action {
        SyncAction::Create => (GOOD, "create"),
        SyncAction::Update => (GOOD, "update"),
        SyncAction::Unchanged => (FAINT, "unchanged"),
        SyncAction::Remove => (NOTICE, "remove"),
        SyncAction::Stale => (NOTICE, "stale"),
        SyncAction::Refused => (BAD, "refused"),
    }
}

/// What was done, in one line.
pub(crate) fn summary(result: &SyncResult) -> String {
    let counts = &result.counts;
    let numbers = [
        (counts.created, "created", "to create"),
        (counts.updated, "updated", "to update"),
        (counts.removed, "removed", "to remove"),
        (counts.unchanged, "unchanged", "unchanged"),
        (counts.stale, "stale", "stale"),
        (counts.refused, "refused", "refused"),
        (counts.failed, "failed", "failed"),
    ];
    let words = |(number, done, planned): (u64, &str, &str)| {
        format!("{number} {}", if result.dry_run { planned } else { done })
    };
    let told: Vec<_> = numbers.into_iter().filter(|(number, ..)| *number > 0).map(words).collect();
    let told = if told.is_empty() { "there is nothing to send".to_owned() } else { told.join(", ") };
    let dry = if result.dry_run { "; nothing was sent (dry run)" } else { "" };
    let mut out = line(&format!("{told}{dry}"));
    let ours = |step: &SyncStep| step.action == SyncAction::Stale && !step.foreign;
    if result.steps.iter().any(ours) {
        out += &line("stale secrets were sent by an earlier run; --prune removes them");
    }
    out
}

/// What was tried and not done, for stderr.
pub(crate) fn failures(result: &SyncResult) -> String {
    let failed = result.failures.iter();
    failed
        .map(|failure| {
            format!("{} {}: {}\n", paint(BAD, "failed:"), plain(&failure.name), plain(&failure.message))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use vsync_proto::codec::Id;
    use vsync_proto::response::{SyncCounts, SyncFailure};

    use super::*;

    fn bare(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn step(name: &str, action: SyncAction) -> SyncStep {
        SyncStep { name: name.into(), action, why: None, foreign: false }
    }

    #[test]
    fn the_plan_names_what_changes_and_counts_what_does_not() {
        let steps = vec![
            step("A", SyncAction::Create),
            SyncStep { foreign: true, ..step("B", SyncAction::Update) },
            step("C", SyncAction::Unchanged),
            step("D", SyncAction::Unchanged),
            SyncStep { why: Some("too long".into()), ..step("E\u{1b}", SyncAction::Refused) },
        ];
        let shown = Plan {
            id: Id::Number(1),
            target: "memory".into(),
            policy: "p".into(),
            credential: "TOKEN".into(),
            steps,
        };
        assert_eq!(
            bare(&plan(&shown, false)),
            "memory\npolicy: p\ncreate     A\nupdate     B (changed there by somebody else since the last run)\n\
             refused    E\\u{1b}: too long\nunchanged  2 secrets\n"
        );
        let all = bare(&plan(&shown, true));
        assert!(all.contains("credential: TOKEN\n") && all.contains("unchanged  D\n"), "{all}");
    }

    #[test]
    fn the_summary_tells_what_happened() {
        let mut result = SyncResult {
            target: "t".into(),
            policy: String::new(),
            credential: String::new(),
            dry_run: false,
            folder_differs: false,
            steps: vec![step("S", SyncAction::Stale)],
            counts: SyncCounts { created: 1, unchanged: 2, stale: 1, failed: 1, ..SyncCounts::default() },
            failures: vec![SyncFailure { name: "A".into(), message: "HTTP 500".into() }],
            warnings: Vec::new(),
        };
        assert_eq!(
            bare(&summary(&result)),
            "1 created, 2 unchanged, 1 stale, 1 failed\nstale secrets were sent by an earlier run; --prune removes them\n"
        );
        assert_eq!(bare(&failures(&result)), "failed: A: HTTP 500\n");
        result.steps[0].foreign = true;
        assert!(!bare(&summary(&result)).contains("--prune"), "what is theirs stays");
        result.dry_run = true;
        result.counts = SyncCounts { updated: 3, ..SyncCounts::default() };
        assert_eq!(bare(&summary(&result)), "3 to update; nothing was sent (dry run)\n");
        result.counts = SyncCounts::default();
        assert_eq!(bare(&summary(&result)), "there is nothing to send; nothing was sent (dry run)\n");
    }
}
