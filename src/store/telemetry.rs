//! What may be lost in a crash: heartbeats, readings, raw frames without a fact, and cabinets
//! that called without being enrolled. Written in batches; an older message never replaces a
//! newer one.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::ids::{DeviceUuid, SlotKey, StationId};
use domain::slot::Reading;
use serde_json::Value;
use sqlx::types::Json;

use super::fact::RawFrame;
use super::session::Session;
use super::{Error, Store};
use crate::metrics;

/// Rows of one statement.
const CHUNK: usize = 5_000;

/// What a cabinet last said of itself; what is `None` stays as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct StationNews {
    pub station: StationId,
    /// Grows with each message, also over restarts of the service; an older one never replaces
    /// a newer one.
    pub seq: i64,
    pub heard_at: Option<DateTime<Utc>>,
    pub reported_at: Option<DateTime<Utc>>,
    /// The last report that listed every slot.
    pub whole_at: Option<DateTime<Utc>>,
    pub signal: Option<Value>,
    pub backup: Option<Value>,
}

/// What a slot last said.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotNews {
    pub station: StationId,
    pub key: SlotKey,
    pub seq: i64,
    pub reading: Reading,
}

impl Store {
    /// Writes telemetry, all or nothing. What came twice is written once, the newest.
    pub async fn flush(
        &self,
        stations: Vec<StationNews>,
        slots: Vec<SlotNews>,
        frames: Vec<RawFrame>,
    ) -> Result<(), Error> {
        let counts = [
            ("station_telemetry", stations.len()),
            ("slot_telemetry", slots.len()),
            ("raw_frames", frames.len()),
        ];
        let stations = newest(stations, |news| (news.station, news.seq));
        let slots = newest(slots, |news| ((news.station, news.key), news.seq));
        self.transact("store.flush", move |session| {
            Box::pin(async move {
                for chunk in stations.chunks(CHUNK) {
                    write_stations(session, chunk).await?;
                }
                for chunk in slots.chunks(CHUNK) {
                    write_slots(session, chunk).await?;
                }
                for chunk in frames.chunks(CHUNK) {
                    write_frames(session, chunk).await?;
                }
                Ok(())
            })
        })
        .await?;
        for (table, count) in counts {
            metrics::FLUSHED.add(u64::try_from(count).unwrap_or(u64::MAX), [table]);
        }
        Ok(())
    }
}

/// What is known of a cabinet that called without being enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    pub address: Option<String>,
    pub hardware: Option<String>,
    /// Of its last call.
    pub at: DateTime<Utc>,
    pub calls: i64,
}

impl Store {
    /// Cabinets called that are not enrolled. The latest `keep` of all are kept.
    pub async fn note_strangers(
        &self,
        calls: BTreeMap<DeviceUuid, Stranger>,
        keep: usize,
    ) -> Result<(), Error> {
        const NOTE: &str = "
            insert into pending_cabinets as p (
                device_uuid, attempts, address, hardware, first_seen_at, last_seen_at
            )
            select w.uuid, w.calls, w.address, w.hardware, w.at, w.at
            from unnest($1, $2, $3, $4, $5) as w (uuid, calls, address, hardware, at)
            where not exists (
                select 1 from stations where device_uuid = w.uuid and not is_deleted
            )
            on conflict (device_uuid) do update
            set attempts = p.attempts + excluded.attempts,
                address = coalesce(excluded.address, p.address),
                hardware = coalesce(excluded.hardware, p.hardware),
                last_seen_at = greatest(p.last_seen_at, excluded.last_seen_at)";
        const FORGET: &str = "
            delete from pending_cabinets where device_uuid in (
                select device_uuid from pending_cabinets
                order by last_seen_at desc, device_uuid
                offset $1
            )";

        self.transact("store.pending", move |session| {
            Box::pin(async move {
                sqlx::query(NOTE)
                    .bind(calls.keys().map(DeviceUuid::as_str).collect::<Vec<_>>())
                    .bind(calls.values().map(|call| call.calls).collect::<Vec<_>>())
                    .bind(calls.values().map(|call| call.address.as_deref()).collect::<Vec<_>>())
                    .bind(calls.values().map(|call| call.hardware.as_deref()).collect::<Vec<_>>())
                    .bind(calls.values().map(|call| call.at).collect::<Vec<_>>())
                    .execute(&mut *session)
                    .await?;
                let keep = i64::try_from(keep).unwrap_or(i64::MAX);
                sqlx::query(FORGET).bind(keep).execute(session).await?;
                Ok(())
            })
        })
        .await
    }
}

