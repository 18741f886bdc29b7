//! `/incidents`: what a person has to decide; `/audit`: what persons did.

use axum::Json;
use axum::extract::{Path, Query, State};
use chrono::{DateTime, Utc};
use domain::ids::IncidentId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::{Answer, Code, Refusal, ok};
use super::{Admin, Operator, ROWS_MAX};
use crate::store::audit::AuditRow;
use crate::store::incidents::Which;
use crate::store::views::IncidentRow;

/// Least length of a resolution: a word is none.
const RESOLUTION_MIN: usize = 5;

#[derive(Deserialize)]
pub struct Filter {
    #[serde(default)]
    all: bool,
    limit: Option<u32>,
}

/// What was found out and done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Resolve {
    pub resolution: String,
}

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

pub async fn list(
    State(admin): State<Admin>,
    Query(filter): Query<Filter>,
) -> Answer<Vec<IncidentRow>> {
    let limit = filter.limit.unwrap_or(ROWS_MAX).min(ROWS_MAX);
    let which = if filter.all { Which::All } else { Which::Open };
    let rows = admin.store().incident_rows(which, limit).await;
    ok(rows.map_err(|error| Refusal::of(error, "incident"))?)
}

pub async fn show(State(admin): State<Admin>, Path(id): Path<String>) -> Answer<IncidentRow> {
    ok(find(&admin, &id).await?)
}

pub async fn resolve(
    State(admin): State<Admin>,
    operator: Operator,
    Path(id): Path<String>,
    Json(body): Json<Resolve>,
) -> Answer<IncidentRow> {
    let text = reason(&body.resolution)?;
    let incident = find(&admin, &id).await?;
    if incident.state != "open" {
        let by = incident.resolved_by.unwrap_or_default();
        let text = format!("incident {id} was resolved by {by}; see incident show {id}");
        return Err(Refusal::new(Code::Refused, text));
    }
    let done = admin.store().resolve_incident(incident.id, &operator.to_string(), &text).await;
    done.map_err(|error| Refusal::of(error, "incident"))?;
    ok(find(&admin, &id).await?)
}

/// The newest first.
pub async fn audit(
    State(admin): State<Admin>,
    Query(filter): Query<Filter>,
) -> Answer<Vec<AuditBody>> {
    let limit = filter.limit.unwrap_or(ROWS_MAX).min(ROWS_MAX);
    let rows = admin.store().audit(None, limit).await;
    let rows = rows.map_err(|error| Refusal::of(error, "audit"))?;
    ok(rows.into_iter().map(AuditBody::from).collect())
}

/// A text that another person can understand later.
pub fn reason(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.chars().count() < RESOLUTION_MIN {
        let advice = "say in a few words what you found out; others read it later";
        return Err(Refusal::new(Code::Invalid, advice));
    }
    Ok(text.to_owned())
}

async fn find(admin: &Admin, id: &str) -> Result<IncidentRow, Refusal> {
    let thing = format!("incident {id}; see incident list");
    let id: IncidentId = id
        .parse()
        .map_err(|_| Refusal::new(Code::Invalid, format!("{id} is no id; see incident list")))?;
    admin.store().incident_row(id).await.map_err(|error| Refusal::of(error, &thing))
}
