//! `[push]`: who sends push messages to phones.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::section::{Problems, section};
use super::values::{Seconds, Secret};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushProvider {
    /// Logged only.
    Console,
    /// Firebase Cloud Messaging, HTTP v1; refused so far.
    Fcm,
    /// No push messages.
    Off,
}

section! {
    /// Push messages.
    Push {
        /// "console" (logged only) or "off". "fcm" is refused: this version keeps no phones that
        /// it could write to.
        provider: PushProvider = PushProvider::Console,
        /// Base address of FCM.
        fcm_url: String = "https://fcm.googleapis.com".into(),
        /// The service account of the Firebase project, as JSON.
        fcm_account: Secret = Secret::default(),
        /// File that holds the service account.
        fcm_account_file: PathBuf = PathBuf::new(),
        /// Longest request to the provider, in seconds.
        request_timeout_s: Seconds = Seconds(10),
    }
}

impl Push {
    /// Riders' phones are not registered yet, so a message would reach nobody.
    pub(super) fn check(&self, mut problems: Problems<'_>) {
        problems.unless(
            self.provider != PushProvider::Fcm,
            "provider",
            "\"fcm\" cannot be used in this version: choose \"console\" or \"off\"",
        );
    }
}
