//! `/api/auth`: codes, logins, tokens.

use axum::extract::{Extension, State};
use domain::rider::{Identifier, Rider, Username};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::App;
use super::address::ClientAddress;
use super::error::ApiError;
use super::extract::Body;
use super::limits::Left;
use super::reply::{Done, Reply, made, ok};
use super::token::Caller;
use crate::actors::logins::{LoggedIn, Purpose, RefreshError, Spent};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(request_code))
        .routes(routes!(check_code))
        .routes(routes!(complete))
        .routes(routes!(refresh))
        .routes(routes!(log_out))
}

#[derive(Deserialize, ToSchema)]
struct RequestCode {
    /// E-mail address or phone number.
    #[schema(value_type = String, example = "9812345678")]
    identifier: Identifier,
}

#[derive(Serialize, ToSchema)]
struct CodeSentBody {
    message: String,
    #[schema(value_type = String, example = "LOGIN")]
    purpose: Purpose,
    expires_in_minutes: u64,
    #[schema(value_type = String)]
    identifier: Identifier,
}

#[derive(Deserialize, ToSchema)]
struct CheckCode {
    #[schema(value_type = String, example = "9812345678")]
    identifier: Identifier,
    #[schema(example = "123456")]
    otp: String,
}

#[derive(Serialize, ToSchema)]
struct TicketBody {
    /// For `auth/complete`; good once.
    verification_token: Uuid,
    message: &'static str,
    #[schema(value_type = String, example = "REGISTER")]
    purpose: Purpose,
    #[schema(value_type = String)]
    identifier: Identifier,
    expires_in_minutes: u64,
}

#[derive(Deserialize, ToSchema)]
struct Complete {
    #[schema(value_type = String, example = "9812345678")]
    identifier: Identifier,
    verification_token: Uuid,
    /// Needed to register; 3 to 150 characters.
    #[schema(value_type = Option<String>)]
    username: Option<Username>,
}

/// A rider, as logins show one.
#[derive(Serialize, ToSchema)]
pub(super) struct UserBody {
    id: String,
    username: Option<String>,
    email: Option<String>,
    phone_number: Option<String>,
    is_active: bool,
}

#[derive(Serialize, ToSchema)]
struct TokensBody {
    access: String,
    refresh: String,
}

#[derive(Serialize, ToSchema)]
struct LoggedInBody {
    message: &'static str,
    user: UserBody,
    tokens: TokensBody,
}

#[derive(Deserialize, ToSchema)]
struct Refresh {
    refresh: String,
}

#[derive(Serialize, ToSchema)]
struct RefreshedBody {
    access: String,
    /// The next one; the one that was sent is spent.
    refresh: String,
    user: UserBody,
    /// Seconds.
    expires_in: i64,
    token_type: &'static str,
}

#[derive(Deserialize, ToSchema)]
struct LogOut {
    #[serde(alias = "refresh")]
    refresh_token: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct LoggedOutBody {
    message: &'static str,
    token_revoked: bool,
    /// `valid_blacklisted`, `token_missing`, `token_mismatch` or `already_invalid`.
    reason: &'static str,
    logged_out_at: chrono::DateTime<chrono::Utc>,
}

impl From<Rider> for UserBody {
    fn from(rider: Rider) -> UserBody {
        UserBody {
            id: rider.id.to_string(),
            is_active: rider.is_active(),
            username: rider.username,
            email: rider.email,
            phone_number: rider.phone,
        }
    }
}

/// Sends a login code to a phone or an e-mail address.
#[utoipa::path(
    post,
    path = "/api/auth/otp/request",
    tag = "Login",
    request_body = RequestCode,
    responses((status = OK, body = Done<CodeSentBody>)),
)]
async fn request_code(
    State(app): State<App>,
    Extension(ClientAddress(address)): Extension<ClientAddress>,
    Body { value, .. }: Body<RequestCode>,
) -> Result<Reply<CodeSentBody>, ApiError> {
    let sent = app.logins.request_code(&value.identifier, address).await?;
    let word = match sent.purpose {
        Purpose::Login => "login",
        Purpose::Register => "register",
    };
    let body = CodeSentBody {
        message: format!("OTP sent successfully for {word}"),
        purpose: sent.purpose,
        expires_in_minutes: sent.expires_in.as_secs() / 60,
        identifier: value.identifier,
    };
    let quota = app.config.limits.otp_per_hour;
    Ok(ok("OTP sent successfully", body).left(Left::of("otp", quota, 3_600, sent.left)))
}

