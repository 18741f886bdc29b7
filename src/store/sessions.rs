//! `sessions`: logins. A refresh token is good when its number is the session's; the number
//! grows with each use, by one statement that two at once cannot both win.

use chrono::{DateTime, Utc};
use domain::ids::RiderId;
use uuid::Uuid;

use super::riders::{self, Account, NewRider};
use super::{Error, PURGE_MAX, Store};

/// A login as its row has it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Login {
    pub id: Uuid,
    pub rider_id: RiderId,
    pub salt: Vec<u8>,
    /// Of the token that is good.
    pub token_number: i32,
    /// When the token before it was spent.
    pub renewed_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
pub struct NewLogin {
    pub id: Uuid,
    pub salt: [u8; 16],
    pub at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// Why a login ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    Logout,
    /// A spent token came again: somebody has a copy.
    Reuse,
    Operator,
}

impl EndedBy {
    fn as_str(self) -> &'static str {
        match self {
            EndedBy::Logout => "logout",
            EndedBy::Reuse => "reuse",
            EndedBy::Operator => "operator",
        }
    }
}

const INSERT: &str = "
    insert into sessions (id, rider_id, salt, created_at, renewed_at, expires_at)
    values ($1, $2, $3, $4, $4, $5)";

impl Store {
    pub async fn login(&self, id: Uuid) -> Result<Option<Login>, Error> {
        const SQL: &str = "
            select id, rider_id, salt, token_number, renewed_at, expires_at, ended_at
            from sessions
            where id = $1";

        let mut session = self.read().await?;
        Ok(sqlx::query_as(SQL).bind(id).fetch_optional(&mut session).await?)
    }

    /// Logins that ended after `since` and whose access tokens may still live.
    pub async fn logins_ended(&self, since: DateTime<Utc>) -> Result<Vec<Uuid>, Error> {
        const SQL: &str = "select id from sessions where ended_at >= $1 limit 100000";

        let mut session = self.read().await?;
        Ok(sqlx::query_scalar(SQL).bind(since).fetch_all(&mut session).await?)
    }

    /// Lets a rider in.
    pub async fn log_in(&self, rider: RiderId, new: NewLogin) -> Result<(), Error> {
        const SEEN: &str = "
            update riders set last_login_at = $2, updated_at = $2 where id = $1";

        self.transact("store.log_in", move |session| {
            Box::pin(async move {
                sqlx::query(SEEN).bind(rider).bind(new.at).execute(&mut *session).await?;
                sqlx::query(INSERT)
                    .bind(new.id)
                    .bind(rider)
                    .bind(&new.salt[..])
                    .bind(new.at)
                    .bind(new.expires_at)
                    .execute(session)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// Makes an account and lets its rider in. What somebody else has already is a conflict.
    pub async fn register(&self, rider: NewRider, new: NewLogin) -> Result<Account, Error> {
        self.transact("store.register", move |session| {
            Box::pin(async move {
                let account = riders::insert(session, &rider).await?;
                sqlx::query(INSERT)
                    .bind(new.id)
                    .bind(account.rider.id)
                    .bind(&new.salt[..])
                    .bind(new.at)
                    .bind(new.expires_at)
                    .execute(session)
                    .await?;
                Ok(account)
            })
        })
        .await
    }

    /// Spends token `number`; false when it was spent before, or the login has ended.
    pub async fn renew_login(
        &self,
        id: Uuid,
        number: i32,
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<bool, Error> {
        const SQL: &str = "
            update sessions
            set token_number = token_number + 1, renewed_at = $3, expires_at = $4
            where id = $1 and token_number = $2 and ended_at is null";

        let written = self
            .write_one("store.renew_login", move || {
                sqlx::query(SQL).bind(id).bind(number).bind(at).bind(expires_at)
            })
            .await?;
        Ok(written == 1)
    }

    /// False when it has ended before.
    pub async fn end_login(&self, id: Uuid, by: EndedBy, at: DateTime<Utc>) -> Result<bool, Error> {
        const SQL: &str = "
            update sessions
            set ended_at = $3, ended_by = $2
            where id = $1 and ended_at is null";

        let written = self
            .write_one("store.end_login", move || {
                sqlx::query(SQL).bind(id).bind(by.as_str()).bind(at)
            })
            .await?;
        Ok(written == 1)
    }

    /// Forgets logins that nobody can use since `before`, up to the bound; answers how many.
    pub async fn purge_logins(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        const SQL: &str = "
            delete from sessions
            where id in (
                select id from sessions where expires_at < $1 or ended_at < $1 limit $2
            )";

        let purge = move || sqlx::query(SQL).bind(before).bind(PURGE_MAX);
        self.write_one("store.purge_logins", purge).await
    }
}
