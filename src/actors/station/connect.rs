//! Calls of `connect` in the name of this cabinet: let in, refused, or waiting until the
//! cabinet itself was asked. It hands out no password.

use chrono::{DateTime, Utc};
use domain::connect::{Doubt, Verdict};
use ractor::RpcReplyPort;

use super::State;
use super::inbound::Received;
use crate::metrics;

/// Calls that may wait for one cabinet; who waited longest is told to come again.
const CALLERS_MAX: usize = 4;

/// Whether somebody calls in the cabinet's name, and who waits for an answer.
#[derive(Default)]
pub(super) struct Calling {
    doubt: Doubt,
    callers: Vec<RpcReplyPort<bool>>,
}

impl Calling {
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.doubt.due()
    }

    fn tell(&mut self, admitted: bool) {
        for reply in self.callers.drain(..) {
            let _ = reply.send(admitted); // who called may have gone
        }
    }
}

impl State {
    /// Somebody asks for this cabinet's password.
    pub(super) async fn connecting(&mut self, reply: RpcReplyPort<bool>) {
        if !self.context.link_is_up() {
            return drop(reply); // whether it is there cannot be said: it may come again
        }
        let (there, now) = (self.is_reachable(), self.now());
        match self.calling.doubt.called(there, now) {
            Verdict::Admit => drop(reply.send(true)),
            Verdict::Refuse => refuse(reply),
            Verdict::Wait => self.calling.callers.push(reply),
            Verdict::Ask => {
                self.calling.callers.push(reply);
                self.ask_for_report("connect").await;
            }
        }
        if self.calling.callers.len() > CALLERS_MAX {
            drop(self.calling.callers.remove(0));
        }
    }

    /// What it says over its own session: it has not started anew.
    pub(super) fn answers_itself(&mut self, received: Received) {
        if self.calling.doubt.heard(received.earliest, received.at) {
            for reply in std::mem::take(&mut self.calling.callers) {
                refuse(reply);
            }
        }
    }

    /// Nothing is heard from here on: who waits is told to come again, and what was found out
    /// is forgotten.
    pub(super) fn forget_callers(&mut self) {
        self.calling = Calling::default();
    }

    /// A cabinet that is gone, or does not answer, may be the one that calls. While our own way
    /// to the broker is cut, that says nothing of it.
    pub(super) fn admit_callers(&mut self) {
        if !self.context.link_is_up() {
            return self.forget_callers();
        }
        if self.calling.doubt.is_over(self.is_reachable(), self.now()) {
            self.calling.tell(true);
        }
    }
}

fn refuse(reply: RpcReplyPort<bool>) {
    metrics::ALARMS.inc(["connect_while_online"]);
    let _ = reply.send(false); // who called may have gone
}
