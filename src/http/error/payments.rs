//! What refusals of payments are to a client.

use std::time::Duration;

use domain::payment::IntentStatus;

use super::{ApiError, Code};
use crate::actors::payments::{CancelError, PlayError, StartError, VerifyError, WebhookError};
use crate::http::idempotency::used_otherwise;

/// How soon a gateway may be asked again.
const SOON: Duration = Duration::from_secs(5);

pub(super) fn away(what: &str) -> ApiError {
    ApiError::new(Code::ServiceUnavailable, format!("{what}, please try again")).retry_after(SOON)
}

fn no_gateway() -> ApiError {
    let message = "The payment gateway does not answer, please try again";
    ApiError::new(Code::GatewayUnavailable, message).retry_after(SOON)
}

fn no_intent() -> ApiError {
    ApiError::new(Code::IntentNotFound, "Payment intent not found")
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> ApiError {
        match error {
            StartError::NotOffered => {
                ApiError::new(Code::InvalidPaymentMethod, "Invalid payment method")
            }
            StartError::TooLow(least) => {
                ApiError::new(Code::AmountTooLow, format!("Minimum amount is NPR {least}"))
            }
            StartError::TooHigh(most) => {
                ApiError::new(Code::AmountTooHigh, format!("Maximum amount is NPR {most}"))
            }
            StartError::Declined => {
                ApiError::new(Code::InvalidPaymentMethod, "The gateway refuses this payment")
            }
            StartError::GatewayUnavailable => no_gateway(),
            StartError::KeyUsed => used_otherwise(),
            StartError::Unavailable => away("Payments cannot be started"),
        }
    }
}

impl From<VerifyError> for ApiError {
    fn from(error: VerifyError) -> ApiError {
        let failed = |message, status: IntentStatus| {
            ApiError::new(Code::PaymentVerificationFailed, message)
                .context("status", status.as_str())
        };
        match error {
            VerifyError::NotFound => no_intent(),
            VerifyError::Open => failed("The payment is not complete", IntentStatus::Pending),
            VerifyError::Mismatch => {
                failed("The gateway's answer does not match this payment", IntentStatus::Failed)
            }
            VerifyError::Ended(IntentStatus::Expired) => {
                ApiError::new(Code::IntentExpired, "The payment has expired")
                    .context("status", IntentStatus::Expired.as_str())
            }
            VerifyError::Ended(IntentStatus::Cancelled) => over(IntentStatus::Cancelled),
            VerifyError::Ended(
                status @ (IntentStatus::Failed | IntentStatus::Pending | IntentStatus::Completed),
            ) => failed("The payment was not made", status),
            VerifyError::News(odd) => {
                let message = "What was sent along does not belong to this payment";
                ApiError::new(Code::PaymentVerificationFailed, message)
                    .context("reason", odd.as_str())
            }
            VerifyError::GatewayUnavailable => no_gateway(),
            VerifyError::Unavailable => away("Payments cannot be verified"),
        }
    }
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> ApiError {
        match error {
            WebhookError::Refused(odd) => {
                ApiError::new(Code::ValidationError, "The event is not accepted")
                    .context("reason", odd.as_str())
            }
            WebhookError::Unavailable => away("Events cannot be kept"),
        }
    }
}

impl From<CancelError> for ApiError {
    fn from(error: CancelError) -> ApiError {
        match error {
            CancelError::NotFound => no_intent(),
            CancelError::Over(status) => over(status),
            CancelError::KeyUsed => used_otherwise(),
            CancelError::Unavailable => away("Payments cannot be cancelled"),
        }
    }
}

fn over(status: IntentStatus) -> ApiError {
    ApiError::new(Code::InvalidIntentStatus, format!("The payment is {}", status.as_str()))
        .context("status", status.as_str())
}

impl From<PlayError> for ApiError {
    fn from(error: PlayError) -> ApiError {
        match error {
            PlayError::NoSandbox => {
                ApiError::new(Code::NotFound, "There is nothing at this address")
            }
            PlayError::NotFound => no_intent(),
            PlayError::Unavailable => away("Payments cannot be read"),
        }
    }
}
