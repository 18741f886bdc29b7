//! What differs, and what is sent for it.

use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::config::{self, Endpoint};
use crate::credentials::Credentials;

const FIRST: &str = "860602069165357";
const SECOND: &str = "441A847D6121";

#[test]
fn a_new_cabinet_gets_its_own_topics_and_nothing_else() {
    let admin = admin();
    let (changes, synced) = admin.changes(&cabinets(1), &nothing());

    assert_eq!(synced, Synced { added: 2, ..Synced::default() });
    let sent = serde_json::to_value(&changes[1]).unwrap();
    assert_eq!(
        sent,
        json!([
            {
                "command": "createRole",
                "rolename": "chargeghar-cabinet-860602069165357",
                "textname": "chargeghar cabinet",
                "acls": [
                    acl("publishClientSend", "/powerbank/860602069165357/user/update"),
                    acl("publishClientSend", "/powerbank/860602069165357/user/heart"),
                    acl("subscribeLiteral", "/powerbank/860602069165357/user/get"),
                    acl("publishClientReceive", "/powerbank/860602069165357/user/get"),
                    acl("subscribeLiteral", "/powerbank/860602069165357/user/heart"),
                    acl("publishClientReceive", "/powerbank/860602069165357/user/heart"),
                ]
            },
            {
                "command": "createClient",
                "username": FIRST,
                "password": cabinets(1)[&FIRST.into()].expose(),
                "clientid": FIRST,
                "textname": "chargeghar cabinet",
                "textdescription": fingerprint(&cabinets(1)[&FIRST.into()]),
                "roles": [{"rolename": "chargeghar-cabinet-860602069165357"}]
            }
        ])
    );
}

#[test]
fn what_is_there_is_left_alone() {
    let admin = admin();

    let (changes, synced) = admin.changes(&cabinets(1), &everything(&admin, 1));

    assert!(changes.is_empty());
    assert_eq!(synced, Synced { unchanged: 2, ..Synced::default() });
}

#[test]
fn another_password_is_set_and_noted() {
    let admin = admin();

    let (changes, synced) = admin.changes(&cabinets(2), &everything(&admin, 1));

    assert_eq!(synced, Synced { changed: 2, ..Synced::default() });
    assert!(matches!(
        changes[0][..],
        [Command::SetClientPassword { .. }, Command::ModifyClient { .. }]
    ));
}

#[test]
fn who_is_no_longer_enrolled_is_removed() {
    let admin = admin();
    let mut fewer = cabinets(1);
    fewer.remove(&SECOND.into());

    let (changes, synced) = admin.changes(&fewer, &everything(&admin, 1));

    assert_eq!(synced, Synced { removed: 1, unchanged: 1, ..Synced::default() });
    let gone = Command::DeleteClient { username: SECOND.into() };
    assert_eq!(changes[0][0], gone);
}

#[test]
fn a_lost_role_and_a_lost_assignment_are_put_right() {
    let admin = admin();
    let mut has = everything(&admin, 1);
    has.roles.remove(&admin.cabinet_role(&FIRST.into()));
    has.clients.get_mut(&SECOND.into()).unwrap().roles.clear();

    let (changes, synced) = admin.changes(&cabinets(1), &has);

    assert_eq!(synced, Synced { changed: 2, ..Synced::default() });
    assert!(matches!(changes[0][..], [Command::AddClientRole { .. }]));
    assert!(matches!(changes[1][..], [Command::CreateRole { .. }]));
}

#[test]
fn a_role_that_allows_too_little_or_too_much_is_put_right() {
    let admin = admin();
    let mut has = everything(&admin, 1);
    let role = |has: &Inventory, uuid: &str| has.roles[&admin.cabinet_role(&uuid.into())].clone();
    let (mut less, mut more) = (role(&has, FIRST), role(&has, SECOND));
    less.remove(0);
    more.push(Acl::publish("/powerbank/+/user/get"));
    has.roles.insert(admin.cabinet_role(&FIRST.into()), less);
    has.roles.insert(admin.cabinet_role(&SECOND.into()), more);

    let (changes, synced) = admin.changes(&cabinets(1), &has);

    assert_eq!(synced, Synced { changed: 2, ..Synced::default() });
    for (change, uuid) in changes.iter().zip([SECOND, FIRST]) {
        let rolename = admin.cabinet_role(&uuid.into());
        let acls = admin.cabinet_acls(&uuid.into());
        assert_eq!(change[..], [Command::ModifyRole { rolename, acls }]);
    }
}

#[test]
fn the_order_in_which_a_role_lists_its_rights_means_nothing() {
    let admin = admin();
    let mut has = everything(&admin, 1);
    has.roles.values_mut().for_each(|acls| acls.reverse());

    let (changes, _) = admin.changes(&cabinets(1), &has);

    assert!(changes.is_empty());
}

#[test]
fn the_errors_of_a_second_time_are_none() {
    let delete = Command::DeleteClient { username: FIRST.into() };

    assert!(delete.is_done("Client not found"));
    assert!(!delete.is_done("Internal error"));
    assert!(!Command::GetRole { rolename: "a".into() }.is_done("Role not found"));
}

fn admin() -> Mosquitto {
    let config = config::Mqtt { url: Endpoint::new("mqtt://broker"), ..config::Mqtt::default() };
    let settings = Settings::external(&config, DateTime::UNIX_EPOCH).unwrap();
    Mosquitto::new(settings, Clock::manual(), Entropy::seeded(1))
}

fn cabinets(generation: u32) -> Cabinets {
    let credentials = Credentials::new(b"key");
    let one = |uuid: &str| (uuid.into(), credentials.password(&uuid.into(), generation));
    [one(FIRST), one(SECOND)].into()
}

fn nothing() -> Inventory {
    Inventory { clients: BTreeMap::new(), roles: BTreeMap::new() }
}

fn everything(admin: &Mosquitto, generation: u32) -> Inventory {
    let known = |(cabinet, password): (DeviceUuid, Password)| {
        let client = Client {
            username: cabinet.0.clone(),
            textname: admin.cabinet_text(),
            textdescription: fingerprint(&password),
            roles: vec![RoleOf { rolename: admin.cabinet_role(&cabinet) }],
        };
        (cabinet, client)
    };
    let clients: BTreeMap<_, _> = cabinets(generation).into_iter().map(known).collect();
    let role = |cabinet| (admin.cabinet_role(cabinet), admin.cabinet_acls(cabinet));
    let roles = clients.keys().map(role).collect();
    Inventory { clients, roles }
}

fn acl(acltype: &str, topic: &str) -> serde_json::Value {
    json!({"acltype": acltype, "topic": topic, "allow": true})
}
