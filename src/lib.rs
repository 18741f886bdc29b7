//! The service: modules only.

pub mod actors;
pub mod admin;
pub mod chain;
pub mod cli;
pub mod clients;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod embedded;
pub mod entropy;
pub mod ephemera;
pub mod failpoint;
#[cfg(test)]
mod fuzz;
pub mod http;
pub mod link;
pub mod metrics;
pub mod node;
pub mod readiness;
pub mod spawn;
pub mod store;
pub mod telemetry;
