//! A transaction of the application that holds a key delays the enqueue of that key alone, and for a bounded time.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::{SchedulerError, StoreError};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::schedulers::scheduler;
use crate::support::waiting::until;

#[tokio::test]
async fn a_held_key_delays_its_own_enqueue_alone_and_not_for_ever() {
    let database = TestDatabase::new();
    let (builder, _starts) = scheduler(&database);
    let scheduler = builder.key_timeout(Duration::from_secs(2)).start().await.unwrap();
    let mut other = database.connection();
    // A row that no other transaction sees yet holds its key as well.
    other
        .batch_execute("BEGIN; SELECT mainspring.add_job('act', key => 'held', run_at => now() + '1 hour')")
        .unwrap();

    let held = || scheduler.enqueue(act("ok").key("held"));
    let free = |key: &'static str| scheduler.enqueue(act("ok").key(key));
    let (error, one, two, three) =
        tokio::join!(held(), free("one"), free("two"), scheduler.enqueue(act("ok")));
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    match error.unwrap_err() {
        SchedulerError::Store(StoreError::KeyHeld { keys, waited }) => {
            assert_eq!(keys, "held");
            assert!(waited >= Duration::from_secs(2), "{waited:?}");
        }
        error => panic!("{error}"),
    }
    let (stored, ()) = tokio::join!(held(), async { other.batch_execute("COMMIT").unwrap() });
    stored.unwrap();
    until(&database, "mainspring.history WHERE key = 'held'", 1).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_stop_waits_for_no_key() {
    let database = TestDatabase::new();
    let (builder, _starts) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let mut other = database.connection();
    other.batch_execute("BEGIN; SELECT mainspring.add_job('act', key => 'held')").unwrap();
    let enqueue = scheduler.enqueue(act("ok").key("held"));
    let (error, ()) = tokio::join!(enqueue, scheduler.stop());
    assert!(error.is_err());
    other.batch_execute("ROLLBACK").unwrap();
}
