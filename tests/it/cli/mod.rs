//! The built program, started as people and scripts start it.

use std::io::Write;
use std::process::{Command, Output, Stdio};

mod decode;
mod demo;
mod ledger;
mod operators;
mod refusals;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chargeghar");

/// Runs the program with `arguments` to its end, in an empty folder and environment.
fn run(arguments: &[&str], stdin: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes()); // it may not read at all
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}
