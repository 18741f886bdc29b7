//! What a fact leaves behind for others: owed effects, incidents, the frame that caused it,
//! the key of the request, the audit. Rows that are only added.

use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::script::Script;
use crate::entropy::Entropy;
use crate::store::fact::{AuditEntry, Fact, GatewayEvent, KeyWrite, NewIncident, RawFrame};
use crate::store::gateway_events;

pub fn write(script: &mut Script, facts: &[&Fact], entropy: &Entropy) {
    effects(script, facts, entropy);
    incidents(script, facts);
    frames(script, facts);
    gateway_events(script, facts, entropy);
    keys(script, facts);
    audit(script, facts, entropy);
}

fn effects(script: &mut Script, facts: &[&Fact], entropy: &Entropy) {
    const SQL: &str = "
        insert into outbox (id, effect, created_at, due_at)
        select id, effect, at, at from unnest($1, $2, $3) as w (id, effect, at)";

    let rows: Vec<_> =
        facts.iter().flat_map(|f| f.effects.iter().map(move |effect| (f.at, effect))).collect();
    if rows.is_empty() {
        return;
    }
    script
        .part(SQL)
        .bind(rows.iter().map(|(at, _)| entropy.uuid_at(*at)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, effect)| Json(*effect)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(at, _)| *at).collect::<Vec<_>>());
}

fn incidents(script: &mut Script, facts: &[&Fact]) {
    const SQL: &str = "
        insert into incidents (
            id, kind, station_id, rental_id, bank_sn, evidence, opened_at, subject
        )
        select * from unnest($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (kind, subject) where state = 'open' do nothing";

    let rows: Vec<(&Fact, &NewIncident)> =
        facts.iter().flat_map(|f| f.incidents.iter().map(move |i| (*f, i))).collect();
    if rows.is_empty() {
        return;
    }
    script
        .part(SQL)
        .bind(rows.iter().map(|(_, i)| i.id).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, i)| i.kind).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, i)| i.station).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, i)| i.rental).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, i)| i.bank.clone()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, i)| Json(&i.evidence)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(f, _)| f.at).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, i)| i.subject.as_deref()).collect::<Vec<_>>());
}

fn frames(script: &mut Script, facts: &[&Fact]) {
    const SQL: &str = "
        insert into raw_frames (at, device_uuid, channel, kind, bytes, rental_id)
        select * from unnest($1, $2, $3, $4, $5, $6)";

    let rows: Vec<(&Fact, &RawFrame)> =
        facts.iter().filter_map(|f| Some((*f, f.frame.as_ref()?))).collect();
    if rows.is_empty() {
        return;
    }
    let rental = |f: &Fact| f.rental.as_ref().map(|write| write.after.id);
    script
        .part(SQL)
        .bind(rows.iter().map(|(_, r)| r.at).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, r)| r.device.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, r)| r.channel.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, r)| r.kind).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, r)| r.bytes.as_slice()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(f, _)| rental(f)).collect::<Vec<_>>());
}

fn gateway_events(script: &mut Script, facts: &[&Fact], entropy: &Entropy) {
    let rows: Vec<(DateTime<Utc>, &GatewayEvent)> =
        facts.iter().filter_map(|f| Some((f.at, f.gateway_event.as_ref()?))).collect();
    gateway_events::insert(script, &rows, entropy);
}

fn keys(script: &mut Script, facts: &[&Fact]) {
    const SQL: &str = "
        insert into idempotency_keys (
            actor, key, route, body_hash, status, resource, response, created_at
        )
        select * from unnest($1, $2, $3, $4, $5, $6, $7, $8)";

    let rows: Vec<(&Fact, &KeyWrite)> =
        facts.iter().filter_map(|f| Some((*f, f.key.as_ref()?))).collect();
    if rows.is_empty() {
        return;
    }
    let status = |k: &KeyWrite| i16::try_from(k.status).unwrap_or(i16::MAX);
    script
        .part(SQL)
        .bind(rows.iter().map(|(_, k)| k.actor.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, k)| k.key.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, k)| k.route).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, k)| &k.body_hash[..]).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, k)| status(k)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, k)| k.resource.as_deref()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, k)| k.response.as_ref().map(Json)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(f, _)| f.at).collect::<Vec<_>>());
}

fn audit(script: &mut Script, facts: &[&Fact], entropy: &Entropy) {
    const SQL: &str = "
        insert into audit (id, at, actor, action, target, details)
        select * from unnest($1, $2, $3, $4, $5, $6)";

    let rows: Vec<(&Fact, &AuditEntry)> =
        facts.iter().filter_map(|f| Some((*f, f.audit.as_ref()?))).collect();
    if rows.is_empty() {
        return;
    }
    script
        .part(SQL)
        .bind(rows.iter().map(|(f, _)| entropy.uuid_at(f.at)).collect::<Vec<_>>())
        .bind(rows.iter().map(|(f, _)| f.at).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, a)| a.actor.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, a)| a.action).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, a)| a.target.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, a)| Json(&a.details)).collect::<Vec<_>>());
}
