//! Which facts are written together, and in which order.

use chrono::DateTime;
use domain::bank::{Condition, Custody};
use domain::ledger::{Gateway, Movement};
use domain::money::Money;
use futures::future::select;
use futures::poll;
use uuid::Uuid;

use super::*;
use crate::store::fact::BankWrite;

/// Longer than any test.
const APART: Duration = Duration::from_hours(1);

#[tokio::test]
async fn facts_of_one_row_wait_for_each_other_and_others_pass_by() {
    let queue = at_once(10);
    let answers: Vec<_> =
        ["a", "b", "a", "c", "a"].iter().map(|sn| push(&queue, bank(sn))).collect();

    let mut first = queue.next(10).await.unwrap();
    let jobs = first.take();
    assert_eq!(banks(&jobs), ["a", "b", "c"]);
    push(&queue, bank("d")).unwrap();
    let second = queue.next(10).await.unwrap();
    assert_eq!(banks(&second.jobs), ["d"]);
    drop((first, jobs));

    let mut third = queue.next(10).await.unwrap();
    assert_eq!(banks(&third.take()), ["a"]);
    drop(third);
    assert_eq!(banks(&queue.next(10).await.unwrap().jobs), ["a"]);
    assert_eq!((answers.len(), queue.len()), (5, 0));
}

#[tokio::test]
async fn a_fact_does_not_overtake_one_that_waits_for_a_row_they_share() {
    let queue = at_once(10);
    let both = Fact { banks: [bank("a").banks, bank("b").banks].concat(), ..bank("a") };
    push(&queue, bank("a")).unwrap();
    push(&queue, both).unwrap();
    push(&queue, bank("b")).unwrap();

    let batch = queue.next(10).await.unwrap();

    assert_eq!(banks(&batch.jobs), ["a"]);
    assert_eq!(queue.len(), 2);
}

#[tokio::test]
async fn accounts_repeat_within_a_batch_and_in_no_other() {
    let queue = at_once(10);
    for rider in [1, 1, 2] {
        push(&queue, money(rider)).unwrap();
    }

    let first = queue.next(2).await.unwrap();
    push(&queue, money(1)).unwrap();
    let second = queue.next(2).await.unwrap();

    assert_eq!((first.jobs.len(), second.jobs.len(), queue.len()), (2, 1, 1));
    drop(first);
    assert_eq!(queue.next(2).await.unwrap().jobs.len(), 1);
}

#[tokio::test]
async fn a_bound_refuses_and_what_waits_too_long_is_answered() {
    let queue = at_once(2);
    let old = queue.push(bank("a"), Duration::from_secs(1)).unwrap();
    let young = queue.push(bank("b"), Duration::from_secs(3)).unwrap();

    assert_eq!(push(&queue, bank("c")).err(), Some(CommitError::Busy));
    queue.expire(Duration::from_secs(2));
    assert_eq!(old.await.unwrap(), Err(CommitError::NotSent));
    queue.finish();
    assert_eq!(push(&queue, bank("c")).err(), Some(CommitError::NotSent));
    queue.close(&CommitError::Fenced);
    assert_eq!(young.await.unwrap(), Err(CommitError::Fenced));
    assert!(queue.next(10).await.is_none());
}

#[tokio::test]
async fn facts_that_keep_coming_share_a_batch_and_one_alone_waits_for_nothing() {
    let clock = Clock::manual();
    let queue = Arc::new(Queue::new(10, APART, clock.clone()));
    push(&queue, bank("a")).unwrap();
    assert_eq!(banks(&queue.next(10).await.unwrap().jobs), ["a"]);

    push(&queue, bank("b")).unwrap();
    let [mut one, mut other] = [0, 1].map(|_| Box::pin(queue.next(10)));
    for sn in ["c", "d"] {
        assert!(poll!(one.as_mut()).is_pending() && poll!(other.as_mut()).is_pending());
        push(&queue, bank(sn)).unwrap();
    }
    clock.advance(APART);

    let (batch, _) = select(other, one).await.factor_first();
    assert_eq!(banks(&batch.unwrap().jobs), ["b", "c", "d"]);
}

#[tokio::test]
async fn a_full_batch_and_the_last_one_wait_for_no_time() {
    let queue = Arc::new(Queue::new(10, APART, Clock::manual()));
    for sn in ["a", "b", "c", "d"] {
        push(&queue, bank(sn)).unwrap();
    }

    let full = [queue.next(1).await.unwrap(), queue.next(2).await.unwrap()];
    queue.finish();
    let last = queue.next(2).await.unwrap();

    assert_eq!(full.map(|batch| batch.jobs.len()), [1, 2]);
    assert_eq!(banks(&last.jobs), ["d"]);
}

fn at_once(bound: usize) -> Arc<Queue> {
    Arc::new(Queue::new(bound, Duration::ZERO, Clock::manual()))
}

fn push(queue: &Queue, fact: Fact) -> Result<oneshot::Receiver<Answer>, CommitError> {
    queue.push(fact, Duration::ZERO)
}

fn bank(sn: &str) -> Fact {
    let write = BankWrite {
        sn: sn.into(),
        before: None,
        custody: Custody::Missing,
        condition: Condition::Good,
        consumed: vec![],
        cause: "gone",
        rental: None,
    };
    Fact { banks: vec![write], ..Fact::at(DateTime::UNIX_EPOCH) }
}

fn money(rider: i64) -> Fact {
    let movement = Movement::TopUp {
        rider: RiderId(rider),
        intent: IntentId(Uuid::nil()),
        gateway: Gateway::Sandbox,
        amount: Money::rupees(1),
    };
    Fact { movements: vec![movement], ..Fact::at(DateTime::UNIX_EPOCH) }
}

fn banks(jobs: &[Job]) -> Vec<&str> {
    jobs.iter().map(|job| job.fact.banks[0].sn.as_str()).collect()
}
