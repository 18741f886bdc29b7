//! The store on a real Postgres: what it promises, one test for each sentence.

mod backup;
mod batch;
mod commit;
mod fencing;
mod ledger;
mod load;
mod operators;
mod outage;
mod outbox;
mod views;
mod world;
