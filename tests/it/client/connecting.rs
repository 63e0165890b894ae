//! What a client costs: sessions, rows and threads. And that clients of several schemas do not meet.

use std::fs;

use diesel::connection::SimpleConnection;
use mainspring::{Client, NewJob, Scheduler, Schema, database};
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::process;
use crate::support::rows::count;
use crate::support::waiting::until;

const SESSIONS: &str =
    "pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'mainspring %'";
const STATEMENTS_THAT_WAIT: &str = "pg_stat_activity WHERE datname = current_database() \
    AND application_name LIKE 'mainspring work %' AND wait_event_type = 'Lock'";

#[tokio::test]
async fn a_client_holds_as_many_sessions_as_its_pool_may() {
    let database = TestDatabase::new();
    let client = Scheduler::builder(database.url()).pool_size(3).client().await.unwrap();
    until(&database, SESSIONS, 0).await;
    let mut owner = database.connection();
    owner.batch_execute("BEGIN; LOCK TABLE mainspring.jobs").unwrap();
    let adding = (0..6).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.enqueue(act("held")).await })
    });
    let adding: Vec<_> = adding.collect();
    until(&database, STATEMENTS_THAT_WAIT, 3).await;
    owner.batch_execute("COMMIT").unwrap();
    for added in adding {
        added.await.unwrap().unwrap();
    }
    assert_eq!(count(&mut owner, SESSIONS), 3);
    assert_eq!(count(&mut owner, "mainspring.workers"), 0);
    let listening = "pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN%'";
    assert_eq!(count(&mut owner, listening), 0);
    drop(client);
    until(&database, SESSIONS, 0).await;
}

#[tokio::test]
async fn clients_of_two_schemas_of_one_database_do_not_meet() {
    let database = TestDatabase::new();
    let (billing, mut conn) = (Schema::new("billing").unwrap(), database.connection());
    database::migrate(&mut billing.on(&mut conn)).unwrap();
    let main = Client::connect(database.url()).await.unwrap();
    let other = Scheduler::builder(database.url()).schema("billing").client().await.unwrap();
    let job = || NewJob::new("note", &json!({})).key("k");
    main.enqueue(job()).await.unwrap();
    other.enqueue(job()).await.unwrap();
    assert!(other.remove("k").await.unwrap().is_some());
    for (schema, expected) in [("mainspring", 1), ("billing", 0)] {
        assert_eq!(count(&mut conn, &format!("{schema}.jobs")), expected, "{schema}");
    }
}

/// How many threads of this process serve pools of connections. The system keeps the first 15 bytes of their names.
fn threads_of_pools() -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path().join("comm"));
    // A thread may end meanwhile.
    let names = threads.filter_map(|name| fs::read_to_string(name).ok());
    names.filter(|name| name.starts_with("mainspring-pool")).count()
}

/// Not a test of its own: a process whose threads are its own as well.
#[test]
#[ignore = "the other process of `clients_that_are_not_used_have_no_threads`"]
fn another_process_connects_clients() {
    let Some(url) = process::given_url() else { return };
    let clients: Vec<_> = (0..20).map(|_| Client::connect_blocking(&url).unwrap()).collect();
    assert_eq!(threads_of_pools(), 0);
    clients[0].enqueue(act("one")).unwrap();
    let threads = threads_of_pools();
    assert!((1..=2).contains(&threads), "{threads}");
    println!("lived");
}

#[test]
fn clients_that_are_not_used_have_no_threads() {
    let database = TestDatabase::new();
    let test = "client::connecting::another_process_connects_clients";
    let written = process::run(&mut process::command(test, &database.url()));
    assert!(written.out.contains("lived"), "{}{}", written.out, written.err);
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 1);
}
