//! What is left of a lease in memory.

use super::*;

const EXPIRY: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_end_leaves_nothing() {
    let gate = Gate::new(Clock::system());
    assert_eq!(gate.left(), Duration::ZERO, "never acquired");

    gate.hold(1, Moment::of(&gate.clock).after(EXPIRY));
    assert!(gate.left() > Duration::ZERO);
    gate.lose();

    assert_eq!(gate.left(), Duration::ZERO);
}
