//! What the app is told of a payment.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::ids::{IntentId, RentalId, TransferId};
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Deed, ErrandState, Intent, IntentStatus, RedirectMethod};
use serde::Serialize;
use utoipa::ToSchema;

use crate::actors::payments::Offer;
use crate::store::errands::Settlement;
use crate::store::payments::StoredIntent;

/// A payment that was begun, and where the rider goes on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IntentBody {
    pub intent_id: IntentId,
    pub amount: Money,
    pub currency: &'static str,
    pub gateway: Gateway,
    pub payment_method_name: String,
    pub payment_method_icon: Option<String>,
    /// The same as `redirect_url`.
    pub gateway_url: String,
    pub redirect_url: String,
    pub redirect_method: RedirectMethod,
    /// What a form that is posted to `redirect_url` carries.
    pub form_fields: BTreeMap<String, String>,
    /// For people.
    pub payment_instructions: Option<String>,
    pub expires_at: DateTime<Utc>,
    pub status: IntentStatus,
}

impl IntentBody {
    pub fn new(stored: &StoredIntent, offers: &[Offer]) -> IntentBody {
        let StoredIntent { intent, redirect } = stored;
        let gateway = intent.gateway;
        let offer = offers.iter().find(|offer| offer.gateway == gateway);
        let name = offer.map_or(gateway.as_str(), |offer| offer.name);
        IntentBody {
            intent_id: intent.id,
            amount: intent.amount,
            currency: Money::CURRENCY,
            gateway,
            payment_method_name: name.to_owned(),
            payment_method_icon: None,
            gateway_url: redirect.url.clone(),
            redirect_url: redirect.url.clone(),
            redirect_method: redirect.method,
            form_fields: redirect.fields.clone(),
            payment_instructions: redirect.instructions.clone(),
            expires_at: intent.expires_at,
            status: intent.status,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct VerifiedBody {
    status: IntentStatus,
    intent_id: IntentId,
    transaction_id: Option<String>,
    amount: Money,
    currency: &'static str,
    /// For the owner only.
    new_balance: Option<Money>,
    /// What became of the start that it was paid for.
    #[serde(skip_serializing_if = "Option::is_none")]
    rental_start_status: Option<ErrandState>,
    /// What became of the dues that it was paid for.
    #[serde(skip_serializing_if = "Option::is_none")]
    rental_due_status: Option<ErrandState>,
    /// For the owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    rental_id: Option<RentalId>,
    /// Why the start or the dues came to nothing; the money stays in the wallet.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl VerifiedBody {
    pub fn new(intent: &Intent, came: Settlement, is_owner: bool) -> VerifiedBody {
        let Settlement { errand, transfer, wallet } = came;
        let (start, due) = match &errand {
            None => (None, None),
            Some(errand) => match errand.errand.deed {
                Deed::RentalStart { .. } => (Some(errand.state), None),
                Deed::DuePayment { .. } => (None, Some(errand.state)),
            },
        };
        VerifiedBody {
            status: intent.status,
            intent_id: intent.id,
            transaction_id: transfer.map(|(id, at)| transaction_id(id, at)),
            amount: intent.amount,
            currency: Money::CURRENCY,
            new_balance: is_owner.then_some(wallet),
            rental_start_status: start,
            rental_due_status: due,
            rental_id: errand.as_ref().and_then(|errand| errand.rental).filter(|_| is_owner),
            error: errand.and_then(|errand| errand.error),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct CancelledBody {
    intent_id: IntentId,
    status: IntentStatus,
}

impl CancelledBody {
    pub fn new(intent: &Intent) -> CancelledBody {
        CancelledBody { intent_id: intent.id, status: intent.status }
    }
}

/// `TXN`, the time, and six characters of the id, as riders know it.
pub fn transaction_id(id: TransferId, at: DateTime<Utc>) -> String {
    let text = id.0.simple().to_string().to_uppercase();
    format!("TXN{}{}", at.format("%Y%m%d%H%M%S"), &text[text.len() - 6..])
}
