//! From a command to a fact: ask the rules, write, and only then believe it.

use std::sync::Arc;

use domain::bank::Fingerprint;
use domain::ids::InvoiceId;
use domain::invoice::Draft;
use domain::ledger::Movement;
use domain::rental::{self, Command, Event, Facts, Rental, decide, evolve};
use domain::tender::Funds;
use ractor::ActorProcessingErr;
use serde_json::json;

use super::{Error, Job, Mode, Msg, Outcome, State};
use crate::actors::directory::Stored;
use crate::actors::go_ahead::GoAhead;
use crate::metrics;
use crate::spawn::spawn;
use crate::store::fact::{BankWrite, CommitError, Fact, IntentWrite, NewIncident, RentalWrite};

/// How often a command is decided anew because the world moved meanwhile.
const AGAIN_MAX: u8 = 5;

/// A fact that is on its way, and what follows when it is written.
pub struct Prepared {
    pub job: Job,
    pub events: Vec<Event>,
    pub before: Arc<Stored>,
    pub after: Arc<Stored>,
    pub banks: Vec<BankWrite>,
}

impl State {
    pub(super) async fn run(&mut self, mut job: Job) -> Result<(), ActorProcessingErr> {
        if let (Command::Cancel, Some(go_ahead)) = (&job.command, &self.go_ahead) {
            go_ahead.withdraw();
        }
        for attempt in 0..AGAIN_MAX {
            let events = match self.decide(&job.command, attempt).await {
                Ok(events) => events,
                Err(Undecided::Refused(refusal)) => {
                    self.refuse(job, Error::Refused(refusal));
                    return Ok(());
                }
                Err(Undecided::Away) => {
                    self.postpone(job);
                    return Ok(());
                }
            };
            if events.is_empty() && job.key.is_none() && job.audit.is_none() {
                self.nothing_new(job);
                return Ok(());
            }
            let (prepared, fact) = self.prepare(job, events);
            crate::failpoint::hit("before_commit");
            let committed = self.context.store.commit(fact).await;
            crate::failpoint::hit("after_commit");
            let outcome = committed.as_ref().map_or_else(Outcome::from, |_| Outcome::Done);
            match outcome {
                Outcome::Done => {
                    self.retries = 0;
                    self.written(prepared);
                    return Ok(());
                }
                Outcome::KeyUsed => {
                    self.refuse(prepared.job, Error::KeyUsed);
                    return Ok(());
                }
                Outcome::Later => {
                    self.postpone(prepared.job);
                    return Ok(());
                }
                Outcome::Doubt => {
                    self.doubt(prepared);
                    return Ok(());
                }
                Outcome::Again => {
                    self.look_again(committed.err(), &prepared).await;
                    job = prepared.job;
                }
            }
        }
        let name = format!("{:?}", job.command);
        self.refuse(job, Error::Unavailable);
        Err(format!("rental {} cannot store {name}", self.id()).into())
    }

    async fn decide(&self, command: &Command, attempt: u8) -> Result<Vec<Event>, Undecided> {
        let rental = &self.current.rental;
        let bank = self.context.banks.get(&rental.bank);
        let used: Vec<Fingerprint> = bank.map(|bank| bank.consumed).unwrap_or_default();
        let mut facts = Facts {
            now: self.now(),
            // one that is read back after a restart may have been sent
            published: self.go_ahead.as_ref().is_none_or(GoAhead::is_taken),
            funds: Funds::default(),
            engaged: self.context.rentals.is_engaged(rental),
            carried: self.context.rentals.is_carried(rental),
            used: &used,
            terms: self.context.settings.terms,
        };
        if matches!(command, Command::PayDues { .. }) {
            facts.funds = self.funds().await?;
            return decide(rental, command, &facts).map_err(Undecided::Refused);
        }
        let events = decide(rental, command, &facts).map_err(Undecided::Refused)?;
        let charges = events.iter().any(|event| takes_from_wallet(rental, event));
        // the last attempt collects nothing: what is owed stays owed
        if !charges || attempt + 1 == AGAIN_MAX {
            return Ok(events);
        }
        facts.funds = self.funds().await?;
        decide(rental, command, &facts).map_err(Undecided::Refused)
    }

