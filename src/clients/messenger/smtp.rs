//! E-mail by SMTP: one connection for each message, with TLS unless the server is on this
//! machine. The library bounds what a server may answer; we bound the time of it all.
//!
//! Its own log stays switched off at build time: it would have the messages in it.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::rider::Identifier;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{self, AsyncSmtpTransport};
use lettre::{AsyncTransport, Tokio1Executor};
use uuid::Uuid;

use super::{Error, LoginCode, Messenger, said};
use crate::clock::Clock;
use crate::config::{self, SmtpTls};
use crate::entropy::Entropy;

#[cfg(test)]
mod tests;

const SUBJECT: &str = "Your ChargeGhar code";

pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    patience: Duration,
    clock: Clock,
    entropy: Entropy,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("e-mail cannot be sent so: {0}")]
pub struct NotMade(String);

impl Smtp {
    pub fn new(settings: &config::Email, clock: Clock, entropy: Entropy) -> Result<Smtp, NotMade> {
        let from = settings.from.parse::<Mailbox>();
        let from = from.map_err(|error| NotMade(format!("email.from: {error}")))?;
        let patience = settings.request_timeout_s.duration();
        let host = settings.smtp_host.as_str();
        let tls = || {
            TlsParameters::new_rustls(host.to_owned())
                .map_err(|error| NotMade(format!("email.smtp_host: {error}")))
        };
        let tls = match settings.smtp_tls {
            SmtpTls::Starttls => Tls::Required(tls()?),
            SmtpTls::Implicit => Tls::Wrapper(tls()?),
            SmtpTls::Off => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(settings.smtp_port)
            .tls(tls)
            .timeout(Some(patience))
            .hello_name(ClientId::Domain(from.email.domain().to_owned()));
        if !settings.smtp_username.is_empty() {
            let password = settings.smtp_password.expose().to_owned();
            builder =
                builder.credentials(Credentials::new(settings.smtp_username.clone(), password));
        }
        Ok(Smtp { transport: builder.build(), from, patience, clock, entropy })
    }

    /// Connects, logs in, says good-bye. Sends nothing.
    pub async fn greet(&self) -> Result<(), Error> {
        let greeted = self.within(self.transport.test_connection(), &[]).await?;
        if greeted { Ok(()) } else { Err(Error::Down("it hung up".to_owned())) }
    }

    async fn within<T>(
        &self,
        exchange: impl Future<Output = Result<T, smtp::Error>>,
        secrets: &[&str],
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.patience, exchange).await {
            Ok(answer) => answer.map_err(|error| judged(&error, secrets)),
            Err(_) => Err(Error::Down(format!("no answer within {} s", self.patience.as_secs()))),
        }
    }
}

#[async_trait]
impl Messenger for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    async fn send_code(&self, to: &Identifier, code: &LoginCode) -> Result<(), Error> {
        let to = to.email().ok_or(Error::NotServed)?;
        let message = message(&self.from, to, code, self.clock.now(), self.entropy.uuid())?;
        self.within(self.transport.send(message), &[code.expose(), to]).await.map(drop)
    }
}

fn message(
    from: &Mailbox,
    to: &str,
    code: &LoginCode,
    at: DateTime<Utc>,
    id: Uuid,
) -> Result<Message, Error> {
    let to = to.parse().map_err(|_| Error::Declined("it is no address".to_owned()))?;
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(SUBJECT)
        .date(at.into())
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        .header(ContentType::TEXT_PLAIN)
        .body(format!("{}\r\n", code.text()))
        .map_err(|error| Error::Refused(error.to_string()))
}

/// By what may be done. A mail whose last answer is missing may come: the newest code counts.
fn judged(error: &smtp::Error, secrets: &[&str]) -> Error {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    let reason = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let text = said(&reason, secrets);
    let Some(code) = error.status().map(|code| code.to_string()) else {
        let ours = error.is_tls() || error.is_client();
        return if ours { Error::Refused(text) } else { Error::Down(text) };
    };
    let text = format!("{code} {text}");
    match error.is_permanent() {
        false => Error::Down(text),
        true if is_about_the_address(&code, &reason) => Error::Declined(text),
        true => Error::Refused(text),
    }
}

/// A mailbox that is not there is the rider's; a relay, a policy or a login is ours. The
/// enhanced code says which, where a server gives one.
fn is_about_the_address(code: &str, reason: &str) -> bool {
    let enhanced = reason.split_whitespace().next().filter(|word| word.starts_with("5."));
    match enhanced {
        Some("5.1.7" | "5.1.8") => false,
        Some(word) => word.starts_with("5.1.") || word.starts_with("5.2."),
        None => matches!(code, "550" | "551" | "553"),
    }
}
