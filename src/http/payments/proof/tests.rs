//! The forms in which apps bring what they got from a gateway.

use serde_json::{Value, from_value, json};

use super::Proof;
use crate::http::error::Code;

#[test]
fn nothing_brought_is_nothing_and_something_empty_is_refused() {
    assert_eq!(fields(json!({})), Ok(json!(null)));
    assert_eq!(fields(json!({ "callback_data": null })), Ok(json!(null)));
    let empty = [
        json!({ "callback_data": {} }),
        json!({ "callback_data": "" }),
        json!({ "callback_data": [] }),
        json!({ "callback_data": true }),
        json!({ "data": " " }),
        json!({ "pidx": "" }),
        json!({ "gateway_reference": "" }),
    ];
    for body in empty {
        assert_eq!(fields(body.clone()), Err(Code::ValidationError), "{body}");
    }
}

#[test]
fn each_form_names_the_same_payment() {
    let khalti = [
        json!({ "pidx": "p", "status": "Completed", "txnId": "t" }),
        json!({ "callback_data": { "pidx": "p" } }),
    ];
    for body in khalti {
        assert_eq!(fields(body), Ok(json!({ "pidx": "p" })));
    }
    for body in [json!({ "data": "e30=" }), json!({ "callback_data": "e30=" })] {
        assert_eq!(fields(body), Ok(json!({ "data": "e30=" })));
    }
    let fields = fields(json!({ "callback_data": { "amount": 1000, "deep": { "a": 1 } } }));
    assert_eq!(fields, Ok(json!({ "amount": "1000" })));
}

fn fields(body: Value) -> Result<Value, Code> {
    let proof: Proof = from_value(body).unwrap();
    proof.fields().map(|fields| json!(fields)).map_err(|error| error.code())
}
