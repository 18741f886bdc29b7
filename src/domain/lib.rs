//! The rules of the network, pure: nothing here can wait, fail for outside reasons, or know
//! the time. Read in this order.

pub mod ids;
pub mod money;

pub mod eject;
pub mod returns;
pub mod slot;
