//! What must be true when a run is over, whatever happened in it: the promises, asked of the
//! database, of the riders who were told of rentals, and of the cabinets that hold the banks.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnection;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::witness::{Places, Witness};

pub mod during;
pub mod ledger;
mod seen;
#[cfg(test)]
mod tests;

/// How long commands may still be under way when nobody comes any more.
pub const QUIET_MAX: Duration = Duration::from_mins(1);
/// Most that are named.
const NAMED: usize = 5;
const LOOK: Duration = Duration::from_millis(500);

/// One promise, and what speaks against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub promise: Cow<'static, str>,
    pub what: Cow<'static, str>,
    pub broken: i64,
    /// Of how many.
    pub of: i64,
    /// The first of them, where they have names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub which: Vec<String>,
}

/// What the books are held against.
pub struct Truth<'a> {
    /// Rentals that riders were told of.
    pub told: &'a [String],
    /// Where the banks are at this moment.
    pub places: &'a (dyn Fn() -> Places + Sync),
    pub witness: &'a Witness,
    /// The uuids of cabinets that were made not to answer: what they were asked for may stay
    /// unknown until its own time is over.
    pub deaf: &'a [String],
}

/// Counts of what must not be, each with the count of what was looked at.
const QUESTIONS: [(&str, &str, &str); 8] = [
    (
        "P3",
        "riders with two open rentals",
        "select count(*) filter (where n > 1), count(*) from (
            select count(*) n from rentals
            where status in ('PENDING', 'PENDING_POPUP', 'ACTIVE', 'OVERDUE') group by rider_id
        ) riders",
    ),
    (
        "P3",
        "banks with two open rentals",
        "select count(*) filter (where n > 1), count(*) from (
            select count(*) n from rentals
            where status in ('PENDING_POPUP', 'ACTIVE', 'OVERDUE') group by bank_sn
        ) banks",
    ),
    (
        "P2",
        "keys whose rental is not the one of their rider",
        "select count(*) filter (where r.id is null), count(*)
         from idempotency_keys k
         left join rentals r on r.id::text = k.resource and k.actor like '%' || r.rider_id
         where k.route = 'rentals/start'",
    ),
    (
        "P3",
        "banks out with a rental that is not open",
        "select count(*) filter (where r.id is null), count(*)
         from banks b
         left join rentals r on r.id = b.rental_id and r.status in ('ACTIVE', 'OVERDUE')
         where b.custody = 'rental'",
    ),
    (
        "P4",
        "transfers that do not balance",
        "select count(*) filter (where total <> 0), count(*) from (
            select sum(amount) total from ledger_entries group by transfer_id
        ) transfers",
    ),
    (
        "P4",
        "balances that are not their entries",
        "select count(*) filter (where coalesce(b.balance, 0) <> coalesce(e.balance, 0)), count(*)
         from ledger_balances b
         full join (
            select account, sum(case when account like 'receivable:%' then -amount else amount end)
                as balance
            from ledger_entries where account ~ '^(wallet|hold|receivable):' group by account
         ) e using (account)",
    ),
    (
        "P2",
        "rentals whose price was captured twice",
        "select count(*) filter (where n > 1), count(*) from (
            select count(*) n from ledger_transfers t
            where kind = 'capture'
                and not exists (select from ledger_transfers r where r.reverses = t.id)
            group by rental_id
        ) captures",
    ),
    (
        "P8",
        "commands without an end",
        "select count(*) filter (
                where r.status in ('PENDING', 'PENDING_POPUP')
                    and (s.device_uuid <> all($1) or r.created_at < now() - interval '26 min')
            ), count(*)
         from rentals r join stations s on s.id = r.station_id",
    ),
];

impl Finding {
    pub fn new(
        promise: &'static str,
        what: impl Into<Cow<'static, str>>,
        broken: usize,
        of: usize,
    ) -> Finding {
        let count = |number| i64::try_from(number).unwrap_or(i64::MAX);
        let (broken, of) = (count(broken), count(of));
        Finding { promise: promise.into(), what: what.into(), broken, of, which: Vec::new() }
    }

    /// Those that are meant, as a person would look for them.
    fn named(
        promise: &'static str,
        what: &'static str,
        which: impl IntoIterator<Item = String>,
        of: usize,
    ) -> Finding {
        let (mut broken, mut first) = (0, Vec::new());
        for name in which {
            broken += 1;
            if first.len() < NAMED {
                first.push(name);
            }
        }
        Finding { which: first, ..Finding::new(promise, what, broken, of) }
    }
}

/// Waits until commands have ended, or `patience` is; then asks everything.
pub async fn check(
    db: &mut PgConnection,
    truth: &Truth<'_>,
    patience: Duration,
) -> anyhow::Result<Vec<Finding>> {
    const OPEN: &str = "
        select count(*)
        from rentals r join stations s on s.id = r.station_id
        where r.status = 'PENDING_POPUP' and s.device_uuid <> all($1)";

    let deadline = Instant::now() + patience;
    loop {
        let open: i64 = sqlx::query_scalar(OPEN).bind(truth.deaf).fetch_one(&mut *db).await?;
        if open == 0 || Instant::now() > deadline {
            break;
        }
        sleep(LOOK).await;
    }
    let mut findings = vec![lost(db, truth.told).await?];
    findings.extend(questions(db, truth.deaf).await?);
    findings.extend(seen::placed(db, truth.places, deadline).await?);
    findings.extend(seen::history(db, truth.witness).await?);
    Ok(findings)
}

/// Asks, while everything goes on, what may not even be for an instant: all but where banks are
/// and which commands are under way.
pub async fn meanwhile(
    db: &mut PgConnection,
    told: &[String],
    witness: &Witness,
) -> anyhow::Result<Vec<Finding>> {
    const ALL: &str = "select device_uuid from stations";

    let under_way: Vec<String> = sqlx::query_scalar(ALL).fetch_all(&mut *db).await?;
    let mut findings = vec![lost(db, told).await?];
    findings.extend(questions(db, &under_way).await?);
    findings.extend(seen::history(db, witness).await?);
    Ok(findings)
}

/// Cabinets whose commands may be under way until their bound: `deaf`.
async fn questions(db: &mut PgConnection, deaf: &[String]) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (promise, what, sql) in QUESTIONS {
        let query = sqlx::query_as(sql);
        let query = if sql.contains("$1") { query.bind(deaf) } else { query };
        let (broken, of) = query.fetch_one(&mut *db).await?;
        let (promise, what) = (promise.into(), what.into());
        findings.push(Finding { promise, what, broken, of, which: Vec::new() });
    }
    Ok(findings)
}

/// Rentals that a rider was told of and nobody knows.
async fn lost(db: &mut PgConnection, told: &[String]) -> anyhow::Result<Finding> {
    let ids: Vec<Uuid> = told.iter().filter_map(|id| id.parse().ok()).collect();
    let known: Vec<Uuid> = sqlx::query_scalar("select id from rentals where id = any($1)")
        .bind(&ids)
        .fetch_all(db)
        .await?;
    let known: BTreeSet<Uuid> = known.into_iter().collect();
    let is_known = |id: &&String| id.parse().is_ok_and(|id| known.contains(&id));
    let lost = told.iter().filter(|id| !is_known(id)).cloned();
    Ok(Finding::named("P1", "rentals told and lost", lost, told.len()))
}
