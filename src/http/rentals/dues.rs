//! `POST /api/rentals/{id}/pay-due`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::ids::{RentalId, RiderId};
use domain::money::Money;
use domain::payment::Deed as Purpose;
use domain::rental::{PaymentStatus, Refusal, Rental, Status};
use domain::tender::{NotPaid, PaymentMode, Shortfall};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::pay::PayWith;
use super::short::{Asked, Before, BreakdownBody, Missing, ShortBody};
use super::{not_found, rental_id, with_id};
use crate::actors::rentals::{Error, PayDues};
use crate::http::App;
use crate::http::error::{ApiError, PaymentRequired};
use crate::http::extract::{Body, Name};
use crate::http::idempotency::{Begun, Deed, Key, REPLAYED, Turn, known};
use crate::http::payments::body::transaction_id;
use crate::http::reply::{Done, ok};
use crate::http::token::Caller;
use crate::spawn::spawn;
use crate::store;

const ROUTE: &str = "rentals/pay-due";
const PURPOSE: &str = "DUE_PAYMENT";
const SHORT: &str = "Payment required to settle rental dues";
const MESSAGE: &str = "Rental dues paid successfully";

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(pay_due))
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
struct PayDue {
    /// What the rider was shown: another amount than what is owed is refused.
    amount: Option<Money>,
    /// How to pay what is missing.
    payment_method_id: Option<Uuid>,
    #[serde(default)]
    payment_mode: PaymentMode,
    /// With `wallet_points` only, and only both.
    wallet_amount: Option<Money>,
    points_to_use: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct PaidBody {
    transaction_id: Option<String>,
    rental_id: RentalId,
    rental_code: String,
    amount_paid: Money,
    breakdown: BreakdownBody,
    payment_status: PaymentStatus,
    rental_status: Status,
    /// The rider owes nothing and may rent again.
    account_unblocked: bool,
}

/// Pays all that is owed for a rental. A fee that still grows is owed when the bank is back.
#[utoipa::path(
    post,
    path = "/api/rentals/{id}/pay-due",
    tag = "Rentals",
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = PayDue,
    responses(
        (status = OK, body = Done<PaidBody>),
        (status = PAYMENT_REQUIRED, body = PaymentRequired<ShortBody>),
    ),
    security(("bearer" = [])),
)]
async fn pay_due(
    State(app): State<App>,
    caller: Caller,
    Name(id): Name,
    key: Key,
    Body { value, hash }: Body<PayDue>,
) -> Result<Response, ApiError> {
    let (rider, rental) = (caller.rider, rental_id(&id)?);
    let PayDue { payment_mode: mode, wallet_amount, points_to_use, .. } = value;
    let means = PayWith { mode, wallet_amount, points_to_use }.means()?;
    let body_hash = with_id(hash, rental);
    let deed = Deed { rider, route: ROUTE, body_hash, status: 200 };
    let turn = match app.keys.begin(&app.store, key.clone(), deed).await? {
        Begun::Again(record) => return app.dues_again(rider, record.resource).await,
        Begun::New(turn) => turn,
    };
    let asked = Asked { purpose: PURPOSE, mode, message: SHORT };
    match app.asked_before(&key, deed, asked).await? {
        None => {}
        Some(Before::Asked(answer)) => return Ok(answer),
        Some(Before::Done(resource)) => return app.dues_again(rider, resource).await,
    }
    let shown = value.amount;
    let wish = PayDues { rider, rental, means, shown, key: None, resumes: None };
    // the key keeps its place until a 402 has its order: the same key must not get a second one
    let (answer, _turn) = app.run_dues(wish, turn).await;
    match answer {
        Ok((rental, version)) => Ok(ok(MESSAGE, app.paid(&rental, version).await?).into_response()),
        Err(Error::Refused(Refusal::NotPaid(NotPaid::Short(missing)))) => {
            let means = means.after_top_up(&missing);
            let deed = Purpose::DuePayment { rental, means };
            app.ask_for_dues(rider, &value, missing, (deed, key, body_hash)).await
        }
        Err(Error::KeyUsed) => match key.0 {
            Some(key) => {
                let record = known(&app.store, &key, deed).await?;
                app.dues_again(rider, record.and_then(|record| record.resource)).await
            }
            None => Err(Error::Unavailable.into()),
        },
        Err(error) => Err(error.into()),
    }
}

impl App {
    /// Goes on when the client goes away, and keeps the key's place until it is done.
    async fn run_dues(
        &self,
        wish: PayDues,
        turn: Turn,
    ) -> (Result<(Rental, i32), Error>, Option<Turn>) {
        let rentals = self.rentals.clone();
        let work = spawn("pay_due", async move {
            let answer = rentals.pay_dues(PayDues { key: turn.write.clone(), ..wish }).await;
            (answer, Some(turn))
        });
        let (answer, turn) = work.await.unwrap_or((Err(Error::Unavailable), None));
        (answer.map(|stored| (stored.rental.clone(), stored.version)), turn)
    }

    async fn ask_for_dues(
        &self,
        rider: RiderId,
        wish: &PayDue,
        short: Shortfall,
        (deed, key, body_hash): (Purpose, Key, [u8; 32]),
    ) -> Result<Response, ApiError> {
        let missing = Missing {
            rider,
            method: wish.payment_method_id,
            mode: wish.payment_mode,
            short,
            errand: key.errand(deed, body_hash, short),
            message: SHORT,
        };
        self.ask_for(missing).await
    }

    /// What a key led to is named by the rental and the version of its event.
    async fn dues_again(
        &self,
        rider: RiderId,
        resource: Option<String>,
    ) -> Result<Response, ApiError> {
        let parts = resource.as_deref().and_then(|name| name.split_once('/'));
        let named = parts.and_then(|(id, version)| Some((id.parse().ok()?, version.parse().ok()?)));
        let (id, version): (RentalId, i32) = named.ok_or(Error::Unavailable)?;
        let view = match self.store.rental_view(rider, id).await {
            Ok(view) => view,
            Err(store::Error::NotFound) => return Err(not_found()),
            Err(error) => return Err(error.into()),
        };
        let body = self.paid(&view.rental, version).await?;
        Ok(ok(MESSAGE, body).header(REPLAYED.0, REPLAYED.1).into_response())
    }

    async fn paid(&self, rental: &Rental, version: i32) -> Result<PaidBody, ApiError> {
        let paid = self.store.dues_paid(rental.id, version).await?;
        let owed = self.store.dues(rental.rider).await?;
        Ok(PaidBody {
            transaction_id: paid.transfer.map(|id| transaction_id(id, paid.at)),
            rental_id: rental.id,
            rental_code: rental.code.clone(),
            amount_paid: paid.tender.total(),
            breakdown: paid.tender.into(),
            payment_status: rental.payment_status(),
            rental_status: rental.status(),
            account_unblocked: owed.is_zero(),
        })
    }
}
