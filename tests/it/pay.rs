//! Money from the outside: asked for once, credited once, and never on anybody's word but the
//! gateway's.

mod amounts;
mod checks;
mod counter;
mod desk;
mod faults;
mod gateways;
mod giving;
mod reads;
mod refunds;
mod returns;
mod sources;
mod sweeps;
mod till;
mod webhooks;
mod withdrawals;
