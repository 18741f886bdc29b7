//! How a refund goes on: what operators decide, each step one fact whose row says from where it may
//! be taken. A race has one winner, and the others are told how it stands.

use chrono::{DateTime, Utc};
use domain::ids::{InvoiceId, RentalId, RiderId};
use domain::invoice::{Draft, Series};
use domain::ledger::{Gateway, Movement, RefundTo};
use domain::refund::{Parts, Purpose, Status, Step};
use serde_json::json;

use super::source::undone;
use super::{KeyOf, Refunds};
use crate::actors::payments::LOOK_AGAIN;
use crate::failpoint;
use crate::store;
use crate::store::fact::{AuditEntry, CommitError, Conflict, Fact, RefundStep, RefundWrite};
use crate::store::invoices::Document;
use crate::store::refunds::Refund;

/// What an operator does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    pub what: What,
    /// `operator:anna`.
    pub by: String,
    pub note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Approve,
    Reject,
    /// Gives it back, or sends the gateway to. Khalti asks for the mobile of an account of its
    /// own where the money came from a bank.
    Process {
        mobile: Option<String>,
    },
    /// It was given back by hand, under this number.
    Arrived {
        number: String,
    },
    /// It was not, and will not be.
    Bounced,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    #[error("no such refund")]
    NotFound,
    #[error("the refund is {}", .0.as_str())]
    Elsewhere(Status),
    #[error("another person has to give back what one has approved")]
    SamePerson,
    #[error("the gateway is told or asked at this moment")]
    Underway,
    /// It was given back otherwise, or spent.
    #[error("the money is not there any more")]
    NothingLeft,
    #[error("a mobile is only for what Khalti gives back")]
    NotByMobile,
    #[error("the key was used by another request")]
    KeyUsed,
    #[error("refunds cannot be changed at this moment")]
    Unavailable,
}

impl Refunds {
    /// An operator moves it on; audited in the same fact, with the record of the command's key.
    pub async fn act(&self, name: &str, act: Act, key: Option<KeyOf>) -> Result<Refund, StepError> {
        let known = self.find(name).await?;
        let step = act.what.step(known.purpose);
        let at = self.inner.clock.now();
        allowed(&known, step, &act.by, at)?;
        let after = stepped(&known, step, &act, at);
        let mut fact = Fact::at(at);
        fact.key = key.map(|key| key(&after));
        fact.audit = Some(audit(&known, &act));
        fact.refund = Some(RefundWrite::Step(RefundStep {
            id: known.id,
            purpose: known.purpose,
            amount: known.amount,
            step,
            by: act.by.clone(),
            note: act.note.clone(),
            gateway_number: act.what.number(),
            mobile: act.what.mobile(),
            tries: (step == Step::Bounce).then_some(known.tries),
            next_try_at: (step == Step::Send).then_some(at),
        }));
        if act.what.mobile().is_some() {
            self.takes_a_mobile(&known).await?;
        }
        match (step, known.purpose) {
            (Step::Give, Purpose::Rental(rental)) => self.give(&known, rental, &mut fact).await?,
            (Step::Send, Purpose::TopUp(intent)) => {
                let sent = self.sent(&known, intent).await;
                fact.movements = sent.map_err(|_| StepError::Unavailable)?;
            }
            (Step::Bounce, Purpose::TopUp(intent)) => {
                fact.movements = undone(&self.inner.store, intent).await?;
            }
            (Step::Approve | Step::Reject | Step::Give | Step::Send | Step::Arrive, _)
            | (Step::Bounce, Purpose::Rental(_)) => {}
        }
        self.write(known, step, &act.by, fact).await
    }

    async fn takes_a_mobile(&self, known: &Refund) -> Result<(), StepError> {
        let Purpose::TopUp(intent) = known.purpose else { return Err(StepError::NotByMobile) };
        let gateway = self.inner.store.gateway_of(intent).await;
        match gateway.map_err(|_| StepError::Unavailable)? {
            Gateway::Khalti => Ok(()),
            Gateway::Esewa | Gateway::Stripe | Gateway::Sandbox => Err(StepError::NotByMobile),
        }
    }

    /// Money and points go back to the rider, with a credit note where there is an invoice.
    async fn give(
        &self,
        known: &Refund,
        rental: RentalId,
        fact: &mut Fact,
    ) -> Result<(), StepError> {
        let (store, percent) = (&self.inner.store, self.inner.rules.vat_percent);
        let left = store.refundable(rental).await.map_err(|_| StepError::Unavailable)?;
        let parts = left.parts(known.amount, percent).ok_or(StepError::NothingLeft)?;
        let documents = store.documents(known.rider, rental).await;
        let documents = documents.map_err(|_| StepError::Unavailable)?;
        let invoice = documents.into_iter().find(|document| document.series == Series::Invoice);
        let id = InvoiceId(self.inner.entropy.uuid_at(fact.at));
        fact.movements = movements(known.rider, rental, &parts);
        fact.document = invoice.map(|invoice| {
            let vat = parts.money_vat.plus(parts.worth_vat);
            let draft = draft(invoice, rental, known.rider);
            Box::new(draft.credit(id, &known.reason, known.amount, vat))
        });
        Ok(())
    }

