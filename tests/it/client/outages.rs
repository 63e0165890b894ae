//! A client that cannot connect, and one whose server goes away and comes back.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use mainspring::{Client, Scheduler, SchedulerError, StoreError, Stored};

use crate::restarts::{OwnServer, Stop};
use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;

/// Why no client could be connected.
fn refusal(url: &str) -> StoreError {
    match Client::connect_blocking(url).unwrap_err() {
        SchedulerError::Store(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn a_client_that_cannot_connect_learns_why_without_the_password() {
    let database = TestDatabase::new();
    let url = database.url();
    let (before, host) = url.rsplit_once('@').unwrap();
    let user = before.split("//").nth(1).unwrap().split(':').next().unwrap();
    let wrong = refusal(&format!("postgres://{user}:hunter2@{host}"));
    assert!(matches!(wrong, StoreError::Rejected(_)) && !wrong.to_string().contains("hunter2"), "{wrong}");
    let away = refusal("postgres://user:hunter2@127.0.0.1:1/none");
    assert!(matches!(away, StoreError::Connect(_)) && !away.to_string().contains("hunter2"), "{away}");
    let empty = refusal(&TestDatabase::empty().url());
    assert!(matches!(empty, StoreError::SchemaTooOld { .. }), "{empty}");
    assert!(empty.to_string().contains("run `mainspring migrate`"), "{empty}");
    let malformed = Client::connect_blocking("postgres://localhost:abc/app").unwrap_err();
    assert!(matches!(malformed, SchedulerError::Config(_)), "{malformed}");
    let newer = "CREATE OR REPLACE FUNCTION mainspring.compatible_from() RETURNS text LANGUAGE sql \
        IMMUTABLE PARALLEL SAFE RETURN '29991231000000'";
    database.connection().batch_execute(newer).unwrap();
    assert!(matches!(refusal(&url), StoreError::SchemaTooNew { .. }));
}

#[test]
fn a_client_adds_again_when_its_server_is_back() {
    let mut server = OwnServer::start();
    let client = Client::connect_blocking(&server.url).unwrap();
    client.enqueue(act("before")).unwrap();
    server.stop(Stop::Immediate);
    let began = Instant::now();
    for _ in 0..2 {
        let away = client.enqueue(act("away")).unwrap_err();
        assert!(
            matches!(away, SchedulerError::Store(StoreError::Connect(_) | StoreError::Database(_))),
            "{away}"
        );
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    server.start_again();
    client.enqueue(act("back")).unwrap();
    let mut conn = server.connection();
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE payload->>'act' = 'back'"), 1);
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE payload->>'act' = 'away'"), 0);
}

#[test]
fn a_key_makes_the_first_call_after_a_restart_safe_to_repeat() {
    let mut server = OwnServer::start();
    let client = Client::connect_blocking(&server.url).unwrap();
    client.enqueue(act("before")).unwrap();
    server.stop(Stop::Fast);
    server.start_again();
    let add = || client.enqueue(act("once").key("k"));
    let added = add().or_else(|lost| {
        assert_eq!(lost.stored(), Stored::Unknown, "{lost}");
        add()
    });
    added.unwrap();
    assert_eq!(count(&mut server.connection(), "mainspring.jobs WHERE key = 'k'"), 1);
}

#[test]
fn an_enqueue_waits_no_longer_than_its_time_out() {
    let database = TestDatabase::new();
    let builder = Scheduler::builder(database.url()).enqueue_timeout(Duration::from_millis(200));
    let client = builder.blocking_client().unwrap();
    let mut owner = database.connection();
    owner.batch_execute("BEGIN; LOCK TABLE mainspring.jobs").unwrap();
    let began = Instant::now();
    let late = client.enqueue(act("late").key("k")).unwrap_err();
    assert!(
        matches!(late, SchedulerError::Store(StoreError::TimedOut { stored: Stored::Unknown, .. })),
        "{late}"
    );
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    owner.batch_execute("COMMIT").unwrap();
}
