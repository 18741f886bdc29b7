//! From power to being online and back: boot, connect, config, broker, retries, reboots, cuts.

use std::time::Duration;

use rand::Rng;

use super::{Action, Dial, Due, HangUp, Machine, Phase};
use crate::calls::{self, Access, CallError, HttpAnswer, HttpCall};
use crate::clock::Now;
use crate::events::{Event, RebootCause};
use crate::script::Cut;
use crate::timing::Timing;

/// Why a session ended or did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Downfall {
    /// The broker said no, with the code of its CONNACK.
    Refused(u8),
    Lost(String),
}

/// Attempts at a session that fail in a row before the account is asked for anew.
const DIALS_MAX: u32 = 5;

impl Machine {
    /// Turns the power on or off; nothing happens when it is so already.
    pub fn power(&mut self, now: Now, on: bool) {
        if on == self.is_powered() {
            return;
        }
        self.rack.charge(now.up, self.spec.timing.charge_percent, !on);
        self.note(now, Event::Power { on });
        if on {
            self.boot(now);
        } else {
            self.halt();
            self.phase = Phase::Off;
        }
    }

    /// Starts anew, as after a power cut but without one.
    pub fn reboot(&mut self, now: Now, cause: RebootCause) {
        if !self.is_powered() {
            return;
        }
        self.note(now, Event::Reboot { cause });
        self.halt();
        self.boot(now);
    }

    /// Cuts a way to the server.
    pub fn cut(&mut self, now: Now, cut: Cut) {
        if matches!(cut, Cut::Mqtt | Cut::Both) && !self.cuts.mqtt {
            self.cuts.mqtt = true;
            if matches!(self.phase, Phase::Online | Phase::Dialling) {
                self.hang_up();
                self.lose_session(now, "the way to the broker is cut".to_owned());
            }
        }
        if matches!(cut, Cut::Http | Cut::Both) && !self.cuts.http {
            self.cuts.http = true;
            self.actions.push_back(Action::DropCalls);
            if matches!(self.phase, Phase::Connecting | Phase::Configuring) {
                self.retry(now, Due::Connect);
            }
        }
        self.note_links(now);
    }

    /// Makes both ways whole; a cabinet that was waiting tries at once.
    pub fn restore(&mut self, now: Now) {
        self.cuts.mqtt = false;
        self.cuts.http = false;
        self.note_links(now);
        if self.phase == Phase::Backoff {
            self.failures = 0;
            let from_connect = self.access.is_none();
            self.timers.retain(|due| !matches!(due, Due::Connect | Due::Redial));
            self.timers.set(now.up, if from_connect { Due::Connect } else { Due::Redial });
        }
    }

    /// The broker let it in. `refused` are topics it may not listen to.
    pub fn session_up(&mut self, now: Now, session_present: bool, refused: Vec<String>) {
        self.phase = Phase::Online;
        (self.failures, self.dials) = (0, 0);
        self.note(now, Event::Online { session_present });
        for topic in refused {
            self.note(now, Event::SubscribeRefused { topic });
        }
        let timing = &self.spec.timing;
        if self.settled {
            let report = timing.reconnect_report.map(|after| (after, Due::Upload));
            self.schedule(now, [report]);
            return;
        }
        let first = [
            timing.first_report.map(|after| (after, Due::Report)),
            timing.first_heartbeat.map(|after| (after, Due::Heartbeat)),
            timing.first_adverts.map(|after| (after, Due::Adverts)),
        ];
        self.settled = true;
        self.schedule(now, first);
        self.check_changed_slots(now);
    }

    /// The session ended, or could not be made.
    pub fn session_down(&mut self, now: Now, why: Downfall) {
        if !matches!(self.phase, Phase::Online | Phase::Dialling) {
            return;
        }
        match why {
            Downfall::Refused(code) => {
                self.note(now, Event::BrokerRefused { code });
                self.access = None;
                self.retry(now, Due::Connect);
            }
            Downfall::Lost(reason) => self.lose_session(now, reason),
        }
    }

    pub(super) fn connect(&mut self, now: Now) {
        self.phase = Phase::Connecting;
        self.access = None;
        self.call(now, calls::connect(self.spec.generation, &self.spec.uuid));
    }

