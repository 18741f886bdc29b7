//! Programs are found and judged by their version; accounts are read as the system writes them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::cluster::{User, account};
use super::programs::major;
use super::*;

#[test]
fn the_version_is_the_first_number() {
    assert_eq!(major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"), Some(15));
    assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
    assert_eq!(major("postgres"), None);
}

#[test]
fn an_account_is_found_by_its_whole_name() {
    let accounts = "postgres-exporter:x:7:7::/:/bin/sh\npostgres:x:101:104:,,,:/var:/bin/bash\n";

    let found = account(accounts, "postgres").unwrap();

    assert_eq!(found, User { name: "postgres".into(), uid: 101, gid: 104 });
    assert_eq!(account(accounts, "nobody"), None);
}

#[test]
fn programs_that_are_too_old_are_not_used() {
    let folder = programs_that_say("postgres (PostgreSQL) 14.9");

    let refused = Programs::find(folder.path(), None).unwrap_err();

    assert!(refused.to_string().contains("apt-get install -y postgresql"), "{refused}");
}

#[test]
fn a_cluster_is_opened_only_by_the_version_that_made_it() {
    let folder = programs_that_say("postgres (PostgreSQL) 17.2");

    assert_eq!(Programs::find(folder.path(), None).unwrap().major, 17);
    assert_eq!(Programs::find(folder.path(), Some(17)).unwrap().major, 17);
    let refused = Programs::find(folder.path(), Some(16)).unwrap_err();
    assert!(refused.to_string().contains("postgresql-16"), "{refused}");
}

#[test]
fn a_folder_without_programs_gives_none() {
    let folder = tempfile::tempdir().unwrap();

    assert!(Programs::candidates(folder.path()).is_empty());
}

#[test]
fn an_unpacked_package_gets_its_links_and_modes() {
    let folder = tempfile::tempdir().unwrap();
    let native = folder.path().join("native");
    fs::create_dir_all(native.join("bin")).unwrap();
    fs::create_dir_all(native.join("lib")).unwrap();
    fs::write(native.join("lib/libpq.so.5.17"), "").unwrap();
    let links = r#"[
        {"source":"native/lib/libpq.so.5.17","target":"native/lib/libpq.so.5"},
        {"source":"/etc/passwd","target":"../../escape"}
    ]"#;
    fs::write(native.join("pg-symlinks.json"), links).unwrap();
    for name in ["postgres", "initdb"] {
        let path = native.join("bin").join(name);
        fs::write(&path, "#!/bin/sh\necho 'postgres (PostgreSQL) 17.2'\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    }

    let found = Programs::find(&native.join("bin"), None).unwrap();

    assert_eq!((found.major, found.libraries), (17, Some(native.join("lib"))));
    let link = fs::read_link(native.join("lib/libpq.so.5")).unwrap();
    assert_eq!(link, Path::new("libpq.so.5.17"));
    assert!(fs::symlink_metadata(folder.path().join("../escape")).is_err());
}

fn programs_that_say(version: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["postgres", "initdb"] {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\necho '{version}'\n")).unwrap();
        fs::set_permissions(Path::new(&path), Permissions::from_mode(0o755)).unwrap();
    }
    folder
}
