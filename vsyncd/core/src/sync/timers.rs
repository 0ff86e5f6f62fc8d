//! When a worker looks again.

use std::time::{Duration, Instant};

/// How long edits may go on before they are looked at all the same.
const DEBOUNCE_MAX: Duration = Duration::from_secs(2);
/// How long a folder must be quiet before a look; also how long something due is put off while
/// it cannot start.
pub(super) const DEBOUNCE: Duration = Duration::from_millis(300);
/// How long a folder must be quiet before it is published by itself.
pub(super) const QUIET: Duration = Duration::from_secs(2);
/// How long after an edit a folder that waits for a person is compared with the remote again;
/// longer than the time between two looks while edits go on.
pub(super) const SETTLED: Duration = Duration::from_secs(5);
/// How long what waits for a person is left alone.
pub(super) const PATIENCE: Duration = Duration::from_secs(3600);

/// The instants at which a worker becomes active by itself.
#[derive(Debug, Clone)]
pub(super) struct Timers {
    /// The next look at the pointer; while one is under way, when it is given up.
    pub(super) poll: Instant,
    /// The next look at the folder when no edit is announced.
    pub(super) rescan: Instant,
    /// The next look at the folder because of an announced edit.
    pub(super) scan: Option<Instant>,
    /// When that look comes even if edits go on.
    scan_latest: Option<Instant>,
    /// When the folder's edits are published by themselves.
    pub(super) push: Option<Instant>,
}

impl Timers {
    pub(super) const fn all_due(now: Instant) -> Self {
        Self { poll: now, rescan: now, scan: Some(now), scan_latest: Some(now), push: None }
    }

    pub(super) fn folder_changed(&mut self, now: Instant) {
        let latest = *self.scan_latest.get_or_insert(now + DEBOUNCE_MAX);
        self.scan = Some((now + DEBOUNCE).min(latest));
        self.push = self.push.map(|due| due.max(now + QUIET));
    }

    pub(super) const fn scan_at(&mut self, at: Instant) {
        self.scan = Some(at);
        self.scan_latest = Some(at);
    }

    pub(super) fn scan_is_due(&self, now: Instant) -> bool {
        self.scan.is_some_and(|due| due <= now) || self.rescan <= now
    }

    pub(super) fn scan_started(&mut self, next: Instant) {
        self.scan = None;
        self.scan_latest = None;
        self.rescan = next;
    }

    /// A look at the folder that is due cannot start yet.
    pub(super) fn put_off_scan(&mut self, now: Instant) {
        self.scan = self.scan.map(|due| due.max(now + DEBOUNCE));
        self.rescan = self.rescan.max(now + DEBOUNCE);
    }

    /// Nothing is to start any more.
    pub(super) fn rest(&mut self, now: Instant) {
        *self =
            Self { poll: now + PATIENCE, rescan: now + PATIENCE, scan: None, scan_latest: None, push: None };
    }
}
