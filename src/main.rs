//! The program. What its commands do is in `cli`.

use std::process::ExitCode;

use chargeghar::cli;
use chargeghar::embedded::postgres::child;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // Before anything else: this copy has nothing to do but to become another program.
    if arguments.next().is_some_and(|command| command == child::COMMAND) {
        return child::main(arguments);
    }
    cli::main()
}
