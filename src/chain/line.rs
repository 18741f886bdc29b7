//! One line of a file: its hash, and what its record says.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::ids::{IntentId, RentalId, TransferId, WithdrawalId};
use domain::ledger::{Account, Quantity, Unit};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{Hash, Why};

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Open {
        day: NaiveDate,
        /// The last hash of the day before.
        previous: Hash,
    },
    /// It balances.
    Transfer,
    Close {
        day: NaiveDate,
        transfers: i64,
    },
}

/// The hash of a line, and its record as it was hashed.
pub fn split(text: &str) -> Result<(Hash, String), Why> {
    let no = || Why::NoRecord("it does not begin with a hash".to_owned());
    let rest = text.strip_prefix(r#"{"hash":""#).ok_or_else(no)?;
    let (digits, rest) = rest.split_at_checked(64).ok_or_else(no)?;
    let rest = rest.strip_prefix(r#"","#).ok_or_else(no)?;
    Ok((hash(digits)?, format!("{{{rest}")))
}

fn hash(digits: &str) -> Result<Hash, Why> {
    let lower = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut bytes = [0; 32];
    match hex::decode_to_slice(digits, &mut bytes) {
        Ok(()) if lower => Ok(Hash(bytes)),
        Ok(()) | Err(_) => Err(Why::NoRecord("its hash is not 64 hex digits".to_owned())),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Record {
    Open(Opened),
    Transfer(Transfer),
    Close(Closed),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opened {
    day: NaiveDate,
    previous: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Closed {
    day: NaiveDate,
    transfers: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read so that a record of another form is refused")]
struct Transfer {
    id: TransferId,
    kind: String,
    at: DateTime<Utc>,
    rental: Option<RentalId>,
    intent: Option<IntentId>,
    withdrawal: Option<WithdrawalId>,
    reverses: Option<TransferId>,
    lines: Vec<(String, Decimal)>,
}

pub fn read(record: &str) -> Result<Line, Why> {
    let record: Record =
        serde_json::from_str(record).map_err(|error| Why::NoRecord(error.to_string()))?;
    match record {
        Record::Open(Opened { day, previous }) => {
            Ok(Line::Open { day, previous: hash(&previous)? })
        }
        Record::Transfer(transfer) => balances(&transfer).map(|()| Line::Transfer),
        Record::Close(Closed { day, transfers }) => Ok(Line::Close { day, transfers }),
    }
}

fn balances(transfer: &Transfer) -> Result<(), Why> {
    let mut sums: BTreeMap<Unit, Quantity> = BTreeMap::new();
    for (account, amount) in &transfer.lines {
        let account: Account = account
            .parse()
            .map_err(|no: domain::ledger::NoAccount| Why::NoRecord(no.to_string()))?;
        let sum = sums.entry(account.unit()).or_default();
        *sum = sum.plus(Quantity(*amount));
    }
    if sums.values().all(|sum| sum.is_zero()) { Ok(()) } else { Err(Why::Unbalanced) }
}
