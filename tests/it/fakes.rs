//! Stand-ins of other companies, over HTTP on loopback: they keep books, carry out what they are
//! told even when their answer is lost, and refuse what the real ones refuse.

pub mod books;
mod esewa;
mod khalti;
pub mod mail;
pub mod sparrow;
mod stripe;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use chargeghar::clients::web::Web;
use chargeghar::config::{Config, Secret};
use chargeghar::spawn::spawn;
use domain::ledger::Gateway;
use domain::payment::{Intent, Redirect, RedirectMethod};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use books::{Books, Call, Fault, Order, Outcome};

pub const ESEWA_KEY: &str = "8gBm/:&EnhH.1/q";
pub const ESEWA_PRODUCT: &str = "EPAYTEST";
pub const STRIPE_SECRET: &str = "whsec_of_a_story";
/// What each of them asks for as a key.
const KEY: &str = "key-of-a-story";

/// What no log says.
pub const SECRETS: [&str; 4] = [ESEWA_KEY, STRIPE_SECRET, KEY, sparrow::TOKEN];

/// Those that move money, in the order of the stories.
pub const ALL: [Gateway; 3] = [Gateway::Khalti, Gateway::Esewa, Gateway::Stripe];

/// A company that takes payments.
pub struct Company {
    pub gateway: Gateway,
    pub url: String,
    books: Arc<Books>,
    server: AbortHandle,
}

impl Company {
    pub async fn open(gateway: Gateway) -> Company {
        let books = Arc::new(Books::default());
        let router = match gateway {
            Gateway::Khalti => khalti::router(Arc::clone(&books)),
            Gateway::Esewa => esewa::router(Arc::clone(&books)),
            Gateway::Stripe => stripe::router(Arc::clone(&books)),
            Gateway::Sandbox => Router::new(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = spawn("fake", async move { axum::serve(listener, router).await.unwrap() });
        Company { gateway, url, books, server: served.abort_handle() }
    }

    /// Makes it the one that the service talks to.
    pub fn configure(&self, config: &mut Config) {
        let payments = &mut config.payments;
        match self.gateway {
            Gateway::Khalti => {
                payments.khalti.base_url = format!("{}/api/v2/", self.url);
                payments.khalti.secret_key = Secret::new(KEY);
            }
            Gateway::Esewa => {
                payments.esewa.form_url.clone_from(&self.url);
                payments.esewa.status_url.clone_from(&self.url);
                payments.esewa.product_code = ESEWA_PRODUCT.to_owned();
                payments.esewa.secret_key = Secret::new(ESEWA_KEY);
            }
            Gateway::Stripe => {
                payments.stripe.base_url.clone_from(&self.url);
                payments.stripe.secret_key = Secret::new(KEY);
                payments.stripe.webhook_secret = Secret::new(STRIPE_SECRET);
            }
            Gateway::Sandbox => {}
        }
    }

    /// The same as variables of a process.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        match self.gateway {
            Gateway::Khalti => vec![
                ("CHARGEGHAR__PAYMENTS__KHALTI__BASE_URL", format!("{}/api/v2/", self.url)),
                ("CHARGEGHAR__PAYMENTS__KHALTI__SECRET_KEY", KEY.to_owned()),
            ],
            Gateway::Stripe => vec![
                ("CHARGEGHAR__PAYMENTS__STRIPE__BASE_URL", self.url.clone()),
                ("CHARGEGHAR__PAYMENTS__STRIPE__SECRET_KEY", KEY.to_owned()),
                ("CHARGEGHAR__PAYMENTS__STRIPE__WEBHOOK_SECRET", STRIPE_SECRET.to_owned()),
            ],
            Gateway::Esewa | Gateway::Sandbox => vec![],
        }
    }

