//! Banks coming in: by a rider's hand, by falling back, or while nobody looked (protocol page
//! 6.4, 6.5 and table 7.3).

use domain::ids::{SlotKey, Sn};

use super::uplink::{Uplink, Way};
use super::{Due, Machine};
use crate::bank::Bank;
use crate::calls;
use crate::clock::Now;
use crate::events::Event;
use crate::faults::{Fault, FrameKind};
use crate::frames;
use crate::rack::InsertError;

const ACCEPTED: u8 = 0x01;
const ACCEPTED_SWITCH_BROKEN: u8 = 0x03;
const WRONG_AREA: u8 = 0x10;
const ANTI_THEFT: u8 = 0x24;
const SN_NOT_READ: u8 = 0x11;

impl Machine {
    /// A hand puts a bank in: into a slot, or the first free one. A bank that was ejected here
    /// and not taken leaves the opening.
    pub fn insert(
        &mut self,
        now: Now,
        bank: Bank,
        slot: Option<SlotKey>,
    ) -> Result<SlotKey, InsertError> {
        let opening = self.rack.waiting(&bank.sn);
        let lying = self.rack.take(&bank.sn);
        let room = self.rack.room(&bank.sn, slot);
        match (&room, opening.zip(lying)) {
            (Ok(key), _) => self.admit_bank(now, *key, bank),
            (Err(_), Some((opening, lying))) => self.rack.reject(opening, lying),
            (Err(_), None) => {}
        }
        room
    }

    /// A hand takes a released bank.
    pub fn take(&mut self, now: Now, sn: &Sn) -> Option<Bank> {
        let bank = self.rack.take(sn)?;
        self.note(now, Event::Taken { sn: sn.clone() });
        Some(bank)
    }

    /// A released bank that nobody took slips back.
    pub(super) fn fall_back(&mut self, now: Now, sn: &Sn) {
        let Some(key) = self.rack.waiting(sn) else { return };
        if let Some(bank) = self.rack.take(sn) {
            self.admit_bank(now, key, bank);
        }
    }

    fn admit_bank(&mut self, now: Now, key: SlotKey, bank: Bank) {
        self.rack.charge(now.up, self.spec.timing.charge_percent, self.is_powered());
        let sn = bank.sn.clone();
        if !self.is_running() {
            self.rack.put(key, bank);
            if let Some(slot) = self.rack.slot_mut(key) {
                slot.changed_in_the_dark = true;
            }
            return self.note(now, Event::Inserted { sn, key, code: None });
        }
        let code = self.judge(&bank);
        let readable = !is_unread(code);
        self.note(now, Event::Inserted { sn, key, code: Some(code) });
        self.announce(now, key, &bank, code, readable);
        if is_accepted(code) || !readable {
            self.rack.put(key, bank);
            if let Some(slot) = self.rack.slot_mut(key) {
                slot.unreadable = !readable;
            }
        } else {
            self.rack.reject(key, bank);
        }
    }

    /// The result of an insertion.
    fn judge(&mut self, bank: &Bank) -> u8 {
        let result = |fault: &Fault| {
            let Fault::ReturnCode { code } = fault else { return None };
            Some(*code)
        };
        if let Some(code) = self.faults.strike(&mut self.chance, result) {
            return code;
        }
        if self.spec.checks_area && !self.is_own_area(bank.area) {
            return WRONG_AREA;
        }
        ACCEPTED
    }

    /// The area code in the flags has 16 bits, banks carry the low 8.
    fn is_own_area(&self, area: u8) -> bool {
        let own = self.flags.get("dAreaConfig").and_then(|text| text.parse::<u16>().ok());
        own.is_none_or(|own| own == 0 || own.to_be_bytes()[1] == area)
    }

    /// Everything a cabinet sends about an insertion.
    fn announce(&mut self, now: Now, key: SlotKey, bank: &Bank, code: u8, readable: bool) {
        let Some(slot) = self.rack.slot(key) else { return };
        let timing = self.spec.timing.clone();
        let form = self.spec.return_form;
        let frame = frames::returned(&self.spec.layout, slot, bank, readable, code, form);
        self.after(now, timing.insert, Due::Send(Uplink::update(FrameKind::Return, frame)));
        if is_accepted(code) {
            let (sn, level) = (bank.sn.clone(), bank.level);
            let due = Due::HttpReturn { sn, slot: key.slot, level };
            self.after(now, timing.insert + timing.http_return, due);
            if self.spec.self_check_after_return {
                self.after(now, timing.insert + timing.self_check, Due::SelfCheck { key });
            }
        }
        if code == ANTI_THEFT {
            self.after(now, timing.insert + timing.late_self_check, Due::SelfCheck { key });
        }
    }

    pub(super) fn http_return(&mut self, now: Now, sn: &Sn, slot: u16, level: u8) {
        if self.faults.switches.no_http_return {
            return;
        }
        let call = calls::returned(&self.spec.uuid, sn, slot, Some(level));
        self.emit(now, Uplink { kind: FrameKind::HttpReturn, way: Way::Call(call) });
    }

    /// Slots that changed without power are looked at once it is online.
    pub(super) fn check_changed_slots(&mut self, now: Now) {
        let changed = |slot: &&crate::rack::Slot| slot.changed_in_the_dark;
        let keys: Vec<SlotKey> = self.rack.slots().iter().filter(changed).map(|s| s.key).collect();
        for key in keys {
            if let Some(slot) = self.rack.slot_mut(key) {
                slot.changed_in_the_dark = false;
            }
            self.after(now, self.spec.timing.self_check, Due::SelfCheck { key });
        }
    }

    /// Looks at a slot again, tells, and reports over HTTP.
    pub fn self_check(&mut self, now: Now, key: SlotKey) {
        let Some(slot) = self.rack.slot_mut(key) else { return };
        if slot.bank.is_none() {
            return;
        }
        // a second look reads what the first could not, unless the bank has no serial at all
        slot.unreadable = slot.bank.as_ref().is_some_and(|bank| bank.wire_sn() == u32::MAX);
        let state = if slot.unreadable { SN_NOT_READ } else { ACCEPTED };
        let Some(slot) = self.rack.slot(key) else { return };
        let frame = frames::self_check(&self.spec.layout, slot, now.up, state);
        self.emit(now, Uplink::update(FrameKind::SelfCheck, frame));
        self.upload(now);
    }
}

fn is_accepted(code: u8) -> bool {
    matches!(code, ACCEPTED | ACCEPTED_SWITCH_BROKEN)
}

/// Physically in, but not identified.
fn is_unread(code: u8) -> bool {
    matches!(code, 0x11..=0x14 | 0x21..=0x24)
}
