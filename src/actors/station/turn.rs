//! A cabinet's place among those that are asked for a report: how urgent it is, and what
//! happens when its turn comes. When to ask at all is decided elsewhere.

use super::State;
use crate::actors::storm::{Ended, Rank};

impl State {
    /// What is asked first: what somebody waits for, then where a bank may have come back.
    fn rank(&self) -> Rank {
        if self.lane.is_busy() || self.check.somebody_waits() {
            Rank::Command
        } else if self.check.has_no_doubt() && !self.check.is_hinted() {
            Rank::Rest
        } else {
            Rank::Return
        }
    }

    /// Whether the cabinet may be asked now; if not, its turn comes.
    pub(super) fn takes_turn(&mut self, reason: &'static str) -> bool {
        let (id, now) = (self.id(), self.now());
        if self.check.is_owed() {
            self.context.storm.back(id, now);
        }
        let granted = self.context.storm.ask(id, self.rank(), now);
        self.check.stands_in_line((!granted).then_some(reason));
        granted
    }

    pub(super) async fn turn_came(&mut self) {
        let reason = self.check.queued.take();
        match reason.filter(|_| self.is_reachable() && !self.check.open) {
            Some(reason) => self.send_check(reason).await,
            None => self.context.storm.spare(self.id()),
        }
        if reason.is_some() {
            self.check.again = !self.check.open;
        }
    }

    /// A report that lists every slot came before the turn: unless somebody waits for an answer
    /// to what is asked, it is the answer.
    pub(super) fn leave_line_unless_wanted(&mut self) {
        if self.check.queued.is_some() && self.rank() == Rank::Rest {
            self.check.queued = None;
            self.check.again = false;
        }
    }

    /// It cannot be asked any more, for now.
    pub(super) fn leave_line(&mut self) {
        if self.check.leaves_line() {
            self.context.storm.over(self.id(), Ended::Gone, self.now());
        }
    }
}