/// Exchanges a code for a verification token.
#[utoipa::path(
    post,
    path = "/api/auth/otp/verify",
    tag = "Login",
    request_body = CheckCode,
    responses((status = OK, body = Done<TicketBody>)),
)]
async fn check_code(
    State(app): State<App>,
    Body { value, .. }: Body<CheckCode>,
) -> Result<Reply<TicketBody>, ApiError> {
    let ticket = app.logins.check_code(&value.identifier, &value.otp).await?;
    let body = TicketBody {
        verification_token: ticket.id,
        message: "OTP verified successfully",
        purpose: ticket.purpose,
        identifier: value.identifier,
        expires_in_minutes: ticket.expires_in.as_secs() / 60,
    };
    Ok(ok("OTP verified successfully", body))
}

/// Logs in, or registers.
#[utoipa::path(
    post,
    path = "/api/auth/complete",
    tag = "Login",
    request_body = Complete,
    responses(
        (status = OK, body = Done<LoggedInBody>, description = "Logged in"),
        (status = CREATED, body = Done<LoggedInBody>, description = "Registered"),
    ),
)]
async fn complete(
    State(app): State<App>,
    Body { value, .. }: Body<Complete>,
) -> Result<Reply<LoggedInBody>, ApiError> {
    let Complete { identifier, verification_token, username } = value;
    let (login, is_new) = app.logins.complete(&identifier, verification_token, username).await?;
    let access = access(&app, &login)?;
    let message = if is_new { "Registration successful" } else { "Login successful" };
    let tokens = TokensBody { access, refresh: login.refresh.expose().to_owned() };
    let body = LoggedInBody { message, user: login.rider.into(), tokens };
    let answer = if is_new { made } else { ok };
    Ok(answer("Authentication completed successfully", body))
}

/// Renews an access token; the refresh token is replaced.
#[utoipa::path(
    post,
    path = "/api/auth/refresh",
    tag = "Login",
    request_body = Refresh,
    responses((status = OK, body = Done<RefreshedBody>)),
)]
async fn refresh(
    State(app): State<App>,
    Body { value, .. }: Body<Refresh>,
) -> Result<Reply<RefreshedBody>, ApiError> {
    let login = app.logins.refresh(&value.refresh).await.inspect_err(|error| {
        if let RefreshError::Reused { login } = error {
            app.tokens.end(*login);
        }
    })?;
    let body = RefreshedBody {
        access: access(&app, &login)?,
        refresh: login.refresh.expose().to_owned(),
        user: login.rider.into(),
        expires_in: app.tokens.lifetime(),
        token_type: "Bearer",
    };
    Ok(ok("Token refreshed successfully", body))
}

/// Ends the login of the token, and that of the refresh token when one is sent.
#[utoipa::path(
    post,
    path = "/api/auth/logout",
    tag = "Login",
    request_body = LogOut,
    responses((status = OK, body = Done<LoggedOutBody>)),
    security(("bearer" = [])),
)]
async fn log_out(
    State(app): State<App>,
    caller: Caller,
    Body { value, .. }: Body<LogOut>,
) -> Result<Reply<LoggedOutBody>, ApiError> {
    let refresh = value.refresh_token.as_deref();
    let (spent, ended) = app.logins.log_out(caller.rider, caller.session, refresh).await?;
    for login in ended {
        app.tokens.end(login);
    }
    let body = LoggedOutBody {
        message: "Logout successful",
        token_revoked: spent == Spent::Ended,
        reason: reason(spent),
        logged_out_at: app.clock.now(),
    };
    Ok(ok("Logout successful", body))
}

fn reason(spent: Spent) -> &'static str {
    match spent {
        Spent::Ended => "valid_blacklisted",
        Spent::Missing => "token_missing",
        Spent::OtherRider => "token_mismatch",
        Spent::AlreadyInvalid => "already_invalid",
    }
}

fn access(app: &App, login: &LoggedIn) -> Result<String, ApiError> {
    let minted = app.tokens.mint(login.rider.id, login.login, login.rider.token_version);
    minted.map_err(|error| ApiError::internal("a token was not signed", &error))
}
