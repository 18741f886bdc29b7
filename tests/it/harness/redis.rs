//! A Redis of a story's own, on a port of its own, where `redis-server` is installed.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use chargeghar::config::{Config, Endpoint, Millis};

pub struct Redis {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Redis {
    /// Nothing where it is not installed.
    pub fn start() -> Option<Redis> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Redis::at(port)
    }

    /// Ends it as a crash would, with all that it kept.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// An empty one at the same place, after the first has ended.
    pub fn again(mut self) -> Redis {
        self.kill();
        Redis::at(self.port).expect("it was there before")
    }

    /// The same settings for a process.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        let timeout = ("CHARGEGHAR__EPHEMERA__TIMEOUT_MS", "10000".to_owned());
        [("CHARGEGHAR__EPHEMERA__REDIS_URL", self.url()), timeout]
    }

    fn at(port: u16) -> Option<Redis> {
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::var_os("CHARGEGHAR_TEST_REDIS");
        let mut command = Command::new(program.unwrap_or_else(|| "redis-server".into()));
        command.args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()]);
        command.arg("--dir").arg(folder.path()).stdout(Stdio::piped());
        let mut child = command.spawn().ok()?;
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let is_ready = |line: String| line.contains("eady to accept connections");
        assert!(said.any(is_ready), "redis-server does not start");
        Some(Redis { child, port, _folder: folder })
    }

    /// Tells a node to keep its short-lived data there, and to wait for it on a busy machine.
    pub fn configure(&self, config: &mut Config) {
        config.ephemera.redis_url = Endpoint::new(self.url());
        config.ephemera.timeout_ms = Millis(10_000);
    }

    /// How much is kept there now.
    pub async fn keys(&self) -> u64 {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd("DBSIZE").query_async(&mut connection).await.unwrap()
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
