//! Stripe's refunds: what became of one, and the one among those of a payment that carries our
//! number. A key is forgotten after a day, and gives the first answer until then, however old; so
//! a refund that was told is looked up, and never asked for twice.

use std::collections::BTreeMap;

use serde::Deserialize;
use uuid::Uuid;

use super::read;
use crate::clients::payments::{Error, Refunded, Trace};
use crate::clients::web::Heard;

/// Under what our number stands, in an answer and in a form.
pub const OURS: &str = "refund_id";
pub const OURS_IN_FORM: &str = "metadata[refund_id]";
/// The most that a list has. A payment with more of them is for a person.
pub const LISTED: &str = "100";

#[derive(Deserialize)]
struct Done {
    id: String,
    status: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Listed {
    data: Vec<Done>,
    #[serde(default)]
    has_more: bool,
}

pub fn done(heard: &Heard) -> Result<Refunded, Error> {
    outcome(read(heard)?)
}

pub fn traced(heard: &Heard, order: Uuid) -> Result<Trace, Error> {
    let Listed { data, has_more } = read(heard)?;
    let ours = order.to_string();
    match data.into_iter().find(|done| done.metadata.get(OURS) == Some(&ours)) {
        Some(found) => match outcome(found) {
            Err(Error::Declined(why)) => Ok(Trace::Failed(why)),
            other => other.map(Trace::Found),
        },
        None if has_more => Err(Error::Unsure("more refunds than a list has".to_owned())),
        None => Ok(Trace::Nowhere),
    }
}

fn outcome(done: Done) -> Result<Refunded, Error> {
    let number = Some(done.id);
    match done.status.as_str() {
        "succeeded" => Ok(Refunded::Done { number }),
        "pending" | "requires_action" => Ok(Refunded::Pending { number }),
        "failed" | "canceled" => Err(Error::Declined(format!("the refund is {}", done.status))),
        other => Err(Error::Unsure(format!("the refund is {other}"))),
    }
}
