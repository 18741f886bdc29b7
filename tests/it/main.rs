//! Stories of the whole service, each on real parts.
//!
//! Every module is `cfg(test)`, which is true of this program anyway: without it clippy takes their
//! `unwrap` for one outside of tests.

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod books;
#[cfg(test)]
mod broker_away;
#[cfg(test)]
mod calls;
#[cfg(test)]
#[cfg(feature = "failpoints")]
mod cancelling;
#[cfg(test)]
mod carriers;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod comeback;
#[cfg(test)]
mod counted;
#[cfg(test)]
mod crowded;
#[cfg(test)]
mod doubted;
#[cfg(test)]
mod echo;
#[cfg(test)]
mod embedded;
#[cfg(test)]
mod ephemera_away;
#[cfg(test)]
mod fakes;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod housekeeping;
#[cfg(test)]
mod layout;
#[cfg(test)]
mod link;
#[cfg(test)]
mod on_mosquitto;
#[cfg(test)]
mod pay;
#[cfg(test)]
mod provable;
#[cfg(test)]
mod receipts;
#[cfg(test)]
mod renting;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod returning;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod stale;
#[cfg(test)]
mod store;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod unknown;
#[cfg(test)]
mod unsigned;
#[cfg(test)]
mod web;
