//! `[email]`: who sends e-mail.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::section::{Problems, section};
use super::values::{Seconds, Secret};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailProvider {
    /// Codes are printed; development only.
    Console,
    /// Any server that speaks SMTP with STARTTLS.
    Smtp,
    /// No e-mail.
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
        /// Port of the SMTP server: 587 for STARTTLS, 465 for TLS from the start.
        smtp_port: u16 = 587,
        /// User name at the SMTP server.
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
    pub(super) fn check(&self, mut problems: Problems<'_>, production: bool) {
        let hidden = !production || self.provider != EmailProvider::Console;
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
    }
}
