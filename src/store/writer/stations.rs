//! `stations` and `slots`: what their actor changes. Rare, next to everything else.

use super::script::Script;
use crate::store::fact::{Fact, Row, SlotChange, SlotWrite, StationWrite};

pub fn write(script: &mut Script, facts: &[&Fact]) {
    let stations: Vec<(&Fact, &StationWrite)> =
        facts.iter().filter_map(|f| Some((*f, f.station.as_ref()?))).collect();
    update(script, &stations);
    let slots: Vec<&SlotWrite> = facts.iter().flat_map(|f| &f.slots).collect();
    if slots.is_empty() {
        return;
    }
    remove(script, &slots);
    add(script, &slots);
    maintain(script, &slots);
}

fn update(script: &mut Script, stations: &[(&Fact, &StationWrite)]) {
    const SQL: &str = "
        update stations s
        set layout_confirmed = w.layout_confirmed, is_maintenance = w.is_maintenance,
            version = s.version + 1, updated_at = w.at
        from unnest($1, $2, $3, $4, $5) as w (id, before, layout_confirmed, is_maintenance, at)
        where s.id = w.id and s.version = w.before";

    if stations.is_empty() {
        return;
    }
    script
        .part(SQL)
        .bind(stations.iter().map(|(_, w)| w.station).collect::<Vec<_>>())
        .bind(stations.iter().map(|(_, w)| w.before).collect::<Vec<_>>())
        .bind(stations.iter().map(|(_, w)| w.layout_confirmed).collect::<Vec<_>>())
        .bind(stations.iter().map(|(_, w)| w.is_maintenance).collect::<Vec<_>>())
        .bind(stations.iter().map(|(f, _)| f.at).collect::<Vec<_>>())
        .writes(stations.len(), Row::Station);
}

fn add(script: &mut Script, slots: &[&SlotWrite]) {
    const SQL: &str = "
        insert into slots (station_id, io, slot, version)
        select station_id, io, slot, 1 from unnest($1, $2, $3) as w (station_id, io, slot)";

    let new: Vec<&SlotWrite> =
        slots.iter().filter(|w| w.change == SlotChange::Add).copied().collect();
    if !new.is_empty() {
        keys(script.part(SQL), &new);
    }
}

fn remove(script: &mut Script, slots: &[&SlotWrite]) {
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
        return;
    }
    let versions: Vec<i32> = old.iter().filter_map(gone).collect();
    keys(script.part(SQL), &old).bind(versions).writes(old.len(), Row::Slot);
}

fn maintain(script: &mut Script, slots: &[&SlotWrite]) {
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
        return;
    }
    let (versions, on): (Vec<i32>, Vec<bool>) = known.iter().filter_map(changed).unzip();
    keys(script.part(SQL), &known).bind(versions).bind(on).writes(known.len(), Row::Slot);
}

fn keys<'s>(part: &'s mut Script, writes: &[&SlotWrite]) -> &'s mut Script {
    part.bind(writes.iter().map(|w| w.station).collect::<Vec<_>>())
        .bind(writes.iter().map(|w| i16::from(w.key.io)).collect::<Vec<_>>())
        .bind(writes.iter().map(|w| i32::from(w.key.slot)).collect::<Vec<_>>())
}
