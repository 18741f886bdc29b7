//! Riders come in: codes are sent and checked, accounts made, logins renewed and ended.
//!
//! Codes and what follows a right one live in short-lived data, hashed; a login is a row. A
//! code is bounded in tries, in repetitions, and per rider and address. It never signs access
//! tokens: that is done where they are checked.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::RiderId;
use domain::rider::{Identifier, Rider, Username};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::clients::messenger::{self, LoginCode, Messengers};
use crate::clock::Clock;
use crate::config;
use crate::entropy::Entropy;
use crate::ephemera::{Ephemera, Limit};
use crate::store::fact::Conflict;
use crate::store::riders::{Account, NewRider};
use crate::store::sessions::{EndedBy, NewLogin};
use crate::store::{self, Store};

mod codes;
mod refresh;

#[cfg(test)]
mod tests;

pub use codes::{CheckError, CodeError, CodeSent, Purpose, Ticket};
pub use refresh::RefreshToken;
use refresh::{RefreshKey, TokenName};

/// For so long the app may ask again with the token that it spent last, as long as it has not
/// used the next one: the answer got lost, and a phone may be out of the network for days.
const LOST_REPLY: TimeDelta = TimeDelta::days(7);

/// What the handle is made of.
pub struct Parts {
    pub store: Store,
    pub ephemera: Arc<dyn Ephemera>,
    pub messengers: Messengers,
    pub clock: Clock,
    pub entropy: Entropy,
    pub auth: config::Auth,
    pub limits: config::Limits,
    /// The server's secret, from which the keys of codes and tokens are derived.
    pub server_key: [u8; 32],
}

/// The door to accounts and logins. Clones share it.
#[derive(Clone)]
pub struct Logins {
    inner: Arc<Inner>,
}

struct Inner {
    parts: Parts,
    refresh: RefreshKey,
    pepper: Hmac<Sha256>,
}

/// A rider who is in.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    pub rider: Rider,
    pub login: Uuid,
    pub refresh: RefreshToken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompleteError {
    #[error("the verification token is unknown or too old")]
    TicketExpired,
    #[error("the verification token belongs to another identifier")]
    OtherIdentifier,
    #[error("a username is needed to register")]
    UsernameRequired,
    #[error("this username is taken")]
    UsernameTaken,
    #[error("there is such an account already")]
    Exists,
    #[error("there is no such account")]
    Unknown,
    #[error("the account may not be used")]
    Deactivated,
    #[error("accounts cannot be reached")]
    Unavailable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    #[error("the refresh token is not valid")]
    Invalid,
    /// A spent token came again: the login has been ended.
    #[error("the refresh token was used before")]
    Reused { login: Uuid },
    #[error("the account may not be used")]
    Deactivated,
    #[error("accounts cannot be reached")]
    Unavailable,
}

/// What became of a refresh token at a logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    Ended,
    Missing,
    OtherRider,
    AlreadyInvalid,
}

impl Logins {
    pub fn new(parts: Parts) -> Logins {
        let key = Hmac::new_from_slice(&parts.server_key).expect("a key of any length is accepted");
        let derived = |name: &[u8]| {
            let mut key: Hmac<Sha256> = Clone::clone(&key);
            key.update(name);
            let derived = key.finalize().into_bytes();
            Hmac::new_from_slice(&derived).expect("a key of any length is accepted")
        };
        let (refresh, pepper) = (RefreshKey(derived(b"refresh tokens")), derived(b"login codes"));
        Logins { inner: Arc::new(Inner { parts, refresh, pepper }) }
    }

    /// Turns a right code into an account that is logged in; says whether the account is new.
    pub async fn complete(
        &self,
        identifier: &Identifier,
        ticket: Uuid,
        username: Option<Username>,
    ) -> Result<(LoggedIn, bool), CompleteError> {
        let found = self.ticket(ticket).await?.ok_or(CompleteError::TicketExpired)?;
        if found.identifier != identifier.as_str() {
            return Err(CompleteError::OtherIdentifier);
        }
        let account = self.store().rider_of(identifier).await.map_err(unavailable)?;
        match (found.purpose, account) {
            (Purpose::Login, None) => Err(CompleteError::Unknown),
            (Purpose::Login, Some(account)) => Ok((self.let_in(account, ticket).await?, false)),
            (Purpose::Register, Some(_)) => Err(CompleteError::Exists),
            (Purpose::Register, None) => {
                let username = username.ok_or(CompleteError::UsernameRequired)?;
                Ok((self.register(identifier, username, ticket).await?, true))
            }
        }
    }

    async fn let_in(&self, account: Account, ticket: Uuid) -> Result<LoggedIn, CompleteError> {
        if !account.rider.is_active() {
            return Err(CompleteError::Deactivated);
        }
        self.spend(ticket).await?;
        let new = self.new_login();
        let refresh = self.refresh_token(new.id, &new.salt, 0);
        let login = new.id;
        self.store().log_in(account.rider.id, new).await.map_err(unavailable)?;
        Ok(LoggedIn { rider: account.rider, login, refresh })
    }

