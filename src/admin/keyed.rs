//! A command with a key, carried out once: its record is written with its fact, and the same
//! command with the key is answered from there. Keeps no list of what is under way: who comes
//! second is refused by the rows, and finds the record of the first then.

use domain::ids::RentalId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::answer::{Code, Refusal};
use super::{Admin, Operator};
use crate::http::idempotency::parse;
use crate::http::keyed::remembered;
use crate::metrics;
use crate::store::fact::KeyWrite;
use crate::store::idempotency::KeyRecord;

/// What a command led to.
pub(super) enum Outcome<T> {
    Done(T),
    /// It was done before, with the same key.
    Again(KeyRecord),
}

/// The record of a command's key, if it has one: what is done, to what, and all that was said of
/// it, which has its key taken out.
pub(super) fn record(
    operator: &Operator,
    key: Option<String>,
    route: &'static str,
    said: &impl Serialize,
) -> Result<Option<KeyWrite>, Refusal> {
    let Some(key) = key else { return Ok(None) };
    let key = parse(&key).ok_or_else(|| {
        Refusal::new(Code::Invalid, "a key is one text of 1 to 255 visible characters")
    })?;
    let said = serde_json::to_vec(said)
        .map_err(|error| Refusal::new(Code::Invalid, format!("not understood: {error}")))?;
    Ok(Some(KeyWrite {
        actor: operator.to_string(),
        key,
        route,
        body_hash: Sha256::digest(&said).into(),
        status: 200,
        resource: None,
        response: None,
    }))
}

/// Carries a command out, unless its key says that it was. What was refused is asked for once
/// more: who was first with the key may have been at it.
pub(super) async fn once<T, F>(
    admin: &Admin,
    key: Option<KeyWrite>,
    work: impl FnOnce(Option<KeyWrite>) -> F,
) -> Result<Outcome<T>, Refusal>
where
    F: Future<Output = Result<T, Refusal>>,
{
    let Some(write) = key else { return work(None).await.map(Outcome::Done) };
    if let Some(record) = known(admin, &write).await? {
        return Ok(Outcome::Again(record));
    }
    match work(Some(write.clone())).await {
        Ok(done) => Ok(Outcome::Done(done)),
        Err(refusal) => known(admin, &write).await?.map(Outcome::Again).ok_or(refusal),
    }
}

async fn known(admin: &Admin, write: &KeyWrite) -> Result<Option<KeyRecord>, Refusal> {
    let found = admin.store().key(&write.actor, &write.key).await;
    let Some(record) = found.map_err(|error| Refusal::of(error, "key"))? else { return Ok(None) };
    if record.route != write.route || record.body_hash != write.body_hash {
        let text = "this key was used for another command; take a new one for each";
        return Err(Refusal::new(Code::Refused, text));
    }
    metrics::REPLAYS.inc([]);
    Ok(Some(record))
}

/// Keeps the whole answer.
pub(super) fn answered(write: KeyWrite, id: impl ToString, row: &impl Serialize) -> KeyWrite {
    remembered(write, id.to_string(), row)
}

/// Keeps which rental it was: what is known of it by then is the answer.
pub(super) fn of_rental(write: KeyWrite, id: RentalId) -> KeyWrite {
    KeyWrite { resource: Some(id.to_string()), ..write }
}

/// The answer that was kept, or the one that was made just now.
pub(super) fn answer<T: DeserializeOwned>(outcome: Outcome<T>) -> Result<T, Refusal> {
    match outcome {
        Outcome::Done(done) => Ok(done),
        Outcome::Again(record) => serde_json::from_value(record.response.unwrap_or_default())
            .map_err(|error| Refusal::new(Code::Unavailable, format!("the record: {error}"))),
    }
}
