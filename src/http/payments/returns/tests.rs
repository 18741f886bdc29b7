//! What a browser is shown.

use domain::payment::{Redirect, RedirectMethod};
use serde_json::{from_value, json};

use super::{StatusQuery, Word, form};

#[test]
fn a_form_can_not_be_broken_out_of() {
    let redirect = Redirect {
        url: "https://epay.example/form?a=1&b=2".to_owned(),
        method: RedirectMethod::Post,
        fields: [("signature".to_owned(), "\"><script>alert('1')</script>".to_owned())].into(),
        instructions: None,
    };

    let form = form(&redirect, "n0nce");

    assert!(form.contains("action=\"https://epay.example/form?a=1&amp;b=2\""), "{form}");
    assert_eq!(form.matches("<script").count(), 1, "{form}");
    assert!(form.contains("<script nonce=\"n0nce\">"));
}

#[test]
fn the_page_says_its_own_sentences_only() {
    let word = |status: serde_json::Value| from_value::<StatusQuery>(status).unwrap().status;

    assert_eq!(word(json!({ "status": "success" })), Word::Success);
    assert_eq!(word(json!({ "status": "<script>" })), Word::Unknown);
    assert_eq!(word(json!({})), Word::Unknown);
}
