//! What refusals of refunds are to a client.

use super::{ApiError, Code};
use crate::actors::refunds::RequestError;
use crate::http::idempotency::used_otherwise;

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> ApiError {
        let (code, message) = match error {
            RequestError::NotFound => (Code::TransactionNotFound, "Transaction not found"),
            RequestError::NothingLeft => {
                (Code::InvalidStatus, "Nothing of this transaction can be refunded")
            }
            RequestError::Duplicate => {
                (Code::DuplicateRefund, "A refund of this transaction is under way")
            }
            RequestError::KeyUsed => return used_otherwise(),
            RequestError::Unavailable => {
                return super::payments::away("Refunds cannot be asked for");
            }
        };
        ApiError::new(code, message)
    }
}
