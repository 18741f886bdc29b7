//! `/api/rentals/{id}/receipt`: the invoice of a rental, as data and as a page to print. What
//! stands on it was written when it was issued; nothing is computed anew.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::ids::{RentalId, RiderId};
use domain::invoice::{Line, Seller, Series};
use domain::money::Money;
use domain::rental::Terms;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::App;
use super::super::error::{ApiError, Code};
use super::super::reply::{Done, Reply, ok};
use super::super::token::Caller;
use super::body::RentalBody;
use super::rental_id;
use crate::store::invoices::Document;

mod pdf;

#[cfg(test)]
mod tests;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(receipt)).routes(routes!(print))
}

/// The invoice of a rental, and the rental with every step of its price.
#[derive(Serialize, ToSchema)]
struct ReceiptBody {
    invoice: DocumentBody,
    /// What was given back since.
    credit_notes: Vec<DocumentBody>,
    rental: RentalBody,
}

#[derive(Serialize, ToSchema)]
struct DocumentBody {
    /// `CG-KTM-83/84-000123`.
    number: String,
    series: Series,
    issued_at: DateTime<Utc>,
    /// In Bikram Sambat, the day in Nepal: `2083.08.06`.
    issued_on: String,
    seller: Seller,
    lines: Vec<Line>,
    amount: Money,
    taxable: Money,
    vat: Money,
    #[schema(value_type = String)]
    vat_percent: rust_decimal::Decimal,
    /// Why it was issued, if it is a credit note.
    reason: Option<String>,
    /// How often it was printed; what is printed after the first time is a copy.
    prints: i64,
}

impl From<Document> for DocumentBody {
    fn from(document: Document) -> DocumentBody {
        DocumentBody {
            number: document.number,
            series: document.series,
            issued_at: document.issued_at,
            issued_on: document.issued_on,
            seller: document.seller,
            lines: document.lines,
            amount: document.amount,
            taxable: document.taxable,
            vat: document.vat,
            vat_percent: Terms::default().vat_percent,
            reason: document.reason,
            prints: document.prints,
        }
    }
}

/// The receipt of a rental that ended with a price.
#[utoipa::path(
    get,
    path = "/api/rentals/{id}/receipt",
    tag = "Rentals",
    params(("id" = String, Path)),
    responses((status = OK, body = Done<ReceiptBody>)),
    security(("bearer" = [])),
)]
async fn receipt(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Reply<ReceiptBody>, ApiError> {
    let id = rental_id(&id)?;
    let rental = app.rental_of(caller.rider, id).await?;
    let (invoice, notes) = app.invoice_of(caller.rider, id).await?;
    let credit_notes = notes.into_iter().map(DocumentBody::from).collect();
    let body = ReceiptBody { invoice: invoice.into(), credit_notes, rental };
    Ok(ok("Receipt retrieved successfully", body))
}

/// The receipt as a page to print. The first one is the original; those after it say that they
/// are copies, and which.
#[utoipa::path(
    get,
    path = "/api/rentals/{id}/receipt.pdf",
    tag = "Rentals",
    params(("id" = String, Path)),
    responses((status = OK, content_type = "application/pdf", body = Vec<u8>)),
    security(("bearer" = [])),
)]
async fn print(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = rental_id(&id)?;
    let rental = app.store.rental_view(caller.rider, id).await.map_err(|error| {
        if error == crate::store::Error::NotFound { super::not_found() } else { error.into() }
    })?;
    let (invoice, _) = app.invoice_of(caller.rider, id).await?;
    let print = app.store.note_print(invoice.id, format!("rider:{}", caller.rider)).await?;
    let bytes = pdf::page(&invoice, &rental, print)
        .map_err(|error| ApiError::new(Code::InternalError, error))?;
    let name = invoice.number.replace('/', "-");
    let head = [
        ("content-type", "application/pdf".to_owned()),
        ("content-disposition", format!("inline; filename=\"{name}.pdf\"")),
    ];
    Ok((head, bytes).into_response())
}

impl App {
    /// The invoice of a rental and its credit notes.
    async fn invoice_of(
        &self,
        rider: RiderId,
        id: RentalId,
    ) -> Result<(Document, Vec<Document>), ApiError> {
        let mut documents = self.store.documents(rider, id).await?.into_iter();
        let invoice = documents.next().filter(|first| first.series == Series::Invoice);
        let none =
            || ApiError::new(Code::InvalidRentalStatus, "The rental has not ended with a price");
        Ok((invoice.ok_or_else(none)?, documents.collect()))
    }
}
