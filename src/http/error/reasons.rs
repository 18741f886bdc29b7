//! What each handle's refusals are to a client: one exhaustive match per handle.

use std::time::Duration;

use domain::rental::Refusal;
use domain::tender::NotPaid;

use super::{ApiError, Code};
use crate::actors::logins::{CheckError, CodeError, CompleteError, RefreshError};
use crate::actors::rentals::{self, StartError};
use crate::store;

const AWAY: &str = "The service is busy, please try again";
/// How soon something that is away may be asked again.
const SOON: Duration = Duration::from_secs(2);
/// How soon a cabinet that is away may be asked again.
const LATER: Duration = Duration::from_secs(30);

impl ApiError {
    fn unavailable() -> ApiError {
        ApiError::new(Code::ServiceUnavailable, AWAY).retry_after(SOON)
    }

    fn too_often(wait: Duration) -> ApiError {
        ApiError::new(Code::RateLimitExceeded, "Too many requests, please try again later")
            .retry_after(wait)
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> ApiError {
        use store::Error::*;
        match error {
            NotFound => ApiError::new(Code::NotFound, "There is no such thing"),
            Unavailable(_) | Unsure | Fenced | Held { .. } => {
                ApiError::away("the database did not answer a read", &error)
            }
            Stale
            | Corrupt(_)
            | Conflict(_)
            | Newer { .. }
            | Migration(_)
            | Address(_)
            | NotEmpty(_) => ApiError::internal("a read failed", &error),
        }
    }
}

impl From<CodeError> for ApiError {
    fn from(error: CodeError) -> ApiError {
        match error {
            CodeError::TooOften { retry_after } => ApiError::too_often(retry_after),
            CodeError::Deactivated => deactivated(),
            CodeError::NotServed => {
                ApiError::field("identifier", "No code can be sent to such an address")
            }
            CodeError::Unavailable => ApiError::unavailable(),
        }
    }
}

impl From<CheckError> for ApiError {
    fn from(error: CheckError) -> ApiError {
        match error {
            CheckError::Expired => {
                ApiError::new(Code::OtpExpired, "OTP has expired, please request a new one")
            }
            CheckError::Wrong => ApiError::new(Code::InvalidOtp, "Invalid OTP"),
            CheckError::TooOften { retry_after } => ApiError::too_often(retry_after),
            CheckError::Unavailable => ApiError::unavailable(),
        }
    }
}

impl From<CompleteError> for ApiError {
    fn from(error: CompleteError) -> ApiError {
        let (code, message) = match error {
            CompleteError::TicketExpired => {
                (Code::VerificationTokenExpired, "Verification token has expired")
            }
            CompleteError::OtherIdentifier => {
                (Code::IdentifierMismatch, "The identifier is not the one that was verified")
            }
            CompleteError::UsernameRequired => {
                (Code::UsernameRequired, "Username is required for registration")
            }
            CompleteError::UsernameTaken => {
                return ApiError::field("username", "Username already exists");
            }
            CompleteError::Exists => (Code::UserAlreadyExists, "User already exists"),
            CompleteError::Unknown => (Code::UserNotFound, "User not found"),
            CompleteError::Deactivated => return deactivated(),
            CompleteError::Unavailable => return ApiError::unavailable(),
        };
        ApiError::new(code, message)
    }
}

impl From<RefreshError> for ApiError {
    fn from(error: RefreshError) -> ApiError {
        match error {
            RefreshError::Invalid => {
                ApiError::new(Code::InvalidRefreshToken, "Invalid refresh token")
            }
            RefreshError::Reused { .. } => {
                let message = "The refresh token was used before, please log in again";
                ApiError::new(Code::InvalidRefreshToken, message)
            }
            RefreshError::Deactivated => {
                ApiError::new(Code::UserInvalid, "User not found or inactive")
            }
            RefreshError::Unavailable => ApiError::unavailable(),
        }
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> ApiError {
        use StartError::*;
        let text = error.to_string();
        match error {
            StationNotFound => ApiError::new(Code::StationNotFound, "Station not found"),
            StationOffline => ApiError::new(Code::StationOffline, text).retry_after(LATER),
            StationMaintenance => ApiError::new(Code::StationMaintenance, text).retry_after(LATER),
            NoBank => ApiError::new(Code::NoPowerBankAvailable, text),
            BankNotFound => ApiError::new(Code::PowerbankNotFound, text),
            BankElsewhere => ApiError::new(Code::PowerbankStationMismatch, text),
            PackageNotFound => ApiError::field("package_id", "Package not found or inactive"),
            ModeNotSupported => ApiError::new(Code::PaymentModeNotSupported, text),
            RiderHasRental { overdue: false } => ApiError::new(Code::ActiveRentalExists, text),
            RiderHasRental { overdue: true } => ApiError::new(Code::OverdueRentalExists, text),
            UnpaidDues { amount } => ApiError::new(Code::UnpaidRentalExists, text)
                .context("amount_due", amount.to_string()),
            Short { missing, .. } => ApiError::new(Code::PaymentMethodRequired, text)
                .context("shortfall", missing.total().to_string()),
            OtherSplit { .. } => ApiError::new(Code::SplitTotalMismatch, text),
            SlotBusy { retry_after } => {
                ApiError::new(Code::SlotNotAvailable, text).retry_after(retry_after)
            }
            KeyUsed => ApiError::new(Code::IdempotencyKeyReused, text),
            Unavailable => ApiError::unavailable(),
        }
    }
}

impl From<rentals::Error> for ApiError {
    fn from(error: rentals::Error) -> ApiError {
        let text = error.to_string();
        match error {
            rentals::Error::NotFound => ApiError::new(Code::RentalNotFound, "Rental not found"),
            rentals::Error::Refused(refusal) => refusal.into(),
            rentals::Error::KeyUsed => ApiError::new(Code::IdempotencyKeyReused, text),
            rentals::Error::Unavailable => ApiError::unavailable(),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> ApiError {
        let text = refusal.to_string();
        match refusal {
            Refusal::NotReturned => ApiError::new(Code::PowerbankNotReturned, text),
            Refusal::Over | Refusal::NotOutYet | Refusal::InFuture => {
                ApiError::new(Code::InvalidRentalStatus, text)
            }
            Refusal::NotStarted => ApiError::new(Code::RentalNotStarted, text),
            Refusal::NothingOwed => ApiError::new(Code::NoDueAmount, text),
            // no rider asks for it
            Refusal::TooMuchToWriteOff { .. } => ApiError::new(Code::InvalidRentalStatus, text),
            Refusal::DuesPaid => ApiError::new(Code::DuesAlreadyPaid, text),
            Refusal::OtherAmount { owed } => ApiError::new(Code::PaymentAmountMismatch, text)
                .context("amount_due", owed.to_string()),
            Refusal::NotPaid(NotPaid::Split { .. }) => {
                ApiError::new(Code::SplitTotalMismatch, text)
            }
            Refusal::NotPaid(NotPaid::Short(missing)) => {
                ApiError::new(Code::PaymentMethodRequired, text)
                    .context("shortfall", missing.total().to_string())
            }
        }
    }
}

fn deactivated() -> ApiError {
    ApiError::new(Code::AccountDeactivated, "Account is deactivated")
}
