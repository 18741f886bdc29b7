//! Which folder the demo works in, and which cabinets are its own.

use super::*;

fn configured() -> Config {
    let mut config = Config { data_dir: "/var/lib/network".into(), ..Config::default() };
    config.http.port = 8081;
    config
}

#[test]
fn a_folder_that_only_the_file_names_is_a_networks_and_not_the_demos() {
    let own = of_its_own(&configured(), None);

    assert_eq!(own.data_dir.as_os_str(), "");
    assert_eq!(own.http.port, 8081);
}

#[test]
fn a_folder_that_is_named_for_this_run_is_the_demos() {
    let own = of_its_own(&configured(), Some("/tmp/demo".into()));

    assert_eq!(own.data_dir, Path::new("/tmp/demo"));
}

#[test]
fn only_the_twelve_cabinets_of_the_demo_are_its_own() {
    for number in 0..PLACES.len() {
        assert!(is_own(&Serial::from(serial(number).as_str())));
    }
    for other in ["CG-1", "CG-KTM-013", "CG-KTM-0001", "SIM-00001"] {
        assert!(!is_own(&Serial::from(other)), "{other}");
    }
}
