//! Pages as the app knows them.

use serde_json::json;

use super::{Page, PageQuery, Pagination, Results};

#[test]
fn a_page_past_the_end_is_the_last_one() {
    let page = page(Some(9), Some(10), 41);

    assert_eq!(page, Page { number: 5, pages: 5, size: 10, total: 41 });
    assert_eq!(page.offset(), 40);
}

#[test]
fn an_empty_list_has_one_page() {
    let pagination: Pagination = page(Some(3), None, 0).into();

    assert_eq!(
        json!(pagination),
        json!({
            "current_page": 1, "total_pages": 1, "total_count": 0, "page_size": 20,
            "has_next": false, "has_previous": false, "next_page": null, "previous_page": null,
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
    assert_eq!(json!(Pagination::from(middle))["next_page"], 3);
    assert_eq!(json!(Pagination::from(middle))["previous_page"], 1);
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
