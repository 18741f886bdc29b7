//! `packages` and `late_fees`: what a rental costs from here on.

use domain::ids::PackageId;
use domain::money::Money;
use domain::tariff::{LateFee, LateFeeKind, Package, PackageKind, PaymentModel};
use rust_decimal::Decimal;

use super::Error;
use super::session::Session;

#[derive(sqlx::FromRow)]
struct PackageRow {
    id: PackageId,
    name: String,
    minutes: i32,
    price: Money,
    kind: PackageKind,
    model: PaymentModel,
}

/// Those that can be bought, in the order of the list.
pub(super) async fn packages(session: &mut Session) -> Result<Vec<Package>, Error> {
    const SQL: &str = "
        select id, name, minutes, price, kind, model
        from packages
        where is_active
        order by position, name";

    let rows: Vec<PackageRow> = sqlx::query_as(SQL).fetch_all(session).await?;
    let package = |row: PackageRow| Package {
        id: row.id,
        name: row.name,
        minutes: u32::try_from(row.minutes).unwrap_or(0),
        price: row.price,
        kind: row.kind,
        model: row.model,
    };
    Ok(rows.into_iter().map(package).collect())
}

#[derive(sqlx::FromRow)]
struct LateFeeRow {
    kind: LateFeeKind,
    multiplier: Decimal,
    flat_per_hour: Money,
    grace_minutes: i32,
    max_per_day: Option<Money>,
}

pub(super) async fn late_fee(session: &mut Session) -> Result<Option<LateFee>, Error> {
    const SQL: &str = "
        select kind, multiplier, flat_per_hour, grace_minutes, max_per_day
        from late_fees
        where is_active";

    let row: Option<LateFeeRow> = sqlx::query_as(SQL).fetch_optional(session).await?;
    Ok(row.map(|row| LateFee {
        kind: row.kind,
        multiplier: row.multiplier,
        flat_per_hour: row.flat_per_hour,
        grace_minutes: u32::try_from(row.grace_minutes).unwrap_or(0),
        max_per_day: row.max_per_day,
    }))
}
