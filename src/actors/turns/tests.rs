//! At most one question runs for an intent, and nobody is told what was true before they came.

use std::sync::atomic::{AtomicU32, Ordering};

use domain::ids::IntentId;
use tokio::sync::Notify;
use uuid::Uuid;

use super::Turns;

const ID: IntentId = IntentId(Uuid::nil());

#[tokio::test]
async fn ten_at_once_make_two_questions() {
    let (turns, asked) = (Turns::default(), AtomicU32::new(0));
    let question = || async {
        tokio::task::yield_now().await;
        asked.fetch_add(1, Ordering::SeqCst) + 1
    };

    let answers = futures::future::join_all((0..10).map(|_| turns.share(ID, question))).await;

    // the first began before the others came
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!((answers[0], &answers[1..]), (1, &[2; 9][..]));
}

#[tokio::test]
async fn who_comes_later_is_not_told_an_older_answer() {
    let turns = Turns::default();

    assert_eq!(turns.share(ID, || async { "pending" }).await, "pending");
    assert_eq!(turns.share(ID, || async { "paid" }).await, "paid");
}

#[tokio::test]
async fn a_question_knows_whether_another_ended_since_its_place_was_taken() {
    let turns = Turns::default();
    let (first, second) = (turns.join(ID), turns.join(ID));

    let told = first.share(async |still_holds| still_holds).await;
    // it began after the second came, so the second has its answer
    assert_eq!((told, second.share(async |_| unreachable!()).await), (true, true));

    let (go, begun) = (Notify::new(), Notify::new());
    let first = turns.join(ID).share(async |_| {
        begun.notify_one();
        go.notified().await;
        true
    });
    let late = async {
        begun.notified().await;
        let place = turns.join(ID);
        go.notify_one();
        place.share(async |still_holds| still_holds).await
    };
    assert_eq!(tokio::join!(first, late), (true, false));
}

#[tokio::test]
async fn a_question_knows_of_work_alone_and_of_one_that_was_given_up() {
    let turns: Turns<IntentId, bool> = Turns::default();

    let place = turns.join(ID);
    turns.alone(ID, async || ()).await;
    assert!(!place.share(async |still_holds| still_holds).await);

    let place = turns.join(ID);
    let abandoned = turns.share(ID, std::future::pending);
    assert!(futures::FutureExt::now_or_never(abandoned).is_none());
    assert!(!place.share(async |still_holds| still_holds).await);
}

#[tokio::test]
async fn work_alone_waits_for_the_question() {
    let (turns, go) = (Turns::default(), Notify::new());
    let order = parking_lot::Mutex::new(Vec::new());
    let question = turns.share(ID, || async {
        go.notified().await;
        order.lock().push("question");
    });
    let alone = turns.alone(ID, || async { order.lock().push("alone") });

    tokio::join!(question, alone, async { go.notify_one() });

    assert_eq!(*order.lock(), ["question", "alone"]);
}

#[tokio::test]
async fn a_line_is_gone_when_all_have_left() {
    let turns = Turns::default();

    turns.share(ID, || async {}).await;
    drop(turns.share(ID, || async {}));
    let abandoned = turns.share(ID, std::future::pending);
    assert!(futures::FutureExt::now_or_never(abandoned).is_none());

    assert!(turns.lines.is_empty());
}
