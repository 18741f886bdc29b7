//! The description of the API, made from the code: OpenAPI 3.1 as JSON, and a page to browse it
//! that needs no network.

use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{self, Content, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::error::ErrorBody;

#[cfg(test)]
mod tests;

/// Where the description is; with and without a slash at the end.
pub const SCHEMA: &str = "/api/v1/schema";

/// The name of the scheme that routes refer to.
const BEARER: &str = "bearer";

/// Title, security and words that no route owns.
pub fn complete(mut api: OpenApi) -> OpenApi {
    "ChargeGhar".clone_into(&mut api.info.title);
    api.info.description = Some(
        "A shared power-bank network. Success is `{success, message, data}`, failure \
         `{success: false, error: {code, message, …}}`."
            .to_owned(),
    );
    env!("CARGO_PKG_VERSION").clone_into(&mut api.info.version);
    api.info.license = None;
    api.info.contact = None;
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = api.components.get_or_insert_default();
    components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    let mut schemas = vec![(ErrorBody::name().into_owned(), ErrorBody::schema())];
    ErrorBody::schemas(&mut schemas);
    components.schemas.extend(schemas);
    for item in api.paths.paths.values_mut() {
        let methods =
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        methods.into_iter().flatten().for_each(|operation| {
            operation.responses.responses.insert("default".to_owned(), refusal());
        });
    }
    api
}

/// Every route can be refused, and always in the same shape.
fn refusal() -> RefOr<openapi::Response> {
    let body = Content::builder().schema(Some(Ref::from_schema_name(ErrorBody::name()))).build();
    let response = ResponseBuilder::new().description("Refused").content("application/json", body);
    RefOr::T(response.build())
}

/// Routes that serve the description and its page.
pub fn router<S>(api: OpenApi) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let page = SwaggerUi::new("/docs").config(Config::from(SCHEMA));
    Router::new().route(SCHEMA, get(move || async move { Json(api) })).merge(page)
}
