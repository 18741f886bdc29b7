//! The only SQL: makes facts durable and reads them back. Knows nothing of actors or HTTP.

pub mod fact;
