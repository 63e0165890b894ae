//! The laws of the notification connection, against a real server.

#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::time::Duration;

use diesel::connection::SimpleConnection;

use super::*;
use crate::server::TestDatabase;

// Connected as in earnest: on a thread that no runtime drives.
async fn listening() -> (TestDatabase, NotificationConnection) {
    let connect = || {
        let database = TestDatabase::empty();
        let mut conn = NotificationConnection::connect(&database.url()).expect("connect");
        conn.execute("LISTEN test").expect("listen");
        (database, conn)
    };
    tokio::task::spawn_blocking(connect).await.expect("a connection")
}

fn send(database: &TestDatabase, sql: &str) {
    database.connection().batch_execute(sql).expect("run SQL on another connection");
}

async fn batch(conn: &mut NotificationConnection) -> Result<Vec<Notification>, NotificationError> {
    tokio::time::timeout(Duration::from_secs(60), conn.next_batch()).await.expect("something in time")
}

async fn payloads(conn: &mut NotificationConnection, count: usize) -> Vec<String> {
    let mut payloads = Vec::new();
    while payloads.len() < count {
        payloads.extend(batch(conn).await.expect("a batch").into_iter().map(|each| each.payload));
    }
    payloads
}

#[tokio::test]
async fn a_notification_sent_before_the_wait_is_delivered() {
    let (database, mut conn) = listening().await;
    send(&database, "NOTIFY test, 'early'");
    assert_eq!(payloads(&mut conn, 1).await, ["early"]);
}

#[tokio::test]
async fn a_notification_ends_the_wait() {
    let (database, mut conn) = listening().await;
    // The second half runs once the first one waits.
    let (batch, ()) = tokio::join!(batch(&mut conn), async { send(&database, "NOTIFY test, 'now'") });
    let [only] = &batch.expect("a batch")[..] else { panic!("one notification") };
    assert_eq!((only.channel.as_str(), only.payload.as_str()), ("test", "now"));
}

#[tokio::test]
async fn a_notification_that_comes_with_a_commands_answer_is_delivered() {
    let (_database, mut conn) = listening().await;
    let process_id = conn.execute("SELECT pg_backend_pid()").expect("ask").expect("a value");
    assert_eq!(conn.execute("NOTIFY test").expect("notify oneself"), None);
    let expected = Notification {
        channel: "test".into(),
        payload: String::new(),
        process_id: process_id.parse().expect("a number"),
    };
    assert_eq!(batch(&mut conn).await.expect("a batch"), [expected]);
}

#[tokio::test]
async fn many_notifications_are_delivered_in_order() {
    let (database, mut conn) = listening().await;
    // More than libpq reads at once: the wait must go on while some are left in the socket.
    send(&database, "SELECT pg_notify('test', lpad(n::text, 5000, '0')) FROM generate_series(1, 500) n");
    let expected: Vec<_> = (1..=500).map(|n| format!("{n:0>5000}")).collect();
    assert!(payloads(&mut conn, 500).await == expected);
}

#[tokio::test]
async fn a_cancelled_wait_loses_nothing() {
    let (database, mut conn) = listening().await;
    assert!(tokio::time::timeout(Duration::ZERO, conn.next_batch()).await.is_err());
    send(&database, "NOTIFY test, 'after'");
    assert_eq!(payloads(&mut conn, 1).await, ["after"]);
}

#[tokio::test]
async fn a_probe_is_answered_beside_notifications_and_none_is_a_loss() {
    let (database, mut conn) = listening().await;
    for text in ["one", "two"] {
        conn.probe().expect("send a probe");
        // Still on its way: nothing has been read since.
        assert!(matches!(conn.probe(), Err(NotificationError::Disconnected(_))));
        send(&database, &format!("NOTIFY test, '{text}'"));
        assert_eq!(payloads(&mut conn, 1).await, [text]);
        let _ = tokio::time::timeout(Duration::from_millis(200), conn.next_batch()).await;
    }
    assert_eq!(conn.execute("SELECT 7").expect("ask").as_deref(), Some("7"));
}

#[tokio::test]
async fn a_terminated_connection_ends_the_wait_and_stays_lost() {
    let (database, mut conn) = listening().await;
    let process_id = conn.execute("SELECT pg_backend_pid()").expect("ask").expect("a value");
    let terminate = format!("SELECT pg_terminate_backend({process_id})");
    let (lost, ()) = tokio::join!(batch(&mut conn), async { send(&database, &terminate) });
    assert!(matches!(lost, Err(NotificationError::Disconnected(_))), "{lost:?}");
    assert!(matches!(batch(&mut conn).await, Err(NotificationError::Disconnected(_))));
    assert!(matches!(conn.execute("SELECT 1"), Err(NotificationError::Disconnected(_))));
}

#[test]
fn a_refused_statement_leaves_the_connection_usable() {
    let database = TestDatabase::empty();
    let mut conn = NotificationConnection::connect(&database.url()).expect("connect");
    let refused = conn.execute("SELECT 1/0").expect_err("no such number").to_string();
    assert_eq!(refused, "statement refused: ERROR:  division by zero");
    assert_eq!(conn.execute("SHOW client_encoding").expect("ask").as_deref(), Some("UTF8"));
    assert_eq!(conn.execute("SELECT NULL").expect("ask"), None);
}

#[test]
fn the_connection_string_overrides_the_defaults() {
    let database = TestDatabase::empty();
    for (options, name) in [("", "mainspring"), ("?application_name=shop", "shop")] {
        let url = database.url() + options;
        let mut conn = NotificationConnection::connect(&url).expect("connect");
        assert_eq!(conn.execute("SHOW application_name").expect("ask").as_deref(), Some(name));
    }
}

#[test]
fn no_error_holds_the_password() {
    let database = TestDatabase::empty();
    let url = database.url();
    let (_, server) = url.rsplit_once('@').expect("a URL with a user");
    let refused = format!("postgres://nobody_of_that_name:hunter2@{server}");
    let unencoded = ["a%hunter2@localhost", "hunter2/@localhost", "a@%2Fhunter2@localhost", "hunter2@[::1"];
    let unencoded = unencoded.map(|rest| format!("postgres://user:{rest}"));
    for url in unencoded.into_iter().chain([refused, "password=a hunter2".into(), "hunter2\0".into()]) {
        let Err(error) = NotificationConnection::connect(&url) else { panic!("{url} connected") };
        assert!(matches!(error, NotificationError::Disconnected(_)));
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn dropping_a_registered_connection_closes_each_of_its_descriptors() {
    let link_of = |descriptor: &str| std::fs::read_link(format!("/proc/self/fd/{descriptor}")).ok();
    let (_database, mut conn) = listening().await;
    assert!(tokio::time::timeout(Duration::ZERO, conn.next_batch()).await.is_err());
    let registered = conn.socket.as_ref().expect("a registration").as_raw_fd().to_string();
    let socket = link_of(&registered).expect("an open socket");
    let open = || {
        let descriptors = std::fs::read_dir("/proc/self/fd").expect("list descriptors").flatten();
        let names = descriptors.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| link_of(name).as_ref() == Some(&socket)).count()
    };
    assert_eq!(open(), 2);
    drop(conn);
    assert_eq!(open(), 0);
}
