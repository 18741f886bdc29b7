//! Login codes reach riders by text message and by e-mail; what does not go out is told to the
//! app, counted, and left in no log.

use chargeghar::cli::doctor::{State, examine};
use chargeghar::config::{Config, Seconds, Secret};
use serde_json::json;

use crate::fakes::code_in;
use crate::fakes::mail::{self, Mail};
use crate::fakes::sparrow::{self, Sparrow, TOKEN};
use crate::harness::app::{Answer, App};
use crate::harness::database::Database;
use crate::harness::node::TestNode;
use crate::harness::process::Place;

const PHONE: &str = "9812345678";
const ADDRESS: &str = "rider@example.com";

#[tokio::test(flavor = "multi_thread")]
async fn a_code_by_text_message_lets_its_rider_in_and_stands_in_no_log() {
    let (database, sparrow) = (Database::fresh().await, Sparrow::open().await);
    let place = Place::on(&database);
    let loud = ("CHARGEGHAR__TELEMETRY__LOG", "debug");
    let mut process = place.ready(&[&sparrow.variables()[..], &[loud]].concat()).await;

    let answer = ask(&place.base_url(), "+977 981-2345678").await;

    assert_eq!(answer.data()["purpose"], "REGISTER");
    let codes = sparrow.codes(PHONE);
    assert_eq!(codes.len(), 1);
    assert_eq!(verify(&place.base_url(), PHONE, &codes[0]).await, 200);
    process.terminate();
    process.ended().await;
    let said = process.said();
    assert!(said.contains("\"level\":\"DEBUG\""), "{said}");
    assert!(!said.contains(&codes[0]) && !said.contains(TOKEN), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_message_that_is_not_taken_is_told_and_the_next_one_goes_at_once() {
    let sparrow = Sparrow::open().await;
    let node = TestNode::with_settings(|config| sparrow.configure(config)).await;
    let faults = [
        (sparrow::Fault::Refuses(1007), 400, "validation_error", "declined"),
        (sparrow::Fault::Refuses(1012), 503, "service_unavailable", "refused"),
        (sparrow::Fault::Page(503), 503, "service_unavailable", "down"),
    ];
    for (fault, status, code, outcome) in faults {
        sparrow.fault(fault);

        let answer = ask(&node.base_url, PHONE).await;

        assert_eq!(answer.refusal(), (status, code), "{fault:?}");
        assert_eq!(answer.headers.contains_key("retry-after"), status == 503, "{fault:?}");
        assert!(counted(&node, "sparrow", outcome).await, "{outcome}");
    }
    assert_eq!(sparrow.codes(PHONE), Vec::<String>::new());
    assert_eq!(ask(&node.base_url, PHONE).await.status, 200);
    assert_eq!(sparrow.codes(PHONE).len(), 1);
    assert!(counted(&node, "sparrow", "taken").await);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_message_whose_answer_got_lost_is_sent_once_more_with_the_same_code() {
    let sparrow = Sparrow::open().await;
    let node = TestNode::with_settings(|config| {
        sparrow.configure(config);
        config.sms.request_timeout_s = Seconds(1);
    })
    .await;

    sparrow.fault(sparrow::Fault::TakesInSilence);
    assert_eq!(ask(&node.base_url, PHONE).await.status, 200);
    let codes = sparrow.codes(PHONE);
    assert_eq!(codes.len(), 2);
    assert_eq!(codes[0], codes[1]);
    assert_eq!(verify(&node.base_url, PHONE, &codes[0]).await, 200);

    let other = "9812345679";
    for _ in 0..2 {
        sparrow.fault(sparrow::Fault::TakesInSilence);
    }
    assert_eq!(ask(&node.base_url, other).await.status, 503);
    let codes = sparrow.codes(other);
    assert_eq!((codes.len(), &codes[0]), (2, &codes[1]));
    assert_eq!(verify(&node.base_url, other, &codes[0]).await, 200, "it did come");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_by_mail_lets_its_rider_in_and_what_is_not_taken_is_told() {
    let mail = Mail::open().await;
    let node = TestNode::with_settings(|config| {
        mail.configure(config);
        config.email.request_timeout_s = Seconds(2);
    })
    .await;
    let faults = [
        (mail::Fault::Says("550 5.1.1 no such user\r\n"), 400, "declined"),
        (mail::Fault::Says("550 5.7.1 relaying denied\r\n"), 503, "refused"),
        (mail::Fault::Says("451 4.7.1 come again\r\n"), 503, "down"),
        (mail::Fault::Cut, 503, "down"),
        (mail::Fault::Silent, 503, "down"),
    ];
    for (fault, status, outcome) in faults {
        mail.fault(fault);
        assert_eq!(ask(&node.base_url, ADDRESS).await.status, status, "{fault:?}");
        assert!(counted(&node, "smtp", outcome).await, "{outcome}");
    }

    assert_eq!(ask(&node.base_url, ADDRESS).await.status, 200);

    let taken = mail.taken();
    assert_eq!(taken.len(), 1);
    let (head, body) = taken[0].split_once("\r\n\r\n").unwrap();
    assert!(head.contains("From: ChargeGhar <no-reply@chargeghar.example>"), "{head}");
    assert!(head.contains(&format!("To: {ADDRESS}")) && head.contains("Message-ID: <"), "{head}");
    assert_eq!(verify(&node.base_url, ADDRESS, &code_in(body)).await, 200);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_whether_the_carriers_take_our_word() {
    let (sparrow, mail) = (Sparrow::open().await, Mail::open().await);
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
    (config.http.port, config.mqtt.port) = (0, 0);
    sparrow.configure(&mut config);
    mail.configure(&mut config);
    let look = async |config: &Config| {
        let edges = examine(config).await.edges;
        let of = |edge: &str| edges.iter().find(|finding| finding.edge == edge).unwrap().clone();
        [of("sms"), of("e-mail")]
    };

    let [sms, email] = look(&config).await;
    config.sms.sparrow_token = Secret::new("another");
    config.email.smtp_password = Secret::new("another");
    let [no_sms, no_email] = look(&config).await;

    assert_eq!((sms.state, &*sms.found), (State::Ok, "it answers; credit 70"));
    assert_eq!((email.state, &*email.found), (State::Ok, "it answers, and lets us in"));
    assert_eq!((no_sms.state, no_email.state), (State::Fail, State::Fail));
    assert!(no_sms.advice.contains("CHARGEGHAR__SMS__SPARROW_TOKEN"), "{no_sms:?}");
    assert!(no_email.advice.contains("CHARGEGHAR__EMAIL__SMTP_USERNAME"), "{no_email:?}");
    assert!(!format!("{no_sms:?}{no_email:?}").contains("another"));
    assert_eq!((sparrow.codes(PHONE).len(), mail.taken().len()), (0, 0), "nothing is sent");
}

/// Asks for a code.
async fn ask(base_url: &str, identifier: &str) -> Answer {
    let body = json!({ "identifier": identifier });
    App::new(base_url).post("/api/auth/otp/request", &body).await
}

async fn verify(base_url: &str, identifier: &str, code: &str) -> u16 {
    let body = json!({ "identifier": identifier, "otp": code });
    App::new(base_url).post("/api/auth/otp/verify", &body).await.status
}

/// Whether there is a figure for it.
async fn counted(node: &TestNode, provider: &str, outcome: &str) -> bool {
    let page = App::new(&node.base_url).stream("/metrics", None).await;
    let labels = format!("{{provider=\"{provider}\",outcome=\"{outcome}\"}}");
    page.text().await.unwrap().contains(&format!("chargeghar_client_codes_total{labels}"))
}
