//! The private server lives as long as any process uses it, however the processes end. Its users are other processes
//! here: this test program again. Variables of the environment set what it starts.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};

use crate::support::rows::count;
use crate::support::waiting::block_until;

const FOLDER: &str = "MAINSPRING_TEST_FOLDER";
const TEMPORARY: &str = "temporary";
const TEMPORARY_BASE: &str = "TMPDIR";

/// A folder of the test's own, open to the server's user, removed at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mainspring-it-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o1777)).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    fn entries(&self) -> usize {
        fs::read_dir(&self.0).unwrap().count()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A server that was in it may be stopping still.
        block_until("the test's folder is gone", || fs::remove_dir_all(&self.0).is_ok());
    }
}

/// Another process that uses a server until it is killed, or until the end of its input.
struct User {
    process: Child,
    lines: Vec<String>,
}

impl User {
    fn command(folder: &str, base: &Path) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["embedded::another_process_uses_a_server", "--exact", "--ignored", "--nocapture"]);
        command.env(FOLDER, folder).env(TEMPORARY_BASE, base);
        command
    }

    fn start(folder: &str, base: &Path) -> Self {
        Self::run(&mut Self::command(folder, base))
    }

    fn kept_in(folder: &Path) -> Self {
        Self::start(folder.to_str().unwrap(), &std::env::temp_dir())
    }

    fn run(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let told = output.lines().map(Result::unwrap).skip_while(|line| line != "BEGIN").skip(1);
        let lines = told.take_while(|line| line != "END").collect();
        Self { process, lines }
    }

    fn url(&self) -> &str {
        self.lines.first().unwrap()
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "the other process of the tests here, not a test"]
fn another_process_uses_a_server() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let options =
        if folder == TEMPORARY { EmbeddedOptions::temporary() } else { EmbeddedOptions::kept_in(folder) };
    let server = EmbeddedPostgres::start(options.without_fsync());
    let told = server.as_ref().map_or_else(ToString::to_string, |server| server.url().to_owned());
    println!("\nBEGIN\n{told}\nEND");
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
}

fn answers(url: &str) -> bool {
    PgConnection::establish(url).is_ok()
}

#[test]
fn a_killed_owner_takes_its_server_and_its_temporary_folder_along() {
    let scratch = Scratch::new();
    let mut owner = User::start(TEMPORARY, &scratch.0);
    assert!(answers(owner.url()), "{:?}", owner.lines);
    owner.kill();
    block_until("the server is gone", || !answers(owner.url()));
    block_until("its folder is gone", || scratch.entries() == 0);
}

#[test]
fn a_dropped_server_has_stopped() {
    let server = EmbeddedPostgres::start(EmbeddedOptions::temporary().without_fsync()).unwrap();
    let url = server.url().to_owned();
    assert!(answers(&url));
    drop(server);
    assert!(!answers(&url));
}

#[cfg(target_os = "linux")]
#[test]
fn a_start_sweeps_what_a_killed_owner_and_its_killed_watcher_left() {
    let scratch = Scratch::new();
    let mut owner = User::start(TEMPORARY, &scratch.0);
    kill_watcher(&scratch.0);
    owner.kill();
    assert!(answers(owner.url()), "no process is left to stop the server, {:?}", owner.lines);
    let next = User::start(TEMPORARY, &scratch.0);
    assert!(answers(next.url()), "{:?}", next.lines);
    assert!(!answers(owner.url()));
    assert_eq!(1, scratch.entries());
}

#[test]
fn processes_that_name_one_folder_share_one_server_until_the_last_is_gone() {
    let scratch = Scratch::new();
    let folder = scratch.0.join("kept");
    let mut first = User::kept_in(&folder);
    let mut second = User::kept_in(&folder);
    assert_eq!(first.url(), second.url());
    first.kill();
    let mut third = User::kept_in(&folder);
    assert_eq!(second.url(), third.url());
    second.kill();
    assert!(answers(third.url()));
    third.kill();
    block_until("the server is gone", || !answers(third.url()));
}

