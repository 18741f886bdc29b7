//! The codes of refusals and their status: the one list.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident $name:literal $status:ident;)*) => {
        /// Why a request was refused. Stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $name)] $code,)*
        }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$code,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Code::$code => $name,)* }
            }

            /// As the app knows it; 400 where it knows none.
            pub fn status(self) -> StatusCode {
                match self { $(Code::$code => StatusCode::$status,)* }
            }
        }
    };
}

/// Written out: a derived one would not see the names that the macro gives.
impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let codes = Code::ALL.iter().map(|code| code.as_str());
        let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes));
        schema.description(Some("Why a request was refused. Stable.")).into()
    }
}

impl ToSchema for Code {}

codes! {
    // any route
    ValidationError "validation_error" BAD_REQUEST;
    NotFound "not_found" NOT_FOUND;
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED;
    PayloadTooLarge "payload_too_large" PAYLOAD_TOO_LARGE;
    AuthenticationRequired "authentication_required" UNAUTHORIZED;
    InvalidToken "invalid_token" UNAUTHORIZED;
    RateLimitExceeded "rate_limit_exceeded" TOO_MANY_REQUESTS;
    /// Too many requests are in work.
    Overloaded "overloaded" SERVICE_UNAVAILABLE;
    /// The request took too long; its outcome is not known here.
    RequestTimeout "request_timeout" SERVICE_UNAVAILABLE;
    /// Something that the request needs is away.
    ServiceUnavailable "service_unavailable" SERVICE_UNAVAILABLE;
    InternalError "internal_error" INTERNAL_SERVER_ERROR;
    InvalidIdempotencyKey "invalid_idempotency_key" BAD_REQUEST;
    /// The first request with this key is still in work.
    IdempotencyInProgress "idempotency_in_progress" CONFLICT;
    /// The key came with another request before.
    IdempotencyKeyReused "idempotency_key_reused" UNPROCESSABLE_ENTITY;

    // login
    OtpExpired "otp_expired" BAD_REQUEST;
    InvalidOtp "invalid_otp" BAD_REQUEST;
    VerificationTokenExpired "verification_token_expired" BAD_REQUEST;
    IdentifierMismatch "identifier_mismatch" BAD_REQUEST;
    UsernameRequired "username_required" BAD_REQUEST;
    UserAlreadyExists "user_already_exists" BAD_REQUEST;
    UserNotFound "user_not_found" BAD_REQUEST;
    AccountDeactivated "account_deactivated" BAD_REQUEST;
    InvalidRefreshToken "invalid_refresh_token" BAD_REQUEST;
    UserInvalid "user_invalid" BAD_REQUEST;

    // stations
    StationNotFound "station_not_found" NOT_FOUND;
    StationOffline "station_offline" SERVICE_UNAVAILABLE;
    StationMaintenance "station_maintenance" SERVICE_UNAVAILABLE;
    InvalidCoordinates "invalid_coordinates" BAD_REQUEST;

    // rentals
    RentalNotFound "rental_not_found" NOT_FOUND;
    RentalPrerequisitesNotMet "rental_prerequisites_not_met" BAD_REQUEST;
    ActiveRentalExists "active_rental_exists" CONFLICT;
    OverdueRentalExists "overdue_rental_exists" BAD_REQUEST;
    UnpaidRentalExists "unpaid_rental_exists" BAD_REQUEST;
    NoPowerBankAvailable "no_power_bank_available" BAD_REQUEST;
    SlotNotAvailable "slot_not_available" SERVICE_UNAVAILABLE;
    PowerbankNotFound "powerbank_not_found" BAD_REQUEST;
    PowerbankStationMismatch "powerbank_station_mismatch" BAD_REQUEST;
    PowerbankNotReturned "powerbank_not_returned" BAD_REQUEST;
    InvalidRentalStatus "invalid_rental_status" BAD_REQUEST;
    PaymentModeNotSupported "payment_mode_not_supported" BAD_REQUEST;
    SplitTotalMismatch "split_total_mismatch" BAD_REQUEST;
    RentalNotStarted "rental_not_started" BAD_REQUEST;
    DuesAlreadyPaid "dues_already_paid" BAD_REQUEST;
    NoDueAmount "no_due_amount" BAD_REQUEST;
    /// The app showed another amount than what is owed.
    PaymentAmountMismatch "payment_amount_mismatch" BAD_REQUEST;

    // payments
    PaymentRequired "payment_required" PAYMENT_REQUIRED;
    PaymentMethodRequired "payment_method_required" BAD_REQUEST;
    PackageRequired "package_required" BAD_REQUEST;
    InvalidPackagePaymentModel "invalid_package_payment_model" BAD_REQUEST;
    InvalidPaymentMethod "invalid_payment_method" BAD_REQUEST;
    AmountTooLow "amount_too_low" BAD_REQUEST;
    AmountTooHigh "amount_too_high" BAD_REQUEST;
    IntentNotFound "intent_not_found" NOT_FOUND;
    InvalidIntentStatus "invalid_intent_status" BAD_REQUEST;
    IntentExpired "intent_expired" BAD_REQUEST;
    /// The gateway says that this was not paid, or was another payment.
    PaymentVerificationFailed "payment_verification_failed" BAD_REQUEST;
    TransactionNotFound "transaction_not_found" NOT_FOUND;
    /// Nothing of it can be given back.
    InvalidStatus "invalid_status" BAD_REQUEST;
    DuplicateRefund "duplicate_refund" BAD_REQUEST;
    WithdrawalsDisabled "withdrawals_disabled" BAD_REQUEST;
    InvalidAmount "invalid_amount" BAD_REQUEST;
    InvalidMethod "invalid_method" BAD_REQUEST;
    /// Money is NPR.
    UnsupportedCurrency "unsupported_currency" BAD_REQUEST;
    UnsupportedMethod "unsupported_method" BAD_REQUEST;
    MissingField "missing_field" BAD_REQUEST;
    InvalidPhone "invalid_phone" BAD_REQUEST;
    DailyLimitExceeded "daily_limit_exceeded" BAD_REQUEST;
    MonthlyLimitExceeded "monthly_limit_exceeded" BAD_REQUEST;
    InsufficientBalance "insufficient_balance" BAD_REQUEST;
    WithdrawalNotFound "withdrawal_not_found" NOT_FOUND;
    InvalidWithdrawalStatus "invalid_withdrawal_status" BAD_REQUEST;
    /// The gateway cannot be asked now.
    GatewayUnavailable "gateway_unavailable" SERVICE_UNAVAILABLE;
}