    async fn funds(&self) -> Result<Funds, Undecided> {
        let purse = self.context.store.purse(self.current.rental.rider).await;
        let purse = purse.map_err(|_| Undecided::Away)?;
        let rate = self.context.settings.terms.points;
        Ok(Funds { wallet: purse.wallet, points: purse.points, rate })
    }

    fn prepare(&self, mut job: Job, events: Vec<Event>) -> (Prepared, Fact) {
        let now = self.now();
        let mut fact = Fact::at(now);
        let mut rental = self.current.rental.clone();
        for event in &events {
            fact.movements.extend(rental::movements(&rental, event));
            fact.effects.extend(rental::effects(&rental, event));
            fact.incidents.extend(self.incident(&rental, event));
            fact.document = fact.document.or_else(|| self.document(&rental, event));
            rental = evolve(rental, event);
        }
        fact.banks = self.bank_writes(&events, &job);
        if crate::failpoint::is_wrong("double_capture") {
            let again: Vec<Movement> = fact.movements.iter().flat_map(captured_again).collect();
            fact.movements.extend(again);
        }
        fact.frame = job.cause.frame.take();
        fact.key.clone_from(&job.key);
        fact.audit.clone_from(&job.audit);
        fact.intent = job.resumes.map(|intent| IntentWrite::Resumed { intent, rental: rental.id });
        let settle_until = self.current.settle_until;
        let write = RentalWrite {
            before: Some(self.current.version),
            after: rental,
            events: events.clone(),
            settle_until,
        };
        if matches!(job.command, Command::PayDues { .. })
            && let Some(key) = &mut fact.key
        {
            // which of the rental's payments it was
            key.resource = Some(format!("{}/{}", write.after.id, write.version()));
        }
        let after = Stored { rental: write.after.clone(), version: write.version(), settle_until };
        fact.rental = (!events.is_empty()).then_some(write);
        let banks = fact.banks.clone();
        let before = Arc::clone(&self.current);
        job.cause.frame.clone_from(&fact.frame);
        (Prepared { job, events, before, after: Arc::new(after), banks }, fact)
    }

    /// The bank as the last of the events leaves it: one row, one version.
    fn bank_writes(&self, events: &[Event], job: &Job) -> Vec<BankWrite> {
        let before = &self.current.rental;
        let mut state = before.clone();
        let mut last = None;
        for event in events {
            if let Some(custody) = rental::custody(&state, event) {
                last = Some((custody, event.name()));
            }
            state = evolve(state, event);
        }
        let Some((custody, cause)) = last else { return vec![] };
        let Some(bank) = self.context.banks.get(&before.bank) else { return vec![] };
        let closes = !state.is_open();
        let claimed = before.claims.iter().filter_map(|claim| claim.frame);
        let frames = claimed.chain(consumed_frame(&job.command)).filter(|_| closes);
        vec![BankWrite {
            sn: bank.sn.clone(),
            before: Some(bank.version),
            custody,
            condition: bank.condition,
            consumed: bank.consumed_with(frames),
            cause,
            rental: Some(before.id),
        }]
    }

    /// The invoice of a rental that ends with a price.
    fn document(&self, before: &Rental, event: &Event) -> Option<Box<Draft>> {
        let settings = &self.context.settings;
        let id = InvoiceId(self.context.entropy.uuid_at(self.now()));
        let percent = settings.terms.vat_percent;
        Draft::closing(id, before, event, percent, &settings.seller).map(Box::new)
    }

    fn incident(&self, before: &Rental, event: &Event) -> Option<NewIncident> {
        let kind = rental::incident(event)?.as_str();
        metrics::INCIDENTS.inc([kind]);
        Some(NewIncident {
            id: self.context.new_incident_id(),
            kind,
            subject: Some(format!("rental:{}", before.id)),
            station: Some(before.station),
            rental: Some(before.id),
            bank: Some(before.bank.clone()),
            evidence: json!({
                "io": before.key.io,
                "slot": before.key.slot,
                "rider": before.rider,
                "created_at": before.created_at,
                "published_at_latest": before.publish_before,
                "event": event.name(),
            }),
        })
    }

    /// The same news came before: whoever waits is told how things are.
    fn nothing_new(&self, job: Job) {
        self.context.keep(job.cause);
        if let Some(reply) = job.reply {
            let _ = reply.send(Ok(Arc::clone(&self.current))); // who asked may have gone
        }
    }