    async fn register(
        &self,
        identifier: &Identifier,
        username: Username,
        ticket: Uuid,
    ) -> Result<LoggedIn, CompleteError> {
        let taken = self.store().username_is_taken(&username).await.map_err(unavailable)?;
        if taken {
            return Err(CompleteError::UsernameTaken);
        }
        self.spend(ticket).await?;
        let new = self.new_login();
        let refresh = self.refresh_token(new.id, &new.salt, 0);
        let login = new.id;
        let rider = NewRider {
            identifier: identifier.clone(),
            username,
            referral_code: self.referral_code(),
            at: new.at,
        };
        match self.store().register(rider, new).await {
            Ok(account) => Ok(LoggedIn { rider: account.rider, login, refresh }),
            // two registrations at once: this one came second
            Err(store::Error::Conflict(Conflict::Duplicate)) => Err(CompleteError::Exists),
            Err(error) => Err(unavailable(error)),
        }
    }

    fn new_login(&self) -> NewLogin {
        let at = self.now();
        let id = self.inner.parts.entropy.uuid();
        NewLogin { id, salt: self.inner.parts.entropy.bytes(), at, expires_at: self.expiry(at) }
    }

    fn referral_code(&self) -> String {
        let code = self.inner.parts.entropy.rental_code();
        format!("REF{}", &code[..6])
    }

    /// Spends a refresh token: the next one, and who it speaks for. The token that was spent last
    /// gets the same answer again until the next one is used; any older one ends the login. Of two
    /// who have a copy the one who falls two behind is found out, and access tokens live so short
    /// that this is soon.
    pub async fn refresh(&self, token: &str) -> Result<LoggedIn, RefreshError> {
        let name = TokenName::parse(token).ok_or(RefreshError::Invalid)?;
        let row = self.store().login(name.login).await.map_err(away)?;
        let row = row.ok_or(RefreshError::Invalid)?;
        if !self.inner.refresh.is_ours(token, &row.salt, name) {
            return Err(RefreshError::Invalid);
        }
        let now = self.now();
        if row.ended_at.is_some() || row.expires_at <= now {
            return Err(RefreshError::Invalid);
        }
        let account = self.store().rider(row.rider_id).await.map_err(away)?;
        if !account.rider.is_active() {
            return Err(RefreshError::Deactivated);
        }
        if !self.renew(row.id, name, now).await? {
            // spent before, or by another request at this moment: only the row knows
            let row = self.store().login(name.login).await.map_err(away)?;
            let row = row.ok_or(RefreshError::Invalid)?;
            let lost = now - row.renewed_at <= LOST_REPLY;
            if row.ended_at.is_some() {
                return Err(RefreshError::Invalid);
            }
            if !(lost && row.token_number == name.number + 1) {
                return Err(self.stolen(row.id, row.rider_id, now).await);
            }
        }
        let refresh = self.refresh_token(row.id, &row.salt, name.number + 1);
        Ok(LoggedIn { rider: account.rider, login: row.id, refresh })
    }

    async fn renew(
        &self,
        id: Uuid,
        name: TokenName,
        now: DateTime<Utc>,
    ) -> Result<bool, RefreshError> {
        let expiry = self.expiry(now);
        self.store().renew_login(id, name.number, now, expiry).await.map_err(away)
    }

    async fn stolen(&self, login: Uuid, rider: RiderId, now: DateTime<Utc>) -> RefreshError {
        tracing::warn!(rider.id = %rider, login.id = %login, "a spent refresh token came again");
        match self.store().end_login(login, EndedBy::Reuse, now).await {
            Ok(_) => RefreshError::Reused { login },
            Err(error) => away(error),
        }
    }

    /// Ends a login, and the one of a refresh token that is given along.
    pub async fn log_out(
        &self,
        rider: RiderId,
        login: Uuid,
        refresh: Option<&str>,
    ) -> Result<(Spent, Vec<Uuid>), store::Error> {
        let (now, by) = (self.now(), EndedBy::Logout);
        self.store().end_login(login, by, now).await?;
        let mut ended = vec![login];
        let Some(token) = refresh else { return Ok((Spent::Missing, ended)) };
        let Some(name) = TokenName::parse(token) else { return Ok((Spent::AlreadyInvalid, ended)) };
        let row = self.store().login(name.login).await?;
        let row = row.filter(|row| self.inner.refresh.is_ours(token, &row.salt, name));
        match row {
            None => Ok((Spent::AlreadyInvalid, ended)),
            Some(row) if row.rider_id != rider => Ok((Spent::OtherRider, ended)),
            Some(row) => {
                let first = row.id == login || self.store().end_login(row.id, by, now).await?;
                ended.push(row.id);
                Ok((if first { Spent::Ended } else { Spent::AlreadyInvalid }, ended))
            }
        }
    }

    /// Logins whose access tokens may still live although they have ended.
    pub async fn ended(&self) -> Result<Vec<Uuid>, store::Error> {
        self.store().logins_ended(self.now() - self.inner.parts.auth.access_token_s.delta()).await
    }

    fn refresh_token(&self, login: Uuid, salt: &[u8], number: i32) -> RefreshToken {
        self.inner.refresh.token(salt, TokenName { login, number })
    }

    fn expiry(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        at + self.inner.parts.auth.refresh_token_days.delta()
    }

    fn now(&self) -> DateTime<Utc> {
        self.inner.parts.clock.now()
    }

    fn store(&self) -> &Store {
        &self.inner.parts.store
    }
}

fn unavailable(error: store::Error) -> CompleteError {
    tracing::warn!(%error, "a login could not be completed");
    CompleteError::Unavailable
}

fn away(error: store::Error) -> RefreshError {
    tracing::warn!(%error, "a login could not be renewed");
    RefreshError::Unavailable
}
