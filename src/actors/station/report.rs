//! A report about all slots: compared with the books, with open rentals and with the open
//! eject. Only one that came over the trusted session moves anything; the same report over
//! HTTP is a reason to ask.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use devices::{Report, SlotReading};
use domain::ids::{SlotKey, Sn};
use domain::rental::Command;
use domain::returns::{Claim, Source};
use domain::slot::Reading;
use domain::station::{Coverage, Difference, Snapshot, is_accounted_for, reconcile};
use ractor::ActorRef;

use super::inbound::Received;
use super::verify::Look;
use super::{Msg, State};
use crate::actors::rental::{self, Cause};
use crate::actors::slot;
use crate::metrics;
use crate::store::fact::Channel;

impl State {
    pub(super) async fn report(
        &mut self,
        report: Report,
        received: Received,
        cause: Cause,
        myself: &ActorRef<Msg>,
    ) {
        metrics::REPORTS.inc([report.layout.as_str()]);
        metrics::PHANTOM_ROWS.add(u64::from(report.phantom), []);
        if report.slots.len() > self.context.settings.slots_max {
            metrics::FRAMES_REFUSED.inc(["too_many_slots"]);
            return self.context.keep(cause);
        }
        if received.channel == Channel::Mqtt && self.says_nothing_new(&report, received) {
            return self.hear_the_same(&report, received, cause).await;
        }
        let snapshot = snapshot(&report, received.at);
        if received.channel == Channel::Http {
            return self.hinted(&snapshot, received, cause).await;
        }
        let coverage = self.seed.layout.meet(&snapshot);
        let whole = !matches!(coverage, Coverage::Partial { .. });
        // only a report of the known layout proves that something is not there
        let proves = matches!(coverage, Coverage::Whole);
        self.cover(coverage, myself).await;
        let differences = self.differences(&snapshot, proves);
        let agrees = proves && differences.is_empty();
        let none_back = proves && !self.shows_rented(&snapshot) && self.hides_none(&snapshot);
        self.move_again();
        self.observe(&snapshot, received.at);
        let settle = self.context.settings.eject.settle;
        self.lane.report(&snapshot, received.earliest, settle);
        if received.live {
            let look = Look { snapshot: &snapshot, whole: proves, at: received.at };
            self.eject_evidence(look).await;
        }
        self.settle_claims(&snapshot, proves, received);
        self.reconciled(differences, &snapshot, received, cause);
        if none_back {
            // an old one takes nothing back
            self.whole_at = self.whole_at.max(Some(received.earliest));
        }
        self.flush_report(&snapshot, &report, received.at);
        if received.live {
            self.confirmed |= whole;
            self.answered(received.at, whole);
        }
        self.settled = None;
        if agrees && none_back && received.live {
            self.settle(&report, &snapshot);
        }
        self.check_again().await;
    }

    /// The same over HTTP, which anybody can send: nothing of it is believed, and what is not
    /// known already is asked for.
    async fn hinted(&mut self, snapshot: &Snapshot, received: Received, cause: Cause) {
        let differences = self.differences(snapshot, true);
        for difference in &differences {
            if let Difference::Seen { sn, key } = difference {
                self.claim_by_report(sn, *key, snapshot, received, Cause::default());
            }
        }
        let agrees = |(key, reading): (&SlotKey, &Reading)| {
            let known = self.slots.get(key).and_then(|child| child.reading.as_ref());
            known.is_some_and(|known| same(known, reading))
        };
        if !differences.is_empty() {
            self.ask_for_report("http_report").await;
        } else if !snapshot.slots.iter().all(agrees) {
            self.ask_for_report("http_reading").await;
        }
        if self.lane.eject.as_ref().is_some_and(domain::eject::OpenEject::is_unknown) {
            self.resume_eject().await;
        }
        self.context.keep(cause);
    }

    fn differences(&self, snapshot: &Snapshot, whole: bool) -> Vec<Difference> {
        let believed = self.context.banks.at(self.id());
        reconcile(snapshot, whole, &believed, self.ejecting())
    }

    /// Whether a bank that a rider has, by the books, is in the cabinet in any state: it came
    /// back before this report, and that may not be written yet.
    fn shows_rented(&self, snapshot: &Snapshot) -> bool {
        let rentals = &self.context.rentals;
        let is_out = |sn: &Sn| {
            let rental = rentals.of_bank(sn).and_then(|id| rentals.stored(id));
            rental.is_some_and(|stored| stored.rental.since().is_some())
        };
        let shown = snapshot.slots.values().filter_map(|reading| reading.sn.as_ref());
        shown.chain(&snapshot.strays).any(is_out)
    }

