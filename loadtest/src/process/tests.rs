//! Lines of `/proc`, and this process.

use super::*;

#[test]
fn a_stat_line_is_read_whatever_the_process_is_called() {
    let line = "42 (a (b) c) S 7 42 42 0 -1 4194560 900 0 0 0 150 50 30 20 20 0 4 0 1000";
    let stat = parse(line).unwrap();
    assert_eq!(stat.parent, 7);
    assert_eq!(stat.own, Duration::from_secs(2));
    assert_eq!(stat.buried, Duration::from_millis(500));
}

#[test]
fn this_process_has_memory_and_is_found() {
    let pid = std::process::id();
    assert!(resident(pid).unwrap() > 100_000);
    assert!(spent(pid).unwrap().service >= spent_alone(pid).unwrap().saturating_sub(TICK * 20));
}

#[test]
fn a_grandchild_is_below() {
    let stat = |parent| Stat { parent, own: Duration::ZERO, buried: Duration::ZERO };
    let all = BTreeMap::from([(1, stat(0)), (5, stat(1)), (6, stat(5)), (9, stat(1))]);
    assert!(is_below(6, 5, &all) && is_below(6, 1, &all));
    assert!(!is_below(9, 5, &all));
}

#[test]
fn memory_is_read_by_its_line() {
    let status =
        "Name:\tpostgres\nVmRSS:\t   9000 kB\nRssAnon:\t    1200 kB\nRssShmem:\t  7000 kB\n";
    assert_eq!(kilobytes(status, "RssAnon:"), Some(1200));
    assert_eq!(kilobytes(status, "RssShmem:"), Some(7000));
    assert_eq!(kilobytes(status, "RssFile:"), None);
}
