//! The go-ahead of one eject: its station takes it when it sends, its rental withdraws it when
//! the rider gives up first. Whoever comes first has it; it never comes back.

use std::sync::{Arc, OnceLock};

#[cfg(test)]
mod tests;

/// Clones are the same go-ahead.
#[derive(Clone, Debug, Default)]
pub struct GoAhead(Arc<OnceLock<Went>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Went {
    /// The eject may have been sent from here on.
    Taken,
    /// It is never sent.
    Withdrawn,
}

impl GoAhead {
    /// The eject is sent now: false when it may not be.
    #[must_use]
    pub fn take(&self) -> bool {
        *self.0.get_or_init(|| Went::Taken) == Went::Taken
    }

    /// The eject is not wanted any more; without effect once it may have been sent.
    pub fn withdraw(&self) {
        self.0.get_or_init(|| Went::Withdrawn);
    }

    pub fn is_taken(&self) -> bool {
        self.0.get() == Some(&Went::Taken)
    }
}
