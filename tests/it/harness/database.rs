//! A database for each test: a clone of one migrated template, gone when the test ends.
//!
//! Tests of one run share the template, also across processes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chargeghar::clock::Clock;
use chargeghar::entropy::Entropy;
use chargeghar::store::verify::{Finding, Scope};
use chargeghar::store::{Settings, Store};
use parking_lot::Mutex;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tokio::sync::OnceCell;

use super::cluster;

/// One process at a time looks for the template.
const TEMPLATE_LOCK: i64 = 0x7465_6d70;

/// A database that is dropped with this value. Its ledger is verified before, whatever a test
/// did with it: no story ends with books that do not add up.
pub struct Database {
    name: String,
    url: String,
    /// Findings that the test makes on purpose: all, or some kinds.
    expected: Mutex<Expected>,
}

#[derive(Clone, Debug, Default)]
struct Expected {
    all: bool,
    kinds: Vec<&'static str>,
}

impl Database {
    /// All tables, no rows but those every new network starts with.
    pub async fn fresh() -> Database {
        let template = template().await;
        Database::create(&format!("template {template}")).await
    }

    /// Not even tables.
    pub async fn empty() -> Database {
        let empty = Database::create("template template0").await;
        empty.is_crooked();
        empty
    }

    async fn create(from: &str) -> Database {
        let name = format!("test_{}", Entropy::system().uuid().simple());
        let mut cluster = connect(cluster::url()).await;
        run(&mut cluster, &format!("create database {name} {from}")).await;
        Database { url: with_name(cluster::url(), &name), name, expected: Mutex::default() }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Small pools, so that many tests fit on one cluster.
    pub fn settings(&self) -> Settings {
        Settings { connections: 4, chores: 2, ..Settings::new(&self.url) }
    }

    pub async fn open(&self, clock: &Clock) -> Store {
        Store::open(self.settings(), clock.clone(), Entropy::system()).await.unwrap()
    }

    /// A connection that the service knows nothing of.
    pub async fn connect(&self) -> PgConnection {
        connect(&self.url).await
    }

    /// Runs SQL without parameters.
    pub async fn run(&self, sql: &str) {
        run(&mut self.connect().await, sql).await;
    }

    /// The first column of the first row, as text.
    pub async fn text(&self, sql: &str) -> String {
        let sql = format!("select v::text from ({sql}) as q (v)");
        let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(&mut self.connect().await).await;
        row.unwrap().try_get::<Option<String>, _>(0).unwrap().unwrap_or_default()
    }

    /// A number from SQL.
    pub async fn number(&self, sql: &str) -> i64 {
        self.text(sql).await.parse().unwrap()
    }

    /// Looks again until the SQL gives this text.
    pub async fn until(&self, sql: &str, wanted: &str, within: Duration) {
        let clock = Clock::system();
        let deadline = clock.running() + within;
        loop {
            let found = self.text(sql).await;
            if found == wanted {
                return;
            }
            assert!(clock.running() < deadline, "{sql}: {found}, not {wanted} in time");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// This test spoils the ledger, or has none.
    pub fn is_crooked(&self) {
        self.expected.lock().all = true;
    }

    /// This test makes findings of this kind.
    pub fn expect_findings(&self, kind: &'static str) {
        self.expected.lock().kinds.push(kind);
    }

    /// What must hold at every instant, by the same look that the service takes at itself.
    pub async fn audit(&self) {
        let expected = self.expected.lock().clone();
        if let Some(findings) = findings(&self.url, &expected).await {
            panic!("the ledger does not add up: {findings:#?}");
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("drop database if exists {} with (force)", self.name);
        let (url, expected) = (self.url.clone(), self.expected.lock().clone());
        let judged = !expected.all && !std::thread::panicking();
        let ended = std::thread::spawn(move || {
            runtime().block_on(async {
                let found = if judged { findings(&url, &expected).await } else { None };
                run(&mut connect(cluster::url()).await, &sql).await;
                found
            })
        });
        match ended.join() {
            Ok(None) => {}
            Ok(Some(found)) => panic!("the test left books that do not add up: {found:#?}"),
            Err(_) => eprintln!("the database {} is left behind", self.name),
        }
    }
}

async fn findings(url: &str, expected: &Expected) -> Option<Vec<Finding>> {
    if expected.all {
        return None;
    }
    let settings = Settings { connections: 1, chores: 1, ..Settings::new(url) };
    let store = Store::open(settings, Clock::system(), Entropy::system()).await.unwrap();
    let (report, _) = store.verify(&Scope::Whole, |_| ()).await.unwrap();
    store.close(Duration::from_secs(1)).await;
    let mut found = report.findings;
    found.retain(|finding| !expected.kinds.contains(&finding.kind.as_str()));
    (!found.is_empty()).then_some(found)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn run(connection: &mut PgConnection, sql: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The name of the migrated template; made by whoever comes first.
async fn template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE.get_or_init(make_template).await
}

async fn make_template() -> String {
    let name = format!("template_{:016x}", fingerprint());
    let mut cluster = connect(cluster::url()).await;
    run(&mut cluster, &format!("select pg_advisory_lock({TEMPLATE_LOCK})")).await;
    let known = format!("select 1 from pg_database where datname = '{name}'");
    let known = sqlx::raw_sql(AssertSqlSafe(known)).fetch_optional(&mut cluster).await.unwrap();
    if known.is_none() {
        let building = format!("{name}_building");
        run(&mut cluster, &format!("drop database if exists {building} with (force)")).await;
        run(&mut cluster, &format!("create database {building} template template0")).await;
        let settings = Settings::new(with_name(cluster::url(), &building));
        let store = Store::open(settings, Clock::system(), Entropy::system()).await.unwrap();
        store.close(Duration::from_secs(1)).await;
        run(&mut cluster, &format!("alter database {building} rename to {name}")).await;
    }
    cluster.close().await.unwrap();
    name
}

/// Other migrations, other template.
fn fingerprint() -> u64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let bytes = files.iter().flat_map(|file| std::fs::read(file).unwrap());
    // FNV-1a
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn with_name(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (server, _) = address.rsplit_once('/').unwrap();
    if query.is_empty() { format!("{server}/{name}") } else { format!("{server}/{name}?{query}") }
}