    /// Whether no bank can be in a slot whose row does not name it: one that cannot be read may
    /// hide a bank that came back. A slot that is out of service is left out.
    fn hides_none(&self, snapshot: &Snapshot) -> bool {
        let closed = &self.seed.slots_in_maintenance;
        let mut rows = snapshot.slots.iter().filter(|(key, _)| !closed.contains(key));
        rows.all(|(_, reading)| is_accounted_for(reading))
    }

    /// A slot that was not told who is in it by the books, or whether it is closed, is told now.
    fn move_again(&mut self) {
        let books = self.context.banks.at(self.id());
        let astray =
            self.slots.iter().filter(|(key, child)| child.view.sn.as_ref() != books.get(key));
        let astray: Vec<SlotKey> = astray.map(|(key, _)| *key).collect();
        for key in astray {
            self.moved(key);
        }
        let closed = &self.seed.slots_in_maintenance;
        let unlike =
            self.slots.iter().filter(|(key, child)| child.view.maintenance != closed.contains(key));
        let unlike: Vec<SlotKey> = unlike.map(|(key, _)| *key).collect();
        for key in unlike {
            let on = self.seed.slots_in_maintenance.contains(&key);
            self.tell_slot(key, slot::Msg::Maintenance(on));
        }
    }

    /// Tells the slots; one whose bank was ejected just now may still show it.
    fn observe(&mut self, snapshot: &Snapshot, at: DateTime<Utc>) {
        let settle = self.context.settings.eject.settle;
        let fresh = self.lane.published_at().is_some_and(|published| at - published < settle);
        let blind = self.lane.eject.as_ref().filter(|_| fresh).map(|eject| eject.key);
        let rows: Vec<_> = snapshot.slots.iter().filter(|(key, _)| blind != Some(**key)).collect();
        for (key, reading) in rows {
            let Some(child) = self.slots.get_mut(key) else { continue };
            if child.reading.as_ref().is_some_and(|known| same(known, reading)) {
                continue;
            }
            child.reading = Some(reading.clone());
            self.tell_slot(*key, slot::Msg::Observed(reading.clone()));
        }
    }

    /// Banks that are not where the books have them.
    fn reconciled(
        &mut self,
        differences: Vec<Difference>,
        snapshot: &Snapshot,
        received: Received,
        cause: Cause,
    ) {
        let (mut seen, mut gone) = (Vec::new(), Vec::new());
        for difference in differences {
            match difference {
                Difference::Seen { key, sn } if self.context.rentals.of_bank(&sn).is_some() => {
                    self.claim_by_report(&sn, key, snapshot, received, cause.part());
                }
                Difference::Seen { key, sn } => seen.push((key, sn)),
                Difference::Gone { key, sn } => gone.push((key, sn)),
            }
        }
        if received.live {
            self.bank_gone(gone);
            self.bank_seen(seen, "seen", None, cause);
        } else {
            self.context.keep(cause);
        }
    }

    fn claim_by_report(
        &mut self,
        sn: &Sn,
        key: SlotKey,
        snapshot: &Snapshot,
        received: Received,
        cause: Cause,
    ) {
        let Some(rental) = self.context.rentals.of_bank(sn) else {
            return self.context.keep(cause);
        };
        let claim = self.claim_from_report(key, snapshot, received);
        self.context.tell_rental(rental, rental::Msg::caused(Command::Return(claim), cause));
    }

    /// The bank came back after the last report that did not show it.
    pub(super) fn claim_from_report(
        &self,
        key: SlotKey,
        snapshot: &Snapshot,
        received: Received,
    ) -> Claim {
        let source = match received.channel {
            Channel::Mqtt => Source::Report,
            Channel::Http => Source::HttpReport,
        };
        Claim {
            station: self.id(),
            key: Some(key),
            source,
            at: received.at,
            earliest: self.not_before(DateTime::UNIX_EPOCH, received.at),
            live: received.live,
            frame: Some(received.frame),
            level: snapshot.slots.get(&key).and_then(|reading| reading.level),
        }
    }
}

fn snapshot(report: &Report, at: DateTime<Utc>) -> Snapshot {
    let reading = |slot: &SlotReading| Reading {
        state: slot.state,
        sn: slot.sn.clone(),
        level: slot.level,
        temperature: slot.temperature,
        switch_open: slot.switch_open,
        at,
    };
    let slots: BTreeMap<SlotKey, Reading> =
        report.slots.iter().map(|slot| (slot.key, reading(slot))).collect();
    let strays = report.stray.iter().filter_map(|slot| slot.sn.clone()).collect();
    Snapshot { slots, strays, exact: report.is_whole() }
}

/// The same but for the time.
fn same(known: &Reading, new: &Reading) -> bool {
    Reading { at: new.at, ..known.clone() } == *new
}
