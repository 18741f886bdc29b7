//! How much of a list is asked for.

use serde::Deserialize;

/// Most rows of one list.
pub(super) const ROWS_MAX: u32 = 10_000;

#[derive(Deserialize)]
pub struct Listing {
    /// What has ended as well, or, of the outbox, what is still tried.
    #[serde(default)]
    pub all: bool,
    #[serde(default)]
    limit: Option<u32>,
}

impl Listing {
    pub(super) fn limit(&self) -> u32 {
        rows(self.limit)
    }
}

/// As many rows as are wanted, up to the bound.
pub(super) fn rows(wanted: Option<u32>) -> u32 {
    wanted.unwrap_or(ROWS_MAX).min(ROWS_MAX)
}
