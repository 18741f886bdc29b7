//! `/outbox`: what was promised to the outside and could not be delivered.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::answer::{Answer, Code, Refusal, ok};
use super::listing::Listing;
use super::{Admin, Operator};
use crate::actors::outbox;
use crate::store::views::EffectRow;

/// One dead effect, or all of them where no id is given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Redrive {
    pub id: Option<Uuid>,
}

/// How many effects are tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redriven {
    pub again: u64,
}

/// The dead ones; with `all` those too that are still tried.
pub async fn list(
    State(admin): State<Admin>,
    Query(listing): Query<Listing>,
) -> Answer<Vec<EffectRow>> {
    let rows = admin.store().effect_rows(listing.all, listing.limit()).await;
    ok(rows.map_err(|error| Refusal::of(error, "effect"))?)
}

pub async fn show(State(admin): State<Admin>, Path(id): Path<String>) -> Answer<EffectRow> {
    let unknown = format!("effect {id}; see outbox list --all");
    let Ok(id) = id.parse() else {
        return Err(Refusal::new(Code::NotFound, format!("there is no {unknown}")));
    };
    let row = admin.store().effect_row(id).await;
    ok(row.map_err(|error| Refusal::of(error, &unknown))?)
}

pub async fn redrive(
    State(admin): State<Admin>,
    operator: Operator,
    Json(wanted): Json<Redrive>,
) -> Answer<Redriven> {
    let name = wanted.id.map_or_else(|| "all".to_owned(), |id| id.to_string());
    let audit = operator.did("outbox.redrive", format!("effect:{name}"), json!(wanted));
    let again = admin.store().redrive(wanted.id, audit).await;
    let again = again.map_err(|error| Refusal::of(error, "effect"))?;
    if wanted.id.is_some() && again == 0 {
        let text = format!("effect {name} is not set aside; see outbox show {name}");
        return Err(Refusal::new(Code::Refused, text));
    }
    outbox::count(admin.store()).await;
    ok(Redriven { again })
}
