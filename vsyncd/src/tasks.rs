//! The one place where work leaves the current task.

/// The work panicked, or the runtime ended before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a background step ended without a result")]
pub struct Panicked;

/// Runs work that blocks (files, key derivation) where it holds up no task.
///
/// Once begun it runs to its end, also when the caller stops waiting.
///
/// # Errors
/// [`Panicked`] instead of passing a panic on.
pub async fn blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Result<T, Panicked> {
    tokio::task::spawn_blocking(f).await.map_err(|_| Panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error() {
        assert_eq!(blocking(|| 7).await, Ok(7));
        assert_eq!(blocking(|| -> u8 { panic!("on purpose") }).await, Err(Panicked));
    }
}
