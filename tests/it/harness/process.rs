//! The built program as a child process: started, crashed, and started again at its old place.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chargeghar::clock::Clock;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::database::Database;
use super::edges::Edges;
use super::secrets;

mod rider;

pub use rider::Rider;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chargeghar");
/// How long anything may take that is under way already; a start waits for an old lease.
pub const SOON: Duration = Duration::from_secs(40);
/// Between two looks at something.
const LOOK: Duration = Duration::from_millis(20);

/// What outlives a process: its data folder, its database and its ports.
pub struct Place {
    folder: tempfile::TempDir,
    database: String,
    http: u16,
    mqtt: u16,
    broker: Vec<(&'static str, String)>,
}

impl Place {
    pub fn on(database: &Database) -> Place {
        Place::with(database, &Edges::embedded())
    }

    pub fn with(database: &Database, edges: &Edges) -> Place {
        let folder = tempfile::tempdir().unwrap();
        // both at once, so that they differ
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [http, mqtt] = listeners.map(|listener| listener.local_addr().unwrap().port());
        let broker = edges.variables();
        Place { folder, database: database.url().to_owned(), http, mqtt, broker }
    }

    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }

    /// What the service keeps here.
    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the service here, with these further variables.
    pub fn start(&self, variables: &[(&str, &str)]) -> Process {
        let mut serve = self.command(&["serve"]);
        let mut child = serve.envs(variables.iter().copied()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        listen(child.stdout.take().unwrap(), &said);
        listen(child.stderr.take().unwrap(), &said);
        Process { child, said }
    }

    /// Runs another command here to its end.
    pub async fn run(&self, arguments: &[&str]) -> Done {
        self.run_with(arguments, &[]).await
    }

    /// The same with these further variables.
    pub async fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Done {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Done { code: output.status.code(), stdout, stderr }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("CHARGEGHAR__DATA_DIR", self.data())
            .env("CHARGEGHAR__DATABASE__URL", &self.database)
            .env("CHARGEGHAR__DATABASE__CONNECTIONS_MAX", "4")
            .env("CHARGEGHAR__HTTP__PORT", self.http.to_string())
            .env("CHARGEGHAR__MQTT__PORT", self.mqtt.to_string())
            .env("CHARGEGHAR__STATIONS__COMEBACK_S", "0")
            .envs(self.broker.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts the service here and waits until it is ready.
    pub async fn ready(&self, variables: &[(&str, &str)]) -> Process {
        let mut process = self.start(variables);
        process.announced("ready", |_| true).await;
        process
    }
}

/// A command that has ended.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// What a command prints that succeeds: one line, one document, and nothing on stderr.
    pub fn one_document(&self) -> Value {
        assert_eq!((self.code, &*self.stderr), (Some(0), ""), "{self:?}");
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Why a command failed: code 1, nothing on stdout, and a line on stderr.
    pub fn refusal(&self) -> String {
        assert_eq!((self.code, &*self.stdout), (Some(1), ""), "{self:?}");
        let why = self.stderr.lines().last().and_then(|line| line.strip_prefix("error: "));
        why.unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }
}

/// A running service; killed with this value.
pub struct Process {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Waits for an announcement.
    pub async fn announced(&mut self, event: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let said = Arc::clone(&self.said);
        let found = || {
            let lines = said.lock();
            let values = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            values.into_iter().find(|value| value["event"] == event && fits(value))
        };
        self.until(event, |_| found()).await
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        self.until("the end of the process", |child| child.try_wait().unwrap()).await
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it as a crash of the machine would.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Everything it has written so far.
    pub fn said(&self) -> String {
        self.said.lock().join("\n")
    }

    async fn until<R>(&mut self, what: &str, mut look: impl FnMut(&mut Child) -> Option<R>) -> R {
        let clock = Clock::system();
        let deadline = clock.running() + SOON;
        loop {
            if let Some(found) = look(&mut self.child) {
                return found;
            }
            assert!(clock.running() < deadline, "not in time: {what}\n{}", self.said());
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the process said:\n{}", self.said());
        } else {
            assert_eq!(secrets::said_in(&self.said()), Vec::<String>::new(), "{}", self.said());
        }
    }
}

/// Keeps what is written, so that the writer never waits.
fn listen(pipe: impl Read + Send + 'static, said: &Arc<Mutex<Vec<String>>>) {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            said.lock().push(line);
        }
    });
}
