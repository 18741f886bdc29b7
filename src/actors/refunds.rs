//! Money that goes back: asked for by riders, decided by operators. What goes to a wallet is given
//! in one fact; what goes to its source leaves the wallet here, and the payments tell the gateway.

use std::sync::Arc;

use domain::ids::{RefundId, RiderId};
use domain::money::Money;
use domain::points::PerRupee;
use domain::refund::{Purpose, Status};
use rust_decimal::Decimal;

use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::store::fact::{CommitError, Conflict, Fact, KeyWrite, NewRefund, RefundWrite};
use crate::store::refunds::Refund;
use crate::store::{self, Store};

mod source;
mod steps;

pub(super) use source::undone;
pub use steps::{Act, StepError, What};

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
            mobile: None,
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
}

impl std::fmt::Debug for Refunds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refunds").field("rules", &self.inner.rules).finish_non_exhaustive()
    }
}
