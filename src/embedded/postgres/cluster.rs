//! The files of the embedded database: whose they are, how they are made, how they are named.
//!
//! Postgres does not run as root. Started by root it runs as `postgres`, else `nobody`, and
//! its folder belongs to that user. Connections need the password in that folder, so that
//! nobody else on the machine gets in, by socket or by port.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::child::{self, Launch};
use super::{Error, NAME, Options};
use crate::embedded::make_private;

/// Longest path of a socket that every system accepts, in bytes.
const SOCKET_PATH_MAX: usize = 100;
const SOCKET: &str = ".s.PGSQL.5432";
/// Size at which the log is put aside at a start, in bytes; the one before is dropped.
const LOG_MAX: u64 = 8 << 20;

/// Somebody to run Postgres as, because root may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

/// A cluster that is ready to be started.
#[derive(Clone)]
pub struct Cluster {
    options: Options,
    user: Option<User>,
    password: String,
    address: Address,
}

#[derive(Clone, Debug)]
enum Address {
    /// The folder of the socket.
    Socket(PathBuf),
    /// A port of the loopback interface, where the path of a socket would be too long.
    Port(u16),
}

/// The major version of the cluster in `folder`, if there is one.
pub fn made_by(folder: &Path) -> Option<u32> {
    fs::read_to_string(folder.join("cluster/PG_VERSION")).ok()?.trim().parse().ok()
}

impl Cluster {
    /// Makes what is missing. Blocks for the time of `initdb`, about a second, once.
    pub fn prepare(options: Options) -> Result<Cluster, Error> {
        let user = if geteuid().is_root() { Some(unprivileged()?) } else { None };
        let folder = options.folder.clone();
        make_private(&folder).map_err(system(format!("{} cannot be made", folder.display())))?;
        if let Some(user) = &user {
            open_the_way(&folder, user)?;
            give(&folder, user)?;
        }
        let password = password(&options, user.as_ref())?;
        let address = address(&folder)?;
        let cluster = Cluster { options, user, password, address };
        if made_by(&folder).is_none() {
            cluster.initdb()?;
        }
        Ok(cluster)
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        let Cluster { password, address, .. } = self;
        match address {
            Address::Socket(folder) => {
                let host = encoded(folder);
                format!("postgres://{NAME}:{password}@localhost/{database}?host={host}")
            }
            Address::Port(port) => {
                format!("postgres://{NAME}:{password}@127.0.0.1:{port}/{database}?sslmode=disable")
            }
        }
    }

    pub fn folder(&self) -> &Path {
        &self.options.folder
    }

    /// How to start the server. Its messages go to the log in the folder.
    pub fn launch(&self) -> io::Result<Launch> {
        let options = &self.options;
        let mut launch = self.program("postgres");
        launch.arguments = ["-D".to_owned(), path_text(&self.data())].into();
        let mut set = |key: &str, value: &str| {
            launch.arguments.extend(["-c".to_owned(), format!("{key}={value}")]);
        };
        match &self.address {
            Address::Socket(folder) => {
                set("listen_addresses", "");
                set("unix_socket_directories", &format!("\"{}\"", path_text(folder)));
            }
            Address::Port(port) => {
                set("listen_addresses", "127.0.0.1");
                set("port", &port.to_string());
                set("unix_socket_directories", "");
            }
        }
        set("shared_buffers", &format!("{}MB", options.shared_buffers_mb));
        set("max_connections", &options.connections_max.to_string());
        for (key, value) in TUNING {
            set(key, value);
        }
        for (key, value) in if options.durable { DURABLE } else { FORGETFUL } {
            set(key, value);
        }
        launch.output = Some(self.open_log()?);
        Ok(launch)
    }

