//! Calls are signed as the published examples, and answers read as strictly as firmware does.

use devices::a8::http::{self as service, Endpoint, Methods};
use devices::a8::sign::Signature;

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
fn the_service_understands_every_call_of_every_generation() {
    let device = uuid("860000000000017");
    for generation in [Generation::Newer, Generation::Older, Generation::OlderScreen] {
        for call in [
            connect(generation, &device),
            config(generation, &device),
            report(generation, &device, Signal::Csq(31), Bytes::new()),
            returned(&device, &Sn::from("40818048"), 3, Some(64)),
            adverts(&device),
        ] {
            assert_eq!(signature(&call), Some(Signature::Good), "{call:?}");
        }
        check_served(&firmware(generation, &device));
    }
}

/// What the service makes of the signature, once it has read the call.
fn signature(call: &HttpCall) -> Option<Signature> {
    let pairs: Vec<String> =
        call.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let query = pairs.join("&").replace(':', "%3A");
    match check_served(call) {
        Endpoint::Connect => service::ConnectCall::parse(&query, "").ok().map(|c| c.signature),
        Endpoint::Config => service::ConfigCall::parse(&query).ok().map(|c| c.signature),
        Endpoint::Report => service::ReportCall::parse(&query).ok().map(|c| c.signature),
        Endpoint::Return => service::ReturnCall::parse(&query).ok().map(|c| c.signature),
        Endpoint::Adverts => service::AdvertCall::parse(&query).ok().map(|c| c.signature),
        Endpoint::Firmware(_) => None,
    }
}

fn check_served(call: &HttpCall) -> Endpoint {
    let route = service::ROUTES.iter().find(|route| route.path == call.path).expect("a route");
    let served = match route.methods {
        Methods::Get => call.method == Method::Get,
        Methods::Post => call.method == Method::Post,
        Methods::GetOrPost => true,
    };
    assert!(served, "{call:?}");
    route.endpoint
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