    async fn write(
        &self,
        known: Refund,
        step: Step,
        by: &str,
        fact: Fact,
    ) -> Result<Refund, StepError> {
        failpoint::hit("before_refund_commit");
        let written = self.inner.store.commit(fact).await;
        failpoint::hit("after_refund_commit");
        let stored = self.find(&known.id.to_string()).await;
        match written {
            Ok(_) => stored,
            // points were spent meanwhile
            Err(CommitError::Short { account }) if account.starts_with("points:") => {
                Err(StepError::Unavailable)
            }
            Err(CommitError::Conflict(Conflict::KeyUsed)) => Err(StepError::KeyUsed),
            Err(CommitError::Conflict(Conflict::NothingLeft) | CommitError::Short { .. }) => {
                Err(StepError::NothingLeft)
            }
            // somebody else was first, or nobody knows: the row says how it stands
            Err(error) => {
                tracing::debug!(refund.id = %known.id, %error, "a step was not written");
                let stored = stored?;
                if error == CommitError::Ambiguous && stored.status == step.to() {
                    return Ok(stored);
                }
                allowed(&stored, step, by, self.inner.clock.now())?;
                Err(StepError::Unavailable)
            }
        }
    }

    async fn find(&self, name: &str) -> Result<Refund, StepError> {
        self.inner.store.refund(name).await.map_err(|error| {
            let is_missing = error == store::Error::NotFound;
            if is_missing { StepError::NotFound } else { StepError::Unavailable }
        })
    }
}

impl What {
    fn step(&self, purpose: Purpose) -> Step {
        match (self, purpose) {
            (What::Approve, _) => Step::Approve,
            (What::Reject, _) => Step::Reject,
            (What::Process { .. }, Purpose::Rental(_)) => Step::Give,
            (What::Process { .. }, Purpose::TopUp(_)) => Step::Send,
            (What::Arrived { .. }, _) => Step::Arrive,
            (What::Bounced, _) => Step::Bounce,
        }
    }

    /// By which the gateway knows it.
    fn number(&self) -> Option<String> {
        match self {
            What::Arrived { number } => Some(number.clone()),
            What::Approve | What::Reject | What::Process { .. } | What::Bounced => None,
        }
    }

    fn mobile(&self) -> Option<String> {
        match self {
            What::Process { mobile } => mobile.clone(),
            What::Approve | What::Reject | What::Arrived { .. } | What::Bounced => None,
        }
    }

    fn action(&self) -> &'static str {
        match self {
            What::Approve => "refund.approve",
            What::Reject => "refund.reject",
            What::Process { .. } => "refund.process",
            What::Arrived { .. } => "refund.arrived",
            What::Bounced => "refund.bounced",
        }
    }
}

fn allowed(known: &Refund, step: Step, by: &str, now: DateTime<Utc>) -> Result<(), StepError> {
    if !step.from().contains(&known.status) {
        return Err(StepError::Elsewhere(known.status));
    }
    if step.pays() && known.two_persons && known.approved_by.as_deref() == Some(by) {
        return Err(StepError::SamePerson);
    }
    // who says that it was not given back must not be overtaken by the call that does it
    if step == Step::Bounce && known.tried_at.is_some_and(|at| now < at + LOOK_AGAIN) {
        return Err(StepError::Underway);
    }
    Ok(())
}

/// The row as the step leaves it.
fn stepped(known: &Refund, step: Step, act: &Act, at: DateTime<Utc>) -> Refund {
    let mut after = Refund { status: step.to(), ..known.clone() };
    if step == Step::Approve {
        (after.approved_at, after.approved_by) = (Some(at), Some(act.by.clone()));
    }
    if !after.status.is_open() {
        (after.ended_at, after.ended_by) = (Some(at), Some(act.by.clone()));
    }
    after.note = act.note.clone().or(after.note);
    after.gateway_number = act.what.number().or(after.gateway_number);
    after.mobile = act.what.mobile().or(after.mobile);
    after
}

fn movements(rider: RiderId, rental: RentalId, parts: &Parts) -> Vec<Movement> {
    let Parts { money, money_vat, worth, worth_vat, points } = *parts;
    let refund = |amount, vat, to| Movement::Refund { rider, rental, amount, vat, to };
    let of_money = money.is_positive().then(|| refund(money, money_vat, RefundTo::Wallet));
    let of_points = worth.is_positive().then(|| refund(worth, worth_vat, RefundTo::Points(points)));
    of_money.into_iter().chain(of_points).collect()
}

/// An invoice as it was before it had its number.
fn draft(invoice: Document, rental: RentalId, rider: RiderId) -> Draft {
    Draft {
        id: invoice.id,
        series: invoice.series,
        rental,
        rider,
        corrects: None,
        lines: invoice.lines,
        amount: invoice.amount,
        vat: invoice.vat,
        seller: invoice.seller,
    }
}

fn audit(known: &Refund, act: &Act) -> AuditEntry {
    AuditEntry {
        actor: act.by.clone(),
        action: act.what.action(),
        target: known.id.to_string(),
        details: json!({
            "reference": known.reference,
            "rider": known.rider,
            "amount": known.amount,
            "note": act.note,
            "number": act.what.number(),
        }),
    }
}
