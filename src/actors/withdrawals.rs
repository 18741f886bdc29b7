//! Money out of wallets: asked for by riders within their limits, moved on by operators. Each
//! step is one fact, whose row says from where it may be taken; a race has one winner, and the
//! others are told how it stands.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::ids::{RiderId, WithdrawalId};
use domain::ledger::{self, Movement};
use domain::money::Money;
use domain::withdrawal::{Method, Payee, Refusal, Rules, Status, Step};
use serde_json::json;

use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::failpoint;
use crate::store::fact::{
    AuditEntry, CommitError, Conflict, Fact, KeyWrite, NewWithdrawal, WithdrawalStep,
    WithdrawalWrite,
};
use crate::store::withdrawals::Withdrawal;
use crate::store::{self, Store};

/// The door to all withdrawals. Clones share it.
#[derive(Clone)]
pub struct Withdrawals {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Clock,
    entropy: Entropy,
    rules: Rules,
}

/// A rider wants money out of the wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub rider: RiderId,
    pub amount: Money,
    pub method: Method,
    pub payee: Payee,
}

/// What an operator does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    pub step: Step,
    /// `operator:anna`.
    pub by: String,
    pub note: Option<String>,
    pub payout_reference: Option<String>,
}

/// Makes the record of a request's key from what the request led to.
pub type KeyOf = Box<dyn FnOnce(&Withdrawal) -> KeyWrite + Send>;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("at most NPR {0} can be withdrawn in a day")]
    DayLimit(Money),
    #[error("at most NPR {0} can be withdrawn in a month")]
    MonthLimit(Money),
    #[error("the wallet has not enough money")]
    Short,
    #[error("the key was used by another request")]
    KeyUsed,
    #[error("withdrawals cannot be made at this moment")]
    Unavailable,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    #[error("no such withdrawal")]
    NotFound,
    /// It cannot go there from where it is.
    #[error("the withdrawal is {}", .0.as_str())]
    Elsewhere(Status),
    #[error("another person has to pay out what one has approved")]
    SamePerson,
    #[error("the key was used by another request")]
    KeyUsed,
    #[error("withdrawals cannot be changed at this moment")]
    Unavailable,
}

impl Withdrawals {
    pub fn new(store: Store, clock: Clock, entropy: Entropy, rules: Rules) -> Withdrawals {
        Withdrawals { inner: Arc::new(Inner { store, clock, entropy, rules }) }
    }

    /// Sets the money aside, with the record of the request's key in the same fact.
    pub async fn request(
        &self,
        wish: Wish,
        key: Option<KeyOf>,
    ) -> Result<Withdrawal, RequestError> {
        let rules = &self.inner.rules;
        let fee = rules.admit(wish.amount)?;
        let at = self.inner.clock.now();
        let withdrawal = self.wished(wish, fee, at);
        let mut fact = Fact::at(at);
        fact.withdrawal = Some(WithdrawalWrite::Request(Box::new(self.written(&withdrawal))));
        fact.movements = vec![moved(&withdrawal, ledger::Withdrawal::Request)];
        fact.key = key.map(|key| key(&withdrawal));
        failpoint::hit("before_withdrawal_commit");
        let written = self.inner.store.commit(fact).await;
        failpoint::hit("after_withdrawal_commit");
        let limits = rules.limits;
        match written {
            Ok(_) => {
                tracing::info!(withdrawal.id = %withdrawal.id, "a withdrawal was asked for");
                Ok(withdrawal)
            }
            // the row says whether it is there
            Err(CommitError::Ambiguous) => {
                let stored = self.inner.store.withdrawal(&withdrawal.id.to_string()).await;
                stored.map_err(|_| RequestError::Unavailable)
            }
            Err(CommitError::Conflict(Conflict::DayLimit)) => {
                Err(RequestError::DayLimit(limits.per_day))
            }
            Err(CommitError::Conflict(Conflict::MonthLimit)) => {
                Err(RequestError::MonthLimit(limits.per_month))
            }
            Err(CommitError::Conflict(Conflict::KeyUsed)) => Err(RequestError::KeyUsed),
            Err(CommitError::Short { .. }) => Err(RequestError::Short),
            Err(error) => {
                tracing::warn!(%error, "a withdrawal was not stored");
                Err(RequestError::Unavailable)
            }
        }
    }

    /// The rider takes it back, as long as nobody has approved it.
    pub async fn cancel(
        &self,
        rider: RiderId,
        name: &str,
        reason: Option<String>,
        key: Option<KeyOf>,
    ) -> Result<Withdrawal, StepError> {
        let known = self.find(name).await?;
        if known.rider != rider {
            return Err(StepError::NotFound);
        }
        let by = format!("rider:{rider}");
        let act = Act { step: Step::Cancel, by, note: reason, payout_reference: None };
        self.step(known, act, key, None).await
    }

