//! What operators read, and the decisions they take about rows that no actor owns. Rows here
//! are read models: they are shown as they are.

mod books;
mod cabinets;
mod incidents;
mod story;

pub use books::{Books, Sum};
pub use cabinets::{AuditRow, BankRow, PendingRow};
pub use incidents::{IncidentRow, Resolution};
pub use story::{EventRow, FrameRow, LineRow, Story, TransferRow};
