//! `/rentals`: everything about one rental, and how an operator ends what no cabinet can end.

use axum::Json;
use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use domain::eject::{NotOutReason, Settlement};
use domain::ids::StationId;
use domain::rental::Refusal::NothingOwed;
use domain::rental::{Command, Phase, Rental};
use domain::returns::{Claim, Source};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{Answer, Code, Refusal, ok};
use super::keyed::{self, Outcome, of_rental};
use super::text::explanation;
use super::{Admin, Operator};
use crate::actors::rentals::Error;
use crate::store::fact::KeyWrite;
use crate::store::views::Story;

/// How a rental goes on, or ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settle {
    pub verdict: Verdict,
    /// Why; kept in the audit.
    pub reason: String,
    /// The same key with the same verdict later changes nothing.
    pub key: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The bank left the cabinet: billing begins at this moment.
    Out,
    /// The bank stayed in: the rider gets the money back.
    NotOut,
    /// The bank is back at this station since then.
    Returned { station: String, at: Option<DateTime<Utc>> },
}

pub async fn show(State(admin): State<Admin>, Path(name): Path<String>) -> Answer<Story> {
    ok(find(&admin, &name).await?)
}

pub async fn settle(
    State(admin): State<Admin>,
    operator: Operator,
    Path(name): Path<String>,
    Json(mut body): Json<Settle>,
) -> Answer<Story> {
    let reason = explanation(&body.reason)?;
    let key = body.key.take();
    let key = keyed::record(&operator, key, "rental.settle", &(&name, &body))?;
    let work = async |key| settle_now(&admin, &operator, &name, (&body.verdict, reason), key).await;
    match keyed::once(&admin, key, work).await? {
        Outcome::Done(story) => ok(story),
        Outcome::Again(_) => ok(find(&admin, &name).await?),
    }
}

async fn settle_now(
    admin: &Admin,
    operator: &Operator,
    name: &str,
    (verdict, reason): (&Verdict, String),
    key: Option<KeyWrite>,
) -> Result<Story, Refusal> {
    let live = admin.live()?;
    let story = find(admin, name).await?;
    let stored = live.rentals.get(story.id).ok_or_else(|| over(&story))?;
    fits(verdict, &stored.rental.phase, &story)?;
    let details = json!({ "code": story.code, "verdict": verdict, "reason": reason });
    let audit = operator.did("rental.settle", story.id, details);
    let command = command(admin, verdict, &stored.rental).await?;
    let key = key.map(|write| of_rental(write, story.id));
    let settled = live.rentals.settle(story.id, command, audit, key).await;
    settled.map_err(|error| match error {
        Error::NotFound => over(&story),
        Error::Refused(refusal) => Refusal::new(Code::Refused, refusal.to_string()),
        Error::KeyUsed | Error::Unavailable => Refusal::new(Code::Unavailable, error.to_string()),
    })?;
    find(admin, name).await
}

/// Why dues will not be paid.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WriteOff {
    /// Kept in the audit.
    pub reason: String,
    /// The same key with the same words later changes nothing.
    pub key: Option<String>,
}

/// The rider does not owe any more what nobody will pay. Said again, it changes nothing.
pub async fn write_off(
    State(admin): State<Admin>,
    operator: Operator,
    Path(name): Path<String>,
    Json(mut body): Json<WriteOff>,
) -> Answer<Story> {
    let reason = explanation(&body.reason)?;
    let key = body.key.take();
    let key = keyed::record(&operator, key, "rental.write_off", &(&name, &body))?;
    let work = async |key| write_off_now(&admin, &operator, &name, reason, key).await;
    match keyed::once(&admin, key, work).await? {
        Outcome::Done(story) => ok(story),
        Outcome::Again(_) => ok(find(&admin, &name).await?),
    }
}

