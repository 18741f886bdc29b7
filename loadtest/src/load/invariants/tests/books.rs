//! Books of a small network in a database of a test's own: two cabinets, two riders, and a way
//! to spoil anything in them.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use super::cluster;
use crate::fixture;
use crate::load::invariants::{Finding, Truth, check, meanwhile};
use crate::witness::{Places, Sight, Witness};

/// Of the harness's first two cabinets, and the first banks of them.
pub const CABINETS: [&str; 2] = ["990000000000001", "990000000000002"];
pub const BANKS: [&str; 2] = ["90001001", "90002001"];

/// When the first rental began, as its cabinet saw it.
pub const BEGIN_MS: i64 = 1_790_000_000_000;

pub struct Books {
    pub db: PgConnection,
    pub told: Vec<String>,
    pub places: Places,
    pub witness: Witness,
    name: String,
}

impl Books {
    /// A cabinet with a bank each; the bank of the first was rented for half a minute.
    pub async fn sound() -> Books {
        let name = format!("load_{}", Uuid::new_v4().simple());
        run(&mut connect(cluster::url()).await, &format!("create database {name}")).await;
        let mut db = connect(&cluster::url().replacen("/postgres?", &format!("/{name}?"), 1)).await;
        sqlx::migrate!("../migrations").run(&mut db).await.unwrap();
        fixture::stations(&mut db, 2).await.unwrap();
        fixture::stock(&mut db, 2, 1).await.unwrap();
        fixture::riders(&mut db, 2).await.unwrap();
        let places = BANKS.iter().zip(CABINETS);
        let places = places.map(|(sn, uuid)| ((*sn).to_owned(), vec![uuid.to_owned()])).collect();
        let mut books = Books { db, told: Vec::new(), places, witness: Witness::default(), name };
        books.rental(1, "COMPLETED").await;
        for (sight, at) in [(Sight::Asked, -900), (Sight::Out, -100), (Sight::Back, 30_000)] {
            books.witness.note(BANKS[0], BEGIN_MS + at, CABINETS[0], sight);
        }
        books
    }

    /// Of the first bank at the first cabinet, for half a minute.
    pub async fn rental(&mut self, rider: i64, status: &str) {
        let id = Uuid::new_v4();
        self.run(&format!(
            "insert into rentals (
                 id, code, rider_id, station_id, io, slot, bank_sn, package_id, command_id, status,
                 payment_status, paid, owed, held, created_at, started_at, due_at, ended_at,
                 settle_until, state, version
             )
             select '{id}', '{id}', {rider}, id, 0, 1, '{}', gen_random_uuid(), gen_random_uuid(),
                 '{status}', 'PAID', 0, 0, 0, now(), to_timestamp({BEGIN_MS} / 1000.0), now(),
                 to_timestamp({BEGIN_MS} / 1000.0 + 30), now(), '{{}}', 1
             from stations where device_uuid = '{}'",
            BANKS[0], CABINETS[0],
        ))
        .await;
        self.told.push(id.to_string());
    }

    pub async fn run(&mut self, sql: &str) {
        run(&mut self.db, sql).await;
    }

    /// Everything that speaks against a promise.
    pub async fn broken(&mut self) -> Vec<String> {
        self.broken_but_at(&[]).await
    }

    /// What speaks against a promise while everything goes on.
    pub async fn broken_meanwhile(&mut self) -> Vec<String> {
        named(meanwhile(&mut self.db, &self.told, &self.witness).await.unwrap())
    }

    /// The same, with cabinets that were made not to answer.
    pub async fn broken_but_at(&mut self, deaf: &[String]) -> Vec<String> {
        let places = self.places.clone();
        let places = || places.clone();
        let truth = Truth { told: &self.told, places: &places, witness: &self.witness, deaf };
        named(check(&mut self.db, &truth, Duration::ZERO).await.unwrap())
    }
}

fn named(findings: Vec<Finding>) -> Vec<String> {
    let broken = findings.into_iter().filter(|finding| finding.broken != 0);
    broken.map(|Finding { promise, what, .. }| format!("{promise}: {what}")).collect()
}

impl Drop for Books {
    fn drop(&mut self) {
        let sql = format!("drop database {} with (force)", self.name);
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let work = async { run(&mut connect(cluster::url()).await, &sql).await };
            runtime.unwrap().block_on(work);
        });
        if dropped.join().is_err() {
            eprintln!("the database {} is left behind", self.name);
        }
    }
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn run(db: &mut PgConnection, sql: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(db).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}
