//! News about a payment that comes to us, by a browser or from a gateway's server: which payment
//! it names, and whether its seal holds. News is never proof of money; it starts a question.

use std::collections::BTreeMap;

use domain::ids::IntentId;
use domain::money::Money;

use super::raw::Raw;

/// As it came.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// What a browser or an app brings from the gateway's page.
    Fields(&'a BTreeMap<String, String>),
    /// A call of the gateway's server.
    Webhook { signature: &'a str, body: &'a [u8] },
}

/// What news says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Our own reference at the gateway.
    pub reference: String,
    /// The order that it claims to be about, if it names one.
    pub order: Option<String>,
    pub amount: Option<Money>,
    /// What only the gateway can have written.
    pub sealed: Option<Sealed>,
    /// What it says of money on its way back, if anything.
    pub back: Option<Back>,
}

/// Money of a payment that goes back, or may have to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Back {
    /// Somebody wants it back from us.
    Disputed,
    /// So much of the payment went back, in all.
    Returned(Money),
    /// One refund, with our number of it if it has one.
    Refund { ours: Option<String> },
}

/// News that carries the gateway's signature: kept, and worth something once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The same for the same news.
    pub id: String,
    pub raw: Raw,
}

impl Hint {
    /// Whether it is about this payment and no other.
    pub fn fits(&self, intent: IntentId, reference: &str, amount: Money) -> bool {
        self.reference == reference
            && self.order.as_ref().is_none_or(|order| *order == intent.to_string())
            && self.amount.is_none_or(|said| said == amount)
    }
}

/// Why news is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Odd {
    /// It is not what this gateway sends.
    #[error("the news cannot be read")]
    Unreadable,
    /// It has no signature, or not the gateway's.
    #[error("the signature is not the gateway's")]
    Unsigned,
    /// Signed long ago, or in the future.
    #[error("the signature is not of this time")]
    Stale,
    /// About another merchant's business, or a payment that we do not know.
    #[error("the news is about somebody else's payment")]
    Foreign,
    /// It names two payments, or another amount.
    #[error("the news contradicts the payment that it names")]
    Mismatch,
    /// It was followed before.
    #[error("the news came before")]
    Replayed,
}

impl Odd {
    pub fn as_str(self) -> &'static str {
        match self {
            Odd::Unreadable => "unreadable",
            Odd::Unsigned => "unsigned",
            Odd::Stale => "stale",
            Odd::Foreign => "foreign",
            Odd::Mismatch => "mismatch",
            Odd::Replayed => "replayed",
        }
    }
}
