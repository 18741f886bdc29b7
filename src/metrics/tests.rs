//! The catalogue is consistent, and the recorder can be asked for more than once.

use std::collections::BTreeSet;

use super::*;

#[test]
fn names_follow_the_rule_and_are_unique() {
    let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();

    assert_eq!(names.len(), ALL.len());
    for Metric { kind, name, help, labels } in ALL {
        let words = name.split('_').count();
        assert!(words >= 3 && name.starts_with("chargeghar_"), "{name}");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
        assert!(help.ends_with('.'), "{name}");
        assert!(!labels.iter().any(|label| label.ends_with("id")), "{name}");
    }
}

#[test]
fn two_nodes_of_a_process_share_the_recorder() {
    let first = Recorder::install();
    let second = Recorder::install();

    TASK_PANICS.add(3, ["metrics_test"]);
    COMMIT_SECONDS.observe(Duration::from_millis(3), []);
    COMMIT_ROWS.record(7, []);
    RENTALS_OPEN.set(5, ["ACTIVE"]);
    first.upkeep();

    let text = second.render();
    assert!(text.contains("chargeghar_process_task_panics_total{task=\"metrics_test\"} 3"));
    assert!(text.contains("# HELP chargeghar_store_commit_seconds One batch"));
    assert!(text.contains("chargeghar_store_commit_seconds_bucket{le=\"0.005\"}"));
    assert!(text.contains("chargeghar_store_commit_batch_rows_bucket{le=\"10\"}"));
    assert!(text.contains("chargeghar_rental_open_count{status=\"ACTIVE\"} 5"));
}
