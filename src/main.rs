//! The program: one word on the command line says what it does.

use std::process::ExitCode;

use chargeghar::embedded::postgres::child;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next().unwrap_or_default();
    // Before anything else: this copy has nothing to do but to become another program.
    if command == child::COMMAND {
        return child::main(arguments);
    }
    eprintln!("usage: chargeghar COMMAND");
    ExitCode::from(2)
}
