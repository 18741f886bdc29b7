//! `GET /api/rentals/packages`: durations and their prices.

use axum::extract::State;
use domain::ids::PackageId;
use domain::money::Money;
use domain::tariff::{Package, PackageKind, PaymentModel};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::formatted;
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::extract::Params;
use crate::http::page::{PageQuery, Pagination};
use crate::http::reply::{Done, Reply, ok};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(packages)).routes(routes!(to_pay))
}

#[derive(Serialize, ToSchema)]
struct PackageBody {
    id: PackageId,
    name: String,
    duration_minutes: u32,
    price: Money,
    package_type: PackageKind,
    payment_model: PaymentModel,
    payment_model_display: &'static str,
    is_active: bool,
    formatted_price: String,
    has_discount: bool,
    discount_percent: Money,
    original_price: Money,
    discounted_price: Money,
}

impl From<&Package> for PackageBody {
    fn from(package: &Package) -> PackageBody {
        PackageBody {
            id: package.id,
            name: package.name.clone(),
            duration_minutes: package.minutes,
            price: package.price,
            package_type: package.kind,
            payment_model: package.model,
            payment_model_display: match package.model {
                PaymentModel::Prepaid => "Pay Before Use",
                PaymentModel::Postpaid => "Pay After Use",
            },
            is_active: true,
            formatted_price: formatted(package.price),
            has_discount: false,
            discount_percent: Money::ZERO,
            original_price: package.price,
            discounted_price: package.price,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct PackagesBody {
    results: Vec<PackageBody>,
    pagination: Pagination,
}

/// What can be rented for how long, and for how much.
#[utoipa::path(
    get,
    path = "/api/rentals/packages",
    tag = "Rentals",
    params(PageQuery),
    responses((status = OK, body = Done<PackagesBody>)),
)]
async fn packages(
    State(app): State<App>,
    Params(query): Params<PageQuery>,
) -> Result<Reply<PackagesBody>, ApiError> {
    let http = &app.config.http;
    let tariff = app.rentals.tariff();
    let page = query.wanted(http.page_size, http.page_size_max)?.of(tariff.packages.len() as u64);
    let skip = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let take = usize::try_from(page.size).unwrap_or(usize::MAX);
    let results = tariff.packages.iter().skip(skip).take(take).map(PackageBody::from).collect();
    let body = PackagesBody { results, pagination: Pagination::of(page, None) };
    Ok(ok("Packages retrieved successfully", body))
}

/// A package as the app lists it where it is paid.
#[derive(Serialize, ToSchema)]
struct PaidPackageBody {
    #[serde(flatten)]
    package: PackageBody,
    /// `1 hour`, `2 days`.
    duration_display: String,
}

#[derive(Serialize, ToSchema)]
struct PaidPackagesBody {
    packages: Vec<PaidPackageBody>,
    count: usize,
}

/// The same packages, all at once, with their durations in words.
#[utoipa::path(
    get,
    path = "/api/payments/packages",
    tag = "Payments",
    responses((status = OK, body = Done<PaidPackagesBody>)),
)]
async fn to_pay(State(app): State<App>) -> Reply<PaidPackagesBody> {
    let tariff = app.rentals.tariff();
    let shown = |package: &Package| PaidPackageBody {
        package: package.into(),
        duration_display: spoken(package.minutes),
    };
    let packages: Vec<_> = tariff.packages.iter().map(shown).collect();
    let count = packages.len();
    ok("Packages retrieved successfully", PaidPackagesBody { packages, count })
}

/// In the largest unit that it is whole in.
fn spoken(minutes: u32) -> String {
    const UNITS: [(u32, &str); 3] = [(1440, "day"), (60, "hour"), (1, "minute")];
    let whole = |(size, _): &&(u32, &str)| minutes.is_multiple_of(*size);
    let (size, unit) = UNITS.iter().find(whole).copied().unwrap_or((1, "minute"));
    let count = minutes / size;
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}
