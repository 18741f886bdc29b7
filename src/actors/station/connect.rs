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
    /// Since when the broker, which began anew, has told nothing of the cabinet.
    untold_since: Option<DateTime<Utc>>,
}

impl Calling {
    pub fn new(untold_since: Option<DateTime<Utc>>) -> Calling {
        Calling { untold_since, ..Calling::default() }
    }

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
    /// Somebody asks for this cabinet's password. Where there is no room to wait, the cabinet is
    /// asked all the same, and the caller is told to come again.
    pub(super) async fn connecting(&mut self, may_wait: bool, reply: RpcReplyPort<bool>) {
        if !self.context.link_is_up() {
            return drop(reply); // whether it is there cannot be said: it may come again
        }
        let (there, now) = (self.seems_there(), self.now());
        let verdict = self.calling.doubt.called(there, now);
        match verdict {
            Verdict::Admit => drop(reply.send(true)),
            Verdict::Refuse => refuse(reply),
            Verdict::Wait | Verdict::Ask => {
                if may_wait {
                    self.calling.callers.push(reply);
                }
                if verdict == Verdict::Ask {
                    self.ask_at_once().await;
                }
            }
        }
        if self.calling.callers.len() > CALLERS_MAX {
            drop(self.calling.callers.remove(0));
        }
    }

    /// It can be reached; or our own broker has just begun anew, and the cabinet that was there
    /// until then may dial in at any moment. A restart can be seen by anybody, and who calls in
    /// its first seconds would get the password of every cabinet at once. So whoever calls in the
    /// name of one waits for it, once: cabinets that lost their power together with us pay these
    /// ten seconds, all at the same time, and no cabinet pays them that was away before.
    fn seems_there(&self) -> bool {
        let timing = &self.context.settings.presence;
        let comes_back = |began| self.presence.may_come_back(began, self.now(), timing);
        self.is_reachable() || self.calling.untold_since.is_some_and(comes_back)
    }

    /// The broker told of its session: it came, and whoever waits has it asked there, or it went.
    pub(super) fn session_told(&mut self, came: bool) {
        let now = self.now();
        self.calling.untold_since = None;
        if came {
            self.calling.doubt.came_back(now);
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
        self.calling = Calling::new(self.calling.untold_since);
    }

    /// A cabinet that is gone, or does not answer, may be the one that calls. While our own way
    /// to the broker is cut, that says nothing of it.
    pub(super) fn admit_callers(&mut self) {
        if !self.context.link_is_up() {
            return self.forget_callers();
        }
        if self.calling.doubt.is_over(self.seems_there(), self.now()) {
            self.calling.tell(true);
        }
    }
}

fn refuse(reply: RpcReplyPort<bool>) {
    metrics::ALARMS.inc(["connect_while_online"]);
    let _ = reply.send(false); // who called may have gone
}
