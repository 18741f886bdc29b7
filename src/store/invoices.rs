//! Documents as they were issued, and how often each was printed. Nothing here changes one.

use chrono::{DateTime, Utc};
use domain::ids::{InvoiceId, RentalId, RiderId};
use domain::invoice::{Line, Seller, Series};
use domain::money::Money;
use serde::Deserialize;
use sqlx::types::Json;

use super::{Error, Store};

/// A document with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub id: InvoiceId,
    pub series: Series,
    pub number: String,
    pub corrects: Option<InvoiceId>,
    pub reason: Option<String>,
    pub issued_at: DateTime<Utc>,
    /// In Bikram Sambat: `2083.08.06`.
    pub issued_on: String,
    pub amount: Money,
    pub taxable: Money,
    pub vat: Money,
    pub seller: Seller,
    pub lines: Vec<Line>,
    /// How often it was printed.
    pub prints: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: InvoiceId,
    series: Series,
    number: String,
    corrects: Option<InvoiceId>,
    reason: Option<String>,
    issued_at: DateTime<Utc>,
    issued_on: String,
    amount: Money,
    taxable: Money,
    vat: Money,
    content: Json<Content>,
    prints: i64,
}

#[derive(Deserialize)]
struct Content {
    seller: Seller,
    lines: Vec<Line>,
}

impl From<Row> for Document {
    fn from(row: Row) -> Document {
        let Content { seller, lines } = row.content.0;
        Document {
            id: row.id,
            series: row.series,
            number: row.number,
            corrects: row.corrects,
            reason: row.reason,
            issued_at: row.issued_at,
            issued_on: row.issued_on,
            amount: row.amount,
            taxable: row.taxable,
            vat: row.vat,
            seller,
            lines,
            prints: row.prints,
        }
    }
}

impl Store {
    /// All documents of a rider's rental, the invoice first.
    pub async fn documents(
        &self,
        rider: RiderId,
        rental: RentalId,
    ) -> Result<Vec<Document>, Error> {
        const SQL: &str = "
            select id, series, number, corrects, reason, issued_at, issued_on, amount, taxable,
                vat, content, (
                    select count(*) from invoice_prints p where p.invoice_id = i.id
                ) as prints
            from invoices i
            where rental_id = $1 and rider_id = $2
            order by series desc, issued_at, serial";

        let mut session = self.read().await?;
        let rows: Vec<Row> =
            sqlx::query_as(SQL).bind(rental).bind(rider).fetch_all(&mut session).await?;
        Ok(rows.into_iter().map(Document::from).collect())
    }

    /// Notes that a document is printed; answers which print it is: the first is the original.
    pub async fn note_print(&self, invoice: InvoiceId, by: String) -> Result<u32, Error> {
        const LOCK: &str = "select pg_advisory_xact_lock(hashtextextended($1::text, 0))";
        const SQL: &str = "
            insert into invoice_prints (invoice_id, print, at, by)
            select $1, coalesce(max(print), 0) + 1, $2, $3
            from invoice_prints where invoice_id = $1
            returning print";

        let at = self.inner.clock.now();
        let print: i32 = self
            .transact("store.print", move |session| {
                Box::pin(async move {
                    sqlx::query(LOCK).bind(invoice).execute(&mut *session).await?;
                    let print = sqlx::query_scalar(SQL).bind(invoice).bind(at).bind(by);
                    Ok(print.fetch_one(session).await?)
                })
            })
            .await?;
        Ok(print.unsigned_abs())
    }
}
