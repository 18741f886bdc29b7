//! How a rider says what pays: a mode, and a split of the rider's own.

use domain::money::Money;
use domain::points::Points;
use domain::tender::{Means, OwnSplit, PaymentMode};

use crate::http::error::ApiError;

/// The fields of a request that say what pays.
#[derive(Clone, Copy, Debug)]
pub struct PayWith {
    pub mode: PaymentMode,
    pub wallet_amount: Option<Money>,
    pub points_to_use: Option<u64>,
}

impl PayWith {
    /// Whether a split adds up is for the rules to say, which know the amount.
    pub fn means(&self) -> Result<Means, ApiError> {
        let split = match (self.wallet_amount, self.points_to_use) {
            (None, None) => return Ok(Means::of(self.mode)),
            (Some(wallet), Some(points)) => {
                let points = u32::try_from(points);
                let points =
                    points.map_err(|_| ApiError::field("points_to_use", "is too large"))?;
                OwnSplit { wallet, points: Points(points) }
            }
            (Some(_), None) | (None, Some(_)) => {
                return Err(ApiError::field("points_to_use", "goes with wallet_amount only"));
            }
        };
        if self.mode != PaymentMode::WalletPoints {
            return Err(ApiError::field("wallet_amount", "goes with wallet_points only"));
        }
        if split.wallet < Money::ZERO {
            return Err(ApiError::field("wallet_amount", "must not be negative"));
        }
        Ok(Means { mode: self.mode, split: Some(split) })
    }
}
