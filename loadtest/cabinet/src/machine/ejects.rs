//! Letting banks out: what a cabinet checks, how long the mechanics take, what it answers
//! (protocol page 4, 6.2, 6.3 and table 7.2).

use std::time::Duration;

use domain::ids::{SlotKey, Sn};

use super::uplink::Uplink;
use super::{Due, Machine};
use crate::clock::Now;
use crate::command::Command;
use crate::events::Event;
use crate::faults::{Fault, FrameKind};
use crate::frames;
use crate::spec::Generation;

const OUT: u8 = 0x01;
const NO_CLOCK: u8 = 0x87;
const TOO_LATE: u8 = 0x88;
const NO_SUITABLE_BANK: u8 = 0xFB;
const NOT_HERE: u8 = 0xFC;
const QUEUE_FULL: u8 = 0xFD;
const BUSY: u8 = 0xFE;
const NOT_UNDERSTOOD: u8 = 0xFF;

/// Solenoid byte of a normal eject, and of one that did not happen.
const SOLENOID_NORMAL: u8 = 0x02;
const SOLENOID_IDLE: u8 = 0x00;
/// State of a slot whose bank is stuck.
const JAMMED: u8 = 0x04;

/// What the server asked for.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Bank(Sn),
    Slot(SlotKey),
}

/// An accepted eject on its way.
#[derive(Debug)]
pub(super) struct Eject {
    wanted: Wanted,
    key: SlotKey,
    code: u8,
    out: bool,
    jam: bool,
    slower: Duration,
    fall_back: Option<Duration>,
    answer_sn: Option<Sn>,
}

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Answer {
    wanted: Wanted,
    code: u8,
    solenoid: u8,
    key: Option<SlotKey>,
    /// It ends a running eject, not a refused one.
    ends_run: bool,
}

impl Machine {
    pub(super) fn popup_sn(&mut self, now: Now, command: &Command) {
        let sn = Sn::from(command.field("data").unwrap_or_default());
        if sn.as_str().parse::<u32>().is_err() {
            return self.refuse(now, Wanted::Bank(Sn::from("0")), NOT_UNDERSTOOD);
        }
        let key = self.rack.find(&sn);
        self.admit(now, command, Wanted::Bank(sn), key, NOT_HERE);
    }

    pub(super) fn popup(&mut self, now: Now, command: &Command) {
        let Some(key) = command.slot() else {
            return self.refuse(now, Wanted::Slot(SlotKey::new(0, 0)), NOT_UNDERSTOOD);
        };
        let full = self.rack.slot(key).is_some_and(|slot| slot.bank.is_some());
        let found = full.then_some(key);
        self.admit(now, command, Wanted::Slot(key), found, NO_SUITABLE_BANK);
    }

    /// The checks in firmware's order; then the eject starts, waits, or is refused.
    fn admit(
        &mut self,
        now: Now,
        command: &Command,
        wanted: Wanted,
        key: Option<SlotKey>,
        absent: u8,
    ) {
        if let Some(code) = self.too_late(now, command) {
            return self.refuse(now, wanted, code);
        }
        if self.faults.strikes(&mut self.chance, &Fault::QueueFull) {
            return self.refuse(now, wanted, QUEUE_FULL);
        }
        if self.ejecting && self.waiting_ejects.len() >= self.spec.eject_queue {
            let code = if self.spec.eject_queue == 0 { BUSY } else { QUEUE_FULL };
            return self.refuse(now, wanted, code);
        }
        let Some(key) = key else { return self.refuse(now, wanted, absent) };
        let eject = self.prepare(wanted, key);
        if self.ejecting {
            self.waiting_ejects.push_back(eject);
        } else {
            self.start_eject(now, eject);
        }
    }

    fn too_late(&mut self, now: Now, command: &Command) -> Option<u8> {
        let limit = command.limit()?;
        if self.faults.strikes(&mut self.chance, &Fault::NoClock) {
            return Some(NO_CLOCK);
        }
        let switches = &self.faults.switches;
        let unix_s = now.unix_ms / 1000 + switches.clock_ahead_s;
        (!switches.ignores_ttl && limit.is_over(unix_s)).then_some(TOO_LATE)
    }

