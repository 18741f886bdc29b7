//! A tag names one answer, however a client or a proxy writes it.

use axum::http::HeaderValue;

use super::{names, tag};

#[test]
fn a_tag_is_known_among_others_weak_or_strong() {
    let tag = tag(b"an answer");
    let strong = tag.trim_start_matches("W/").to_owned();

    for known in [tag.clone(), strong.clone(), format!("\"x\", {tag}"), " * ".to_owned()] {
        assert!(names(&HeaderValue::from_str(&known).unwrap(), &tag), "{known}");
    }
    for other in ["", "\"x\"", "W/\"\"", &strong[1..]] {
        assert!(!names(&HeaderValue::from_str(other).unwrap(), &tag), "{other}");
    }
}
