//! The service dies at the worst moments and is started again; and its database does.
//!
//! The processes are the built program, and their time is real.

#[cfg(feature = "failpoints")]
mod crash;
mod instances;
mod outage;
#[cfg(feature = "failpoints")]
mod payment;
