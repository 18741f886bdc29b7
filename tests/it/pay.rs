//! Money from the outside: asked for once, credited once, and never on anybody's word but the
//! gateway's.

mod checks;
mod reads;
mod sweeps;
mod till;
