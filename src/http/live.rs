//! Live updates as server-sent events: stations as they change, and one rental for its rider.
//! Lossy by contract: what was missed is replaced by what is so at this moment.

use std::convert::Infallible;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRef, Path, State};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response, Sse};
use domain::ids::RentalId;
use futures::stream::{self, Stream};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::board::Board;
use super::error::{ApiError, NO_CONTENT};
use super::extract::Params;
use super::token::Caller;

mod event;
mod filter;
mod page;
mod rental;
mod seats;
mod stations;

#[cfg(test)]
mod tests;

use event::{LastEvent, UNBUFFERED};
use filter::LiveQuery;
use seats::{Holder, Kind};

pub use seats::Streams;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(of_stations()).routes(routes!(follow_rental)).merge(page::router())
}

fn of_stations<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Board: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(follow_stations))
}

/// Stations as they change. First one or more events `snapshot` with all of them, then
/// `station` with one that changed, whole, and `gone` with the serial of one that is not shown
/// any more. After a `Last-Event-ID` only what was missed; if that is too long ago, or of
/// another run of the service, `reset` and a snapshot. A reader that is too slow gets `reset`
/// and the end of the stream.
#[utoipa::path(
    get,
    path = "/api/stations/live",
    tag = "Stations",
    params(LiveQuery, ("Last-Event-ID" = Option<String>, Header)),
    responses((status = OK, body = String, content_type = "text/event-stream")),
)]
async fn follow_stations(
    State(board): State<Board>,
    holder: Holder,
    LastEvent(last): LastEvent,
    Params(query): Params<LiveQuery>,
) -> Result<Response, ApiError> {
    let filter = query.read()?;
    let seat = board.streams.enter(Kind::Stations, holder)?;
    let following = stations::Following::new(&board, seat, filter, last);
    Ok(told(stream::unfold(following, async |mut following| {
        let event = following.next().await?;
        Some((Ok(event), following))
    })))
}

/// A rental of the caller: an event `rental` with its detail, and again whenever that changes,
/// until it is over or the token expires.
#[utoipa::path(
    get,
    path = "/api/rentals/{id}/live",
    tag = "Rentals",
    params(("id" = String, Path), ("Last-Event-ID" = Option<String>, Header)),
    security(("bearer" = [])),
    responses(
        (status = OK, body = String, content_type = "text/event-stream"),
        (status = NO_CONTENT, description = "It is over, and the client knows how"),
    ),
)]
async fn follow_rental(
    State(app): State<App>,
    State(board): State<Board>,
    caller: Caller,
    LastEvent(last): LastEvent,
    id: Result<Path<RentalId>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path(id) = id.map_err(|_| rental::not_found())?;
    let states = rental::states(&app, caller.rider, id).await?;
    if rental::is_told(&states, board.feed.epoch(), last) {
        return Ok(NO_CONTENT.into_response());
    }
    let seat = board.streams.enter(Kind::Rental, Holder::Rider(caller.rider))?;
    let seat = seat.until(caller.expires_at);
    let following = rental::Following::new(&board, seat, states, last);
    Ok(told(stream::unfold(following, async |mut following| {
        let event = following.next().await?;
        Some((Ok(event), following))
    })))
}

fn told(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    ([UNBUFFERED], Sse::new(events)).into_response()
}
