//! What the service asks of others: one narrow trait for each need.

pub mod broker_admin;
