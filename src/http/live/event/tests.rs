//! A place in a stream survives the way to the client and back.

use axum::extract::{FromRequestParts, Request};

use super::{LastEvent, Mark, Why};

#[tokio::test]
async fn what_a_client_sends_back_is_the_place_it_was_given() {
    let mark = Mark { epoch: 12, seq: 345 };

    assert_eq!(mark.to_string(), "12-345");
    assert_eq!(last(Some("12-345")).await, Some(mark));
    assert_eq!(last(None).await, None);
    assert_eq!(last(Some("")).await, None);
}

#[tokio::test]
async fn a_place_that_can_not_be_read_is_of_no_run() {
    for text in ["12", "12-", "-5", "a-b", "12-345-6", "12-99999999999999999999"] {
        let last = last(Some(text)).await.unwrap();
        assert_eq!(Why::after(last, 12), Why::Restarted, "{text}");
    }
}

async fn last(text: Option<&str>) -> Option<Mark> {
    let request = Request::get("/");
    let request = text.into_iter().fold(request, |r, text| r.header("last-event-id", text));
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    LastEvent::from_request_parts(&mut parts, &()).await.unwrap().0
}
