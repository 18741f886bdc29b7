//! The answer to what the rider cannot pay: a top-up intent for what is missing, in a shape of
//! its own. What it is for is stored with it.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::ids::{IntentId, RiderId};
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Deed, Errand, ErrandState, IntentStatus, RedirectMethod, RequestKey};
use domain::tender::{PaymentMode, Shortfall, Tender};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::actors::payments::{Offer, TopUp};
use crate::http::App;
use crate::http::error::{ApiError, Code, PaymentRequired};
use crate::http::idempotency::{
    Deed as Request, Key, REPLAYED, in_progress, known, used_otherwise,
};
use crate::http::payments::method_id;
use crate::store::errands::StoredErrand;
use crate::store::payments::StoredIntent;

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
    /// What is taken once this is paid.
    breakdown: BreakdownBody,
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

/// What a request would say when it asks for a payment.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The word of `Deed::purpose`.
    pub purpose: &'static str,
    pub mode: PaymentMode,
    pub message: &'static str,
}

/// What came of an earlier request with the same key.
pub enum Before {
    /// Its payment is asked for still.
    Asked(Response),
    /// It was paid and gone on with: what the key led to.
    Done(Option<String>),
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
        let body = ShortBody::new(stored, offer, mode, short);
        Ok(PaymentRequired::new(message, body).into_response())
    }

    /// What came of an earlier request with the same key that was short of money: as long as its
    /// payment is open that one is asked for, and no second one.
    pub async fn asked_before(
        &self,
        key: &Key,
        request: Request,
        asked: Asked,
    ) -> Result<Option<Before>, ApiError> {
        let Some(key) = &key.0 else { return Ok(None) };
        let Some(before) = self.store.errand_of_key(request.rider, key).await? else {
            return Ok(None);
        };
        let kept = before.errand.key.as_ref();
        let is_same = kept.is_some_and(|kept| kept.body_hash == request.body_hash)
            && before.errand.deed.purpose() == asked.purpose;
        if !is_same {
            return Err(used_otherwise());
        }
        match before.status {
            IntentStatus::Pending if self.clock.now() < before.expires_at => {
                Ok(Some(Before::Asked(self.ask_again(&before, asked).await?)))
            }
            IntentStatus::Completed => self.done_before(&before, key, request).await,
            IntentStatus::Pending
            | IntentStatus::Failed
            | IntentStatus::Cancelled
            | IntentStatus::Expired => Ok(None),
        }
    }

    async fn ask_again(&self, before: &StoredErrand, asked: Asked) -> Result<Response, ApiError> {
        let stored = self.store.intent(before.id).await?;
        let offers = self.payments.offers();
        let offer = offers.iter().find(|offer| offer.gateway == stored.intent.gateway);
        // it was taken out of the settings since
        let offer = offer.ok_or_else(|| no_method(true, before.errand.short.total()))?;
        let body = ShortBody::new(stored, offer, asked.mode, before.errand.short);
        let answer = PaymentRequired::new(asked.message, body).into_response();
        Ok(([REPLAYED], answer).into_response())
    }

    /// The payment is settled: what it was for is waited for. When that came to nothing, the
    /// request is a new one.
    async fn done_before(
        &self,
        before: &StoredErrand,
        key: &str,
        request: Request,
    ) -> Result<Option<Before>, ApiError> {
        let errand = self.errands.of(before.id).await?;
        match errand.map(|errand| errand.state) {
            Some(ErrandState::Success) => {
                let record = known(&self.store, key, request).await?;
                Ok(record.map(|record| Before::Done(record.resource)))
            }
            Some(ErrandState::Pending) => Err(in_progress()),
            Some(ErrandState::Failed) | None => Ok(None),
        }
    }
}

impl ShortBody {
    fn new(stored: StoredIntent, offer: &Offer, mode: PaymentMode, short: Shortfall) -> ShortBody {
        let StoredIntent { intent, redirect } = stored;
        ShortBody {
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
            breakdown: short.planned.into(),
            payment_mode: mode,
        }
    }
}

impl Key {
    /// What is to be done later, for the request that came with this key.
    pub fn errand(self, deed: Deed, body_hash: [u8; 32], short: Shortfall) -> Errand {
        Errand { deed, key: self.0.map(|key| RequestKey { key, body_hash }), short }
    }
}

fn no_method(named: bool, shortfall: Money) -> ApiError {
    if named {
        return ApiError::new(Code::InvalidPaymentMethod, "Invalid payment method");
    }
    let message = "Payment method is required when balance is insufficient";
    ApiError::new(Code::PaymentMethodRequired, message).context("shortfall", shortfall.to_string())
}
