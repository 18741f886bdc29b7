//! A desk: a till beside the company whose payments it takes, and a rider who pays there.

use chargeghar::actors::payments::{TopUp, VerifyError};
use chargeghar::config::Config;
use domain::ids::RiderId;
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Intent, IntentStatus};

use super::till::Till;
use crate::fakes::books::{Call, Fault, Outcome};
use crate::fakes::{ALL, Company};

pub struct Desk {
    pub till: Till,
    pub company: Company,
    pub rider: RiderId,
}

impl Desk {
    pub async fn at(gateway: Gateway) -> Desk {
        let company = Company::open(gateway).await;
        let mut config = Config::default();
        company.configure(&mut config);
        let till = Till::of(&config).await;
        let rider = till.rider().await;
        Desk { till, company, rider }
    }

    /// The rider begins to pay so many rupees.
    pub async fn begun(&self, rupees: i64) -> Intent {
        let amount = Money::rupees(rupees);
        let wish = TopUp { rider: self.rider, amount, gateway: self.company.gateway };
        let stored = self.till.payments.start_top_up(wish, None).await.unwrap();
        self.company.visit(&stored.redirect).await;
        stored.intent
    }

    /// The same, and how it goes on.
    pub async fn played(&self, rupees: i64, outcome: Outcome) -> Intent {
        let intent = self.begun(rupees).await;
        self.company.play(&intent.gateway_ref, outcome);
        intent
    }

    pub fn fault(&self, fault: Fault) {
        self.company.fault(Call::Check, fault);
    }

    pub async fn verify(&self, intent: &Intent) -> Result<IntentStatus, VerifyError> {
        let verified = self.till.payments.verify(intent.id, Some(self.rider)).await;
        verified.map(|intent| intent.status)
    }

    pub async fn wallet(&self) -> Money {
        self.till.wallet(self.rider).await
    }

    pub async fn incidents(&self, kind: &str) -> i64 {
        self.till.count(&format!("incidents where kind = '{kind}'")).await
    }
}

/// Runs a story at each company.
pub async fn each(story: impl AsyncFn(Desk)) {
    for gateway in ALL {
        story(Desk::at(gateway).await).await;
    }
}
