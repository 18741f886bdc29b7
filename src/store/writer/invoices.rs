//! `invoice_counters` and `invoices`: a number is taken from a row in the transaction of the
//! fact, so that a fact that is not written takes none. Counters are the last rows a batch
//! locks, in their order, and are held until its commit.

use std::collections::BTreeMap;

use domain::invoice::{Draft, Issue, Series, number};
use serde_json::{Value, json};
use sqlx::types::Json;

use super::script::Script;
use crate::store::error::Failure;
use crate::store::fact::{CommitError, Fact};
use crate::store::session::Session;

/// Branch, series and the first year of the fiscal year.
type Counter = (String, Series, i16);

pub async fn write(session: &mut Session, facts: &[&Fact]) -> Result<(), Failure> {
    let drafts: Vec<Numbered> = facts.iter().filter_map(|fact| Numbered::of(fact)).collect();
    if drafts.is_empty() {
        return Ok(());
    }
    let mut next = take(session, &drafts).await?;
    let mut serials = Vec::with_capacity(drafts.len());
    for draft in &drafts {
        let serial = next.get_mut(&draft.counter);
        let serial = serial.ok_or_else(|| corrupt("a counter of documents is missing"))?;
        serials.push(*serial);
        *serial += 1;
    }
    let mut script = Script::default();
    insert(&mut script, &drafts, &serials);
    script.run(session).await
}

struct Numbered<'a> {
    fact: &'a Fact,
    draft: &'a Draft,
    issue: Issue,
    counter: Counter,
}

impl<'a> Numbered<'a> {
    fn of(fact: &'a Fact) -> Option<Numbered<'a>> {
        let draft = fact.document.as_deref()?;
        let issue = Issue::at(fact.at);
        let year = i16::try_from(issue.fiscal_year.0).unwrap_or(i16::MAX);
        let counter = (draft.seller.branch.clone(), draft.series, year);
        Some(Numbered { fact, draft, issue, counter })
    }

    fn number(&self, serial: i32) -> String {
        let serial = serial.unsigned_abs();
        number(&self.draft.seller.branch, self.draft.series, self.issue.fiscal_year, serial)
    }

    fn content(&self) -> Json<Value> {
        Json(json!({ "seller": self.draft.seller, "lines": self.draft.lines }))
    }
}

/// The first number of each counter that is ours.
async fn take(
    session: &mut Session,
    drafts: &[Numbered<'_>],
) -> Result<BTreeMap<Counter, i32>, Failure> {
    const SQL: &str = "
        insert into invoice_counters (branch, series, fiscal_year, last)
        select branch, series, fiscal_year, count
        from unnest($1, $2, $3, $4) as w (branch, series, fiscal_year, count)
        order by branch, series, fiscal_year
        on conflict (branch, series, fiscal_year)
            do update set last = invoice_counters.last + excluded.last
        returning branch, series, fiscal_year, last";

    let mut counts: BTreeMap<&Counter, i32> = BTreeMap::new();
    for draft in drafts {
        *counts.entry(&draft.counter).or_default() += 1;
    }
    let rows: Vec<(String, Series, i16, i32)> = sqlx::query_as(SQL)
        .bind(counts.keys().map(|counter| counter.0.as_str()).collect::<Vec<_>>())
        .bind(counts.keys().map(|counter| counter.1.as_str()).collect::<Vec<_>>())
        .bind(counts.keys().map(|counter| counter.2).collect::<Vec<_>>())
        .bind(counts.values().copied().collect::<Vec<_>>())
        .fetch_all(session)
        .await?;
    let first = |(branch, series, year, last): (String, Series, i16, i32)| {
        let counter = (branch, series, year);
        let count = counts.get(&counter).copied().unwrap_or_default();
        (counter, last - count + 1)
    };
    Ok(rows.into_iter().map(first).collect())
}

fn insert(script: &mut Script, drafts: &[Numbered<'_>], serials: &[i32]) {
    const SQL: &str = "
        insert into invoices (
            id, branch, series, fiscal_year, serial, number, rental_id, rider_id, corrects,
            reason, issued_at, issued_on, amount, taxable, vat, content
        )
        select id, branch, series, fiscal_year, serial, number, rental_id, rider_id, corrects,
            reason, issued_at, issued_on, amount, amount - vat, vat, content
        from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) as w (
            id, branch, series, fiscal_year, serial, number, rental_id, rider_id, corrects,
            reason, issued_at, issued_on, amount, vat, content
        )";

    let of = Columns(drafts);
    let numbers = drafts.iter().zip(serials).map(|(draft, serial)| draft.number(*serial));
    script
        .part(SQL)
        .bind(of.each(|d| d.draft.id))
        .bind(of.each(|d| d.counter.0.as_str()))
        .bind(of.each(|d| d.counter.1.as_str()))
        .bind(of.each(|d| d.counter.2))
        .bind(serials)
        .bind(numbers.collect::<Vec<_>>())
        .bind(of.each(|d| d.draft.rental))
        .bind(of.each(|d| d.draft.rider))
        .bind(of.each(|d| d.draft.corrects.as_ref().map(|(invoice, _)| *invoice)))
        .bind(of.each(|d| d.draft.corrects.as_ref().map(|(_, reason)| reason.as_str())))
        .bind(of.each(|d| d.fact.at))
        .bind(of.each(|d| d.issue.day.as_str()))
        .bind(of.each(|d| d.draft.amount.decimal()))
        .bind(of.each(|d| d.draft.vat.decimal()))
        .bind(of.each(Numbered::content));
}

/// One array for each column.
struct Columns<'a, 'b>(&'a [Numbered<'b>]);

impl<'a, 'b> Columns<'a, 'b> {
    fn each<T>(&self, value: impl Fn(&'a Numbered<'b>) -> T) -> Vec<T> {
        self.0.iter().map(value).collect()
    }
}

fn corrupt(text: &str) -> Failure {
    Failure::Refused(CommitError::Corrupt(text.to_owned()))
}
