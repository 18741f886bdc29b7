//! A network made ready in bulk: stations, banks and riders as rows of the service's own
//! database, and riders' tokens signed with its own key. What a day of enrolments and logins
//! would take is done in seconds; the service reads it at its next start.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use cabinet::numbered;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection as _};
use uuid::Uuid;

pub mod dues;
pub mod ledger;
pub mod open;

/// Longest run of the harness.
const TOKEN_LIFE: Duration = Duration::from_hours(24);

/// Slots of every cabinet of the harness.
pub const SLOTS: u16 = 8;

/// The package that every rider buys: an hour.
pub const PACKAGE: &str = "0b7f9e2a-5a44-4b7e-9d52-3f1f4c8a1001";

/// A connection to the embedded database of a running service.
pub async fn database(folder: &Path) -> anyhow::Result<PgConnection> {
    Ok(PgConnection::connect_with(&options(folder)?).await?)
}

/// The way there.
pub fn options(folder: &Path) -> anyhow::Result<PgConnectOptions> {
    let folder = folder.join("postgres");
    let password = fs::read_to_string(folder.join("password"))
        .context("the embedded database has no password yet")?;
    Ok(PgConnectOptions::new()
        .socket(&folder)
        .username("chargeghar")
        .password(password.trim())
        .database("chargeghar")
        .disable_statement_logging())
}

/// Enrols cabinets with numbers from 1, of 8 slots each, on a grid around Ratna Park.
pub async fn stations(db: &mut PgConnection, count: u32) -> anyhow::Result<()> {
    const STATIONS: &str = "
        insert into stations (
            id, device_uuid, serial, name, latitude, longitude, version, created_at, updated_at
        )
        select gen_random_uuid(), uuid, serial, 'Simulated ' || n, lat, lng, 1, now(), now()
        from unnest($1::text[], $2::text[], $3::float8[], $4::float8[])
            with ordinality as s (uuid, serial, lat, lng, n)";
    const EMPTY: &str = "
        insert into slots (station_id, io, slot, version)
        select id, 0, slot, 1 from stations, generate_series(1, $1) slot";

    let (uuids, serials): (Vec<String>, Vec<String>) =
        (1..=count).map(|number| (numbered::uuid(number), numbered::serial(number))).unzip();
    let (lats, lngs): (Vec<f64>, Vec<f64>) = (1..=count).map(|n| place(n, count)).unzip();
    let stations = sqlx::query(STATIONS).bind(uuids).bind(serials).bind(lats).bind(lngs);
    stations.execute(&mut *db).await?;
    sqlx::query(EMPTY).bind(i32::from(SLOTS)).execute(&mut *db).await?;
    Ok(())
}

/// Where the station with this number is, among so many: latitude and longitude.
pub fn place(number: u32, count: u32) -> (f64, f64) {
    let rows = (count / 50).min(50);
    let steps = |from: u32, middle: u32| (f64::from(from) - f64::from(middle)) * 0.003;
    (27.7064 + steps(number / 50 % 50, rows / 2), 85.3150 + steps(number % 50, 25))
}

/// Puts banks into the stations, as if each had reported once: custody, readings, presence.
pub async fn stock(db: &mut PgConnection, stations: u32, each: u16) -> anyhow::Result<()> {
    const BANKS: &str = "
        insert into banks (sn, custody, station_id, io, slot, version, updated_at)
        select sn, 'slot', id, 0, slot, 1, now()
        from unnest($1::text[], $2::int[], $3::text[]) as b (serial, slot, sn)
        join stations using (serial)";
    const HEARD: [&str; 3] = [
        "insert into bank_events (sn, version, custody, condition, cause, at)
         select sn, version, jsonb_build_object(
             'with', 'slot', 'station', station_id, 'io', io, 'slot', slot
         ), condition, 'adopted', updated_at
         from banks",
        "insert into slot_telemetry (station_id, io, slot, seq, reading)
         select station_id, io, s.slot, 1, jsonb_build_object(
             'state', case when b.sn is null then 'empty' else 'normal' end, 'sn', b.sn,
             'level', case when b.sn is null then null else 60 + s.slot end,
             'temperature', null, 'switch_open', b.sn is null, 'at', now()
         )
         from slots s left join banks b using (station_id, io, slot)",
        "insert into station_telemetry (station_id, seq, heard_at, reported_at, whole_at)
         select id, 1, now(), now(), now() from stations",
    ];

    sqlx::query("update stations set layout_confirmed = true").execute(&mut *db).await?;
    if each > 0 {
        let (mut serials, mut slots, mut sns) = (vec![], vec![], vec![]);
        for number in 1..=stations {
            for (slot, sn) in (1_i32..).zip(numbered::banks(number, each)) {
                serials.push(numbered::serial(number));
                slots.push(slot);
                sns.push(sn.to_string());
            }
        }
        sqlx::query(BANKS).bind(serials).bind(slots).bind(sns).execute(&mut *db).await?;
        for sql in HEARD {
            sqlx::query(sql).execute(&mut *db).await?;
        }
    }
    sqlx::query("analyze").execute(db).await?;
    Ok(())
}

