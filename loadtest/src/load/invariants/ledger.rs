//! What the program itself says of its ledger, banks and rentals: `ledger verify`, asked of the
//! node that runs, as an operator would.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;

use super::Finding;
use crate::service::Plan;

/// Kinds that are about banks and rentals and their events; the others are about money.
const REPLAYED: [&str; 2] = ["custody", "rental_replay"];

pub async fn verify(plan: &Plan) -> anyhow::Result<Vec<Finding>> {
    let (sound, said) = plan.ask(&["ledger", "verify"]).await?;
    findings(sound, &said)
}

/// One line when all is well, else one for each kind.
pub fn findings(sound: bool, said: &Value) -> anyhow::Result<Vec<Finding>> {
    let report = &said["report"];
    let of = report["transfers"].as_i64().with_context(|| format!("no report: {said}"))?;
    let counts: BTreeMap<String, i64> = serde_json::from_value(report["counts"].clone())?;
    let mut findings: Vec<Finding> = Vec::new();
    for (kind, broken) in counts {
        let promise = if REPLAYED.contains(&kind.as_str()) { "P7" } else { "P4" };
        let what = format!("`ledger verify`: {kind}");
        let (promise, what) = (promise.into(), what.into());
        findings.push(Finding { promise, what, broken, of, which: Vec::new() });
    }
    if findings.is_empty() {
        let broken = i64::from(!sound);
        let what = "things that `ledger verify` found".into();
        let promise = "P4, P7".into();
        findings.push(Finding { promise, what, broken, of, which: Vec::new() });
    }
    Ok(findings)
}
