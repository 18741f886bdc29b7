//! What refusals of withdrawals are to a client.

use domain::withdrawal::Refusal;

use super::{ApiError, Code};
use crate::actors::withdrawals::{RequestError, StepError};
use crate::http::idempotency::used_otherwise;

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> ApiError {
        let (code, message) = match error {
            RequestError::Refused(Refusal::Disabled) => {
                (Code::WithdrawalsDisabled, "Withdrawals are currently disabled".to_owned())
            }
            RequestError::Refused(Refusal::TooLow(least)) => {
                (Code::AmountTooLow, format!("Minimum withdrawal amount is NPR {least}"))
            }
            RequestError::DayLimit(most) => {
                (Code::DailyLimitExceeded, format!("Daily withdrawal limit is NPR {most}"))
            }
            RequestError::MonthLimit(most) => {
                (Code::MonthlyLimitExceeded, format!("Monthly withdrawal limit is NPR {most}"))
            }
            RequestError::Short => {
                (Code::InsufficientBalance, "Insufficient wallet balance".to_owned())
            }
            RequestError::KeyUsed => return used_otherwise(),
            RequestError::Unavailable => {
                return super::payments::away("Withdrawals cannot be made");
            }
        };
        ApiError::new(code, message)
    }
}

impl From<StepError> for ApiError {
    fn from(error: StepError) -> ApiError {
        match error {
            StepError::NotFound => ApiError::new(Code::WithdrawalNotFound, "Withdrawal not found"),
            StepError::Elsewhere(status) => {
                let message = format!("The withdrawal is {}", status.as_str());
                ApiError::new(Code::InvalidWithdrawalStatus, message)
                    .context("status", status.as_str())
            }
            StepError::KeyUsed => used_otherwise(),
            StepError::SamePerson | StepError::Unavailable => {
                super::payments::away("Withdrawals cannot be changed")
            }
        }
    }
}
