//! `/backup`: the whole database as one stream. A backup that could not be finished is cut off
//! in the middle, so that nobody takes it for a whole one.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tokio_stream::wrappers::ReceiverStream;

use super::answer::{Code, Refusal};
use super::{Admin, Operator, archive};
use crate::store::backup::Extent;
use crate::store::fact::Fact;

#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    frames: bool,
}

pub async fn download(
    State(admin): State<Admin>,
    operator: Operator,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let extent = if wanted.frames { Extent::WithFrames } else { Extent::Facts };
    let mut fact = Fact::at(admin.now());
    fact.audit = Some(operator.did("backup", "database", json!({ "frames": wanted.frames })));
    let noted = admin.store().commit(fact).await;
    noted.map_err(|error| Refusal::new(Code::Unavailable, error.to_string()))?;
    let packed = archive::pack(admin.store().dump(extent), extent, admin.now());
    let head = [("content-type", "application/x-tar")];
    Ok((head, Body::from_stream(ReceiverStream::new(packed))).into_response())
}
