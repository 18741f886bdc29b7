//! eSewa ePay v2. The rider's browser posts a signed form; our reference is the form's
//! `transaction_uuid`; the redirect back is signed, and is still only a hint to ask for the
//! status. There is no call for refunds.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Answer, Intent, Redirect, RedirectMethod};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::news::{Hint, News, Odd, Sealed};
use super::raw::Raw;
use super::{Asked, Error, Offer, Order, PaymentGateway, Refund, Refunded, Started, Trace};
use crate::clients::web::{Heard, Web};
use crate::config;

mod seal;

#[cfg(test)]
mod tests;

use seal::{Key, Message, literal};

/// Under the addresses of the settings.
const FORM: &str = "/api/epay/main/v2/form";
const STATUS: &str = "/api/epay/transaction/status/";
const SIGNED: &str = "total_amount,transaction_uuid,product_code";

#[derive(Debug)]
pub struct Esewa {
    web: Web,
    form_url: String,
    status_url: String,
    product: String,
    key: Key,
    public_url: String,
    /// The smallest and the largest payment.
    bounds: (Money, Money),
}

impl Esewa {
    /// `public_url` is how riders reach this server, without a slash at the end.
    pub fn new(settings: &config::Esewa, web: Web, public_url: &str) -> Esewa {
        Esewa {
            web,
            form_url: format!("{}{FORM}", settings.form_url.trim_end_matches('/')),
            status_url: format!("{}{STATUS}", settings.status_url.trim_end_matches('/')),
            product: settings.product_code.clone(),
            key: Key::new(settings.secret_key.clone()),
            public_url: public_url.to_owned(),
            bounds: super::bounds(settings.min_npr, settings.max_npr),
        }
    }

    /// What the rider's browser posts. The addresses to come back to have no query, because
    /// eSewa appends its own.
    fn form(&self, order: &Order) -> Redirect {
        let (amount, uuid) = (text(order.amount), order.intent.to_string());
        let here = format!("{}/api/payments/esewa", self.public_url);
        let page = format!("{}/pay/esewa/{uuid}", self.public_url);
        let signed =
            format!("total_amount={amount},transaction_uuid={uuid},product_code={}", self.product);
        let fields = [
            ("amount", amount.clone()),
            ("tax_amount", "0".to_owned()),
            ("product_service_charge", "0".to_owned()),
            ("product_delivery_charge", "0".to_owned()),
            ("total_amount", amount),
            ("transaction_uuid", uuid.clone()),
            ("product_code", self.product.clone()),
            ("success_url", format!("{here}/success")),
            ("failure_url", format!("{here}/failure/{uuid}")),
            ("signed_field_names", SIGNED.to_owned()),
            ("signature", self.key.sign(&signed)),
        ];
        Redirect {
            url: self.form_url.clone(),
            method: RedirectMethod::Post,
            fields: fields.map(|(name, value)| (name.to_owned(), value)).into(),
            instructions: Some(format!("Post this form to eSewa, or open {page}")),
        }
    }
}

#[async_trait]
impl PaymentGateway for Esewa {
    fn offer(&self) -> Offer {
        Offer { gateway: Gateway::Esewa, name: "eSewa", least: self.bounds.0, most: self.bounds.1 }
    }

    /// No server is asked: the form itself is the order.
    async fn start(&self, order: &Order) -> Asked<Started> {
        let (reference, redirect) = (order.intent.to_string(), self.form(order));
        Ok(Started { reference, redirect }).into()
    }

    async fn check(&self, intent: &Intent) -> Asked<Answer> {
        self.status_of(&intent.gateway_ref, intent.amount).await
    }

    async fn refund(&self, _: &Refund) -> Asked<Refunded> {
        let how = "eSewa gives money back in its merchant panel only";
        Ok(Refunded::ByHand { how }).into()
    }

    async fn trace(&self, order: &Refund) -> Asked<Trace> {
        self.status_of(&order.reference, order.paid).await.map(Trace::OfPayment)
    }

