//! The socket in the data folder: who may speak there, and who is speaking. Only root and the
//! user that the node runs as can reach it.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use rustix::process::{RawUid, geteuid};
use tokio::net::UnixListener;

#[cfg(test)]
mod tests;

/// A socket's path has at most this many bytes.
const PATH_MAX: usize = 100;

/// The path of a socket, short enough for the system whatever the folder is called. Keep it
/// for as long as the path is used.
#[derive(Debug)]
pub struct SocketPath {
    path: PathBuf,
    /// The folder, when the path goes through it.
    _folder: Option<File>,
}

impl SocketPath {
    pub fn of(path: &Path) -> io::Result<SocketPath> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        };
        if path.as_os_str().len() <= PATH_MAX {
            return Ok(SocketPath { path: path.to_owned(), _folder: None });
        }
        let folder = File::open(folder)?;
        let through = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&folder));
        Ok(SocketPath { path: Path::new(&through).join(name), _folder: Some(folder) })
    }

    pub fn as_path(&self) -> &Path {
        &self.path
    }
}

/// The socket of a running node. Its file goes when it is dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Opens the socket; one that a dead node left behind gives way. The caller holds the lock
    /// of the data folder.
    pub fn open(path: &Path) -> io::Result<Socket> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(SocketPath::of(path)?.as_path())?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(Socket { listener, path: path.to_owned() })
    }

    /// Answers commands until `end`; those under way are finished.
    pub async fn serve(
        self,
        router: Router,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let Socket { listener, path } = self;
        let service = router.into_make_service_with_connect_info::<Peer>();
        let served = axum::serve(listener, service).with_graceful_shutdown(end).await;
        let _ = fs::remove_file(path); // the next node removes what is left
        served
    }
}

/// Who is at the other end, as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Nobody knows: then nothing is allowed.
    pub uid: Option<RawUid>,
}

impl Peer {
    /// This process itself.
    pub fn own() -> Peer {
        Peer { uid: Some(geteuid().as_raw()) }
    }

    /// Root, or the user of this process.
    pub fn is_trusted(self) -> bool {
        self.uid.is_some_and(|uid| uid == 0 || uid == geteuid().as_raw())
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Peer {
        Peer { uid: stream.io().peer_cred().ok().map(|credentials| credentials.uid()) }
    }
}
