//! `/refunds`: money that riders ask back, and what operators do about it. What goes to a source is
//! told to the gateway by the running node; here it is decided.

use axum::Json;
use axum::extract::{Path, Query, State};
use domain::refund::Status;
use domain::rider::Identifier;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Code, Refusal, ok};
use super::keyed::{self, answered};
use super::listing::Listing;
use super::text::explanation;
use super::{Admin, Operator};
use crate::actors::refunds::{Act, KeyOf, StepError, What};
use crate::store::fact::KeyWrite;
use crate::store::refunds::Refund;

/// Longest number of a payment.
const NUMBER_MAX: usize = 100;

/// What goes with a decision.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Decide {
    /// For the rider; needed to say no.
    pub note: Option<String>,
    /// Of the payment, where a person has made it.
    pub number: Option<String>,
    /// Where the gateway asks for the account that it gives it back to.
    pub mobile: Option<String>,
    /// The same key with the same decision later is answered as it was.
    pub key: Option<String>,
}

pub async fn list(
    State(admin): State<Admin>,
    Query(listing): Query<Listing>,
) -> Answer<Vec<Refund>> {
    let rows = admin.store().refunds(listing.all, listing.limit()).await;
    ok(rows.map_err(|error| Refusal::of(error, "refund"))?)
}

pub async fn show(State(admin): State<Admin>, Path(name): Path<String>) -> Answer<Refund> {
    let row = admin.store().refund(&name).await;
    ok(row.map_err(|error| Refusal::of(error, &thing(&name)))?)
}

pub async fn decide(
    State(admin): State<Admin>,
    operator: Operator,
    Path((name, word)): Path<(String, String)>,
    Json(mut body): Json<Decide>,
) -> Answer<Refund> {
    let key = body.key.take();
    let key = keyed::record(&operator, key, "refund", &(&name, &word, &body))?;
    let note = body.note.as_deref().map(explanation).transpose()?;
    let what = match word.as_str() {
        "approve" => What::Approve,
        "process" => What::Process { mobile: body.mobile.as_deref().map(mobile).transpose()? },
        "reject" => What::Reject,
        "bounced" => What::Bounced,
        "arrived" => What::Arrived { number: number(body.number)? },
        _ => return Err(Refusal::new(Code::NotFound, format!("there is no decision {word}"))),
    };
    let says_no = matches!(what, What::Reject | What::Bounced);
    if says_no && note.is_none() {
        return Err(Refusal::new(Code::Invalid, "say why with --reason; the rider reads it"));
    }
    let act = Act { what, by: operator.to_string(), note };
    let decide = async |key: Option<KeyWrite>| {
        let key = key.map(|write| -> KeyOf { Box::new(|row| answered(write, row.id, row)) });
        let done = admin.parts.refunds.act(&name, act, key).await;
        done.map_err(|error| refused(&error, &name))
    };
    ok(keyed::answer(keyed::once(&admin, key, decide).await?)?)
}

fn mobile(text: &str) -> Result<String, Refusal> {
    match Identifier::parse(text) {
        Ok(Identifier::Phone(number)) => Ok(number),
        Ok(Identifier::Email(_)) | Err(_) => {
            let advice = "a mobile has 10 digits and starts with 97 or 98";
            Err(Refusal::new(Code::Invalid, advice))
        }
    }
}

fn number(number: Option<String>) -> Result<String, Refusal> {
    let number = number.map(|text| text.trim().to_owned()).unwrap_or_default();
    if (1..=NUMBER_MAX).contains(&number.chars().count()) {
        return Ok(number);
    }
    let advice = "say with --number, in at most 100 characters, by which number the gateway \
        knows the refund";
    Err(Refusal::new(Code::Invalid, advice))
}

fn thing(name: &str) -> String {
    format!("refund {name}; see refund list --all")
}

fn refused(error: &StepError, name: &str) -> Refusal {
    match error {
        StepError::NotFound => Refusal::new(Code::NotFound, format!("there is no {}", thing(name))),
        StepError::Elsewhere(status) => {
            let advice = match status {
                Status::Requested => "approve it first",
                Status::Approved => "process or reject it",
                Status::Processing => "the gateway was told; say arrived or bounced if you know",
                Status::Processed | Status::Rejected => "there is nothing to do",
            };
            let text = format!("refund {name} is {}: {advice}", status.as_str());
            Refusal::new(Code::Refused, text)
        }
        StepError::SamePerson => {
            let text = format!("refund {name} needs two: somebody else has to process it");
            Refusal::new(Code::Refused, text)
        }
        StepError::Underway => {
            let text = format!("{error}: ask for refund {name} again in two minutes");
            Refusal::new(Code::Refused, text)
        }
        StepError::NothingLeft => {
            let text = format!("{error}; reject refund {name}, or wait");
            Refusal::new(Code::Refused, text)
        }
        StepError::NotByMobile => {
            let text = format!("{error}: process refund {name} without --mobile");
            Refusal::new(Code::Refused, text)
        }
        StepError::KeyUsed | StepError::Unavailable => {
            Refusal::new(Code::Unavailable, format!("{error}; look at it, then try again"))
        }
    }
}
