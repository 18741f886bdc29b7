//! What riders' apps see of the service, over real HTTP.

mod ending;
mod gone;
mod keys;
mod limits;
mod logins;
mod others;
mod pages;
mod streams;
mod walk;
