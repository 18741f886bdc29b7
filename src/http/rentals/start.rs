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
use crate::http::idempotency::{Begun, Deed, Key, REPLAYED, Turn, known};
use crate::http::limits::Left;
use crate::http::reply::{Done, made};
use crate::http::token::Caller;
use crate::spawn::spawn;

mod body;

use body::StartedBody;

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
    let turn = match app.keys.begin(&app.store, key.clone(), deed).await? {
        Begun::Again(record) => return app.started_again(rider, record.resource).await,
        Begun::New(turn) => turn,
    };
    let asked = Asked { purpose: PURPOSE, mode: value.payment_mode, message: SHORT };
    match app.asked_before(&key, deed, asked).await? {
        None => {}
        Some(Before::Asked(answer)) => return Ok(answer),
        Some(Before::Done(resource)) => return app.started_again(rider, resource).await,
    }
    let (claim, left) = app.may_start(rider).await?;
    // the key keeps its place until a 402 has its order: the same key must not get a second one
    let (answer, _turn) = app.run_start(claim, wish.clone(), turn).await;
    match answer {
        Ok(rental) => {
            let body = app.started(rental).await?;
            Ok(made(MESSAGE, body).left(left).into_response())
        }
        Err(StartError::Short { missing, .. }) => {
            value.short(&app, (rider, wish), missing, (key, hash)).await
        }
        Err(StartError::KeyUsed) => match key.0 {
            Some(key) => {
                let record = known(&app.store, &key, deed).await?;
                app.started_again(rider, record.and_then(|record| record.resource)).await
            }
            None => Err(StartError::Unavailable.into()),
        },
        Err(error) => Err(error.into()),
    }
}

impl StartRental {
    fn wish(&self, rider: RiderId) -> Result<Start, ApiError> {
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

    /// A start that is short of money goes on once the money is in.
    async fn short(
        &self,
        app: &App,
        (rider, wish): (RiderId, Start),
        short: Shortfall,
        (key, hash): (Key, [u8; 32]),
    ) -> Result<Response, ApiError> {
        let Start { station, package, bank, means, .. } = wish;
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

    /// Goes on when the client goes away, and keeps the key's place until it is done.
    async fn run_start(
        &self,
        claim: Claim,
        wish: Start,
        turn: Turn,
    ) -> (Result<Rental, StartError>, Option<Turn>) {
        let rentals = self.rentals.clone();
        let work = spawn("start_request", async move {
            let answer = rentals.start_in(claim, Start { key: turn.write.clone(), ..wish }).await;
            (answer, Some(turn))
        });
        work.await.unwrap_or((Err(StartError::Unavailable), None))
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
