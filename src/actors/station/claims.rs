//! Doubt about a bank is settled by a fresh report: asked for here, one at a time and not too
//! fast, until it came or the cabinet does not answer.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use devices::Downlink;
use domain::ids::{RentalId, Sn};
use domain::presence::Session;
use domain::rental::{Command, Rental};
use domain::station::{Snapshot, denies, present};
use ractor::RpcReplyPort;

use super::State;
use super::inbound::Received;
use super::turn::Place;
use crate::actors::rental::{self, Cause};
use crate::actors::storm::Ended;
use crate::metrics;

/// How long an answer to a check is waited for.
const ANSWER: TimeDelta = TimeDelta::seconds(10);
/// Between two checks of one cabinet.
const GAP: TimeDelta = TimeDelta::seconds(1);
/// What may have come back, or left, and only a report can tell.
const HINTS: [&str; 4] = ["unconfirmed_return", "unidentified", "stray_reply", "http_report"];
/// Checks for one doubt, or of a cabinet that came back; after that the next report decides,
/// whenever it comes, and what came back is asked when it says something.
const TRIES: u8 = 6;

/// The one check that may be under way, and who waits for it.
#[derive(Default)]
pub(super) struct Checking {
    sent_at: Option<DateTime<Utc>>,
    pub open: bool,
    pub again: bool,
    pub place: Place,
    tries: u8,
    /// An answer before this instant would prove nothing.
    not_before: Option<DateTime<Utc>>,
    doubts: BTreeMap<Sn, Doubt>,
    operators: Vec<RpcReplyPort<bool>>,
}

struct Doubt {
    rental: RentalId,
    since: DateTime<Utc>,
}

impl Checking {
    /// A cabinet that cannot be reached is asked when it is back.
    pub fn next_due(&self, reachable: bool) -> Option<DateTime<Utc>> {
        let sent_at = self.sent_at.unwrap_or(DateTime::UNIX_EPOCH);
        match (self.open, self.again && reachable && self.place.queued.is_none()) {
            (true, _) => Some(sent_at + ANSWER),
            (false, true) => Some((sent_at + GAP).max(self.not_before.unwrap_or(sent_at))),
            (false, false) => None,
        }
    }

    pub fn has_no_doubt(&self) -> bool {
        self.doubts.is_empty()
    }

    /// What was asked over a session that is gone is lost with it.
    pub fn lost(&mut self) {
        self.open = false;
    }

    pub fn somebody_waits(&self) -> bool {
        !self.operators.is_empty()
    }

    /// A report came over the trusted session.
    pub fn answered(&mut self, at: DateTime<Utc>) {
        if self.sent_at.is_some_and(|sent_at| sent_at <= at) {
            self.open = false;
            self.tries = 0;
        }
        for reply in self.operators.drain(..) {
            let _ = reply.send(true); // who asked may have gone
        }
    }
}

impl State {
    /// A rental has a claim about its bank here that is not enough to close it.
    pub(super) async fn doubt(&mut self, rental: RentalId, sn: Sn) {
        let since = self.now();
        self.check.doubts.insert(sn, Doubt { rental, since });
        self.ask_for_report("return").await;
    }

    pub(super) async fn asked_to_check(&mut self, reply: RpcReplyPort<bool>) {
        if !self.is_reachable() {
            let _ = reply.send(false);
            return;
        }
        self.check.operators.push(reply);
        self.ask_for_report("operator").await;
    }

    /// Asks the cabinet for a report, or remembers to ask when it may be asked again.
    pub(super) async fn ask_for_report(&mut self, reason: &'static str) {
        let now = self.now();
        self.check.place.is_hinted |= HINTS.contains(&reason);
        let early = self.check.sent_at.is_some_and(|sent_at| now - sent_at < GAP);
        if self.check.open || early || !self.is_reachable() || !self.takes_turn(reason) {
            self.check.again = true;
            return;
        }
        self.check.not_before = self.check.not_before.filter(|at| *at > now);
        self.send_check(reason).await;
        self.check.again = !self.check.open;
    }

    /// Somebody calls `connect` in its name and is let in if it does not answer in time: this
    /// check waits for no turn.
    pub(super) async fn ask_at_once(&mut self) {
        let now = self.now();
        let early = self.check.sent_at.is_some_and(|sent_at| now - sent_at < GAP);
        if self.check.open || early || !self.is_reachable() {
            self.check.again = true;
            return;
        }
        self.context.storm.hurry(self.id(), now);
        self.check.place.take(None);
        self.send_check("connect").await;
        self.check.again = !self.check.open;
    }

