//! The living network: one writer for each thing that changes.
//!
//! ```text
//! node ─┬─ route       what cabinets say, sorted to their stations
//!       ├─ stations ── station (one per cabinet) ── slot (one per slot)
//!       ├─ rentals ─── rental (one per open rental)
//!       ├─ payments    intents to check, callbacks to consume
//!       ├─ errands     what payments were made for, once they are settled
//!       ├─ outbox      owed effects, delivered after the commit
//!       ├─ auditor     looks whether the ledger adds up
//!       ├─ witness     looks whether memory is what is stored
//!       ├─ flusher     telemetry, in batches
//!       ├─ storm       which cabinet is asked for a report next
//!       ├─ sweeper     work that only the clock starts
//!       └─ feed        live updates, lossy by contract
//! ```
//!
//! Calls go down this tree, news goes up as casts. No actor writes a row that another one
//! owns, and none believes anything before it is committed.

pub mod auditor;
pub mod availability;
pub mod banks;
mod context;
pub mod directory;
pub mod errands;
pub mod feed;
pub mod flusher;
pub mod go_ahead;
pub mod logins;
pub mod mailbox;
pub mod outbox;
pub mod payments;
pub mod refunds;
pub mod rental;
pub mod rentals;
pub mod route;
pub mod settings;
pub mod slot;
pub mod station;
pub mod stations;
pub mod storm;
pub mod strangers;
pub mod supervise;
pub mod sweeper;
pub mod timers;
mod turns;
pub mod withdrawals;
pub mod witness;

pub use context::{Context, Parts};
