//! Rows that could not be read, as incidents: one for each until somebody resolved it.

use domain::ids::{IncidentId, RentalId};
use serde_json::{Value, json};
use sqlx::types::Json;

use super::CorruptRow;
use crate::store::{Error, Store};

/// Incidents that one start opens at most; the log names every row.
const INCIDENTS_MAX: usize = 100;

impl Store {
    /// Opens an incident for each row that has none open; answers how many were opened.
    pub async fn open_unread(&self, rows: &[CorruptRow]) -> Result<u64, Error> {
        const SQL: &str = "
            insert into incidents (id, kind, subject, rental_id, evidence, opened_at)
            select id, 'unread_row', subject, rental, evidence, $5
            from unnest($1, $2, $3, $4) as w (id, subject, rental, evidence)
            on conflict (kind, subject) where state = 'open' do nothing";

        let now = self.inner.clock.now();
        let (mut ids, mut subjects) = (Vec::new(), Vec::new());
        let (mut rentals, mut evidence) =
            (Vec::<Option<RentalId>>::new(), Vec::<Json<Value>>::new());
        for row in rows.iter().take(INCIDENTS_MAX) {
            ids.push(IncidentId(self.inner.entropy.uuid_at(now)));
            subjects.push(format!("{} {}", row.table, row.id));
            let rental = (row.table == "rentals").then(|| row.id.parse().ok());
            rentals.push(rental.flatten());
            evidence.push(Json(json!({ "table": row.table, "id": row.id, "error": row.error })));
        }
        self.write_one("store.unread", move || {
            sqlx::query(SQL).bind(ids).bind(subjects).bind(rentals).bind(evidence).bind(now)
        })
        .await
    }
}
