//! Every answer that Sparrow is known to give, and those that are not its own.

use bytes::Bytes;

use super::*;

fn heard(status: u16, body: &str) -> Heard {
    Heard { status, body: Bytes::copy_from_slice(body.as_bytes()), retry_after: None }
}

fn outcome(status: u16, body: &str) -> &'static str {
    read(&heard(status, body), &[]).map_or_else(|error| error.outcome(), |_| "taken")
}

#[test]
fn a_message_is_taken_by_its_code_and_not_by_its_status() {
    let taken = r#"{"count":1,"response_code":200,
        "response":"1 mesages has been queued for delivery","message_id":9906786,
        "credit_consumed":1,"credit_available":70.0}"#;

    assert_eq!(outcome(200, taken), "taken");
    assert_eq!(outcome(200, r#"{"response_code":200}"#), "taken");
    assert_eq!(outcome(200, r#"{"response_code":1002,"response":"Invalid Token"}"#), "refused");
}

#[test]
fn a_wrong_number_is_the_riders_and_everything_else_is_ours() {
    let of = |code: i64| outcome(403, &format!(r#"{{"response_code":{code},"response":"no"}}"#));

    for code in [1007, 1011] {
        assert_eq!(of(code), "declined", "{code}");
    }
    for code in [1000, 1001, 1002, 1003, 1004, 1005, 1006, 1008, 1010, 1012, 1013, 4711] {
        assert_eq!(of(code), "refused", "{code}");
    }
}

#[test]
fn what_is_not_its_own_word_is_told_by_status() {
    let page = "<html><h1>Bad Gateway</h1></html>";

    for (status, expected) in
        [(502, "unsure"), (504, "unsure"), (200, "unsure"), (503, "down"), (429, "down")]
    {
        assert_eq!(outcome(status, page), expected, "{status}");
    }
    assert_eq!(outcome(403, page), "refused");
    assert_eq!(outcome(200, r#"{"response_code":"yes"}"#), "unsure");
}

#[test]
fn the_reason_is_kept_without_what_it_repeats() {
    let body = r#"{"response_code":1008,"response":"Invalid Sender\nfor token-1, text 123456"}"#;

    let error = read(&heard(403, body), &["token-1", "123456"]).map(drop).unwrap_err();

    assert_eq!(error, Error::Refused("1008 Invalid Sender for ***, text ***".to_owned()));
}
