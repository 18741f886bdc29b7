//! A rental as it is when it begins, for stories that write it themselves.

use chargeghar::entropy::Entropy;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::{CommandId, PackageId, RentalId, RiderId, SlotKey, Sn, StationId};
use domain::money::Money;
use domain::rental::{Phase, Rental};
use domain::tariff::{LateFee, Package, PackageKind, PaymentModel};
use domain::tender::Spent;
use uuid::Uuid;

/// For an hour, its price held; it waits for its bank.
pub fn dispensing(
    rider: RiderId,
    station: StationId,
    key: SlotKey,
    bank: impl Into<Sn>,
    at: DateTime<Utc>,
) -> Rental {
    let (entropy, price) = (Entropy::system(), Money::rupees(50));
    Rental {
        id: RentalId(entropy.uuid_at(at)),
        code: entropy.rental_code(),
        rider,
        station,
        key,
        bank: bank.into(),
        package: Package {
            id: PackageId(Uuid::nil()),
            name: "1 hour".into(),
            minutes: 60,
            price,
            kind: PackageKind::Hourly,
            model: PaymentModel::Prepaid,
        },
        late_fee: LateFee::standard(),
        command: CommandId(entropy.uuid()),
        created_at: at,
        publish_before: at + TimeDelta::seconds(6),
        start_level: Some(90),
        cancel_requested: false,
        unassigned: false,
        claims: vec![],
        held: price,
        paid: Money::ZERO,
        owed: Money::ZERO,
        written_off: Money::ZERO,
        by_points: Spent::default(),
        phase: Phase::Dispensing,
    }
}
