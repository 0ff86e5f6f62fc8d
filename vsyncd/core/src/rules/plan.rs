//! What a rule would change, without a value in it.

use std::fmt;

use super::handler::{Change, ChangeKind, Merged};

/// What a merge would do to a file. It holds no values, so it may be shown and logged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What changes, in the file's order. Empty: nothing is to be written.
    pub changes: Vec<Change>,
}

impl Plan {
    /// What this merge changes.
    pub fn of(merged: &Merged) -> Self {
        Self { changes: merged.changes.clone() }
    }

    /// Whether the file already says all that is wanted.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl fmt::Display for Plan {
    /// A line per change: `+ path = ••••`, `~ path = •••• → ••••`, `- path`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            match change.kind {
                ChangeKind::Added => writeln!(f, "+ {} = ••••", change.path)?,
                ChangeKind::Replaced => writeln!(f, "~ {} = •••• → ••••", change.path)?,
                ChangeKind::Removed => writeln!(f, "- {}", change.path)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::key_path::KeyPath;

    #[test]
    fn shows_places_and_masks() {
        let change = |keys: &[&str], kind| Change { path: keys.iter().copied().collect::<KeyPath>(), kind };
        let plan = Plan {
            changes: vec![
                change(&["a", "b"], ChangeKind::Added),
                change(&["c"], ChangeKind::Replaced),
                change(&["d"], ChangeKind::Removed),
            ],
        };
        assert_eq!(plan.to_string(), "+ a.b = ••••\n~ c = •••• → ••••\n- d\n");
    }
}
