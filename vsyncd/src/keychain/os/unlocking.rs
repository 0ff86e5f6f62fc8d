//! Whether a person is bothered with a prompt. A daemon tries again and again; the prompt comes
//! once for each time that the keychain was found locked.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::keychain::KeyError;

/// Asks for the password of a locked keychain, once.
#[derive(Debug, Default)]
pub(super) struct Unlocking(Mutex<Phase>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// Open when last seen.
    #[default]
    Quiet,
    /// A prompt waits for somebody.
    Asking,
    /// The prompt was dismissed, or could not be shown.
    Asked,
}

/// Ends the asking, however it ends.
struct Asking<'a>(&'a Unlocking);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut phase = self.0.phase();
        if *phase == Phase::Asking {
            *phase = Phase::Asked;
        }
    }
}

impl Unlocking {
    /// Unlocks through this prompt, unless somebody was asked already since the keychain was
    /// last open. Blocks until the prompt is answered.
    ///
    /// # Errors
    /// [`KeyError::Locked`], or what the prompt says.
    #[cfg_attr(
        all(target_os = "macos", not(test)),
        expect(dead_code, reason = "the Keychain of macOS asks by itself")
    )]
    pub(super) fn ask(&self, prompt: impl FnOnce() -> Result<(), KeyError>) -> Result<(), KeyError> {
        {
            let mut phase = self.phase();
            match *phase {
                Phase::Quiet => *phase = Phase::Asking,
                Phase::Asking => return Err(asking()),
                Phase::Asked => return Err(KeyError::Locked("")),
            }
        }
        let _asking = Asking(self);
        prompt()
    }

    /// Notes that the keychain was open: a prompt that still waits has outlived its reason, or the
    /// service that showed it.
    pub(super) fn seen_open(&self) {
        *self.phase() = Phase::Quiet;
    }

    /// Whether a prompt waits for somebody.
    pub(super) fn is_asking(&self) -> bool {
        *self.phase() == Phase::Asking
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is said while a prompt waits.
pub(super) const fn asking() -> KeyError {
    KeyError::Locked(" and asks for its password in a window of its own")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> Result<(), KeyError> {
        panic!("nobody may be asked")
    }

    #[test]
    fn somebody_is_asked_once_until_the_keychain_was_open() {
        let unlocking = Unlocking::default();
        let dismissed = unlocking.ask(|| Err(KeyError::Locked("")));
        assert!(matches!(dismissed, Err(KeyError::Locked(""))));
        assert!(matches!(unlocking.ask(never), Err(KeyError::Locked(""))));
        unlocking.seen_open();
        assert!(unlocking.ask(|| Ok(())).is_ok());
    }

    #[test]
    fn while_a_prompt_is_open_there_is_no_second_one() {
        let unlocking = Unlocking::default();
        let outcome = unlocking.ask(|| {
            assert!(unlocking.is_asking());
            let error = unlocking.ask(never).unwrap_err();
            assert!(error.to_string().contains("window"), "{error}");
            Ok(())
        });
        assert!(outcome.is_ok() && !unlocking.is_asking());
    }

    #[test]
    fn a_prompt_that_nobody_needs_any_more_is_forgotten() {
        let unlocking = Unlocking::default();
        let outlived = unlocking.ask(|| {
            unlocking.seen_open();
            assert!(!unlocking.is_asking());
            Err(KeyError::Locked(""))
        });
        assert!(outlived.is_err());
        assert!(unlocking.ask(|| Ok(())).is_ok(), "the keychain was open since");
    }

    #[test]
    fn a_prompt_that_fails_badly_is_over() {
        let unlocking = Unlocking::default();
        let broken =
            std::panic::AssertUnwindSafe(|| unlocking.ask(|| std::panic::resume_unwind(Box::new(()))));
        assert!(std::panic::catch_unwind(broken).is_err());
        assert!(!unlocking.is_asking());
        assert!(matches!(unlocking.ask(never), Err(KeyError::Locked(""))));
    }
}
