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
    OpenApiRouter::new().routes(routes!(packages))
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
