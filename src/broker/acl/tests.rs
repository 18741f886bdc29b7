//! The topic table, both ways.

use super::*;

const SERVICE: &str = "chargeghar-link";

#[test]
fn a_cabinet_publishes_its_updates_and_heartbeats_and_nothing_else() {
    let may = |topic: &str| may_publish(Role::Cabinet, "866", topic);

    assert!(may("/powerbank/866/user/update"));
    assert!(may("/powerbank/866/user/heart"));
    for topic in [
        "/powerbank/866/user/get",
        "/powerbank/867/user/update",
        "/powerbank/8660/user/update",
        "/powerbank/866/user/update/",
        "/powerbank/866/user/update/more",
        "powerbank/866/user/update",
        "/chargeghar/marker/866",
        "$SYS/brokers",
        "",
    ] {
        assert!(!may(topic), "{topic}");
    }
}

#[test]
fn a_cabinet_hears_its_commands_and_its_own_heartbeats_and_nothing_else() {
    let may = |filter: &str| may_subscribe(Role::Cabinet, "866", filter);

    assert!(may("/powerbank/866/user/get"));
    assert!(may("/powerbank/866/user/heart"));
    for filter in [
        "/powerbank/866/user/update",
        "/powerbank/867/user/get",
        "/powerbank/+/user/get",
        "/powerbank/866/#",
        "/powerbank/866/user/+",
        "$share/all/powerbank/866/user/get",
        "$SYS/#",
        "#",
        "+/#",
    ] {
        assert!(!may(filter), "{filter}");
    }
}

#[test]
fn the_service_hears_all_cabinets_and_its_own_markers() {
    let may = |filter: &str| may_subscribe(Role::Service, SERVICE, filter);

    assert!(may("/powerbank/+/user/update"));
    assert!(may("/powerbank/+/user/heart"));
    assert!(may("/chargeghar/marker/chargeghar-link"));
    assert!(may("/chargeghar/marker/chargeghar-link/#"));
    for filter in [
        "#",
        "$SYS/#",
        "/powerbank/+/user/get",
        "/powerbank/#",
        "/chargeghar/marker/#",
        "/chargeghar/marker/chargeghar-linked",
    ] {
        assert!(!may(filter), "{filter}");
    }
}

#[test]
fn the_service_commands_one_cabinet_at_a_time_and_speaks_to_itself() {
    let may = |topic: &str| may_publish(Role::Service, SERVICE, topic);

    assert!(may("/powerbank/866/user/get"));
    assert!(may(&marker_topic(SERVICE)));
    assert!(may("/chargeghar/marker/chargeghar-link/7"));
    for topic in [
        "/powerbank//user/get",
        "/powerbank/a/b/user/get",
        "/powerbank/+/user/get",
        "/powerbank/866/user/update",
        "/powerbank/866/user/heart",
        "/chargeghar/marker/chargeghar-heart",
    ] {
        assert!(!may(topic), "{topic}");
    }
}
