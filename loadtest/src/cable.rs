//! A cable between the service and a part that it needs: it can be cut and mended, and one of its
//! connections reset in the middle of a commit. Passes bytes on; changes none.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[cfg(test)]
mod tests;

/// A simple query `commit`, as Postgres is told it.
const COMMIT: &[u8] = b"Q\0\0\0\x0bcommit\0";

/// Where a commit breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// It never arrives.
    BeforeCommit,
    /// It is done, and its answer never arrives.
    AfterCommit,
}

/// The far end.
#[derive(Clone, Debug)]
pub enum Far {
    Socket(PathBuf),
    Tcp(SocketAddr),
}

/// Its connections end with it.
pub struct Cable {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    far: Far,
    is_open: AtomicBool,
    /// Raised by one to end all connections.
    ended: watch::Sender<u64>,
    breaks: Mutex<VecDeque<Break>>,
    /// Commits that were broken so far.
    broken: AtomicU64,
}

impl Cable {
    pub async fn to(far: Far) -> anyhow::Result<Cable> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            far,
            is_open: AtomicBool::new(true),
            ended: watch::Sender::new(0),
            breaks: Mutex::default(),
            broken: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Cable { address, shared, accepting })
    }

    /// The near end.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resets all connections and lets no new one through.
    pub fn cut(&self) {
        self.shared.is_open.store(false, Ordering::Release);
        self.shared.ended.send_modify(|ended| *ended += 1);
    }

    pub fn mend(&self) {
        self.shared.is_open.store(true, Ordering::Release);
    }

    /// The next commits break, each at its place.
    pub fn break_commits(&self, places: &[Break]) {
        self.shared.breaks().extend(places);
    }

    /// Those that did not come yet come through.
    pub fn forgive(&self) {
        self.shared.breaks().clear();
    }

    pub fn broken(&self) -> u64 {
        self.shared.broken.load(Ordering::Relaxed)
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

impl Shared {
    fn breaks(&self) -> std::sync::MutexGuard<'_, VecDeque<Break>> {
        self.breaks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where these bytes break the connection, if they do.
    fn place(&self, bytes: &[u8]) -> Option<Break> {
        if !bytes.windows(COMMIT.len()).any(|window| window == COMMIT) {
            return None;
        }
        let place = self.breaks().pop_front()?;
        self.broken.fetch_add(1, Ordering::Relaxed);
        Some(place)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((near, _)) = listener.accept().await {
        // what is closed with bytes on the way is reset, as by a firewall or a machine that died
        let _ = near.set_zero_linger();
        let _ = near.set_nodelay(true);
        if shared.is_open.load(Ordering::Acquire) {
            let ended = shared.ended.subscribe();
            tokio::spawn(joined(near, Arc::clone(&shared), ended));
        }
    }
}

/// One connection, until either side is gone or the cable is cut.
async fn joined(near: TcpStream, shared: Arc<Shared>, mut ended: watch::Receiver<u64>) {
    let passed = async {
        match &shared.far {
            Far::Socket(path) => {
                let Ok(far) = UnixStream::connect(path).await else { return };
                pass(near, far, &shared).await;
            }
            Far::Tcp(address) => {
                let Ok(far) = TcpStream::connect(address).await else { return };
                let _ = far.set_nodelay(true);
                pass(near, far, &shared).await;
            }
        }
    };
    tokio::select! {
        biased;
        _ = ended.changed() => {}
        () = passed => {}
    }
}

async fn pass<S: AsyncRead + AsyncWrite>(mut near: TcpStream, far: S, shared: &Shared) {
    let (mut from_near, mut to_near) = near.split();
    let (mut from_far, mut to_far) = tokio::io::split(far);
    let is_deaf = AtomicBool::new(false);
    let up = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from_near.read(&mut buffer).await {
            let bytes = &buffer[..count];
            match shared.place(bytes) {
                Some(Break::BeforeCommit) => return,
                Some(Break::AfterCommit) => is_deaf.store(true, Ordering::Release),
                None => {}
            }
            if to_far.write_all(bytes).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from_far.read(&mut buffer).await {
            if is_deaf.load(Ordering::Acquire) || to_near.write_all(&buffer[..count]).await.is_err()
            {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}
