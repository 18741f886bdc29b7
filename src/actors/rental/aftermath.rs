//! What follows a written fact: directories, cabinets, listeners and numbers. Nothing here is
//! a second truth; what is lost here is read back from the database.

use std::sync::Arc;

use domain::rental::{CancelReason, Command, Event, Phase, Rental};
use domain::returns::Claim;

use super::{State, commit::Prepared};
use crate::actors::go_ahead::GoAhead;
use crate::actors::station::{self, PublishEject};
use crate::metrics;

impl State {
    /// The eject of a rental that was committed a moment ago. It is sent when its station comes
    /// to it, unless the rider gives up before.
    pub(super) fn ask_for_eject(&mut self) {
        self.go_ahead = Some(GoAhead::default());
        let (station, publish) = (self.current.rental.station, self.eject());
        if self.context.stations.tell(station, station::Msg::Publish(publish)) {
            return;
        }
        let reason = domain::eject::NotOutReason::NeverSent;
        let settle = Command::Settle(domain::eject::Settlement::NotOut { reason });
        self.myself.insist(super::Msg::internal(settle));
    }

    /// What became of an eject that this actor did not ask for itself: its cabinet finds out. A
    /// cabinet that starts again asks the books.
    pub(super) fn ask_after_eject(&self) {
        if self.current.rental.phase == Phase::Dispensing {
            let look = station::Msg::LookInto(self.eject());
            self.context.stations.insist(self.current.rental.station, look);
        }
    }

    fn eject(&self) -> PublishEject {
        let rental = &self.current.rental;
        PublishEject {
            command: rental.command,
            rental: rental.id,
            sn: rental.bank.clone(),
            key: rental.key,
            publish_before: rental.publish_before,
            go_ahead: self.go_ahead.clone().unwrap_or_default(),
        }
    }

    /// Claims that nobody confirmed are looked into again.
    pub(super) fn raise_doubts(&self) {
        let rental = &self.current.rental;
        for claim in &rental.claims {
            self.doubt_at(claim, rental);
        }
    }

    fn doubt_at(&self, claim: &Claim, rental: &Rental) {
        let doubt = station::Msg::Doubt { rental: rental.id, sn: rental.bank.clone() };
        // a station that starts again finds it among the rental's claims
        self.context.stations.insist(claim.station, doubt);
    }

    /// The fact is in the database.
    pub(super) fn written(&mut self, prepared: Prepared) {
        let Prepared { job, events, before, after, banks } = prepared;
        self.current = Arc::clone(&after);
        self.context.banks.committed(&banks);
        self.context.rentals.learn(Arc::clone(&after));
        for event in &events {
            self.tell_cabinets(event, &before.rental, &after.rental);
            count(event);
        }
        for bank in &banks {
            if let Some((at, key)) = bank.custody.slot() {
                self.context.stations.tell(at, station::Msg::Moved(key));
            }
        }
        if let Some(ack) = job.cause.ack {
            crate::failpoint::hit("before_ack");
            ack.confirm();
        }
        if let Some(reply) = job.reply {
            let _ = reply.send(Ok(after)); // who asked may have gone
        }
    }

    /// What the cabinets would have been told, had the commit been answered.
    pub(super) fn tell_adopted(&self, before: &Rental) {
        let stations = &self.context.stations;
        if before.phase == Phase::Dispensing && self.current.rental.phase != Phase::Dispensing {
            stations.tell(before.station, station::Msg::EjectOver(before.command));
        }
        stations.tell(before.station, station::Msg::Moved(before.key));
        let bank = self.context.banks.get(&before.bank);
        if let Some((at, key)) = bank.and_then(|bank| bank.custody.slot()) {
            stations.tell(at, station::Msg::Moved(key));
        }
        self.raise_doubts();
    }

    fn tell_cabinets(&self, event: &Event, before: &Rental, after: &Rental) {
        let stations = &self.context.stations;
        if before.phase == Phase::Dispensing && after.phase != Phase::Dispensing {
            stations.tell(before.station, station::Msg::EjectOver(before.command));
        }
        match event {
            Event::Ejected { .. }
            | Event::Reopened { .. }
            | Event::OutUnassigned { .. }
            | Event::Cancelled { reason: CancelReason::Unresolved, .. } => {
                stations.tell(before.station, station::Msg::Moved(before.key));
            }
            Event::ReturnClaimed { claim } => self.doubt_at(claim, after),
            Event::Started { .. }
            | Event::CancelRequested { .. }
            | Event::Cancelled { .. }
            | Event::ClaimsDenied { .. }
            | Event::FellOverdue { .. }
            | Event::Returned { .. }
            | Event::ReturnedAtOnce { .. }
            | Event::DuesPaid { .. }
            | Event::DuesWrittenOff { .. } => {}
        }
    }
}

fn count(event: &Event) {
    match event {
        Event::Returned { ended, .. } => {
            metrics::RETURNS.inc([ended.source.as_str(), "closed"]);
            metrics::RENTALS_CLOSED.inc(["returned"]);
        }
        Event::ReturnedAtOnce { .. } => metrics::RENTALS_CLOSED.inc(["returned_at_once"]),
        Event::Cancelled { reason, .. } => metrics::RENTALS_CLOSED.inc([reason.as_str()]),
        Event::ReturnClaimed { claim } => metrics::RETURNS.inc([claim.source.as_str(), "doubted"]),
        Event::ClaimsDenied { .. } => metrics::RETURNS.inc(["report", "denied"]),
        Event::Started { .. }
        | Event::CancelRequested { .. }
        | Event::Ejected { .. }
        | Event::Reopened { .. }
        | Event::OutUnassigned { .. }
        | Event::FellOverdue { .. }
        | Event::DuesPaid { .. }
        | Event::DuesWrittenOff { .. } => {}
    }
}
