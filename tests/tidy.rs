//! House rules that the compiler cannot hold. Reads files, imports nothing of ours.
//!
//! A rule is a function from files to complaints. Each is run on the tree, where it must be
//! silent, and on a made-up bad text, where it must speak.

#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/lists.rs"]
mod lists;
#[path = "tidy/sizes.rs"]
mod sizes;
#[path = "tidy/tree.rs"]
mod tree;
#[path = "tidy/words.rs"]
mod words;

use tree::{File, tree};

#[test]
fn arrows_point_inward() {
    silent(layers::arrows(&tree()));
}

#[test]
fn manifests_keep_the_pure_packages_pure() {
    silent(layers::manifests(&tree()));
}

#[test]
fn time_chance_tasks_and_metrics_have_one_home() {
    silent(layers::homes(&tree()));
}

#[test]
fn files_and_functions_fit_a_reader() {
    silent(sizes::sizes(&tree()));
}

#[test]
fn every_file_says_what_it_owns() {
    silent(sizes::headers(&tree()));
}

#[test]
fn nothing_is_left_unfinished() {
    silent(words::unfinished(&tree()));
}

#[test]
fn no_shortcut_past_the_lints() {
    silent(words::shortcuts(&tree()));
}

#[test]
fn the_product_stands_alone() {
    silent(words::outside(&tree()));
}

#[test]
fn a_word_has_one_spelling() {
    silent(words::spelling(&tree()));
}

#[test]
fn migrations_are_numbered_without_gaps() {
    silent(lists::migrations(&tree()));
}

#[test]
fn dashboards_show_metrics_that_exist() {
    let files = tree();
    for name in ["dashboards/overview.json", "dashboards/alerts.yml"] {
        assert!(files.iter().any(|file| file.path == name), "{name} is gone");
    }
    silent(lists::dashboards(&files));
}

#[test]
fn every_metric_is_set() {
    silent(lists::unset_metrics(&tree()));
}

#[test]
fn every_setting_is_explained() {
    silent(lists::settings(&tree()));
}

#[test]
fn every_setting_is_read() {
    silent(lists::unread_settings(&tree()));
}

#[test]
fn documents_name_commands_and_files_that_exist() {
    silent(lists::commands(&tree()));
    silent(lists::links(&tree()));
}

#[test]
fn the_promised_tests_exist() {
    silent(lists::promised_tests(&tree()));
}

#[track_caller]
fn silent(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// One complaint about a made-up tree, about the right thing.
#[track_caller]
fn speaks(complaints: Vec<String>, about: &str) {
    assert!(
        complaints.len() == 1 && complaints[0].contains(about),
        "wanted one complaint about `{about}`, got {complaints:?}"
    );
}

fn bad(path: &str, text: &str) -> Vec<File> {
    vec![File { path: path.to_owned(), text: text.to_owned() }]
}
