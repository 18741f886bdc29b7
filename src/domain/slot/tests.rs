//! A slot is free, and a bank is offered, only where the table says so.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Ejecting, Reading, Rules, Slot, SlotFault, SlotState, Standing};
use crate::ids::{CommandId, SlotKey, Sn};

#[test]
fn a_working_bank_with_enough_charge_is_rentable() {
    assert!(occupied().is_rentable(&Rules::default(), now()));
}

#[test]
fn unknown_states_and_faults_are_never_free() {
    for state in [
        SlotState::Fault(SlotFault::Communication),
        SlotState::Fault(SlotFault::AntiTheft),
        SlotState::Fault(SlotFault::TypeCShort),
        SlotState::Fault(SlotFault::ReturnStuck),
        SlotState::Reserved(0x07),
        SlotState::Reserved(0x77),
    ] {
        let slot = told(Reading { state, ..reading() });
        assert_eq!(slot.standing(now()), Standing::Faulted, "{state:?}");
        assert!(!slot.is_rentable(&Rules::default(), now()), "{state:?}");
    }
}

#[test]
fn a_sensor_that_contradicts_the_state_makes_the_slot_faulted() {
    let pressed = Reading { state: SlotState::Empty, sn: None, switch_open: false, ..reading() };
    let open = Reading { switch_open: true, ..reading() };
    let empty = Slot { bank: None, ..told(pressed) };

    assert_eq!(empty.standing(now()), Standing::Faulted);
    assert_eq!(told(open).standing(now()), Standing::Faulted);
}

#[test]
fn an_unknown_or_low_level_and_a_hot_bank_are_not_offered() {
    for reading in [
        Reading { level: None, ..reading() },
        Reading { level: Some(19), ..reading() },
        Reading { temperature: Some(61), ..reading() },
        Reading { sn: Some("2".into()), ..reading() },
    ] {
        assert!(!told(reading.clone()).is_rentable(&Rules::default(), now()), "{reading:?}");
    }
    let unknown_temperature = told(Reading { temperature: None, ..reading() });
    assert!(unknown_temperature.is_rentable(&Rules::default(), now()));
}

#[test]
fn a_held_bank_is_not_offered_until_its_hold_runs_out() {
    let mut slot = occupied();
    let ttl = TimeDelta::seconds(10);
    let (one, two) = (command(1), command(2));

    slot.hold(&sn(), one, now(), ttl, &Rules::default()).unwrap();

    assert_eq!(slot.standing(now()), Standing::Held);
    assert!(slot.hold(&sn(), two, now(), ttl, &Rules::default()).is_err());
    slot.release(two);
    assert_eq!(slot.standing(now()), Standing::Held);
    assert!(slot.is_rentable(&Rules::default(), now() + ttl));
}

#[test]
fn a_slot_nobody_reported_since_the_start_offers_nothing() {
    let slot = Slot { stale: true, ..occupied() };

    assert_eq!(slot.standing(now()), Standing::Stale);
    assert!(!slot.is_rentable(&Rules::default(), now()));
}

#[test]
fn a_slot_under_maintenance_keeps_its_bank_and_offers_it_to_nobody() {
    let mut slot = Slot { maintenance: true, ..occupied() };
    let (sn, ttl) = (sn(), TimeDelta::seconds(10));

    assert_eq!(slot.standing(now()).app_status(), "MAINTENANCE");
    assert!(!slot.is_rentable(&Rules::default(), now()));
    assert!(slot.hold(&sn, command(1), now(), ttl, &Rules::default()).is_err());
    assert_eq!(slot.bank, Some(sn));
    slot.occupy(None, false);
    assert_eq!(slot.standing(now()), Standing::Maintenance, "nor is it free for a return");
}

#[test]
fn a_slot_whose_bank_left_is_empty_without_waiting_for_a_report() {
    let mut slot = Slot { eject: Some(Ejecting::Sent), ..occupied() };

    slot.occupy(None, false);

    assert_eq!(slot.standing(now()), Standing::Empty);
}

#[test]
fn a_bank_that_is_being_ejected_is_neither_offered_nor_free() {
    let slot = Slot { eject: Some(Ejecting::Verify), ..occupied() };

    assert_eq!(slot.standing(now()).app_status(), "OCCUPIED");
    assert!(!slot.is_rentable(&Rules::default(), now()));
}

fn occupied() -> Slot {
    told(reading())
}

fn told(reading: Reading) -> Slot {
    let mut slot = Slot { bank: Some(sn()), offered: true, ..Slot::new(SlotKey::new(0, 1)) };
    slot.observe(reading);
    slot
}

fn reading() -> Reading {
    Reading {
        state: SlotState::Normal,
        sn: Some(sn()),
        level: Some(80),
        temperature: Some(25),
        switch_open: false,
        at: now(),
    }
}

fn sn() -> Sn {
    "40818048".into()
}

fn command(n: u128) -> CommandId {
    CommandId(Uuid::from_u128(n))
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}
