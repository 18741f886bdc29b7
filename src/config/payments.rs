//! `[payments]`: intents, and the gateways that carry them out.

use std::path::PathBuf;

use super::Environment;
use super::section::{Problems, section};
use super::values::{Days, Seconds, Secret};

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
        /// Where a browser goes after paying, without a slash at the end: `/payment-status` is
        /// appended, with `status`, `provider` and `intent_id`. Empty: a page of this server.
        frontend_url: String = String::new(),
        /// How long the answers of gateways are kept for disputes, in days.
        gateway_events_days: Days = Days(400),
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
        /// Smallest payment that is taken this way, in whole NPR.
        min_npr: u32 = 10,
        /// Largest payment that is taken this way, in whole NPR.
        max_npr: u32 = 100_000,
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
        status_url: String = "https://epay.esewa.com.np".into(),
        /// Smallest payment that is taken this way, in whole NPR.
        min_npr: u32 = 10,
        /// Largest payment that is taken this way, in whole NPR.
        max_npr: u32 = 50_000,
        /// The merchant's product code.
        product_code: String = String::new(),
        /// The merchant's secret key.
        secret_key: Secret = Secret::default(),
        /// File that holds the secret key.
        secret_key_file: PathBuf = PathBuf::new(),
    }
}

section! {
    /// Stripe, for foreign cards. Off unless its keys are set.
    Stripe {
        /// Base address.
        base_url: String = "https://api.stripe.com".into(),
        /// Smallest payment that is taken this way, in whole NPR.
        min_npr: u32 = 100,
        /// Largest payment that is taken this way, in whole NPR.
        max_npr: u32 = 100_000,
        /// The key by which the app's own part of Stripe knows the merchant; not secret.
        publishable_key: String = String::new(),
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
    pub(super) fn check(&self, mut problems: Problems<'_>, environment: Environment) {
        let ordered = self.topup_min_npr > 0 && self.topup_min_npr <= self.topup_max_npr;
        problems.unless(ordered, "topup_min_npr", "must be between 1 and topup_max_npr");
        problems.unless(self.intent_ttl_s.0 >= 60, "intent_ttl_s", "must be at least 60");
        let bounded = (1..=60).contains(&self.request_timeout_s.0);
        problems.unless(bounded, "request_timeout_s", "must be 1 to 60");
        problems.unless(
            !self.frontend_url.ends_with('/'),
            "frontend_url",
            "must not end in a slash",
        );
        problems.unless(
            self.gateway_events_days.0 > 7,
            "gateway_events_days",
            "must be at least 8",
        );
        let esewa = &self.esewa;
        let named = !esewa.secret_key.is_set() || !esewa.product_code.is_empty();
        problems.unless(named, "esewa.product_code", "must be set when the secret key is");
        let stripe = &self.stripe;
        problems.unless(
            !stripe.secret_key.is_set() || stripe.webhook_secret.is_set(),
            "stripe.webhook_secret",
            "must be set when the secret key is, or anybody could write webhooks",
        );
        self.check_bounds(&mut problems);
        for (url, key) in self.addresses() {
            let known = url.starts_with("https://") || url.starts_with("http://");
            problems.unless(known, key, "must begin with https://");
        }
        if environment.is_production() {
            self.check_production(problems);
        }
    }

    /// Whatever is offered can be asked for, within the bounds of all top-ups as well.
    fn check_bounds(&self, problems: &mut Problems<'_>) {
        let (khalti, esewa, stripe) = (&self.khalti, &self.esewa, &self.stripe);
        for (least, most, key) in [
            (khalti.min_npr, khalti.max_npr, "khalti.min_npr"),
            (esewa.min_npr, esewa.max_npr, "esewa.min_npr"),
            (stripe.min_npr, stripe.max_npr, "stripe.min_npr"),
        ] {
            let any = least.max(self.topup_min_npr) <= most.min(self.topup_max_npr);
            problems.unless(
                least > 0 && any,
                key,
                "must be at least 1, and leave an amount between topup_min_npr and topup_max_npr \
                 that is not above max_npr",
            );
        }
    }

    fn addresses(&self) -> [(&str, &'static str); 4] {
        [
            (&self.khalti.base_url, "khalti.base_url"),
            (&self.esewa.form_url, "esewa.form_url"),
            (&self.esewa.status_url, "esewa.status_url"),
            (&self.stripe.base_url, "stripe.base_url"),
        ]
    }

    /// Nobody pays with the money of a test.
    fn check_production(&self, mut problems: Problems<'_>) {
        problems.unless(
            !self.sandbox,
            "sandbox",
            "production refuses the sandbox: write sandbox = false",
        );
        let (khalti, esewa, stripe) = (&self.khalti, &self.esewa, &self.stripe);
        let own =
            esewa.secret_key.expose() != ESEWA_TEST_KEY && esewa.product_code != ESEWA_TEST_PRODUCT;
        problems.unless(
            own,
            "esewa.secret_key",
            "production refuses eSewa's published test key and product code: use your own",
        );
        // its answers carry no signature: the host is the proof
        for (url, key) in
            [(&esewa.form_url, "esewa.form_url"), (&esewa.status_url, "esewa.status_url")]
        {
            let live = is_at(url, &["epay.esewa.com.np", "esewa.com.np"]);
            problems.unless(
                live || !esewa.secret_key.is_set(),
                key,
                "production refuses every host but eSewa's own: use https://epay.esewa.com.np",
            );
        }
        problems.unless(
            is_at(&khalti.base_url, &["khalti.com"]) || !khalti.secret_key.is_set(),
            "khalti.base_url",
            "production refuses Khalti's sandbox: use https://khalti.com/api/v2/",
        );
        let key = stripe.secret_key.expose();
        problems.unless(
            !["sk_test_", "rk_test_"].iter().any(|test| key.starts_with(test)),
            "stripe.secret_key",
            "production refuses a test key: use the live one",
        );
        problems.unless(
            is_at(&stripe.base_url, &["api.stripe.com"]) || !stripe.secret_key.is_set(),
            "stripe.base_url",
            "production refuses every host but Stripe's own: use https://api.stripe.com",
        );
    }
}

/// Whether a URL leads by TLS to one of these hosts.
fn is_at(url: &str, hosts: &[&str]) -> bool {
    let rest = url.strip_prefix("https://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    hosts.contains(&host)
}
