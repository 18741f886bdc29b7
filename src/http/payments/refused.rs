//! What riders ask for about money and do not get: counted by the code of the refusal.

use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use domain::money::Money;

use crate::http::error::{ApiError, Code};
use crate::metrics;

/// Counts what riders ask for and do not get, by the code of the refusal.
pub async fn count(request: Request, next: Next) -> Response {
    let asks = request.method() == Method::POST;
    let response = next.run(request).await;
    let code: Option<&Code> = response.extensions().get();
    if let Some(code) = code.filter(|_| asks) {
        metrics::PAYMENTS_REFUSED.inc([code.as_str()]);
    }
    response
}

/// Money of another country is not taken for ours.
pub fn in_rupees(currency: Option<&str>) -> Result<(), ApiError> {
    if currency.is_none_or(|name| name.trim().eq_ignore_ascii_case(Money::CURRENCY)) {
        return Ok(());
    }
    let error = ApiError::new(Code::UnsupportedCurrency, "Amounts are in NPR");
    Err(error.and_field("currency", "only NPR is taken"))
}
