//! A task that panics is noticed, and a node can wait for its tasks or end them.

use super::*;

const LONG: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_panic_reaches_the_handle_and_leaves_nothing_open() {
    let tasks = Tasks::new();
    let fails = |fail: bool| async move { assert!(!fail, "broken on purpose") };

    let ended = tasks.spawn("broken", fails(true)).await;

    assert!(ended.unwrap_err().is_panic());
    assert!(tasks.drain(&Clock::system(), LONG).await.is_empty());
    assert_eq!(spawn("free", async { 5 }).await.unwrap(), 5);
}

#[tokio::test]
async fn draining_waits_for_what_is_open() {
    let tasks = Tasks::new();
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    tasks.spawn("slow", async { finished.await.unwrap() });
    assert_eq!(tasks.len(), 1);

    let clock = Clock::system();
    let (left, ()) = tokio::join!(tasks.drain(&clock, LONG), async { finish.send(()).unwrap() });

    assert!(left.is_empty() && tasks.is_empty());
}

#[tokio::test]
async fn draining_ends_what_does_not_end_by_itself_and_names_it() {
    let tasks = Tasks::new();
    let stuck = tasks.spawn("stuck", std::future::pending::<()>());

    let left = tasks.drain(&Clock::system(), Duration::from_millis(1)).await;

    assert_eq!(left, ["stuck"]);
    assert!(stuck.await.unwrap_err().is_cancelled());
    assert!(tasks.is_empty());
}

#[tokio::test]
async fn a_panic_without_text_has_a_message_too() {
    assert_eq!(message(&"text"), "text");
    assert_eq!(message(&String::from("owned")), "owned");
    assert_eq!(message(&7), "no message");
}
