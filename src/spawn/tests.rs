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

#[tokio::test]
async fn a_kept_task_is_started_again_after_a_panic() {
    let tasks = Tasks::new();
    let (told, mut starts) = watch::channel(0);

    tasks.keep("kept", Clock::system(), move || {
        told.send_modify(|starts| *starts += 1);
        let fails = *told.borrow() < 3;
        async move { assert!(!fails, "broken on purpose") }
    });

    starts.wait_for(|starts| *starts == 3).await.unwrap();
    tasks.ended().await;
    assert!(tasks.lost().now_or_never().is_none());
}

#[tokio::test]
async fn a_kept_task_that_always_panics_is_lost() {
    let (tasks, clock) = (Tasks::new(), Clock::manual());

    tasks.keep("hopeless", clock.clone(), || async { panic!("broken on purpose") });

    let lost = spawn("watcher", async move { tasks.lost().await });
    while !lost.is_finished() {
        clock.advance(Duration::from_millis(500));
        tokio::task::yield_now().await;
    }
    assert_eq!(lost.await.unwrap(), "hopeless");
}

#[tokio::test]
async fn a_task_that_nobody_starts_again_is_lost_with_its_first_panic() {
    let tasks = Tasks::new();

    let ended = tasks.spawn("single", async { panic!("broken on purpose") });

    assert_eq!(tasks.lost().await, "single");
    assert!(ended.await.unwrap_err().is_panic());
}
