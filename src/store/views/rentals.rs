//! A rider's rentals, with the names of the stations.

use chrono::{DateTime, Utc};
use domain::ids::{RentalId, RiderId, StationId};
use domain::rental::{PaymentStatus, Rental, Status};
use sqlx::types::Json;

use crate::store::{Error, Store};

/// A rental and where it began and ended.
#[derive(Clone, Debug)]
pub struct RentalView {
    pub rental: Rental,
    /// With the precision of the database, which orders by it.
    pub created_at: DateTime<Utc>,
    pub station: StationName,
    pub returned_to: Option<StationName>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StationName {
    pub id: StationId,
    pub serial: String,
    pub name: String,
    pub latitude: f64,
    pub longitude: f64,
    pub address: String,
}

/// Which of a rider's rentals are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub status: Option<Status>,
    pub payment_status: Option<PaymentStatus>,
    pub from: Option<DateTime<Utc>>,
    /// Not this instant itself.
    pub until: Option<DateTime<Utc>>,
    pub station: Option<StationId>,
}

/// Which of the rows that a filter lets through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part {
    /// Only what was asked for before this rental.
    pub after: Option<(DateTime<Utc>, RentalId)>,
    pub offset: u64,
    pub limit: u64,
}

#[derive(sqlx::FromRow)]
struct Row {
    state: Json<Rental>,
    created_at: DateTime<Utc>,
    station_id: StationId,
    serial: String,
    name: String,
    latitude: f64,
    longitude: f64,
    address: String,
    back_id: Option<StationId>,
    back_serial: Option<String>,
    back_name: Option<String>,
    back_latitude: Option<f64>,
    back_longitude: Option<f64>,
    back_address: Option<String>,
}

impl From<Row> for RentalView {
    fn from(row: Row) -> RentalView {
        let station = StationName {
            id: row.station_id,
            serial: row.serial,
            name: row.name,
            latitude: row.latitude,
            longitude: row.longitude,
            address: row.address,
        };
        let returned_to = row.back_id.map(|id| StationName {
            id,
            serial: row.back_serial.unwrap_or_default(),
            name: row.back_name.unwrap_or_default(),
            latitude: row.back_latitude.unwrap_or_default(),
            longitude: row.back_longitude.unwrap_or_default(),
            address: row.back_address.unwrap_or_default(),
        });
        RentalView { rental: row.state.0, created_at: row.created_at, station, returned_to }
    }
}

impl Store {
    /// A rider's rental; `NotFound` when it is another rider's.
    pub async fn rental_view(&self, rider: RiderId, id: RentalId) -> Result<RentalView, Error> {
        const SQL: &str = "
            select r.state, r.created_at, s.id as station_id, s.serial, s.name, s.latitude, s.longitude,
                s.address, b.id as back_id, b.serial as back_serial, b.name as back_name,
                b.latitude as back_latitude, b.longitude as back_longitude,
                b.address as back_address
            from rentals r
            join stations s on s.id = r.station_id
            left join stations b on b.id = r.return_station_id
            where r.id = $1 and r.rider_id = $2";

        let mut session = self.read().await?;
        let row: Option<Row> =
            sqlx::query_as(SQL).bind(id).bind(rider).fetch_optional(&mut session).await?;
        row.map(RentalView::from).ok_or(Error::NotFound)
    }

    /// How many of a rider's rentals a filter lets through.
    pub async fn count_rentals(&self, rider: RiderId, filter: &Filter) -> Result<u64, Error> {
        const SQL: &str = "
            select count(*)
            from rentals
            where rider_id = $1
                and ($2::text is null or status = $2)
                and ($3::text is null or payment_status = $3)
                and ($4::timestamptz is null or created_at >= $4)
                and ($5::timestamptz is null or created_at < $5)
                and ($6::uuid is null or station_id = $6)";

        let mut session = self.read().await?;
        let count: i64 = sqlx::query_scalar(SQL)
            .bind(rider)
            .bind(filter.status)
            .bind(filter.payment_status)
            .bind(filter.from)
            .bind(filter.until)
            .bind(filter.station)
            .fetch_one(&mut session)
            .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Some of a rider's rentals, newest first.
    pub async fn list_rentals(
        &self,
        rider: RiderId,
        filter: &Filter,
        part: Part,
    ) -> Result<Vec<RentalView>, Error> {
        const SQL: &str = "
            select r.state, r.created_at, s.id as station_id, s.serial, s.name, s.latitude, s.longitude,
                s.address, b.id as back_id, b.serial as back_serial, b.name as back_name,
                b.latitude as back_latitude, b.longitude as back_longitude,
                b.address as back_address
            from rentals r
            join stations s on s.id = r.station_id
            left join stations b on b.id = r.return_station_id
            where r.rider_id = $1
                and ($2::text is null or r.status = $2)
                and ($3::text is null or r.payment_status = $3)
                and ($4::timestamptz is null or r.created_at >= $4)
                and ($5::timestamptz is null or r.created_at < $5)
                and ($6::uuid is null or r.station_id = $6)
                and ($7::timestamptz is null or (r.created_at, r.id) < ($7, $8))
            order by r.created_at desc, r.id desc
            offset $9 limit $10";

        let mut session = self.read().await?;
        let rows: Vec<Row> = sqlx::query_as(SQL)
            .bind(rider)
            .bind(filter.status)
            .bind(filter.payment_status)
            .bind(filter.from)
            .bind(filter.until)
            .bind(filter.station)
            .bind(part.after.map(|(at, _)| at))
            .bind(part.after.map(|(_, id)| id))
            .bind(i64::try_from(part.offset).unwrap_or(i64::MAX))
            .bind(i64::try_from(part.limit).unwrap_or(i64::MAX))
            .fetch_all(&mut session)
            .await?;
        Ok(rows.into_iter().map(RentalView::from).collect())
    }
}
