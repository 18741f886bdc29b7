//! Who carries a login code to a rider. A code goes straight to its carrier: it is stored
//! nowhere, and logged by nobody but the console.

use std::sync::Arc;

use async_trait::async_trait;
use domain::rider::Identifier;
use serde::Serialize;

use crate::telemetry;

pub mod smtp;
pub mod sparrow;

#[cfg(test)]
mod tests;

/// Most of what a carrier says that is kept.
const SAID_MAX: usize = 120;

/// A login code in clear; shown as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginCode(String);

impl LoginCode {
    pub fn new(code: String) -> LoginCode {
        LoginCode(code)
    }

    /// The code itself. Never to be logged.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What a rider reads: in letters that every phone has, and short enough for one message.
    fn text(&self) -> String {
        format!("{} is your ChargeGhar code. Tell it to nobody, we never ask for it.", self.0)
    }
}

impl std::fmt::Debug for LoginCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Why a code did not go out, by what may be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// This kind of address is not served: the rider has to use another one.
    #[error("nobody carries messages to such an address")]
    NotServed,
    /// The carrier knows no such address, and will not: the rider has to use another one.
    #[error("the carrier does not take this address: {0}")]
    Declined(String),
    /// The carrier will not work for us before somebody has looked: an account, a token, credit.
    #[error("the carrier refuses us: {0}")]
    Refused(String),
    /// It did not go out: try again later.
    #[error("the carrier cannot be reached: {0}")]
    Down(String),
    /// It may have gone out: only the same code may be sent again.
    #[error("the carrier's answer did not come: {0}")]
    Unsure(String),
}

impl Error {
    /// The word for it in figures.
    pub fn outcome(&self) -> &'static str {
        match self {
            Error::NotServed => "not_served",
            Error::Declined(_) => "declined",
            Error::Refused(_) => "refused",
            Error::Down(_) => "down",
            Error::Unsure(_) => "unsure",
        }
    }
}

#[async_trait]
pub trait Messenger: Send + Sync + 'static {
    /// Its name in figures and log lines.
    fn name(&self) -> &'static str;

    /// Answers when the carrier has taken it, not when the rider has it.
    async fn send_code(&self, to: &Identifier, code: &LoginCode) -> Result<(), Error>;
}

/// Prints codes, for those who develop. Production does not start with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Console;

#[derive(Serialize)]
struct Sent<'a> {
    identifier: &'a str,
    code: &'a str,
}

#[async_trait]
impl Messenger for Console {
    fn name(&self) -> &'static str {
        "console"
    }

    async fn send_code(&self, to: &Identifier, code: &LoginCode) -> Result<(), Error> {
        telemetry::announce("otp.sent", Sent { identifier: to.as_str(), code: code.expose() });
        Ok(())
    }
}

/// Carries nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

#[async_trait]
impl Messenger for Nobody {
    fn name(&self) -> &'static str {
        "off"
    }

    async fn send_code(&self, _: &Identifier, _: &LoginCode) -> Result<(), Error> {
        Err(Error::NotServed)
    }
}

/// One carrier for phones and one for e-mail.
#[derive(Clone)]
pub struct Messengers {
    pub sms: Arc<dyn Messenger>,
    pub email: Arc<dyn Messenger>,
}

impl Messengers {
    /// Both print.
    pub fn console() -> Messengers {
        Messengers { sms: Arc::new(Console), email: Arc::new(Console) }
    }

    pub fn of(&self, to: &Identifier) -> &dyn Messenger {
        match to {
            Identifier::Phone(_) => &*self.sms,
            Identifier::Email(_) => &*self.email,
        }
    }
}

/// What a carrier says, for a log: short, on one line, without the secrets that it may repeat.
fn said(text: &str, secrets: &[&str]) -> String {
    let short: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let hide = |text: String, secret: &&str| {
        if secret.is_empty() { text } else { text.replace(*secret, "***") }
    };
    secrets.iter().fold(short, hide).chars().take(SAID_MAX).collect()
}
