//! One PostgreSQL for the whole test process, and a migrated database for each test. `DATABASE_URL`
//! names a server to use; otherwise an installed PostgreSQL is started for the run, and stops with it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

static SERVER: OnceLock<Server> = OnceLock::new();
static TEMPLATE: Mutex<bool> = Mutex::new(false);
static NEXT: AtomicU32 = AtomicU32::new(0);

struct Server {
    base: String,
    // Holds the pipe by whose end the watcher knows that this process is gone, however it went.
    _watcher: Option<Child>,
}

/// A database of its own, made from the migrated template, dropped at the end.
pub struct TestDatabase {
    name: String,
}

impl TestDatabase {
    pub fn new() -> Self {
        let template = template();
        let name = unique_name();
        admin(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Self { name }
    }

    pub fn empty() -> Self {
        let name = unique_name();
        admin(&format!("CREATE DATABASE {name}"));
        Self { name }
    }

    pub fn connection(&self) -> PgConnection {
        PgConnection::establish(&self.url()).expect("connect to the test's database")
    }

    pub fn url(&self) -> String {
        url(&self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        admin(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn unique_name() -> String {
    format!("mainspring_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn template() -> String {
    let name = format!("mainspring_template_{}", std::process::id());
    let mut made = TEMPLATE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if !*made {
        admin(&format!("DROP DATABASE IF EXISTS {name}"));
        admin(&format!("CREATE DATABASE {name}"));
        let mut conn = PgConnection::establish(&url(&name)).expect("connect to the template");
        mainspring::migrate(&mut conn).expect("migrate the template");
        *made = true;
    }
    name
}

fn admin(sql: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut conn = PgConnection::establish(&url("postgres")).expect("connect to the server");
    conn.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn url(database: &str) -> String {
    let server = SERVER.get_or_init(Server::start);
    format!("{}/{database}", server.base)
}

impl Server {
    fn start() -> Self {
        if let Ok(url) = std::env::var("DATABASE_URL") {
            let base = url.rsplit_once('/').map_or(url.as_str(), |(base, _)| base).to_owned();
            return Self { base, _watcher: None };
        }
        let bin = installed().expect(
            "no PostgreSQL found: install one (Debian: apt-get install postgresql), \
             or set DATABASE_URL to a server where databases may be created",
        );
        let folder = std::env::temp_dir().join(format!("mainspring-test-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("make the server's folder");
        let data = folder.join("data");
        if let Some(uid) = server_uid() {
            chown(&folder, Some(uid), None).expect("hand the folder to the server's user");
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("close the folder");
        let made = as_server_user(Command::new(bin.join("initdb")))
            .args(["-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C", "-D"])
            .arg(&data)
            .output()
            .expect("run initdb");
        assert!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("find a free port")
            .port();
        let watcher = watched_server(&bin, &data, &folder, port);
        let server = Self { base: format!("postgres://postgres@127.0.0.1:{port}"), _watcher: Some(watcher) };
        server.await_readiness(&folder);
        server
    }

    fn await_readiness(&self, folder: &Path) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while PgConnection::establish(&format!("{}/postgres", self.base)).is_err() {
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "the test server did not start: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

// The shell reads a pipe that only this process holds open: when the process ends in any way, the
// read ends, and the shell stops the server and removes its folder.
fn watched_server(bin: &Path, data: &Path, folder: &Path, port: u16) -> Child {
    let script = r#""$1" -D "$2" -p "$4" -k "$3" -c listen_addresses=127.0.0.1 -c fsync=off \
        -c max_connections=200 </dev/null >"$3/log" 2>&1 & server=$!
        cat >/dev/null; kill -QUIT $server; wait $server; rm -rf "$3""#;
    as_server_user(Command::new("sh"))
        .args(["-c", script, "sh"])
        .arg(bin.join("postgres"))
        .arg(data)
        .arg(folder)
        .arg(port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("start the server")
}

// PostgreSQL refuses to run as root: there it runs as its own user, or as nobody.
fn server_uid() -> Option<u32> {
    let root =
        fs::metadata("/proc/self").ok().map(|facts| std::os::unix::fs::MetadataExt::uid(&facts)) == Some(0);
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let uid_of = |name: &str| {
        let mut fields = users.lines().map(|line| line.split(':'));
        fields.find_map(|mut f| (f.next() == Some(name)).then(|| f.nth(1)?.parse().ok())?)
    };
    root.then(|| uid_of("postgres").or_else(|| uid_of("nobody")))?
}

fn as_server_user(mut command: Command) -> Command {
    command.current_dir("/").process_group(0);
    if let Some(uid) = server_uid() {
        command.uid(uid);
    }
    command
}

fn installed() -> Option<PathBuf> {
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.map(|out| PathBuf::from(String::from_utf8_lossy(&out.stdout).trim()));
    let versioned = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versioned: Vec<PathBuf> = versioned.map(|entry| entry.path().join("bin")).collect();
    versioned.sort();
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = versioned.into_iter().rev().chain(configured).chain(std::env::split_paths(&on_path));
    candidates.into_iter().find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
}
