//! The "A8" family: JSON commands down, binary frames up, HTTP calls beside them.
//!
//! Owns every fact of `docs/PROTOCOL.md`. It keeps no state: matching answers to commands,
//! time and duplicates are the caller's.

pub mod build;
mod frame;

pub use frame::{bank_number, checksum};
