//! `/refunds`: money that riders ask back, and what operators do about it. What goes to a source is
//! told to the gateway by the running node; here it is decided.

use axum::Json;
use axum::extract::{Path, Query, State};
use domain::refund::Status;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Code, Refusal, ok};
use super::listing::Listing;
use super::text::explanation;
use super::{Admin, Operator};
use crate::actors::refunds::{Act, StepError, What};
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
    Json(body): Json<Decide>,
) -> Answer<Refund> {
    let note = body.note.as_deref().map(explanation).transpose()?;
    let what = match word.as_str() {
        "approve" => What::Approve,
        "process" => What::Process,
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
    let done = admin.parts.refunds.act(&name, act).await;
    ok(done.map_err(|error| refused(&error, &name))?)
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
        StepError::Unavailable => {
            Refusal::new(Code::Unavailable, format!("{error}; look at it, then try again"))
        }
    }
}
