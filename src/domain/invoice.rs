//! Documents that are issued to riders: what stands on an invoice, and how it is numbered.
//!
//! Every amount includes its tax. The tax of a document is the sum of the taxes of what was
//! charged, each rounded once, so that it is the tax that the ledger has.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::calendar::{BikramSambat, FiscalYear, fiscal_year, local_day};
use crate::ids::{InvoiceId, RentalId, RiderId};
use crate::ledger::vat_in;
use crate::money::Money;
use crate::rental::{Event, Rental};

#[cfg(test)]
mod tests;

/// Documents of one series are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "snake_case")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Series {
    Invoice,
    /// Gives back what an invoice asked; an invoice itself is never changed.
    CreditNote,
}

impl Series {
    pub fn as_str(self) -> &'static str {
        match self {
            Series::Invoice => "invoice",
            Series::CreditNote => "credit_note",
        }
    }
}

/// Who issues.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Seller {
    /// What its numbers begin with, such as `CG-KTM`.
    pub branch: String,
    pub name: String,
    pub address: String,
    /// Permanent account number; empty when there is none.
    pub pan: String,
}

/// One line; all lines add up to the amount of the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Line {
    pub label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<i64>,
    pub amount: Money,
}

/// A document before it has its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub id: InvoiceId,
    pub series: Series,
    pub rental: RentalId,
    pub rider: RiderId,
    /// What a credit note corrects, and why.
    pub corrects: Option<(InvoiceId, String)>,
    pub lines: Vec<Line>,
    pub amount: Money,
    pub vat: Money,
    pub seller: Seller,
}

/// When and in which year a document is issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    pub fiscal_year: FiscalYear,
    /// In Bikram Sambat: `2083.08.06`.
    pub day: String,
}

impl Issue {
    pub fn at(at: DateTime<Utc>) -> Issue {
        let day: NaiveDate = local_day(at);
        let date = BikramSambat::of(day);
        let text = date.map_or_else(|| day.format("%Y-%m-%d").to_string(), |d| d.to_string());
        Issue { fiscal_year: fiscal_year(day), day: text }
    }
}

/// `CG-KTM-83/84-000123`; credit notes have `CN` before the year.
pub fn number(branch: &str, series: Series, year: FiscalYear, serial: u32) -> String {
    match series {
        Series::Invoice => format!("{branch}-{year}-{serial:06}"),
        Series::CreditNote => format!("{branch}-CN-{year}-{serial:06}"),
    }
}

impl Draft {
    /// The invoice of a rental that an event closes with a price.
    pub fn closing(
        id: InvoiceId,
        before: &Rental,
        event: &Event,
        percent: Decimal,
        seller: &Seller,
    ) -> Option<Draft> {
        let Event::Returned { ended, vat, .. } = event else { return None };
        let price = before.paid.plus(before.owed);
        let package = &before.package;
        let minutes = Some(i64::from(package.minutes));
        let mut lines = vec![Line { label: package.name.clone(), minutes, amount: price }];
        let late = &ended.late;
        if late.minutes_late > 0 {
            let (minutes, free) = (late.minutes_charged, late.minutes_late - late.minutes_charged);
            let line = |label: &str, minutes, amount| Line { label: label.into(), minutes, amount };
            lines.push(line("Free minutes after the due time", Some(free), Money::ZERO));
            lines.push(line("Late minutes", Some(minutes), late.uncapped));
            let cut = late.amount.minus(late.uncapped);
            if !cut.is_zero() {
                lines.push(line("Largest late fee per day", None, cut));
            }
        }
        let amount = price.plus(late.amount);
        amount.is_positive().then(|| Draft {
            id,
            series: Series::Invoice,
            rental: before.id,
            rider: before.rider,
            corrects: None,
            lines,
            amount,
            vat: vat_in(price, percent).plus(*vat),
            seller: seller.clone(),
        })
    }

    /// Gives back `amount` of what an invoice asked.
    #[must_use]
    pub fn credit(self, id: InvoiceId, reason: &str, amount: Money, vat: Money) -> Draft {
        let label = format!("Refund: {reason}");
        Draft {
            id,
            series: Series::CreditNote,
            corrects: Some((self.id, reason.to_owned())),
            lines: vec![Line { label, minutes: None, amount }],
            amount,
            vat,
            ..self
        }
    }
}
