//! What must be true when a run is over, whatever happened in it: the promises, asked of the
//! database, of the riders who were told of rentals, and of the cabinets that hold the banks.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use sqlx::postgres::PgConnection;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::fleet::Cabinets;

/// How long commands may still be under way when nobody comes any more.
const QUIET_MAX: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(500);

/// One promise, and what speaks against it.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub promise: &'static str,
    pub what: &'static str,
    pub broken: i64,
    /// Of how many.
    pub of: i64,
}

/// Counts of what must not be, each with the count of what was looked at.
const QUESTIONS: [(&str, &str, &str); 7] = [
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
        "P8",
        "commands without an end",
        "select count(*) filter (where status in ('PENDING', 'PENDING_POPUP')), count(*)
         from rentals",
    ),
];

/// Waits until commands have ended, or their time is over; then asks everything.
pub async fn check(
    db: &mut PgConnection,
    told: &[String],
    cabinets: &Cabinets,
) -> anyhow::Result<Vec<Finding>> {
    let deadline = Instant::now() + QUIET_MAX;
    loop {
        const OPEN: &str = "select count(*) from rentals where status = 'PENDING_POPUP'";
        let open: i64 = sqlx::query_scalar(OPEN).fetch_one(&mut *db).await?;
        if open == 0 || Instant::now() > deadline {
            break;
        }
        sleep(LOOK).await;
    }
    let mut findings = vec![lost(db, told).await?];
    for (promise, what, sql) in QUESTIONS {
        let (broken, of) = sqlx::query_as(sql).fetch_one(&mut *db).await?;
        findings.push(Finding { promise, what, broken, of });
    }
    findings.push(misplaced(db, cabinets).await?);
    Ok(findings)
}

/// Rentals that a rider was told of and nobody knows.
async fn lost(db: &mut PgConnection, told: &[String]) -> anyhow::Result<Finding> {
    let ids: Vec<Uuid> = told.iter().filter_map(|id| id.parse().ok()).collect();
    let known: i64 = sqlx::query_scalar("select count(*) from rentals where id = any($1)")
        .bind(&ids)
        .fetch_one(db)
        .await?;
    let of = i64::try_from(told.len())?;
    Ok(Finding { promise: "P1", what: "rentals told and lost", broken: of - known, of })
}

/// Banks that are in a cabinet and, by the books, in another one or with nobody; looked at until
/// the last reports are in.
async fn misplaced(db: &mut PgConnection, cabinets: &Cabinets) -> anyhow::Result<Finding> {
    const BOOKS: &str = "
        select b.sn, s.device_uuid
        from banks b join stations s on s.id = b.station_id
        where b.custody = 'slot'";

    let deadline = Instant::now() + QUIET_MAX;
    loop {
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for cabinet in cabinets.all() {
            for slot in cabinet.state().slots {
                let Some(bank) = slot.bank else { continue };
                places.entry(bank.sn.to_string()).or_default().push(cabinet.uuid().to_string());
            }
        }
        let books: Vec<(String, String)> = sqlx::query_as(BOOKS).fetch_all(&mut *db).await?;
        let books: BTreeMap<String, String> = books.into_iter().collect();
        let astray =
            places.iter().filter(|(sn, found)| found.len() != 1 || books.get(*sn) != found.first());
        let absent = books.keys().filter(|sn| !places.contains_key(*sn));
        let broken = i64::try_from(astray.count() + absent.count())?;
        if broken == 0 || Instant::now() > deadline {
            let of = i64::try_from(places.len())?;
            let what = "banks that are not where the books have them, or in two places";
            return Ok(Finding { promise: "P3", what, broken, of });
        }
        sleep(LOOK).await;
    }
}
