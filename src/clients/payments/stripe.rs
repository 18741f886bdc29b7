//! Stripe, by its payment intents, for foreign cards. The app pays with Stripe's own kit and a
//! client secret; webhooks are signed and are still only hints to ask for the payment again.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ids::IntentId;
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Answer, Intent, Redirect, RedirectMethod};
use reqwest::RequestBuilder;
use serde::Deserialize;

use super::news::{Back, Hint, News, Odd, Sealed};
use super::raw::Raw;
use super::{Asked, Error, Offer, Order, PaymentGateway, Refund, Refunded, Started, Trace};
use crate::clients::web::{Heard, Web};
use crate::config::{self, Secret};

mod signature;

#[cfg(test)]
mod tests;

mod refunds;

/// Of the interface that this file was written for.
const VERSION: &str = "2026-10-28.endive";

#[derive(Debug)]
pub struct Stripe {
    web: Web,
    /// Without a slash at the end.
    base_url: String,
    key: Secret,
    webhook_secret: Secret,
    publishable_key: String,
    public_url: String,
    /// The smallest and the largest payment.
    bounds: (Money, Money),
}

impl Stripe {
    /// `public_url` is how riders reach this server, without a slash at the end.
    pub fn new(settings: &config::Stripe, web: Web, public_url: &str) -> Stripe {
        Stripe {
            web,
            base_url: settings.base_url.trim_end_matches('/').to_owned(),
            key: settings.secret_key.clone(),
            webhook_secret: settings.webhook_secret.clone(),
            publishable_key: settings.publishable_key.clone(),
            public_url: public_url.to_owned(),
            bounds: super::bounds(settings.min_npr, settings.max_npr),
        }
    }

    fn request(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(self.key.expose()).header("Stripe-Version", VERSION)
    }

    /// What Stripe has done under a key it does not do again.
    fn post(&self, path: &str, key: &str, form: &[(&str, String)]) -> RequestBuilder {
        let request = self.web.post(&format!("{}{path}", self.base_url)).form(form);
        self.request(request).header("Idempotency-Key", key)
    }
}

#[async_trait]
impl PaymentGateway for Stripe {
    fn offer(&self) -> Offer {
        Offer {
            gateway: Gateway::Stripe,
            name: "Stripe",
            least: self.bounds.0,
            most: self.bounds.1,
        }
    }

    async fn start(&self, order: &Order) -> Asked<Started> {
        let form = [
            ("amount", order.amount.to_paisa().to_string()),
            ("currency", Money::CURRENCY.to_lowercase()),
            ("automatic_payment_methods[enabled]", "true".to_owned()),
            ("metadata[intent_id]", order.intent.to_string()),
        ];
        let request = self.post("/v1/payment_intents", &order.intent.to_string(), &form);
        Asked::of(self.web.send(request).await, |heard| self.started(heard))
    }

    async fn check(&self, intent: &Intent) -> Asked<Answer> {
        let url = format!("{}/v1/payment_intents/{}", self.base_url, intent.gateway_ref);
        // a payment stays `succeeded` when it went back: only its charge says so
        let request = self.request(self.web.get(&url).query(&[("expand[]", "latest_charge")]));
        Asked::of(self.web.send(request).await, |heard| looked_up(heard, intent.id))
    }

    async fn refund(&self, order: &Refund) -> Asked<Refunded> {
        let form = [
            ("payment_intent", order.reference.clone()),
            ("amount", order.amount.to_paisa().to_string()),
            (refunds::OURS_IN_FORM, order.id.to_string()),
        ];
        let request = self.post("/v1/refunds", &order.id.to_string(), &form);
        Asked::of(self.web.send(request).await, refunds::done)
    }

    async fn trace(&self, order: &Refund) -> Asked<Trace> {
        let url = format!("{}/v1/refunds", self.base_url);
        let query = [("payment_intent", order.reference.as_str()), ("limit", refunds::LISTED)];
        let request = self.request(self.web.get(&url).query(&query));
        Asked::of(self.web.send(request).await, |heard| refunds::traced(heard, order.id))
    }

    fn read(&self, news: &News<'_>, now: DateTime<Utc>) -> Result<Hint, Odd> {
        match news {
            News::Webhook { signature, body } => {
                signature::verify(&self.webhook_secret, signature, body, now)?;
                event(body)
            }
            News::Fields(fields) => {
                let named =
                    fields.get("payment_intent").or_else(|| fields.get("gateway_reference"));
                let named = named.filter(|text| !text.is_empty()).ok_or(Odd::Unreadable)?;
                let reference = named.clone();
                Ok(Hint { reference, order: None, amount: None, sealed: None, back: None })
            }
        }
    }
}

#[derive(Deserialize)]
struct PaymentIntent {
    id: String,
    status: String,
    currency: String,
    amount_received: Option<i64>,
    latest_charge: Option<Charge>,
    client_secret: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// Its number alone where only that was asked for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Charge {
    Number(String),
    Whole {
        id: String,
        #[serde(default)]
        refunded: bool,
        #[serde(default)]
        amount_refunded: i64,
    },
}

