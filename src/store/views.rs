//! Rows put together for people: read models that are shown as they are. Nothing here writes.

mod banks;
mod books;
mod effects;
mod incidents;
pub mod rentals;
mod story;

pub use banks::BankRow;
pub use books::{Books, Sum};
pub use effects::EffectRow;
pub use incidents::IncidentRow;
pub use story::{EventRow, FrameRow, LineRow, Story, TransferRow};
