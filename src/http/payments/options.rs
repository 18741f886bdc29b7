//! What a payment would take, before anything is paid: the parts, and what is missing.

use axum::extract::State;
use domain::ids::{PackageId, RiderId};
use domain::money::Money;
use domain::rental::Refusal;
use domain::tariff::PaymentModel;
use domain::tender::{Funds, Means, NotPaid, PaymentMode, Shortfall};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::actors::rentals::StartError;
use crate::http::App;
use crate::http::error::{ApiError, Code};
use crate::http::extract::Body;
use crate::http::rentals::{PayWith, not_found};
use crate::http::reply::{Done, Reply, ok};
use crate::http::token::Caller;
use crate::store;

/// Top-ups are suggested in hundreds.
const HUNDRED: i64 = 100;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(calculate))
}

#[derive(Debug, Deserialize, ToSchema)]
struct Question {
    /// What a start would cost, or
    #[schema(value_type = Option<String>)]
    package_id: Option<Uuid>,
    /// what is owed for a rental: one of both.
    #[schema(value_type = Option<String>)]
    rental_id: Option<Uuid>,
    #[serde(default)]
    payment_mode: PaymentMode,
    /// With `wallet_points` only, and only both.
    wallet_amount: Option<Money>,
    points_to_use: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct OptionsBody {
    /// `pre_payment` or `post_payment`.
    scenario: &'static str,
    payment_mode: PaymentMode,
    total_amount: Money,
    user_balances: BalancesBody,
    payment_breakdown: PartsBody,
    is_sufficient: bool,
    shortfall: Money,
    wallet_shortfall: Money,
    points_shortfall: u32,
    points_shortfall_amount: Money,
    topup_amount_required: Money,
    suggested_topup: Option<Money>,
}

#[derive(Serialize, ToSchema)]
struct BalancesBody {
    points: u32,
    wallet: Money,
    points_value: Money,
    /// Points for one rupee.
    points_to_npr_rate: u32,
    total_available: Money,
}

#[derive(Serialize, ToSchema)]
struct PartsBody {
    points_to_use: u32,
    points_amount: Money,
    wallet_amount: Money,
    /// What a gateway would have to bring in.
    direct_amount: Money,
    remaining_balance: RemainingBody,
}

#[derive(Serialize, ToSchema)]
struct RemainingBody {
    points: u32,
    wallet: Money,
}

/// What a start or dues would take from the wallet and the points of the rider.
#[utoipa::path(
    post,
    path = "/api/payments/calculate-options",
    tag = "Payments",
    request_body = Question,
    responses((status = OK, body = Done<OptionsBody>)),
    security(("bearer" = [])),
)]
async fn calculate(
    State(app): State<App>,
    caller: Caller,
    Body { value, .. }: Body<Question>,
) -> Result<Reply<OptionsBody>, ApiError> {
    let Question { payment_mode: mode, wallet_amount, points_to_use, .. } = value;
    let means = PayWith { mode, wallet_amount, points_to_use }.means()?;
    let (scenario, amount) = match (value.package_id, value.rental_id) {
        (Some(package), None) => ("pre_payment", app.price_of(PackageId(package))?),
        (None, Some(rental)) => ("post_payment", app.owed_for(caller.rider, rental).await?),
        (Some(_), Some(_)) => {
            return Err(ApiError::field("rental_id", "does not go with package_id"));
        }
        (None, None) => {
            return Err(ApiError::new(Code::PackageRequired, "A package or a rental is required"));
        }
    };
    let purse = app.store.purse(caller.rider).await?;
    let rate = app.config.ledger.points();
    let funds = Funds { wallet: purse.wallet, points: purse.points, rate };
    let body = OptionsBody::new(scenario, amount, means, &funds)?;
    Ok(ok("Payment options calculated successfully", body))
}

impl App {
    fn price_of(&self, id: PackageId) -> Result<Money, ApiError> {
        let package = self.rentals.package(id).ok_or(StartError::PackageNotFound)?;
        if package.model == PaymentModel::Prepaid {
            return Ok(package.price);
        }
        let message = "Only packages that are paid before use can be paid now";
        Err(ApiError::new(Code::InvalidPackagePaymentModel, message))
    }

    async fn owed_for(&self, rider: RiderId, rental: Uuid) -> Result<Money, ApiError> {
        let view = match self.store.rental_view(rider, domain::ids::RentalId(rental)).await {
            Ok(view) => view,
            Err(store::Error::NotFound) => return Err(not_found()),
            Err(error) => return Err(error.into()),
        };
        let owed = view.rental.owed;
        if owed.is_positive() { Ok(owed) } else { Err(Refusal::NothingOwed.into()) }
    }
}

impl OptionsBody {
    fn new(
        scenario: &'static str,
        amount: Money,
        means: Means,
        funds: &Funds,
    ) -> Result<OptionsBody, ApiError> {
        let (tender, missing) = match means.tender(amount, funds) {
            Ok(tender) => (tender, Shortfall::default()),
            Err(NotPaid::Short(missing)) => (missing.planned, missing),
            Err(refused @ NotPaid::Split { .. }) => return Err(Refusal::NotPaid(refused).into()),
        };
        let short = missing.total();
        let wallet = tender.wallet.minus(short);
        let points_value = funds.rate.worth(funds.points);
        let is_sufficient = missing == Shortfall::default();
        Ok(OptionsBody {
            scenario,
            payment_mode: means.mode,
            total_amount: amount,
            user_balances: BalancesBody {
                points: funds.points.0,
                wallet: funds.wallet,
                points_value,
                points_to_npr_rate: funds.rate.0.get(),
                total_available: funds.wallet.plus(points_value),
            },
            payment_breakdown: PartsBody {
                points_to_use: tender.spent.points.0,
                points_amount: tender.spent.worth,
                wallet_amount: wallet,
                direct_amount: short,
                remaining_balance: RemainingBody {
                    points: funds.points.0.saturating_sub(tender.spent.points.0),
                    wallet: funds.wallet.minus(wallet),
                },
            },
            is_sufficient,
            shortfall: short,
            wallet_shortfall: missing.wallet,
            points_shortfall: missing.points.0,
            points_shortfall_amount: missing.worth,
            topup_amount_required: short,
            suggested_topup: (!is_sufficient).then(|| suggested(short)),
        })
    }
}

/// The next whole hundred above what is missing.
fn suggested(short: Money) -> Money {
    let hundreds = short.to_paisa() / (HUNDRED * HUNDRED) + 1;
    Money::paisa(hundreds * HUNDRED * HUNDRED).unwrap_or(short)
}
