//! Every setting of the service: one file per section, parsed into checked types.
//!
//! Built-in defaults, then `config.toml` or `--config FILE`, then `CHARGEGHAR__SECTION__KEY`
//! from the environment. Nothing reads a setting from anywhere else.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

mod auth;
mod banks;
mod database;
mod email;
mod ephemera;
mod http;
mod invoices;
mod ledger;
mod limits;
mod load;
mod mqtt;
mod node;
mod objects;
mod outbox;
mod payments;
mod push;
mod refunds;
mod render;
mod rentals;
mod section;
mod sms;
mod stations;
mod telemetry;
mod values;
mod withdrawals;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

pub use auth::Auth;
pub use banks::{Banks, UnknownBank};
pub use database::Database;
pub use email::{Email, EmailProvider, SmtpTls};
pub use ephemera::Ephemera;
pub use http::Http;
pub use invoices::Invoices;
pub use ledger::Ledger;
pub use limits::Limits;
pub use load::{Error, Sources};
pub use mqtt::{BrokerAdmin, Mqtt};
pub use node::Node;
pub use objects::{Objects, ObjectsProvider};
pub use outbox::Outbox;
pub use payments::{Esewa, Khalti, Payments, Stripe};
pub use push::{Push, PushProvider};
pub use refunds::Refunds;
pub use rentals::Rentals;
pub use section::Section;
pub use sms::{Sms, SmsProvider};
pub use stations::Stations;
pub use telemetry::Telemetry;
pub use values::{Days, Endpoint, Millis, Seconds, Secret};
pub use withdrawals::Withdrawals;

use section::{Field, Problems, section};

/// The file that is read when no other is named and it is there.
pub const FILE: &str = "config.toml";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    Development,
    Production,
}

impl Environment {
    pub fn is_production(self) -> bool {
        self == Environment::Production
    }
}

section! {
    /// Settings of ChargeGhar: every key with its default. A key that is not here is refused.
    /// Each can be given as `CHARGEGHAR__SECTION__KEY` in the environment, which wins; lists are
    /// separated by commas there. Secrets are accepted from the environment or from the file
    /// named by the key with `_file` at its end, never in this file. All times of a section are
    /// in the unit at the end of the key.
    Config {
        /// "development" or "production". Production refuses printed login codes, the payment
        /// sandbox and published test keys.
        environment: Environment = Environment::Development,
        /// Folder for keys, the embedded database and objects. Empty: /var/lib/chargeghar for
        /// root, else chargeghar in the user's data folder.
        data_dir: PathBuf = PathBuf::new(),
        node: Node = Node::default(),
        http: Http = Http::default(),
        database: Database = Database::default(),
        mqtt: Mqtt = Mqtt::default(),
        ephemera: Ephemera = Ephemera::default(),
        stations: Stations = Stations::default(),
        rentals: Rentals = Rentals::default(),
        banks: Banks = Banks::default(),
        ledger: Ledger = Ledger::default(),
        invoices: Invoices = Invoices::default(),
        auth: Auth = Auth::default(),
        limits: Limits = Limits::default(),
        outbox: Outbox = Outbox::default(),
        payments: Payments = Payments::default(),
        withdrawals: Withdrawals = Withdrawals::default(),
        refunds: Refunds = Refunds::default(),
        sms: Sms = Sms::default(),
        email: Email = Email::default(),
        push: Push = Push::default(),
        objects: Objects = Objects::default(),
        telemetry: Telemetry = Telemetry::default(),
    }
}

