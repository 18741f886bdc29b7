//! A cabinet without its cables: told what came in and what time it is, it says what goes out.
//!
//! It owns power, phases, duties, rack and faults. It never waits, reads a clock or touches a
//! socket, so that every behaviour can be tested by itself.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde::Serialize;

use crate::calls::{Access, CallError, CallKind, HttpAnswer};
use crate::clock::Now;
use crate::events::{Counts, Event, Log};
use crate::faults::Faults;
use crate::rack::Rack;
use crate::script::Step;
use crate::spec::Spec;
use crate::timers::Timers;

mod action;
mod due;
mod duties;
mod ejects;
mod life;
mod orders;
mod play;
mod returns;
mod snapshot;
mod uplink;

#[cfg(test)]
mod tests;

pub use action::{Action, Dial, HangUp};
use due::Due;
pub use life::Downfall;
pub use snapshot::{SlotView, Snapshot};
use uplink::Uplink;

/// Where a cabinet is on its way to being online.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Off,
    Booting,
    Connecting,
    Configuring,
    Dialling,
    Online,
    /// Waits before the next attempt.
    Backoff,
}

/// Ways to the server that are cut.
#[derive(Debug, Default)]
struct Cuts {
    mqtt: bool,
    http: bool,
}

/// The cabinet. Feed it, then `drain` its actions and sleep until `due`.
pub struct Machine {
    spec: Spec,
    pub(crate) faults: Faults,
    rack: Rack,
    chance: SmallRng,
    log: Log,
    timers: Timers<Due>,
    actions: VecDeque<Action>,
    phase: Phase,
    cuts: Cuts,
    access: Option<Access>,
    /// Attempts in a row that failed.
    failures: u32,
    /// Attempts at a session since the account was given or the last one stood.
    dials: u32,
    /// Was online since the last boot, so that its duties run.
    settled: bool,
    /// Heartbeats without an echo, in a row.
    unechoed: u32,
    last_beat: Option<Bytes>,
    /// An eject runs.
    ejecting: bool,
    waiting_ejects: VecDeque<ejects::Eject>,
    /// A frame that waits for the next one.
    held: Option<Uplink>,
    last_sent: BTreeMap<crate::faults::FrameKind, Uplink>,
    settings: BTreeMap<String, String>,
    flags: BTreeMap<String, String>,
    script: Vec<Step>,
    /// Commands since the script was started, by name.
    heard: BTreeMap<String, u32>,
}

impl Machine {
    /// A cabinet without power. Banks in slots it does not have are left out.
    pub fn new(mut spec: Spec) -> Machine {
        let mut rack = Rack::new(&spec.layout);
        for (key, bank) in std::mem::take(&mut spec.banks) {
            if rack.room(&bank.sn, Some(key)).is_ok() {
                rack.put(key, bank);
            }
        }
        let log = Log::new(spec.uuid.clone(), spec.events_kept, spec.observer.clone());
        Machine {
            faults: std::mem::take(&mut spec.faults),
            chance: SmallRng::seed_from_u64(seed(&spec)),
            rack,
            log,
            timers: Timers::default(),
            actions: VecDeque::new(),
            phase: Phase::Off,
            cuts: Cuts::default(),
            access: None,
            failures: 0,
            dials: 0,
            settled: false,
            unechoed: 0,
            last_beat: None,
            ejecting: false,
            waiting_ejects: VecDeque::new(),
            held: None,
            last_sent: BTreeMap::new(),
            settings: BTreeMap::new(),
            flags: BTreeMap::new(),
            script: Vec::new(),
            heard: BTreeMap::new(),
            spec,
        }
    }

    /// Does all that is due.
    pub fn tick(&mut self, now: Now) {
        while let Some(due) = self.timers.pop(now.up) {
            match due {
                Due::Boot | Due::Connect => self.connect(now),
                Due::Redial => self.dial(now),
                Due::Heartbeat => self.heartbeat(now),
                Due::Report => self.periodic_report(now),
                Due::Upload => self.upload(now),
                Due::Adverts => self.adverts(now),
                Due::CheckAnswer { may_list_five } => self.answer_check(now, may_list_five),
                Due::WifiAnswer => self.answer_wifi(now),
                Due::Release(eject) => self.release(now, eject),
                Due::EjectAnswer(answer) => self.answer_eject(now, &answer),
                Due::Send(uplink) => self.emit(now, uplink),
                Due::HttpReturn { sn, slot, level } => self.http_return(now, &sn, slot, level),
                Due::SelfCheck { key } => self.self_check(now, key),
                Due::Transmit(uplink) => self.transmit(now, uplink),
                Due::FlushHeld => self.flush_held(now),
                Due::FallBack { sn } => self.fall_back(now, &sn),
                Due::Step(index) => self.play(now, index),
            }
        }
    }

    /// When `tick` has to be called next.
    pub fn due(&self) -> Option<Duration> {
        self.timers.due()
    }

    /// Takes the actions since the last call.
    pub fn drain(&mut self) -> impl Iterator<Item = Action> + use<> {
        std::mem::take(&mut self.actions).into_iter()
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    pub fn rack(&self) -> &Rack {
        &self.rack
    }

    pub fn counts(&self) -> &Counts {
        &self.log.counts
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub fn snapshot(&mut self, now: Now) -> Snapshot {
        self.rack.charge(now.up, self.spec.timing.charge_percent, self.is_powered());
        let view = |slot: &crate::rack::Slot| SlotView { key: slot.key, bank: slot.bank.clone() };
        Snapshot {
            uuid: self.spec.uuid.clone(),
            phase: self.phase,
            powered: self.is_powered(),
            slots: self.rack.slots().iter().map(view).collect(),
            tray: self.rack.tray().to_vec(),
            counts: self.log.counts.clone(),
            settings: self.settings.clone(),
            flags: self.flags.clone(),
        }
    }

    /// An HTTP call came to its end.
    pub fn answered(&mut self, now: Now, call: CallKind, result: Result<HttpAnswer, CallError>) {
        let event = match &result {
            Ok(answer) => Event::Answered { call, status: answer.status, ok: answer.is_ok() },
            Err(error) => Event::Unanswered { call, error: *error },
        };
        self.note(now, event);
        match call {
            CallKind::Connect => self.connect_answered(now, result),
            CallKind::Config => self.config_answered(now, result),
            CallKind::Report | CallKind::Return | CallKind::Adverts | CallKind::Firmware => {}
        }
    }

    fn is_powered(&self) -> bool {
        !matches!(self.phase, Phase::Off)
    }

    /// Boards run, and what happens in the slots is seen.
    fn is_running(&self) -> bool {
        !matches!(self.phase, Phase::Off | Phase::Booting)
    }

    fn note(&mut self, now: Now, event: Event) {
        self.log.push(now, event);
    }

    fn after(&mut self, now: Now, delay: Duration, due: Due) {
        self.timers.set(now.up.saturating_add(delay), due);
    }

    /// The next round of a duty; never at the same instant, whatever the period.
    fn again(&mut self, now: Now, period: Option<Duration>, due: Due) {
        if let Some(period) = period {
            self.after(now, period.max(Duration::from_millis(1)), due);
        }
    }
}

/// Cabinets with the same seed still differ from each other.
fn seed(spec: &Spec) -> u64 {
    let mix = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    spec.uuid.as_str().bytes().fold(spec.seed ^ 0xcbf2_9ce4_8422_2325, mix)
}
