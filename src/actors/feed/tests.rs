//! A listener resumes where it was, or begins anew.

use std::sync::Arc;

use domain::presence::Shown;
use uuid::Uuid;

use super::{Beginning, Feed};
use crate::actors::availability::{Info, Kept, StationView};
use crate::store::stations::Particulars;

#[test]
fn a_listener_that_comes_back_gets_only_what_it_missed() {
    let feed = Feed::new(3);
    for _ in 0..5 {
        feed.publish(view());
    }

    let (beginning, _) = feed.subscribe(Some((3, 3)));

    let Beginning::Resume(missed) = beginning else { panic!("{beginning:?}") };
    assert_eq!(missed.iter().map(|update| update.seq).collect::<Vec<_>>(), [4, 5]);
}

#[test]
fn another_epoch_or_too_long_an_absence_begins_anew() {
    let feed = Feed::new(3);
    for _ in 0..2000 {
        feed.publish(view());
    }

    for last in [None, Some((2, 1999)), Some((3, 10))] {
        let (beginning, _) = feed.subscribe(last);
        assert!(matches!(beginning, Beginning::Reset { seq: 2000 }), "{last:?}");
    }
}

fn view() -> Arc<StationView> {
    let info = Info {
        id: domain::ids::StationId(Uuid::nil()),
        uuid: "860000000000017".into(),
        serial: "S1".into(),
        credential_generation: 1,
        about: Particulars::new("", 0.0, 0.0),
    };
    Arc::new(StationView {
        info: Arc::new(info),
        shown: Shown::Online,
        maintenance: false,
        stale: false,
        slots: vec![],
        free_slots: 0,
        banks: 0,
        version: 1,
        kept: Kept::default(),
    })
}
