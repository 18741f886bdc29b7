//! The list of networks.

use super::*;

#[test]
fn only_quoted_items_are_names() {
    check(r#"["Kathmandu_Cafe","TP-LINK_5G",-61]"#, &["Kathmandu_Cafe", "TP-LINK_5G"]);
    check(r#"[ "a" , -1, "" ]"#, &["a", ""]);
    check("[]", &[]);
}

#[test]
fn texts_that_are_no_lists_have_no_names() {
    for text in ["", "x", "\"", "no", "[\"", "é"] {
        check(text, &[]);
    }
}

#[test]
fn names_with_commas_come_out_in_no_piece() {
    check(r#"["a,b","c"]"#, &["c"]);
}

fn check(text: &str, names: &[&str]) {
    assert_eq!(WifiList::parse(text.as_bytes()).into_neutral(), names, "{text}");
}
