//! `/withdrawals`: money that riders want out of their wallets, and what operators do about it.
//! The money itself is paid at a bank or a gateway; here it is booked.

use axum::Json;
use axum::extract::{Path, Query, State};
use domain::withdrawal::{Status, Step};
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Code, Refusal, ok};
use super::keyed::{self, answered};
use super::listing::Listing;
use super::text::explanation;
use super::{Admin, Operator};
use crate::actors::withdrawals::{Act, KeyOf, StepError};
use crate::store::fact::KeyWrite;
use crate::store::withdrawals::Withdrawal;

/// Longest number of a payment.
const REFERENCE_MAX: usize = 100;

/// What goes with a step.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Advance {
    /// For the rider; needed to reject.
    pub note: Option<String>,
    /// The bank's or the gateway's number of the payment; needed to complete.
    pub payout_reference: Option<String>,
    /// The same key with the same step later is answered as it was.
    pub key: Option<String>,
}

pub async fn list(
    State(admin): State<Admin>,
    Query(listing): Query<Listing>,
) -> Answer<Vec<Withdrawal>> {
    let rows = admin.store().withdrawals(listing.all, listing.limit()).await;
    ok(rows.map_err(|error| Refusal::of(error, "withdrawal"))?)
}

pub async fn show(State(admin): State<Admin>, Path(name): Path<String>) -> Answer<Withdrawal> {
    let row = admin.store().withdrawal(&name).await;
    ok(row.map_err(|error| Refusal::of(error, &thing(&name)))?)
}

pub async fn advance(
    State(admin): State<Admin>,
    operator: Operator,
    Path((name, step)): Path<(String, String)>,
    Json(mut body): Json<Advance>,
) -> Answer<Withdrawal> {
    let key = body.key.take();
    let key = keyed::record(&operator, key, "withdrawal", &(&name, &step, &body))?;
    let step = match step.as_str() {
        "approve" => Step::Approve,
        "complete" => Step::Complete,
        "reject" => Step::Reject,
        _ => return Err(Refusal::new(Code::NotFound, format!("there is no step {step}"))),
    };
    let (note, payout_reference) = body.checked(step)?;
    let act = Act { step, by: operator.to_string(), note, payout_reference };
    let work = async |key: Option<KeyWrite>| {
        let key = key.map(|write| -> KeyOf { Box::new(|row| answered(write, row.id, row)) });
        let done = admin.parts.withdrawals.act(&name, act, key).await;
        done.map_err(|error| refused(&error, &name))
    };
    ok(keyed::answer(keyed::once(&admin, key, work).await?)?)
}

impl Advance {
    fn checked(self, step: Step) -> Result<(Option<String>, Option<String>), Refusal> {
        let note = match self.note {
            Some(note) => Some(explanation(&note)?),
            None if step == Step::Reject => {
                let advice = "say why with --reason; the rider reads it";
                return Err(Refusal::new(Code::Invalid, advice));
            }
            None => None,
        };
        let number = self.payout_reference.map(|text| text.trim().to_owned());
        let number = number.filter(|text| !text.is_empty());
        if number.as_ref().is_some_and(|text| text.chars().count() > REFERENCE_MAX) {
            let advice = "the number of a payment has at most 100 characters";
            return Err(Refusal::new(Code::Invalid, advice));
        }
        if step == Step::Complete && number.is_none() {
            let advice = "say with --reference by which number the bank knows the payment";
            return Err(Refusal::new(Code::Invalid, advice));
        }
        Ok((note, number))
    }
}

fn thing(name: &str) -> String {
    format!("withdrawal {name}; see withdrawal list --all")
}

fn refused(error: &StepError, name: &str) -> Refusal {
    match error {
        StepError::NotFound => Refusal::new(Code::NotFound, format!("there is no {}", thing(name))),
        StepError::Elsewhere(status) => {
            let advice = match status {
                Status::Requested => "approve it first",
                Status::Approved => "complete or reject it",
                Status::Completed | Status::Rejected | Status::Cancelled => {
                    "there is nothing to do"
                }
            };
            let text = format!("withdrawal {name} is {}: {advice}", status.as_str());
            Refusal::new(Code::Refused, text)
        }
        StepError::SamePerson => {
            let text = format!("withdrawal {name} needs two: somebody else has to complete it");
            Refusal::new(Code::Refused, text)
        }
        StepError::KeyUsed | StepError::Unavailable => {
            Refusal::new(Code::Unavailable, format!("{error}; look at it, then try again"))
        }
    }
}
