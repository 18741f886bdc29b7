//! The neutral vocabulary: what a report proves, and names that others rely on.

use std::collections::BTreeSet;

use domain::ids::{SlotKey, Sn};
use domain::slot::SlotState;

use super::*;

#[test]
fn a_report_without_rows_is_never_whole() {
    assert!(!report(vec![]).is_whole());
    assert!(report(vec![reading(1, None)]).is_whole());
    assert!(!Report { exact: false, ..report(vec![reading(1, None)]) }.is_whole());
    let stray = vec![reading(1, Some("7"))];
    assert!(!Report { stray, ..report(vec![reading(1, None)]) }.is_whole());
}

#[test]
fn coverage_names_what_is_missing_and_what_is_new() {
    let known: BTreeSet<SlotKey> = [SlotKey::new(0, 1), SlotKey::new(0, 2)].into();
    let coverage = report(vec![reading(2, None), reading(3, None)]).coverage(&known);
    assert_eq!(coverage.missing, [SlotKey::new(0, 1)]);
    assert_eq!(coverage.extra, [SlotKey::new(0, 3)]);
    assert!(!coverage.is_exact());
    assert!(report(vec![reading(1, None), reading(2, None)]).coverage(&known).is_exact());
}

#[test]
fn a_stray_row_shows_its_bank_but_holds_no_slot() {
    let sn = Sn::from("40818048");
    let stray = vec![reading(1, Some("40818048"))];
    let report = Report { stray, ..report(vec![reading(1, None)]) };
    assert!(report.shows(&sn));
    assert_eq!(report.find(&sn), None);
    assert_eq!(report.slot(SlotKey::new(0, 1)).map(|slot| &slot.sn), Some(&None));
}

fn report(slots: Vec<SlotReading>) -> Report {
    let (boards, stray) = (vec![], vec![]);
    let layout = Layout::Marker;
    Report { layout, exact: true, boards, slots, stray, phantom: 0, signal: None }
}

fn reading(slot: u16, sn: Option<&str>) -> SlotReading {
    SlotReading {
        key: SlotKey::new(0, slot),
        state: if sn.is_some() { SlotState::Normal } else { SlotState::Empty },
        sn: sn.map(Sn::from),
        level: None,
        temperature: None,
        cell_mv: None,
        charge_decivolts: None,
        charge_deciamps: None,
        bank_deciamps: 0,
        bank_version: 0,
        area: 0,
        switch_open: sn.is_none(),
        solenoid_open: false,
    }
}
