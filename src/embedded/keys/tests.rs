//! Keys are made once, kept, and hidden from others.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::config::Config;

#[test]
fn a_restart_finds_the_keys_of_the_first_start() {
    let outer = tempfile::tempdir().unwrap();
    let folder = folder_in(outer.path());

    let first = Keys::load(&folder, &Auth::default(), &Entropy::seeded(1)).unwrap();
    let again = Keys::load(&folder, &Auth::default(), &Entropy::seeded(2)).unwrap();

    assert_eq!(first.signing.to_bytes(), again.signing.to_bytes());
    assert_eq!(first.server, again.server);
}

#[test]
fn key_files_are_readable_by_their_user_only() {
    let outer = tempfile::tempdir().unwrap();
    let folder = folder_in(outer.path());

    Keys::load(&folder, &Auth::default(), &Entropy::system()).unwrap();

    for name in ["signing.pem", "server.key"] {
        let mode = fs::metadata(folder.keys().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn configured_keys_take_the_place_of_the_files() {
    let outer = tempfile::tempdir().unwrap();
    let key = SigningKey::from_bytes(&[7; 32]);
    let server_key = Secret::new("ab".repeat(32));
    let auth = Auth { signing_key: pem(&key), server_key, ..Auth::default() };

    let keys = Keys::load(&folder_in(outer.path()), &auth, &Entropy::system()).unwrap();

    assert_eq!(keys.signing.to_bytes(), [7; 32]);
    assert_eq!(keys.server, [0xab; 32]);
}

#[test]
fn a_damaged_key_is_told_and_not_replaced() {
    let outer = tempfile::tempdir().unwrap();
    let folder = folder_in(outer.path());
    let path = folder.keys().join("server.key");
    fs::create_dir(folder.keys()).unwrap();
    fs::write(&path, "short").unwrap();

    let refused = Keys::load(&folder, &Auth::default(), &Entropy::system());

    assert!(refused.is_err_and(|error| error.to_string().contains("64 hex digits")));
    assert_eq!(fs::read_to_string(path).unwrap(), "short");
}

fn folder_in(path: &Path) -> DataFolder {
    DataFolder::open(&Config { data_dir: path.to_owned(), ..Config::default() }).unwrap()
}