    /// The last lines of the server's log.
    pub fn last_words(&self) -> String {
        let text = fs::read(self.options.folder.join("log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[text.len().saturating_sub(2_000)..]).into_owned();
        let lines: Vec<&str> = text.lines().rev().take(4).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("; ")
    }

    fn data(&self) -> PathBuf {
        self.options.folder.join("cluster")
    }

    fn program(&self, name: &str) -> Launch {
        let programs = &self.options.programs;
        Launch {
            launcher: self.options.launcher.clone(),
            program: programs.folder.join(name),
            arguments: Vec::new(),
            user: self.user.clone(),
            libraries: programs.libraries.clone(),
            output: None,
        }
    }

    /// Makes the cluster under another name first, so that a start that was interrupted leaves
    /// none.
    fn initdb(&self) -> Result<(), Error> {
        let folder = &self.options.folder;
        let half = folder.join("cluster.new");
        if half.exists() {
            fs::remove_dir_all(&half).map_err(system(format!("{} is stale", half.display())))?;
        }
        let mut launch = self.program("initdb");
        let password = path_text(&folder.join("password"));
        launch.arguments = [
            format!("--pgdata={}", path_text(&half)),
            format!("--username={NAME}"),
            format!("--pwfile={password}"),
            "--auth=scram-sha-256".to_owned(),
            "--encoding=UTF8".to_owned(),
            "--no-locale".to_owned(),
            "--no-instructions".to_owned(),
        ]
        .into();
        if !self.options.durable {
            launch.arguments.push("--no-sync".to_owned());
        }
        child::run(launch).map_err(Error::Initdb)?;
        fs::rename(&half, self.data()).map_err(system("the new cluster cannot be named".into()))
    }

    fn open_log(&self) -> io::Result<File> {
        let path = self.options.folder.join("log");
        if fs::metadata(&path).is_ok_and(|log| log.len() > LOG_MAX) {
            fs::rename(&path, path.with_extension("old"))?;
        }
        OpenOptions::new().append(true).create(true).mode(0o600).open(path)
    }
}

/// For a service on the same machine: quick recovery, no surprise in the plan, UTC.
const TUNING: &[(&str, &str)] = &[
    ("idle_in_transaction_session_timeout", "60s"),
    ("tcp_keepalives_idle", "60"),
    ("max_wal_size", "1GB"),
    ("wal_compression", "on"),
    ("random_page_cost", "1.1"),
    ("jit", "off"),
    ("max_parallel_workers_per_gather", "0"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_min_messages", "warning"),
    ("log_checkpoints", "off"),
    ("log_line_prefix", "%m [%p] "),
];
const DURABLE: &[(&str, &str)] = &[("fsync", "on"), ("synchronous_commit", "on")];
const FORGETFUL: &[(&str, &str)] =
    &[("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")];

fn unprivileged() -> Result<User, Error> {
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = ["postgres", "nobody"].iter().find_map(|name| account(&accounts, name));
    found.ok_or(Error::NoUser)
}

/// `name:x:uid:gid:...`
pub(super) fn account(accounts: &str, name: &str) -> Option<User> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(name);
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        is_it.then(|| User { name: name.to_owned(), uid, gid })
    })
}

/// Lets `user` pass through the data folder, and makes sure it can pass through the rest.
fn open_the_way(folder: &Path, user: &User) -> Result<(), Error> {
    let data = folder.parent().unwrap_or(folder);
    if !can_pass(data, user) {
        let opened = chown(data, None, Some(user.gid))
            .and_then(|()| fs::set_permissions(data, Permissions::from_mode(0o710)));
        opened.map_err(system(format!("{} cannot be opened", data.display())))?;
    }
    match data.ancestors().find(|above| !can_pass(above, user)) {
        Some(closed) => {
            Err(Error::Unreachable { folder: closed.to_owned(), user: user.name.clone() })
        }
        None => Ok(()),
    }
}

fn can_pass(folder: &Path, user: &User) -> bool {
    fs::metadata(folder).is_ok_and(|found| {
        let bit = match found {
            ref found if found.uid() == user.uid => 0o100,
            ref found if found.gid() == user.gid => 0o010,
            _ => 0o001,
        };
        found.mode() & bit != 0
    })
}

fn give(path: &Path, user: &User) -> Result<(), Error> {
    let given = chown(path, Some(user.uid), Some(user.gid));
    given.map_err(system(format!("{} cannot be given to {}", path.display(), user.name)))
}

/// The password in the folder, made at the first start.
fn password(options: &Options, user: Option<&User>) -> Result<String, Error> {
    let path = options.folder.join("password");
    let unusable = || system(format!("{} cannot be used", path.display()));
    if let Ok(kept) = fs::read_to_string(&path)
        && !kept.trim().is_empty()
    {
        return Ok(kept.trim().to_owned());
    }
    let password = options.entropy.base62(32);
    let mut open = OpenOptions::new();
    let file = open.write(true).create(true).truncate(true).mode(0o600).open(&path);
    file.and_then(|mut file| file.write_all(password.as_bytes())).map_err(unusable())?;
    if let Some(user) = user {
        give(&path, user)?;
    }
    Ok(password)
}

fn address(folder: &Path) -> Result<Address, Error> {
    if folder.join(SOCKET).as_os_str().len() <= SOCKET_PATH_MAX {
        return Ok(Address::Socket(folder.to_owned()));
    }
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|taken| taken.local_addr());
    let free = free.map_err(system("no free port on the loopback interface".into()))?;
    Ok(Address::Port(free.port()))
}

fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A path as a value in a URL.
fn encoded(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    let one = |byte: &u8| match *byte {
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    path.as_os_str().as_encoded_bytes().iter().map(one).collect()
}

fn system(what: String) -> impl Fn(io::Error) -> Error {
    move |cause| Error::System { what: what.clone(), cause }
}
