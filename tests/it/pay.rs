//! Money from the outside: asked for once, credited once, and never on anybody's word but the
//! gateway's.

mod again;
mod amounts;
mod checks;
mod counter;
mod crowd;
mod desk;
mod dues;
mod errands;
mod faults;
mod gateways;
mod giving;
mod modes;
mod options;
pub mod owing;
mod points;
mod reads;
mod refunds;
mod returns;
mod sources;
mod sweeps;
mod till;
mod webhooks;
mod withdrawals;
