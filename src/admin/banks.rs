//! `/banks`: who has them, and how strangers become ours.

use axum::Json;
use axum::extract::{Query, State};
use domain::bank::{Bank, Condition, Custody};
use domain::ids::Sn;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{Answer, Code, Refusal, ok};
use super::listing::rows;
use super::{Admin, Operator};
use crate::actors::station;
use crate::store;
use crate::store::fact::{BankWrite, Fact};
use crate::store::views::BankRow;

/// Longest serial of a bank.
const SN_MAX: usize = 32;

#[derive(Deserialize)]
pub struct Filter {
    custody: Option<String>,
    sn: Option<Sn>,
    limit: Option<u32>,
}

/// Serials that become ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Adopt {
    pub banks: Vec<Sn>,
}

pub async fn list(
    State(admin): State<Admin>,
    Query(filter): Query<Filter>,
) -> Answer<Vec<BankRow>> {
    let Filter { custody, sn, limit } = filter;
    let rows = admin.store().bank_rows(custody.as_deref(), sn.as_ref(), rows(limit)).await;
    let rows = rows.map_err(|error| Refusal::of(error, "bank"))?;
    match sn.filter(|_| rows.is_empty()) {
        Some(sn) => Err(Refusal::new(Code::NotFound, format!("there is no bank {sn}"))),
        None => ok(rows),
    }
}

/// All of them or, at the first that cannot be, none of the rest.
pub async fn adopt(
    State(admin): State<Admin>,
    operator: Operator,
    Json(body): Json<Adopt>,
) -> Answer<Vec<BankRow>> {
    for sn in &body.banks {
        check(sn)?;
    }
    let mut rows = Vec::new();
    for sn in &body.banks {
        adopt_one(&admin, &operator, sn).await?;
        let row = admin.store().bank_rows(None, Some(sn), 1).await;
        rows.extend(row.map_err(|error| Refusal::of(error, &format!("bank {sn}")))?);
    }
    ok(rows)
}

/// What a cabinet can have read: a number without signs.
fn check(sn: &Sn) -> Result<(), Refusal> {
    let text = sn.as_str();
    let fits =
        (1..=SN_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if fits {
        return Ok(());
    }
    let advice = format!("{text:?} is no serial of a bank: it is the number printed on it");
    Err(Refusal::new(Code::Invalid, advice))
}

async fn adopt_one(admin: &Admin, operator: &Operator, sn: &Sn) -> Result<(), Refusal> {
    let known = match admin.store().bank(sn).await {
        Ok(bank) => Some(bank),
        Err(store::Error::NotFound) => None,
        Err(error) => return Err(Refusal::of(error, &format!("bank {sn}"))),
    };
    let Some(write) = ours(sn, known) else { return Ok(()) };
    let mut fact = Fact::at(admin.now());
    let details = json!({ "custody": write.custody });
    fact.audit = Some(operator.did("bank.adopt", sn, details));
    fact.banks.push(write.clone());
    let committed = admin.store().commit(fact).await;
    committed.map_err(|error| {
        Refusal::new(Code::Unavailable, format!("bank {sn} was not adopted: {error}; try again"))
    })?;
    if let Some(live) = &admin.parts.live {
        live.context.banks.committed(std::slice::from_ref(&write));
        if let Some((station, _)) = write.custody.slot() {
            let news = station::Msg::Inventoried { sns: vec![sn.clone()], good: true };
            live.context.stations.tell(station, news); // one that is restarted reads the books
        }
    }
    Ok(())
}

/// A quarantined bank becomes the content of its slot, a stranger is awaited; any other is ours
/// already.
fn ours(sn: &Sn, known: Option<Bank>) -> Option<BankWrite> {
    let (sn, cause, rental) = (sn.clone(), "adopted", None);
    match known {
        None => Some(BankWrite {
            sn,
            before: None,
            custody: Custody::Missing,
            condition: Condition::Good,
            consumed: Vec::new(),
            cause,
            rental,
        }),
        Some(Bank {
            custody: Custody::Quarantine { station, key },
            version,
            condition,
            consumed,
            ..
        }) => {
            let custody = Custody::Slot { station, key };
            Some(BankWrite {
                sn,
                before: Some(version),
                custody,
                condition,
                consumed,
                cause,
                rental,
            })
        }
        Some(_) => None,
    }
}
