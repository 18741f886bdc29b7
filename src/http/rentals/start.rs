//! `POST /api/rentals/start`.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::ids::{PackageId, RentalId, RiderId, Serial, Sn};
use domain::money::Money;
use domain::payment::Deed as Purpose;
use domain::rental::Rental;
use domain::tender::{PaymentMode, Shortfall};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::pay::PayWith;
use super::short::{Asked, Before, Missing, ShortBody};
use crate::actors::rentals::{Claim, Start, StartError};
use crate::ephemera::Limit;
use crate::http::App;
use crate::http::error::{ApiError, Code, PaymentRequired};
use crate::http::extract::Body;
use crate::http::idempotency::{Deed, Key, REPLAYED};
use crate::http::keyed::{Outcome, once};
use crate::http::limits::Left;
use crate::http::payments::in_rupees;
use crate::http::reply::{Done, made};
use crate::http::token::Caller;
use crate::store::fact::KeyWrite;

mod body;

use body::StartedBody;

/// Where rentals are started.
pub const PATH: &str = "/api/rentals/start";

const MINUTE: Duration = Duration::from_mins(1);
const ROUTE: &str = "rentals/start";
const PURPOSE: &str = "RENTAL_PAYMENT";
const SHORT: &str = "Payment required to start rental";
const MESSAGE: &str = "Rental started successfully";

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(start))
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
struct StartRental {
    /// The cabinet number of the QR label.
    station_sn: String,
    #[schema(value_type = String)]
    package_id: Uuid,
    /// Only this bank will do.
    powerbank_sn: Option<String>,
    /// How to pay what the wallet has not got.
    payment_method_id: Option<Uuid>,
    #[serde(default)]
    payment_mode: PaymentMode,
    /// With `wallet_points` only, and only both.
    wallet_amount: Option<Money>,
    points_to_use: Option<u64>,
    /// `NPR`, which it is without it.
    currency: Option<String>,
}

/// Starts a rental: holds the price, releases a bank, and waits a few seconds until it is out.
#[utoipa::path(
    post,
    path = "/api/rentals/start",
    tag = "Rentals",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = StartRental,
    responses(
        (status = CREATED, body = Done<StartedBody>),
        (status = PAYMENT_REQUIRED, body = PaymentRequired<ShortBody>),
    ),
    security(("bearer" = [])),
)]
async fn start(
    State(app): State<App>,
    caller: Caller,
    key: Key,
    Body { value, hash }: Body<StartRental>,
) -> Result<Response, ApiError> {
    let rider = caller.rider;
    let wish = value.wish(rider)?;
    let deed = Deed { rider, route: ROUTE, body_hash: hash, status: 201 };
    let asker = (app.clone(), key.clone());
    let work = async move |write: Option<KeyWrite>| {
        let (app, key) = asker;
        value.run(&app, Start { key: write, ..wish }, (key, deed)).await
    };
    match once(&app, key, deed, work).await? {
        Outcome::Done(answer) => Ok(answer),
        Outcome::Again(record) => app.started_again(rider, record.resource).await,
    }
}

impl StartRental {
    fn wish(&self, rider: RiderId) -> Result<Start, ApiError> {
        in_rupees(self.currency.as_deref())?;
        let means = self.pay_with().means()?;
        let missing = || ApiError::new(Code::StationNotFound, "Station not found");
        let station = Serial::parse(self.station_sn.trim()).map_err(|_| missing())?;
        let bank = self.powerbank_sn.as_deref().map(str::trim).filter(|sn| !sn.is_empty());
        if bank.is_some_and(|sn| sn.len() > 50) {
            return Err(ApiError::field("powerbank_sn", "must have at most 50 characters"));
        }
        let package = PackageId(self.package_id);
        let bank = bank.map(Sn::from);
        Ok(Start { rider, station, package, bank, means, key: None, resumes: None })
    }

    fn pay_with(&self) -> PayWith {
        let (wallet_amount, points_to_use) = (self.wallet_amount, self.points_to_use);
        PayWith { mode: self.payment_mode, wallet_amount, points_to_use }
    }

    /// The whole of a start, to its answer: of a 402 the order at the gateway too, so that the
    /// same key gets no second one.
    async fn run(
        &self,
        app: &App,
        wish: Start,
        (key, deed): (Key, Deed),
    ) -> Result<Response, ApiError> {
        let asked = Asked { purpose: PURPOSE, mode: self.payment_mode, message: SHORT };
        match app.asked_before(&key, deed, asked).await? {
            None => {}
            Some(Before::Asked(answer)) => return Ok(answer),
            Some(Before::Done(resource)) => return app.started_again(wish.rider, resource).await,
        }
        let (claim, left) = app.may_start(wish.rider).await?;
        match app.rentals.start_in(claim, wish.clone()).await {
            Ok(rental) => Ok(made(MESSAGE, app.started(rental).await?).left(left).into_response()),
            Err(StartError::Short { missing, .. }) => {
                self.short(app, wish, missing, (key, deed.body_hash)).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A start that is short of money goes on once the money is in.
    async fn short(
        &self,
        app: &App,
        wish: Start,
        short: Shortfall,
        (key, hash): (Key, [u8; 32]),
    ) -> Result<Response, ApiError> {
        let Start { rider, station, package, bank, means, .. } = wish;
        let means = means.after_top_up(&short);
        let missing = Missing {
            rider,
            method: self.payment_method_id,
            mode: self.payment_mode,
            short,
            errand: key.errand(Purpose::RentalStart { station, package, bank, means }, hash, short),
            message: SHORT,
        };
        app.ask_for(missing).await
    }
}

impl App {
    /// May this rider try? The limit counts only those who have no open rental, and of starts
    /// at once only the one that got the rider's place.
    async fn may_start(&self, rider: RiderId) -> Result<(Claim, Left), ApiError> {
        let account = self.store.rider(rider).await?;
        if !account.rider.is_active() {
            let message = "The account may not rent";
            return Err(ApiError::new(Code::RentalPrerequisitesNotMet, message));
        }
        let claim = self.rentals.claim(rider)?;
        let count = self.config.limits.starts_per_minute;
        let limit = Limit { count, per: MINUTE };
        let verdict = match self.ephemera.limit(&format!("start:{rider}"), limit).await {
            Ok(verdict) => verdict,
            // a start is bounded by the rider's one place too: it goes on without the limit
            Err(error) => return Ok((claim, Left::unknown("start", count, error))),
        };
        let left = Left::of("start", count, 60, verdict);
        if verdict.is_allowed { Ok((claim, left)) } else { Err(left.refusal(verdict.retry_after)) }
    }

    async fn started_again(
        &self,
        rider: RiderId,
        resource: Option<String>,
    ) -> Result<Response, ApiError> {
        let id: Option<RentalId> = resource.and_then(|id| id.parse().ok());
        let id = id.ok_or(StartError::Unavailable)?;
        let view = self.store.rental_view(rider, id).await?;
        let body = self.started(view.rental).await?;
        Ok(made(MESSAGE, body).header(REPLAYED.0, REPLAYED.1).into_response())
    }

    async fn started(&self, rental: Rental) -> Result<StartedBody, ApiError> {
        let username = self.store.rider(rental.rider).await?.rider.username;
        let station = self.stations.info(rental.station);
        Ok(StartedBody::new(&rental, username, station.as_deref()))
    }
}
