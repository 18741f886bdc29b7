//! Acknowledgements in order, and what happens to frames that fail.

use futures::FutureExt;

use super::held::PAUSE_MAX;
use super::*;
use crate::link::inbox::inbox;
use crate::link::{Events, LinkEvent};

const BYTES_MAX: usize = 10_000;

struct Setup {
    line: Arc<Line>,
    events: Events,
    acked: Arc<Mutex<Vec<u16>>>,
    clock: Clock,
}

#[tokio::test]
async fn acknowledgements_leave_in_the_order_of_arrival() {
    let mut setup = setup(10);
    for packet_id in 1..=4 {
        setup.enter(packet_id);
    }
    let mut acks: Vec<Ack> = Vec::new();
    for _ in 1..=4 {
        acks.push(setup.read().ack.unwrap());
    }
    let mut acks = acks.into_iter();
    let (first, second, third, fourth) =
        (acks.next().unwrap(), acks.next().unwrap(), acks.next().unwrap(), acks.next().unwrap());

    third.confirm();
    second.confirm();
    assert_eq!(setup.acked(), [0; 0]);

    first.confirm();
    assert_eq!(setup.acked(), [1, 2, 3]);

    fourth.confirm();
    assert_eq!(setup.acked(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn the_end_of_a_connection_tells_since_when_something_is_not_settled() {
    let mut setup = setup(1);
    assert_eq!(setup.line.end(), None);
    setup.enter(1);
    setup.read().ack.unwrap().confirm();
    setup.clock.advance(Duration::from_mins(1));
    let before = setup.clock.now();
    setup.enter(2);
    let after = setup.clock.now();
    setup.clock.advance(Duration::from_mins(1));
    setup.enter(3);

    let second = setup.line.end().unwrap();
    assert!(before <= second && second <= after);
    assert_eq!(setup.line.end(), None);

    setup.enter_from("860602069165357", 4, &"x".repeat(BYTES_MAX + 1));
    assert!(setup.line.end().is_some_and(|unkept| unkept > after));
}

#[tokio::test]
async fn what_needs_nobody_waits_for_its_turn() {
    let mut setup = setup(10);
    setup.line.settled(1);
    setup.enter(2);
    setup.line.settled(3);
    assert_eq!(setup.acked(), [1]);

    setup.read().ack.unwrap().confirm();

    assert_eq!(setup.acked(), [1, 2, 3]);
}

#[tokio::test]
async fn a_lost_frame_comes_again_as_it_was_and_holds_those_behind_it() {
    let mut setup = setup(10);
    setup.enter(1);
    setup.enter(2);
    let first = setup.read();
    let (at, payload) = (first.at, first.payload.clone());

    drop(first);
    setup.read().ack.unwrap().confirm();
    assert_eq!(setup.acked(), [0; 0]);
    setup.pass(Duration::from_secs(1)).await;

    let again = setup.read();
    assert_eq!((again.at, &again.payload, again.live), (at, &payload, true));
    again.ack.unwrap().confirm();
    assert_eq!(setup.acked(), [1, 2]);
}

#[tokio::test]
async fn a_frame_that_fails_for_itself_is_set_aside() {
    let mut setup = setup(100);
    setup.enter(1);

    // Others go on: after two minutes it is clear that it is this frame.
    for packet_id in 2..=40 {
        setup.enter(packet_id);
        setup.fail_frame_one();
        setup.pass(PAUSE_MAX).await;
    }

    setup.fail_frame_one();
    assert_eq!(setup.acked(), (1..=40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_frame_that_fails_while_nothing_is_confirmed_is_never_set_aside() {
    let mut setup = setup(100);
    setup.enter(1);

    for _ in 0..100 {
        setup.fail_frame_one();
        setup.pass(PAUSE_MAX).await;
    }

    assert_eq!(setup.acked(), [0; 0]);
}

#[tokio::test]
async fn frames_of_several_cabinets_that_fail_are_never_set_aside() {
    let mut setup = setup(100);
    setup.enter_from("860602069165357", 1, "1");
    setup.enter_from("860000000000017", 2, "1");

    for packet_id in 3..=60 {
        setup.enter(packet_id);
        setup.fail_frame_one();
        setup.pass(PAUSE_MAX).await;
    }

    assert_eq!(setup.acked(), [0; 0]);
}

#[tokio::test]
async fn a_postponed_frame_comes_again_as_often_as_it_takes() {
    let mut setup = setup(10);
    setup.enter(1);

    for _ in 0..100 {
        setup.read().ack.unwrap().postpone();
        setup.pass(PAUSE_MAX).await;
    }

    assert_eq!(setup.acked(), [0; 0]);
    setup.read().ack.unwrap().confirm();
    assert_eq!(setup.acked(), [1]);
}

#[tokio::test]
async fn beyond_the_bound_frames_wait_in_their_order() {
    let mut setup = setup(2);
    for packet_id in 1..=5 {
        setup.enter(packet_id);
    }

    let first = setup.read();
    let second = setup.read();
    assert!(setup.events.next().now_or_never().is_none());
    second.ack.unwrap().confirm();
    setup.pass(Duration::ZERO).await;
    let third = setup.read();
    assert_eq!(third.payload, "3");
    assert!(setup.events.next().now_or_never().is_none());
    setup.enter(6);

    first.ack.unwrap().confirm();
    third.ack.unwrap().confirm();
    setup.pass(Duration::ZERO).await;
    for packet_id in 4..=6 {
        let update = setup.read();
        assert_eq!(update.payload, packet_id.to_string());
        update.ack.unwrap().confirm();
        setup.pass(Duration::ZERO).await;
    }
    assert_eq!(setup.acked(), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn what_is_too_much_stays_with_the_broker_and_a_new_connection_is_asked_for() {
    let mut setup = setup(10);
    let half = "x".repeat(BYTES_MAX / 2);
    for packet_id in 1..=3 {
        setup.enter_from("860602069165357", packet_id, &half);
    }

    setup.read().ack.unwrap().confirm();
    assert!(setup.line.blocked().now_or_never().is_none());
    setup.read().ack.unwrap().confirm();

    assert!(setup.line.blocked().now_or_never().is_some());
    assert_eq!(setup.acked(), [1, 2]);
    setup.enter_from("860602069165357", 4, &half);
    assert_eq!(setup.read().payload, half, "there is room again");
}

#[tokio::test]
async fn a_frame_sent_at_most_once_comes_again_too_but_is_not_acknowledged() {
    let mut setup = setup(1);
    setup.enter(0);
    setup.enter_from("860602069165357", 0, &"x".repeat(BYTES_MAX));
    drop(setup.read());
    setup.pass(PAUSE_MAX).await;

    setup.read().ack.unwrap().confirm();

    assert_eq!(setup.acked(), [0; 0]);
    assert!(setup.line.blocked().now_or_never().is_none(), "the one without room is gone");
}

#[tokio::test]
async fn a_receipt_of_an_earlier_connection_acknowledges_nothing() {
    let mut setup = setup(10);
    setup.enter(1);
    let old = setup.read();

    setup.reconnect();
    setup.enter(1);
    old.ack.unwrap().confirm();
    assert_eq!(setup.acked(), [0; 0]);

    setup.read().ack.unwrap().confirm();
    assert_eq!(setup.acked(), [1]);
}

#[tokio::test]
async fn what_failed_before_a_reconnect_comes_only_from_the_broker() {
    let mut setup = setup(10);
    setup.enter(1);
    drop(setup.read());

    setup.reconnect();
    setup.pass(PAUSE_MAX).await;

    assert!(setup.events.next().now_or_never().is_none());
}

#[tokio::test]
async fn a_frame_nobody_answers_for_comes_again_and_either_answer_counts() {
    let mut setup = setup(10);
    setup.enter(1);
    let held = setup.read();
    setup.pass(Duration::from_secs(59)).await;
    assert!(setup.events.next().now_or_never().is_none());

    setup.pass(LOOK_EVERY).await;
    let again = setup.read();
    drop(held.ack);
    setup.pass(PAUSE_MAX).await;
    assert!(setup.events.next().now_or_never().is_none(), "the earlier one no longer counts");

    again.ack.unwrap().confirm();
    assert_eq!(setup.acked(), [1]);
}

#[tokio::test]
async fn a_late_confirmation_counts_though_the_frame_came_again() {
    let mut setup = setup(10);
    setup.enter(1);
    let held = setup.read();
    setup.pass(Duration::from_secs(66)).await;
    let again = setup.read();

    held.ack.unwrap().confirm();
    assert_eq!(setup.acked(), [1]);

    drop(again);
    setup.pass(PAUSE_MAX).await;
    assert!(setup.events.next().now_or_never().is_none());
}

fn setup(out_max: usize) -> Setup {
    let clock = Clock::manual();
    let (inbox, events) = inbox(out_max);
    let bounds = Bounds { out_max, bytes_max: BYTES_MAX };
    let line = Line::new(inbox, bounds, clock.clone(), Entropy::seeded(1));
    let setup = Setup { line, events, acked: Arc::default(), clock };
    setup.reconnect();
    setup
}

impl Setup {
    fn reconnect(&self) {
        let acked = Arc::clone(&self.acked);
        self.line.begin(Box::new(move |packet_id| acked.lock().push(packet_id)));
    }

    /// The payload is the packet's number.
    fn enter(&self, packet_id: u16) {
        self.enter_from("860602069165357", packet_id, &packet_id.to_string());
    }

    fn enter_from(&self, uuid: &str, packet_id: u16, payload: &str) {
        let (at, payload) = (self.clock.now(), Bytes::copy_from_slice(payload.as_bytes()));
        let frame =
            Frame { uuid: uuid.into(), payload, at, sent: Sent { live: true, earliest: at } };
        self.line.enter(packet_id, frame);
    }

    /// Reads everything: frames that say 1 are dropped, the others confirmed.
    fn fail_frame_one(&mut self) {
        while let Some(Some(LinkEvent::Message(message))) = self.events.next().now_or_never() {
            let ack = message.ack.unwrap();
            if message.payload == "1" { drop(ack) } else { ack.confirm() }
        }
    }

    #[track_caller]
    fn read(&mut self) -> Incoming {
        match self.events.next().now_or_never() {
            Some(Some(LinkEvent::Message(message))) => message,
            other => panic!("no message but {other:?}"),
        }
    }

    /// Time passes, second by second, and repetitions run.
    async fn pass(&self, duration: Duration) {
        let line = Arc::clone(&self.line);
        let mut repeat = Box::pin(line.repeat());
        let second = Duration::from_secs(1);
        for _ in 0..duration.as_secs() {
            assert!(repeat.as_mut().now_or_never().is_none());
            self.clock.advance(second);
            tokio::task::yield_now().await;
        }
        assert!(repeat.as_mut().now_or_never().is_none());
    }

    fn acked(&self) -> Vec<u16> {
        self.acked.lock().clone()
    }
}
