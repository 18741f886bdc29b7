//! `[auth]`: login codes and tokens.

use std::path::PathBuf;

use super::section::{Problems, section};
use super::values::{Days, Seconds, Secret};

section! {
    /// Login. The keys are made at the first start and kept in the data folder.
    Auth {
        /// Lifetime of an access token, in seconds.
        access_token_s: Seconds = Seconds(900),
        /// Lifetime of a refresh token, in days; each use replaces it.
        refresh_token_days: Days = Days(90),
        /// How long a login is kept after its end, in days.
        ended_login_days: Days = Days(7),
        /// Digits of a login code.
        otp_digits: u8 = 6,
        /// Lifetime of a login code, in seconds.
        otp_ttl_s: Seconds = Seconds(300),
        /// Wrong attempts after which a code is void.
        otp_attempts: u8 = 5,
        /// Pause before another code is sent to the same rider, in seconds.
        otp_resend_s: Seconds = Seconds(60),
        /// How long a rider may take to complete a registration, in seconds.
        registration_ttl_s: Seconds = Seconds(600),
        /// Name of the issuer in tokens.
        issuer: String = "chargeghar".into(),
        /// Ed25519 key that signs tokens, PKCS#8 PEM, in place of the one in the data folder.
        signing_key: Secret = Secret::default(),
        /// File that holds that key.
        signing_key_file: PathBuf = PathBuf::new(),
        /// Key from which cabinets' passwords are derived, 64 hex digits, in place of the one
        /// in the data folder. Another key locks every cabinet out until it connects again.
        server_key: Secret = Secret::default(),
        /// File that holds that key.
        server_key_file: PathBuf = PathBuf::new(),
    }
}

impl Auth {
    pub(super) fn check(&self, mut problems: Problems<'_>) {
        problems.unless(self.access_token_s.0 >= 60, "access_token_s", "must be at least 60");
        problems.unless(self.refresh_token_days.0 > 0, "refresh_token_days", "must be at least 1");
        problems.unless(self.ended_login_days.0 > 0, "ended_login_days", "must be at least 1");
        problems.unless(
            (4..=10).contains(&self.otp_digits),
            "otp_digits",
            "must be between 4 and 10",
        );
        problems.unless(self.otp_ttl_s.0 >= 30, "otp_ttl_s", "must be at least 30");
        problems.unless(self.otp_attempts > 0, "otp_attempts", "must be at least 1");
        problems.unless(!self.issuer.is_empty(), "issuer", "must not be empty");
        let key = self.server_key.expose();
        let whole = key.is_empty() || hex::decode(key).is_ok_and(|bytes| bytes.len() == 32);
        problems.unless(
            whole,
            "server_key",
            "must be 64 hex digits; make one with: openssl rand -hex 32",
        );
        let varied = key.is_empty() || key.bytes().any(|byte| byte != key.as_bytes()[0]);
        problems.unless(varied, "server_key", "is not random; make one with: openssl rand -hex 32");
    }
}
