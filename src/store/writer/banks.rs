//! `banks` and `bank_events`: who has each bank, and how that came about.

use domain::bank::{Condition, Custody};
use domain::ids::RentalId;
use sqlx::types::Json;

use super::script::Script;
use crate::store::fact::{BankWrite, Fact, Row};

type Writes<'a> = Vec<(&'a Fact, &'a BankWrite)>;

pub fn write(script: &mut Script, facts: &[&Fact]) {
    let writes: Writes = facts.iter().flat_map(|f| f.banks.iter().map(|w| (*f, w))).collect();
    if writes.is_empty() {
        return;
    }
    let (new, known): (Writes, Writes) = writes.iter().partition(|(_, w)| w.before.is_none());
    insert(script, &new);
    update(script, &known);
    append(script, &writes);
}

fn insert(script: &mut Script, new: &Writes<'_>) {
    const SQL: &str = "
        insert into banks (
            sn, custody, station_id, io, slot, rental_id, condition, consumed, version, updated_at
        )
        select sn, custody, station_id, io, slot, rental_id, condition, consumed::bigint[], 1, at
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) as w (
            sn, custody, station_id, io, slot, rental_id, condition, consumed, at
        )";

    if !new.is_empty() {
        columns(script.part(SQL), new);
    }
}

fn update(script: &mut Script, known: &Writes<'_>) {
    const SQL: &str = "
        update banks b
        set custody = w.custody, station_id = w.station_id, io = w.io, slot = w.slot,
            rental_id = w.rental_id, condition = w.condition, consumed = w.consumed::bigint[],
            version = b.version + 1, updated_at = w.at
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as w (
            sn, custody, station_id, io, slot, rental_id, condition, consumed, at, before
        )
        where b.sn = w.sn and b.version = w.before";

    if known.is_empty() {
        return;
    }
    let before: Vec<Option<i32>> = known.iter().map(|(_, w)| w.before).collect();
    columns(script.part(SQL), known).bind(before).writes(known.len(), Row::Bank);
}

fn append(script: &mut Script, writes: &Writes<'_>) {
    const SQL: &str = "
        insert into bank_events (sn, version, custody, condition, cause, rental_id, at)
        select * from unnest($1, $2, $3, $4, $5, $6, $7)";

    script
        .part(SQL)
        .bind(each(writes, |_, w| w.sn.as_str()))
        .bind(each(writes, |_, w| w.before.unwrap_or(0) + 1))
        .bind(each(writes, |_, w| Json(&w.custody)))
        .bind(each(writes, |_, w| condition(w.condition)))
        .bind(each(writes, |_, w| w.cause))
        .bind(each(writes, |_, w| w.rental))
        .bind(each(writes, |f, _| f.at));
}

fn columns<'s>(part: &'s mut Script, writes: &Writes<'_>) -> &'s mut Script {
    let slot = |w: &BankWrite| w.custody.slot();
    part.bind(each(writes, |_, w| w.sn.clone()))
        .bind(each(writes, |_, w| w.custody.as_str()))
        .bind(each(writes, |_, w| slot(w).map(|(station, _)| station)))
        .bind(each(writes, |_, w| slot(w).map(|(_, key)| i16::from(key.io))))
        .bind(each(writes, |_, w| slot(w).map(|(_, key)| i32::from(key.slot))))
        .bind(each(writes, |_, w| rental(&w.custody)))
        .bind(each(writes, |_, w| condition(w.condition)))
        .bind(each(writes, |_, w| consumed(w)))
        .bind(each(writes, |f, _| f.at))
}

fn each<'a, T>(
    writes: &[(&'a Fact, &'a BankWrite)],
    value: impl Fn(&'a Fact, &'a BankWrite) -> T,
) -> Vec<T> {
    writes.iter().map(|(fact, write)| value(fact, write)).collect()
}

fn rental(custody: &Custody) -> Option<RentalId> {
    match custody {
        Custody::Rental { rental } => Some(*rental),
        Custody::Slot { .. } | Custody::Missing | Custody::Quarantine { .. } => None,
    }
}

fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Good => "GOOD",
        Condition::Maintenance => "MAINTENANCE",
        Condition::Damaged => "DAMAGED",
    }
}

/// An array as text: an array of arrays of different lengths is none.
fn consumed(write: &BankWrite) -> String {
    let frames: Vec<String> = write.consumed.iter().map(|frame| frame.0.to_string()).collect();
    format!("{{{}}}", frames.join(","))
}
