//! What a cabinet does by itself or when asked how it is: reports, heartbeats, adverts.

use bytes::Bytes;
use devices::a8::build;

use super::uplink::{Uplink, Way};
use super::{Due, Machine};
use crate::calls;
use crate::clock::Now;
use crate::events::{Event, RebootCause};
use crate::faults::{Fault, FrameKind};
use crate::frames::{self, Slant};

/// Heartbeats without an echo that a cabinet endures.
const UNECHOED_MAX: u32 = 2;

impl Machine {
    /// Reports over HTTP, and again after the period.
    pub(super) fn periodic_report(&mut self, now: Now) {
        self.upload(now);
        self.again(now, self.spec.timing.report, Due::Report);
    }

    /// Reports over HTTP.
    pub fn upload(&mut self, now: Now) {
        if !self.is_running() {
            return;
        }
        let frame = self.report_frame(now, false);
        let call = calls::report(self.spec.generation, &self.spec.uuid, self.spec.signal, frame);
        self.emit(now, Uplink { kind: FrameKind::HttpReport, way: Way::Call(call) });
    }

    /// Reports over MQTT.
    pub(super) fn answer_check(&mut self, now: Now, may_list_five: bool) {
        if self.faults.strikes(&mut self.chance, &Fault::HttpOnly) {
            return self.upload(now);
        }
        let frame = self.report_frame(now, may_list_five && self.spec.check_lists_five);
        self.emit(now, Uplink::update(FrameKind::Report, frame));
    }

    /// Beats, unless too many beats have brought no echo: then it starts anew.
    pub(super) fn heartbeat(&mut self, now: Now) {
        if self.unechoed >= UNECHOED_MAX {
            return self.reboot(now, RebootCause::NoEcho);
        }
        self.unechoed += 1;
        let board = frames::address(&self.spec.layout, 0);
        let frame = build::heartbeat(board, self.spec.signal, self.spec.backup_power);
        let frame = Bytes::from(frame);
        self.last_beat = Some(frame.clone());
        self.emit(now, Uplink { kind: FrameKind::Heartbeat, way: Way::Heart(frame) });
        self.again(now, self.spec.timing.heartbeat, Due::Heartbeat);
    }

    /// Hears its own heartbeat, or a stranger's.
    pub(super) fn hear_heart(&mut self, now: Now, payload: &[u8]) {
        let own = self.last_beat.as_ref().is_some_and(|beat| beat == payload);
        if own && !self.faults.switches.deaf_to_echo {
            self.unechoed = 0;
            self.note(now, Event::Echo);
        }
    }

    pub(super) fn adverts(&mut self, now: Now) {
        self.fetch_adverts(now);
        self.again(now, self.spec.timing.adverts, Due::Adverts);
    }

    pub(super) fn fetch_adverts(&mut self, now: Now) {
        self.call(now, calls::adverts(&self.spec.uuid));
    }

    pub(super) fn answer_wifi(&mut self, now: Now) {
        let names: Vec<&str> = self.spec.ssids.iter().map(String::as_str).collect();
        let frame = build::wifi_list(&names);
        self.emit(now, Uplink::update(FrameKind::WifiList, frame));
    }

    /// The whole cabinet as it is, whatever the rules say.
    pub(crate) fn true_report(&mut self, now: Now) -> Vec<u8> {
        frames::report(&self.spec.layout, &self.rack, now.up, &Slant::default())
    }

    /// The whole cabinet, but for what the rules leave out or bend.
    fn report_frame(&mut self, now: Now, top_five: bool) -> Vec<u8> {
        self.rack.charge(now.up, self.spec.timing.charge_percent, true);
        let mut slant = Slant { top_five, ..Slant::default() };
        let missing = |fault: &Fault| {
            let Fault::Partial { boards_missing, rows_missing } = fault else { return None };
            Some((*boards_missing, *rows_missing))
        };
        (slant.boards_missing, slant.rows_missing) =
            self.faults.strike(&mut self.chance, missing).unwrap_or_default();
        slant.top_five |= self.faults.strikes(&mut self.chance, &Fault::TopFive);
        let untrue = |fault: &Fault| {
            let Fault::WrongLevel { sn, level } = fault else { return None };
            Some((sn.clone(), *level))
        };
        slant.levels.extend(self.faults.strike(&mut self.chance, untrue));
        frames::report(&self.spec.layout, &self.rack, now.up, &slant)
    }
}
