//! A data folder is private and belongs to one node at a time.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn a_new_folder_is_for_its_user_only() {
    let outer = tempfile::tempdir().unwrap();
    let config = config_in(&outer.path().join("a/b"));

    let folder = DataFolder::open(&config).unwrap();

    let mode = fs::metadata(folder.root()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn one_node_at_a_time_uses_a_folder() {
    let outer = tempfile::tempdir().unwrap();
    let config = config_in(outer.path());
    let first = DataFolder::open(&config).unwrap();
    let second = DataFolder::open(&config).unwrap();

    let held = first.lock().unwrap();
    let refused = second.lock().unwrap_err();
    drop(held);

    assert!(matches!(refused, Error::Locked(_)));
    assert!(refused.to_string().contains("CHARGEGHAR__DATA_DIR"));
    second.lock().unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_told_with_its_path() {
    let outer = tempfile::tempdir().unwrap();
    let file = outer.path().join("file");
    fs::write(&file, "").unwrap();

    let refused = DataFolder::open(&config_in(&file.join("data"))).unwrap_err().to_string();

    assert!(refused.contains("file/data") && refused.contains("CHARGEGHAR__DATA_DIR"));
}

fn config_in(folder: &Path) -> Config {
    Config { data_dir: folder.to_owned(), ..Config::default() }
}
