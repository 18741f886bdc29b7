//! Pages as the app knows them.

use serde_json::json;

use uuid::Uuid;

use super::{Begin, Cursor, List, Page, PageQuery, Pagination, Results, Wanted};

#[test]
fn a_page_past_the_end_is_the_last_one() {
    let page = page(Some(9), Some(10), 41);

    assert_eq!(page, Page { number: 5, pages: 5, size: 10, total: 41 });
    assert_eq!(page.offset(), 40);
}

#[test]
fn an_empty_list_has_one_page() {
    let pagination = Pagination::of(page(Some(3), None, 0), None);

    assert_eq!(
        json!(pagination),
        json!({
            "current_page": 1, "total_pages": 1, "total_count": 0, "page_size": 20,
            "has_next": false, "has_previous": false, "next_page": null, "previous_page": null,
            "next_cursor": null,
        })
    );
}

#[test]
fn a_page_in_the_middle_has_neighbours() {
    let middle = page(Some(2), Some(10), 41);

    assert_eq!(
        json!(Results::new(middle, vec![1])),
        json!({ "count": 41, "next": true, "previous": true, "results": [1] })
    );
    assert_eq!(json!(Pagination::of(middle, None))["next_page"], 3);
    assert_eq!(json!(Pagination::of(middle, None))["previous_page"], 1);
}

#[test]
fn a_cursor_comes_back_as_it_was_given_and_only_to_its_list() {
    let cursor = Cursor { list: List::Rentals, number: -7, id: Uuid::from_u128(9) };
    let text = cursor.to_string();
    let begin = |list, text: &str| query(None, Some(5)).begin(list, Some(text), 20, 100);

    assert_eq!(begin(List::Rentals, &text).unwrap(), Begin::After { cursor, size: 5 });
    assert_eq!(begin(List::Rentals, " ").unwrap(), Begin::Page(Wanted { number: 1, size: 5 }));
    for wrong in ["x", "\u{1F600}", &text[1..], &format!("{text}AA"), "-1", "cg"] {
        assert!(begin(List::Rentals, wrong).is_err(), "{wrong}");
    }
    assert!(begin(List::Transactions, &text).is_err());
    assert!(query(Some(1), None).begin(List::Rentals, Some(&text), 20, 100).is_err());
}

#[test]
fn only_a_page_that_is_not_the_last_has_a_cursor() {
    let last = Cursor { list: List::Rentals, number: 1, id: Uuid::nil() };
    let cursor = |number| json!(Pagination::of(page(Some(number), Some(10), 41), Some(last)));

    assert_eq!(cursor(4)["next_cursor"], last.to_string());
    assert_eq!(cursor(5)["next_cursor"], json!(null));
    assert_eq!(json!(Pagination::after(10, Some(last)))["has_next"], true);
    assert_eq!(json!(Pagination::after(10, None))["has_next"], false);
}

#[test]
fn a_large_page_is_cut_and_none_is_refused() {
    assert_eq!(page(None, Some(1_000_000), 500).size, 100);
    assert!(query(Some(0), None).wanted(20, 100).is_err());
    assert!(query(None, Some(0)).wanted(20, 100).is_err());
}

fn page(page: Option<u32>, page_size: Option<u32>, total: u64) -> Page {
    query(page, page_size).wanted(20, 100).unwrap().of(total)
}

fn query(page: Option<u32>, page_size: Option<u32>) -> PageQuery {
    PageQuery::new(page, page_size)
}
