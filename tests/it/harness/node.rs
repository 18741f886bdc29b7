//! A whole node for one test: real database, real broker, real HTTP; only time can be moved.

use std::sync::Arc;
use std::time::Duration;

use cabinet::{Cabinet, Fleet, Layout, Spec, Timing};
use chargeghar::actors::availability::StationView;
use chargeghar::actors::rentals::{Start, StartError};
use chargeghar::clock::Clock;
use chargeghar::config::{Config, Seconds};
use chargeghar::embedded::DataFolder;
use chargeghar::embedded::keys::Keys;
use chargeghar::entropy::Entropy;
use chargeghar::http::token::Tokens;
use chargeghar::node::{Node, Options};
use domain::ids::{PackageId, RentalId, RiderId, Serial, StationId};
use domain::money::Money;
use domain::presence::Shown;
use domain::rental::{Rental, Status};
use domain::tender::{Means, PaymentMode};
use uuid::Uuid;

use super::app::App;
use super::database::Database;
use super::edges::Edges;
use super::live;
use super::proxy::Proxy;
use super::secrets;

/// How long anything may take that is under way already.
pub const SOON: Duration = Duration::from_secs(20);

pub struct TestNode {
    pub node: Node,
    pub clock: Clock,
    pub database: Database,
    pub base_url: String,
    pub edges: Edges,
    fleet: Fleet,
    config: Config,
    _folder: tempfile::TempDir,
}

impl TestNode {
    /// On the embedded broker.
    pub async fn start() -> TestNode {
        TestNode::with(Edges::embedded()).await
    }

    pub async fn with(edges: Edges) -> TestNode {
        let database = Database::fresh().await;
        let url = database.url().to_owned();
        TestNode::on(database, url, edges, |_| ()).await
    }

    /// A node with some settings of its own.
    pub async fn with_settings(shape: impl FnOnce(&mut Config)) -> TestNode {
        let database = Database::fresh().await;
        let url = database.url().to_owned();
        TestNode::on(database, url, Edges::embedded(), shape).await
    }

    /// A node that reaches its database by way of a proxy; tests look at the database itself.
    pub async fn behind_proxy() -> (TestNode, Proxy) {
        let database = Database::fresh().await;
        let proxy = Proxy::before(&database).await;
        let url = proxy.url().to_owned();
        (TestNode::on(database, url, Edges::embedded(), |_| ()).await, proxy)
    }

    async fn on(
        database: Database,
        url: String,
        edges: Edges,
        shape: impl FnOnce(&mut Config),
    ) -> TestNode {
        secrets::watch();
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual();
        let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        config.database.url = chargeghar::config::Endpoint::new(url);
        config.database.connections_max = 4;
        config.database.writers = 1;
        config.mqtt.port = 0;
        config.http.port = 0;
        config.stations.comeback_s = Seconds(0); // clocks stand still; `comeback.rs` tells of it
        edges.configure(&mut config);
        shape(&mut config);
        let node = Box::pin(run(&config, &clock)).await;
        // where it is found again
        config.http.port = node.http_addr().port();
        config.mqtt.port = node.mqtt_addr().1;
        let base_url = format!("http://{}", node.http_addr());
        let fleet = Fleet::new();
        TestNode { node, clock, database, base_url, edges, fleet, config, _folder: folder }
    }

    /// Ends in order, and starts at the same place: database, folder, ports, clock and broker.
    /// An embedded broker ends with its node and starts without its sessions.
    pub async fn again(self) -> TestNode {
        Box::pin(self.again_after(async |_| ())).await
    }

    /// The same; something happens while there is no node.
    pub async fn again_after(mut self, meanwhile: impl AsyncFnOnce(&mut Edges)) -> TestNode {
        self.until_as_stored().await;
        self.node.stop().await;
        meanwhile(&mut self.edges).await;
        let node = Box::pin(run(&self.config, &self.clock)).await;
        TestNode { node, ..self }
    }

