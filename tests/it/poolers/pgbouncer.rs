//! PgBouncer in front of the test's server. It ends with its owner.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

use crate::embedded::Scratch;
use crate::support::process::Process;
use crate::support::waiting::block_until;

/// The programs to test with, separated by colons. Otherwise the one of the system is used.
const PROGRAMS: &str = "MAINSPRING_TEST_PGBOUNCERS";
// The first version that knows prepared statements of other sessions.
const NEWER: u32 = 21;
// Those who may run the server may read the program's files too.
const NOBODY: u32 = 65_534;

/// How the pooler assigns sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolMode {
    Session,
    Transaction,
}

/// A program, and the number behind the first dot of its version.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    pub minor: u32,
}

impl Program {
    /// The programs that are there. Those that are missing are named once.
    pub fn all() -> Vec<Self> {
        static FOUND: LazyLock<Vec<Program>> = LazyLock::new(|| {
            let found = Program::found();
            let is_newer = |program: &Program| program.minor >= NEWER;
            let tell = |what: &str| {
                // Written past the capture of prints: a test that did not run must not look like one that did.
                let _ = writeln!(std::io::stderr(), "skipped: the tests behind {what}, which is not there");
            };
            if !found.iter().any(is_newer) {
                tell("a PgBouncer that knows prepared statements (1.21 or newer)");
            }
            if found.iter().all(is_newer) {
                tell("a PgBouncer before 1.21");
            }
            found
        });
        FOUND.clone()
    }

    fn found() -> Vec<Self> {
        let mut paths = match std::env::var(PROGRAMS) {
            Ok(named) => named.split(':').map(PathBuf::from).collect(),
            Err(_) => vec![PathBuf::from("pgbouncer"), PathBuf::from("/usr/sbin/pgbouncer")],
        };
        // Elsewhere no test fetches anything.
        if std::env::var_os("CI").is_some() {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/poolers/newer.sh");
            let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/pgbouncer");
            let fetched = Command::new("sh").args([script, folder]).stdin(Stdio::null()).output().unwrap();
            paths.extend(
                fetched
                    .status
                    .success()
                    .then(|| PathBuf::from(String::from_utf8_lossy(&fetched.stdout).trim())),
            );
        }
        let mut found: Vec<Self> = paths.iter().filter_map(|path| Self::at(path)).collect();
        found.sort_by_key(|program| program.minor);
        found.dedup_by_key(|program| program.minor);
        found
    }

    fn at(path: &Path) -> Option<Self> {
        let mut command = Command::new(path);
        let shown = as_nobody(&mut command).arg("--version").current_dir("/").stdin(Stdio::null());
        let text = String::from_utf8_lossy(&shown.output().ok()?.stdout).into_owned();
        let version = text.split_whitespace().nth(1)?;
        let minor = version.split('.').nth(1)?.parse().ok()?;
        Some(Self { path: path.to_owned(), minor })
    }

    /// Starts it in front of the server at `url`, with further lines for its section `[pgbouncer]`.
    pub fn start(&self, url: &str, mode: PoolMode, settings: &str) -> PgBouncer {
        self.start_on(Self::free_port(), url, mode, settings)
    }

    /// A port for [`Self::start_on`].
    pub fn free_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    /// Starts it on that port, which another one may have too with `so_reuseport`.
    pub fn start_on(&self, port: u16, url: &str, mode: PoolMode, settings: &str) -> PgBouncer {
        let server = Server::of(url);
        let folder = Scratch::new();
        let file = folder.path().join("pgbouncer.ini");
        let mode = match mode {
            PoolMode::Session => "session",
            PoolMode::Transaction => "transaction",
        };
        let Server { user, password, host, database } = &server;
        let (host, server_port) = host.rsplit_once(':').unwrap();
        let text = format!(
            "[databases]\n* = host={host} port={server_port} user={user} password={password}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = {mode}\n{settings}\n"
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new(&self.path);
        command.arg(&file).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        open_to_all(folder.path());
        let process = Process::start(as_nobody(&mut command));
        let url = format!("postgres://{user}@127.0.0.1:{port}/{database}");
        block_until("the pooler lends sessions", || {
            PgConnection::establish(&url).is_ok_and(|mut conn| conn.batch_execute("SELECT 1").is_ok())
        });
        PgBouncer { url, port, _process: process, _folder: folder }
    }
}

// It refuses to run as root.
fn as_nobody(command: &mut Command) -> &mut Command {
    let is_root = fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0);
    if is_root { command.uid(NOBODY).gid(NOBODY) } else { command }
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(folder).unwrap().flatten() {
        fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o644)).unwrap();
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A running PgBouncer.
pub struct PgBouncer {
    url: String,
    pub port: u16,
    _process: Process,
    _folder: Scratch,
}

impl PgBouncer {
    /// The database of the test, through the pooler.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn connection(&self) -> PgConnection {
        PgConnection::establish(&self.url).unwrap()
    }
}

/// The parts of a server's URL.
struct Server {
    user: String,
    password: String,
    host: String,
    database: String,
}

impl Server {
    fn of(url: &str) -> Self {
        let (_, rest) = url.split_once("://").unwrap();
        let (credentials, place) = rest.rsplit_once('@').expect("a URL with a user");
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let (host, database) = place.split_once('/').unwrap();
        let database = database.split('?').next().unwrap();
        let [user, password, host, database] = [user, password, host, database].map(str::to_owned);
        Self { user, password, host, database }
    }
}
