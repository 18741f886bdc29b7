//! Everything the database holds about one rental: its row, its events, its money, its
//! incidents, and the bytes that caused them.

use chrono::{DateTime, Utc};
use domain::ids::{RentalId, Serial, TransferId};
use domain::money::Money;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;

use super::incidents::IncidentRow;
use crate::store::session::Session;
use crate::store::{Error, Store};

/// One rental, for support.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Story {
    pub id: RentalId,
    pub code: String,
    /// The status words of the app.
    pub status: String,
    pub payment_status: String,
    pub station: Serial,
    pub return_station: Option<Serial>,
    pub version: i32,
    /// Until when a late answer of the cabinet may reopen it.
    pub settle_until: DateTime<Utc>,
    /// The rental as the rules see it.
    pub state: Value,
    pub events: Vec<EventRow>,
    pub transfers: Vec<TransferRow>,
    pub incidents: Vec<IncidentRow>,
    pub frames: Vec<FrameRow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct EventRow {
    pub version: i32,
    pub at: DateTime<Utc>,
    pub event: Value,
}

/// One movement of money with its lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferRow {
    pub id: TransferId,
    pub kind: String,
    pub at: DateTime<Utc>,
    pub lines: Vec<LineRow>,
}

/// Positive credits, negative debits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LineRow {
    pub account: String,
    pub amount: Money,
}

/// What a cabinet sent, as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct FrameRow {
    pub at: DateTime<Utc>,
    pub device_uuid: String,
    pub channel: String,
    pub kind: String,
    pub hex: String,
}

#[derive(sqlx::FromRow)]
struct Head {
    id: RentalId,
    code: String,
    status: String,
    payment_status: String,
    station: Serial,
    return_station: Option<Serial>,
    version: i32,
    settle_until: DateTime<Utc>,
    state: Json<Value>,
}

#[derive(sqlx::FromRow)]
struct Line {
    id: TransferId,
    kind: String,
    at: DateTime<Utc>,
    account: String,
    amount: Money,
}

impl Store {
    /// A rental by its id or by the code that riders read out.
    pub async fn story(&self, name: &str) -> Result<Story, Error> {
        const SQL: &str = "
            select r.id, r.code, r.status, r.payment_status, s.serial as station,
                b.serial as return_station, r.version, r.settle_until, r.state
            from rentals r
            join stations s on s.id = r.station_id
            left join stations b on b.id = r.return_station_id
            where r.id = $1 or r.code = $2";

        let mut session = self.read().await?;
        let head: Option<Head> = sqlx::query_as(SQL)
            .bind(name.parse::<RentalId>().ok())
            .bind(name.to_uppercase())
            .fetch_optional(&mut session)
            .await?;
        let head = head.ok_or(Error::NotFound)?;
        Ok(Story {
            events: events(&mut session, head.id).await?,
            transfers: transfers(&mut session, head.id).await?,
            incidents: incidents(&mut session, head.id).await?,
            frames: frames(&mut session, head.id).await?,
            id: head.id,
            code: head.code,
            status: head.status,
            payment_status: head.payment_status,
            station: head.station,
            return_station: head.return_station,
            version: head.version,
            settle_until: head.settle_until,
            state: head.state.0,
        })
    }
}

async fn events(session: &mut Session, id: RentalId) -> Result<Vec<EventRow>, Error> {
    const SQL: &str = "
        select version, at, event from rental_events where rental_id = $1 order by version";

    Ok(sqlx::query_as(SQL).bind(id).fetch_all(session).await?)
}

async fn transfers(session: &mut Session, id: RentalId) -> Result<Vec<TransferRow>, Error> {
    const SQL: &str = "
        select t.id, t.kind, t.at, e.account, e.amount
        from ledger_transfers t
        join ledger_entries e on e.transfer_id = t.id
        where t.rental_id = $1
        order by t.seq, e.line";

    let lines: Vec<Line> = sqlx::query_as(SQL).bind(id).fetch_all(session).await?;
    let mut transfers: Vec<TransferRow> = Vec::new();
    for Line { id, kind, at, account, amount } in lines {
        let line = LineRow { account, amount };
        match transfers.last_mut().filter(|transfer| transfer.id == id) {
            Some(transfer) => transfer.lines.push(line),
            None => transfers.push(TransferRow { id, kind, at, lines: vec![line] }),
        }
    }
    Ok(transfers)
}

async fn incidents(session: &mut Session, id: RentalId) -> Result<Vec<IncidentRow>, Error> {
    let sql = format!("{} where i.rental_id = $1 order by i.opened_at", super::incidents::SELECT);
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_all(session).await?)
}

async fn frames(session: &mut Session, id: RentalId) -> Result<Vec<FrameRow>, Error> {
    const SQL: &str = "
        select f.at, f.device_uuid, f.channel, f.kind, upper(encode(f.bytes, 'hex')) as hex
        from raw_frames f
        join rentals r on r.id = f.rental_id
        where r.id = $1 and f.at >= r.created_at - interval '1 day'
        order by f.at
        limit 1000";

    Ok(sqlx::query_as(SQL).bind(id).fetch_all(session).await?)
}
