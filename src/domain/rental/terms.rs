//! The times and shares by which rentals are judged. They come with every decision, so that the
//! rules read no settings.

use chrono::TimeDelta;
use rust_decimal::Decimal;

use crate::money::Money;
use crate::points::PerRupee;

/// What a decision goes by besides the rental itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// A rental younger than this is closed only by a second look.
    pub young: TimeDelta,
    /// The same bank back at the same cabinet within this time is no rental at all.
    pub at_once: TimeDelta,
    /// After the eject a report may still show the bank for this long.
    pub settle: TimeDelta,
    /// Percent on the net price; prices include it.
    pub vat_percent: Decimal,
    pub points: PerRupee,
    /// Dues above this are not written off by one operator's word.
    pub write_off_max: Money,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms {
            young: TimeDelta::seconds(60),
            at_once: TimeDelta::seconds(60),
            settle: TimeDelta::seconds(10),
            vat_percent: Decimal::from(13),
            points: PerRupee::default(),
            write_off_max: Money::rupees(1_000),
        }
    }
}
