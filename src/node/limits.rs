//! From the settings of an operator to those of the actors.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::bank::UnknownBanks;
use domain::invoice::Seller;
use domain::ledger::WithdrawalFee;
use domain::money::Money;
use domain::rental::Terms;
use domain::withdrawal::{Limits, Rules};
use domain::{eject, presence, slot};

use crate::actors::outbox::Policy;
use crate::actors::refunds;
use crate::actors::settings::Settings;
use crate::config::Config;
use crate::store;

const DAY: Duration = Duration::from_hours(24);

pub fn actors(config: &Config) -> Settings {
    let (stations, rentals, banks) = (&config.stations, &config.rentals, &config.banks);
    Settings {
        eject: eject::Timing {
            reply_wait: stations.eject_reply_s.delta(),
            settle: stations.sightings_apart_s.delta(),
            check_gap: stations.verify_gap_s.delta(),
            checks_max: stations.verify_checks,
        },
        presence: presence::Timing {
            suspect_after: stations.suspect_s.delta(),
            offline_after: stations.offline_s.delta(),
            disconnect_grace: stations.disconnect_grace_s.delta(),
            comeback: stations.comeback_s.delta(),
        },
        rules: slot::Rules {
            min_level: banks.rentable_level_min,
            max_temperature: i16::from(banks.temperature_max_c),
        },
        terms: Terms {
            young: rentals.return_young_s.delta(),
            points: config.ledger.points(),
            at_once: rentals.same_station_s.delta(),
            write_off_max: Money::rupees(i64::from(config.refunds.write_off_max_npr)),
            ..Terms::default()
        },
        seller: seller(config),
        unknown_banks: if config.adopts_unknown_banks() {
            UnknownBanks::Adopt
        } else {
            UnknownBanks::Quarantine
        },
        eject_gap: stations.eject_gap_ms.delta(),
        publish_within: stations.publish_within_ms.delta(),
        eject_ttl_s: u16::try_from(stations.eject_ttl_s.0).unwrap_or(u16::MAX),
        verify_bound: stations.verify_bound_s.delta(),
        hold: stations.hold_s.delta(),
        silence_check: stations.silence_check_s.delta(),
        unconfirmed_check: stations.unconfirmed_check_ms.delta(),
        start_patience: rentals.start_patience_ms.duration(),
        tell_again: TimeDelta::seconds(1),
        checks_per_s: stations.checks_per_s,
        mailbox_max: stations.mailbox_max,
        slots_max: usize::from(stations.slots_max),
        flush_every: config.telemetry.flush_ms.duration(),
        backlog_max: config.telemetry.backlog_max,
    }
}

pub fn outbox(config: &Config) -> Policy {
    let outbox = &config.outbox;
    Policy {
        workers: usize::from(outbox.workers),
        poll: outbox.poll_ms.duration(),
        gather: outbox.gather_ms.duration(),
        attempt_timeout: outbox.attempt_timeout_s.duration(),
        pause: (outbox.backoff_min_ms.duration(), outbox.backoff_max_s.duration()),
        attempts_max: outbox.attempts_max,
    }
}

fn seller(config: &Config) -> Arc<Seller> {
    let invoices = &config.invoices;
    Arc::new(Seller {
        branch: format!("{}-{}", invoices.prefix, invoices.branch),
        name: invoices.seller_name.clone(),
        address: invoices.seller_address.clone(),
        pan: invoices.seller_pan.clone(),
    })
}

pub fn store(config: &Config, url: &str) -> store::Settings {
    let (database, node) = (&config.database, &config.node);
    store::Settings {
        connections: u32::from(database.connections_max),
        writers: database.writers,
        batch_max: usize::from(database.batch_max),
        batch_apart: database.batch_apart_ms.duration(),
        queue_max: database.queue_max,
        connect_timeout: database.connect_timeout_ms.duration(),
        statement_timeout: database.statement_timeout_s.duration(),
        idle_in_transaction: database.idle_in_transaction_s.duration(),
        statement_cache: usize::from(database.statement_cache),
        lease_expiry: node.lease_expiry_ms.duration(),
        lease_renewal: node.lease_renewal_ms.duration(),
        // the last day may be forgotten at any moment
        gateway_events: config.payments.gateway_events_days.duration().saturating_sub(DAY),
        ..store::Settings::new(url)
    }
}

pub fn refunds(config: &Config) -> refunds::Rules {
    let alone = config.refunds.refund_alone_max_npr;
    refunds::Rules {
        two_persons_above: Money::rupees(i64::from(alone)),
        vat_percent: Terms::default().vat_percent,
        points: config.ledger.points(),
    }
}

pub fn withdrawals(config: &Config) -> Rules {
    let withdrawals = &config.withdrawals;
    let rupees = |npr: u32| Money::rupees(i64::from(npr));
    let fee = WithdrawalFee {
        percent: withdrawals.fee_percent.into(),
        fixed: rupees(withdrawals.fee_npr),
    };
    Rules {
        enabled: withdrawals.enabled,
        least: rupees(withdrawals.min_npr),
        fee,
        limits: Limits {
            per_day: rupees(withdrawals.day_max_npr),
            per_month: rupees(withdrawals.month_max_npr),
        },
        two_persons_above: rupees(withdrawals.two_persons_above_npr),
    }
}
