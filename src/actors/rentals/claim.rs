//! A rider's one place, held from the wish until a rental is in it. It never looks at money or
//! cabinets.

use std::sync::Arc;

use domain::ids::RiderId;

use super::{Rentals, StartError};
use crate::actors::Context;
use crate::metrics;

/// A rider's one place, taken for a start. It is given back when the start comes to nothing.
#[must_use]
pub struct Claim {
    context: Arc<Context>,
    rider: RiderId,
    /// The place is the rental's from here on.
    is_used: bool,
}

impl Claim {
    pub(super) fn used(mut self) {
        self.is_used = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.is_used {
            self.context.rentals.disclaim(self.rider);
        }
    }
}

impl Rentals {
    /// Takes the rider's one place, without asking any cabinet and before any limit: of starts
    /// at once one goes on, and only that one counts.
    pub fn claim(&self, rider: RiderId) -> Result<Claim, StartError> {
        let context = Arc::clone(&self.context);
        match context.rentals.claim(rider) {
            Ok(()) => Ok(Claim { context, rider, is_used: false }),
            Err(place) => {
                let refusal = self.taken(place);
                metrics::RENTALS_STARTED.inc([refusal.label()]);
                Err(refusal)
            }
        }
    }
}
