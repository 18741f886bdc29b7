//! What waits for a slow connection goes out in time or not at all.

use bytes::Bytes;
use chrono::TimeDelta;
use domain::ids::DeviceUuid;

use super::*;

#[tokio::test]
async fn what_waited_while_the_machine_was_paused_is_not_sent() {
    let crowded = Crowded::new().await;

    let paused = crowded.while_it_waits(|clock| clock.skew_wall(TimeDelta::seconds(30))).await;

    assert_eq!(paused, Err(PublishError::TooLate));
}

#[tokio::test]
async fn what_waited_too_long_is_not_sent() {
    let crowded = Crowded::new().await;

    let late = crowded.while_it_waits(|clock| clock.advance(Duration::from_secs(5))).await;

    assert_eq!(late, Err(PublishError::TooLate));
}

#[tokio::test]
async fn what_waited_for_its_turn_alone_is_sent() {
    let crowded = Crowded::new().await;

    let sent = crowded.while_it_waits(|clock| clock.skew_wall(TimeDelta::seconds(4))).await;

    assert_eq!(sent, Ok(()));
}

/// An outlet whose connection has as many commands as it may have, and writes none.
struct Crowded {
    outlet: Outlet,
    clock: Clock,
    _connection: rumqttc::EventLoop,
}

impl Crowded {
    async fn new() -> Crowded {
        let clock = Clock::manual();
        let outlet = Outlet::new(Topics::new("powerbank").unwrap(), clock.clone());
        let (sender, connection) = Sender::unwritten();
        outlet.open(sender);
        let crowded = Crowded { outlet, clock, _connection: connection };
        for _ in 0..UNWRITTEN_MAX {
            crowded.outlet.publish(crowded.command()).await.unwrap();
        }
        crowded
    }

    fn command(&self) -> Publish {
        Publish {
            uuid: DeviceUuid::from("860000000000017"),
            command: "popup_sn",
            payload: Bytes::from_static(b"{}"),
            deadline: self.clock.now() + TimeDelta::seconds(5),
        }
    }

    /// One more command; something happens, and then it would have its turn.
    async fn while_it_waits(&self, happens: impl FnOnce(&Clock)) -> Result<(), PublishError> {
        let waiting = self.outlet.publish(self.command());
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending(), "every turn is taken");
        happens(&self.clock);
        self.outlet.written();
        waiting.await
    }
}