/// So many, whose numbers follow each other.
const RIDERS: &str = "
    insert into riders (phone, username, created_at, updated_at)
    select '97' || lpad((base + n)::text, 8, '0'), 'load' || (base + n), now(), now()
    from generate_series(1, $1) n, (select coalesce(max(id), 0) base from riders) b
    order by n";

/// Makes riders with NPR 5,000 in their wallets, as if each had topped up once; answers the
/// first of their numbers, which follow each other.
pub async fn riders(db: &mut PgConnection, count: u32) -> anyhow::Result<i64> {
    const PAID: [&str; 5] = [
        "create temporary table paid as
         select gen_random_uuid() transfer, gen_random_uuid() intent, id rider,
             5000.00::numeric(14, 2) amount
         from riders
         where not exists (select 1 from ledger_balances where rider_id = id)",
        "insert into payment_intents (
             id, rider_id, gateway, purpose, amount, status, gateway_ref, gateway_txn_id, redirect,
             created_at, expires_at, completed_at
         )
         select intent, rider, 'sandbox', 'WALLET_TOPUP', amount, 'COMPLETED', intent, intent,
             '{}', now(), now(), now()
         from paid",
        "insert into ledger_transfers (id, kind, intent_id, at)
         select transfer, 'top_up', intent, now() from paid",
        "insert into ledger_entries (transfer_id, line, account, amount)
         select transfer, 1, 'clearing:sandbox', -amount from paid
         union all select transfer, 2, 'wallet:' || rider, amount from paid",
        "insert into ledger_balances (account, rider_id, balance)
         select 'wallet:' || rider, rider, amount from paid",
    ];

    let mut work = db.begin().await?;
    sqlx::query(RIDERS).bind(i64::from(count)).execute(&mut *work).await?;
    for sql in PAID {
        sqlx::query(sql).execute(&mut *work).await?;
    }
    let first: Option<i64> =
        sqlx::query_scalar("select min(rider) from paid").fetch_one(&mut *work).await?;
    sqlx::query("drop table paid").execute(&mut *work).await?;
    work.commit().await?;
    sqlx::query("analyze").execute(db).await?;
    first.context("no rider was made")
}

/// Signs riders' tokens as the service would after a login.
pub struct Tokens {
    key: EncodingKey,
    header: Header,
}

#[derive(Serialize)]
struct Claims {
    iss: &'static str,
    aud: &'static str,
    sub: String,
    iat: u64,
    exp: u64,
    sid: Uuid,
    ver: i32,
}

impl Tokens {
    /// With the key in the data folder.
    pub fn of(folder: &Path) -> anyhow::Result<Tokens> {
        let pem = fs::read(folder.join("keys/signing.pem")).context("the key cannot be read")?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        Ok(Tokens { key: EncodingKey::from_ed_pem(&pem)?, header })
    }

    pub fn of_rider(&self, rider: i64) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let claims = Claims {
            iss: "chargeghar",
            aud: "chargeghar-app",
            sub: rider.to_string(),
            iat: now.as_secs(),
            exp: (now + TOKEN_LIFE).as_secs(),
            sid: Uuid::new_v4(),
            ver: 0,
        };
        Ok(encode(&self.header, &claims, &self.key)?)
    }
}
