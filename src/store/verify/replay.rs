//! Replays the events of every rental and compares where they lead with the row. Page by page
//! in the order of ids, so that a network of any size fits; never decides which side is right.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use domain::ids::{RentalId, StationId};
use domain::rental::{self, Event, Rental};
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use super::{Finding, Kind, Report, TOLD_MAX, answered};
use crate::store::Error;
use crate::store::session::Session;
use crate::store::writer::rentals::{ended, payment_status};

/// Rentals that are held in memory at once, each with its few events.
const PAGE: i64 = 500;

#[derive(sqlx::FromRow)]
struct Row {
    version: i32,
    status: String,
    payment_status: String,
    paid: Decimal,
    owed: Decimal,
    held: Decimal,
    started_at: Option<DateTime<Utc>>,
    due_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    return_station_id: Option<StationId>,
    state: Json<Box<RawValue>>,
}

#[derive(sqlx::FromRow)]
struct EventRow {
    rental_id: RentalId,
    version: i32,
    event: Json<Box<RawValue>>,
}

pub(super) async fn look(
    session: &mut Session,
    bound: Duration,
    report: &mut Report,
) -> Result<(), Error> {
    // a time without an end is none that a program has
    const ROWS: &str = "
        select id, version, status, payment_status, paid, owed, held,
            case when isfinite(started_at) then started_at end as started_at,
            case when isfinite(due_at) then due_at end as due_at,
            case when isfinite(ended_at) then ended_at end as ended_at,
            return_station_id, state
        from rentals
        where id > $1
        order by id
        limit $2";
    const EVENTS: &str = "
        select rental_id, version, event from rental_events
        where rental_id = any($1)
        order by rental_id, version";

    let mut after = RentalId(Uuid::nil());
    loop {
        let rows = sqlx::query(ROWS).bind(after).bind(PAGE).fetch_all(&mut *session);
        let rows: Vec<PgRow> = answered(bound, rows).await?;
        let ids: Vec<RentalId> =
            rows.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>()?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = *last;
        let events = sqlx::query_as(EVENTS).bind(&ids).fetch_all(&mut *session);
        let events: Vec<EventRow> = answered(bound, events).await?;
        let mut of: BTreeMap<RentalId, Vec<EventRow>> = BTreeMap::new();
        for event in events {
            of.entry(event.rental_id).or_default().push(event);
        }
        for (row, id) in rows.iter().zip(ids) {
            let events = of.remove(&id).unwrap_or_default();
            let row = Row::from_row(row);
            let row = row.map_err(|error| ("a row that can be read".to_owned(), error.to_string()));
            if let Err((expected, found)) = row.and_then(|row| compare(&row, &events)) {
                let (kind, subject) = (Kind::RentalReplay, id.to_string());
                tell(report, Finding { kind, subject, expected, found });
            }
        }
    }
}

fn tell(report: &mut Report, finding: Finding) {
    let count = report.counts.entry(finding.kind).or_default();
    *count += 1;
    if usize::try_from(*count).is_ok_and(|count| count <= TOLD_MAX) {
        report.findings.push(finding);
    }
}

/// What was expected, and what was found.
type Difference = (String, String);

fn compare(row: &Row, events: &[EventRow]) -> Result<(), Difference> {
    if let Some((expected, event)) = (1..).zip(events).find(|(at, event)| *at != event.version) {
        return Err((format!("event {expected}"), format!("event {}", event.version)));
    }
    let mut understood = Vec::with_capacity(events.len());
    for event in events {
        let read: Result<Event, _> = serde_json::from_str(event.event.get());
        understood.push(read.map_err(|error| ("an event".to_owned(), error.to_string()))?);
    }
    let Some(replayed) = rental::replay(&understood) else {
        return Err(("events from a start on".to_owned(), "none".to_owned()));
    };
    let stored: Rental = serde_json::from_str(row.state.get())
        .map_err(|error| ("a state".to_owned(), error.to_string()))?;
    let version = i32::try_from(events.len()).unwrap_or(i32::MAX);
    differ(&fields(&replayed, columns(&replayed, version)), &fields(&stored, row.columns()))
}

/// Only what is not the same.
fn differ(expected: &Map<String, Value>, found: &Map<String, Value>) -> Result<(), Difference> {
    if expected == found {
        return Ok(());
    }
    let only = |these: &Map<String, Value>, others: &Map<String, Value>| {
        let other = these.iter().filter(|(name, value)| others.get(*name) != Some(value));
        Value::Object(other.map(|(name, value)| (name.clone(), value.clone())).collect())
            .to_string()
    };
    Err((only(expected, found), only(found, expected)))
}

fn fields(state: &Rental, columns: Value) -> Map<String, Value> {
    let state = serde_json::to_value(state).unwrap_or_default();
    let mut fields = Map::new();
    for (of, values) in [("state", state), ("row", columns)] {
        let Value::Object(values) = values else { continue };
        fields.extend(values.into_iter().map(|(name, value)| (format!("{of}.{name}"), value)));
    }
    fields
}

/// The columns as the writer fills them.
fn columns(rental: &Rental, version: i32) -> Value {
    let micros = |at: DateTime<Utc>| at.trunc_subsecs(6);
    let (ended_at, station) = ended(rental);
    json!({
        "version": version,
        "status": rental.status().as_str(),
        "payment_status": payment_status(rental),
        "paid": rental.paid.decimal().normalize(),
        "owed": rental.owed.decimal().normalize(),
        "held": rental.held.decimal().normalize(),
        "started_at": rental.since().map(micros),
        "due_at": micros(rental.due_at()),
        "ended_at": ended_at.map(micros),
        "return_station_id": station,
    })
}

impl Row {
    fn columns(&self) -> Value {
        json!({
            "version": self.version,
            "status": self.status,
            "payment_status": self.payment_status,
            "paid": self.paid.normalize(),
            "owed": self.owed.normalize(),
            "held": self.held.normalize(),
            "started_at": self.started_at,
            "due_at": self.due_at,
            "ended_at": self.ended_at,
            "return_station_id": self.return_station_id,
        })
    }
}
