//! The rules of the network, pure: nothing here can wait, fail for outside reasons, or know
//! the time. Read in this order.

pub mod calendar;
pub mod ids;
pub mod money;
pub mod points;

pub mod ledger;
pub mod tariff;
pub mod tender;

pub mod connect;
pub mod eject;
pub mod presence;
pub mod returns;
pub mod slot;
pub mod station;

pub mod bank;
pub mod effect;
pub mod invoice;
pub mod rental;

pub mod payment;
pub mod rider;
pub mod withdrawal;
