//! An open eject, step by step: what the rules ask for is done here, and nothing else.

use chrono::{DateTime, Utc};
use devices::EjectReply;
use domain::eject::{EjectOutcome, Evidence, OpenEject, Settlement, Step};
use domain::ids::{RentalId, Sn};
use domain::rental::{Command, Phase};
use domain::slot::Ejecting;
use domain::station::{Snapshot, sighting};

use super::State;
use super::inbound::Received;
use super::lane::Proof;
use crate::actors::rental::{self, Cause};
use crate::actors::slot;
use crate::metrics;

/// No code of a cabinet: the answer is not of this eject for sure.
const OLD: u8 = 0;

impl State {
    /// An answer to an eject: of the open one, of one that is over, or of none.
    /// Each eject of a bank is answered with the same bytes: what waited at the broker, or came
    /// before the publish, may answer an earlier one, and asks for a look.
    pub(super) async fn eject_reply(
        &mut self,
        reply: EjectReply,
        received: Received,
        cause: Cause,
    ) {
        let (now, live) = (self.now(), received.live);
        if live && self.service_answered(&reply) {
            return self.context.keep(cause); // a report is asked for anyway
        }
        // an eject whose outcome is being stored is over
        let settling = self.lane.settlement.is_some();
        let open = self.lane.eject.as_mut().filter(|eject| {
            let by_sn = reply.sn.as_ref().is_none_or(|sn| *sn == eject.sn);
            !settling && by_sn && reply.key.is_none_or(|key| key == eject.key)
        });
        if let Some(eject) = open {
            let is_its_own = live && received.at >= eject.sent_at;
            let outcome = if is_its_own { reply.outcome } else { EjectOutcome::Verify(OLD) };
            let step = eject.reply(outcome, now, &self.context.settings.eject);
            self.drive(step, cause).await;
            return;
        }
        let late = reply.sn.as_ref().and_then(|sn| self.lane.of_bank(sn, now));
        // one that is over for good has nobody who could answer for the message
        let late = late.filter(|(rental, _)| self.context.rentals.stored(*rental).is_some());
        match (reply.outcome, late) {
            (EjectOutcome::Out, Some((rental, shown))) if live => {
                let shown = shown || self.was_found(rental);
                let command = Command::LateSuccess { at: now, shown };
                self.context.tell_rental(rental, rental::Msg::caused(command, cause));
                if shown {
                    self.ask_for_report("late_success").await;
                }
            }
            (EjectOutcome::Out, _) => {
                // no command of ours: a report tells where the bank is
                metrics::ALARMS.inc(["eject_reply_without_command"]);
                self.context.keep(cause);
                self.ask_for_report("stray_reply").await;
            }
            (EjectOutcome::NotOut(_) | EjectOutcome::Busy | EjectOutcome::Verify(_), _) => {
                self.context.keep(cause);
            }
        }
    }

    /// What the books alone say: a restart does not make a bank unseen.
    fn was_found(&self, rental: RentalId) -> bool {
        let stored = self.context.rentals.stored(rental);
        stored.is_some_and(|stored| {
            let bank = self.context.banks.get(&stored.rental.bank);
            bank.is_some_and(|bank| stored.rental.was_found(&bank.custody))
        })
    }

    /// Does what a step of the eject asks for.
    pub(super) async fn drive(&mut self, step: Step, cause: Cause) {
        if self.lane.settlement.is_some() {
            self.context.keep(cause);
            return; // decided, and on its way to be stored
        }
        match step {
            Step::Settled(settlement) => self.settled(settlement, cause),
            Step::Wait { until } => {
                self.lane.eject_due = Some(until);
                self.context.keep(cause);
            }
            Step::Check { then } => {
                self.lane.eject_due = Some(then);
                self.context.keep(cause);
                self.mark_verify();
                self.ask_for_report("eject").await;
            }
            Step::Unknown { look } => {
                self.lane.eject_due = Some(look);
                self.context.keep(cause);
                self.mark_verify();
            }
        }
    }

    fn mark_verify(&mut self) {
        if let Some(eject) = &self.lane.eject {
            self.tell_slot(eject.key, slot::Msg::Ejecting(Some(Ejecting::Verify)));
        }
    }

    fn settled(&mut self, settlement: Settlement, cause: Cause) {
        let Some(eject) = &self.lane.eject else { return };
        let outcome = match settlement {
            Settlement::Out { .. } => "out",
            Settlement::NotOut { .. } => "not_out",
        };
        metrics::EJECTS.inc([outcome]);
        let took = (self.now() - eject.sent_at).to_std().unwrap_or_default();
        metrics::EJECT_SECONDS.observe(took, [outcome]);
        let rental = eject.rental;
        self.lane.settlement = Some(settlement);
        self.tell_settlement(rental, settlement, cause);
    }

    /// Until the rental has stored the outcome it is told again.
    fn tell_settlement(&mut self, rental: RentalId, settlement: Settlement, cause: Cause) {
        self.lane.eject_due = Some(self.now() + self.context.settings.tell_again);
        let command = Command::Settle(settlement);
        self.context.tell_rental(rental, rental::Msg::caused(command, cause));
    }

    /// The open eject's time has come.
    pub(super) async fn eject_due(&mut self, now: DateTime<Utc>) {
        if self.lane.eject_due.is_none_or(|due| due > now) {
            return;
        }
        let Some(eject) = self.lane.eject.as_mut() else { return };
        if let Some(settlement) = self.lane.settlement {
            let (rental, command) = (eject.rental, eject.command);
            let stored = self.context.rentals.stored(rental);
            if stored.is_none_or(|stored| stored.rental.phase != Phase::Dispensing) {
                return self.eject_over(command); // stored, and its word was lost
            }
            return self.tell_settlement(rental, settlement, Cause::default());
        }
        let step = eject.tick(now, &self.context.settings.eject);
        self.drive(step, Cause::default()).await;
    }

    /// What a report on the trusted session says about the open eject, and about those that are
    /// looked into after it.
    pub(super) async fn eject_evidence(&mut self, look: Look<'_>) {
        self.service_evidence(look.snapshot, look.at);
        let timing = self.context.settings.eject;
        let Some(eject) = self.lane.eject.as_mut() else { return };
        let step = eject.report(look.at_bank_of(eject), &timing);
        self.drive(step, Cause::default()).await;
        match self.lane.prove_later(look, &timing) {
            Proof::TookTurn(step) => self.drive(step, Cause::default()).await,
            Proof::WantsCheck => self.ask_for_report("eject").await,
            Proof::None => {}
        }
    }

    /// The cabinet can be asked again.
    pub(super) async fn resume_eject(&mut self) {
        let now = self.now();
        let Some(eject) = self.lane.eject.as_mut() else { return };
        let step = eject.cabinet_is_back(now, &self.context.settings.eject);
        self.drive(step, Cause::default()).await;
    }

    /// The bank whose eject is open.
    pub(super) fn ejecting(&self) -> Option<&Sn> {
        self.lane.eject.as_ref().map(|eject| &eject.sn)
    }
}

/// What one report over the cabinet's session shows.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub snapshot: &'a Snapshot,
    /// It has every known slot and no other: what it does not show is not there.
    pub whole: bool,
    pub at: DateTime<Utc>,
}

impl Look<'_> {
    pub fn at_bank_of(&self, eject: &OpenEject) -> Evidence {
        let bank = sighting(self.snapshot, eject.key, &eject.sn);
        Evidence { at: self.at, whole: self.whole, bank }
    }
}
