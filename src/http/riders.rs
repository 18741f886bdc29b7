//! `/api/auth/me`: what a rider is told about the rider.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::money::Money;
use domain::rider::RiderStatus;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::error::ApiError;
use super::reply::{Done, Reply, ok};
use super::token::Caller;
use crate::store::riders::Account;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(me))
}

#[derive(Serialize, ToSchema)]
struct MeBody {
    id: String,
    username: Option<String>,
    email: Option<String>,
    phone_number: Option<String>,
    profile_picture: Option<String>,
    referral_code: Option<String>,
    status: RiderStatus,
    /// `PHONE` or `EMAIL`: what the rider registered with.
    social_provider: &'static str,
    date_joined: DateTime<Utc>,
    profile: ProfileBody,
    kyc: KycBody,
    wallet: WalletBody,
    points: PointsBody,
    rental_eligibility: EligibilityBody,
}

/// Empty until the rider fills it in.
#[derive(Default, Serialize, ToSchema)]
struct ProfileBody {
    full_name: Option<String>,
    date_of_birth: Option<String>,
    address: Option<String>,
    avatar_url: Option<String>,
    completed: bool,
}

#[derive(Serialize, ToSchema)]
struct KycBody {
    status: &'static str,
    verified: bool,
    document_number: Option<String>,
    document_front_url: Option<String>,
    document_back_url: Option<String>,
    document_type: Option<String>,
    verified_at: Option<DateTime<Utc>>,
    rejection_reason: Option<String>,
}

impl Default for KycBody {
    fn default() -> KycBody {
        KycBody {
            status: "NOT_SUBMITTED",
            verified: false,
            document_number: None,
            document_front_url: None,
            document_back_url: None,
            document_type: None,
            verified_at: None,
            rejection_reason: None,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct WalletBody {
    balance: Money,
    total_topup: Money,
    currency: &'static str,
}

#[derive(Default, Serialize, ToSchema)]
struct PointsBody {
    current: u64,
    total_earned: u64,
}

#[derive(Serialize, ToSchema)]
struct EligibilityBody {
    can_rent: bool,
    /// Empty when the rider may rent.
    reasons: Vec<&'static str>,
}

/// Everything about the rider of the token.
#[utoipa::path(
    get,
    path = "/api/auth/me",
    tag = "Login",
    responses((status = OK, body = Done<MeBody>)),
    security(("bearer" = [])),
)]
async fn me(State(app): State<App>, caller: Caller) -> Result<Reply<MeBody>, ApiError> {
    let Account { rider, created_at } = app.store.rider(caller.rider).await?;
    let money = app.store.wallet_view(caller.rider).await?;
    let active = (!rider.is_active()).then_some("Account not active");
    let dues = money.receivable.is_positive().then_some("Pending dues");
    let reasons: Vec<_> = active.into_iter().chain(dues).collect();
    let body = MeBody {
        id: rider.id.to_string(),
        username: rider.username,
        social_provider: if rider.phone.is_some() { "PHONE" } else { "EMAIL" },
        email: rider.email,
        phone_number: rider.phone,
        profile_picture: None,
        referral_code: rider.referral_code,
        status: rider.status,
        date_joined: created_at,
        profile: ProfileBody::default(),
        kyc: KycBody::default(),
        wallet: WalletBody {
            balance: money.balance,
            total_topup: money.total_topup,
            currency: "NPR",
        },
        points: PointsBody::default(),
        rental_eligibility: EligibilityBody { can_rent: reasons.is_empty(), reasons },
    };
    Ok(ok("User data retrieved successfully", body))
}
