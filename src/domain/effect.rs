//! The closed list of things the outside may be asked to do. Data, so that it can be written
//! in the transaction that writes the event; delivered at least once, after the commit.

use serde::{Deserialize, Serialize};

use crate::ids::{RentalId, RiderId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Effect {
    NotifyRider { rider: RiderId, template: Template },
}

/// What a rider is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "template", rename_all = "snake_case")]
pub enum Template {
    RentalStarted { rental: RentalId },
    RentalCancelled { rental: RentalId, reason: String },
    RentalReopened { rental: RentalId },
    RentalOverdue { rental: RentalId },
    RentalCompleted { rental: RentalId },
    PaymentDue { rental: RentalId, amount: crate::money::Money },
    ToppedUp { amount: crate::money::Money },
}

impl Template {
    pub fn name(&self) -> &'static str {
        match self {
            Template::RentalStarted { .. } => "rental_started",
            Template::RentalCancelled { .. } => "rental_cancelled",
            Template::RentalReopened { .. } => "rental_reopened",
            Template::RentalOverdue { .. } => "rental_overdue",
            Template::RentalCompleted { .. } => "rental_completed",
            Template::PaymentDue { .. } => "payment_due",
            Template::ToppedUp { .. } => "topped_up",
        }
    }
}
