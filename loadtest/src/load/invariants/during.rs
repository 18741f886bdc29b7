//! What must hold at every instant, asked every few seconds while a run goes on: only what costs
//! the database little. A promise that was broken and mended again is found here alone.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Finding;

const EVERY: Duration = Duration::from_secs(5);

/// Each counts what must not be.
const QUESTIONS: [(&str, &str, &str); 3] = [
    (
        "P3",
        "riders with two open rentals",
        "select count(*) from (
            select from rentals
            where status in ('PENDING', 'PENDING_POPUP', 'ACTIVE', 'OVERDUE')
            group by rider_id having count(*) > 1
        ) riders",
    ),
    (
        "P3",
        "banks with two open rentals",
        "select count(*) from (
            select from rentals
            where status in ('PENDING_POPUP', 'ACTIVE', 'OVERDUE')
            group by bank_sn having count(*) > 1
        ) banks",
    ),
    (
        "P4",
        "transfers that do not balance",
        "select count(*) from (
            select from ledger_transfers t join ledger_entries e on e.transfer_id = t.id
            where t.at > now() - interval '15 s'
            group by t.id having sum(e.amount) <> 0
        ) transfers",
    ),
];

pub struct Watch {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Vec<Finding>>,
}

/// What one question has found so far.
#[derive(Clone, Copy, Default)]
pub struct Found {
    pub times: usize,
    /// The second of the run.
    pub first: Option<u64>,
}

impl Watch {
    pub fn start(db: PgConnectOptions, begin: Instant) -> Watch {
        let (stop, stopped) = oneshot::channel();
        Watch { stop, task: tokio::spawn(watch(db, begin, stopped)) }
    }

    pub async fn stop(self) -> Vec<Finding> {
        let _ = self.stop.send(()); // it may have ended with its database
        self.task.await.unwrap_or_default()
    }
}

async fn watch(
    books: PgConnectOptions,
    begin: Instant,
    mut stopped: oneshot::Receiver<()>,
) -> Vec<Finding> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut db: Option<PgConnection> = None;
    let (mut found, mut looks) = ([Found::default(); QUESTIONS.len()], 0);
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => return told(&found, looks),
            _ = ticks.tick() => {}
        }
        // a database that is away answers for nothing; the end of the run asks again
        if db.is_none() {
            db = books.connect().await.ok();
        }
        let Some(open) = &mut db else { continue };
        match look(open, begin.elapsed().as_secs(), &mut found).await {
            Ok(()) => looks += 1,
            Err(_) => db = None,
        }
    }
}

/// Asks all once.
pub async fn look(
    db: &mut PgConnection,
    second: u64,
    found: &mut [Found; QUESTIONS.len()],
) -> sqlx::Result<()> {
    for ((_, _, sql), found) in QUESTIONS.into_iter().zip(found) {
        let broken: i64 = sqlx::query_scalar(sql).fetch_one(&mut *db).await?;
        if broken > 0 {
            found.times += 1;
            found.first.get_or_insert(second);
        }
    }
    Ok(())
}

pub fn told(found: &[Found], looks: usize) -> Vec<Finding> {
    let each = QUESTIONS.into_iter().zip(found).map(|((promise, what, _), found)| {
        let what = match found.first {
            None => format!("looks during the run that found {what}"),
            Some(second) => {
                format!("looks during the run that found {what}, first in second {second}")
            }
        };
        Finding::new(promise, what, found.times, looks)
    });
    each.collect()
}
