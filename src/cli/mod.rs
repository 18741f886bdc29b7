//! What a person can do from the command line: one file per command.

pub mod doctor;