    pub(super) fn connect_answered(&mut self, now: Now, result: Result<HttpAnswer, CallError>) {
        if self.phase != Phase::Connecting {
            return;
        }
        let Some(mut access) = result.as_ref().ok().and_then(HttpAnswer::access) else {
            self.note(now, Event::ConnectRefused { status: result.ok().map(|a| a.status) });
            return self.retry(now, Due::Connect);
        };
        if let Some((host, port)) = self.spec.broker.clone() {
            (access.host, access.port) = (host, port);
        }
        let Access { host, port, username, .. } = access.clone();
        self.note(now, Event::Connected { host, port, username });
        self.access = Some(access);
        self.dials = 0;
        self.phase = Phase::Configuring;
        self.call(now, calls::config(self.spec.generation, &self.spec.uuid));
    }

    pub(super) fn config_answered(&mut self, now: Now, result: Result<HttpAnswer, CallError>) {
        if self.phase != Phase::Configuring {
            return;
        }
        let Some(flags) = result.ok().and_then(|answer| answer.flags()) else {
            return self.retry(now, Due::Connect);
        };
        self.flags = flags;
        self.note(now, Event::Configured);
        self.dial(now);
    }

    pub(super) fn dial(&mut self, now: Now) {
        let Some(access) = self.access.clone().filter(|_| self.dials < DIALS_MAX) else {
            return self.connect(now);
        };
        self.phase = Phase::Dialling;
        self.dials += 1;
        if self.cuts.mqtt {
            return self.retry(now, Due::Redial);
        }
        let switches = &self.faults.switches;
        let topics = [self.topic("get"), self.topic("heart")];
        self.actions.push_back(Action::Dial(Box::new(Dial {
            host: access.host,
            port: access.port,
            client_id: switches.client_id.clone().unwrap_or(access.client_id),
            username: access.username,
            password: access.password,
            topics,
        })));
    }

    /// One of the topics it believes to be its own.
    pub(crate) fn topic(&self, channel: &str) -> String {
        let product = self.access.as_ref().map_or("powerbank", |access| &access.product);
        let uuid = self.faults.switches.topics_of.as_ref().unwrap_or(&self.spec.uuid);
        format!("/{product}/{uuid}/user/{channel}")
    }

    /// Makes a call, or has it fail at once when there is no way.
    pub(super) fn call(&mut self, now: Now, call: HttpCall) {
        if self.cuts.http {
            self.answered(now, call.kind, Err(CallError::Cut));
        } else {
            self.actions.push_back(Action::Call(call));
        }
    }

    fn boot(&mut self, now: Now) {
        self.phase = Phase::Booting;
        self.after(now, self.spec.timing.boot, Due::Boot);
    }

    /// Everything but the mechanics and the script stops and is forgotten.
    fn halt(&mut self) {
        self.timers.retain(|due| matches!(due, Due::Step(_) | Due::FallBack { .. }));
        self.actions.push_back(Action::DropCalls);
        self.hang_up();
        self.access = None;
        self.failures = 0;
        self.settled = false;
        self.unechoed = 0;
        self.last_beat = None;
        self.ejecting = false;
        self.waiting_ejects.clear();
        self.held = None;
    }

    fn hang_up(&mut self) {
        let half_open = self.faults.switches.half_open;
        let how = if half_open { HangUp::HalfOpen } else { HangUp::Closed };
        self.actions.push_back(Action::HangUp(how));
    }

    fn lose_session(&mut self, now: Now, reason: String) {
        self.note(now, Event::Offline { reason });
        self.retry(now, Due::Redial);
    }

    /// Waits before the next attempt: twice as long each time, up to the longest pause, less up
    /// to half of it by chance.
    fn retry(&mut self, now: Now, due: Due) {
        let Timing { retry_min, retry_max, .. } = self.spec.timing.clone();
        let doubled = retry_min.saturating_mul(1 << self.failures.min(16));
        let pause = doubled.min(retry_max).max(Duration::from_millis(1));
        let share = self.chance.random_range(500..=1000);
        self.failures += 1;
        self.phase = Phase::Backoff;
        self.after(now, pause * share / 1000, due);
    }

    fn schedule<const N: usize>(&mut self, now: Now, duties: [Option<(Duration, Due)>; N]) {
        for (after, due) in duties.into_iter().flatten() {
            self.after(now, after, due);
        }
    }

    fn note_links(&mut self, now: Now) {
        self.note(now, Event::Link { mqtt: !self.cuts.mqtt, http: !self.cuts.http });
    }
}
