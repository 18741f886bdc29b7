//! `[sms]`: who sends text messages.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Environment;
use super::section::{Problems, section};
use super::values::{Seconds, Secret};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsProvider {
    /// Codes are printed; development only.
    Console,
    /// Sparrow SMS.
    Sparrow,
    /// No text messages.
    Off,
}

section! {
    /// Text messages.
    Sms {
        /// "console" (printed; production refuses it), "sparrow" or "off".
        provider: SmsProvider = SmsProvider::Console,
        /// Longest request to the provider, in seconds.
        request_timeout_s: Seconds = Seconds(10),
        /// Base address of Sparrow SMS, with a slash at the end.
        sparrow_url: String = "https://api.sparrowsms.com/v2/".into(),
        /// The sender's name that Sparrow has approved.
        sparrow_from: String = String::new(),
        /// The token of Sparrow SMS.
        sparrow_token: Secret = Secret::default(),
        /// File that holds the token of Sparrow SMS.
        sparrow_token_file: PathBuf = PathBuf::new(),
    }
}

impl Sms {
    /// `longest` is the longest time for a request of the app.
    pub(super) fn check(
        &self,
        mut problems: Problems<'_>,
        environment: Environment,
        longest: Seconds,
    ) {
        let hidden = !environment.is_production() || self.provider != SmsProvider::Console;
        problems.unless(
            hidden,
            "provider",
            "production refuses to print login codes: choose \"sparrow\" or \"off\"",
        );
        let sparrow = self.provider == SmsProvider::Sparrow;
        problems.unless(
            !sparrow || self.sparrow_token.is_set(),
            "sparrow_token",
            "set CHARGEGHAR__SMS__SPARROW_TOKEN or sms.sparrow_token_file",
        );
        problems.unless(
            !sparrow || !self.sparrow_from.is_empty(),
            "sparrow_from",
            "must be the approved sender's name",
        );
        let url = &self.sparrow_url;
        let local = url.starts_with("http://127.0.0.1") || url.starts_with("http://localhost");
        problems.unless(
            url.starts_with("https://") || (local && !environment.is_production()),
            "sparrow_url",
            "must begin with https://: the token travels in each request",
        );
        // an answer that did not come is asked for once more
        let bounded = self.request_timeout_s.0 > 0 && 2 * self.request_timeout_s.0 < longest.0;
        problems.unless(
            !sparrow || bounded,
            "request_timeout_s",
            "must be at least 1 and less than half of http.request_timeout_s",
        );
    }
}
