//! The scripted link keeps the promises of a real one.

use std::time::Duration;

use chrono::TimeDelta;

use super::*;
use crate::link::LinkEvent;

#[tokio::test]
async fn a_delivered_update_tells_how_it_ended() {
    let (memory, mut events, _commands) = Memory::new(Clock::manual());
    let confirmed = memory.update(&cabinet(), "one");
    let lost = memory.update(&cabinet(), "two");

    message(&mut events).await.ack.unwrap().confirm();
    drop(message(&mut events).await);

    assert_eq!(confirmed.outcome().await, Outcome::Confirmed);
    assert_eq!(lost.outcome().await, Outcome::Lost);
}

#[tokio::test]
async fn backlog_carries_its_interval() {
    let clock = Clock::manual();
    let (memory, mut events, _commands) = Memory::new(clock.clone());
    let earliest = clock.now() - TimeDelta::minutes(5);

    let _delivery = memory.backlog(&cabinet(), "late", earliest);

    let update = message(&mut events).await;
    assert!(!update.live);
    assert_eq!(update.earliest, earliest);
    assert!(update.at >= clock.now() - TimeDelta::seconds(10));
}

#[tokio::test]
async fn commands_are_refused_as_a_real_link_refuses_them() {
    let clock = Clock::manual();
    let (memory, _events, mut commands) = Memory::new(clock.clone());
    let eject = Publish {
        uuid: cabinet(),
        command: "popup_sn",
        payload: Bytes::from_static(b"{}"),
        deadline: clock.now() + TimeDelta::seconds(60),
    };

    assert_eq!(memory.publish(eject.clone()).await, Err(PublishError::Down));
    memory.raise();
    memory.refuse_next(PublishError::Full);
    assert_eq!(memory.publish(eject.clone()).await, Err(PublishError::Full));
    assert_eq!(memory.publish(eject.clone()).await, Ok(()));
    clock.advance(Duration::from_secs(61));
    assert_eq!(memory.publish(eject.clone()).await, Err(PublishError::TooLate));

    assert_eq!(commands.recv().await.unwrap(), eject);
    assert!(commands.try_recv().is_err());
}

async fn message(events: &mut Events) -> Incoming {
    loop {
        if let LinkEvent::Message(message) = events.next().await.unwrap() {
            return message;
        }
    }
}

fn cabinet() -> DeviceUuid {
    "860602069165357".into()
}