    /// The rider's browser or app begins to pay.
    pub async fn visit(&self, redirect: &Redirect) {
        if redirect.method == RedirectMethod::Post {
            let web = Web::new().unwrap();
            let form = web.post(&redirect.url).form(&redirect.fields);
            let page = web.send(form).await.unwrap();
            let page = (page.status, String::from_utf8_lossy(&page.body).into_owned());
            assert_eq!(page.0, 200, "{}", page.1);
        }
    }

    /// How a payment goes on, once it was begun.
    pub fn play(&self, reference: &str, outcome: Outcome) {
        let mut orders = self.books.orders.lock();
        orders.get_mut(reference).unwrap().outcome = outcome;
    }

    /// The next calls of this kind go wrong, each in its own way.
    pub fn fault(&self, call: Call, fault: Fault) {
        self.books.faults.lock().push_back((call, fault));
    }

    /// One that is held goes on.
    pub fn go_on(&self) {
        self.books.go_on.notify_one();
    }

    pub fn calls(&self, call: Call) -> usize {
        self.books.journal.lock().iter().filter(|made| **made == call).count()
    }

    pub fn orders(&self) -> usize {
        self.books.orders.lock().len()
    }

    /// What it paid back for an order, in paisa.
    pub fn paid_back(&self, reference: &str) -> i64 {
        self.order(reference).paid_back
    }

    /// Payments that nobody has paid stand so from here on, in Stripe's words.
    pub fn open_payments_stand(&self, status: &'static str) {
        *self.books.open_status.lock() = Some(status);
    }

    /// Refunds that are taken from here on stand so at first.
    pub fn refunds_begin(&self, status: &'static str) {
        *self.books.refund_status.lock() = Some(status);
    }

    /// Payments are in this money from here on.
    pub fn answers_in(&self, currency: &'static str) {
        *self.books.currency.lock() = Some(currency);
    }

    /// What was paid here came from a bank.
    pub fn paid_from_a_bank(&self) {
        self.books.is_from_bank.store(true, Ordering::Relaxed);
    }

    /// So every refund ends that has not ended.
    pub fn refunds_end(&self, status: &'static str) {
        for order in self.books.orders.lock().values_mut() {
            for given in order.refunds.iter_mut().filter(|given| given.status == "pending") {
                given.status = status;
                if status == "failed" {
                    order.paid_back -= given.paisa;
                }
            }
        }
    }

    /// A day has gone by: what was done under a key is done again.
    pub fn forget_keys(&self) {
        self.books.keys.lock().clear();
    }

    /// Money goes back that we did not ask for, by somebody in the company's own pages.
    pub fn pay_back(&self, reference: &str, paisa: i64) {
        self.books.orders.lock().get_mut(reference).unwrap().paid_back += paisa;
    }

    /// The only order there is.
    pub fn only_order(&self) -> String {
        let orders = self.books.orders.lock();
        assert_eq!(orders.len(), 1);
        orders.keys().next().unwrap().clone()
    }

    /// Where the rider's browser comes back to, as the company writes it.
    pub fn way_back(&self, intent: &Intent) -> String {
        let order = self.order(&intent.gateway_ref);
        match self.gateway {
            Gateway::Khalti => khalti::way_back(&intent.gateway_ref, &order),
            Gateway::Esewa => {
                let amount = esewa::literal(order.paisa);
                let data = esewa::sealed(&intent.gateway_ref, &amount, ESEWA_KEY);
                format!("/api/payments/esewa/success?data={}", data.replace('+', "%2B"))
            }
            Gateway::Stripe => {
                format!("/api/payments/stripe/return?payment_intent={}", intent.gateway_ref)
            }
            Gateway::Sandbox => unreachable!("it plays itself"),
        }
    }

    fn order(&self, reference: &str) -> Order {
        self.books.orders.lock()[reference].clone()
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The six digits of a login code.
pub fn code_in(text: &str) -> String {
    let six = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    text.split_whitespace().find(six).unwrap_or_else(|| panic!("no code: {text}")).to_owned()
}

pub use esewa::sealed;
pub use stripe::{dispute, event, refunded, returned};
