//! The page about the API and the description that is made from the code tell the same.

use std::collections::BTreeSet;

use crate::http::error::Code;

const PAGE: &str = include_str!("../../../docs/API.md");
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[test]
fn every_route_of_the_description_is_in_the_page_and_every_other_way_round() {
    let api = serde_json::to_value(crate::http::api().into_openapi()).unwrap();
    let paths = api["paths"].as_object().unwrap();
    let described: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, item)| {
            let taken = METHODS.into_iter().filter(|method| item.get(method).is_some());
            taken.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();

    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let is_route = |word: &&str| {
        METHODS.iter().any(|method| {
            word.strip_prefix(&method.to_uppercase()).is_some_and(|rest| rest.starts_with(" /"))
        })
    };
    let told: BTreeSet<String> =
        rows.map(|(word, _)| word).filter(is_route).map(str::to_owned).collect();

    assert_eq!(told, described);
}

#[test]
fn every_code_is_in_the_page_with_its_status_and_no_other() {
    let known: BTreeSet<(u16, &str)> =
        Code::ALL.iter().map(|code| (code.status().as_u16(), code.as_str())).collect();

    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let told: BTreeSet<(u16, &str)> = rows
        .filter_map(|(status, codes)| Some((status.parse::<u16>().ok()?, codes)))
        .flat_map(|(status, codes)| {
            codes.split('`').skip(1).step_by(2).map(move |code| (status, code))
        })
        .collect();

    assert_eq!(told, known);
}
