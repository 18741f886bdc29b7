//! `/audit`: what persons did.

use axum::extract::{Query, State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Admin;
use super::answer::{Answer, Refusal, ok};
use super::listing::Listing;
use crate::store::audit::AuditRow;

/// Who did what to which thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditBody {
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: String,
    pub target: String,
    pub details: Value,
}

impl From<AuditRow> for AuditBody {
    fn from(row: AuditRow) -> AuditBody {
        let AuditRow { id: _, at, actor, action, target, details } = row;
        AuditBody { at, actor, action, target, details }
    }
}

/// The newest first.
pub async fn list(
    State(admin): State<Admin>,
    Query(listing): Query<Listing>,
) -> Answer<Vec<AuditBody>> {
    let rows = admin.store().audit(None, listing.limit()).await;
    let rows = rows.map_err(|error| Refusal::of(error, "audit"))?;
    ok(rows.into_iter().map(AuditBody::from).collect())
}
