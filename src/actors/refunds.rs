//! Money that goes back: asked for by riders, decided by operators. What goes to a wallet is given
//! in one fact; what goes to its source leaves the wallet here, and the payments tell the gateway.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::ids::{InvoiceId, RefundId, RentalId, RiderId};
use domain::invoice::{Draft, Series};
use domain::ledger::{Movement, RefundTo};
use domain::money::Money;
use domain::points::PerRupee;
use domain::refund::{Parts, Purpose, Status, Step};
use rust_decimal::Decimal;
use serde_json::json;

use super::payments::LOOK_AGAIN;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::failpoint;
use crate::store::fact::{
    AuditEntry, CommitError, Conflict, Fact, KeyWrite, NewRefund, RefundStep, RefundWrite,
};
use crate::store::invoices::Document;
use crate::store::refunds::Refund;
use crate::store::{self, Store};

mod source;

pub(super) use source::undone;

/// The door to all refunds. Clones share it.
#[derive(Clone)]
pub struct Refunds {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Clock,
    entropy: Entropy,
    rules: Rules,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Above it, who approves is not who gives it back.
    pub two_persons_above: Money,
    /// Tax on the net price, in percent.
    pub vat_percent: Decimal,
    /// What spent points are worth when the money that earned them goes back.
    pub points: PerRupee,
}

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
    /// Gives it back, or sends the gateway to.
    Process,
    /// It was given back by hand, under this number.
    Arrived {
        number: String,
    },
    /// It was not, and will not be.
    Bounced,
}

/// Makes the record of a request's key from what the request led to.
pub type KeyOf = Box<dyn FnOnce(&Refund) -> KeyWrite + Send>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("no such transaction")]
    NotFound,
    /// It gives nothing to ask back, or nothing any more.
    #[error("nothing of this transaction can be given back")]
    NothingLeft,
    #[error("a refund of this transaction is under way")]
    Duplicate,
    #[error("the key was used by another request")]
    KeyUsed,
    #[error("refunds cannot be asked for at this moment")]
    Unavailable,
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
    #[error("refunds cannot be changed at this moment")]
    Unavailable,
}

impl Refunds {
    pub fn new(store: Store, clock: Clock, entropy: Entropy, rules: Rules) -> Refunds {
        Refunds { inner: Arc::new(Inner { store, clock, entropy, rules }) }
    }

    /// All that is left of what the transaction paid.
    pub async fn request(
        &self,
        rider: RiderId,
        transaction: &str,
        reason: String,
        key: Option<KeyOf>,
    ) -> Result<Refund, RequestError> {
        let named = self.inner.store.named(rider, transaction).await.map_err(|error| {
            let is_missing = error == store::Error::NotFound;
            if is_missing { RequestError::NotFound } else { RequestError::Unavailable }
        })?;
        let purpose = named.purpose.ok_or(RequestError::NothingLeft)?;
        let amount = self.left(rider, purpose).await.map_err(|_| RequestError::Unavailable)?;
        if !amount.is_positive() {
            return Err(RequestError::NothingLeft);
        }
        let at = self.inner.clock.now();
        let id = RefundId(self.inner.entropy.uuid_at(at));
        let text = id.0.simple().to_string().to_uppercase();
        let refund = Refund {
            id,
            reference: format!("REF{}", &text[text.len() - 10..]),
            rider,
            transfer: named.transfer,
            transfer_at: named.at,
            purpose,
            amount,
            reason,
            status: Status::Requested,
            two_persons: amount > self.inner.rules.two_persons_above,
            requested_at: at,
            approved_at: None,
            approved_by: None,
            ended_at: None,
            ended_by: None,
            note: None,
            gateway_number: None,
            tries: 0,
            tried_at: None,
        };
        self.store_request(refund, key).await
    }

    async fn store_request(
        &self,
        refund: Refund,
        key: Option<KeyOf>,
    ) -> Result<Refund, RequestError> {
        let mut fact = Fact::at(refund.requested_at);
        fact.key = key.map(|key| key(&refund));
        fact.refund = Some(RefundWrite::Request(Box::new(NewRefund {
            id: refund.id,
            reference: refund.reference.clone(),
            rider: refund.rider,
            transfer: refund.transfer,
            purpose: refund.purpose,
            amount: refund.amount,
            reason: refund.reason.clone(),
            two_persons: refund.two_persons,
        })));
        match self.inner.store.commit(fact).await {
            Ok(_) => Ok(refund),
            // the row says whether it is there
            Err(CommitError::Ambiguous) => {
                let stored = self.inner.store.refund(&refund.id.to_string()).await;
                stored.map_err(|_| RequestError::Unavailable)
            }
            Err(CommitError::Conflict(Conflict::KeyUsed)) => Err(RequestError::KeyUsed),
            Err(CommitError::Conflict(Conflict::RefundOpen)) => Err(RequestError::Duplicate),
            Err(CommitError::Conflict(Conflict::NothingLeft)) => Err(RequestError::NothingLeft),
            Err(error) => {
                tracing::warn!(%error, "a refund was not stored");
                Err(RequestError::Unavailable)
            }
        }
    }

    /// What can be given back now: of a rental nothing while it is open.
    async fn left(&self, rider: RiderId, purpose: Purpose) -> Result<Money, store::Error> {
        let store = &self.inner.store;
        match purpose {
            Purpose::TopUp(intent) => self.left_of(rider, intent).await,
            Purpose::Rental(id) if store.rental(id).await?.rental.is_open() => Ok(Money::ZERO),
            Purpose::Rental(id) => Ok(store.refundable(id).await?.total),
        }
    }

    /// An operator moves it on; audited in the same fact.
    pub async fn act(&self, name: &str, act: Act) -> Result<Refund, StepError> {
        let known = self.find(name).await?;
        let step = act.what.step(known.purpose);
        let at = self.inner.clock.now();
        allowed(&known, step, &act.by, at)?;
        let number = match &act.what {
            What::Arrived { number } => Some(number.clone()),
            What::Approve | What::Reject | What::Process | What::Bounced => None,
        };
        let mut fact = Fact::at(at);
        fact.audit = Some(audit(&known, &act, number.as_ref()));
        fact.refund = Some(RefundWrite::Step(RefundStep {
            id: known.id,
            purpose: known.purpose,
            amount: known.amount,
            step,
            by: act.by.clone(),
            note: act.note.clone(),
            gateway_number: number,
            tries: (step == Step::Bounce).then_some(known.tries),
            next_try_at: (step == Step::Send).then_some(at),
        }));
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
            (What::Process, Purpose::Rental(_)) => Step::Give,
            (What::Process, Purpose::TopUp(_)) => Step::Send,
            (What::Arrived { .. }, _) => Step::Arrive,
            (What::Bounced, _) => Step::Bounce,
        }
    }

    fn action(&self) -> &'static str {
        match self {
            What::Approve => "refund.approve",
            What::Reject => "refund.reject",
            What::Process => "refund.process",
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

fn audit(known: &Refund, act: &Act, number: Option<&String>) -> AuditEntry {
    AuditEntry {
        actor: act.by.clone(),
        action: act.what.action(),
        target: known.id.to_string(),
        details: json!({
            "reference": known.reference,
            "rider": known.rider,
            "amount": known.amount,
            "note": act.note,
            "number": number,
        }),
    }
}

impl std::fmt::Debug for Refunds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refunds").field("rules", &self.inner.rules).finish_non_exhaustive()
    }
}
