//! Bringing the accounts of all cabinets to a broker, and who of them is there.

use std::sync::Mutex;

use chargeghar::clients::broker_admin::{Cabinets, Synced};
use chargeghar::link::{Link, LinkEvent};

use super::rig::*;

on_both_brokers! {
    a_sync_changes_what_differs_and_nothing_else
    sessions_are_told_by_a_broker_that_knows
    a_right_that_was_taken_or_given_by_others_is_put_right
}

async fn a_sync_changes_what_differs_and_nothing_else(rig: Rig) {
    let uuids: Vec<String> = (0..60).map(|n| format!("8600000001{n:05}")).collect();
    let wanted = |generation: u32| -> Cabinets {
        uuids.iter().map(|u| (u.as_str().into(), password(u, generation))).collect()
    };
    let told = Mutex::new(Vec::new());
    let progress = |made, of| told.lock().unwrap().push((made, of));

    let first = rig.admin.sync(&wanted(1), &progress).await.unwrap();
    let second = rig.admin.sync(&wanted(1), &|_, _| {}).await.unwrap();
    let mut fewer = wanted(2);
    fewer.pop_last();
    fewer.insert(uuids[0].as_str().into(), password(&uuids[0], 1));
    let third = rig.admin.sync(&fewer, &|_, _| {}).await.unwrap();

    // Two cabinets were there before.
    assert_eq!(first, Synced { added: 60, removed: 2, ..Synced::default() });
    assert_eq!(second, Synced { unchanged: 60, ..Synced::default() });
    assert_eq!(third, Synced { changed: 58, removed: 1, unchanged: 1, ..Synced::default() });
    let told = told.into_inner().unwrap();
    assert!(told.iter().all(|(made, of)| made <= of) && told.is_sorted());
    let (made, of) = *told.last().unwrap();
    assert_eq!(made, of);
    assert!(Cabinet::connect(&uuids[0], rig.options(&uuids[0])).await.is_ok());
    assert!(Cabinet::connect(&uuids[1], rig.options(&uuids[1])).await.is_err());
    assert!(Cabinet::connect(FIRST, rig.options(FIRST)).await.is_err());
}

async fn sessions_are_told_by_a_broker_that_knows(rig: Rig) {
    let mut link = rig.link().await;
    if matches!(rig.broker, TheBroker::Mosquitto(_)) {
        assert!(!link.link.tells_sessions());
        assert_eq!(rig.admin.sessions().await.unwrap(), None);
        return;
    }
    assert!(link.link.tells_sessions());

    let cabinet = rig.cabinet(FIRST).await;
    assert_eq!(session(&mut link).await, (FIRST.into(), true));
    assert_eq!(rig.admin.sessions().await.unwrap(), Some(vec![FIRST.into()]));
    let again = rig.cabinet(FIRST).await;
    assert_eq!(session(&mut link).await, (FIRST.into(), false));
    assert_eq!(session(&mut link).await, (FIRST.into(), true));
    cabinet.ended().await;
    again.leave().await;

    assert_eq!(session(&mut link).await, (FIRST.into(), false));
    assert_eq!(rig.admin.sessions().await.unwrap(), Some(vec![]));
}

async fn a_right_that_was_taken_or_given_by_others_is_put_right(rig: Rig) {
    let TheBroker::Mosquitto(broker) = &rig.broker else { return };
    let wanted: Cabinets =
        [FIRST, SECOND].iter().map(|uuid| ((*uuid).into(), password(uuid, 1))).collect();
    let sync = async || rig.admin.sync(&wanted, &|_, _| {}).await.unwrap();
    let may = async |uuid: &str, filter: String| {
        let cabinet = Cabinet::connect(uuid, rig.options(uuid)).await;
        cabinet.unwrap().subscribe(&filter).await
    };
    assert_eq!(sync().await, Synced { unchanged: 2, ..Synced::default() });
    broker.take_right(FIRST, &topic(FIRST, "heart")).await;
    broker.give_right(SECOND, &topic(FIRST, "get")).await;
    assert!(!may(FIRST, topic(FIRST, "heart")).await);
    assert!(may(SECOND, topic(FIRST, "get")).await);

    assert_eq!(sync().await, Synced { changed: 2, ..Synced::default() });

    assert!(may(FIRST, topic(FIRST, "heart")).await);
    assert!(!may(SECOND, topic(FIRST, "get")).await);
    assert_eq!(sync().await, Synced { unchanged: 2, ..Synced::default() });
}

async fn session(link: &mut TestLink) -> (domain::ids::DeviceUuid, bool) {
    loop {
        if let LinkEvent::Session { uuid, connected } = link.event().await {
            return (uuid, connected);
        }
    }
}
