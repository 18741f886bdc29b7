//! `[email]`: who sends e-mail.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Environment;
use super::section::{Problems, section};
use super::values::{Seconds, Secret};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailProvider {
    /// Codes are printed; development only.
    Console,
    /// Any server that speaks SMTP.
    Smtp,
    /// No e-mail.
    Off,
}

/// How the SMTP server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// In clear until both have agreed on TLS; never further without.
    Starttls,
    /// TLS from the first byte.
    Implicit,
    /// In clear, to a server on this machine.
    Off,
}

section! {
    /// E-mail.
    Email {
        /// "console" (printed; production refuses it), "smtp" or "off".
        provider: EmailProvider = EmailProvider::Console,
        /// Sender, for example ChargeGhar <no-reply@example.com>.
        from: String = String::new(),
        /// Host name of the SMTP server.
        smtp_host: String = String::new(),
        /// Port of the SMTP server: 587 as a rule, 465 where TLS is there from the start.
        smtp_port: u16 = 587,
        /// "starttls", "implicit" (TLS from the start) or "off", for a server on this machine.
        smtp_tls: SmtpTls = SmtpTls::Starttls,
        /// User name at the SMTP server. Empty: it asks for none.
        smtp_username: String = String::new(),
        /// Password at the SMTP server.
        smtp_password: Secret = Secret::default(),
        /// File that holds the password at the SMTP server.
        smtp_password_file: PathBuf = PathBuf::new(),
        /// Longest exchange with the server, in seconds.
        request_timeout_s: Seconds = Seconds(20),
    }
}

impl Email {
    /// `longest` is the longest time for a request of the app.
    pub(super) fn check(
        &self,
        mut problems: Problems<'_>,
        environment: Environment,
        longest: Seconds,
    ) {
        let hidden = !environment.is_production() || self.provider != EmailProvider::Console;
        problems.unless(
            hidden,
            "provider",
            "production refuses to print login codes: choose \"smtp\" or \"off\"",
        );
        let smtp = self.provider == EmailProvider::Smtp;
        problems.unless(
            !smtp || !self.smtp_host.is_empty(),
            "smtp_host",
            "must be the name of the SMTP server",
        );
        problems.unless(!smtp || self.from.contains('@'), "from", "must be the sender's address");
        let local = ["localhost", "127.0.0.1", "::1"].contains(&self.smtp_host.as_str());
        problems.unless(
            !smtp || local || self.smtp_tls != SmtpTls::Off,
            "smtp_tls",
            "only a server on this machine is spoken to without TLS",
        );
        let implicit = self.smtp_tls == SmtpTls::Implicit;
        problems.unless(
            !smtp || implicit == (self.smtp_port == 465) || self.smtp_tls == SmtpTls::Off,
            "smtp_tls",
            "port 465 goes with \"implicit\", any other port with \"starttls\"",
        );
        problems.unless(
            !smtp || self.smtp_username.is_empty() != self.smtp_password.is_set(),
            "smtp_password",
            "set CHARGEGHAR__EMAIL__SMTP_PASSWORD or email.smtp_password_file, with smtp_username",
        );
        let bounded = self.request_timeout_s.0 > 0 && self.request_timeout_s.0 < longest.0;
        problems.unless(
            !smtp || bounded,
            "request_timeout_s",
            "must be at least 1 and less than http.request_timeout_s",
        );
    }
}
