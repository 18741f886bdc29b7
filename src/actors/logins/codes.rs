//! Login codes: asked for, sent, tried. Only a keyed hash of a code is kept, with the number of
//! its tries beside it; a right one is exchanged, once, for a ticket.

use domain::rider::Identifier;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{
    CompleteError, Duration, IpAddr, Limit, LoginCode, Logins, Mac, Uuid, messenger, store,
};
use crate::ephemera::{self, Verdict};
use crate::metrics;

const HOUR: Duration = Duration::from_hours(1);
/// Wrong codes of one rider in an hour, over all codes: a new code does not start afresh.
const WRONG_PER_HOUR: u64 = 15;

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Purpose {
    Login,
    Register,
}

/// A code is on its way.
#[derive(Clone, Copy, Debug)]
pub struct CodeSent {
    pub purpose: Purpose,
    pub expires_in: Duration,
    /// How many more may be asked for.
    pub left: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    #[error("codes are asked for too often")]
    TooOften { retry_after: Duration },
    #[error("the account may not be used")]
    Deactivated,
    #[error("nobody carries messages to such an address")]
    NotServed,
    #[error("codes cannot be sent at this moment")]
    Unavailable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    #[error("the code is too old, was used, or was tried too often")]
    Expired,
    #[error("the code is wrong")]
    Wrong,
    #[error("too many wrong codes")]
    TooOften { retry_after: Duration },
    #[error("codes cannot be checked at this moment")]
    Unavailable,
}

/// What a right code was exchanged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub id: Uuid,
    pub purpose: Purpose,
    pub expires_in: Duration,
}

/// A code as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    id: Uuid,
    hash: String,
    purpose: Purpose,
}

/// A ticket as it is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct KeptTicket {
    pub identifier: String,
    pub purpose: Purpose,
}

impl Logins {
    /// Sends a code, and says what it will be good for.
    pub async fn request_code(
        &self,
        identifier: &Identifier,
        address: IpAddr,
    ) -> Result<CodeSent, CodeError> {
        let left = self.may_ask(identifier, address).await?;
        let account = self.store().rider_of(identifier).await?;
        let purpose = match account {
            Some(account) if !account.rider.is_active() => return Err(CodeError::Deactivated),
            Some(_) => Purpose::Login,
            None => Purpose::Register,
        };
        let code = self.keep_code(identifier, purpose).await?;
        match self.hand_over(identifier, &code).await {
            Ok(()) => {
                let expires_in = self.inner.parts.auth.otp_ttl_s.duration();
                Ok(CodeSent { purpose, expires_in, left })
            }
            Err(error) => {
                // it did not go out: the next one need not wait
                self.ephemera().take(&pause_key(identifier)).await?;
                Err(error.into())
            }
        }
    }

    /// Gives a code to its carrier. What may have got lost is sent once more, as the same code.
    async fn hand_over(
        &self,
        identifier: &Identifier,
        code: &LoginCode,
    ) -> Result<(), messenger::Error> {
        let carrier = self.inner.parts.messengers.of(identifier);
        let mut sent = counted(carrier.name(), carrier.send_code(identifier, code).await);
        if let Err(messenger::Error::Unsure(_)) = sent {
            sent = counted(carrier.name(), carrier.send_code(identifier, code).await);
        }
        sent
    }

    async fn may_ask(
        &self,
        identifier: &Identifier,
        address: IpAddr,
    ) -> Result<Verdict, CodeError> {
        let (auth, limits) = (&self.inner.parts.auth, &self.inner.parts.limits);
        let by_address = format!("otp:from:{address}");
        let limit = Limit { count: limits.otp_per_address_hour, per: HOUR };
        allowed(self.ephemera().limit(&by_address, limit).await?)?;
        let limit = Limit { count: limits.otp_per_hour, per: HOUR };
        let left = self.ephemera().limit(&format!("otp:to:{identifier}"), limit).await?;
        allowed(left)?;
        let pause = auth.otp_resend_s.duration();
        if self.ephemera().set_if_absent(&pause_key(identifier), "1", pause).await? {
            return Ok(left);
        }
        metrics::LIMITED.inc(["otp_resend"]);
        Err(CodeError::TooOften { retry_after: pause })
    }

    async fn keep_code(
        &self,
        identifier: &Identifier,
        purpose: Purpose,
    ) -> Result<LoginCode, CodeError> {
        let (auth, entropy) = (&self.inner.parts.auth, &self.inner.parts.entropy);
        let code = entropy.digits(usize::from(auth.otp_digits));
        let id = entropy.uuid();
        let kept = Kept { id, hash: self.hash(identifier, id, &code), purpose };
        let text = serde_json::to_string(&kept).map_err(|_| CodeError::Unavailable)?;
        self.ephemera().set(&code_key(identifier), &text, auth.otp_ttl_s.duration()).await?;
        Ok(LoginCode::new(code))
    }

