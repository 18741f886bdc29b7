//! A start as it is answered: the rental, and what it was paid with.

use chrono::{DateTime, Utc};
use domain::ids::{PackageId, RentalId, Serial, Sn, StationId};
use domain::money::Money;
use domain::rental::{PaymentStatus, Rental, Status};
use domain::tariff::PaymentModel;
use domain::tender::PaymentMode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::actors::availability::Info;
use crate::http::rentals::short::BreakdownBody;

#[derive(Serialize, ToSchema)]
pub struct StartedBody {
    rental_id: RentalId,
    rental_code: String,
    /// `ACTIVE` when the bank is out, `PENDING_POPUP` when that is not known, `CANCELLED` when
    /// it did not come out.
    status: Status,
    user: UserBody,
    station: StationBody,
    power_bank: PowerBankBody,
    package: PackageBody,
    pricing: PricingBody,
    payment: PaymentBody,
    timing: TimingBody,
    #[schema(value_type = Option<Object>)]
    discount: Option<()>,
}

#[derive(Serialize, ToSchema)]
struct UserBody {
    id: String,
    username: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct StationBody {
    id: StationId,
    serial_number: Option<Serial>,
    name: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct PowerBankBody {
    id: Sn,
    serial_number: Sn,
    /// Percent.
    battery_level: Option<u8>,
    slot_number: u16,
    io: u8,
}

#[derive(Serialize, ToSchema)]
struct PackageBody {
    id: PackageId,
    name: String,
    duration_minutes: u32,
    price: Money,
    payment_model: PaymentModel,
}

#[derive(Serialize, ToSchema)]
struct PricingBody {
    original_price: Money,
    discount_amount: Money,
    actual_price: Money,
    amount_paid: Money,
}

#[derive(Serialize, ToSchema)]
struct PaymentBody {
    payment_model: PaymentModel,
    payment_mode: PaymentMode,
    payment_status: PaymentStatus,
    breakdown: BreakdownBody,
    pending_transaction_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct TimingBody {
    started_at: Option<DateTime<Utc>>,
    due_at: DateTime<Utc>,
}

impl StartedBody {
    pub fn new(rental: &Rental, username: Option<String>, station: Option<&Info>) -> StartedBody {
        let (paid, tender) = (rental.paid.plus(rental.held), rental.tender());
        let package = &rental.package;
        StartedBody {
            rental_id: rental.id,
            rental_code: rental.code.clone(),
            status: rental.status(),
            user: UserBody { id: rental.rider.to_string(), username },
            station: StationBody {
                id: rental.station,
                serial_number: station.map(|info| info.serial.clone()),
                name: station.map(|info| info.about.name.clone()),
            },
            power_bank: PowerBankBody {
                id: rental.bank.clone(),
                serial_number: rental.bank.clone(),
                battery_level: rental.start_level,
                slot_number: rental.key.slot,
                io: rental.key.io,
            },
            package: PackageBody {
                id: package.id,
                name: package.name.clone(),
                duration_minutes: package.minutes,
                price: package.price,
                payment_model: package.model,
            },
            pricing: PricingBody {
                original_price: package.price,
                discount_amount: Money::ZERO,
                actual_price: package.price,
                amount_paid: paid,
            },
            payment: PaymentBody {
                payment_model: package.model,
                payment_mode: tender.mode(),
                payment_status: rental.payment_status(),
                breakdown: tender.into(),
                pending_transaction_id: None,
            },
            timing: TimingBody { started_at: rental.since(), due_at: rental.due_at() },
            discount: None,
        }
    }
}
