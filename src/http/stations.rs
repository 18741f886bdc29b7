//! `/api/stations`: where riders find cabinets. Answered from memory; no question goes to the
//! database or to an actor.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRef, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use domain::ids::Serial;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::board::Board;
use super::error::{ApiError, Code};
use super::extract::Params;
use super::page::{PageQuery, Results};
use super::reply::{Done, Reply, ok};
use super::revalidate;

pub mod body;
pub mod query;

#[cfg(test)]
mod tests;

use body::{DetailBody, StationBody};
use query::{Found, ListQuery, NearbyQuery, PlaceQuery};

/// Rows of a page.
const PAGE: u16 = 20;
const PAGE_MAX: u16 = 50;
/// Rows of the nearby ones: a city has no more within the largest radius.
const NEARBY_MAX: usize = 1_000;

pub fn router<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Board: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(nearby)).routes(routes!(detail))
}

/// Every station within the radius.
#[derive(Serialize, ToSchema)]
struct Nearby<'a> {
    count: usize,
    results: Vec<StationBody<'a>>,
}

/// Stations by name, or by distance when a place is given. Those under maintenance are left out.
#[utoipa::path(
    get,
    path = "/api/stations",
    tag = "Stations",
    params(PageQuery, ListQuery, ("If-None-Match" = Option<String>, Header)),
    responses(
        (status = OK, body = Done<Results<StationBody>>, headers(("ETag" = String))),
        (status = NOT_MODIFIED, description = "As the client has it"),
    ),
)]
async fn list(
    State(board): State<Board>,
    Params(page): Params<PageQuery>,
    Params(query): Params<ListQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let wanted = page.wanted(PAGE, PAGE_MAX)?;
    let (page, found) = query.read()?.page(&board.availability, wanted);
    let empty = Results::<StationBody>::new(page, vec![]);
    revalidate::text(&headers, filled(ok("Stations retrieved successfully", empty), &found))
}

/// Stations within a radius, nearest first.
#[utoipa::path(
    get,
    path = "/api/stations/nearby",
    tag = "Stations",
    params(NearbyQuery, ("If-None-Match" = Option<String>, Header)),
    responses(
        (status = OK, body = Done<Nearby>, headers(("ETag" = String))),
        (status = NOT_MODIFIED, description = "As the client has it"),
    ),
)]
async fn nearby(
    State(board): State<Board>,
    Params(query): Params<NearbyQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut found = query.read()?.find(&board.availability);
    found.truncate(NEARBY_MAX);
    let empty = Nearby { count: found.len(), results: vec![] };
    revalidate::text(&headers, filled(ok("Nearby stations retrieved successfully", empty), &found))
}

/// One station with its slots.
#[utoipa::path(
    get,
    path = "/api/stations/{serial_number}",
    tag = "Stations",
    params(
        ("serial_number" = String, Path, description = "What the code on the cabinet says"),
        PlaceQuery,
        ("If-None-Match" = Option<String>, Header),
    ),
    responses(
        (status = OK, body = Done<DetailBody>, headers(("ETag" = String))),
        (status = NOT_MODIFIED, description = "As the client has it"),
    ),
)]
async fn detail(
    State(board): State<Board>,
    path: Result<Path<Serial>, PathRejection>,
    Params(query): Params<PlaceQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let view = path.ok().and_then(|Path(serial)| board.availability.by_serial(&serial));
    let view = view.ok_or_else(|| ApiError::new(Code::StationNotFound, "Station not found"))?;
    if view.maintenance {
        return Err(ApiError::new(Code::StationMaintenance, "Station is under maintenance"));
    }
    let metres = query.read()?.map(|place| place.metres_to(&view));
    let reply = || ok("Station details retrieved successfully", DetailBody::new(&view, metres));
    if metres.is_some() {
        return revalidate::answer(&headers, &reply());
    }
    let kept = view.kept.detail(|| serde_json::to_string(reply().body()));
    revalidate::text(&headers, kept.map(str::to_owned))
}

/// An answer that ends with its list, which is empty, and the list put into it: rows are kept as
/// text with their views.
fn filled<T: Serialize>(empty: Reply<T>, found: &[Found]) -> serde_json::Result<Vec<u8>> {
    const END: &[u8] = b"]}}";
    const ROW: usize = 400;

    let mut text = serde_json::to_vec(empty.body())?;
    text.truncate(text.len() - END.len());
    text.reserve(found.len() * ROW);
    for (place, found) in found.iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        StationBody::write(&mut text, &found.view, found.metres)?;
    }
    text.extend_from_slice(END);
    Ok(text)
}
