//! `POST /api/rentals/{id}/pay-due`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::ids::{RentalId, RiderId};
use domain::money::Money;
use domain::payment::{Deed as Purpose, Errand};
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
use crate::http::idempotency::{Deed, Key, REPLAYED};
use crate::http::keyed::{Outcome, once};
use crate::http::payments::body::transaction_id;
use crate::http::payments::in_rupees;
use crate::http::reply::{Done, ok};
use crate::http::token::Caller;
use crate::store;
use crate::store::fact::KeyWrite;

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
    /// `NPR`, which it is without it.
    currency: Option<String>,
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
    in_rupees(value.currency.as_deref())?;
    let PayDue { payment_mode: mode, wallet_amount, points_to_use, .. } = value;
    let means = PayWith { mode, wallet_amount, points_to_use }.means()?;
    let body_hash = with_id(hash, rental);
    let deed = Deed { rider, route: ROUTE, body_hash, status: 200 };
    let wish = PayDues { rider, rental, means, shown: value.amount, key: None, resumes: None };
    let asker = (app.clone(), key.clone());
    let work = async move |write: Option<KeyWrite>| {
        let (app, key) = asker;
        value.run(&app, PayDues { key: write, ..wish }, (key, deed)).await
    };
    match once(&app, key, deed, work).await? {
        Outcome::Done(answer) => Ok(answer),
        Outcome::Again(record) => app.dues_again(rider, record.resource).await,
    }
}

impl PayDue {
    /// The whole of it, to its answer: of a 402 the order at the gateway too, so that the same
    /// key gets no second one.
    async fn run(
        &self,
        app: &App,
        wish: PayDues,
        (key, request): (Key, Deed),
    ) -> Result<Response, ApiError> {
        let PayDues { rider, rental, means, .. } = wish;
        let asked = Asked { purpose: PURPOSE, mode: self.payment_mode, message: SHORT };
        match app.asked_before(&key, request, asked).await? {
            None => {}
            Some(Before::Asked(answer)) => return Ok(answer),
            Some(Before::Done(resource)) => return app.dues_again(rider, resource).await,
        }
        match app.rentals.pay_dues(wish).await {
            Ok(stored) => {
                let body = app.paid(&stored.rental, stored.version).await?;
                Ok(ok(MESSAGE, body).into_response())
            }
            Err(Error::Refused(Refusal::NotPaid(NotPaid::Short(missing)))) => {
                let deed = Purpose::DuePayment { rental, means: means.after_top_up(&missing) };
                let errand = key.errand(deed, request.body_hash, missing);
                self.short(app, rider, missing, errand).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn short(
        &self,
        app: &App,
        rider: RiderId,
        short: Shortfall,
        errand: Errand,
    ) -> Result<Response, ApiError> {
        let (method, mode) = (self.payment_method_id, self.payment_mode);
        app.ask_for(Missing { rider, method, mode, short, errand, message: SHORT }).await
    }
}

impl App {
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
        let paid = self.store.dues_paid(rental, version).await?;
        Ok(PaidBody {
            transaction_id: paid.transfer.map(|id| transaction_id(id, paid.at)),
            rental_id: rental.id,
            rental_code: rental.code.clone(),
            amount_paid: paid.tender.total(),
            breakdown: paid.tender.into(),
            payment_status: rental.payment_status(),
            rental_status: rental.status(),
            account_unblocked: paid.owed.is_zero(),
        })
    }
}
