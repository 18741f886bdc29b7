//! A gateway that is away, slow, broken or overloaded: nothing is taken for a failure, nothing is
//! credited twice, and the sweeper finds what happened.

use std::time::Duration;

use chargeghar::actors::payments::{StartError, TopUp, VerifyError};
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::IntentStatus;

use super::desk::{Desk, each};
use crate::fakes::books::{Call, Fault, Outcome};

const FAULTS: [Fault; 7] = [
    Fault::HangsBefore,
    Fault::HangsAfter,
    Fault::BreaksAfter,
    Fault::Says(500, "{\"error\":\"x\"}"),
    Fault::Says(502, "<html>Bad Gateway</html>"),
    Fault::Says(429, "slow down"),
    Fault::Says(200, "not json"),
];

#[tokio::test]
async fn an_intent_stays_open_while_its_gateway_is_away_and_the_sweeper_settles_it() {
    each(async |desk| {
        let intent = desk.played(500, Outcome::Paid).await;
        for fault in FAULTS {
            desk.fault(fault);
            assert_eq!(desk.verify(&intent).await, Err(VerifyError::GatewayUnavailable));
            assert_eq!(desk.till.status(&intent).await, IntentStatus::Pending, "{fault:?}");
        }

        desk.till.clock.advance(Duration::from_mins(1));
        assert_eq!(desk.till.payments.sweep_once().await, 1);

        assert_eq!(desk.till.status(&intent).await, IntentStatus::Completed);
        assert_eq!(desk.wallet().await, Money::rupees(500));
    })
    .await;
}

#[tokio::test]
async fn a_page_that_comes_instead_of_an_answer_is_kept_too() {
    let desk = Desk::at(Gateway::Khalti).await;
    let intent = desk.begun(500).await;
    desk.fault(Fault::Says(502, "<html>Bad Gateway</html>"));

    desk.verify(&intent).await.unwrap_err();

    let events = desk.till.store.gateway_events(intent.id).await.unwrap();
    let last = events.last().unwrap();
    assert_eq!((last.status, last.body.as_str()), (Some(502), "<html>Bad Gateway</html>"));
}

#[tokio::test]
async fn a_start_that_the_gateway_does_not_answer_leaves_no_intent_and_can_be_tried_again() {
    for gateway in [Gateway::Khalti, Gateway::Stripe] {
        let desk = Desk::at(gateway).await;
        let wish = TopUp { rider: desk.rider, amount: Money::rupees(500), gateway };
        for fault in FAULTS {
            desk.company.fault(Call::Start, fault);
            let refused = desk.till.payments.start_top_up(wish, None).await;
            assert_eq!(refused, Err(StartError::GatewayUnavailable), "{fault:?}");
        }
        assert_eq!(desk.till.count("payment_intents").await, 0);

        let intent = desk.played(500, Outcome::Paid).await;

        assert_eq!(desk.verify(&intent).await, Ok(IntentStatus::Completed));
        // what it made of the lost ones is paid by nobody, for nobody was sent there
        assert!(desk.company.orders() >= 3, "{}", desk.company.orders());
    }
}

#[tokio::test]
async fn nobody_there_is_a_gateway_that_is_away() {
    let desk = Desk::at(Gateway::Khalti).await;
    let intent = desk.played(500, Outcome::Paid).await;
    let Desk { till, company, rider } = desk;
    drop(company);

    let verified = till.payments.verify(intent.id, Some(rider)).await;

    assert_eq!(verified, Err(VerifyError::GatewayUnavailable));
    assert_eq!(till.status(&intent).await, IntentStatus::Pending);
}
