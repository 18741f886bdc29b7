//! Who waits for the lane is looked at when something may have changed, and not before.

use chrono::TimeDelta;
use domain::ids::CommandId;
use uuid::Uuid;

use super::*;

#[test]
fn a_start_that_waits_for_its_turn_is_not_looked_at_between_the_check_and_its_end() {
    let settings = Settings::default();
    let now = DateTime::UNIX_EPOCH;
    let (until, confirmed_by) = (now + settings.publish_within, now + settings.unconfirmed_check);
    let eject = OpenEject::published(
        CommandId(Uuid::nil()),
        domain::ids::RentalId(Uuid::nil()),
        "40818048".into(),
        SlotKey::new(0, 1),
        now,
    );
    let (reply, _) = tokio::sync::oneshot::channel();
    let reserve = Reserve { command: CommandId(Uuid::max()), wanted: None, reply: reply.into() };
    let waiting = Waiting { reserve, until, confirmed_by };
    let mut lane = Lane { eject: Some(eject), waiting: Some(waiting), ..Lane::default() };
    assert_eq!(lane.next_due(&settings), Some(confirmed_by));

    lane.waiting = lane.waiting.map(Waiting::for_its_turn);

    assert_eq!(lane.next_due(&settings), Some(until), "no second in which it is always due");
}

#[test]
fn a_bank_is_engaged_for_ten_minutes_and_no_other_one_is() {
    let (mut engaged, now) = (Engaged::default(), DateTime::UNIX_EPOCH);
    let (one, other) = (Sn::from("40818048"), Sn::from("40818049"));

    engaged.note(one.clone(), now);

    assert!(engaged.has(&one, now + TimeDelta::minutes(9)) && !engaged.has(&other, now));
    assert!(!engaged.has(&one, now + TimeDelta::minutes(10)));
}
