//! What is not understood ends with code 2 and an empty stdout; what fails, with code 1.

use super::{run, stderr};

#[test]
fn unknown_words_are_refused_with_code_2() {
    for words in [&["fly"][..], &[], &["decode"], &["config", "--yaml"], &["config", "extra"]] {
        let output = run(words, "");

        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(output.stdout.is_empty(), "{words:?}");
        assert!(stderr(&output).contains("Usage: chargeghar"), "{words:?}: {}", stderr(&output));
    }
}

#[test]
fn settings_that_can_not_be_read_are_named() {
    let output = run(&["config", "--config", "nowhere.toml"], "");

    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(stderr(&output).starts_with("error: nowhere.toml cannot be read"), "{output:?}");
}
