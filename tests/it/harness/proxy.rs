//! Stands between the service and its database, and breaks the connection where a test wants.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use chargeghar::spawn::spawn;
use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use super::database::Database;

/// A simple query `commit` on the wire.
const COMMIT: &[u8] = b"Q\0\0\0\x0bcommit\0";

/// Where the connection breaks the next time a transaction is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The commit never arrives.
    BeforeCommit = 1,
    /// The commit is done, its answer never arrives.
    AfterCommit = 2,
}

pub struct Proxy {
    url: String,
    state: Arc<State>,
    connected: watch::Sender<u64>,
}

struct State {
    away: AtomicBool,
    /// Takes everything in, answers nothing.
    silent: AtomicBool,
    breaks: AtomicU8,
    /// How many connections it has taken so far.
    clients: watch::Sender<u64>,
}

#[derive(Clone)]
enum Server {
    Socket(PathBuf),
    Tcp(String, u16),
}

impl Proxy {
    pub async fn before(database: &Database) -> Proxy {
        let options = PgConnectOptions::from_str(database.url()).unwrap();
        let (host, port) = (options.get_host().to_owned(), options.get_port());
        let server = match options.get_socket() {
            Some(folder) => Server::Socket(folder.join(format!(".s.PGSQL.{port}"))),
            None => Server::Tcp(host, port),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (user, name) = (options.get_username(), options.get_database().unwrap());
        let url = format!("postgres://{user}@127.0.0.1:{own}/{name}");
        let state = Arc::new(State {
            away: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            breaks: AtomicU8::new(0),
            clients: watch::Sender::new(0),
        });
        let (connected, _) = watch::channel(0);
        spawn("test", accept(listener, server, Arc::clone(&state), connected.subscribe()));
        Proxy { url, state, connected }
    }

    /// The database's address, by way of the proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Breaks every connection and takes none.
    pub fn cut(&self) {
        self.state.away.store(true, Ordering::SeqCst);
        self.drop_all();
    }

    pub fn restore(&self) {
        self.state.away.store(false, Ordering::SeqCst);
        self.state.silent.store(false, Ordering::SeqCst);
    }

    /// Breaks every connection, as a restart of the database does.
    pub fn drop_all(&self) {
        self.connected.send_modify(|epoch| *epoch += 1);
    }

    /// From here on nothing is answered on any connection.
    pub fn fall_silent(&self) {
        self.state.silent.store(true, Ordering::SeqCst);
    }

    /// Waits until somebody is connected.
    pub async fn asked(&self) {
        let mut clients = self.state.clients.subscribe();
        clients.wait_for(|clients| *clients > 0).await.unwrap();
    }

    /// Once, at the next commit.
    pub fn break_at(&self, place: Break) {
        self.state.breaks.store(place as u8, Ordering::SeqCst);
    }
}

async fn accept(
    listener: TcpListener,
    server: Server,
    state: Arc<State>,
    epoch: watch::Receiver<u64>,
) {
    while let Ok((client, _)) = listener.accept().await {
        if state.away.load(Ordering::SeqCst) {
            continue;
        }
        state.clients.send_modify(|clients| *clients += 1);
        let (server, state, mut epoch) = (server.clone(), Arc::clone(&state), epoch.clone());
        epoch.mark_unchanged();
        spawn("test", async move {
            let relayed = async {
                match server {
                    Server::Socket(path) => {
                        relay(client, UnixStream::connect(path).await.unwrap(), &state).await;
                    }
                    Server::Tcp(host, port) => {
                        relay(client, TcpStream::connect((host, port)).await.unwrap(), &state)
                            .await;
                    }
                }
            };
            tokio::select! {
                () = relayed => {}
                _ = epoch.changed() => {}
            }
        });
    }
}

/// Until either side is gone, or the connection is to break.
async fn relay<S: AsyncRead + AsyncWrite>(mut client: TcpStream, server: S, state: &State) {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let cut = AtomicBool::new(false);
    let up = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            let bytes = &buffer[..read];
            let commits = bytes.windows(COMMIT.len()).any(|window| window == COMMIT);
            let place = if commits { state.breaks.swap(0, Ordering::SeqCst) } else { 0 };
            if place == Break::BeforeCommit as u8 {
                return;
            }
            cut.fetch_or(place == Break::AfterCommit as u8, Ordering::SeqCst);
            if to_server.write_all(bytes).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            if cut.load(Ordering::SeqCst) {
                return;
            }
            let silent = state.silent.load(Ordering::SeqCst);
            if !silent && to_client.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}
