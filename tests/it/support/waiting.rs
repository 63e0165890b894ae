//! Waits for what is sure to come. A wait that fails names the condition that did not come true, and prints the rows
//! of the test's database.

use std::future::Future;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::embedded::EmbeddedPostgres;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::database::TestDatabase;
use super::rows::{count, dump, dump_on};

/// How long a test waits for what is sure to come, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_millis(5);

/// How often a trial may be late.
const TRIALS: usize = 3;

/// Repeats a trial until one is in time, which its result says. A busy machine makes some late, and a fault makes all late.
pub async fn in_time_once(trial: impl AsyncFn() -> bool) {
    for _ in 0..TRIALS {
        if trial().await {
            return;
        }
    }
    panic!("each of {TRIALS} trials was late");
}

/// Like [`in_time_once`], in a thread of its own.
pub fn block_in_time_once(trial: impl Fn() -> bool) {
    assert!((0..TRIALS).any(|_| trial()), "each of {TRIALS} trials was late");
}

/// A database that a test waits for, and whose rows a failed wait prints.
pub trait Watched {
    fn watched_url(&self) -> String;
}

impl Watched for TestDatabase {
    fn watched_url(&self) -> String {
        self.url()
    }
}

impl Watched for EmbeddedPostgres {
    fn watched_url(&self) -> String {
        self.url().to_owned()
    }
}

/// Waits until exactly `expected` rows follow `FROM`.
pub async fn until(database: &impl Watched, from: &str, expected: i64) {
    until_rows(database, from, &format!("{expected}"), |found| found == expected).await;
}

/// Waits until at least that many rows follow `FROM`.
pub async fn until_at_least(database: &impl Watched, from: &str, least: i64) {
    until_rows(database, from, &format!("at least {least}"), |found| found >= least).await;
}

async fn until_rows(database: &impl Watched, from: &str, expected: &str, enough: impl Fn(i64) -> bool) {
    let url = database.watched_url();
    let mut conn = PgConnection::establish(&url).expect("connect to the test's database");
    // A test may give its database a short one, and a busy machine makes a longer pause.
    conn.batch_execute("SET idle_session_timeout = 0").expect("a setting of the session");
    let mut found = count(&mut conn, from);
    let deadline = Instant::now() + PATIENCE;
    while !enough(found) {
        let condition = || format!("{expected} of `{from}`, found {found}");
        assert!(Instant::now() < deadline, "{}", failure(&url, &condition()));
        tokio::time::sleep(INTERVAL).await;
        found = count(&mut conn, from);
    }
}

/// Like [`until`], on the caller's connection and at the interval that it passes: for tests that count transactions or sessions.
pub async fn until_on(conn: &mut PgConnection, every: Duration, from: &str, expected: i64) {
    let deadline = Instant::now() + PATIENCE;
    while count(conn, from) != expected {
        assert!(
            Instant::now() < deadline,
            "waited {PATIENCE:?} for: {expected} of `{from}`\n{}",
            dump_on(conn)
        );
        tokio::time::sleep(every).await;
    }
}

/// Waits until the condition holds, which `what` describes.
pub async fn until_true(database: &impl Watched, what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{}", failure(&database.watched_url(), what));
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Like [`until_true`], in a thread of its own and about something other than rows, such as a server or a folder.
pub fn block_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for: {what}");
        std::thread::sleep(INTERVAL);
    }
}

/// The output of the future, which must come in time.
pub async fn in_time<F: Future>(url: &str, what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{}", failure(url, what)),
    }
}

fn failure(url: &str, condition: &str) -> String {
    format!("waited {PATIENCE:?} for: {condition}\n{}", dump(url))
}

/// What the jobs of a test report to it, in order.
pub struct Reports<T> {
    receiver: UnboundedReceiver<T>,
    url: String,
}

impl<T> Reports<T> {
    /// The next report, which must come in time.
    pub async fn next(&mut self) -> T {
        let report = in_time(&self.url, "the next report of a job", self.receiver.recv()).await;
        report.expect("a job can still report")
    }

    /// The next report, if there is one already.
    pub fn try_next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

/// A channel from the jobs of a test to the test. The sender is application data of their scheduler.
pub fn reports<T>(url: &str) -> (UnboundedSender<T>, Reports<T>) {
    let (sender, receiver) = unbounded_channel();
    (sender, Reports { receiver, url: url.to_owned() })
}
