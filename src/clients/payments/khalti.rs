//! Khalti ePayment (KPG-2). The order's `pidx` is our reference; amounts are in paisa; the
//! redirect back is not signed, so only the lookup tells anything.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Answer, Intent, Redirect, RedirectMethod};
use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::news::{Hint, News, Odd};
use super::{Asked, Error, Offer, Order, PaymentGateway, Refund, Refunded, Started, Trace};
use crate::clients::web::{Heard, Web};
use crate::config::{self, Secret};

#[cfg(test)]
mod tests;

const ORDER_NAME: &str = "ChargeGhar wallet top-up";

#[derive(Debug)]
pub struct Khalti {
    web: Web,
    /// With a slash at the end.
    base_url: String,
    key: Secret,
    public_url: String,
    /// The smallest and the largest payment.
    bounds: (Money, Money),
}

impl Khalti {
    /// `public_url` is how riders reach this server, without a slash at the end.
    pub fn new(settings: &config::Khalti, web: Web, public_url: &str) -> Khalti {
        Khalti {
            web,
            base_url: format!("{}/", settings.base_url.trim_end_matches('/')),
            key: settings.secret_key.clone(),
            public_url: public_url.to_owned(),
            bounds: super::bounds(settings.min_npr, settings.max_npr),
        }
    }

    fn post(&self, url: &str, body: &Value) -> RequestBuilder {
        let key = format!("Key {}", self.key.expose());
        self.web.post(url).header("Authorization", key).json(body)
    }

    async fn lookup(&self, pidx: &str) -> Asked<Answer> {
        let url = format!("{}epayment/lookup/", self.base_url);
        let body = json!({ "pidx": pidx });
        Asked::of(self.web.send(self.post(&url, &body)).await, looked_up)
    }

    /// Refunds are not under the version.
    fn refund_url(&self, txn_id: &str) -> String {
        let base = self.base_url.strip_suffix("v2/").unwrap_or(&self.base_url);
        format!("{base}merchant-transaction/{txn_id}/refund/")
    }
}

#[async_trait]
impl PaymentGateway for Khalti {
    fn offer(&self) -> Offer {
        Offer {
            gateway: Gateway::Khalti,
            name: "Khalti",
            least: self.bounds.0,
            most: self.bounds.1,
        }
    }

    async fn start(&self, order: &Order) -> Asked<Started> {
        let url = format!("{}epayment/initiate/", self.base_url);
        let body = json!({
            "return_url": format!("{}/api/payments/khalti/callback", self.public_url),
            "website_url": self.public_url,
            "amount": order.amount.to_paisa(),
            "purchase_order_id": order.intent,
            "purchase_order_name": ORDER_NAME,
        });
        Asked::of(self.web.send(self.post(&url, &body)).await, started)
    }

    async fn check(&self, intent: &Intent) -> Asked<Answer> {
        self.lookup(&intent.gateway_ref).await
    }

    async fn refund(&self, order: &Refund) -> Asked<Refunded> {
        let mut body = Map::new();
        if !order.is_whole() {
            body.insert("amount".to_owned(), order.amount.to_paisa().into());
        }
        if let Some(mobile) = &order.mobile {
            body.insert("mobile".to_owned(), mobile.as_str().into());
        }
        let request = self.post(&self.refund_url(&order.txn_id), &Value::Object(body));
        Asked::of(self.web.send(request).await, refunded)
    }

    async fn trace(&self, order: &Refund) -> Asked<Trace> {
        self.lookup(&order.reference).await.map(Trace::OfPayment)
    }

    fn read(&self, news: &News<'_>, _: DateTime<Utc>) -> Result<Hint, Odd> {
        let News::Fields(fields) = news else { return Err(Odd::Unreadable) };
        let of = |name: &str| fields.get(name).map(String::as_str);
        let reference = of("pidx").or_else(|| of("gateway_reference")).ok_or(Odd::Unreadable)?;
        if reference.is_empty() {
            return Err(Odd::Unreadable);
        }
        let order = of("purchase_order_id").map(str::to_owned);
        Ok(Hint { reference: reference.to_owned(), order, amount: None, sealed: None, back: None })
    }
}

#[derive(Deserialize)]
struct Initiated {
    pidx: String,
    payment_url: String,
}

fn started(heard: &Heard) -> Result<Started, Error> {
    if !heard.is_ok() {
        return Err(refusal(heard));
    }
    let initiated: Initiated =
        serde_json::from_slice(&heard.body).map_err(|error| Error::Unsure(error.to_string()))?;
    let redirect = Redirect {
        url: initiated.payment_url,
        method: RedirectMethod::Get,
        fields: BTreeMap::new(),
        instructions: None,
    };
    Ok(Started { reference: initiated.pidx, redirect })
}

#[derive(Deserialize)]
struct Lookup {
    pidx: String,
    total_amount: Option<i64>,
    status: String,
    transaction_id: Option<String>,
    #[serde(default)]
    refunded: bool,
}

/// A status is an answer whatever the HTTP status says: what ended unpaid comes with 400.
fn looked_up(heard: &Heard) -> Result<Answer, Error> {
    let Ok(lookup) = serde_json::from_slice::<Lookup>(&heard.body) else {
        return if heard.status == 404 { Ok(unclear("not found")) } else { Err(refusal(heard)) };
    };
    Ok(match lookup.status.trim().to_lowercase().as_str() {
        // what went back is not here to be credited, whatever the word says
        "completed" if lookup.refunded => unclear("completed, and refunded"),
        "completed" => paid(lookup),
        "pending" | "initiated" => Answer::Pending,
        "user canceled" => Answer::Cancelled,
        "expired" => Answer::Expired,
        "refunded" => Answer::Refunded { partly: false },
        "partially refunded" => Answer::Refunded { partly: true },
        _ => unclear(&lookup.status),
    })
}

fn paid(lookup: Lookup) -> Answer {
    let amount = lookup.total_amount.and_then(|paisa| Money::paisa(paisa).ok());
    let number = lookup.transaction_id.filter(|number| !number.is_empty());
    match (amount, number) {
        (Some(amount), Some(txn_id)) => {
            let currency = Money::CURRENCY.to_owned();
            Answer::Paid { reference: lookup.pidx, amount, currency, txn_id }
        }
        _ => unclear("completed, without an amount or a number"),
    }
}

fn unclear(word: &str) -> Answer {
    Answer::Unclear { word: word.chars().take(64).collect() }
}

fn refunded(heard: &Heard) -> Result<Refunded, Error> {
    if heard.is_ok() { Ok(Refunded::Done { number: None }) } else { Err(refusal(heard)) }
}

/// `{"detail": ..}` or a text for each wrong field.
fn refusal(heard: &Heard) -> Error {
    let Ok(fields) = serde_json::from_slice::<Map<String, Value>>(&heard.body) else {
        return Error::strange(heard);
    };
    let said = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Some(format!("{name}: {text}")),
        Value::Array(texts) => Some(format!("{name}: {}", texts.first()?.as_str()?)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    };
    let text = fields.iter().filter(|(name, _)| *name != "error_key").filter_map(said);
    let text = text.collect::<Vec<_>>().join(", ");
    match heard.status {
        // our key, not this order
        401 | 403 | 429 => Error::Down(text),
        400..=499 => Error::Declined(text),
        _ => Error::Unsure(text),
    }
}
