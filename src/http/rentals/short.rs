//! The answer to what the rider can not pay: a top-up intent for what is missing, in a shape of
//! its own. What it is for is stored with it.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::ids::{IntentId, RiderId};
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Deed, Errand, IntentStatus, RedirectMethod, RequestKey};
use domain::tender::{PaymentMode, Shortfall, Tender};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::actors::payments::TopUp;
use crate::http::App;
use crate::http::error::{ApiError, Code, PaymentRequired};
use crate::http::idempotency::Key;
use crate::http::payments::method_id;

/// What is missing, and how to bring it in.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShortBody {
    intent_id: IntentId,
    amount: Money,
    currency: &'static str,
    gateway: Gateway,
    payment_method_name: &'static str,
    payment_method_icon: Option<String>,
    gateway_url: String,
    redirect_url: String,
    redirect_method: RedirectMethod,
    form_fields: BTreeMap<String, String>,
    payment_instructions: Option<String>,
    expires_at: DateTime<Utc>,
    status: IntentStatus,
    shortfall: Money,
    wallet_shortfall: Money,
    points_shortfall: u32,
    points_shortfall_amount: Money,
    payment_mode: PaymentMode,
}

/// What of an amount comes from where.
#[derive(Debug, Serialize, ToSchema)]
pub struct BreakdownBody {
    wallet_amount: Money,
    points_used: u32,
    points_amount: Money,
}

impl From<Tender> for BreakdownBody {
    fn from(tender: Tender) -> BreakdownBody {
        BreakdownBody {
            wallet_amount: tender.wallet,
            points_used: tender.spent.points.0,
            points_amount: tender.spent.worth,
        }
    }
}

/// What is missing, and what for.
pub struct Missing {
    pub rider: RiderId,
    /// With one way to pay it need not be named.
    pub method: Option<Uuid>,
    pub mode: PaymentMode,
    pub short: Shortfall,
    pub errand: Errand,
    pub message: &'static str,
}

impl App {
    /// Asks for what is missing, raised to the least that the gateway takes.
    pub async fn ask_for(&self, missing: Missing) -> Result<Response, ApiError> {
        let Missing { rider, method, mode, short, errand, message } = missing;
        let offers = self.payments.offers();
        let offer = match method {
            Some(id) => offers.iter().find(|offer| method_id(offer.gateway) == id),
            None => offers.first().filter(|_| offers.len() == 1),
        };
        let Some(offer) = offer else {
            return Err(no_method(method.is_some(), short.total()));
        };
        let amount = short.total().max(offer.least);
        let wish = TopUp { rider, amount, gateway: offer.gateway };
        let stored = self.payments.start_errand(wish, errand).await?;
        let (intent, redirect) = (stored.intent, stored.redirect);
        let body = ShortBody {
            intent_id: intent.id,
            amount: intent.amount,
            currency: "NPR",
            gateway: intent.gateway,
            payment_method_name: offer.name,
            payment_method_icon: None,
            gateway_url: redirect.url.clone(),
            redirect_url: redirect.url,
            redirect_method: redirect.method,
            form_fields: redirect.fields,
            payment_instructions: redirect.instructions,
            expires_at: intent.expires_at,
            status: intent.status,
            shortfall: short.total(),
            wallet_shortfall: short.wallet,
            points_shortfall: short.points.0,
            points_shortfall_amount: short.worth,
            payment_mode: mode,
        };
        Ok(PaymentRequired::new(message, body).into_response())
    }
}

impl Key {
    /// What is to be done later, for the request that came with this key.
    pub fn errand(self, deed: Deed, body_hash: [u8; 32]) -> Errand {
        Errand { deed, key: self.0.map(|key| RequestKey { key, body_hash }) }
    }
}

fn no_method(named: bool, shortfall: Money) -> ApiError {
    if named {
        return ApiError::new(Code::InvalidPaymentMethod, "Invalid payment method");
    }
    let message = "Payment method is required when balance is insufficient";
    ApiError::new(Code::PaymentMethodRequired, message).context("shortfall", shortfall.to_string())
}
