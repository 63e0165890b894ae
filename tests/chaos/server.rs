//! A PostgreSQL of the harness's own, which can be stopped in every way, frozen and copied to a standby. It ends with the harness.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use rustix::process::{Pid, Signal, kill_process};

use crate::trouble::{Outcome, Trouble};

const POLL: Duration = Duration::from_millis(10);
const START_LIMIT: Duration = Duration::from_secs(60);
const SETTINGS: [&str; 7] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    // What the kernel has been given survives the death of the server. No scenario cuts the power.
    "fsync=off",
    "shared_buffers=64MB",
    "max_connections=100",
    "wal_level=replica",
    "log_min_messages=fatal",
];

pub struct Server {
    data: PathBuf,
    port: u16,
    password: String,
    user: Option<(u32, u32)>,
    programs: PathBuf,
    /// Beside its folder, which may be a disk of its own.
    log: PathBuf,
    running: Option<Running>,
}

struct Running {
    postmaster: Child,
    /// Stops the server when the harness has died.
    watcher: Child,
}

impl Server {
    /// Makes a cluster in the folder, and starts it.
    pub fn start_in(folder: &Path) -> Outcome<Self> {
        let mut server = Self {
            data: folder.join("data"),
            port: free_port()?,
            password: format!("{:016x}", fastrand::u64(..)),
            user: server_user(),
            log: folder.with_extension("log"),
            programs: programs().ok_or_else(|| Trouble::skip("no PostgreSQL is installed"))?,
            running: None,
        };
        server.hand_over(folder)?;
        let password = folder.join("password");
        fs::write(&password, &server.password)?;
        server.hand_over(&password)?;
        let mut initdb = server.command("initdb");
        initdb.args(["-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-U", "postgres", "--no-sync"]);
        run(initdb.arg("--pwfile").arg(&password).arg("-D").arg(&server.data))?;
        server.start()?;
        Ok(server)
    }

    /// A server that another program starts and stops.
    pub fn of_another(port: u16, password: &str) -> Self {
        let nowhere = PathBuf::new;
        let (user, password) = (None, password.into());
        Self { data: nowhere(), port, password, user, programs: nowhere(), log: nowhere(), running: None }
    }

    /// A standby of this server that has caught up with it.
    pub fn standby_in(&self, folder: &Path) -> Outcome<Self> {
        self.hand_over(folder)?;
        let data = folder.join("data");
        let mut copy = self.command("pg_basebackup");
        copy.args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-h", "127.0.0.1", "-U", "postgres"]);
        copy.args(["-p", &self.port.to_string()]).arg("-D").arg(&data);
        run(&mut copy)?;
        let mut standby = Self {
            data,
            port: free_port()?,
            password: self.password.clone(),
            user: self.user,
            log: folder.with_extension("log"),
            programs: self.programs.clone(),
            running: None,
        };
        standby.start()?;
        Ok(standby)
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub fn url(&self) -> String {
        self.url_by(self.port)
    }

    /// The URL by another port, a proxy's.
    pub fn url_by(&self, port: u16) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{port}/postgres", self.password)
    }

    /// A URL of both servers, of which a client chooses the one that accepts writes.
    pub fn url_with(&self, other: &Self) -> String {
        let (password, one, two) = (&self.password, self.port, other.port);
        format!(
            "postgres://postgres:{password}@127.0.0.1:{one},127.0.0.1:{two}/postgres?target_session_attrs=read-write"
        )
    }

    pub fn connect(&self) -> Outcome<PgConnection> {
        Ok(PgConnection::establish(&format!("{}?connect_timeout=5", self.url()))?)
    }

    pub fn execute(&self, sql: &str) -> Outcome<()> {
        Ok(self.connect()?.batch_execute(sql)?)
    }

