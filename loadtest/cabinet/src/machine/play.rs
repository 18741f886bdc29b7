//! Plays a script: steps at their time, steps on their cue.

use std::time::Duration;

use domain::ids::SlotKey;

use super::{Due, Machine};
use crate::clock::Now;
use crate::events::{Event, RebootCause};
use crate::script::{Act, Script, When};

impl Machine {
    /// Starts a script; one that was running is dropped.
    pub fn script(&mut self, now: Now, script: Script) {
        self.timers.retain(|due| !matches!(due, Due::Step(_)));
        self.heard.clear();
        self.script = script.steps;
        for index in 0..self.script.len() {
            if let When::At { ms } = self.script[index].when {
                self.after(now, Duration::from_millis(ms), Due::Step(index));
            }
        }
    }

    /// What the row of a slot says instead of the truth; `None` is the truth again.
    pub fn bend(&mut self, key: SlotKey, state: Option<u8>, sensor: Option<u8>) {
        if let Some(slot) = self.rack.slot_mut(key) {
            slot.state = state;
            slot.sensor = sensor;
        }
    }

    /// A command came in that steps may wait for.
    pub(super) fn cue(&mut self, now: Now, name: &str) {
        if self.script.is_empty() {
            return;
        }
        let heard = self.heard.entry(name.to_owned()).or_default();
        *heard += 1;
        let heard = *heard;
        for index in 0..self.script.len() {
            if let When::On { command, nth, after_ms } = &self.script[index].when
                && command == name
                && *nth == heard
            {
                let after = Duration::from_millis(*after_ms);
                if after.is_zero() {
                    self.play(now, index);
                } else {
                    self.after(now, after, Due::Step(index));
                }
            }
        }
    }

    pub(super) fn play(&mut self, now: Now, index: usize) {
        let Some(step) = self.script.get(index) else { return };
        let act = step.act.clone();
        self.note(now, Event::Step { index });
        match act {
            Act::Rule(rule) => self.faults.add(rule),
            Act::Switches(switches) => self.faults.switches = switches,
            Act::Clear => self.faults.clear(),
            Act::Cut(cut) => self.cut(now, cut),
            Act::Restore => self.restore(now),
            Act::Power(on) => self.power(now, on),
            Act::Reboot => self.reboot(now, RebootCause::Caller),
            Act::Insert { bank, slot } => drop(self.insert(now, bank, slot)),
            Act::Take { sn } => drop(self.take(now, &sn)),
            Act::Slot { key, state, sensor } => self.bend(key, state, sensor),
            Act::Upload => self.upload(now),
        }
    }
}
