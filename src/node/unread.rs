//! Rows that this version cannot read: each is told, and one incident until somebody resolved it.
//! A few hold up nobody else. Many of the open rentals are the fault of the version, not of the
//! rows: a node that would forget them does not start.

use super::StartError;
use crate::metrics;
use crate::store::Store;
use crate::store::load::Loaded;

/// So many open rentals may be unread, however few there are.
const RENTALS_MAX: usize = 5;
/// Of a hundred open rentals.
const PERCENT_MAX: usize = 5;

/// Tells what could not be read of what a node starts with.
pub(super) async fn tell(store: &Store, loaded: &Loaded) -> Result<(), StartError> {
    for table in ["stations", "banks", "rentals"] {
        let unread = loaded.corrupt.iter().filter(|row| row.table == table).count();
        metrics::UNREAD_ROWS.set(unread.try_into().unwrap_or(u64::MAX), [table]);
    }
    if loaded.corrupt.is_empty() {
        return Ok(());
    }
    for row in &loaded.corrupt {
        tracing::error!(table = row.table, id = row.id, error = row.error, "a row cannot be read");
    }
    let rentals = loaded.corrupt.iter().filter(|row| row.table == "rentals").count();
    let open = rentals + loaded.rentals.len();
    if rentals > RENTALS_MAX && rentals * 100 > open * PERCENT_MAX {
        return Err(StartError::Unread { rentals, open });
    }
    let opened = store.open_unread(&loaded.corrupt).await?;
    metrics::INCIDENTS.add(opened, ["unread_row"]);
    Ok(())
}