    /// An eject as the rules will have it.
    fn prepare(&mut self, wanted: Wanted, key: SlotKey) -> Eject {
        let result = self.faults.strike(&mut self.chance, |fault| {
            if let Fault::EjectCode { code, out } = fault {
                return Some((*code, *out, false));
            }
            let Fault::Jam { code } = fault else { return None };
            Some((*code, false, true))
        });
        let slower = self.faults.strike(&mut self.chance, |fault| {
            let Fault::SlowEject { by_ms } = fault else { return None };
            Some(Duration::from_millis(*by_ms))
        });
        let fall_back = self.faults.strike(&mut self.chance, |fault| {
            let Fault::FallBack { after_ms } = fault else { return None };
            Some(Duration::from_millis(*after_ms))
        });
        let answer_sn = self.faults.strike(&mut self.chance, |fault| {
            let Fault::WrongSn { sn } = fault else { return None };
            Some(sn.clone())
        });
        let (code, out, jam) = result.unwrap_or((OUT, true, false));
        let slower = slower.unwrap_or_default();
        Eject { wanted, key, code, out, jam, slower, fall_back, answer_sn }
    }

    fn start_eject(&mut self, now: Now, eject: Eject) {
        self.ejecting = true;
        self.after(now, self.spec.timing.eject + eject.slower, Due::Release(eject));
    }

    /// The mechanics have done what they could.
    pub(super) fn release(&mut self, now: Now, eject: Eject) {
        self.rack.charge(now.up, self.spec.timing.charge_percent, true);
        let shown_until = now.up + self.spec.timing.settle;
        let released = if eject.out { self.rack.release(eject.key, shown_until) } else { None };
        if let Some(sn) = released {
            if let Some(after) = eject.fall_back {
                self.after(now, after, Due::FallBack { sn: sn.clone() });
            }
            self.note(now, Event::Ejected { sn, key: eject.key });
        } else {
            let sn = eject.wanted.sn().cloned();
            self.note(now, Event::NotEjected { sn, code: eject.code });
        }
        if let Some(slot) = self.rack.slot_mut(eject.key).filter(|_| eject.jam) {
            slot.state = Some(JAMMED);
        }
        let wanted = eject.answer_sn.map_or(eject.wanted, Wanted::Bank);
        let solenoid = if eject.out { SOLENOID_NORMAL } else { SOLENOID_IDLE };
        let (key, code) = (Some(eject.key), eject.code);
        let answer = Answer { wanted, code, solenoid, key, ends_run: true };
        self.after(now, self.spec.timing.eject_reply, Due::EjectAnswer(answer));
    }

    pub(super) fn answer_eject(&mut self, now: Now, answer: &Answer) {
        let Answer { wanted, code, solenoid, key, ends_run } = answer;
        let frame = match wanted {
            Wanted::Bank(sn) => frames::ejected_sn(self.position(*key), sn, *code, *solenoid),
            Wanted::Slot(key) => frames::ejected_slot(&self.spec.layout, *key, *code, *solenoid),
        };
        self.emit(now, Uplink::update(FrameKind::EjectReply, frame));
        if *ends_run {
            self.ejecting = false;
            if let Some(next) = self.waiting_ejects.pop_front() {
                self.start_eject(now, next);
            }
        }
    }

    fn refuse(&mut self, now: Now, wanted: Wanted, code: u8) {
        self.note(now, Event::NotEjected { sn: wanted.sn().cloned(), code });
        let answer = Answer { wanted, code, solenoid: SOLENOID_IDLE, key: None, ends_run: false };
        self.after(now, self.spec.timing.eject_reply, Due::EjectAnswer(answer));
    }

    /// Newer firmware sends the slot, older a board.
    fn position(&self, key: Option<SlotKey>) -> u8 {
        let Some(key) = key else { return 0 };
        match self.spec.generation {
            Generation::Newer => key.slot.to_be_bytes()[1],
            Generation::Older | Generation::OlderScreen => 1,
        }
    }
}

impl Wanted {
    fn sn(&self) -> Option<&Sn> {
        match self {
            Wanted::Bank(sn) => Some(sn),
            Wanted::Slot(_) => None,
        }
    }
}
