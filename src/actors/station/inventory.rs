//! Banks that no rental carries: where a cabinet shows them, there they are. Their facts are
//! written beside the mailbox, so that a slow database does not stop the cabinet.

use domain::bank::{Bank, Condition, Custody, Fingerprint};
use domain::ids::{SlotKey, Sn};
use serde_json::json;

use super::{Msg, State};
use crate::actors::rental::Cause;
use crate::link::Ack;
use crate::metrics;
use crate::spawn::spawn;
use crate::store::fact::{BankWrite, CommitError, Fact, NewIncident};

impl State {
    /// Banks without a rental are in these slots. The frame of an insertion is remembered: the
    /// same bytes again must not close a later rental.
    pub(super) fn bank_seen(
        &mut self,
        seen: Vec<(SlotKey, Sn)>,
        why: &'static str,
        frame: Option<Fingerprint>,
        cause: Cause,
    ) {
        let seen: Vec<_> = seen.into_iter().filter(|(_, sn)| !self.moving.contains(sn)).collect();
        let mut fact = Fact::at(self.now());
        for (key, sn) in seen {
            self.gain(&mut fact, key, &sn, why, frame);
        }
        if fact.banks.is_empty() {
            return self.context.keep(cause);
        }
        self.write(fact, cause);
    }

    fn gain(
        &self,
        fact: &mut Fact,
        key: SlotKey,
        sn: &Sn,
        why: &'static str,
        frame: Option<Fingerprint>,
    ) {
        let known = self.context.banks.get(sn);
        let custody = match &known {
            Some(Bank { custody: Custody::Quarantine { .. }, .. }) => {
                Custody::Quarantine { station: self.id(), key }
            }
            Some(_) => Custody::Slot { station: self.id(), key },
            None => self.context.settings.unknown_banks.custody(self.id(), key),
        };
        let told = |bank: &Bank| frame.is_none_or(|frame| bank.consumed.contains(&frame));
        if known.as_ref().is_some_and(|bank| bank.custody == custody && told(bank)) {
            return;
        }
        if known.is_none() && matches!(custody, Custody::Quarantine { .. }) {
            fact.incidents.push(self.incident("unknown_bank", sn, key));
        }
        fact.banks.push(BankWrite {
            sn: sn.clone(),
            before: known.as_ref().map(|bank| bank.version),
            custody,
            condition: known.as_ref().map_or(Condition::Good, |bank| bank.condition),
            consumed: known.map(|bank| bank.consumed_with(frame)).unwrap_or_default(),
            cause: why,
            rental: None,
        });
    }

    /// A whole report shows these banks nowhere: nobody can say where they are.
    pub(super) fn bank_gone(&mut self, gone: Vec<(SlotKey, Sn)>) {
        let mut fact = Fact::at(self.now());
        for (key, sn) in gone {
            let Some(bank) = self.context.banks.get(&sn) else { continue };
            if self.moving.contains(&sn) || self.context.rentals.of_bank(&sn).is_some() {
                continue; // a rental's business
            }
            metrics::ALARMS.inc(["bank_gone"]);
            fact.incidents.push(self.incident("bank_gone", &sn, key));
            fact.banks.push(BankWrite {
                sn,
                before: Some(bank.version),
                custody: Custody::Missing,
                condition: bank.condition,
                consumed: bank.consumed,
                cause: "gone",
                rental: None,
            });
        }
        if !fact.banks.is_empty() {
            self.write(fact, Cause::default());
        }
    }

    fn incident(&self, kind: &'static str, sn: &Sn, key: SlotKey) -> NewIncident {
        NewIncident {
            id: self.context.new_incident_id(),
            kind,
            subject: None,
            station: Some(self.id()),
            rental: None,
            bank: Some(sn.clone()),
            evidence: json!({ "io": key.io, "slot": key.slot }),
        }
    }

    /// An incident that goes with no bank.
    pub(super) fn open_incident(&mut self, incident: NewIncident, cause: Cause) {
        let mut fact = Fact::at(self.now());
        metrics::INCIDENTS.inc([incident.kind]);
        fact.incidents.push(incident);
        self.write(fact, cause);
    }

    fn write(&mut self, mut fact: Fact, cause: Cause) {
        let sns: Vec<Sn> = fact.banks.iter().map(|bank| bank.sn.clone()).collect();
        self.moving.extend(sns.iter().cloned());
        fact.frame = cause.frame;
        let (context, myself) = (self.context.clone(), self.myself.clone());
        spawn("inventory", async move {
            let writes = fact.banks.clone();
            let good = match context.store.commit(fact).await {
                Ok(_) => {
                    context.banks.committed(&writes);
                    if let Some(ack) = cause.ack {
                        ack.confirm();
                    }
                    true
                }
                Err(error) => {
                    tracing::warn!(%error, "an inventory fact was not written");
                    postpone(&error, cause.ack);
                    context.reread_banks(&sns).await;
                    false
                }
            };
            myself.insist(Msg::Inventoried { sns, good });
        });
    }

    /// The fact is written, or the books are read again and the next report proposes it anew.
    pub(super) fn inventoried(&mut self, sns: &[Sn], good: bool) {
        for sn in sns {
            self.moving.remove(sn);
        }
        let keys: Vec<SlotKey> = self.slots.keys().copied().collect();
        for key in keys {
            self.moved(key);
        }
        if !good {
            for child in self.slots.values_mut() {
                child.reading = None;
            }
        }
    }
}

/// What the world was in the way of comes again; what fails for itself is lost some day.
fn postpone(error: &CommitError, ack: Option<Ack>) {
    match error {
        CommitError::Corrupt(_) | CommitError::Conflict(_) | CommitError::Short { .. } => {}
        CommitError::Stale(_)
        | CommitError::NotSent
        | CommitError::Ambiguous
        | CommitError::Busy
        | CommitError::Fenced => ack.map_or((), Ack::postpone),
    }
}
