//! Every behaviour of a cabinet, told to the machine on a clock of the test's own.

mod coming_back;
mod ejecting;
mod harness;
mod living;
mod scripts;
mod sending;
