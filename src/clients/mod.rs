//! What the service asks of others: one narrow trait for each need. A client makes one request
//! and says what the caller may do next; it keeps no state of ours and retries nothing.

pub mod broker_admin;
pub mod messenger;
pub mod payments;
pub mod push;
pub mod web;
