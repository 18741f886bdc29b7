//! A stream tells about what was asked for, and about nothing else.

use super::LiveQuery;
use crate::http::board::tests::{patan, pokhara, thamel};

#[test]
fn an_area_and_a_list_both_have_to_hold() {
    let valley = Some("85.2,27.6,85.5,27.8");
    for (bbox, serials, admitted) in [
        (None, None, [true, true, true]),
        (valley, None, [true, true, false]),
        (None, Some("CG-1, CG-3"), [true, false, true]),
        (valley, Some("CG-1,CG-3"), [true, false, false]),
    ] {
        let filter = query(bbox, serials).read().unwrap();
        let told = [thamel(), patan(), pokhara()].map(|view| filter.admits(&view));
        assert_eq!(told, admitted, "{bbox:?} {serials:?}");
    }
}

#[test]
fn an_area_has_four_sides_in_order() {
    for bbox in ["", "1,2,3", "85.5,27.6,85.2,27.8", "85.2,27.8,85.5,27.6", "a,b,c,d", "0,-91,1,1"]
    {
        assert!(query(Some(bbox), None).read().is_err(), "{bbox}");
    }
}

#[test]
fn a_list_names_one_to_a_hundred_serials() {
    let many = (0..101).map(|n| format!("S{n}")).collect::<Vec<_>>().join(",");

    for serials in ["", ",", "a b", "nearby", &many] {
        assert!(query(None, Some(serials)).read().is_err(), "{serials}");
    }
}

fn query(bbox: Option<&str>, serials: Option<&str>) -> LiveQuery {
    LiveQuery { bbox: bbox.map(str::to_owned), serials: serials.map(str::to_owned) }
}
