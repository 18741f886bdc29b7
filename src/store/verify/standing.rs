//! How far the ledger was verified, and the incidents of what was found.

use chrono::{DateTime, Utc};
use domain::ids::{IncidentId, RentalId};
use serde_json::{Value, json};
use sqlx::types::Json;

use super::{Finding, Report, Scope};
use crate::store::session::Session;
use crate::store::{Error, Store};

/// Incidents that one look may open.
const INCIDENTS_MAX: usize = 20;

/// Up to where the ledger was looked at. Made from the same snapshot as the look, so that
/// nothing falls between two looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Transactions below this one are over.
    pub(super) below: String,
    /// The last place in the chain.
    pub(super) position: i64,
    pub(super) checked_at: DateTime<Utc>,
}

impl Default for Mark {
    /// Before everything.
    fn default() -> Mark {
        Mark { below: "0".to_owned(), position: 0, checked_at: DateTime::UNIX_EPOCH }
    }
}

impl Mark {
    pub(super) async fn read(session: &mut Session, now: DateTime<Utc>) -> Result<Mark, Error> {
        const SQL: &str = "
            select pg_snapshot_xmin(pg_current_snapshot())::text,
                coalesce((select max(position) from ledger_chain), 0)";

        let (below, position) = sqlx::query_as(SQL).fetch_one(session).await?;
        Ok(Mark { below, position, checked_at: now })
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    below: String,
    position: i64,
    checked_at: DateTime<Utc>,
    whole_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Where the last look without a finding ended, and when the last whole one was.
    pub async fn verified(&self) -> Result<(Mark, Option<DateTime<Utc>>), Error> {
        const SQL: &str = "
            select below::text, position, checked_at, whole_at from ledger_verified";

        let mut session = self.read().await?;
        let row: Option<Row> = sqlx::query_as(SQL).fetch_optional(&mut session).await?;
        Ok(row.map_or((Mark::default(), None), |row| {
            let Row { below, position, checked_at, whole_at } = row;
            (Mark { below, position, checked_at }, whole_at)
        }))
    }

    /// Notes a look without a finding; a later one goes on there.
    pub async fn note_verified(&self, scope: &Scope, mark: Mark) -> Result<(), Error> {
        const SQL: &str = "
            insert into ledger_verified (id, below, position, checked_at, whole_at)
            values (1, $1::text::xid8, $2, $3, case when $4 then $3 end)
            on conflict (id) do update set below = excluded.below, position = excluded.position,
                checked_at = excluded.checked_at,
                whole_at = coalesce(excluded.whole_at, ledger_verified.whole_at)";

        let whole = *scope == Scope::Whole;
        let write = move || {
            let Mark { below, position, checked_at } = mark;
            sqlx::query(SQL).bind(below).bind(position).bind(checked_at).bind(whole)
        };
        self.write_one("store.verified", write).await.map(drop)
    }

    /// Opens an incident for each finding that has none open; answers how many were opened.
    pub async fn open_findings(&self, report: &Report) -> Result<u64, Error> {
        const SQL: &str = "
            insert into incidents (id, kind, rental_id, evidence, opened_at)
            select id, 'ledger_finding', rental, evidence, $4
            from unnest($1, $2, $3) as w (id, rental, evidence)
            on conflict ((evidence ->> 'finding'))
                where state = 'open' and kind = 'ledger_finding' do nothing";

        let now = self.inner.clock.now();
        let findings = report.findings.iter().take(INCIDENTS_MAX);
        let rows: Vec<(IncidentId, Option<RentalId>, Json<Value>)> = findings
            .map(|finding| {
                let id = IncidentId(self.inner.entropy.uuid_at(now));
                (id, rental(finding), Json(evidence(finding)))
            })
            .collect();
        let write = move || {
            let (mut ids, mut rentals, mut evidence) = (vec![], vec![], vec![]);
            for row in rows {
                ids.push(row.0);
                rentals.push(row.1);
                evidence.push(row.2);
            }
            sqlx::query(SQL).bind(ids).bind(rentals).bind(evidence).bind(now)
        };
        self.write_one("store.findings", write).await
    }

    /// Opens an incident of a ledger that could not be looked at, if none is open; answers how
    /// many were opened.
    pub async fn open_unverified(&self, failed: u32, error: &str) -> Result<u64, Error> {
        const SQL: &str = "
            insert into incidents (id, kind, subject, evidence, opened_at)
            values ($1, 'ledger_unverified', 'ledger', $2, $3)
            on conflict (kind, subject) where state = 'open' do nothing";

        let now = self.inner.clock.now();
        let id = IncidentId(self.inner.entropy.uuid_at(now));
        let evidence = json!({ "looks_failed": failed, "error": error });
        let write = move || sqlx::query(SQL).bind(id).bind(Json(evidence)).bind(now);
        self.write_one("store.unverified", write).await
    }
}

/// One incident for a finding, however often it is found.
fn evidence(finding: &Finding) -> Value {
    json!({
        "finding": format!("{} {}", finding.kind, finding.subject),
        "expected": finding.expected,
        "found": finding.found,
    })
}

fn rental(finding: &Finding) -> Option<RentalId> {
    finding.kind.is_of_rental().then(|| finding.subject.parse().ok()).flatten()
}
