//! `riders`: accounts. Written when a rider registers or logs in.

use chrono::{DateTime, Utc};
use domain::ids::RiderId;
use domain::rider::{Identifier, Rider, RiderStatus, Username};

use super::session::Session;
use super::{Error, Store};

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: RiderId,
    email: Option<String>,
    phone: Option<String>,
    username: Option<String>,
    status: RiderStatus,
    referral_code: Option<String>,
    token_version: i32,
    created_at: DateTime<Utc>,
}

/// An account, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub rider: Rider,
    pub created_at: DateTime<Utc>,
}

impl From<Row> for Account {
    fn from(row: Row) -> Account {
        let rider = Rider {
            id: row.id,
            email: row.email,
            phone: row.phone,
            username: row.username,
            status: row.status,
            referral_code: row.referral_code,
            token_version: row.token_version,
        };
        Account { rider, created_at: row.created_at }
    }
}

/// Somebody who was not here before.
#[derive(Clone, Debug)]
pub struct NewRider {
    pub identifier: Identifier,
    pub username: Username,
    pub referral_code: String,
    pub at: DateTime<Utc>,
}

impl Store {
    pub async fn rider(&self, id: RiderId) -> Result<Account, Error> {
        const SQL: &str = "
            select id, email, phone, username, status, referral_code, token_version, created_at
            from riders
            where id = $1";

        let mut session = self.read().await?;
        let row: Option<Row> = sqlx::query_as(SQL).bind(id).fetch_optional(&mut session).await?;
        row.map(Account::from).ok_or(Error::NotFound)
    }

    /// Who logs in with this; `None` when nobody does.
    pub async fn rider_of(&self, identifier: &Identifier) -> Result<Option<Account>, Error> {
        const SQL: &str = "
            select id, email, phone, username, status, referral_code, token_version, created_at
            from riders
            where lower(email) = $1 or phone = $2";

        let (email, phone) = (identifier.email(), identifier.phone());
        let mut session = self.read().await?;
        let row: Option<Row> =
            sqlx::query_as(SQL).bind(email).bind(phone).fetch_optional(&mut session).await?;
        Ok(row.map(Account::from))
    }

    pub async fn username_is_taken(&self, name: &Username) -> Result<bool, Error> {
        const SQL: &str = "select exists (select from riders where lower(username) = lower($1))";

        let mut session = self.read().await?;
        Ok(sqlx::query_scalar(SQL).bind(name.as_str()).fetch_one(&mut session).await?)
    }
}

/// Makes an account. A name, address or code that somebody has is a conflict.
pub(super) async fn insert(session: &mut Session, new: &NewRider) -> Result<Account, Error> {
    const SQL: &str = "
        insert into riders (
            email, phone, username, referral_code, created_at, updated_at, last_login_at
        )
        values ($1, $2, $3, $4, $5, $5, $5)
        returning id, email, phone, username, status, referral_code, token_version, created_at";

    let row: Row = sqlx::query_as(SQL)
        .bind(new.identifier.email())
        .bind(new.identifier.phone())
        .bind(new.username.as_str())
        .bind(&new.referral_code)
        .bind(new.at)
        .fetch_one(session)
        .await?;
    Ok(row.into())
}
