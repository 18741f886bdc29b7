//! What can go wrong with the database, by what the caller can do about it.

use sqlx::postgres::{PgDatabaseError, PgSeverity};

use super::fact::{CommitError, Conflict};

/// Why a read, or a write that is no fact, did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is no such row")]
    NotFound,
    /// The row was changed since it was read.
    #[error("the row was changed since it was read")]
    Stale,
    /// A row that cannot be read, or that a rule of the tables refuses.
    #[error("the database holds or refuses something unexpected: {0}")]
    Corrupt(String),
    #[error("{0}")]
    Conflict(Conflict),
    /// No connection, or too slow: nothing was written, ask again later.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// The connection broke at the commit: it may be written or not.
    #[error("the connection broke at the commit")]
    Unsure,
    /// A restore would mix two networks.
    #[error("the database is in use: its table {0} has rows")]
    NotEmpty(String),
    #[error("this instance does not hold the lease")]
    Fenced,
    /// Another instance runs on this database.
    #[error("another instance runs on this database: {by}")]
    Held { by: String },
    #[error("the database is of a newer version ({database}) than this program ({program})")]
    Newer { database: i64, program: i64 },
    #[error("migration {0} is not the one that was applied")]
    Migration(i64),
    #[error("the address of the database cannot be read: {0}")]
    Address(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Error {
        match Fault::from(&error) {
            Fault::Lost | Fault::Transient => Error::Unavailable(error.to_string()),
            Fault::Conflict(conflict) => Error::Conflict(conflict),
            Fault::Corrupt(text) => Error::Corrupt(text),
            Fault::Missing => Error::NotFound,
        }
    }
}

/// What an error of the driver means for the connection and the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is gone or useless.
    Lost,
    /// The connection is good; the same again may work.
    Transient,
    Conflict(Conflict),
    Corrupt(String),
    /// One row was wanted, none came.
    Missing,
}

impl From<&sqlx::Error> for Fault {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the driver may add more; none is ours")]
    fn from(error: &sqlx::Error) -> Fault {
        match error {
            sqlx::Error::Database(error) => {
                match error.as_error().downcast_ref::<PgDatabaseError>() {
                    Some(error) => of_database(error),
                    None => Fault::Corrupt(error.to_string()),
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Fault::Lost,
            sqlx::Error::RowNotFound => Fault::Missing,
            _ => Fault::Corrupt(error.to_string()),
        }
    }
}

/// By SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn of_database(error: &PgDatabaseError) -> Fault {
    let code = error.code();
    let fatal = matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic);
    match code {
        // a server that was demoted (the next connection finds the new one), no connections
        "25006" | "53300" => Fault::Lost,
        // serialization, deadlock, lock timeout, statement timeout
        "40001" | "40P01" | "55P03" | "57014" => Fault::Transient,
        "23505" => Fault::Conflict(of_constraint(error.constraint().unwrap_or_default())),
        _ if fatal || code.starts_with("08") => Fault::Lost,
        // no memory, disk full
        _ if code.starts_with("53") => Fault::Transient,
        _ => {
            let constraint = error.constraint().unwrap_or_default();
            Fault::Corrupt(format!("{code} {constraint} {}", error.message()))
        }
    }
}

fn of_constraint(name: &str) -> Conflict {
    match name {
        "rentals_one_open_per_rider" => Conflict::RiderHasRental,
        "rentals_one_open_per_bank" => Conflict::BankHasRental,
        "rentals_one_dispensing_per_slot" => Conflict::SlotDispensing,
        "idempotency_keys_pkey" => Conflict::KeyUsed,
        "payment_intents_txn" => Conflict::GatewayTransactionUsed,
        "ledger_transfers_reversed_once" => Conflict::ReversedBefore,
        "refunds_one_open_of_rental" | "refunds_one_open_of_intent" => Conflict::RefundOpen,
        "stations_device_uuid" => Conflict::DeviceUsed,
        "stations_serial" => Conflict::SerialUsed,
        _ => Conflict::Duplicate,
    }
}

/// Why a batch was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The connection is gone and COMMIT was not sent.
    Lost,
    /// The connection is gone and COMMIT was sent.
    Ambiguous,
    /// Rolled back; the same again may work.
    Transient,
    Fenced,
    /// Rolled back; the same again will not work.
    Refused(CommitError),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Failure {
        match Fault::from(&error) {
            Fault::Lost => Failure::Lost,
            Fault::Transient => Failure::Transient,
            Fault::Conflict(conflict) => Failure::Refused(CommitError::Conflict(conflict)),
            Fault::Corrupt(text) => Failure::Refused(CommitError::Corrupt(text)),
            Fault::Missing => Failure::Refused(CommitError::Corrupt(error.to_string())),
        }
    }
}