    /// An operator moves it on; audited in the same fact, with the record of the command's key.
    pub async fn act(
        &self,
        name: &str,
        act: Act,
        key: Option<KeyOf>,
    ) -> Result<Withdrawal, StepError> {
        let known = self.find(name).await?;
        let audit = AuditEntry {
            actor: act.by.clone(),
            action: match act.step {
                Step::Approve => "withdrawal.approve",
                Step::Complete => "withdrawal.complete",
                Step::Reject => "withdrawal.reject",
                Step::Cancel => "withdrawal.cancel",
            },
            target: known.id.to_string(),
            details: json!({
                "reference": known.reference,
                "rider": known.rider,
                "amount": known.amount,
                "note": act.note,
                "payout_reference": act.payout_reference,
            }),
        };
        self.step(known, act, key, Some(audit)).await
    }

    async fn find(&self, name: &str) -> Result<Withdrawal, StepError> {
        self.inner.store.withdrawal(name).await.map_err(|error| {
            let is_missing = error == store::Error::NotFound;
            if is_missing { StepError::NotFound } else { StepError::Unavailable }
        })
    }

    async fn step(
        &self,
        known: Withdrawal,
        act: Act,
        key: Option<KeyOf>,
        audit: Option<AuditEntry>,
    ) -> Result<Withdrawal, StepError> {
        allowed(&known, &act)?;
        let at = self.inner.clock.now();
        let after = stepped(&known, &act, at);
        let mut fact = Fact::at(at);
        fact.movements = movement(&known, act.step).into_iter().collect();
        fact.key = key.map(|key| key(&after));
        fact.audit = audit;
        fact.withdrawal = Some(WithdrawalWrite::Step(WithdrawalStep {
            id: known.id,
            step: act.step,
            by: act.by.clone(),
            note: act.note.clone(),
            payout_reference: act.payout_reference.clone(),
        }));
        failpoint::hit("before_withdrawal_step_commit");
        let written = self.inner.store.commit(fact).await;
        failpoint::hit("after_withdrawal_step_commit");
        match written {
            Ok(_) => Ok(after),
            Err(CommitError::Conflict(Conflict::KeyUsed)) => Err(StepError::KeyUsed),
            // somebody else was first, or nobody knows: the row says how it stands
            Err(error) => {
                tracing::debug!(withdrawal.id = %known.id, %error, "a step was not written");
                let stored = self.find(&known.id.to_string()).await?;
                let is_mine = error == CommitError::Ambiguous && stored.status == act.step.to();
                if is_mine {
                    return Ok(stored);
                }
                allowed(&stored, &act)?;
                Err(StepError::Unavailable)
            }
        }
    }

    fn wished(&self, wish: Wish, fee: Money, at: DateTime<Utc>) -> Withdrawal {
        let id = WithdrawalId(self.inner.entropy.uuid_at(at));
        let text = id.0.simple().to_string().to_uppercase();
        Withdrawal {
            id,
            reference: format!("WD{}", &text[text.len() - 10..]),
            rider: wish.rider,
            amount: wish.amount,
            fee,
            method: wish.method,
            payee: wish.payee,
            status: Status::Requested,
            two_persons: self.inner.rules.needs_two(wish.amount),
            requested_at: at,
            approved_at: None,
            approved_by: None,
            ended_at: None,
            ended_by: None,
            note: None,
            payout_reference: None,
        }
    }

    fn written(&self, withdrawal: &Withdrawal) -> NewWithdrawal {
        NewWithdrawal {
            id: withdrawal.id,
            reference: withdrawal.reference.clone(),
            rider: withdrawal.rider,
            amount: withdrawal.amount,
            fee: withdrawal.fee,
            method: withdrawal.method,
            payee: withdrawal.payee.clone(),
            two_persons: withdrawal.two_persons,
            limits: self.inner.rules.limits,
        }
    }
}

fn allowed(known: &Withdrawal, act: &Act) -> Result<(), StepError> {
    if !act.step.from().contains(&known.status) {
        return Err(StepError::Elsewhere(known.status));
    }
    let again = known.approved_by.as_deref() == Some(act.by.as_str());
    if act.step == Step::Complete && known.two_persons && again {
        return Err(StepError::SamePerson);
    }
    Ok(())
}

fn stepped(known: &Withdrawal, act: &Act, at: DateTime<Utc>) -> Withdrawal {
    let mut after = Withdrawal { status: act.step.to(), ..known.clone() };
    if after.status.is_open() {
        (after.approved_at, after.approved_by) = (Some(at), Some(act.by.clone()));
    } else {
        (after.ended_at, after.ended_by) = (Some(at), Some(act.by.clone()));
    }
    after.note = act.note.clone().or(after.note);
    after.payout_reference = act.payout_reference.clone().or(after.payout_reference);
    after
}

/// An approval moves nothing yet.
fn movement(known: &Withdrawal, step: Step) -> Option<Movement> {
    let step = match step {
        Step::Approve => return None,
        Step::Complete => ledger::Withdrawal::Complete { fee: known.fee },
        Step::Reject => ledger::Withdrawal::Reject,
        Step::Cancel => ledger::Withdrawal::Cancel { fee: Money::ZERO },
    };
    Some(moved(known, step))
}

fn moved(withdrawal: &Withdrawal, step: ledger::Withdrawal) -> Movement {
    let Withdrawal { rider, amount, id, .. } = *withdrawal;
    Movement::Withdraw { rider, withdrawal: id, amount, step }
}

impl std::fmt::Debug for Withdrawals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Withdrawals").field("rules", &self.inner.rules).finish_non_exhaustive()
    }
}
