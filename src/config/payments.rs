//! `[payments]`: intents, and the gateways that carry them out.

use std::path::PathBuf;

use super::section::{Problems, section};
use super::values::{Seconds, Secret};

/// The key and product code that eSewa publishes for tests.
const ESEWA_TEST_KEY: &str = "8gBm/:&EnhH.1/q";
const ESEWA_TEST_PRODUCT: &str = "EPAYTEST";

section! {
    /// Payments. A gateway is offered when its key is set.
    Payments {
        /// Offers a gateway whose payments are decided by a call instead of by money.
        /// Production refuses it.
        sandbox: bool = true,
        /// How long a rider may take to pay, in seconds.
        intent_ttl_s: Seconds = Seconds(1_800),
        /// Longest request to a gateway, in seconds; then its outcome is unknown, not failed.
        request_timeout_s: Seconds = Seconds(20),
        /// Smallest top-up, in whole NPR.
        topup_min_npr: u32 = 10,
        /// Largest top-up, in whole NPR.
        topup_max_npr: u32 = 50_000,
        khalti: Khalti = Khalti::default(),
        esewa: Esewa = Esewa::default(),
        stripe: Stripe = Stripe::default(),
    }
}

section! {
    /// Khalti ePayment.
    Khalti {
        /// Base address, with a slash at the end. Khalti's own sandbox:
        /// `https://dev.khalti.com/api/v2/`
        base_url: String = "https://khalti.com/api/v2/".into(),
        /// The merchant's secret key.
        secret_key: Secret = Secret::default(),
        /// File that holds the secret key.
        secret_key_file: PathBuf = PathBuf::new(),
    }
}

section! {
    /// eSewa ePay v2.
    Esewa {
        /// Base address of the payment form. eSewa's own sandbox:
        /// `https://rc-epay.esewa.com.np`
        form_url: String = "https://epay.esewa.com.np".into(),
        /// Base address of the status query. eSewa's own sandbox: `https://rc.esewa.com.np`
        status_url: String = "https://esewa.com.np".into(),
        /// The merchant's product code.
        product_code: String = String::new(),
        /// The merchant's secret key.
        secret_key: Secret = Secret::default(),
        /// File that holds the secret key.
        secret_key_file: PathBuf = PathBuf::new(),
    }
}

section! {
    /// Stripe, for foreign cards.
    Stripe {
        /// Base address.
        base_url: String = "https://api.stripe.com".into(),
        /// The secret API key.
        secret_key: Secret = Secret::default(),
        /// File that holds the secret API key.
        secret_key_file: PathBuf = PathBuf::new(),
        /// The secret that signs webhooks.
        webhook_secret: Secret = Secret::default(),
        /// File that holds the secret that signs webhooks.
        webhook_secret_file: PathBuf = PathBuf::new(),
    }
}

impl Payments {
    pub(super) fn check(&self, mut problems: Problems<'_>, production: bool) {
        let ordered = self.topup_min_npr > 0 && self.topup_min_npr <= self.topup_max_npr;
        problems.unless(ordered, "topup_min_npr", "must be between 1 and topup_max_npr");
        problems.unless(self.intent_ttl_s.0 >= 60, "intent_ttl_s", "must be at least 60");
        problems.unless(self.request_timeout_s.0 > 0, "request_timeout_s", "must be at least 1");
        let esewa = &self.esewa;
        let named = !esewa.secret_key.is_set() || !esewa.product_code.is_empty();
        problems.unless(named, "esewa.product_code", "must be set when the secret key is");
        if production {
            problems.unless(
                !self.sandbox,
                "sandbox",
                "production refuses the sandbox: write sandbox = false",
            );
            let own = esewa.secret_key.expose() != ESEWA_TEST_KEY
                && esewa.product_code != ESEWA_TEST_PRODUCT;
            problems.unless(
                own,
                "esewa.secret_key",
                "production refuses eSewa's published test key and product code: use your own",
            );
            let khalti = self.khalti.base_url.starts_with("https://khalti.com/");
            problems.unless(
                khalti || !self.khalti.secret_key.is_set(),
                "khalti.base_url",
                "production refuses Khalti's sandbox: use https://khalti.com/api/v2/",
            );
            let stripe = self.stripe.secret_key.expose().starts_with("sk_test_");
            problems.unless(
                !stripe,
                "stripe.secret_key",
                "production refuses a test key: use the live one",
            );
        }
    }
}
