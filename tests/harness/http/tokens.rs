//! Tokens that a server gives out and takes back.

use std::collections::BTreeSet;

/// The tokens that are good, and for how many requests they are.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    good: BTreeSet<String>,
    given: usize,
    last: Option<usize>,
}

impl Tokens {
    /// Takes this one from the start.
    pub(crate) fn with(token: &str) -> Self {
        Self { good: BTreeSet::from([token.to_owned()]), ..Self::default() }
    }

    /// A token that begins so and is accepted from now on.
    pub(crate) fn give(&mut self, begins: &str) -> String {
        self.given += 1;
        let token = format!("{begins}number-{}", self.given);
        self.good.insert(token.clone());
        token
    }

    /// How many were given out.
    pub(crate) fn given(&self) -> usize {
        self.given
    }

    /// Refuses all that are good now from the `count`-th request after this one on (0: at once).
    pub(crate) fn expire_after(&mut self, count: usize) {
        self.last = Some(count);
    }

    /// Whether a request carries one that is still good.
    pub(crate) fn accepts(&mut self, authorization: &str) -> bool {
        if let Some(left) = self.last {
            self.last = left.checked_sub(1);
            if self.last.is_none() {
                self.good.clear();
            }
        }
        authorization.strip_prefix("Bearer ").is_some_and(|token| self.good.contains(token))
    }
}
