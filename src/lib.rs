//! The service: modules only.

pub mod clock;
pub mod entropy;
pub mod metrics;
pub mod spawn;
pub mod telemetry;