/// One row for each key, that with the highest number; in the order of the keys.
fn newest<T, K: Ord>(all: Vec<T>, key: impl Fn(&T) -> (K, i64)) -> Vec<T> {
    let mut newest: BTreeMap<K, (i64, T)> = BTreeMap::new();
    for news in all {
        let (key, seq) = key(&news);
        if newest.get(&key).is_none_or(|(known, _)| *known < seq) {
            newest.insert(key, (seq, news));
        }
    }
    newest.into_values().map(|(_, news)| news).collect()
}

async fn write_stations(session: &mut Session, news: &[StationNews]) -> Result<(), Error> {
    const SQL: &str = "
        insert into station_telemetry as t (
            station_id, seq, heard_at, reported_at, whole_at, signal, backup
        )
        select * from unnest($1, $2, $3, $4, $5, $6, $7)
        on conflict (station_id) do update
        set seq = excluded.seq,
            heard_at = coalesce(excluded.heard_at, t.heard_at),
            reported_at = coalesce(excluded.reported_at, t.reported_at),
            whole_at = coalesce(excluded.whole_at, t.whole_at),
            signal = coalesce(excluded.signal, t.signal),
            backup = coalesce(excluded.backup, t.backup)
        where excluded.seq > t.seq";

    sqlx::query(SQL)
        .bind(news.iter().map(|n| n.station).collect::<Vec<_>>())
        .bind(news.iter().map(|n| n.seq).collect::<Vec<_>>())
        .bind(news.iter().map(|n| n.heard_at).collect::<Vec<_>>())
        .bind(news.iter().map(|n| n.reported_at).collect::<Vec<_>>())
        .bind(news.iter().map(|n| n.whole_at).collect::<Vec<_>>())
        .bind(news.iter().map(|n| n.signal.as_ref().map(Json)).collect::<Vec<_>>())
        .bind(news.iter().map(|n| n.backup.as_ref().map(Json)).collect::<Vec<_>>())
        .execute(session)
        .await?;
    Ok(())
}

async fn write_slots(session: &mut Session, news: &[SlotNews]) -> Result<(), Error> {
    const SQL: &str = "
        insert into slot_telemetry as t (station_id, io, slot, seq, reading)
        select * from unnest($1, $2, $3, $4, $5)
        on conflict (station_id, io, slot) do update
        set seq = excluded.seq, reading = excluded.reading
        where excluded.seq > t.seq";

    sqlx::query(SQL)
        .bind(news.iter().map(|n| n.station).collect::<Vec<_>>())
        .bind(news.iter().map(|n| i16::from(n.key.io)).collect::<Vec<_>>())
        .bind(news.iter().map(|n| i32::from(n.key.slot)).collect::<Vec<_>>())
        .bind(news.iter().map(|n| n.seq).collect::<Vec<_>>())
        .bind(news.iter().map(|n| Json(&n.reading)).collect::<Vec<_>>())
        .execute(session)
        .await?;
    Ok(())
}

async fn write_frames(session: &mut Session, frames: &[RawFrame]) -> Result<(), Error> {
    const SQL: &str = "
        insert into raw_frames (at, device_uuid, channel, kind, bytes)
        select * from unnest($1, $2, $3, $4, $5)";

    sqlx::query(SQL)
        .bind(frames.iter().map(|f| f.at).collect::<Vec<_>>())
        .bind(frames.iter().map(|f| f.device.as_str()).collect::<Vec<_>>())
        .bind(frames.iter().map(|f| f.channel.as_str()).collect::<Vec<_>>())
        .bind(frames.iter().map(|f| f.kind).collect::<Vec<_>>())
        .bind(frames.iter().map(|f| f.bytes.as_slice()).collect::<Vec<_>>())
        .execute(session)
        .await?;
    Ok(())
}
