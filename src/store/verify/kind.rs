//! What a finding can be about: once, for the questions, the metric and the page.

use std::fmt;

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:tt;)*) => {
        /// What a finding is about.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
        )]
        #[sqlx(type_name = "text")]
        pub enum Kind {
            $(
                $(#[$doc])*
                #[serde(rename = $word)]
                #[sqlx(rename = $word)]
                $name,
            )*
        }

        impl Kind {
            pub const ALL: &'static [Kind] = &[$(Kind::$name),*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Kind::$name => $word,)*
                }
            }
        }
    };
}

kinds! {
    /// A transfer that does not add up to zero.
    Unbalanced = "unbalanced";
    /// A rider's balance that is not the sum of its entries.
    Astray = "astray";
    RentalHold = "rental_hold";
    RentalDues = "rental_dues";
    /// Money held for a rider without an open rental.
    StrayHold = "stray_hold";
    /// Money on its way out that nobody has asked for.
    Withdrawing = "withdrawing";
    /// A payment without its top-up, or the other way round.
    Clearing = "clearing";
    /// A payment that no kept answer of its gateway says was paid.
    Unanswered = "unanswered";
    /// A refund that the ledger has not, money back that was not to go back, or a credit note of
    /// another amount.
    Refund = "refund";
    DoubleCapture = "double_capture";
    Reversal = "reversal";
    Chain = "chain";
    Closing = "closing";
    InvoiceGap = "invoice_gap";
    Custody = "custody";
    RentalReplay = "rental_replay";
    /// A row that is not what its table promises: no number, no time, nothing where something
    /// must be.
    Unreadable = "unreadable";
}

impl Kind {
    /// Whether its subject is a rental.
    pub(super) fn is_of_rental(self) -> bool {
        use Kind::{DoubleCapture, RentalDues, RentalHold, RentalReplay};
        matches!(self, RentalHold | RentalDues | DoubleCapture | RentalReplay)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
