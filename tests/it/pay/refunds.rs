//! Money that goes back by the gateways' own calls, for the flows that will order it.

use chargeghar::clients::payments::{Error, Gateways, PaymentGateway, Refund, Refunded};
use chargeghar::clients::web::Web;
use chargeghar::config::Config;
use domain::ledger::Gateway;
use domain::money::Money;
use domain::payment::{Answer, Intent};
use std::sync::Arc;
use uuid::Uuid;

use super::desk::Desk;
use crate::fakes::books::{Call, Fault, Outcome};

#[tokio::test]
async fn a_part_goes_back_and_then_the_rest() {
    for gateway in [Gateway::Khalti, Gateway::Stripe] {
        let (desk, client, intent) = paid(gateway).await;

        let part = refund(&intent, 1, 100);
        let rest = refund(&intent, 2, 400);
        let done = [client.refund(&part).await.said, client.refund(&rest).await.said];

        assert!(done.iter().all(|done| matches!(done, Ok(Refunded::Done { .. }))), "{done:?}");
        assert_eq!(desk.company.paid_back(&intent.gateway_ref), 50_000);
        let more = client.refund(&refund(&intent, 3, 1)).await.said;
        assert!(matches!(more, Err(Error::Declined(_))), "{more:?}");
    }
}

#[tokio::test]
async fn all_of_it_goes_back_at_once() {
    for gateway in [Gateway::Khalti, Gateway::Stripe] {
        let (desk, client, intent) = paid(gateway).await;

        let asked = client.refund(&refund(&intent, 1, 500)).await;

        assert!(matches!(asked.said, Ok(Refunded::Done { .. })));
        assert!(asked.raw.is_some_and(|raw| raw.status == Some(200)));
        assert_eq!(desk.company.paid_back(&intent.gateway_ref), 50_000);
    }
}

#[tokio::test]
async fn after_a_lost_answer_stripe_may_be_told_again_and_khalti_is_asked_first() {
    let (desk, stripe, intent) = paid(Gateway::Stripe).await;
    desk.company.fault(Call::Refund, Fault::BreaksAfter);
    let order = refund(&intent, 1, 100);
    assert!(matches!(stripe.refund(&order).await.said, Err(Error::Unsure(_))));
    assert!(matches!(stripe.refund(&order).await.said, Ok(Refunded::Done { .. })));
    assert_eq!(desk.company.paid_back(&intent.gateway_ref), 10_000, "once");

    let (desk, khalti, intent) = paid(Gateway::Khalti).await;
    desk.company.fault(Call::Refund, Fault::BreaksAfter);
    assert!(matches!(khalti.refund(&refund(&intent, 1, 100)).await.said, Err(Error::Unsure(_))));
    assert_eq!(khalti.check(&intent).await.said, Ok(Answer::Refunded { partly: true }));
    assert_eq!(desk.company.paid_back(&intent.gateway_ref), 10_000);
}

#[tokio::test]
async fn esewa_gives_money_back_by_hand_only() {
    let (_desk, esewa, intent) = paid(Gateway::Esewa).await;

    let asked = esewa.refund(&refund(&intent, 1, 500)).await;

    assert!(matches!(asked.said, Ok(Refunded::ByHand { .. })));
}

/// A settled payment of 500 rupees.
async fn paid(gateway: Gateway) -> (Desk, Arc<dyn PaymentGateway>, Intent) {
    let desk = Desk::at(gateway).await;
    let intent = desk.played(500, Outcome::Paid).await;
    desk.verify(&intent).await.unwrap();
    let intent = desk.till.store.intent(intent.id).await.unwrap().intent;
    let mut config = Config::default();
    desk.company.configure(&mut config);
    let gateways = Gateways::new(&config, &Web::new().unwrap(), "http://here");
    let client = gateways.get(gateway).unwrap();
    (desk, client, intent)
}

fn refund(intent: &Intent, number: u128, rupees: i64) -> Refund {
    Refund {
        id: Uuid::from_u128(number),
        reference: intent.gateway_ref.clone(),
        txn_id: intent.gateway_txn_id.clone().unwrap(),
        paid: intent.amount,
        amount: Money::rupees(rupees),
        mobile: None,
    }
}
