//! `mainspring dashboard`: who is served, that it runs nothing, and how it ends.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};

use mainspring::{NewJob, NewSchedule, Scheduler};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{assert_refused, on, program};
use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::PATIENCE;

const PASSWORD: &str = "MAINSPRING_DASHBOARD_PASSWORD";
/// The user of the program that serves.
const USER: &str = "anna";

/// The program that serves, and what it has printed so far.
pub(super) struct Served {
    child: Child,
    address: String,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Served {
    pub(super) fn start(database: &TestDatabase, options: &[&str], password: Option<&str>) -> Self {
        let mut command = program(&[&["dashboard", "--port", "0"], options].concat());
        command
            .env("DATABASE_URL", database.url())
            .env_remove(PASSWORD)
            .env("USER", USER)
            .stdout(Stdio::piped());
        if let Some(password) = password {
            command.env(PASSWORD, password);
        }
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().expect("it says where it listens").unwrap();
        let address = line.strip_prefix("the dashboard is at http://").unwrap().trim_end_matches('/');
        let address = address.replace("0.0.0.0", "127.0.0.1");
        Self { child, address, lines }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    fn get(&self, path: &str, headers: &str) -> (u16, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{headers}", self.address))
    }

    fn ask(&self, head: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        (reply.split(' ').nth(1).unwrap().parse().unwrap(), reply)
    }

    fn end_by(mut self, signal: Signal) {
        assert_eq!(self.get("/", "").0 / 100, 2);
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `ops:` and the password, as a header.
fn sign_in(password: &str) -> String {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("ops:{password}"));
    format!("Authorization: Basic {encoded}\r\n")
}

#[test]
fn on_loopback_it_serves_this_machine_and_refuses_a_foreign_host() {
    let database = TestDatabase::new();
    let mut served = Served::start(&database, &[], None);
    assert_eq!(served.line(), "it serves browsers of this machine alone");
    let (status, page) = served.get("/", "");
    assert_eq!(status, 200);
    assert!(page.contains("<h1>Overview</h1>"), "{page}");
    assert!(page.contains("Workers: "), "nobody runs jobs: {page}");
    assert_eq!(served.ask("GET / HTTP/1.1\r\nHost: evil.example\r\n").0, 403);
    let origin = format!("Origin: http://{}\r\n", served.address);
    let act = format!(
        "POST /pause-queue?name=mails HTTP/1.1\r\nHost: {}\r\n{origin}Content-Length: 0\r\n",
        served.address
    );
    assert_eq!(served.ask(&act).0, 303);
    assert_eq!(count(&mut database.connection(), "mainspring.queues WHERE paused"), 1);
    assert_eq!(count(&mut database.connection(), "mainspring.audit WHERE who = 'anna'"), 1);
    served.end_by(Signal::INT);
}

#[test]
fn elsewhere_it_asks_for_a_generated_password_or_a_given_one() {
    let database = TestDatabase::new();
    let mut generated = Vec::new();
    for _ in 0..2 {
        let mut served = Served::start(&database, &["--bind", "0.0.0.0"], None);
        let line = served.line();
        let password = line.strip_prefix("sign in as ops with the password ").unwrap().to_owned();
        assert!(password.len() == 24, "{password}");
        assert_eq!((served.get("/", "").0, served.get("/", &sign_in("guess")).0), (401, 401));
        assert_eq!(served.get("/", &sign_in(&password)).0, 200);
        generated.push(password);
    }
    assert_ne!(generated[0], generated[1]);
    for options in [&["--bind", "0.0.0.0"][..], &[]] {
        let mut served = Served::start(&database, options, Some("s3cret"));
        assert!(!served.line().contains("s3cret"));
        assert_eq!((served.get("/", "").0, served.get("/", &sign_in("s3cret")).0), (401, 200));
    }
    let mut empty = program(&["dashboard", "--port", "0"]);
    empty.env("DATABASE_URL", database.url()).env(PASSWORD, "");
    assert_refused(empty.output().unwrap(), 2, "MAINSPRING_DASHBOARD_PASSWORD is empty");
}

#[tokio::test]
async fn it_runs_registers_and_fires_nothing() {
    let database = TestDatabase::new();
    let client = Scheduler::builder(database.url()).connect().await.unwrap();
    let job = client.jobs().insert(NewJob::new("note", &json!({}))).await.unwrap();
    client.schedules().create(NewSchedule::new("due", "note", "* * * * * *")).await.unwrap();
    let served = Served::start(&database, &["--read-only"], None);
    let (status, page) = served.get(&format!("/job?id={job}"), "");
    assert!(status == 200 && page.contains("ready") && page.contains("read-only"), "{page}");
    assert!(served.get("/schedule?name=due", "").1.contains("It has not fired yet."));
    let rows = |table: &str| count(&mut database.connection(), table);
    assert_eq!((rows("mainspring.workers"), rows("mainspring.schedule_fires")), (0, 0));
    assert_eq!(rows("mainspring.jobs WHERE state = 'ready'"), 1);
    let act = format!(
        "POST /delete-job?id={job} HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nContent-Length: 0\r\n",
        served.address
    );
    assert_eq!(served.ask(&act).0, 403);
    served.end_by(Signal::TERM);
    client.stop().await;
}

#[tokio::test]
async fn its_stream_of_changes_tells_of_a_new_job_and_holds_up_no_end() {
    let database = TestDatabase::new();
    let client = Scheduler::builder(database.url()).connect().await.unwrap();
    let served = Served::start(&database, &[], None);
    let mut stream = TcpStream::connect(&served.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!("GET /changes?since= HTTP/1.1\r\nHost: {}\r\n\r\n", served.address);
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut changed = || lines.by_ref().any(|line| line == "event: changed");
    assert!(changed(), "the page knew no version");
    client.jobs().insert(NewJob::new("note", &json!({}))).await.unwrap();
    assert!(changed(), "the stream has ended");
    client.stop().await;
    served.end_by(Signal::TERM);
}

#[test]
fn a_database_that_is_away_is_said_as_by_other_commands() {
    let away = "postgres://127.0.0.1:1/nowhere";
    let ask = |command: &str| program(&[command, "--database-url", away]).output().unwrap();
    assert_eq!(super::refusal(ask("dashboard")), super::refusal(ask("status")));
    assert_refused(program(&["dashboard"]).output().unwrap(), 2, "no database: give --database-url");
    let empty = TestDatabase::empty();
    assert_eq!(super::refusal(on(&empty, &["dashboard"])), super::refusal(on(&empty, &["status"])));
    let database = TestDatabase::new();
    let served = Served::start(&database, &[], None);
    let port = served.address.rsplit(':').next().unwrap().to_owned();
    assert_refused(on(&database, &["dashboard", "--port", &port]), 1, "cannot listen on 127.0.0.1:");
    database.go_away();
    let (status, page) = served.get("/jobs", "");
    assert!(status == 503 && page.contains("The database cannot be reached"), "{page}");
    database.come_back();
}

#[test]
fn payloads_are_hidden_unless_the_option_shows_them() {
    let database = TestDatabase::new();
    database.publish_unredacted("note");
    let id = super::answer(on(&database, &["enqueue", "note", r#"{"note": "s3cret"}"#]));
    let path = format!("/job?id={}", id.trim());
    assert!(!Served::start(&database, &[], None).get(&path, "").1.contains("s3cret"));
    assert!(Served::start(&database, &["--payloads"], None).get(&path, "").1.contains("s3cret"));
}
