//! The store on a real Postgres: what it promises, one test for each sentence.

mod backup;
mod commit;
mod load;
mod operators;
mod outbox;
mod views;
mod world;
