//! What a company has in its books, and how its line goes wrong.

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::sync::atomic::AtomicBool;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;

#[derive(Default)]
pub struct Books {
    /// By the company's own reference.
    pub orders: Mutex<BTreeMap<String, Order>>,
    pub faults: Mutex<VecDeque<(Call, Fault)>>,
    pub journal: Mutex<Vec<Call>>,
    /// What was answered under a key, as long as it is remembered.
    pub keys: Mutex<BTreeMap<String, Value>>,
    /// How a payment stands that nobody has paid; the first step of the gateway where nothing
    /// is said.
    pub open_status: Mutex<Option<&'static str>>,
    /// How a refund that is taken stands at once; `succeeded` where nothing is said.
    pub refund_status: Mutex<Option<&'static str>>,
    /// The money in which the company says that it was paid; ours where nothing is said.
    pub currency: Mutex<Option<&'static str>>,
    /// The payer's money came from a bank.
    pub is_from_bank: AtomicBool,
    /// Those that are held go on.
    pub go_on: Notify,
}

#[derive(Clone, Debug)]
pub struct Order {
    /// Our id of it.
    pub ours: String,
    pub paisa: i64,
    pub outcome: Outcome,
    pub paid_back: i64,
    pub refunds: Vec<Given>,
}

/// A refund in a company's books.
#[derive(Clone, Debug)]
pub struct Given {
    /// Our number of it.
    pub ours: String,
    pub paisa: i64,
    pub status: &'static str,
}

impl Order {
    pub fn new(ours: String, paisa: i64) -> Order {
        Order { ours, paisa, outcome: Outcome::Pending, paid_back: 0, refunds: vec![] }
    }

    /// The company's number of the payment.
    pub fn number(&self, reference: &str) -> String {
        match &self.outcome {
            Outcome::PaidAs(number) => number.clone(),
            Outcome::Pending
            | Outcome::Paid
            | Outcome::PaidOther(_)
            | Outcome::Cancelled
            | Outcome::Expired
            | Outcome::Unclear
            | Outcome::Refunded => format!("T{reference}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pending,
    Paid,
    /// Another amount, in paisa.
    PaidOther(i64),
    /// Under the number of another payment.
    PaidAs(String),
    Cancelled,
    Expired,
    Unclear,
    Refunded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Start,
    Check,
    Refund,
    /// A look at the refunds of a payment, where they can be looked at.
    Trace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, nothing is said.
    HangsBefore,
    /// It is done, and nothing is said.
    HangsAfter,
    /// It takes its time, until the story lets it go on.
    Held,
    /// It is done, and the line breaks within the answer.
    BreaksAfter,
    /// Nothing is done, and a page of some proxy comes.
    Says(u16, &'static str),
}

impl Books {
    /// One call, with whatever is to go wrong.
    pub async fn handle(&self, call: Call, work: impl FnOnce() -> Response) -> Response {
        self.journal.lock().push(call);
        match self.fault(call) {
            None => work(),
            Some(Fault::HangsBefore) => pending().await,
            Some(Fault::HangsAfter) => {
                drop(work());
                pending().await
            }
            Some(Fault::Held) => {
                self.go_on.notified().await;
                work()
            }
            Some(Fault::BreaksAfter) => {
                drop(work());
                let broken =
                    futures::stream::iter([Ok("{"), Err(std::io::Error::other("the line broke"))]);
                Body::from_stream(broken).into_response()
            }
            Some(Fault::Says(status, body)) => {
                (StatusCode::from_u16(status).unwrap(), body).into_response()
            }
        }
    }

    fn fault(&self, call: Call) -> Option<Fault> {
        let mut faults = self.faults.lock();
        let at = faults.iter().position(|(meant, _)| *meant == call)?;
        faults.remove(at).map(|(_, fault)| fault)
    }
}