impl Charge {
    /// Whether any of it went back, and not all.
    fn refunded(&self) -> Option<Answer> {
        match self {
            Charge::Whole { refunded: true, .. } => Some(Answer::Refunded { partly: false }),
            Charge::Whole { amount_refunded: 1.., .. } => Some(Answer::Refunded { partly: true }),
            Charge::Whole { .. } | Charge::Number(_) => None,
        }
    }

    fn number(self) -> String {
        match self {
            Charge::Number(id) | Charge::Whole { id, .. } => id,
        }
    }
}

impl Stripe {
    fn started(&self, heard: &Heard) -> Result<Started, Error> {
        let made: PaymentIntent = read(heard)?;
        let secret = made
            .client_secret
            .ok_or_else(|| Error::Unsure("a payment without a client secret".to_owned()))?;
        let fields = [
            ("client_secret", secret),
            ("payment_intent", made.id.clone()),
            ("publishable_key", self.publishable_key.clone()),
        ];
        let redirect = Redirect {
            url: format!("{}/api/payments/stripe/return", self.public_url),
            method: RedirectMethod::Get,
            fields: fields.map(|(name, value)| (name.to_owned(), value)).into(),
            instructions: Some("Pay with Stripe's kit and this client secret".to_owned()),
        };
        Ok(Started { reference: made.id, redirect })
    }
}

fn looked_up(heard: &Heard, order: IntentId) -> Result<Answer, Error> {
    let found: PaymentIntent = match read(heard) {
        Err(Error::Declined(_)) if heard.status == 404 => return Ok(unclear("not found")),
        other => other?,
    };
    Ok(match found.status.as_str() {
        "succeeded" => paid(found, order),
        "requires_payment_method"
        | "requires_confirmation"
        | "requires_action"
        | "processing"
        | "requires_capture" => Answer::Pending,
        "canceled" => Answer::Cancelled,
        _ => unclear(&found.status),
    })
}

/// The payment of another order has another reference, whatever its number.
fn paid(found: PaymentIntent, order: IntentId) -> Answer {
    if let Some(refunded) = found.latest_charge.as_ref().and_then(Charge::refunded) {
        return refunded;
    }
    let amount = found.amount_received.and_then(|minor| Money::paisa(minor).ok());
    let Some(amount) = amount else { return unclear("succeeded, without an amount") };
    let named = found.metadata.get("intent_id");
    let is_other = named.is_some_and(|named| *named != order.to_string());
    let reference = if is_other {
        format!("order {}", named.map_or("", String::as_str))
    } else {
        found.id.clone()
    };
    let currency = found.currency.to_uppercase();
    let txn_id = found.latest_charge.map_or(found.id, Charge::number);
    Answer::Paid { reference, amount, currency, txn_id }
}

fn unclear(word: &str) -> Answer {
    Answer::Unclear { word: word.chars().take(64).collect() }
}

#[derive(Deserialize)]
struct Event {
    id: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

/// A payment, or a charge, refund or dispute that names its payment.
#[derive(Deserialize)]
struct Object {
    id: String,
    #[serde(rename = "object")]
    kind: String,
    payment_intent: Option<String>,
    status: Option<String>,
    amount_refunded: Option<i64>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

impl Object {
    fn back(&self) -> Option<Back> {
        match self.kind.as_str() {
            "dispute" => Some(Back::Disputed),
            "charge" => {
                let returned = self.amount_refunded.and_then(|minor| Money::paisa(minor).ok());
                returned.filter(|amount| amount.is_positive()).map(Back::Returned)
            }
            "refund" if matches!(self.status.as_deref(), Some("failed" | "canceled")) => None,
            "refund" => Some(Back::Refund { ours: self.metadata.get(refunds::OURS).cloned() }),
            _ => None,
        }
    }
}

fn event(body: &[u8]) -> Result<Hint, Odd> {
    let event: Event = serde_json::from_slice(body).map_err(|_| Odd::Unreadable)?;
    let back = event.data.object.back();
    let Object { id, kind, payment_intent, metadata, .. } = event.data.object;
    let is_payment = kind == "payment_intent";
    let reference = if is_payment { Some(id) } else { payment_intent };
    let reference = reference.ok_or(Odd::Foreign)?;
    let order = metadata.get("intent_id").filter(|_| is_payment).cloned();
    let sealed = Some(Sealed { id: event.id, raw: Raw::of_bytes(body) });
    Ok(Hint { reference, order, amount: None, sealed, back })
}

#[derive(Deserialize)]
struct Refusal {
    error: Why,
}

#[derive(Deserialize)]
struct Why {
    #[serde(rename = "type")]
    kind: String,
    code: Option<String>,
    message: Option<String>,
}

fn read<T: for<'a> Deserialize<'a>>(heard: &Heard) -> Result<T, Error> {
    if heard.is_ok() {
        let read = serde_json::from_slice(&heard.body);
        return read.map_err(|error| Error::Unsure(error.to_string()));
    }
    let Ok(Refusal { error }) = serde_json::from_slice::<Refusal>(&heard.body) else {
        return Err(Error::strange(heard));
    };
    let code = error.code.unwrap_or(error.kind);
    let text = format!("{code}: {}", error.message.unwrap_or_default());
    Err(match heard.status {
        // our key, not this order
        401 | 403 | 429 => Error::Down(text),
        // the same request is under way
        409 => Error::Unsure(text),
        400..=499 => Error::Declined(text),
        _ => Error::Unsure(text),
    })
}
