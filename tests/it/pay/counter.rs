//! A counter: a whole node that takes payments at all three companies, and browsers before it.

use chargeghar::actors::payments::{Payments, Settings, TopUp};
use chargeghar::clients::payments::Gateways;
use chargeghar::clients::web::Web;
use chargeghar::config::Config;
use chargeghar::entropy::Entropy;
use domain::ids::RiderId;
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Intent, IntentStatus};
use reqwest::Client;
use reqwest::redirect::Policy;
use serde_json::Value;

use crate::fakes::books::Outcome;
use crate::fakes::{ALL, Company};
use crate::harness::node::TestNode;

pub struct Counter {
    pub node: TestNode,
    companies: Vec<Company>,
    /// Begins payments; the node hears how they go on.
    payments: Payments,
    browser: Client,
}

impl Counter {
    pub async fn open() -> Counter {
        Box::pin(Counter::open_where(0)).await
    }

    /// Where a top-up earns so many points for each NPR 100.
    pub async fn open_where(points_per_hundred: u32) -> Counter {
        let mut companies = Vec::new();
        for gateway in ALL {
            companies.push(Company::open(gateway).await);
        }
        let configure = |config: &mut Config| {
            config.ledger.topup_points_per_100_npr = points_per_hundred;
            for company in &companies {
                company.configure(config);
            }
        };
        let node = Box::pin(TestNode::with_settings(configure)).await;
        let mut config = Config::default();
        configure(&mut config);
        let gateways = Gateways::new(&config, &Web::new().unwrap(), &node.base_url);
        let (store, clock) = (node.node.context.store.clone(), node.clock.clone());
        let settings = Settings::new(&config);
        let payments = Payments::new(store, clock, Entropy::system(), gateways, settings);
        // whoever was first is as good
        let _ = rustls::crypto::ring::default_provider().install_default();
        let browser = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Counter { node, companies, payments, browser }
    }

    pub fn company(&self, gateway: Gateway) -> &Company {
        self.companies.iter().find(|company| company.gateway == gateway).unwrap()
    }

    pub async fn begun(&self, rider: RiderId, gateway: Gateway, rupees: i64) -> Intent {
        let wish = TopUp { rider, amount: Money::rupees(rupees), gateway };
        let stored = self.payments.start_top_up(wish, None).await.unwrap();
        self.company(gateway).visit(&stored.redirect).await;
        stored.intent
    }

    pub async fn paid(&self, rider: RiderId, gateway: Gateway, rupees: i64) -> Intent {
        let intent = self.begun(rider, gateway, rupees).await;
        self.company(gateway).play(&intent.gateway_ref, Outcome::Paid);
        intent
    }

    /// A browser opens an address of the service; where it is sent on to.
    pub async fn sent_on(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status().as_u16(), 302, "{path}");
        response.headers()["location"].to_str().unwrap().to_owned()
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.browser.get(format!("{}{path}", self.node.base_url)).send().await.unwrap()
    }

    pub async fn verify(&self, body: Value) -> (u16, Value) {
        let url = format!("{}/api/payments/verify", self.node.base_url);
        let response = self.browser.post(url).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// A call of Stripe's server.
    pub async fn webhook(&self, signature: &str, body: &str) -> u16 {
        let url = format!("{}/api/payments/stripe/webhook", self.node.base_url);
        let call = self.browser.post(url).header("stripe-signature", signature);
        call.body(body.to_owned()).send().await.unwrap().status().as_u16()
    }

    pub async fn status(&self, intent: &Intent) -> IntentStatus {
        self.node.node.context.store.intent(intent.id).await.unwrap().intent.status
    }

    pub async fn count(&self, table: &str) -> i64 {
        self.node.database.number(&format!("select count(*) from {table}")).await
    }

    /// How much news of a kind was counted, by all nodes of the process.
    pub async fn news(&self, gateway: Gateway, kind: &str) -> u64 {
        let text = self.get("/metrics").await.text().await.unwrap();
        let name = gateway.as_str();
        let line = format!("chargeghar_payment_news_total{{gateway=\"{name}\",kind=\"{kind}\"}} ");
        text.lines().find_map(|found| found.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
    }
}
