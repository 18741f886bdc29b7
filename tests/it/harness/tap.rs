//! A cable that can be cut: forwards connections to a broker, and notes what passes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use chargeghar::spawn::spawn;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The cable; its connections end with it.
pub struct Tap {
    addr: SocketAddr,
    shared: Arc<Shared>,
    listener: JoinHandle<()>,
}

struct Shared {
    to: SocketAddr,
    /// Raised by one to cut everything.
    cut: watch::Sender<u64>,
    is_open: AtomicBool,
    /// Connections that were tried while it was cut.
    tried: AtomicU64,
    /// Bytes are accepted and not passed on.
    stalled: watch::Sender<bool>,
    /// Everything sent to the broker, and everything that came from it, by connection.
    noted: Mutex<Vec<(Arc<Note>, Arc<Note>)>>,
}

pub type Note = Mutex<Vec<u8>>;

impl Tap {
    pub async fn on(to: SocketAddr) -> Tap {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            to,
            cut: watch::Sender::new(0),
            is_open: AtomicBool::new(true),
            tried: AtomicU64::new(0),
            stalled: watch::Sender::new(false),
            noted: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        let listener = spawn("tap", async move {
            while let Ok((near, _)) = listener.accept().await {
                if !accepting.is_open.load(Ordering::Acquire) {
                    accepting.tried.fetch_add(1, Ordering::Relaxed);
                } else if let Ok(far) = TcpStream::connect(accepting.to).await {
                    accepting.join(near, far);
                }
            }
        });
        Tap { addr, shared, listener }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Ends all connections and lets no new one through.
    pub fn cut(&self) {
        self.shared.is_open.store(false, Ordering::Release);
        self.shared.cut.send_modify(|cut| *cut += 1);
    }

    /// Ends all connections; new ones get through.
    pub fn blink(&self) {
        self.cut();
        self.mend();
    }

    pub fn mend(&self) {
        self.shared.is_open.store(true, Ordering::Release);
    }

    /// How many connections were tried while it was cut.
    pub fn tried(&self) -> u64 {
        self.shared.tried.load(Ordering::Relaxed)
    }

    /// What is sent to the broker from here on gets nowhere, and nobody notices.
    pub fn stall(&self, stalled: bool) {
        self.shared.stalled.send_replace(stalled);
    }

    /// What was sent and received on each connection so far, in the order they were made.
    pub fn noted(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let noted = self.shared.noted.lock();
        noted.iter().map(|(up, down)| (up.lock().clone(), down.lock().clone())).collect()
    }

    /// How many bytes came from the broker so far.
    pub fn came(&self) -> usize {
        self.shared.noted.lock().iter().map(|(_, down)| down.lock().len()).sum()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.listener.abort();
        self.cut();
    }
}

impl Shared {
    fn join(self: &Arc<Shared>, near: TcpStream, far: TcpStream) {
        near.set_nodelay(true).unwrap();
        far.set_nodelay(true).unwrap();
        let (up, down) = (Arc::new(Note::default()), Arc::new(Note::default()));
        self.noted.lock().push((Arc::clone(&up), Arc::clone(&down)));
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        let mut cut = self.cut.subscribe();
        let stalled = self.stalled.subscribe();
        let never = watch::Sender::new(false);
        spawn("tap.connection", async move {
            let never_stalled = never.subscribe();
            tokio::select! {
                biased;
                _ = cut.changed() => {}
                () = pass(near_read, far_write, &up, stalled) => {}
                () = pass(far_read, near_write, &down, never_stalled) => {}
            }
        });
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    note: &Note,
    mut stalled: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(count) = from.read(&mut buffer).await else { return };
        if count == 0 || stalled.wait_for(|stalled| !stalled).await.is_err() {
            return;
        }
        note.lock().extend_from_slice(&buffer[..count]);
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
