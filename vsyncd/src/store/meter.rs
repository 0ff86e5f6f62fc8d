//! How far a download has come, told without every call having to carry it.

use std::sync::Arc;

/// Takes the bytes that are here and, where known, how many there will be.
pub type Meter = Arc<dyn Fn(u64, Option<u64>) + Send + Sync>;

tokio::task_local! {
    static METER: Meter;
}

/// Runs a future whose downloads tell this meter how far they are.
pub async fn metered<F: Future>(meter: Meter, work: F) -> F::Output {
    METER.scope(meter, work).await
}

/// Tells the meter of the running task, where it has one.
pub(super) fn report(done: u64, total: Option<u64>) {
    // Most downloads are small and nobody watches them.
    let _ = METER.try_with(|meter| meter(done, total));
}
