//! `stations` and `slots`: what their actor changes. Rare, next to everything else.

use super::all_written;
use crate::store::error::Failure;
use crate::store::fact::{Fact, Row, SlotChange, SlotWrite, StationWrite};
use crate::store::session::Session;

pub async fn write(session: &mut Session, facts: &[&Fact]) -> Result<(), Failure> {
    let stations: Vec<(&Fact, &StationWrite)> =
        facts.iter().filter_map(|f| Some((*f, f.station.as_ref()?))).collect();
    update(session, &stations).await?;
    let slots: Vec<&SlotWrite> = facts.iter().flat_map(|f| &f.slots).collect();
    if slots.is_empty() {
        return Ok(());
    }
    remove(session, &slots).await?;
    add(session, &slots).await?;
    maintain(session, &slots).await
}

async fn update(session: &mut Session, stations: &[(&Fact, &StationWrite)]) -> Result<(), Failure> {
    const SQL: &str = "
        update stations s
        set layout_confirmed = w.layout_confirmed, is_maintenance = w.is_maintenance,
            version = s.version + 1, updated_at = w.at
        from unnest($1, $2, $3, $4, $5) as w (id, before, layout_confirmed, is_maintenance, at)
        where s.id = w.id and s.version = w.before";

    if stations.is_empty() {
        return Ok(());
    }
    let done = sqlx::query(SQL)
        .bind(stations.iter().map(|(_, w)| w.station).collect::<Vec<_>>())
        .bind(stations.iter().map(|(_, w)| w.before).collect::<Vec<_>>())
        .bind(stations.iter().map(|(_, w)| w.layout_confirmed).collect::<Vec<_>>())
        .bind(stations.iter().map(|(_, w)| w.is_maintenance).collect::<Vec<_>>())
        .bind(stations.iter().map(|(f, _)| f.at).collect::<Vec<_>>())
        .execute(session)
        .await?;
    all_written(done.rows_affected(), stations.len(), Row::Station)
}

async fn add(session: &mut Session, slots: &[&SlotWrite]) -> Result<(), Failure> {
    const SQL: &str = "
        insert into slots (station_id, io, slot, version)
        select station_id, io, slot, 1 from unnest($1, $2, $3) as w (station_id, io, slot)";

    let new: Vec<&SlotWrite> =
        slots.iter().filter(|w| w.change == SlotChange::Add).copied().collect();
    if !new.is_empty() {
        keys(sqlx::query(SQL), &new).execute(session).await?;
    }
    Ok(())
}

async fn remove(session: &mut Session, slots: &[&SlotWrite]) -> Result<(), Failure> {
    const SQL: &str = "
        delete from slots s
        using unnest($1, $2, $3, $4) as w (station_id, io, slot, before)
        where s.station_id = w.station_id and s.io = w.io and s.slot = w.slot
            and s.version = w.before";

    let gone = |w: &&SlotWrite| match w.change {
        SlotChange::Remove { version } => Some(version),
        SlotChange::Add | SlotChange::Maintenance { .. } => None,
    };
    let old: Vec<&SlotWrite> = slots.iter().filter(|w| gone(w).is_some()).copied().collect();
    if old.is_empty() {
        return Ok(());
    }
    let versions: Vec<i32> = old.iter().filter_map(gone).collect();
    let done = keys(sqlx::query(SQL), &old).bind(versions).execute(session).await?;
    all_written(done.rows_affected(), old.len(), Row::Slot)
}

async fn maintain(session: &mut Session, slots: &[&SlotWrite]) -> Result<(), Failure> {
    const SQL: &str = "
        update slots s
        set maintenance = w.maintenance, version = s.version + 1
        from unnest($1, $2, $3, $4, $5) as w (station_id, io, slot, before, maintenance)
        where s.station_id = w.station_id and s.io = w.io and s.slot = w.slot
            and s.version = w.before";

    let changed = |w: &&SlotWrite| match w.change {
        SlotChange::Maintenance { version, on } => Some((version, on)),
        SlotChange::Add | SlotChange::Remove { .. } => None,
    };
    let known: Vec<&SlotWrite> = slots.iter().filter(|w| changed(w).is_some()).copied().collect();
    if known.is_empty() {
        return Ok(());
    }
    let (versions, on): (Vec<i32>, Vec<bool>) = known.iter().filter_map(changed).unzip();
    let done = keys(sqlx::query(SQL), &known).bind(versions).bind(on).execute(session).await?;
    all_written(done.rows_affected(), known.len(), Row::Slot)
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

fn keys<'q>(query: Query<'q>, writes: &[&SlotWrite]) -> Query<'q> {
    query
        .bind(writes.iter().map(|w| w.station).collect::<Vec<_>>())
        .bind(writes.iter().map(|w| i16::from(w.key.io)).collect::<Vec<_>>())
        .bind(writes.iter().map(|w| i32::from(w.key.slot)).collect::<Vec<_>>())
}
