//! Rows as they are shown: read for HTTP, never decided upon.

pub mod rentals;
