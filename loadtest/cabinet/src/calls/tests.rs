//! Calls are signed as the published examples, and answers read as strictly as firmware does.

use super::*;

fn uuid(text: &str) -> DeviceUuid {
    DeviceUuid::from(text)
}

fn sign(call: &HttpCall) -> &str {
    &call.query.iter().find(|(key, _)| *key == "sign").expect("a sign").1
}

#[test]
fn calls_carry_the_published_signatures() {
    let config = config(Generation::Newer, &uuid("860602069165357"));
    let report = report(Generation::Older, &uuid("860000000000017"), Signal::Csq(31), Bytes::new());
    let adverts = adverts(&uuid("860000000000025"));
    let returned = returned(&uuid("860000000000017"), &Sn::from("40818048"), 3, Some(64));

    assert_eq!(sign(&config), "005dca9b80163313e88f249763ac96e9");
    assert_eq!(sign(&report), "39de19d793d47f93a72a65b31d655b6b");
    assert_eq!(sign(&adverts), "03456ce813616b28b96f58a7282ea3ba");
    assert_eq!(sign(&returned), "9b1eaaa024e305c527f47d225743577d");
    assert!(!adverts.query.iter().any(|(key, _)| *key == "position"));
}

#[test]
fn generations_differ_in_path_and_method() {
    let device = uuid("860000000000017");

    let newer = connect(Generation::Newer, &device);
    let screen = connect(Generation::OlderScreen, &device);

    assert_eq!((newer.path, newer.method), ("/api/rentbox/client/connect", Method::Post));
    assert_eq!((screen.path, screen.method), ("/api/iot/client/con", Method::Get));
}

#[test]
fn a_connect_answer_gives_the_broker_account() {
    let body = r#"{"code":200,"type":0,"data":"861,powerbank,10.0.0.1,1883,u,p,1705661910697","msg":"OK","time":1}"#;
    let answer = HttpAnswer { status: 200, body: Bytes::from(body) };

    let access = answer.access().expect("access");

    assert_eq!((access.host.as_str(), access.port), ("10.0.0.1", 1883));
    assert_eq!(access.password, "p");
    assert!(!format!("{access:?}").contains("\"p\""));
}

#[test]
fn refusals_and_nonsense_give_nothing() {
    let answer = |status, body: &'static str| HttpAnswer { status, body: Bytes::from(body) };

    assert_eq!(answer(500, r#"{"code":500,"data":null}"#).access(), None);
    assert_eq!(answer(200, r#"{"code":500,"data":"a,b,c,1,d,e,1"}"#).access(), None);
    assert_eq!(answer(200, r#"{"code":200,"data":"a,b,c"}"#).access(), None);
    assert_eq!(answer(502, "<html>").access(), None);
}

#[test]
fn flags_are_json_inside_a_string() {
    let body = r#"{"code":200,"data":"{\"dAreaConfig\":\"73\"}"}"#;
    let answer = HttpAnswer { status: 200, body: Bytes::from(body) };

    let flags = answer.flags().expect("flags");

    assert_eq!(flags.get("dAreaConfig").map(String::as_str), Some("73"));
}
