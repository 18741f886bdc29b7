//! The store on a real Postgres: what it promises, one test for each sentence.

mod backup;
mod batch;
mod chain;
mod commit;
mod fencing;
mod invoices;
mod ledger;
mod load;
mod operators;
mod outage;
mod outbox;
mod points;
mod verify;
mod views;
pub mod world;
