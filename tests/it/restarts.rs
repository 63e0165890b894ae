//! The whole server stops and comes back, while a scheduler starts and while jobs flow. The server is the test's own,
//! kept in a folder of its own, and always comes back on the same port.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};
use mainspring::{Scheduler, SchedulerBuilder, SettleDurability};
use tokio::sync::Semaphore;

use crate::embedded::Scratch;
use crate::support::jobs::{Started, act};
use crate::support::rows::{LISTENING_SESSION, count};
use crate::support::schedulers::scheduler_on;
use crate::support::waiting::{Reports, Watched, block_until, until};

// Runs the server until it ends, and ends it when the test's end of the input is gone.
const RUN: &str = "exec 3<&0; eval \"exec $1\" </dev/null 3<&- & server=$!; { cat <&3; kill -QUIT $server; } >/dev/null & \
    reader=$!; exec 3<&-; wait $server; kill $reader 2>/dev/null";

/// How a server stops.
#[derive(Clone, Copy)]
pub enum Stop {
    /// Sessions end in order, and what they wrote is kept.
    Fast,
    /// As in a crash: the server recovers when it starts again.
    Immediate,
}

/// A server that can be stopped and started again.
pub struct OwnServer {
    data: PathBuf,
    pub url: String,
    port: u16,
    first: Option<EmbeddedPostgres>,
    again: Option<(Child, ChildStdin)>,
    // Dropped last: the folder goes once nothing runs in it.
    _folder: Scratch,
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    value: String,
}

impl OwnServer {
    pub fn start() -> Self {
        let folder = Scratch::new();
        let options = EmbeddedOptions::kept_in(folder.path().join("kept")).without_fsync();
        let first = EmbeddedPostgres::start(options).unwrap();
        let url = first.url().to_owned();
        let mut conn = PgConnection::establish(&url).unwrap();
        let mut setting = |name: &str| {
            let asked = sql_query(format!("SELECT current_setting('{name}') AS value"));
            asked.get_result::<Setting>(&mut conn).unwrap().value
        };
        let (data, port) = (PathBuf::from(setting("data_directory")), setting("port").parse().unwrap());
        mainspring::database::migrate(&mut conn).unwrap();
        Self { data, url, port, first: Some(first), again: None, _folder: folder }
    }

    /// Returns when the server has ended.
    pub fn stop(&mut self, how: Stop) {
        let signal = match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
        };
        let pid_file = self.data.join("postmaster.pid");
        let text = fs::read_to_string(&pid_file).unwrap();
        let pid = text.lines().next().unwrap().trim().to_owned();
        let told = Command::new("sh").args(["-c", "kill -$1 $2", "sh", signal, &pid]).status().unwrap();
        assert!(told.success());
        block_until("the server has stopped", || {
            TcpListener::bind(("127.0.0.1", self.port)).is_ok() && !(pid_file.exists() && runs(&pid))
        });
        drop(self.first.take());
        if let Some((mut process, input)) = self.again.take() {
            drop(input);
            process.wait().unwrap();
        }
    }

    /// Starts the server again, with the arguments it had, and returns when it accepts sessions.
    pub fn start_again(&mut self) {
        let command = fs::read_to_string(self.data.join("postmaster.opts")).unwrap();
        let owner = fs::metadata(&self.data).unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", RUN, "sh", &command]).current_dir("/").uid(owner.uid()).gid(owner.gid());
        let shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = shell.process_group(0).spawn().unwrap();
        let input = process.stdin.take().unwrap();
        self.again = Some((process, input));
        block_until("the server has started again", || PgConnection::establish(&self.url).is_ok());
    }

    /// Returns when a client has tried to reach the server that is stopped.
    fn await_caller(&self) {
        let port = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        let (mut caller, _) = port.accept().unwrap();
        // Its first bytes, so that it was no leftover of the sessions before.
        caller.read_exact(&mut [0; 8]).unwrap();
    }

    pub fn connection(&self) -> PgConnection {
        PgConnection::establish(&self.url).unwrap()
    }

    fn scheduler(&self) -> (SchedulerBuilder, Reports<Started>, Arc<Semaphore>) {
        let gate = Arc::new(Semaphore::new(0));
        let (builder, started) = scheduler_on(&self.url);
        (builder.app_data(gate.clone()), started, gate)
    }
}

impl Watched for OwnServer {
    fn watched_url(&self) -> String {
        self.url.clone()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        drop(self.first.take());
        if let Some((mut process, input)) = self.again.take() {
            drop(input);
            let _ = process.wait();
        }
    }
}