    /// Tries a code. Every try counts before it is looked at, so that many at once are bounded
    /// as many in a row are.
    pub async fn check_code(
        &self,
        identifier: &Identifier,
        code: &str,
    ) -> Result<Ticket, CheckError> {
        let key = code_key(identifier);
        let text = self.ephemera().get(&key).await?.ok_or(CheckError::Expired)?;
        let kept: Kept = serde_json::from_str(&text).map_err(|_| CheckError::Expired)?;
        let auth = &self.inner.parts.auth;
        let tries = format!("otp:tries:{}", kept.id);
        let tries = self.ephemera().count(&tries, auth.otp_ttl_s.duration()).await?;
        if tries.count > u64::from(auth.otp_attempts) {
            return Err(CheckError::Expired);
        }
        let hash = self.hash(identifier, kept.id, code.trim());
        if !bool::from(hash.as_bytes().ct_eq(kept.hash.as_bytes())) {
            return Err(self.wrong(identifier).await);
        }
        // of many at once, one gets it
        let taken = self.ephemera().take(&key).await?;
        if taken.as_deref() != Some(&*text) {
            return Err(CheckError::Expired);
        }
        self.issue(identifier, kept.purpose).await
    }

    async fn wrong(&self, identifier: &Identifier) -> CheckError {
        match self.ephemera().count(&format!("otp:wrong:{identifier}"), HOUR).await {
            Ok(wrong) if wrong.count > WRONG_PER_HOUR => {
                metrics::LIMITED.inc(["otp_wrong"]);
                CheckError::TooOften { retry_after: wrong.resets_in }
            }
            Ok(_) => CheckError::Wrong,
            Err(error) => error.into(),
        }
    }

    async fn issue(&self, identifier: &Identifier, purpose: Purpose) -> Result<Ticket, CheckError> {
        let id = self.inner.parts.entropy.uuid();
        let expires_in = self.inner.parts.auth.registration_ttl_s.duration();
        let kept = KeptTicket { identifier: identifier.as_str().to_owned(), purpose };
        let text = serde_json::to_string(&kept).map_err(|_| CheckError::Unavailable)?;
        self.ephemera().set(&ticket_key(id), &text, expires_in).await?;
        Ok(Ticket { id, purpose, expires_in })
    }

    pub(super) async fn ticket(&self, id: Uuid) -> Result<Option<KeptTicket>, CompleteError> {
        let text = self.ephemera().get(&ticket_key(id)).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Of many at once, one spends it.
    pub(super) async fn spend(&self, id: Uuid) -> Result<(), CompleteError> {
        let taken = self.ephemera().take(&ticket_key(id)).await?;
        taken.map(drop).ok_or(CompleteError::TicketExpired)
    }

    fn hash(&self, identifier: &Identifier, id: Uuid, code: &str) -> String {
        let mut keyed = self.inner.pepper.clone();
        keyed.update(id.as_bytes());
        keyed.update(identifier.as_str().as_bytes());
        keyed.update(b"|");
        keyed.update(code.as_bytes());
        hex::encode(keyed.finalize().into_bytes())
    }

    fn ephemera(&self) -> &dyn ephemera::Ephemera {
        &*self.inner.parts.ephemera
    }
}

fn counted(
    carrier: &'static str,
    sent: Result<(), messenger::Error>,
) -> Result<(), messenger::Error> {
    let outcome = sent.as_ref().map_or_else(messenger::Error::outcome, |()| "taken");
    metrics::CODES.inc([carrier, outcome]);
    match &sent {
        Ok(()) => {}
        Err(error @ messenger::Error::Refused(_)) => {
            tracing::error!(carrier, %error, "a login code was not sent; see chargeghar doctor");
        }
        Err(error) => tracing::warn!(carrier, %error, "a login code was not sent"),
    }
    sent
}

fn allowed(verdict: Verdict) -> Result<(), CodeError> {
    if verdict.is_allowed {
        return Ok(());
    }
    metrics::LIMITED.inc(["otp"]);
    Err(CodeError::TooOften { retry_after: verdict.retry_after })
}

fn code_key(identifier: &Identifier) -> String {
    format!("otp:code:{identifier}")
}

fn pause_key(identifier: &Identifier) -> String {
    format!("otp:pause:{identifier}")
}

fn ticket_key(id: Uuid) -> String {
    format!("otp:ticket:{id}")
}

impl From<messenger::Error> for CodeError {
    fn from(error: messenger::Error) -> CodeError {
        match error {
            messenger::Error::NotServed | messenger::Error::Declined(_) => CodeError::NotServed,
            messenger::Error::Refused(_)
            | messenger::Error::Down(_)
            | messenger::Error::Unsure(_) => CodeError::Unavailable,
        }
    }
}

impl From<store::Error> for CodeError {
    fn from(error: store::Error) -> CodeError {
        tracing::warn!(%error, "an account was not read");
        CodeError::Unavailable
    }
}

macro_rules! away {
    ($($error:ident)*) => {$(
        impl From<ephemera::Error> for $error {
            fn from(error: ephemera::Error) -> $error {
                tracing::warn!(%error, "login codes cannot be reached");
                $error::Unavailable
            }
        }
    )*};
}

away!(CodeError CheckError CompleteError);
