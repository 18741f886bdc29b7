//! The command line is understood, or refused with code 2.

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_takes_a_settings_file_and_says_what_it_does() {
    for command in leaves(Cli::command()) {
        let name = command.get_name().to_owned();
        assert!(command.get_about().is_some_and(|about| !about.to_string().is_empty()), "{name}");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{name}: {}", argument.get_id());
        }
    }
    assert!(Cli::try_parse_from(["chargeghar", "decode", "--config", "x.toml", "A8"]).is_ok());
    assert!(Cli::try_parse_from(["chargeghar", "--config", "x.toml", "decode", "A8"]).is_ok());
}

#[test]
fn unknown_things_are_refused() {
    for words in [
        &["chargeghar"][..],
        &["chargeghar", "fly"],
        &["chargeghar", "decode"],
        &["chargeghar", "config", "--yaml"],
        &["chargeghar", "version", "more"],
    ] {
        let error = Cli::try_parse_from(words).err().unwrap();
        assert!(error.use_stderr(), "{words:?}");
    }
    let help = Cli::try_parse_from(["chargeghar", "decode", "--help"]).err().unwrap();
    assert_eq!(help.kind(), ErrorKind::DisplayHelp);
}

#[test]
fn the_page_of_commands_names_every_command_and_flag_and_no_other() {
    let page = include_str!("../../docs/CLI.md");
    let contract = page.split("## `chargeghar COMMAND`").nth(1).unwrap();
    let cli = Cli::command();

    let mut flags = vec!["--help".to_owned()];
    for command in leaves(cli.clone()) {
        let name = command.get_name();
        assert!(words(contract).any(|word| word == name), "{name} is not in docs/CLI.md");
        for flag in command.get_arguments().chain(cli.get_arguments()).filter_map(|a| a.get_long())
        {
            let flag = format!("--{flag}");
            assert!(words(contract).any(|word| word == flag), "{name} {flag} is not there");
            flags.push(flag);
        }
        let aliases = command.get_arguments().filter_map(clap::Arg::get_all_aliases).flatten();
        flags.extend(aliases.map(|alias| format!("--{alias}")));
    }

    for word in words(contract).filter(|word| word.starts_with("--")) {
        assert!(flags.iter().any(|flag| flag == word), "there is no {word}");
    }
}

/// Names, and flags with their dashes.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|word| word.contains(|c: char| c.is_ascii_alphanumeric()))
}

fn leaves(command: clap::Command) -> Vec<clap::Command> {
    let below: Vec<clap::Command> = command.get_subcommands().cloned().collect();
    if below.is_empty() {
        return vec![command];
    }
    below.into_iter().flat_map(leaves).collect()
}
