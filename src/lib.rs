//! The service: modules only.

pub mod clock;
pub mod config;
pub mod embedded;
pub mod entropy;
pub mod metrics;
pub mod spawn;
pub mod store;
pub mod telemetry;