    /// Starts the server, and returns when it accepts connections.
    pub fn start(&mut self) -> Outcome<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let mut running = self.launch()?;
            // It ends at once while processes of a killed one still hold its memory.
            while running.postmaster.try_wait()?.is_none() {
                if self.connect().is_ok() {
                    self.running = Some(running);
                    return Ok(());
                }
                if Instant::now() > deadline {
                    return Err(Trouble::failed("the server does not start"));
                }
                sleep(POLL);
            }
            let _ = running.watcher.kill();
            let _ = running.watcher.wait();
            if Instant::now() > deadline {
                return Err(Trouble::failed("the server ends at once"));
            }
            sleep(Duration::from_millis(50));
        }
    }

    fn launch(&self) -> Outcome<Running> {
        let log = fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut postgres = self.command("postgres");
        postgres.arg("-D").arg(&self.data).args(["-p", &self.port.to_string()]);
        postgres.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        let postmaster = postgres.stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut watcher = self.command("sh");
        watcher.args(["-c", "read _; kill -QUIT $0; kill -CONT $0", &postmaster.id().to_string()]);
        Ok(Running { postmaster, watcher: watcher.stdin(Stdio::piped()).spawn()? })
    }

    /// Sends the signal to the server's first process, and returns when that is gone: INT for a fast stop, QUIT for an immediate
    /// one, KILL for a crash.
    pub fn stop(&mut self, signal: Signal) -> Outcome<()> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        running.watcher.kill()?;
        running.watcher.wait()?;
        kill_process(Pid::from_child(&running.postmaster), signal)?;
        running.postmaster.wait()?;
        Ok(())
    }

    /// Waits until the server has ended by itself or accepts connections; starts it if it has ended.
    pub fn revive(&mut self) -> Outcome<()> {
        let deadline = Instant::now() + START_LIMIT;
        while self.connect().is_err() {
            let ended = self
                .running
                .as_mut()
                .map_or(Ok(true), |running| Ok::<_, Trouble>(running.postmaster.try_wait()?.is_some()))?;
            if ended {
                self.running = None;
                return self.start();
            }
            if Instant::now() > deadline {
                return Err(Trouble::failed("the server does not come back"));
            }
            sleep(POLL);
        }
        Ok(())
    }

    /// Stops all its processes where they are, or lets them go on.
    pub fn signal_all(&self, signal: Signal) {
        let Some(running) = &self.running else { return };
        let postmaster = running.postmaster.id();
        // The first one first, so that it starts no more.
        let mut all = vec![postmaster];
        all.extend(children(postmaster));
        for pid in all.into_iter().filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Makes a standby the primary, and returns when it accepts writes.
    pub fn promote(&self) -> Outcome<()> {
        self.execute("SELECT pg_promote()")
    }

    /// The processes of the server but the first one.
    pub fn processes(&self) -> Vec<u32> {
        self.running.as_ref().map_or_else(Vec::new, |running| children(running.postmaster.id()))
    }

    fn command(&self, program: &str) -> Command {
        let path = self.programs.join(program);
        let mut command = Command::new(if path.exists() { path } else { program.into() });
        command.current_dir("/").process_group(0).env("LC_ALL", "C").env("PGPASSWORD", &self.password);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    fn hand_over(&self, path: &Path) -> Outcome<()> {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group))?;
        }
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal_all(Signal::CONT);
        let _ = self.stop(Signal::QUIT);
    }
}

fn run(command: &mut Command) -> Outcome<()> {
    let output = command.stderr(Stdio::piped()).output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(Trouble::failed(text)) }
}

pub fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

// PostgreSQL refuses to be root.
pub fn server_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    let pair = |name| Some((id(&["-u", name])?, id(&["-g", name])?));
    (id(&["-u"]) == Some(0)).then(|| pair("postgres").or_else(|| pair("nobody"))).flatten()
}

pub fn programs() -> Option<PathBuf> {
    let has_server =
        |folder: &PathBuf| folder.join("initdb").exists() && folder.join("pg_basebackup").exists();
    if let Some(folder) = std::env::var_os("PG_BIN_DIR") {
        return Some(PathBuf::from(folder)).filter(has_server);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<_> =
        versions.map(|version| version.path().join("bin")).filter(has_server).collect();
    installed.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    installed.pop().or_else(|| std::env::split_paths(&path).find(has_server))
}

fn children(parent: u32) -> Vec<u32> {
    let listed = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}
