//! `/api/rentals`: packages, starts, cancels, and what a rider's rentals cost.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use domain::ids::{RentalId, RiderId, StationId};
use domain::rental::{PaymentStatus, Rental, Status};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::error::{ApiError, Code};
use super::extract::{Body, Params};
use super::idempotency::{Begun, Deed, Key, REPLAYED, known};
use super::page::{PageQuery, Pagination};
use super::reply::{Done, Reply, maybe, ok};
use super::token::Caller;
use crate::actors::rentals::Error;
use crate::spawn::spawn;
use crate::store::fact::KeyWrite;
use crate::store::views::rentals::{Filter, RentalView};

pub mod body;
mod day;
mod packages;
mod receipt;
mod start;
mod steps;

#[cfg(test)]
mod tests;

use body::{HistoryRow, RentalBody};
pub use day::Day;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(packages::router())
        .merge(start::router())
        .merge(receipt::router())
        .routes(routes!(active))
        .routes(routes!(history))
        .routes(routes!(detail))
        .routes(routes!(cancel))
}

/// The rider's open rental, if there is one.
#[utoipa::path(
    get,
    path = "/api/rentals/active",
    tag = "Rentals",
    responses((status = OK, body = Done<RentalBody>)),
    security(("bearer" = [])),
)]
async fn active(State(app): State<App>, caller: Caller) -> Result<Reply<RentalBody>, ApiError> {
    let Some(id) = app.rentals.open_of(caller.rider) else {
        return Ok(maybe("No active rental", None));
    };
    let view = app.store.rental_view(caller.rider, id).await?;
    Ok(ok("Active rental retrieved", app.show(view)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    page: Option<u32>,
    /// At most 100.
    page_size: Option<u32>,
    status: Option<Status>,
    payment_status: Option<PaymentStatus>,
    /// A day, or an instant; by when it was asked for.
    #[param(value_type = Option<String>, example = "2026-11-01")]
    start_date: Option<Day>,
    /// The same; a day counts whole.
    #[param(value_type = Option<String>, example = "2026-11-30")]
    end_date: Option<Day>,
    #[param(value_type = Option<String>)]
    station_id: Option<StationId>,
}

#[derive(Serialize, ToSchema)]
struct HistoryBody {
    rentals: Vec<HistoryRow>,
    pagination: Pagination,
}

/// The rider's rentals, newest first.
#[utoipa::path(
    get,
    path = "/api/rentals/history",
    tag = "Rentals",
    params(HistoryQuery),
    responses((status = OK, body = Done<HistoryBody>)),
    security(("bearer" = [])),
)]
async fn history(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<HistoryQuery>,
) -> Result<Reply<HistoryBody>, ApiError> {
    let http = &app.config.http;
    let asked = PageQuery::new(query.page, query.page_size);
    let wanted = asked.wanted(http.page_size, http.page_size_max)?;
    let filter = Filter {
        status: query.status,
        payment_status: query.payment_status,
        from: query.start_date.map(Day::begin),
        until: query.end_date.map(Day::end),
        station: query.station_id,
    };
    let page = wanted.of(app.store.count_rentals(caller.rider, &filter).await?);
    let rows = app.store.list_rentals(caller.rider, &filter, page.offset(), page.size).await?;
    let rentals = rows.into_iter().map(HistoryRow::from).collect();
    let body = HistoryBody { rentals, pagination: page.into() };
    Ok(ok("Rental history retrieved successfully", body))
}