#[test]
fn processes_that_start_in_one_folder_at_once_share_one_server() {
    let scratch = Scratch::new();
    let folder = scratch.0.join("kept");
    let users: Vec<User> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..3).map(|_| scope.spawn(|| User::kept_in(&folder))).collect();
        all.into_iter().map(|user| user.join().unwrap()).collect()
    });
    assert!(answers(users[0].url()), "{:?}", users[0].lines);
    assert!(users.iter().all(|user| user.url() == users[0].url()));
}

#[test]
fn a_kept_folder_keeps_its_data_while_servers_come_and_go() {
    let scratch = Scratch::new();
    let folder = scratch.0.join("kept");
    let kept = || EmbeddedPostgres::start(EmbeddedOptions::kept_in(&folder).without_fsync()).unwrap();
    for run in 1..=4 {
        let server = kept();
        let mut conn = PgConnection::establish(server.url()).unwrap();
        conn.batch_execute("CREATE TABLE IF NOT EXISTS runs(); INSERT INTO runs DEFAULT VALUES").unwrap();
        assert_eq!(run, count(&mut conn, "runs"));
    }
}

#[test]
fn the_server_wants_its_password() {
    let scratch = Scratch::new();
    let owner = User::start(TEMPORARY, &scratch.0);
    let (user, address) = owner.url().split_once('@').unwrap();
    let password = user.rsplit_once(':').unwrap().1;
    assert!(answers(owner.url()));
    assert!(!answers(&owner.url().replace(password, "wrong")));
    assert!(!answers(&format!("postgres://postgres@{address}")));
}

#[test]
fn others_reach_neither_its_files_nor_a_socket_of_it() {
    let scratch = Scratch::new();
    let folder = scratch.0.join("kept");
    let owner = User::kept_in(&folder);
    let conn = &mut PgConnection::establish(owner.url()).unwrap();
    let closed = "(SELECT WHERE current_setting('listen_addresses') = '127.0.0.1' \
        AND current_setting('unix_socket_directories') = '') AS s";
    assert_eq!(count(conn, closed), 1);
    let others = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
    assert_eq!(others(&folder), 0);
    for name in ["password", "server", "holders", "lock"] {
        assert_eq!(others(&folder.join(name)), 0, "{name}");
    }
    let data = fs::read_dir(&folder).unwrap().flatten().filter(|entry| entry.path().is_dir());
    assert!(data.map(|entry| assert_eq!(others(&entry.path()), 0, "{entry:?}")).count() >= 1);
}

#[test]
fn a_wrong_pg_bin_dir_is_named_in_the_error_with_what_to_do() {
    let scratch = Scratch::new();
    let mut command = User::command(TEMPORARY, &scratch.0);
    let user = User::run(command.env("PG_BIN_DIR", "/nowhere/bin"));
    let error = user.lines.join(" ");
    for part in ["PG_BIN_DIR is /nowhere/bin", "initdb is not there", "install PostgreSQL", "DATABASE_URL"] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }
    assert_eq!(0, scratch.entries());
}

#[test]
fn a_folder_of_other_things_is_refused_and_left_as_it_is() {
    let scratch = Scratch::new();
    let folder = scratch.0.join("documents");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("letter"), "dear").unwrap();
    let mode = fs::metadata(&folder).unwrap().permissions();
    let error = EmbeddedPostgres::start(EmbeddedOptions::kept_in(&folder)).unwrap_err().to_string();
    assert!(error.contains("must be a new or empty folder"), "{error}");
    assert_eq!(mode, fs::metadata(&folder).unwrap().permissions());
}

#[test]
fn a_setting_that_the_server_refuses_comes_back_with_the_servers_words() {
    let options = EmbeddedOptions::temporary().without_fsync().setting("max_connections", "many");
    let error = EmbeddedPostgres::start(options).unwrap_err().to_string();
    assert!(error.contains("max_connections"), "{error}");
}

// The watcher is a shell, and its closer another, whose command lines name the folder.
#[cfg(target_os = "linux")]
fn kill_watcher(base: &Path) {
    let base = format!("{}/", base.display());
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        if line.starts_with("sh\0-c\0") && line.contains(&base) {
            let pid = process.file_name();
            let killed = Command::new("sh").args(["-c", "kill -KILL $1", "sh"]).arg(pid).status();
            assert!(killed.unwrap().success());
        }
    }
}
