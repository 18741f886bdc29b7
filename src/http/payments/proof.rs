//! What an app brings along when it asks for a payment: the fields of the gateway's redirect, in
//! each of the forms that apps send. They name the payment, and prove nothing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::error::ApiError;

#[cfg(test)]
mod tests;

/// Fields that are looked at.
const FIELDS_MAX: usize = 32;

/// All of it may be left out: the gateway is asked all the same.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Proof {
    /// eSewa: the signed JSON in base64.
    data: Option<String>,
    /// The fields of the redirect as an object, or eSewa's base64.
    #[schema(value_type = Option<Object>)]
    callback_data: Option<Value>,
    /// Khalti's number of the order.
    pidx: Option<String>,
    /// Khalti: not believed.
    #[expect(dead_code, reason = "a part of what apps send, and worth nothing")]
    status: Option<String>,
    /// Khalti: not believed.
    #[serde(rename = "txnId")]
    #[expect(dead_code, reason = "a part of what apps send, and worth nothing")]
    txn_id: Option<String>,
    /// The gateway's number of the order, whichever it is.
    gateway_reference: Option<String>,
}

impl Proof {
    /// The fields by which the gateway's reader finds the payment; nothing if none was sent. What
    /// is there and empty is refused.
    pub fn fields(self) -> Result<Option<BTreeMap<String, String>>, ApiError> {
        let mut fields = BTreeMap::new();
        match self.callback_data {
            None | Some(Value::Null) => {}
            Some(Value::String(data)) => given(&mut fields, "data", "callback_data", Some(data))?,
            Some(Value::Object(object)) if !object.is_empty() && object.len() <= FIELDS_MAX => {
                fields.extend(object.into_iter().filter_map(|(name, value)| match value {
                    Value::String(text) => Some((name, text)),
                    Value::Number(number) => Some((name, number.to_string())),
                    Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
                }));
            }
            Some(Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Number(_)) => {
                return Err(empty("callback_data"));
            }
        }
        given(&mut fields, "data", "data", self.data)?;
        given(&mut fields, "pidx", "pidx", self.pidx)?;
        given(&mut fields, "gateway_reference", "gateway_reference", self.gateway_reference)?;
        Ok(if fields.is_empty() { None } else { Some(fields) })
    }
}

fn given(
    fields: &mut BTreeMap<String, String>,
    name: &str,
    sent_as: &str,
    value: Option<String>,
) -> Result<(), ApiError> {
    let Some(value) = value else { return Ok(()) };
    if value.trim().is_empty() {
        return Err(empty(sent_as));
    }
    fields.insert(name.to_owned(), value);
    Ok(())
}

fn empty(name: &str) -> ApiError {
    ApiError::field(name, "This field may not be blank.")
}