async fn write_off_now(
    admin: &Admin,
    operator: &Operator,
    name: &str,
    reason: String,
    key: Option<KeyWrite>,
) -> Result<Story, Refusal> {
    let live = admin.live()?;
    let story = find(admin, name).await?;
    let details = json!({ "code": story.code, "owed": story.state["owed"], "reason": reason });
    let audit = operator.did("rental.write_off", story.id, details);
    let key = key.map(|write| of_rental(write, story.id));
    match live.rentals.write_off(story.id, audit, key).await {
        Ok(_) => find(admin, name).await,
        Err(Error::Refused(refusal)) => {
            let story = find(admin, name).await?; // it may have been said a moment ago
            if refusal == NothingOwed && is_written_off(&story) {
                return Ok(story);
            }
            let text = format!("rental {} is {}: {refusal}", story.code, story.status);
            Err(Refusal::new(Code::Refused, text))
        }
        Err(error @ (Error::NotFound | Error::KeyUsed | Error::Unavailable)) => {
            Err(Refusal::new(Code::Unavailable, error.to_string()))
        }
    }
}

fn is_written_off(story: &Story) -> bool {
    story.events.iter().any(|row| row.event["type"] == "dues_written_off")
}

async fn find(admin: &Admin, name: &str) -> Result<Story, Refusal> {
    let story = admin.store().story(name).await;
    let thing = format!("rental {name}; its code is on the rider's screen");
    story.map_err(|error| Refusal::of(error, &thing))
}

fn over(story: &Story) -> Refusal {
    let text = format!("rental {} is {}: there is nothing to settle", story.code, story.status);
    Refusal::new(Code::Refused, text)
}

/// A verdict about the eject needs a rental whose eject has no end, a return one that is out.
fn fits(verdict: &Verdict, phase: &Phase, story: &Story) -> Result<(), Refusal> {
    let advice = match (verdict, phase) {
        (Verdict::Out | Verdict::NotOut, Phase::Dispensing)
        | (Verdict::Returned { .. }, Phase::Active { .. } | Phase::Overdue { .. }) => return Ok(()),
        (Verdict::Out | Verdict::NotOut, Phase::Active { .. } | Phase::Overdue { .. }) => {
            "its bank is known to be out; say --returned STATION when it is back"
        }
        (Verdict::Returned { .. }, Phase::Dispensing) => {
            "say first whether its bank left, with --out or --not-out"
        }
        (_, Phase::Completed { .. } | Phase::Cancelled { .. }) => return Err(over(story)),
    };
    let text = format!("rental {} is {}: {advice}", story.code, story.status);
    Err(Refusal::new(Code::Refused, text))
}

async fn command(admin: &Admin, verdict: &Verdict, rental: &Rental) -> Result<Command, Refusal> {
    let now = admin.now();
    match verdict {
        Verdict::Out => Ok(Command::Settle(Settlement::Out { at: now })),
        Verdict::NotOut => {
            let reason = NotOutReason::Operator;
            Ok(Command::Settle(Settlement::NotOut { reason }))
        }
        Verdict::Returned { station, at } => {
            let row = admin.store().find_station(station).await;
            let row = row.map_err(|error| Refusal::of(error, &format!("station {station}")))?;
            let station = row.info.id;
            in_order(*at, station, rental, now)?;
            let at = at.unwrap_or(now);
            let (key, source, frame, level) = (None, Source::Operator, None, None);
            Ok(Command::Return(Claim {
                station,
                key,
                source,
                at,
                earliest: at,
                live: true,
                frame,
                level,
            }))
        }
    }
}

/// A time that is said fits what is known: the bank was out by then, and no cabinet has said on
/// its own session that it was back before.
fn in_order(
    at: Option<DateTime<Utc>>,
    station: StationId,
    rental: &Rental,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let Some(at) = at else { return Ok(()) };
    let told = rental.claims.iter().filter(|claim| claim.source.is_trusted());
    let told = told.filter(|claim| claim.station == station).map(|claim| claim.earliest).min();
    let text = match (rental.since(), told) {
        _ if at > now => "the return lies in the future".to_owned(),
        (Some(since), _) if at < since => {
            format!("the bank left its slot only at {}", since.to_rfc3339())
        }
        (_, Some(told)) if at > told => {
            format!("the cabinet told of it at {}: say that or earlier", told.to_rfc3339())
        }
        (Some(_) | None, _) => return Ok(()),
    };
    Err(Refusal::new(Code::Invalid, text))
}