/// The sections in the order of the file, with the path of each; the first is the top level.
const SECTIONS: &[(&str, &[&str], &[Field])] = &[
    ("", Config::ABOUT, Config::FIELDS),
    ("node", Node::ABOUT, Node::FIELDS),
    ("http", Http::ABOUT, Http::FIELDS),
    ("database", Database::ABOUT, Database::FIELDS),
    ("mqtt", Mqtt::ABOUT, Mqtt::FIELDS),
    ("ephemera", Ephemera::ABOUT, Ephemera::FIELDS),
    ("stations", Stations::ABOUT, Stations::FIELDS),
    ("rentals", Rentals::ABOUT, Rentals::FIELDS),
    ("banks", Banks::ABOUT, Banks::FIELDS),
    ("ledger", Ledger::ABOUT, Ledger::FIELDS),
    ("invoices", Invoices::ABOUT, Invoices::FIELDS),
    ("auth", Auth::ABOUT, Auth::FIELDS),
    ("limits", Limits::ABOUT, Limits::FIELDS),
    ("outbox", Outbox::ABOUT, Outbox::FIELDS),
    ("payments", Payments::ABOUT, Payments::FIELDS),
    ("payments.khalti", Khalti::ABOUT, Khalti::FIELDS),
    ("payments.esewa", Esewa::ABOUT, Esewa::FIELDS),
    ("payments.stripe", Stripe::ABOUT, Stripe::FIELDS),
    ("withdrawals", Withdrawals::ABOUT, Withdrawals::FIELDS),
    ("refunds", Refunds::ABOUT, Refunds::FIELDS),
    ("sms", Sms::ABOUT, Sms::FIELDS),
    ("email", Email::ABOUT, Email::FIELDS),
    ("push", Push::ABOUT, Push::FIELDS),
    ("objects", Objects::ABOUT, Objects::FIELDS),
    ("telemetry", Telemetry::ABOUT, Telemetry::FIELDS),
];

impl Config {
    /// The settings of this process: `file`, or `config.toml` in the working folder if it is
    /// there, then the environment. Checked.
    pub fn load(file: Option<&Path>) -> Result<Config, Error> {
        Sources::of_process(file)?.load()
    }

    pub fn is_production(&self) -> bool {
        self.environment.is_production()
    }

    /// Whether a bank that nobody registered becomes ours at once.
    pub fn adopts_unknown_banks(&self) -> bool {
        match self.banks.unknown {
            UnknownBank::Adopt => true,
            UnknownBank::Quarantine => false,
            UnknownBank::ByEnvironment => !self.is_production(),
        }
    }

    /// Every problem with the values, in sentences that say what to do.
    pub fn problems(&self) -> Vec<String> {
        let environment = self.environment;
        let mut found = Vec::new();
        let mut of =
            |section, check: &dyn Fn(Problems<'_>)| check(Problems::of(section, &mut found));
        of("node", &|problems| self.node.check(problems));
        of("http", &|problems| self.http.check(problems, environment));
        of("database", &|problems| self.database.check(problems));
        of("mqtt", &|problems| self.mqtt.check(problems, environment));
        of("ephemera", &|problems| self.ephemera.check(problems));
        of("stations", &|problems| self.stations.check(problems));
        of("rentals", &|p| self.rentals.check(p, self.stations.publish_within_ms));
        of("banks", &|problems| self.banks.check(problems));
        of("ledger", &|problems| self.ledger.check(problems));
        of("invoices", &|problems| self.invoices.check(problems));
        of("auth", &|problems| self.auth.check(problems));
        of("limits", &|problems| self.limits.check(problems));
        of("outbox", &|problems| self.outbox.check(problems));
        of("payments", &|problems| self.payments.check(problems, environment));
        of("withdrawals", &|p| self.withdrawals.check(p, &self.ledger));
        let longest = self.http.request_timeout_s;
        of("sms", &|problems| self.sms.check(problems, environment, longest));
        of("email", &|problems| self.email.check(problems, environment, longest));
        of("push", &|problems| self.push.check(problems));
        of("objects", &|problems| self.objects.check(problems));
        of("telemetry", &|problems| self.telemetry.check(problems));
        found
    }

    /// The settings as a commented file; secrets are not in it.
    pub fn to_toml(&self) -> String {
        render::file(self)
    }
}
