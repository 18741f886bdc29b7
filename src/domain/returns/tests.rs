//! Which returns close a rental at once.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Claim, Source, earliest};
use crate::bank::Fingerprint;
use crate::ids::StationId;

const YOUNG: TimeDelta = TimeDelta::seconds(60);

#[test]
fn a_live_event_on_the_trusted_session_is_enough_after_a_minute() {
    assert!(claim().is_enough(at(0), YOUNG, &[]));
    assert!(!claim().is_enough(at(60), YOUNG, &[]), "young");
}

#[test]
fn http_backlog_and_replayed_bytes_are_never_enough() {
    let used = [Fingerprint(7)];

    assert!(!Claim { source: Source::HttpReturn, ..claim() }.is_enough(at(0), YOUNG, &[]));
    assert!(!Claim { source: Source::HttpReport, ..claim() }.is_enough(at(0), YOUNG, &[]));
    assert!(!Claim { live: false, ..claim() }.is_enough(at(0), YOUNG, &[]));
    assert!(!claim().is_enough(at(0), YOUNG, &used));
}

#[test]
fn the_earliest_claim_at_the_cabinet_counts() {
    let later = Claim { at: at(200), earliest: at(90), ..claim() };
    let elsewhere = Claim { station: StationId(Uuid::max()), earliest: at(1), ..claim() };
    let claims = [claim(), later.clone(), elsewhere];

    assert_eq!(earliest(&claims, claim().station), Some(&later));
}

fn claim() -> Claim {
    Claim {
        station: StationId(Uuid::nil()),
        key: None,
        source: Source::Event,
        at: at(100),
        earliest: at(100),
        live: true,
        frame: Some(Fingerprint(7)),
        level: Some(50),
    }
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}
