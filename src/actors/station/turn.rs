//! A cabinet's place among those that are asked for a report: how urgent it is, and what
//! happens when its turn comes. When to ask at all is decided elsewhere.

use chrono::{DateTime, Utc};

use super::State;
use crate::actors::storm::{Ended, Rank};

/// What the line is told, and was told.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The turn is waited for, for this reason.
    pub queued: Option<&'static str>,
    /// It came back and has not said what it holds since.
    pub is_owed: bool,
    /// Something was said of a bank that only a report can tell.
    pub is_hinted: bool,
    /// It asked for a turn: the line is told how that ends.
    is_known: bool,
}

impl Place {
    /// The reason that is waited for, none when it need not wait.
    pub fn take(&mut self, reason: Option<&'static str>) {
        self.queued = reason.map(|reason| self.queued.unwrap_or(reason));
        self.is_known = true;
    }
}

impl State {
    /// What is asked first: what somebody waits for, then where a bank may have come back.
    fn rank(&self) -> Rank {
        if self.lane.is_busy() || self.check.somebody_waits() {
            Rank::Command
        } else if self.check.has_no_doubt() && !self.check.place.is_hinted {
            Rank::Rest
        } else {
            Rank::Return
        }
    }

    /// Whether the cabinet may be asked now; if not, its turn comes.
    pub(super) fn takes_turn(&mut self, reason: &'static str) -> bool {
        let (id, now) = (self.id(), self.now());
        if self.check.place.is_owed {
            self.context.storm.back(id, now);
        }
        let granted = self.context.storm.ask(id, self.rank(), now);
        self.check.place.take((!granted).then_some(reason));
        granted
    }

    pub(super) async fn turn_came(&mut self) {
        let reason = self.check.place.queued.take();
        match reason.filter(|_| self.is_reachable() && !self.check.open) {
            Some(reason) => self.send_check(reason).await,
            None => self.context.storm.spare(self.id()),
        }
        if reason.is_some() {
            self.check.again = !self.check.open;
        }
    }

    /// A report came over the trusted session; one that lists every slot is what a cabinet owes
    /// that came back.
    pub(super) fn answered(&mut self, at: DateTime<Utc>, whole: bool) {
        self.check.answered(at);
        if whole {
            self.check.place.is_owed = false;
            self.leave_line_unless_wanted();
        }
        if self.check.place.is_known {
            self.leave_line(if whole { Ended::Reconciled } else { Ended::Unanswered });
        }
    }

    /// A report that lists every slot came before the turn: unless somebody waits for an answer
    /// to what is asked, it is the answer.
    fn leave_line_unless_wanted(&mut self) {
        if self.check.place.queued.is_some() && self.rank() == Rank::Rest {
            self.check.place.queued = None;
            self.check.again = false;
        }
    }

    /// It is not waited for any more, for now; what is still wanted is asked for anew.
    pub(super) fn leave_line(&mut self, how: Ended) {
        self.check.again |= self.check.place.queued.take().is_some();
        if std::mem::take(&mut self.check.place.is_known) {
            self.context.storm.over(self.id(), how, self.now());
        }
    }
}
