//! `/books` and `/ledger/…`: what the accounts hold, whether it adds up, and a closed day as
//! lines that anybody can check. Reads only.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::NaiveDate;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::Admin;
use super::answer::{Answer, Code, Refusal, ok};
use crate::spawn::spawn;
use crate::store;
use crate::store::verify::{Report, STAGES_COUNT, Scope};
use crate::store::views::Books;

/// Lines of one document.
const LINES: [(&str, &str); 1] = [("content-type", "application/x-ndjson")];

/// A line of the answer to a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    Stage { name: String, number: usize, of: usize },
    Report(Report),
    Failed(String),
}

pub async fn books(State(admin): State<Admin>) -> Answer<Books> {
    ok(admin.store().books().await.map_err(|error| Refusal::of(error, "ledger"))?)
}

/// The whole ledger, with a line for each stage as it begins.
pub async fn verify(State(admin): State<Admin>) -> Response {
    let (send, receive) = mpsc::channel(STAGES_COUNT + 1);
    spawn("admin.verify", async move {
        let (mut number, of) = (0, STAGES_COUNT);
        let told = |name: &str| {
            number += 1;
            let _ = send.try_send(line(&Told::Stage { name: name.to_owned(), number, of }));
        };
        let found = admin.store().verify(&Scope::Whole, told).await;
        let last = match found {
            Ok((report, _)) => Told::Report(report),
            Err(error) => Told::Failed(error.to_string()),
        };
        let _ = send.send(line(&last)).await; // whoever asked may have gone
    });
    let lines = ReceiverStream::new(receive).map(Ok::<_, Infallible>);
    (LINES, Body::from_stream(lines)).into_response()
}

fn line(told: &Told) -> Bytes {
    let mut line = serde_json::to_vec(told).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

/// A closed day. An error on the way cuts the answer off, so that nobody takes it for a whole.
pub async fn day(
    State(admin): State<Admin>,
    Path(day): Path<NaiveDate>,
) -> Result<Response, Refusal> {
    let lines = admin.store().export_day(day).await.map_err(|error| unreadable(error, day))?;
    let lines = ReceiverStream::new(lines).map(|line| line.map(|line| Bytes::from(line + "\n")));
    Ok((LINES, Body::from_stream(lines)).into_response())
}

fn unreadable(error: store::Error, day: NaiveDate) -> Refusal {
    let open = format!("{day} is not closed yet; it is soon after midnight in Nepal");
    if error == store::Error::NotFound {
        Refusal::new(Code::NotFound, format!("nothing was entered on {day}"))
    } else if error == store::Error::Stale {
        Refusal::new(Code::Refused, open)
    } else {
        Refusal::of(error, "day")
    }
}
