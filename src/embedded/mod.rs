//! What runs or rests on this machine without being installed: the data folder, its lock and
//! its keys, and the private Postgres in it.
//!
//! Nothing here changes the system: no service, no user, no file outside the data folder and
//! the cache folder.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;

use crate::config::Config;

pub mod keys;
pub mod postgres;

#[cfg(test)]
mod tests;

/// The data folder of root.
const SYSTEM_DATA: &str = "/var/lib/chargeghar";
/// The cache folder of root: only unpacked programs.
const SYSTEM_CACHE: &str = "/var/cache/chargeghar";
const KEYS: &str = "keys";
const OBJECTS: &str = "objects";
const SOCKET: &str = "admin.sock";
const LOCK: &str = "node.lock";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no data folder: set CHARGEGHAR__DATA_DIR, or HOME")]
    NoHome,
    #[error("the data folder {folder} cannot be used: {cause}; set CHARGEGHAR__DATA_DIR")]
    Folder { folder: PathBuf, cause: io::Error },
    #[error("another chargeghar uses the data folder {0}; stop it, or set CHARGEGHAR__DATA_DIR")]
    Locked(PathBuf),
    #[error("the key file {path} cannot be used: {cause}")]
    Key { path: PathBuf, cause: String },
}

/// The folder of one node: `keys/`, `postgres/`, `objects/`, `node.lock`, `admin.sock`.
#[derive(Clone, Debug)]
pub struct DataFolder {
    root: PathBuf,
}

/// Held while a node runs on a data folder; given back when dropped, or when the process dies.
#[derive(Debug)]
pub struct NodeLock {
    _file: File,
}

impl DataFolder {
    /// Opens the configured folder, or the default one; makes it, for this user only, if it is
    /// not there.
    pub fn open(config: &Config) -> Result<DataFolder, Error> {
        let root = DataFolder::path(config)?;
        let unusable = |cause| Error::Folder { folder: root.clone(), cause };
        make_private(&root).map_err(unusable)?;
        let root = fs::canonicalize(&root).map_err(unusable)?;
        Ok(DataFolder { root })
    }

    /// Where the folder is or would be.
    pub fn path(config: &Config) -> Result<PathBuf, Error> {
        if !config.data_dir.as_os_str().is_empty() {
            return Ok(config.data_dir.clone());
        }
        if geteuid().is_root() {
            return Ok(SYSTEM_DATA.into());
        }
        user_folder("XDG_DATA_HOME", ".local/share").ok_or(Error::NoHome)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Keys of this node.
    pub fn keys(&self) -> PathBuf {
        self.root.join(KEYS)
    }

    /// The embedded Postgres.
    pub fn postgres(&self) -> PathBuf {
        self.root.join("postgres")
    }

    /// Pictures and documents, unless they are kept elsewhere.
    pub fn objects(&self) -> PathBuf {
        self.root.join(OBJECTS)
    }

    /// Where a running node takes commands.
    pub fn admin_socket(&self) -> PathBuf {
        self.root.join(SOCKET)
    }

    /// What a node has left here, of all that it keeps beside a database of its own: the names.
    pub fn traces(&self) -> Vec<&'static str> {
        let names = [KEYS, OBJECTS, LOCK, SOCKET];
        names.into_iter().filter(|name| self.root.join(name).exists()).collect()
    }

    /// Takes the folder for this process. At once: a folder in use is an error.
    pub fn lock(&self) -> Result<NodeLock, Error> {
        let path = self.root.join(LOCK);
        let unusable = |cause| Error::Folder { folder: self.root.clone(), cause };
        let mut open = OpenOptions::new();
        let file = open.write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = file.map_err(unusable)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(NodeLock { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Locked(self.root.clone())),
            Err(error) => Err(unusable(error.into())),
        }
    }
}

/// Where unpacked programs are kept.
pub fn cache_folder() -> Option<PathBuf> {
    if geteuid().is_root() {
        return Some(SYSTEM_CACHE.into());
    }
    user_folder("XDG_CACHE_HOME", ".cache")
}

/// `chargeghar` in the folder that `variable` names, or in `fallback` under the home folder.
fn user_folder(variable: &str, fallback: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(fallback));
    Some(named.or_else(home)?.join("chargeghar"))
}

/// Makes a folder that only this user can enter; leaves one that is there as it is.
fn make_private(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        fs::create_dir_all(above)?;
    }
    DirBuilder::new().mode(0o700).create(folder)
}
