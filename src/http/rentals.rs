//! `/api/rentals`: packages, starts, cancels, and what a rider's rentals cost.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::ids::{RentalId, RiderId, StationId};
use domain::rental::{PaymentStatus, Rental, Status};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::error::{ApiError, Code};
use super::extract::{Body, Name, Params};
use super::idempotency::{Deed, Key, REPLAYED};
use super::keyed::{Outcome, once};
use super::page::{Begin, Cursor, List, PageQuery, Pagination};
use super::reply::{Done, Reply, maybe, ok};
use super::token::Caller;
use crate::store::fact::KeyWrite;
use crate::store::views::rentals::{Filter, Part, RentalView};

pub mod body;
mod day;
mod dues;
mod packages;
mod pay;
mod receipt;
mod short;
mod start;
mod steps;

#[cfg(test)]
mod tests;

use body::{HistoryRow, RentalBody};
pub use day::Day;
pub use pay::PayWith;
pub use start::PATH as START;

/// In microseconds.
const YEAR_9999: i64 = 253_370_764_800_000_000;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(packages::router())
        .merge(start::router())
        .merge(receipt::router())
        .merge(dues::router())
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
    let body = app.rental_of(caller.rider, id).await?;
    Ok(ok("Active rental retrieved", body))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    page: Option<u32>,
    /// At most 100.
    page_size: Option<u32>,
    /// In place of a page: the `next_cursor` of an answer before.
    cursor: Option<String>,
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
    let cursor = query.cursor.as_deref();
    let begin = asked.begin(List::Rentals, cursor, http.page_size, http.page_size_max)?;
    let filter = Filter {
        status: query.status,
        payment_status: query.payment_status,
        from: query.start_date.map(Day::begin),
        until: query.end_date.map(Day::end),
        station: query.station_id,
    };
    let (rows, pagination) = app.history(caller.rider, &filter, begin).await?;
    let rentals = rows.into_iter().map(HistoryRow::from).collect();
    Ok(ok("Rental history retrieved successfully", HistoryBody { rentals, pagination }))
}

impl App {
    async fn history(
        &self,
        rider: RiderId,
        filter: &Filter,
        begin: Begin,
    ) -> Result<(Vec<RentalView>, Pagination), ApiError> {
        match begin {
            Begin::Page(wanted) => {
                let page = wanted.of(self.store.count_rentals(rider, filter).await?);
                let part = Part { after: None, offset: page.offset(), limit: page.size };
                let rows = self.store.list_rentals(rider, filter, part).await?;
                let pagination = Pagination::of(page, rows.last().map(place));
                Ok((rows, pagination))
            }
            Begin::After { cursor, size } => {
                // one more tells whether there are more
                let part = Part { after: Some(after(cursor)?), offset: 0, limit: size + 1 };
                let mut rows = self.store.list_rentals(rider, filter, part).await?;
                let whole = usize::try_from(size).unwrap_or(usize::MAX);
                let is_more = rows.len() > whole;
                rows.truncate(whole);
                let next = rows.last().map(place).filter(|_| is_more);
                Ok((rows, Pagination::after(size, next)))
            }
        }
    }
}

fn place(view: &RentalView) -> Cursor {
    let number = view.created_at.timestamp_micros();
    Cursor { list: List::Rentals, number, id: view.rental.id.0 }
}

fn after(cursor: Cursor) -> Result<(DateTime<Utc>, RentalId), ApiError> {
    // no rental is older, and what is later no database can name
    let named = Some(cursor.number).filter(|number| (0..=YEAR_9999).contains(number));
    let at = named.and_then(DateTime::from_timestamp_micros);
    let at = at.ok_or_else(|| ApiError::field("cursor", "is not one of this list"))?;
    Ok((at, RentalId(cursor.id)))
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
    Name(id): Name,
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
    Name(id): Name,
    key: Key,
    Body { value, hash }: Body<Cancel>,
) -> Result<Response, ApiError> {
    let (rider, id) = (caller.rider, rental_id(&id)?);
    value.check()?;
    let deed = Deed { rider, route: "rentals/cancel", body_hash: with_id(hash, id), status: 200 };
    let rentals = app.rentals.clone();
    let work = async move |key: Option<KeyWrite>| {
        let key = key.map(|key| KeyWrite { resource: Some(id.to_string()), ..key });
        Ok(rentals.cancel(rider, id, key).await?)
    };
    match once(&app, key, deed, work).await? {
        Outcome::Done(rental) => {
            Ok(ok("Rental cancelled successfully", app.show_now(&rental)).into_response())
        }
        Outcome::Again(_) => app.cancelled_again(rider, id).await,
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

pub(super) fn not_found() -> ApiError {
    ApiError::new(Code::RentalNotFound, "Rental not found")
}

impl App {
    /// Out of memory as long as it is open, for riders look often; then out of the database.
    async fn rental_of(&self, rider: RiderId, id: RentalId) -> Result<RentalBody, ApiError> {
        let network = self.stations.availability();
        if let Some(stored) = self.rentals.get(id)
            && network.get(stored.rental.station).is_some()
        {
            let is_theirs = stored.rental.rider == rider;
            return if is_theirs { Ok(self.show_now(&stored.rental)) } else { Err(not_found()) };
        }
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
