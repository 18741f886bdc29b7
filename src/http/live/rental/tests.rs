//! A rider hears how a rental goes, up to its end.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Sse};
use chrono::{DateTime, TimeDelta, Utc};
use domain::eject::NotOutReason;
use domain::ids::{CommandId, PackageId, RentalId, RiderId, SlotKey, StationId};
use domain::money::Money;
use domain::rental::{CancelReason, Phase, Rental};
use domain::tariff::{LateFee, Package, PackageKind, PaymentModel};
use domain::tender::Spent;
use futures::stream;
use tokio::sync::watch;
use uuid::Uuid;

use super::{Following, Mark, is_told};
use crate::actors::directory::Stored;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::board::tests::board_with;
use crate::http::live::seats::{Holder, Kind};

#[tokio::test]
async fn a_rider_hears_each_state_once_until_the_rental_is_over() {
    let (sender, states) = watch::channel(stored(Phase::Dispensing, 1));
    let mut following = following(&Clock::manual(), &states, None);
    assert!(next(&mut following).await.unwrap().starts_with("retry:"));

    let mut told = vec![next(&mut following).await.unwrap()];
    sender.send_replace(stored(active(), 2));
    told.push(next(&mut following).await.unwrap());
    sender.send_replace(stored(cancelled(), 3));
    told.push(next(&mut following).await.unwrap());

    for (event, (id, status)) in
        told.iter().zip([("7-1", "PENDING_POPUP"), ("7-2", "ACTIVE"), ("7-3", "CANCELLED")])
    {
        assert!(event.starts_with("event: rental\n"), "{event}");
        assert!(event.contains(&format!("id: {id}")), "{event}");
        assert!(event.contains(&format!("\"status\":\"{status}\"")), "{event}");
        assert!(event.contains("\"station_name\":\"Thamel Chowk\""), "{event}");
    }
    assert!(next(&mut following).await.is_none());
}

#[tokio::test]
async fn a_rental_that_is_over_is_told_once_and_then_not_asked_for_again() {
    let (_, states) = watch::channel(stored(cancelled(), 9));
    let last = Mark { epoch: 7, seq: 9 };
    assert!(!is_told(&states, 7, None));
    assert!(!is_told(&states, 8, Some(last)));
    assert!(is_told(&states, 7, Some(last)));

    let mut following = following(&Clock::manual(), &states, None);
    next(&mut following).await.unwrap();
    assert!(next(&mut following).await.unwrap().contains("id: 7-9"));
    assert!(next(&mut following).await.is_none());
}

#[tokio::test]
async fn who_knows_the_state_waits_for_the_next_and_who_knows_another_run_begins_anew() {
    let (sender, states) = watch::channel(stored(active(), 2));
    let mut knowing = following(&Clock::manual(), &states, Some(Mark { epoch: 7, seq: 2 }));
    let mut foreign = following(&Clock::manual(), &states, Some(Mark { epoch: 6, seq: 2 }));
    sender.send_replace(stored(cancelled(), 3));

    next(&mut knowing).await.unwrap();
    assert!(next(&mut knowing).await.unwrap().contains("CANCELLED"));
    next(&mut foreign).await.unwrap();
    assert!(next(&mut foreign).await.unwrap().contains("restarted"));
    assert!(next(&mut foreign).await.unwrap().contains("CANCELLED"));
}

#[tokio::test]
async fn a_stream_ends_with_the_token_that_opened_it() {
    let clock = Clock::manual();
    let (_sender, states) = watch::channel(stored(active(), 2));
    let mut following = following(&clock, &states, Some(Mark { epoch: 7, seq: 2 }));
    next(&mut following).await.unwrap();

    clock.advance(Duration::from_secs(15));
    assert!(next(&mut following).await.unwrap().starts_with(':'));
    clock.advance(Duration::from_mins(15));
    assert!(next(&mut following).await.is_none());
}

/// Follows for the 15 minutes that a token lives.
fn following(
    clock: &Clock,
    states: &watch::Receiver<Arc<Stored>>,
    last: Option<Mark>,
) -> Following {
    let board = board_with(&Config::default(), clock.clone());
    let seat = board.streams.enter(Kind::Rental, Holder::Rider(RiderId(1))).unwrap();
    let seat = seat.until(clock.now() + TimeDelta::minutes(15));
    Following::new(&board, seat, states.clone(), last)
}

/// The next event as it is on the wire.
async fn next(following: &mut Following) -> Option<String> {
    let event = following.next().await?;
    let events = stream::iter([Ok::<_, std::convert::Infallible>(event)]);
    let body = Sse::new(events).into_response().into_body();
    let bytes = axum::body::to_bytes(body, 1 << 16).await.unwrap();
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

fn active() -> Phase {
    Phase::Active { since: at(0), due_at: at(60) }
}

fn cancelled() -> Phase {
    Phase::Cancelled { at: at(2), reason: CancelReason::NotOut(NotOutReason::StillReadable) }
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

fn stored(phase: Phase, version: i32) -> Arc<Stored> {
    let package = Package {
        id: PackageId(Uuid::nil()),
        name: "1 hour".to_owned(),
        minutes: 60,
        price: Money::rupees(50),
        kind: PackageKind::Hourly,
        model: PaymentModel::Prepaid,
    };
    let rental = Rental {
        id: RentalId(Uuid::nil()),
        code: "ABCD1234".to_owned(),
        rider: RiderId(1),
        station: StationId(Uuid::from_u128(1)),
        key: SlotKey::new(0, 1),
        bank: "7001".into(),
        package,
        late_fee: LateFee::standard(),
        command: CommandId(Uuid::nil()),
        created_at: at(0),
        publish_before: at(0),
        start_level: Some(95),
        cancel_requested: false,
        unassigned: false,
        claims: vec![],
        held: Money::rupees(50),
        paid: Money::rupees(0),
        owed: Money::rupees(0),
        written_off: Money::ZERO,
        by_points: Spent::default(),
        phase,
    };
    Arc::new(Stored { rental, version, settle_until: at(25) })
}
