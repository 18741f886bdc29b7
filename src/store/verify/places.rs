//! Places in the chain, as they come: does each follow from the one before, and is that one there?
//! Knows no query; what waits is bounded.

use std::collections::BTreeMap;

use super::Kind;
use super::walk::Walked;
use crate::chain::Hash;

#[cfg(test)]
mod tests;

/// Places that may wait for the one before or after them. A clock that was wrong for a day
/// makes some thousands.
const WAITING_MAX: usize = 1_000_000;

/// Each with the one before.
pub(super) struct Places {
    /// The last one that was looked at before; only its hash is asked for.
    after: i64,
    /// Hashes whose next place has not come.
    hashes: BTreeMap<i64, Hash>,
    /// Places whose one before has not come, with what is to follow from it. A day's first place
    /// follows from what opened the day: it only wants the one before to be there.
    waiting: BTreeMap<i64, Option<(Hash, String)>>,
    waiting_max: usize,
    /// Too much waited, and the rest is not looked at.
    is_lost: bool,
}

impl Places {
    pub fn after(after: i64) -> Places {
        Places {
            after,
            hashes: BTreeMap::new(),
            waiting: BTreeMap::new(),
            waiting_max: WAITING_MAX,
            is_lost: false,
        }
    }

    /// Without a record there is nothing to hash: then only the others are looked at.
    pub fn place(
        &mut self,
        position: i64,
        hash: Hash,
        opened: Option<Hash>,
        record: Option<String>,
        walked: &mut Walked,
    ) {
        if self.is_lost {
            return;
        }
        let before = self.hashes.remove(&(position - 1));
        if position > self.after {
            self.follow(position, hash, (opened, before), record, walked);
        }
        match self.waiting.remove(&(position + 1)) {
            Some(Some((next, record))) => follows(position + 1, hash, &record, next, walked),
            Some(None) => {}
            None => drop(self.hashes.insert(position, hash)),
        }
        if self.waiting.len() + self.hashes.len() > self.waiting_max {
            let (expected, found) = ("places in the order of transfers", "another order");
            walked.found(Kind::Chain, "order".to_owned(), expected.to_owned(), found.to_owned());
            *self = Places { is_lost: true, ..Places::after(self.after) };
        }
    }

    fn follow(
        &mut self,
        position: i64,
        hash: Hash,
        (opened, before): (Option<Hash>, Option<Hash>),
        record: Option<String>,
        walked: &mut Walked,
    ) {
        let known = opened.or(before);
        if let (Some(known), Some(record)) = (known, &record) {
            follows(position, known, record, hash, walked);
        }
        // nothing comes before the first of all
        let is_first = position == 1 && opened.is_some();
        if before.is_none() && !is_first {
            let to_follow =
                if known.is_none() { record.map(|record| (hash, record)) } else { None };
            self.waiting.insert(position, to_follow);
        }
    }

    /// Whatever still waits has no place before it.
    pub fn finish(self, walked: &mut Walked) {
        for position in self.waiting.into_keys() {
            let expected = format!("position {}", position - 1);
            walked.found(Kind::Chain, position.to_string(), expected, "nothing".to_owned());
        }
    }
}

fn follows(position: i64, before: Hash, record: &str, hash: Hash, walked: &mut Walked) {
    let wanted = before.then(record);
    if wanted != hash {
        let (wanted, hash) = (wanted.to_string(), hash.to_string());
        walked.found(Kind::Chain, position.to_string(), wanted, hash);
    }
}
