//! The demo as it is run: again in its folder, in a network's, and ended while it tells.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{PROGRAM, stderr, stdout};

/// In a folder of one's own, with a data folder there that is named for these runs.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .env("CHARGEGHAR__HTTP__PORT", "0")
        .env("CHARGEGHAR__MQTT__PORT", "0")
        .stdin(Stdio::null());
    command
}

fn there(folder: &Path, arguments: &[&str]) -> Output {
    let data = folder.join("data");
    command(folder, arguments).env("CHARGEGHAR__DATA_DIR", data).output().unwrap()
}

#[test]
fn the_demo_is_told_twice_in_one_folder_and_never_in_one_with_other_cabinets() {
    let folder = tempfile::tempdir().unwrap();
    for time in ["first", "second"] {
        let told = there(folder.path(), &["demo", "--exit"]);
        assert!(told.status.success(), "{time}: {}\n{}", stdout(&told), stderr(&told));
    }
    let place = ["--name", "Thamel", "--lat", "27.7153", "--lng", "85.3123", "--slots", "8"];
    let enrol = ["station", "enrol", "--uuid", "860000000000017", "--serial", "CG-1"];
    let enrolled = there(folder.path(), &[&enrol[..], &place].concat());
    assert!(enrolled.status.success(), "{}", stderr(&enrolled));

    let refused = there(folder.path(), &["demo", "--exit"]);

    assert_eq!(refused.status.code(), Some(1), "{}", stdout(&refused));
    let why = stderr(&refused);
    assert!(why.contains("it has the cabinet CG-1") && why.contains("empty folder"), "{why}");
    assert!(!stdout(&refused).contains("ready at"), "{}", stdout(&refused));
}

#[test]
fn the_demo_is_not_told_in_the_folder_of_a_network_whose_database_is_elsewhere() {
    for trace in ["keys", "objects", "node.lock", "admin.sock"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir_all(data.join(trace)).unwrap();

        let refused = there(folder.path(), &["demo", "--exit"]);

        assert_eq!(refused.status.code(), Some(1), "{}", stdout(&refused));
        let why = stderr(&refused);
        assert!(why.contains(&format!("elsewhere: it has {trace}; unset")), "{why}");
        assert!(why.contains("name an empty folder"), "{why}");
        let left = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(left.collect::<Vec<_>>(), [trace], "nothing is made there");
    }
}

#[test]
fn a_signal_ends_the_story_at_once_and_the_folder_that_the_file_names_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), "data_dir = \"network\"\n").unwrap();
    let mut demo = command(folder.path(), &["demo", "--json"]);
    let mut demo = demo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = std::io::BufRead::lines(std::io::BufReader::new(demo.stdout.take().unwrap()));
    assert!(said.any(|line| line.unwrap().contains("ready at")), "it never is ready");
    let clock = chargeghar::clock::Clock::system();
    let deadline = clock.running() + Duration::from_secs(10);

    let pid = Pid::from_raw(i32::try_from(demo.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let rest: Vec<String> = said.map(Result::unwrap).collect();
    let ended = demo.wait().unwrap();

    assert_eq!(ended.code(), Some(1), "the story was not told: {rest:?}");
    assert!(!rest.iter().any(|line| line.contains("demo.end")), "{rest:?}");
    assert!(clock.running() < deadline, "{rest:?}");
    assert!(!folder.path().join("network").exists());
    let left = std::fs::read_dir(folder.path()).unwrap();
    let mut left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!left.any(|name| name.starts_with("chargeghar-demo")), "its own goes with it");
}
