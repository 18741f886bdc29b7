//! A till: the payments of one network on a real database, with a gateway that a test plays, or
//! with those of the settings.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chargeghar::actors::payments::{Outcome, Payments, Settings, TopUp};
use chargeghar::clients::payments::news::{Hint, News, Odd};
use chargeghar::clients::payments::raw::Raw;
use chargeghar::clients::payments::{
    Asked, Error, Gateways, Offer, Order, PaymentGateway, Refund, Refunded, Started, Trace,
};
use chargeghar::clients::web::Web;
use chargeghar::clock::Clock;
use chargeghar::config::Config;
use chargeghar::entropy::Entropy;
use chargeghar::store::{Lease, Store};
use chrono::{DateTime, Utc};
use domain::ids::RiderId;
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Answer, Intent, IntentStatus, Redirect, RedirectMethod};
use parking_lot::Mutex;

use crate::harness::database::Database;

/// How long a gateway may take; a story waits for it where one hangs.
const PATIENCE: Duration = Duration::from_millis(1_500);

pub struct Till {
    pub database: Database,
    pub clock: Clock,
    pub store: Store,
    pub payments: Payments,
    pub khalti: Arc<Scripted>,
    _lease: Lease,
}

impl Till {
    pub async fn new() -> Till {
        let khalti = Arc::new(Scripted::default());
        let mut till = Till::with(&Config::default(), Some(Arc::clone(&khalti))).await;
        till.khalti = khalti;
        till
    }

    /// One with the gateways of these settings.
    pub async fn of(config: &Config) -> Till {
        Till::with(config, None).await
    }

    async fn with(config: &Config, scripted: Option<Arc<Scripted>>) -> Till {
        let database = Database::fresh().await;
        let clock = Clock::manual();
        let store = database.open(&clock).await;
        let lease = store.acquire("test", Duration::ZERO).await.unwrap();
        let web = Web::new().unwrap();
        let mut gateways = Gateways::new(config, &web, "http://here");
        if let Some(scripted) = scripted {
            gateways.offer(scripted as Arc<dyn PaymentGateway>);
        }
        let settings = Settings { request_timeout: PATIENCE, ..Settings::new(config) };
        let (time, chance) = (clock.clone(), Entropy::system());
        let payments = Payments::new(store.clone(), time, chance, gateways, settings);
        let khalti = Arc::default();
        Till { database, clock, store, payments, khalti, _lease: lease }
    }

    pub async fn rider(&self) -> RiderId {
        let phone = format!("98{}", Entropy::system().digits(8));
        let insert = format!(
            "insert into riders (phone, created_at, updated_at) values ('{phone}', now(), now())"
        );
        self.database.run(&insert).await;
        let id = format!("select id from riders where phone = '{phone}'");
        RiderId(self.database.number(&id).await)
    }

    /// An intent of 500 rupees.
    pub async fn intent(&self, rider: RiderId, gateway: Gateway) -> Intent {
        let wish = TopUp { rider, amount: Money::rupees(500), gateway };
        self.payments.start_top_up(wish, None).await.unwrap().intent
    }

    /// The same, and the sandbox is told how it ends.
    pub async fn played(&self, rider: RiderId, outcome: Outcome) -> Intent {
        let intent = self.intent(rider, Gateway::Sandbox).await;
        self.payments.play(intent.id, outcome).await.unwrap();
        intent
    }

    pub async fn wallet(&self, rider: RiderId) -> Money {
        self.store.wallet(rider).await.unwrap()
    }

    pub async fn status(&self, intent: &Intent) -> IntentStatus {
        self.store.intent(intent.id).await.unwrap().intent.status
    }

    pub async fn count(&self, table: &str) -> i64 {
        self.database.number(&format!("select count(*) from {table}")).await
    }
}

/// A gateway that says what a test wrote down, one answer for each question; then it is
/// pending.
#[derive(Default)]
pub struct Scripted {
    answers: Mutex<VecDeque<Script>>,
    pub asked: AtomicU32,
}

pub enum Script {
    Says(Answer),
    Fails(Error),
    /// It takes the question and never answers.
    Hangs,
}

impl Scripted {
    pub fn then(&self, script: Script) {
        self.answers.lock().push_back(script);
    }

    pub fn then_paid(&self, intent: &Intent, txn_id: &str) {
        self.then(Script::Says(Answer::Paid {
            reference: intent.gateway_ref.clone(),
            amount: intent.amount,
            currency: "NPR".to_owned(),
            txn_id: txn_id.to_owned(),
        }));
    }
}

#[async_trait]
impl PaymentGateway for Scripted {
    fn offer(&self) -> Offer {
        Offer {
            gateway: Gateway::Khalti,
            name: "Khalti",
            least: Money::rupees(10),
            most: Money::rupees(100_000),
        }
    }

    async fn start(&self, order: &Order) -> Asked<Started> {
        let redirect = Redirect {
            url: "http://khalti".to_owned(),
            method: RedirectMethod::Get,
            fields: [].into(),
            instructions: None,
        };
        Ok(Started { reference: format!("pidx-{}", order.intent), redirect }).into()
    }

    async fn check(&self, _: &Intent) -> Asked<Answer> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let script = self.answers.lock().pop_front();
        match script.unwrap_or(Script::Says(Answer::Pending)) {
            Script::Says(answer) => {
                let raw = Raw { status: Some(200), ..Raw::of_bytes(b"{}") };
                Asked { said: Ok(answer), raw: Some(raw) }
            }
            Script::Fails(error) => Err(error).into(),
            Script::Hangs => std::future::pending().await,
        }
    }

    async fn refund(&self, _: &Refund) -> Asked<Refunded> {
        Ok(Refunded::ByHand { how: "nobody wrote it down" }).into()
    }

    async fn trace(&self, _: &Refund) -> Asked<Trace> {
        Ok(Trace::Nowhere).into()
    }

    fn read(&self, _: &News<'_>, _: DateTime<Utc>) -> Result<Hint, Odd> {
        Err(Odd::Unreadable)
    }
}
