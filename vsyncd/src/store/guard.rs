//! What conditions on writes are worth at a store.

use serde::{Deserialize, Serialize};

use super::Condition;

/// How a store treats a write whose condition does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Guard {
    /// It refuses the write, as it should.
    Kept,
    /// It takes the condition and writes all the same.
    Ignored,
    /// It refuses every write that has such a condition, so none may be sent.
    Unsupported,
}

/// How a store treats both kinds of conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guards {
    /// [`Condition::Absent`].
    pub absent: Guard,
    /// [`Condition::Matches`].
    pub matches: Guard,
}

impl Guards {
    /// Every condition is kept.
    pub const ALL: Self = Self { absent: Guard::Kept, matches: Guard::Kept };

    /// Whether every condition is kept.
    pub fn hold(self) -> bool {
        self == Self::ALL
    }

    /// How this condition is treated.
    pub const fn of(self, condition: &Condition) -> Guard {
        match condition {
            Condition::Absent => self.absent,
            Condition::Matches(_) => self.matches,
        }
    }
}
