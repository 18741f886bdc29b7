//! Who carries a login code to a rider. A code goes straight to its carrier: it is stored
//! nowhere, and logged by nobody but the console.

use std::sync::Arc;

use async_trait::async_trait;
use domain::rider::Identifier;
use serde::Serialize;

use crate::telemetry;

#[cfg(test)]
mod tests;

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
}

impl std::fmt::Debug for LoginCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Why a code did not go out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// This kind of address is not served: the rider has to use another one.
    #[error("nobody carries messages to such an address")]
    Declined,
    /// The carrier can not be reached: try again later.
    #[error("the carrier can not be reached: {0}")]
    Down(String),
}

#[async_trait]
pub trait Messenger: Send + Sync + 'static {
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
    async fn send_code(&self, _: &Identifier, _: &LoginCode) -> Result<(), Error> {
        Err(Error::Declined)
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
