//! The answer to a start that the wallet can not pay: a top-up intent for what is missing, in a
//! shape of its own.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::ids::{IntentId, RiderId};
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{IntentStatus, RedirectMethod};
use serde::Serialize;
use utoipa::ToSchema;

use super::{PaymentMode, StartRental};
use crate::actors::payments::TopUp;
use crate::http::App;
use crate::http::error::{ApiError, Code, PaymentRequired};
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
    points_shortfall: u64,
    points_shortfall_amount: Money,
    payment_mode: PaymentMode,
}

impl StartRental {
    /// Asks for what is missing, raised to the least that the gateway takes. With one way to pay
    /// it need not be named.
    pub async fn short(
        &self,
        app: &App,
        rider: RiderId,
        shortfall: Money,
    ) -> Result<Response, ApiError> {
        let offers = app.payments.offers();
        let offer = match self.payment_method_id {
            Some(id) => offers.iter().find(|offer| method_id(offer.gateway) == id),
            None => offers.first().filter(|_| offers.len() == 1),
        };
        let Some(offer) = offer else {
            return Err(self.no_method(shortfall));
        };
        let wish = TopUp { rider, amount: shortfall.max(offer.least), gateway: offer.gateway };
        let stored = app.payments.start_top_up(wish, None).await?;
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
            shortfall,
            wallet_shortfall: shortfall,
            points_shortfall: 0,
            points_shortfall_amount: Money::ZERO,
            payment_mode: self.payment_mode,
        };
        Ok(PaymentRequired::new("Payment required to start rental", body).into_response())
    }

    fn no_method(&self, shortfall: Money) -> ApiError {
        if self.payment_method_id.is_some() {
            return ApiError::new(Code::InvalidPaymentMethod, "Invalid payment method");
        }
        let message = "Payment method is required when balance is insufficient";
        ApiError::new(Code::PaymentMethodRequired, message)
            .context("shortfall", shortfall.to_string())
    }
}
