//! Money of a top-up on its way back to where it came from: what leaves the wallet with it, and
//! what comes back if it cannot go. The points that it earned go with it.

use domain::ids::IntentId;
use domain::ledger::Movement;
use domain::money::Money;
use domain::refund::Brought;

use super::{Refunds, StepError};
use crate::store::refunds::Refund;
use crate::store::{self, Store};

impl Refunds {
    /// The most that can go back now: what of it is still in the wallet, less the worth of points
    /// that it earned and that are spent.
    pub(super) async fn left_of(
        &self,
        rider: domain::ids::RiderId,
        intent: IntentId,
    ) -> Result<Money, store::Error> {
        let (store, rate) = (&self.inner.store, self.inner.rules.points);
        let brought = store.brought(intent).await?;
        let purse = store.purse(rider).await?;
        Ok(brought.most(purse.wallet, purse.points, rate))
    }

    /// The money and its points leave the rider before the gateway is told.
    pub(super) async fn sent(
        &self,
        known: &Refund,
        intent: IntentId,
    ) -> Result<Vec<Movement>, store::Error> {
        let (store, rate) = (&self.inner.store, self.inner.rules.points);
        let gateway = store.gateway_of(intent).await?;
        let (rider, amount) = (known.rider, known.amount);
        let mut movements = vec![Movement::TopUpBack { rider, intent, gateway, amount }];
        let brought: Brought = store.brought(intent).await?;
        if brought.points.0 > 0 {
            let has = store.purse(rider).await?.points;
            let taken = brought.taken(amount, has, rate);
            movements.push(Movement::TopUpPointsBack { rider, intent, taken });
        }
        Ok(movements)
    }
}

/// All that left the rider with it comes back.
pub(in crate::actors) async fn undone(
    store: &Store,
    intent: IntentId,
) -> Result<Vec<Movement>, StepError> {
    let sent = store.sent_back(intent).await.map_err(|_| StepError::Unavailable)?;
    let mut movements = Vec::with_capacity(sent.len());
    for id in sent {
        let of = store.posted(id).await.map_err(|_| StepError::Unavailable)?;
        movements.push(Movement::Reversal { of: Box::new(of) });
    }
    Ok(movements)
}
