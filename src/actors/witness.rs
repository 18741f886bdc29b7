//! Looks whether this node believes what is stored, and whether every command has ended in time.
//! Repairs nothing: an actor that is wrong about its row finds out when it writes, and a person
//! is told before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::ids::{RentalId, Sn};

use super::Context;
use crate::metrics;
use crate::store::Error;

/// An eject that is given up is written soon after its bound, even by a node that started late.
const SLACK: TimeDelta = TimeDelta::minutes(5);
/// Banks of one look; the next look goes on with the next ones.
const BANKS: i64 = 10_000;
/// Commands that are named.
const NAMED: i64 = 20;

pub async fn run(context: Arc<Context>, every: Duration) {
    let mut witness = Witness::default();
    loop {
        match witness.look(&context).await {
            Ok(seen) => seen.tell(),
            Err(error) => tracing::warn!(%error, "nothing was compared with the rows, it is later"),
        }
        context.clock.sleep(every).await;
    }
}

/// What a version is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Rental(RentalId),
    Bank(Sn),
}

impl Subject {
    fn kind(&self) -> &'static str {
        match self {
            Subject::Rental(_) => "rental",
            Subject::Bank(_) => "bank",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Rental(id) => write!(f, "rental {id}"),
            Subject::Bank(sn) => write!(f, "bank {sn}"),
        }
    }
}

/// Two versions that should be one; none where there is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub live: Option<i32>,
    pub stored: Option<i32>,
}

/// What one look saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Differences that were there in the look before as they are now.
    pub astray: BTreeMap<Subject, Versions>,
    /// Some of the rentals whose eject has no end in its time, and how many there are.
    pub overdue: (Vec<RentalId>, i64),
}

impl Seen {
    fn tell(&self) {
        for (subject, versions) in &self.astray {
            let Versions { live, stored } = versions;
            tracing::error!(%subject, live, stored, "this node believes other than its rows");
        }
        for rental in &self.overdue.0 {
            tracing::error!(rental.id = %rental, "an eject has no end in its time");
        }
        for kind in ["rental", "bank"] {
            let count = self.astray.keys().filter(|subject| subject.kind() == kind).count();
            metrics::ASTRAY.set(u64::try_from(count).unwrap_or(u64::MAX), [kind]);
        }
        metrics::COMMANDS_OVERDUE.set(self.overdue.1.unsigned_abs(), []);
    }
}

/// What the last look left open.
#[derive(Debug, Default)]
pub struct Witness {
    doubts: BTreeMap<Subject, Versions>,
    /// Where the next look at the banks begins.
    after: Option<Sn>,
}

impl Witness {
    /// A commit may be under way between the two readings: only what two looks running find to be
    /// the same is a finding.
    pub async fn look(&mut self, context: &Context) -> Result<Seen, Error> {
        let doubted: BTreeSet<Sn> = self.doubts.keys().filter_map(bank).cloned().collect();
        let doubted: Vec<Sn> = doubted.into_iter().collect();
        let store = &context.store;
        let rentals = store.open_rental_versions().await?;
        let banks = store.bank_versions(self.after.as_ref(), BANKS, &doubted).await?;
        let bound = context.settings.verify_bound + SLACK;
        let overdue = store.overdue_commands(context.clock.now() - bound, NAMED).await?;

        let live = context.rentals.open_versions();
        let ids: BTreeSet<RentalId> = rentals.keys().chain(live.keys()).copied().collect();
        let of_rentals = ids.into_iter().map(|id| {
            let (live, stored) = (live.get(&id).copied(), rentals.get(&id).copied());
            (Subject::Rental(id), Versions { live, stored })
        });
        let of_banks = banks.versions.into_iter().map(|(sn, stored)| {
            let live = context.banks.get(&sn).map(|bank| bank.version);
            (Subject::Bank(sn), Versions { live, stored: Some(stored) })
        });
        let doubts: BTreeMap<Subject, Versions> = of_rentals
            .chain(of_banks)
            .filter(|(_, versions)| versions.live != versions.stored)
            .collect();
        let stays = |(subject, versions): &(&Subject, &Versions)| {
            self.doubts.get(*subject) == Some(*versions)
        };
        let astray = doubts.iter().filter(stays).map(|(s, v)| (s.clone(), *v)).collect();
        (self.doubts, self.after) = (doubts, banks.last);
        Ok(Seen { astray, overdue })
    }
}

fn bank(subject: &Subject) -> Option<&Sn> {
    match subject {
        Subject::Bank(sn) => Some(sn),
        Subject::Rental(_) => None,
    }
}