fn runs(pid: &str) -> bool {
    Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Jobs of other processes start one after the other sooner than any poll would find them: notifications come.
async fn receives_notifications(server: &OwnServer, started: &mut Reports<Started>) {
    until(server, LISTENING_SESSION, 1).await;
    let began = Instant::now();
    for n in 0..4 {
        let what = format!("heard {n}");
        act(&what).insert(&mut server.connection()).unwrap();
        while started.next().await.act != what {}
    }
    // At most one poll of the time without notifications is left over; the next comes after 13.5 s.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_for_a_stopped_server_and_works_when_it_is_back() {
    for how in [Stop::Immediate, Stop::Fast] {
        let mut server = OwnServer::start();
        server.stop(how);
        let (builder, mut started, _) = server.scheduler();
        let starting = tokio::spawn(builder.poll_interval(Duration::from_secs(15)).start());
        tokio::task::block_in_place(|| server.await_caller());
        assert!(!starting.is_finished());
        tokio::task::block_in_place(|| server.start_again());
        let back = Instant::now();
        let scheduler = starting.await.unwrap().unwrap();
        scheduler.enqueue(act("go")).await.unwrap();
        started.next().await;
        assert!(back.elapsed() < Duration::from_secs(10), "{:?}", back.elapsed());
        receives_notifications(&server, &mut started).await;
        scheduler.stop().await;
        assert_eq!(count(&mut server.connection(), "mainspring.workers"), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_and_comes_back_under_load_costs_no_job() {
    let mut server = OwnServer::start();
    let (builder, mut started, _) = server.scheduler();
    let builder = builder.concurrency(20).poll_interval(Duration::from_secs(15));
    let scheduler = builder.start().await.unwrap();
    let mut stored = Vec::new();
    for how in [Stop::Immediate, Stop::Fast, Stop::Immediate] {
        let load = tokio::spawn(enqueue_until_refused(scheduler.clone()));
        for _ in 0..200 {
            started.next().await;
        }
        tokio::task::block_in_place(|| server.stop(how));
        let (ids, refusal_took) = load.await.unwrap();
        assert!(refusal_took < Duration::from_secs(15), "an enqueue hung for {refusal_took:?}");
        stored.extend(ids);
        tokio::task::block_in_place(|| server.start_again());
        let back = Instant::now();
        scheduler.enqueue(act("back")).await.unwrap();
        while started.next().await.act != "back" {}
        assert!(back.elapsed() < Duration::from_secs(10), "claims resumed after {:?}", back.elapsed());
        receives_notifications(&server, &mut started).await;
    }
    until(&server, "mainspring.jobs", 0).await;
    let mut conn = server.connection();
    for id in &stored {
        let done = format!("mainspring.history WHERE id = {id} AND outcome = 'succeeded'");
        assert_eq!(count(&mut conn, &done), 1, "job {id} of {}", stored.len());
    }
    assert!(scheduler.is_running());
    scheduler.stop().await;
    assert_eq!(count(&mut conn, "mainspring.workers"), 0);
}

// Returns the ids that were stored, and how long the refusal took.
pub async fn enqueue_until_refused(scheduler: Scheduler) -> (Vec<i64>, Duration) {
    let mut ids = Vec::new();
    loop {
        let began = Instant::now();
        match scheduler.enqueue(act("load")).await {
            Ok(id) => ids.push(id),
            Err(_) => return (ids, began.elapsed()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_of_an_outage_is_stored_when_the_server_is_back() {
    for how in [Stop::Immediate, Stop::Fast] {
        let mut server = OwnServer::start();
        let (builder, mut started, gate) = server.scheduler();
        // A claim that a crash forgets would run the job again.
        let builder = builder.settle_durability(SettleDurability::Durable);
        let scheduler = builder.start().await.unwrap();
        let ids = [at_gate("at gate", &scheduler).await, at_gate("at gate, then fail", &scheduler).await];
        for _ in ids {
            started.next().await;
        }
        tokio::task::block_in_place(|| server.stop(how));
        gate.add_permits(ids.len());
        let began = Instant::now();
        scheduler.enqueue(act("refused")).await.unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        tokio::task::block_in_place(|| server.await_caller());
        tokio::task::block_in_place(|| server.start_again());
        let [done, failed] = ids;
        until(&server, &format!("mainspring.history WHERE id = {done} AND attempts = 1"), 1).await;
        let failed =
            format!("mainspring.jobs WHERE id = {failed} AND attempts = 1 AND last_error = 'disk on fire'");
        until(&server, &failed, 1).await;
        scheduler.stop().await;
        let again = std::iter::from_fn(|| started.try_next()).filter(|job| job.id == done).count();
        assert_eq!(again, 0, "the job ran again");
    }
}

async fn at_gate(what: &str, scheduler: &Scheduler) -> i64 {
    scheduler.enqueue(act(what)).await.unwrap()
}
