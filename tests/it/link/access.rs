//! Who may say and hear what, on either broker: a cabinet its own topics by name, the service
//! the topics of all.

use chargeghar::link::Link;
use rumqttc::QoS;

use super::rig::*;

on_both_brokers! {
    a_cabinet_speaks_and_listens_on_its_own_topics_only
    a_cabinet_enters_by_its_own_name_and_password_only
    a_removed_cabinet_is_cut_off
    a_changed_password_lets_only_the_new_one_in
    the_service_has_no_more_rights_than_it_needs
}

async fn a_cabinet_speaks_and_listens_on_its_own_topics_only(rig: Rig) {
    let mut link = rig.link().await;
    let mut intruder = rig.cabinet(FIRST).await;
    let mut victim = rig.cabinet(SECOND).await;

    for filter in [
        topic(SECOND, "get"),
        topic(SECOND, "heart"),
        topic(SECOND, "update"),
        topic("+", "get"),
        topic("+", "heart"),
        topic(FIRST, "update"),
        "#".to_owned(),
        "$SYS/#".to_owned(),
        "$CONTROL/dynamic-security/v1/response".to_owned(),
        "/chargeghar/marker/chargeghar-updates".to_owned(),
    ] {
        assert!(!intruder.subscribe(&filter).await, "{filter}");
    }
    for word in ["update", "heart", "get"] {
        intruder.publish(&topic(SECOND, word), QoS::AtLeastOnce, b"forged").await;
    }
    intruder.publish(&topic(FIRST, "get"), QoS::AtLeastOnce, b"forged").await;
    let marker = "/chargeghar/marker/chargeghar-updates";
    intruder.publish(marker, QoS::AtLeastOnce, b"forged").await;
    intruder.received(5).await;
    intruder.update("mine").await;
    victim.beat("beat").await;

    assert_eq!(confirm(link.update().await), "mine");
    assert_eq!(victim.message().await, ("heart".into(), "beat".into()));
    intruder.beat("beat").await;
    assert_eq!(intruder.message().await, ("heart".into(), "beat".into()));
}

async fn a_cabinet_enters_by_its_own_name_and_password_only(rig: Rig) {
    let mut wrong_word = rig.options(FIRST);
    wrong_word.set_credentials(FIRST, password(SECOND, 1).expose());
    assert!(Cabinet::connect(FIRST, wrong_word).await.is_err());

    let mut other_name = rig.options(SECOND);
    other_name.set_credentials(FIRST, password(FIRST, 1).expose());
    assert!(Cabinet::connect(SECOND, other_name).await.is_err());

    assert!(Cabinet::connect("stranger", rig.options("stranger")).await.is_err());
    assert!(Cabinet::connect(FIRST, rig.options(FIRST)).await.is_ok());
}

async fn a_removed_cabinet_is_cut_off(rig: Rig) {
    let cabinet = rig.cabinet(FIRST).await;

    rig.admin.remove(&FIRST.into()).await.unwrap();
    cabinet.ended().await;

    assert!(Cabinet::connect(FIRST, rig.options(FIRST)).await.is_err());
    rig.admin.remove(&FIRST.into()).await.unwrap();
    rig.enrol([FIRST]).await;
    assert!(Cabinet::connect(FIRST, rig.options(FIRST)).await.is_ok());
}

async fn a_changed_password_lets_only_the_new_one_in(rig: Rig) {
    rig.admin.put(&FIRST.into(), &password(FIRST, 2)).await.unwrap();
    rig.admin.put(&FIRST.into(), &password(FIRST, 2)).await.unwrap();

    assert!(Cabinet::connect(FIRST, rig.options(FIRST)).await.is_err());
    let mut options = rig.options(FIRST);
    options.set_credentials(FIRST, password(FIRST, 2).expose());
    assert!(Cabinet::connect(FIRST, options).await.is_ok());
}

async fn the_service_has_no_more_rights_than_it_needs(rig: Rig) {
    // leaves a session that goes on listening for updates
    rig.link().await.link.close().await;
    let address = &rig.settings.address;
    let mut options = rig.options(&rig.settings.hearts_id());
    options.set_credentials(&address.username, address.password.expose());
    let mut service = Cabinet::connect(FIRST, options).await.unwrap();

    for filter in [topic("+", "get"), topic(FIRST, "update"), "/powerbank/#".into(), "#".into()] {
        assert!(!service.subscribe(&filter).await, "{filter}");
    }
    assert!(service.subscribe(&topic("+", "heart")).await);
    let mut cabinet = rig.cabinet(FIRST).await;
    service.send_update("forged").await;
    service.beat("forged").await;
    service.received(1).await;
    cabinet.update("mine").await;
    cabinet.beat("beat").await;

    assert_eq!(cabinet.message().await, ("heart".into(), "beat".into()));
    let mut link = rig.link().await;
    assert_eq!(confirm(link.update().await), "mine");
}