    fn read(&self, news: &News<'_>, _: DateTime<Utc>) -> Result<Hint, Odd> {
        let News::Fields(fields) = news else { return Err(Odd::Unreadable) };
        if let Some(data) = fields.get("data") {
            return self.sealed(data);
        }
        let named = fields.get("transaction_uuid").or_else(|| fields.get("gateway_reference"));
        let reference = named.filter(|text| !text.is_empty()).ok_or(Odd::Unreadable)?.clone();
        Ok(Hint { reference, order: None, amount: None, sealed: None, back: None })
    }
}

impl Esewa {
    /// It is found by exactly the amount of the form only.
    async fn status_of(&self, uuid: &str, amount: Money) -> Asked<Answer> {
        let query = [
            ("product_code", self.product.as_str()),
            ("total_amount", &text(amount)),
            ("transaction_uuid", uuid),
        ];
        let request = self.web.get(&self.status_url).query(&query);
        Asked::of(self.web.send(request).await, |heard| status(heard, &self.product))
    }

    fn sealed(&self, data: &str) -> Result<Hint, Odd> {
        let message = Message::parse(data)?;
        if !message.is_signed_by(&self.key) {
            return Err(Odd::Unsigned);
        }
        if message.field("product_code") != Some(self.product.as_str()) {
            return Err(Odd::Foreign);
        }
        let reference = message.field("transaction_uuid").ok_or(Odd::Unreadable)?.to_owned();
        let amount = message.field("total_amount").and_then(money).ok_or(Odd::Unreadable)?;
        let parts = ["transaction_uuid", "status", "transaction_code"];
        let id = parts.map(|name| message.field(name).unwrap_or_default()).join(" ");
        let sealed = Some(Sealed { id, raw: Raw::of_bytes(message.bytes()) });
        Ok(Hint { order: None, amount: Some(amount), reference, sealed, back: None })
    }
}

#[derive(Deserialize)]
struct Said<'a> {
    status: String,
    product_code: Option<String>,
    transaction_uuid: Option<String>,
    #[serde(borrow)]
    total_amount: Option<&'a RawValue>,
    ref_id: Option<String>,
}

fn status(heard: &Heard, product: &str) -> Result<Answer, Error> {
    // `{"code": 0, "error_message": ..}` among others
    let said: Said<'_> = serde_json::from_slice(&heard.body).map_err(|_| Error::strange(heard))?;
    let unclear = |word: &str| Answer::Unclear { word: word.chars().take(64).collect() };
    Ok(match said.status.trim().to_uppercase().as_str() {
        "COMPLETE" if said.product_code.as_deref() != Some(product) => {
            unclear("complete, for another merchant")
        }
        "COMPLETE" => {
            paid(&said).unwrap_or_else(|| unclear("complete, without an amount or a number"))
        }
        // a form that was never opened is not found either
        "PENDING" | "NOT_FOUND" => Answer::Pending,
        "CANCELED" => Answer::Cancelled,
        "FULL_REFUND" => Answer::Refunded { partly: false },
        "PARTIAL_REFUND" => Answer::Refunded { partly: true },
        _ => unclear(&said.status),
    })
}

fn paid(said: &Said<'_>) -> Option<Answer> {
    let amount = money(&literal(said.total_amount?)?)?;
    let txn_id = said.ref_id.clone().filter(|number| !number.is_empty())?;
    let reference = said.transaction_uuid.clone()?;
    Some(Answer::Paid { reference, amount, currency: Money::CURRENCY.to_owned(), txn_id })
}

/// Rupees as eSewa takes them: whole ones without decimals.
fn text(amount: Money) -> String {
    amount.decimal().normalize().to_string()
}

/// Rupees as eSewa writes them: `1000.0`, `1,000.0`.
fn money(text: &str) -> Option<Money> {
    let amount = Decimal::from_str_exact(&text.replace(',', "")).ok()?;
    Money::exact(amount).ok()
}