/// One of the rider's rentals, with every step of its price.
#[utoipa::path(
    get,
    path = "/api/rentals/{id}",
    tag = "Rentals",
    params(("id" = String, Path)),
    responses((status = OK, body = Done<RentalBody>)),
    security(("bearer" = [])),
)]
async fn detail(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Reply<RentalBody>, ApiError> {
    let body = app.rental_of(caller.rider, rental_id(&id)?).await?;
    Ok(ok("Rental retrieved successfully", body))
}

#[derive(Debug, Deserialize, ToSchema)]
struct Cancel {
    /// 5 to 255 characters, or none.
    reason: Option<String>,
}

/// Cancels a rental whose bank did not come out. While the cabinet may be ejecting, the wish is
/// noted (`cancel_requested`) and the outcome decides.
#[utoipa::path(
    post,
    path = "/api/rentals/{id}/cancel",
    tag = "Rentals",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Cancel,
    responses((status = OK, body = Done<RentalBody>)),
    security(("bearer" = [])),
)]
async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    key: Key,
    Body { value, hash }: Body<Cancel>,
) -> Result<Response, ApiError> {
    let (rider, id) = (caller.rider, rental_id(&id)?);
    value.check()?;
    let deed = Deed { rider, route: "rentals/cancel", body_hash: with_id(hash, id), status: 200 };
    let turn = match app.keys.begin(&app.store, key.clone(), deed).await? {
        Begun::Again(_) => return app.cancelled_again(rider, id).await,
        Begun::New(turn) => turn,
    };
    let rentals = app.rentals.clone();
    // goes on when the client goes away, and keeps the key's place until it is done
    let work = spawn("cancel", async move {
        let key = turn.write.clone();
        let key = key.map(|key| KeyWrite { resource: Some(id.to_string()), ..key });
        let answer = rentals.cancel(rider, id, key).await;
        drop(turn);
        answer
    });
    match work.await.unwrap_or(Err(Error::Unavailable)) {
        Ok(rental) => {
            Ok(ok("Rental cancelled successfully", app.show_now(&rental)).into_response())
        }
        Err(Error::KeyUsed) => match &key.0 {
            Some(key) if known(&app.store, key, deed).await?.is_some() => {
                app.cancelled_again(rider, id).await
            }
            Some(_) | None => Err(Error::Unavailable.into()),
        },
        Err(error) => Err(error.into()),
    }
}

impl Cancel {
    fn check(&self) -> Result<(), ApiError> {
        let reason = self.reason.as_deref().unwrap_or_default().trim();
        match reason.chars().count() {
            0 | 5..=255 => Ok(()),
            1..=4 => Err(ApiError::field("reason", "Reason must be at least 5 characters")),
            _ => Err(ApiError::field("reason", "Reason must be at most 255 characters")),
        }
    }
}

/// Two rentals cancelled with one key are two requests.
fn with_id(mut hash: [u8; 32], id: RentalId) -> [u8; 32] {
    hash.iter_mut().zip(id.0.as_bytes()).for_each(|(byte, more)| *byte ^= more);
    hash
}

fn rental_id(text: &str) -> Result<RentalId, ApiError> {
    text.parse().map_err(|_| not_found())
}

fn not_found() -> ApiError {
    ApiError::new(Code::RentalNotFound, "Rental not found")
}

impl App {
    async fn rental_of(&self, rider: RiderId, id: RentalId) -> Result<RentalBody, ApiError> {
        match self.store.rental_view(rider, id).await {
            Ok(view) => Ok(self.show(view)),
            Err(crate::store::Error::NotFound) => Err(not_found()),
            Err(error) => Err(error.into()),
        }
    }

    async fn cancelled_again(&self, rider: RiderId, id: RentalId) -> Result<Response, ApiError> {
        let body = self.rental_of(rider, id).await?;
        let answer = ok("Rental cancelled successfully", body);
        Ok(answer.header(REPLAYED.0, REPLAYED.1).into_response())
    }

    fn show(&self, view: RentalView) -> RentalBody {
        RentalBody::new(&view, self.clock.now())
    }

    /// A rental that was in memory a moment ago.
    pub(super) fn show_now(&self, rental: &Rental) -> RentalBody {
        let network = self.stations.availability();
        let name = |id| network.get(id).map(|view| (&*view.info).into());
        RentalBody::of(rental, name, self.clock.now())
    }
}
