//! Who waits for the lane is looked at when something may have changed, and not before.

use domain::eject::{Step, Timing};
use domain::ids::RentalId;
use domain::slot::{Reading, SlotState};
use domain::station::Snapshot;
use uuid::Uuid;

use super::*;
use crate::actors::station::verify::Look;

#[test]
fn a_start_that_waits_for_its_turn_is_not_looked_at_between_the_check_and_its_end() {
    let settings = Settings::default();
    let now = DateTime::UNIX_EPOCH;
    let (until, confirmed_by) = (now + settings.publish_within, now + settings.unconfirmed_check);
    let eject = published("40818048", 1);
    let (reply, _) = tokio::sync::oneshot::channel();
    let reserve = Reserve { command: CommandId(Uuid::max()), wanted: None, reply: reply.into() };
    let waiting = Waiting { reserve, until, confirmed_by };
    let mut lane = Lane { eject: Some(eject), waiting: Some(waiting), ..Lane::default() };
    assert_eq!(lane.next_due(&settings), Some(confirmed_by));

    lane.waiting = lane.waiting.map(Waiting::for_its_turn);

    assert_eq!(lane.next_due(&settings), Some(until), "no second in which it is always due");
}

#[test]
fn an_eject_whose_end_is_proved_takes_the_turn_of_one_that_cannot_be_settled() {
    let (open, other) = (recovered("40818048", 1), recovered("40818049", 2));
    let mut lane = Lane { later: [other.clone()].into(), ..Lane::default() };
    lane.resume(open.clone());
    let empty = shows_empty(other.key);
    let at = |second| Look { snapshot: &empty, whole: true, at: second_of(second) };

    assert_eq!(lane.prove_later(at(5), &Timing::default()), Proof::WantsCheck);
    let ended = lane.prove_later(at(6), &Timing::default());

    let out = Settlement::Out { at: second_of(6) };
    assert_eq!(ended, Proof::TookTurn(Step::Settled(out)));
    assert_eq!(lane.eject.as_ref().map(|eject| &eject.sn), Some(&other.sn));
    assert_eq!(lane.later.iter().map(|eject| &eject.sn).collect::<Vec<_>>(), [&open.sn]);
}

#[test]
fn an_eject_whose_answer_may_still_come_or_is_being_stored_keeps_its_turn() {
    let mut other = recovered("40818049", 2);
    let _ = other.tick(second_of(5), &Timing::default()); // it was asked for
    let (empty, timing) = (shows_empty(other.key), Timing::default());
    let look = Look { snapshot: &empty, whole: true, at: second_of(10) };
    let mut awaiting = Lane { later: [other.clone()].into(), ..Lane::default() };
    awaiting.eject = Some(published("40818048", 1));
    let mut settled = Lane { later: [other].into(), ..Lane::default() };
    settled.resume(recovered("40818048", 1));
    settled.settlement = Some(Settlement::Out { at: second_of(9) });

    for mut lane in [awaiting, settled] {
        assert_eq!(lane.prove_later(look, &timing), Proof::None);
        assert_eq!(lane.eject.as_ref().map(|eject| eject.sn.as_str()), Some("40818048"));
    }
}

#[test]
fn a_bank_is_engaged_for_ten_minutes_and_no_other_one_is() {
    let (mut engaged, now) = (Engaged::default(), DateTime::UNIX_EPOCH);
    let (one, other) = (Sn::from("40818048"), Sn::from("40818049"));

    engaged.note(one.clone(), now);

    assert!(engaged.has(&one, now + TimeDelta::minutes(9)) && !engaged.has(&other, now));
    assert!(!engaged.has(&one, now + TimeDelta::minutes(10)));
}

fn published(sn: &str, slot: u16) -> OpenEject {
    let (command, rental) = (CommandId(Uuid::nil()), RentalId(Uuid::nil()));
    OpenEject::published(command, rental, sn.into(), SlotKey::new(0, slot), second_of(0))
}

fn recovered(sn: &str, slot: u16) -> OpenEject {
    let (command, rental) = (CommandId(Uuid::nil()), RentalId(Uuid::nil()));
    OpenEject::recovered(command, rental, sn.into(), SlotKey::new(0, slot), second_of(0))
}

fn shows_empty(key: SlotKey) -> Snapshot {
    let (state, at) = (SlotState::Empty, second_of(5));
    let reading =
        Reading { state, sn: None, level: None, temperature: None, switch_open: true, at };
    Snapshot { slots: [(key, reading)].into(), ..Snapshot::default() }
}

fn second_of(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}
