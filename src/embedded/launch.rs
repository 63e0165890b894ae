//! Starts a server in a folder whose lock the caller has taken, and hands it to a watcher. The watcher is a
//! shell that stops the server when the last holder is gone: a killed process cannot do that itself.

use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use diesel::{Connection, PgConnection};

use super::POLL;
use super::engine::Engine;
use super::error::EmbeddedError;
use super::folder::Folder;
use super::leftover;
use super::options::EmbeddedOptions;
use super::user::ServerUser;

const WATCHER: &str = include_str!("watcher.sh");
// Not `mainspring`: a role of that name would find the schema of that name on its search path.
const USER: &str = "postgres";
// A port that was free may be taken when the server opens it.
const PORT_TRIES: u32 = 5;

/// A running server. It runs for as long as a process holds it.
pub(super) struct Running {
    pub(super) url: String,
    pub(super) engine: String,
    pub(super) hold: Option<File>,
    /// Ends with the server; `None` where another process started it.
    pub(super) watcher: Option<JoinHandle<()>>,
}

enum Launched {
    Ready(File, JoinHandle<()>),
    PortTaken,
}

/// What one start needs, but for the port.
struct Launch<'a> {
    options: &'a EmbeddedOptions,
    folder: &'a Folder,
    user: &'a ServerUser,
    engine: Engine,
    data: PathBuf,
    password: String,
    deadline: Instant,
}

pub(super) fn launch(
    options: &EmbeddedOptions,
    folder: &Folder,
    user: &ServerUser,
    lock: &File,
    deadline: Instant,
) -> Result<Running, EmbeddedError> {
    leftover::clear(folder, user)?;
    let engine = Engine::choose(options, folder, user)?;
    let password = folder.password(user)?;
    let data = folder.path(&engine.cluster());
    let launch = Launch { options, folder, user, engine, data, password, deadline };
    launch.make_cluster()?;
    for _ in 0..PORT_TRIES {
        let port = free_port()?;
        let url = format!("postgres://{USER}:{}@127.0.0.1:{port}/postgres", launch.password);
        if let Launched::Ready(hold, watcher) = launch.run(&url, port, lock)? {
            let engine = launch.engine.line();
            folder.announce(&url, &engine)?;
            return Ok(Running { url, engine, hold: Some(hold), watcher: Some(watcher) });
        }
    }
    Err(launch.failed(&format!("found {PORT_TRIES} free ports taken again")))
}

impl Launch<'_> {
    fn make_cluster(&self) -> Result<(), EmbeddedError> {
        if self.data.exists() {
            return Ok(());
        }
        let half = self.folder.half_made("data");
        let mut initdb = self.user.command(self.engine.program("initdb"));
        initdb.args(["-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-U", USER]);
        initdb.arg("--pwfile").arg(self.folder.path("password")).arg("-D").arg(&half);
        if !self.options.fsync() {
            initdb.arg("--no-sync");
        }
        let log = self.new_log()?;
        let again = log.try_clone().map_err(EmbeddedError::cannot("share the log"))?;
        let mut initdb = spawn(initdb.stdout(log).stderr(again))?;
        while initdb.try_wait().map_err(EmbeddedError::cannot("wait for initdb"))?.is_none() {
            if Instant::now() > self.deadline {
                let _ = initdb.kill();
                return Err(self.failed("took too long to make its cluster"));
            }
            thread::sleep(POLL);
        }
        if !initdb.wait().is_ok_and(|status| status.success()) {
            return Err(self.failed("could not make its cluster"));
        }
        fs::rename(&half, &self.data)
            .map_err(EmbeddedError::cannot(format_args!("move the cluster to {}", self.data.display())))
    }

    fn run(&self, url: &str, port: u16, lock: &File) -> Result<Launched, EmbeddedError> {
        let (hold, watched) = self.new_holders()?;
        let lock = lock.try_clone().map_err(EmbeddedError::cannot("share the lock"))?;
        let mut watcher = self.user.command("sh");
        watcher.args(["-c", WATCHER, "sh"]).arg(self.folder.root());
        watcher.arg(self.folder.lifetime().word());
        watcher
            .arg(self.engine.program("postgres"))
            .args(self.server_arguments(port))
            .arg("-D")
            .arg(&self.data);
        let mut watcher = spawn(watcher.stdin(watched).stdout(lock).stderr(self.new_log()?))?;
        let watcher = thread::spawn(move || {
            let _ = watcher.wait();
        });
        let probe = format!("{url}?connect_timeout=2");
        while PgConnection::establish(&probe).is_err() {
            if watcher.is_finished() {
                let taken = self.folder.log_tail().contains("Address already in use");
                return if taken { Ok(Launched::PortTaken) } else { Err(self.failed("ended at once")) };
            }
            if Instant::now() > self.deadline {
                return Err(self.failed("did not answer in time"));
            }
            thread::sleep(POLL);
        }
        Ok(Launched::Ready(hold, watcher))
    }

    // The last of two equal settings wins: the caller's over ours, and the launcher's over all.
    fn server_arguments(&self, port: u16) -> Vec<String> {
        let own = |(name, value): &(&str, &str)| format!("{name}={value}");
        let mut settings: Vec<String> = self.engine.settings().iter().map(own).collect();
        settings.extend((!self.options.fsync()).then(|| "fsync=off".to_owned()));
        settings.extend(self.options.settings().iter().map(|(name, value)| format!("{name}={value}")));
        settings.push(format!("port={port}"));
        // No socket in the file system: its path may be too long (107 bytes), and TCP serves as well.
        settings.extend(["listen_addresses=127.0.0.1", "unix_socket_directories="].map(str::to_owned));
        settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]).collect()
    }

    // Open for reading as well, the first end waits for no other; open before the watcher starts, the
    // second shows it no early end.
    fn new_holders(&self) -> Result<(File, File), EmbeddedError> {
        let path = self.folder.path("holders");
        let failed = || EmbeddedError::cannot(format!("make the FIFO {}", path.display()));
        let _ = fs::remove_file(&path);
        let made = Command::new("mkfifo").args(["-m", "600"]).arg(&path).output().map_err(failed())?;
        if !made.status.success() {
            return Err(EmbeddedError::new(String::from_utf8_lossy(&made.stderr).trim()));
        }
        let hold = OpenOptions::new().read(true).write(true).open(&path).map_err(failed())?;
        Ok((hold, File::open(&path).map_err(failed())?))
    }

    fn new_log(&self) -> Result<File, EmbeddedError> {
        let path = self.folder.path("log");
        let _ = fs::remove_file(&path);
        let opened = OpenOptions::new().append(true).create_new(true).open(&path);
        opened.map_err(EmbeddedError::cannot(format_args!("write the log {}", path.display())))
    }

    fn failed(&self, what: &str) -> EmbeddedError {
        let folder = self.folder.root().display();
        let (engine, log) = (self.engine.line(), self.folder.log_tail());
        EmbeddedError::new(format!("{engine} in {folder} {what}; the end of its log:\n{log}"))
    }
}

fn spawn(command: &mut Command) -> Result<Child, EmbeddedError> {
    let program = command.get_program().to_owned();
    command.spawn().map_err(EmbeddedError::cannot(format_args!("start {}", Path::new(&program).display())))
}

fn free_port() -> Result<u16, EmbeddedError> {
    let listener = TcpListener::bind("127.0.0.1:0");
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.map_err(EmbeddedError::cannot("find a free port on 127.0.0.1"))?.port())
}