    pub async fn enrol(&self, uuid: &str, serial: &str, slots: u16) -> StationId {
        let id = StationId(Entropy::system().uuid());
        let sql = format!(
            "insert into stations (id, device_uuid, serial, name, latitude, longitude, version,
                created_at, updated_at)
             values ('{id}', '{uuid}', '{serial}', '{serial}', 27.7, 85.3, 1, now(), now())"
        );
        self.database.run(&sql).await;
        for slot in 1..=slots {
            let sql = format!(
                "insert into slots (station_id, io, slot, version) values ('{id}', 0, {slot}, 1)"
            );
            self.database.run(&sql).await;
        }
        let row = self.node.context.store.station(id).await.unwrap();
        self.node.admit(row).await.unwrap();
        id
    }

    /// An enrolled cabinet with these banks, online and with its books read.
    pub async fn cabinet(&self, uuid: &str, serial: &str, banks: &[&str]) -> Cabinet {
        self.cabinet_like(uuid, serial, banks, |spec| spec).await
    }

    pub async fn cabinet_like(
        &self,
        uuid: &str,
        serial: &str,
        banks: &[&str],
        shape: impl FnOnce(Spec) -> Spec,
    ) -> Cabinet {
        let id = self.enrol(uuid, serial, 8).await;
        let spec = Spec::new(uuid, &self.base_url)
            .layout(Layout::marker(&[4, 4]))
            .with_banks(banks.iter().copied())
            .timing(Timing::quick());
        let cabinet = self.fleet.start(shape(spec));
        cabinet.wait_reported(SOON).await.unwrap();
        let count = banks.len();
        self.until("the station knows its banks", || {
            let view = self.node.stations.availability().get(id)?;
            let known = usize::from(view.banks) == count;
            (known && !view.stale && view.shown == Shown::Online).then_some(())
        })
        .await;
        // what the station still wanted to ask is asked and answered
        self.clock.advance(Duration::from_secs(2));
        self.settle(20).await;
        cabinet
    }

    /// The same, for tests that need not talk to it.
    pub async fn cabinet_kept(&self, uuid: &str, serial: &str, banks: &[&str]) {
        let cabinet = self.cabinet(uuid, serial, banks).await;
        std::mem::forget(cabinet);
    }

    pub fn view(&self, serial: &str) -> Arc<StationView> {
        self.node.stations.availability().by_serial(&Serial::from(serial)).unwrap()
    }

    /// Waits until so many banks can be rented there.
    pub async fn until_banks(&self, serial: &str, count: u16) {
        self.until(&format!("{count} banks at {serial}"), || {
            (self.view(serial).banks == count).then_some(())
        })
        .await;
    }

    /// Lets what is under way arrive: round trips through the actors and the sockets.
    pub async fn settle(&self, rounds: u32) {
        for _ in 0..rounds {
            for view in self.node.stations.availability().all().collect::<Vec<_>>() {
                self.node.stations.describe(view.info.id).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the service knows that a cabinet can be reached, or not.
    pub async fn until_reachable(&self, serial: &str, reachable: bool) {
        let id = self.view(serial).info.id;
        self.until_async("the cabinet's session", async || {
            let described = self.node.stations.describe(id).await?;
            (described.reachable == reachable).then_some(())
        })
        .await;
    }

    /// Waits until a cabinet has said all that it holds.
    pub async fn until_heard(&self, serial: &str) {
        self.until("the cabinet is heard", || {
            let view = self.view(serial);
            (!view.stale && view.shown == Shown::Online).then_some(())
        })
        .await;
    }

    /// A rider with money.
    pub async fn rider(&self, rupees: i64) -> RiderId {
        let phone = format!("98{}", Entropy::system().digits(8));
        let insert = format!(
            "insert into riders (phone, created_at, updated_at) values ('{phone}', now(), now())"
        );
        self.database.run(&insert).await;
        let id = format!("select id from riders where phone = '{phone}'");
        let rider = RiderId(self.database.number(&id).await);
        self.top_up(rider, rupees).await;
        rider
    }

    /// The app of a rider who has logged in.
    pub fn app(&self, rider: RiderId) -> App {
        let (folder, auth) = (DataFolder::open(&self.config).unwrap(), &self.config.auth);
        let keys = Keys::load(&folder, auth, &Entropy::system()).unwrap();
        let (issuer, life) = (&auth.issuer, chrono::TimeDelta::hours(12));
        let tokens = Tokens::new(&keys.signing, issuer, life, self.clock.clone()).unwrap();
        let token = tokens.mint(rider, Entropy::system().uuid(), 0).unwrap();
        secrets::plant(&token);
        App::new(&self.base_url).bearing(&token)
    }

    /// `GET /api/{path}` as this rider: the data of a good answer.
    pub async fn shown(&self, rider: RiderId, path: &str) -> serde_json::Value {
        self.app(rider).get(&format!("/api/{path}")).await.data().clone()
    }

    /// The app of nobody.
    pub fn stranger(&self) -> App {
        App::new(&self.base_url)
    }

    pub async fn top_up(&self, rider: RiderId, rupees: i64) {
        use chargeghar::store::fact::{Fact, IntentWrite, NewIntent};
        use domain::ledger::{Gateway, Movement};
        let id = domain::ids::IntentId(Entropy::system().uuid());
        let amount = Money::rupees(rupees);
        if amount.is_zero() {
            return;
        }
        let mut fact = Fact::at(self.clock.now());
        fact.intent = Some(IntentWrite::Create(NewIntent {
            id,
            rider,
            gateway: Gateway::Sandbox,
            amount,
            gateway_ref: id.to_string(),
            redirect: serde_json::json!({}),
            expires_at: self.clock.now(),
            next_check_at: None,
            errand: None,
        }));
        self.node.context.store.commit(fact).await.unwrap();
        let mut fact = Fact::at(self.clock.now());
        let gateway = Gateway::Sandbox;
        fact.movements = vec![Movement::TopUp { rider, intent: id, gateway, amount }];
        fact.intent =
            Some(IntentWrite::Settle { intent: id, gateway, gateway_txn_id: id.to_string() });
        self.node.context.store.commit(fact).await.unwrap();
    }

    pub async fn rent(&self, rider: RiderId, serial: &str) -> Result<Rental, StartError> {
        self.node.rentals.start(wish(rider, serial)).await
    }

    /// The rental as the database has it.
    pub async fn stored(&self, id: RentalId) -> Rental {
        self.node.context.store.rental(id).await.unwrap().rental
    }

    pub async fn until_status(&self, id: RentalId, status: Status) -> Rental {
        self.until_async("the rental's status", async || {
            let rental = self.stored(id).await;
            (rental.status() == status).then_some(rental)
        })
        .await
    }

    pub async fn wallet(&self, rider: RiderId) -> Money {
        self.node.context.store.wallet(rider).await.unwrap()
    }

    pub async fn until<R>(&self, what: &str, mut look: impl FnMut() -> Option<R>) -> R {
        self.until_async(what, async || look()).await
    }

    /// Looks again until it is so, or says what was not so in time.
    pub async fn until_async<R>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<R>) -> R {
        let real = Clock::system();
        let deadline = real.running() + SOON;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(real.running() < deadline, "not in time: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Retries wait for the service's clock: it runs ten times as fast as the real one meanwhile.
    pub async fn while_time_passes<R>(&self, story: impl Future<Output = R>) -> R {
        let passing = async {
            loop {
                self.clock.advance(Duration::from_millis(100));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            result = story => result,
            () = passing => unreachable!(),
        }
    }

    /// The same for what waits for hours: half an hour goes by in a tenth of a second.
    pub async fn while_hours_pass<R>(&self, story: impl Future<Output = R>) -> R {
        let passing = async {
            loop {
                self.clock.advance(Duration::from_mins(30));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            result = story => result,
            () = passing => unreachable!(),
        }
    }

    /// Ends in order; before that it must know what is stored, and nothing else.
    pub async fn stop(self) {
        self.until_as_stored().await;
        self.node.stop().await;
        secrets::nothing_leaked();
    }

    /// What must hold at every instant; also looked at when the database goes.
    pub async fn audit(&self) {
        self.until_as_stored().await;
        self.database.audit().await;
        secrets::nothing_leaked();
    }

    /// What the running node knows of rentals and banks is what is stored, as soon as what is
    /// under way has come to rest.
    pub async fn until_as_stored(&self) {
        let store = self.database.open(&self.clock).await;
        let real = Clock::system();
        let deadline = real.running() + SOON;
        loop {
            let loaded = store.load_all().await.unwrap();
            let Err(difference) = live::compare(&self.node, &loaded) else { break };
            assert!(real.running() < deadline, "live state is not stored state: {difference}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        store.close(Duration::from_secs(1)).await;
    }
}

async fn run(config: &Config, clock: &Clock) -> Node {
    let options = Options { clock: clock.clone(), ..Options::default() };
    Node::start(config.clone(), options).await.unwrap()
}

/// A rider wants an hour with any bank of a cabinet.
pub fn wish(rider: RiderId, serial: &str) -> Start {
    let hour: Uuid = "0b7f9e2a-5a44-4b7e-9d52-3f1f4c8a1001".parse().unwrap();
    let (station, package) = (Serial::from(serial), PackageId(hour));
    let means = Means::of(PaymentMode::Wallet);
    Start { rider, station, package, bank: None, means, key: None, resumes: None }
}