    fn refuse(&self, job: Job, error: Error) {
        self.context.keep(job.cause);
        if let Some(reply) = job.reply {
            let _ = reply.send(Err(error));
        }
    }

    fn postpone(&mut self, job: Job) {
        if let Some(reply) = job.reply {
            let _ = reply.send(Err(Error::Unavailable));
            return;
        }
        self.waiting.push_front(job);
        self.later();
    }

    /// Something else was written since this was decided: read what.
    async fn look_again(&self, error: Option<CommitError>, prepared: &Prepared) {
        if let Some(error) = error {
            tracing::warn!(rental.id = %self.id(), %error, "a fact is decided anew");
        }
        let sns: Vec<_> = prepared.banks.iter().map(|bank| bank.sn.clone()).collect();
        self.context.reread_banks(&sns).await;
    }

    /// Reads the row until it is known whether the fact was written.
    fn doubt(&mut self, prepared: Prepared) {
        self.mode = Mode::Rereading(Box::new(prepared));
        let (context, myself, id) = (self.context.clone(), self.myself.clone(), self.id());
        spawn("reread", async move {
            let stored = context.read_rental_again(id).await;
            myself.insist(Msg::Reread(stored.map(Box::new)));
        });
    }

    pub(super) async fn reread(
        &mut self,
        stored: Option<Stored>,
    ) -> Result<(), ActorProcessingErr> {
        let Mode::Rereading(prepared) = std::mem::replace(&mut self.mode, Mode::Ready) else {
            return Ok(());
        };
        let Some(stored) = stored else {
            return Err(format!("rental {} is not in the database", self.id()).into());
        };
        // a key or an audit entry alone leaves no trace in the row: it is not known to be there
        if stored == *prepared.after && !prepared.events.is_empty() {
            self.written(*prepared);
        } else if stored == *prepared.before {
            match prepared.job.reply {
                Some(reply) => drop(reply.send(Err(Error::Unavailable))),
                // before whatever came meanwhile
                None => self.waiting.push_front(prepared.job),
            }
        } else if stored.version > prepared.before.version {
            self.adopt(stored).await;
            self.waiting.push_front(prepared.job);
        } else {
            return Err(format!("the row of rental {} went back", self.id()).into());
        }
        self.run_waiting().await
    }

    /// A commit that nobody answered for was written after all, later than it was looked for:
    /// from here on the row is what counts, and what waits is decided anew.
    async fn adopt(&mut self, stored: Stored) {
        tracing::warn!(rental.id = %self.id(), "a fact in doubt was written after all");
        let before = std::mem::replace(&mut self.current, Arc::new(stored));
        self.context.reread_banks(std::slice::from_ref(&before.rental.bank)).await;
        self.context.rentals.learn(Arc::clone(&self.current));
        self.tell_adopted(&before.rental);
    }
}

enum Undecided {
    Refused(rental::Refusal),
    /// The database does not say what the wallet has.
    Away,
}

/// The fact depends on what the wallet can pay.
fn takes_from_wallet(rental: &Rental, event: &Event) -> bool {
    match event {
        Event::Reopened { .. } => true,
        Event::Returned { ended, .. } => {
            rental.owed.is_positive() || ended.late.amount.is_positive()
        }
        Event::Started { .. }
        | Event::CancelRequested { .. }
        | Event::Cancelled { .. }
        | Event::Ejected { .. }
        | Event::OutUnassigned { .. }
        | Event::ReturnClaimed { .. }
        | Event::ClaimsDenied { .. }
        | Event::FellOverdue { .. }
        | Event::ReturnedAtOnce { .. }
        | Event::DuesPaid { .. }
        | Event::DuesWrittenOff { .. } => false,
    }
}

fn consumed_frame(command: &Command) -> Option<Fingerprint> {
    match command {
        Command::Return(claim) | Command::Confirm(claim) => claim.frame,
        Command::Cancel
        | Command::Settle(_)
        | Command::GiveUp
        | Command::LateSuccess { .. }
        | Command::Deny { .. }
        | Command::FallDue
        | Command::PayDues { .. }
        | Command::WriteOff => None,
    }
}

/// The price once more, with money from the wallet: a wrong that no rule of the database refuses.
fn captured_again(movement: &Movement) -> Vec<Movement> {
    let Movement::Capture { rider, rental, amount, .. } = *movement else { return Vec::new() };
    vec![Movement::Hold { rider, rental, amount }, movement.clone()]
}
