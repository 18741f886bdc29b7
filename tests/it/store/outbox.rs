//! What a fact owes is delivered at least once, and a key answers a second time.

use std::time::Duration;

use chargeghar::store::fact::{AuditEntry, CommitError, Conflict, KeyWrite};
use chargeghar::store::outbox::{Backlog, CLAIM};
use chrono::TimeDelta;
use domain::effect::{Effect, Template};
use domain::money::Money;
use serde_json::json;

use super::world::World;

#[tokio::test]
async fn an_effect_is_claimed_once_and_again_when_the_claim_ends() {
    let world = World::new().await;
    let rider = world.rider(200).await;
    let rental = world.rental(rider, "1", 1);
    world.store.commit(world.start(&rental)).await.unwrap();
    let (_, ejected) = world.eject(&rental, 1);
    let told = tokio::time::timeout(Duration::from_secs(5), world.store.effects_owed());
    let (_, committed) = tokio::join!(told, world.store.commit(ejected));
    committed.unwrap();
    let now = world.now();

    let first = world.store.claim(10, now).await.unwrap();
    let second = world.store.claim(10, now).await.unwrap();
    let late = now + TimeDelta::from_std(CLAIM).unwrap();
    let third = world.store.claim(10, late).await.unwrap();

    let template = Template::RentalStarted { rental: rental.id };
    assert_eq!(first[0].effect, Effect::NotifyRider { rider, template });
    assert_eq!((first.len(), first[0].attempts), (1, 1));
    assert_eq!(second, []);
    assert_eq!((third[0].id, third[0].attempts), (first[0].id, 2));
    world.store.done(vec![first[0].id]).await.unwrap();
    assert_eq!(world.store.outbox_backlog().await.unwrap(), Backlog::default());
    assert_eq!(world.store.forget_delivered(late).await, Ok(1));
}

#[tokio::test]
async fn an_effect_waits_for_its_next_attempt_and_can_be_driven_again_when_dead() {
    let world = World::new().await;
    let rider = world.rider(200).await;
    let effect =
        Effect::NotifyRider { rider, template: Template::ToppedUp { amount: Money::rupees(5) } };
    let mut fact = world.fact();
    fact.effects = vec![effect; 2];
    world.store.commit(fact).await.unwrap();
    let now = world.now();
    let owed = world.store.claim(10, now).await.unwrap();
    let later = now + TimeDelta::minutes(5);

    world.store.retry(owed[0].id, later, "no answer").await.unwrap();
    world.store.dead(owed[1].id, "no such number").await.unwrap();

    assert_eq!(world.store.claim(10, now).await.unwrap(), []);
    assert_eq!(world.store.outbox_backlog().await.unwrap(), Backlog { owed: 1, dead: 1 });
    assert_eq!(world.store.claim(10, later).await.unwrap()[0].attempts, 2);
    let dead = world.store.effect_rows(false, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].last_error.as_deref()), (1, Some("no such number")));
    assert_eq!(world.store.effect_rows(true, 10).await.unwrap().len(), 2);
    let again = async |id| {
        let audit = AuditEntry {
            actor: "operator:anna".into(),
            action: "outbox.redrive",
            target: "outbox".into(),
            details: json!({}),
        };
        world.store.redrive(id, audit).await
    };
    assert_eq!(again(Some(owed[0].id)).await, Ok(0), "it is owed, not dead");
    assert_eq!(again(Some(owed[1].id)).await, Ok(1));
    assert_eq!(again(None).await, Ok(0));
    assert_eq!(world.store.effect_row(owed[1].id).await.unwrap().state, "owed");
    assert_eq!(world.store.audit(None, 10).await.unwrap().len(), 1);
    assert_eq!(world.store.claim(10, later).await.unwrap()[0].id, owed[1].id);
}

#[tokio::test]
async fn a_key_is_used_once_and_remembers_what_it_led_to() {
    let world = World::new().await;
    let rider = world.rider(50).await;
    let key = KeyWrite {
        actor: format!("rider:{rider}"),
        key: "k1".into(),
        route: "rentals.start",
        body_hash: [7; 32],
        status: 201,
        resource: Some("r1".into()),
        response: Some(json!({ "a": 1 })),
    };
    let mut first = world.start(&world.rental(rider, "1", 1));
    first.key = Some(key.clone());
    let mut second = world.start(&world.rental(rider, "2", 2));
    second.key = Some(key.clone());

    let (first, second) = tokio::join!(world.store.commit(first), world.store.commit(second));

    assert!(first.is_ok());
    assert_eq!(second, Err(CommitError::Conflict(Conflict::KeyUsed)));
    let record = world.store.key(&key.actor, "k1").await.unwrap().unwrap();
    assert_eq!((record.route.as_str(), record.status), ("rentals.start", 201));
    assert_eq!((record.body_hash, record.resource), (vec![7; 32], key.resource));
    assert_eq!(record.response, key.response);
    assert_eq!(world.store.key("rider:0", "k1").await, Ok(None));
    assert_eq!(world.store.purge_keys(record.created_at).await, Ok(0));
    assert_eq!(world.store.purge_keys(record.created_at + TimeDelta::seconds(1)).await, Ok(1));
}
