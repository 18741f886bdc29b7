//! `/incidents`: what a person has to decide.

use axum::Json;
use axum::extract::{Path, Query, State};
use domain::ids::IncidentId;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Code, Refusal, ok};
use super::listing::Listing;
use super::text::explanation;
use super::{Admin, Operator};
use crate::store::incidents::Which;
use crate::store::views::IncidentRow;

/// What was found out and done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Resolve {
    pub resolution: String,
}

pub async fn list(
    State(admin): State<Admin>,
    Query(listing): Query<Listing>,
) -> Answer<Vec<IncidentRow>> {
    let which = if listing.all { Which::All } else { Which::Open };
    let rows = admin.store().incident_rows(which, listing.limit()).await;
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
    let text = explanation(&body.resolution)?;
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

async fn find(admin: &Admin, id: &str) -> Result<IncidentRow, Refusal> {
    let thing = format!("incident {id}; see incident list");
    let id: IncidentId = id
        .parse()
        .map_err(|_| Refusal::new(Code::Invalid, format!("{id} is no id; see incident list")))?;
    admin.store().incident_row(id).await.map_err(|error| Refusal::of(error, &thing))
}
