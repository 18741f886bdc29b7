//! Banks are in one place at a time.

use super::*;

fn rack() -> Rack {
    let mut rack = Rack::new(&Layout::counted(&[4]));
    rack.put(key(2), Bank::new("1001"));
    rack
}

fn key(slot: u16) -> SlotKey {
    SlotKey::new(0, slot)
}

fn sn(text: &str) -> Sn {
    Sn::from(text)
}

#[test]
fn a_released_bank_waits_in_the_opening_and_blocks_its_slot() {
    let mut rack = rack();

    assert_eq!(rack.release(key(2), Duration::ZERO), Some(sn("1001")));

    assert_eq!(rack.find(&sn("1001")), None);
    assert_eq!(rack.room(&sn("1002"), Some(key(2))), Err(InsertError::Taken(key(2))));
    assert_eq!(rack.take(&sn("1001")).map(|bank| bank.sn), Some(sn("1001")));
    assert_eq!(rack.room(&sn("1002"), Some(key(2))), Ok(key(2)));
    assert_eq!(rack.take(&sn("1001")), None);
}

#[test]
fn a_bank_goes_into_the_first_free_slot() {
    let mut rack = rack();

    for (n, slot) in [(1, 1), (2, 3), (3, 4)] {
        let bank = Bank::new(format!("{n}").as_str());
        let found = rack.room(&bank.sn, None).expect("a free slot");
        assert_eq!(found, key(slot));
        rack.put(found, bank);
    }

    assert_eq!(rack.room(&sn("9"), None), Err(InsertError::Full));
    assert_eq!(rack.room(&sn("9"), Some(key(7))), Err(InsertError::NoSuchSlot(key(7))));
    assert_eq!(rack.room(&sn("1001"), None), Err(InsertError::Inside(sn("1001"))));
}

#[test]
fn reports_show_a_released_bank_until_the_slot_has_settled() {
    let mut rack = rack();
    let settled = Duration::from_secs(3);

    rack.release(key(2), settled);

    let slot = rack.slot(key(2)).expect("slot 2");
    assert!(slot.shown(Duration::from_secs(2)).is_some());
    assert!(slot.shown(settled).is_none());
}

#[test]
fn banks_charge_under_power_only() {
    let mut rack = rack();
    let minute = Some(Duration::from_mins(1));
    let level = |rack: &Rack| rack.slot(key(2)).and_then(|s| s.bank.as_ref()).map(|b| b.level);

    rack.charge(Duration::from_secs(150), minute, true);
    assert_eq!(level(&rack), Some(98));

    rack.charge(Duration::from_mins(100), minute, false);
    rack.charge(Duration::from_mins(101), minute, true);
    assert_eq!(level(&rack), Some(99));

    rack.charge(Duration::from_mins(1000), minute, true);
    assert_eq!(level(&rack), Some(100));
}
