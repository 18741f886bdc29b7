//! The books against what cabinets hold and what they saw: where each bank is, which returns
//! closed nothing, who was asked for what, and how long a bank really was out.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;
use tokio::time::{Instant, sleep};

use super::{Finding, LOOK};
use crate::witness::{Moment, Places, Sight, Witness};
use uuid::Uuid;

/// Two clocks of one machine, and a frame's own milliseconds.
const CLOCK_MS: i64 = 1_000;
/// Longest way of a return from its cabinet to whoever stamps it.
const WAY_MS: i64 = 5_000;

/// Banks that are in a cabinet and, by the books, in another one, with a rider or with nobody;
/// looked at until the last reports are in, or the time is over.
pub async fn placed(
    db: &mut PgConnection,
    places: &(dyn Fn() -> Places + Sync),
    deadline: Instant,
) -> anyhow::Result<[Finding; 2]> {
    const BOOKS: &str = "
        select b.sn, s.device_uuid
        from banks b join stations s on s.id = b.station_id
        where b.custody = 'slot'";
    const RENTED: &str = "select bank_sn from rentals where status in ('ACTIVE', 'OVERDUE')";

    loop {
        let places = places();
        let books: Vec<(String, String)> = sqlx::query_as(BOOKS).fetch_all(&mut *db).await?;
        let books: BTreeMap<String, String> = books.into_iter().collect();
        let rented: Vec<String> = sqlx::query_scalar(RENTED).fetch_all(&mut *db).await?;
        let astray =
            places.iter().filter(|(sn, found)| found.len() != 1 || books.get(*sn) != found.first());
        let absent = books.keys().filter(|sn| !places.contains_key(*sn));
        let misplaced = astray.count() + absent.count();
        let unheard = rented.iter().filter(|sn| places.contains_key(*sn)).count();
        if misplaced + unheard == 0 || Instant::now() > deadline {
            let what = "banks that are not where the books have them, or in two places";
            return Ok([
                Finding::new("P1", "returns that closed nothing", unheard, places.len()),
                Finding::new("P3", what, misplaced, places.len()),
            ]);
        }
        sleep(LOOK).await;
    }
}

/// What was asked of cabinets, and what was billed.
pub async fn history(db: &mut PgConnection, witness: &Witness) -> anyhow::Result<[Finding; 2]> {
    // what goes on meanwhile speaks against nobody: what was asked is read before the rentals that
    // have to stand for it, what was seen after those that were billed by it
    let unasked = unasked(db, &witness.told()).await?;
    Ok([unasked, overbilled(db, witness).await?])
}

/// Commands that no committed rental is behind, or the second one of a rental.
async fn unasked(
    db: &mut PgConnection,
    told: &BTreeMap<String, Vec<Moment>>,
) -> anyhow::Result<Finding> {
    const RENTALS: &str = "
        select s.device_uuid, r.bank_sn, count(*)
        from rentals r join stations s on s.id = r.station_id
        group by 1, 2";

    let rentals: Vec<(String, String, i64)> = sqlx::query_as(RENTALS).fetch_all(db).await?;
    let rentals = rentals.into_iter().map(|(uuid, sn, count)| ((uuid, sn), count));
    let mut left: BTreeMap<(String, String), i64> = rentals.collect();
    let (mut beyond, mut all) = (Vec::new(), 0);
    for (sn, moments) in told {
        for moment in moments.iter().filter(|moment| moment.sight == Sight::Asked) {
            let left = left.entry((moment.cabinet.clone(), sn.clone())).or_default();
            *left -= 1;
            all += 1;
            if *left < 0 {
                let Moment { unix_ms, cabinet, .. } = moment;
                beyond.push(format!("{sn} asked of {cabinet} at {unix_ms}"));
            }
        }
    }
    let what = "ejects asked of a cabinet that no rental stands for, or a second time";
    Ok(Finding::named("P5", what, beyond, all))
}

async fn overbilled(db: &mut PgConnection, witness: &Witness) -> anyhow::Result<Finding> {
    const BILLED: &str = "
        select id, bank_sn, (extract(epoch from started_at) * 1000)::bigint,
            (extract(epoch from ended_at) * 1000)::bigint
        from rentals
        where status = 'COMPLETED' and started_at is not null and ended_at is not null";

    let billed: Vec<(Uuid, String, i64, i64)> = sqlx::query_as(BILLED).fetch_all(db).await?;
    let told = witness.told();
    let beyond = billed.iter().filter_map(|(id, sn, from, to)| {
        let moments = told.get(sn).map_or(&[][..], Vec::as_slice);
        let seen =
            moments.iter().map(|m| format!("{:?} of {} at {}", m.sight, m.cabinet, m.unix_ms));
        let told =
            || format!("{id} of {sn} from {from} to {to}: {}", seen.collect::<Vec<_>>().join(", "));
        is_beyond(moments, *from, *to).then(told)
    });
    let what = "rentals billed before their bank was out, or after it was back";
    Ok(Finding::named("P6", what, beyond, billed.len()))
}

/// Whether more was billed than the bank was out, by what cabinets saw of it.
pub fn is_beyond(moments: &[Moment], from_ms: i64, to_ms: i64) -> bool {
    let left = |moment: &Moment| {
        moment.sight == Sight::Out && moment.unix_ms <= from_ms.saturating_add(CLOCK_MS)
    };
    let Some(out) = moments.iter().rposition(left) else { return true };
    let back = moments[out..].iter().find(|moment| moment.sight == Sight::Back);
    // a bank that no cabinet has is nobody's proof
    back.is_some_and(|back| to_ms > back.unix_ms.saturating_add(WAY_MS))
}
