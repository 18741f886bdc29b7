//! What stories stand on: a database of their own, and whatever else a node needs.

pub mod app;
mod cluster;
pub mod database;
pub mod edges;
pub mod handed;
mod live;
pub mod mosquitto;
pub mod node;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod rental;
pub mod secrets;
pub mod tap;
