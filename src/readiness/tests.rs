//! A node is ready when nothing is missing, and not a moment before.

use super::{Part, Readiness};

#[tokio::test]
async fn a_node_is_ready_when_every_part_is_up() {
    let readiness = Readiness::new();
    let waiting = readiness.clone();
    let waiter = crate::spawn::spawn("waiter", async move { waiting.ready().await });

    for part in Part::ALL {
        assert!(readiness.missing().contains(&part));
        readiness.set(part, true);
    }

    waiter.await.unwrap();
    assert!(readiness.is_ready());
}

#[test]
fn a_part_that_goes_down_is_named() {
    let readiness = Readiness::new();
    for part in Part::ALL {
        readiness.set(part, true);
    }

    readiness.set(Part::Broker, false);

    assert_eq!(readiness.missing(), [Part::Broker]);
}