    /// Somebody calls over HTTP as a cabinet that cannot be reached, on a broker that does not
    /// tell who comes: only its answer over its own session says that it is there.
    pub(super) async fn ask_whether_there(&mut self) {
        let untold = self.presence.session == Session::Untold && self.context.link_is_up();
        let early = self.check.sent_at.is_some_and(|sent_at| self.now() - sent_at < GAP);
        if untold && !self.is_reachable() && !early {
            self.send_check("called").await;
        }
    }

    pub(super) async fn send_check(&mut self, reason: &'static str) {
        let now = self.now();
        metrics::CHECKS.inc([reason]);
        self.check.place.is_hinted = false;
        self.check.sent_at = Some(now);
        self.check.open = self.send(&Downlink::CheckAll, now + ANSWER).await;
        if !self.check.open {
            self.context.storm.spare(self.id());
        }
    }

    /// A report answers for what was asked before it; what was asked since wants another.
    pub(super) async fn check_again(&mut self) {
        let soon = self.check.not_before.is_some_and(|at| at > self.now());
        if self.check.again && !self.check.open && !soon {
            self.ask_for_report("again").await;
        }
    }

    pub(super) async fn check_due(&mut self) {
        let now = self.now();
        if self.check.next_due(self.is_reachable()).is_none_or(|due| due > now) {
            return;
        }
        if self.check.open {
            self.check.open = false;
            self.check.tries = self.check.tries.saturating_add(1);
            self.check.operators.drain(..).for_each(|reply| drop(reply.send(false)));
            let is_wanted = self.check.place.is_owed || !self.check.has_no_doubt();
            self.check.again |= is_wanted && self.check.tries < TRIES;
            if self.check.again {
                self.context.storm.spare(self.id());
            } else {
                self.leave_line(Ended::Unanswered);
            }
        }
        if self.check.again {
            self.ask_for_report("again").await;
        }
    }

    /// What a report on the trusted session says about banks in doubt: there, or, if the
    /// report is whole, not there.
    pub(super) fn settle_claims(&mut self, snapshot: &Snapshot, whole: bool, received: Received) {
        if !received.live {
            return;
        }
        let at = received.at;
        let decided: Vec<(Sn, RentalId)> = self
            .check
            .doubts
            .iter()
            .filter(|(_, doubt)| doubt.since <= at)
            .map(|(sn, doubt)| (sn.clone(), doubt.rental))
            .collect();
        for (sn, rental) in decided {
            let Some(stored) = self.context.rentals.stored(rental) else {
                self.check.doubts.remove(&sn);
                continue;
            };
            if let Some(until) = self.echoes_until(&stored.rental).filter(|until| at < *until) {
                self.ask_after(&sn, until);
                continue;
            }
            let mut rows = snapshot.slots.iter();
            let row = rows.find(|(_, reading)| present(reading) == Some(&sn));
            let command = match row {
                Some((key, _)) => {
                    Command::Confirm(self.claim_from_report(*key, snapshot, received))
                }
                None if whole && self.is_denied(&stored.rental, snapshot) => {
                    Command::Deny { station: self.id(), at }
                }
                None => continue,
            };
            let message = rental::Msg::caused(command, Cause::default());
            if self.context.tell_rental(rental, message) {
                self.check.doubts.remove(&sn);
            }
        }
    }

    /// No slot that its bank is said to be in can hold it.
    fn is_denied(&self, rental: &Rental, snapshot: &Snapshot) -> bool {
        let mut here = rental.claims.iter().filter(|claim| claim.station == self.id());
        here.all(|claim| denies(snapshot, claim.key, &rental.bank)) && !snapshot.names(&rental.bank)
    }

    /// A report soon after an eject here may still show the bank, and proves nothing.
    fn echoes_until(&self, rental: &Rental) -> Option<DateTime<Utc>> {
        let since = rental.since().filter(|_| rental.station == self.id())?;
        Some(since + self.context.settings.terms.settle)
    }

    fn ask_after(&mut self, sn: &Sn, until: DateTime<Utc>) {
        if let Some(doubt) = self.check.doubts.get_mut(sn) {
            doubt.since = until;
        }
        self.check.again = true;
        self.check.not_before = self.check.not_before.max(Some(until));
    }

    /// Doubts that a station which starts again had: rentals know their claims.
    pub(super) fn recover_doubts(&mut self) {
        let since = self.now();
        for (rental, sn) in self.context.rentals.claimed_at(self.id()) {
            self.check.doubts.insert(sn, Doubt { rental, since });
            self.check.again = true;
        }
    }
}
