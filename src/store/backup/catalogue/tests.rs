//! The order of tables, and the words of a copy.

use super::*;

#[test]
fn a_table_comes_after_those_it_refers_to() {
    let references = [("a", "c"), ("b", "a"), ("c", "d"), ("b", "d")];

    assert_eq!(order(&["a", "b", "c", "d", "e"], &references), ["d", "c", "a", "b", "e"]);
}

#[test]
fn a_circle_does_not_stop_the_rest() {
    let references = [("a", "b"), ("b", "a"), ("c", "a")];

    assert_eq!(order(&["a", "b", "c"], &references), ["a", "b", "c"]);
}

#[test]
fn names_are_quoted() {
    let table =
        Table { name: "or\"der".to_owned(), columns: vec!["at".to_owned(), "x".to_owned()] };

    assert_eq!(table.copy_in(), r#"copy "or""der" ("at", "x") from stdin"#);
    assert_eq!(table.copy_out(), r#"copy (select "at", "x" from "or""der") to stdout"#);
}

fn order(names: &[&str], references: &[(&str, &str)]) -> Vec<String> {
    let tables = names.iter().map(|name| ((*name).to_owned(), Vec::new())).collect();
    let references: Vec<(String, String)> =
        references.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    sorted(tables, &references).into_iter().map(|table| table.name).collect()
}
