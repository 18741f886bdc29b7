//! `rentals` and `rental_events`: the row as the rules see it, and what led to it.

use chrono::{DateTime, Utc};
use domain::ids::StationId;
use domain::rental::{Phase, Rental};
use sqlx::types::Json;

use super::script::Script;
use crate::store::fact::{Fact, RentalWrite, Row};

pub fn write(script: &mut Script, facts: &[&Fact]) {
    let writes: Vec<&RentalWrite> = facts.iter().filter_map(|f| f.rental.as_ref()).collect();
    let (new, known): (Vec<&RentalWrite>, Vec<&RentalWrite>) =
        writes.iter().partition(|write| write.before.is_none());
    insert(script, &new);
    update(script, &known);
    append(script, facts);
}

fn insert(script: &mut Script, new: &[&RentalWrite]) {
    const SQL: &str = "
        insert into rentals (
            id, code, rider_id, station_id, io, slot, bank_sn, package_id, command_id,
            status, payment_status, paid, owed, held, created_at, started_at, due_at, ended_at,
            return_station_id, settle_until, state, version
        )
        select * from unnest(
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
            $19, $20, $21, $22
        )";

    if new.is_empty() {
        return;
    }
    let of = Columns(new);
    script
        .part(SQL)
        .bind(of.each(|w| w.after.id))
        .bind(of.each(|w| w.after.code.as_str()))
        .bind(of.each(|w| w.after.rider))
        .bind(of.each(|w| w.after.station))
        .bind(of.each(|w| i16::from(w.after.key.io)))
        .bind(of.each(|w| i32::from(w.after.key.slot)))
        .bind(of.each(|w| w.after.bank.as_str()))
        .bind(of.each(|w| w.after.package.id))
        .bind(of.each(|w| w.after.command))
        .bind(of.each(|w| w.after.status().as_str()))
        .bind(of.each(|w| payment_status(&w.after)))
        .bind(of.each(|w| w.after.paid.decimal()))
        .bind(of.each(|w| w.after.owed.decimal()))
        .bind(of.each(|w| w.after.held.decimal()))
        .bind(of.each(|w| w.after.created_at))
        .bind(of.each(|w| w.after.since()))
        .bind(of.each(|w| w.after.due_at()))
        .bind(of.each(|w| ended(&w.after).0))
        .bind(of.each(|w| ended(&w.after).1))
        .bind(of.each(|w| w.settle_until))
        .bind(of.each(|w| Json(&w.after)))
        .bind(of.each(RentalWrite::version));
}

fn update(script: &mut Script, known: &[&RentalWrite]) {
    const SQL: &str = "
        update rentals r
        set status = w.status, payment_status = w.payment_status, paid = w.paid, owed = w.owed,
            held = w.held, started_at = w.started_at, due_at = w.due_at, ended_at = w.ended_at,
            return_station_id = w.return_station_id, settle_until = w.settle_until,
            state = w.state, version = w.version
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) as w (
            id, before, status, payment_status, paid, owed, held, started_at, due_at, ended_at,
            return_station_id, settle_until, state, version
        )
        where r.id = w.id and r.version = w.before";

    if known.is_empty() {
        return;
    }
    let of = Columns(known);
    script
        .part(SQL)
        .bind(of.each(|w| w.after.id))
        .bind(of.each(|w| w.before))
        .bind(of.each(|w| w.after.status().as_str()))
        .bind(of.each(|w| payment_status(&w.after)))
        .bind(of.each(|w| w.after.paid.decimal()))
        .bind(of.each(|w| w.after.owed.decimal()))
        .bind(of.each(|w| w.after.held.decimal()))
        .bind(of.each(|w| w.after.since()))
        .bind(of.each(|w| w.after.due_at()))
        .bind(of.each(|w| ended(&w.after).0))
        .bind(of.each(|w| ended(&w.after).1))
        .bind(of.each(|w| w.settle_until))
        .bind(of.each(|w| Json(&w.after)))
        .bind(of.each(RentalWrite::version))
        .writes(known.len(), Row::Rental);
}

fn append(script: &mut Script, facts: &[&Fact]) {
    const SQL: &str = "
        insert into rental_events (rental_id, version, event, at)
        select * from unnest($1, $2, $3, $4)";

    let mut rows = Vec::new();
    for (fact, write) in facts.iter().filter_map(|f| Some((f, f.rental.as_ref()?))) {
        let first = write.before.unwrap_or(0) + 1;
        rows.extend(
            (first..).zip(&write.events).map(|(v, event)| (write.after.id, v, event, fact.at)),
        );
    }
    if rows.is_empty() {
        return;
    }
    script
        .part(SQL)
        .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| Json(row.2)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.3).collect::<Vec<_>>());
}

/// One array for each column.
struct Columns<'a>(&'a [&'a RentalWrite]);

impl<'a> Columns<'a> {
    fn each<T>(&self, value: impl Fn(&'a RentalWrite) -> T) -> Vec<T> {
        self.0.iter().map(|write| value(write)).collect()
    }
}

pub(in crate::store) fn payment_status(rental: &Rental) -> &'static str {
    use domain::rental::PaymentStatus::*;
    match rental.payment_status() {
        Pending => "PENDING",
        Paid => "PAID",
        Failed => "FAILED",
        Refunded => "REFUNDED",
    }
}

/// When it ended, and where the bank came back.
pub(in crate::store) fn ended(rental: &Rental) -> (Option<DateTime<Utc>>, Option<StationId>) {
    match &rental.phase {
        Phase::Completed { ended, .. } => (Some(ended.at), Some(ended.station)),
        Phase::Cancelled { at, .. } => (Some(*at), None),
        Phase::Dispensing | Phase::Active { .. } | Phase::Overdue { .. } => (None, None),
    }
}
