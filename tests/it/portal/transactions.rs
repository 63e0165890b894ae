//! Transactions of the application on the scheduler's connections, and the end of a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use diesel::result::Error as DieselError;
use diesel::{RunQueryDsl, sql_query};
use mainspring::{StoreError, Stored, Waited};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::{PATIENCE, in_time_once};

#[tokio::test]
async fn a_transaction_stores_own_rows_and_jobs_together_or_none() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    sql_query("CREATE TABLE orders (id integer)").execute(&mut conn).unwrap();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let id: Result<i64, DieselError> = scheduler
        .transaction(|conn| {
            sql_query("INSERT INTO orders VALUES (1)").execute(&mut **conn)?;
            Ok(act("kept").insert(conn)?)
        })
        .await;
    assert_eq!(started.next().await.id, id.unwrap());
    let refused: Result<i64, DieselError> = scheduler
        .transaction(|conn| {
            sql_query("INSERT INTO orders VALUES (2)").execute(&mut **conn)?;
            act("undone").insert(conn)?;
            Ok(act("refused").key("").insert(conn)?)
        })
        .await;
    let refused = StoreError::from_diesel(refused.unwrap_err());
    assert!(matches!(refused, StoreError::Invalid { .. }), "{refused}");
    let refused: Result<usize, DieselError> = scheduler
        .transaction(|conn| {
            act("undone").insert(conn)?;
            sql_query("INSERT INTO no_such_table VALUES (2)").execute(&mut **conn)
        })
        .await;
    assert_eq!(StoreError::from_diesel(refused.unwrap_err()).stored(), Stored::No);
    assert_eq!(count(&mut conn, "orders"), 1);
    scheduler.stop().await;
    assert_eq!(count(&mut conn, "mainspring.history"), 1);
    let late: Result<i64, DieselError> = scheduler.transaction(|conn| Ok(act("late").insert(conn)?)).await;
    let late = StoreError::from_diesel(late.unwrap_err());
    assert!(matches!(late, StoreError::Connect(_)), "{late}");
}

#[tokio::test]
async fn a_job_of_a_transaction_starts_without_a_poll() {
    let database = TestDatabase::new();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    in_time_once(async || {
        let began = Instant::now();
        let id: Result<i64, StoreError> = scheduler.transaction(|conn| act("go").insert(conn)).await;
        let ended = scheduler.jobs().wait(id.unwrap(), PATIENCE).await.unwrap();
        matches!(ended, Waited::Ended(_)) && began.elapsed() < SLOW_POLL / 5
    })
    .await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_transaction_without_a_pool_names_the_setting() {
    let database = TestDatabase::new();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.handler_pool_size(0).start().await.unwrap();
    let refused: Result<i64, StoreError> = scheduler.transaction(|conn| act("go").insert(conn)).await;
    assert!(refused.unwrap_err().to_string().contains("handler_pool_size"));
    scheduler.stop().await;
}

#[tokio::test]
async fn the_scheduler_stops_after_the_server_and_its_result_is_returned() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let ran = Arc::new(AtomicBool::new(false));
    let (own, flag) = (scheduler.clone(), Arc::clone(&ran));
    let server = async move {
        own.enqueue(act("go")).await.unwrap();
        started.next().await;
        flag.store(own.is_running(), Ordering::SeqCst);
        Err::<(), _>(std::io::Error::other("the port is gone"))
    };
    let served = scheduler.stop_after(server).await;
    assert_eq!(served.unwrap_err().to_string(), "the port is gone");
    assert!(ran.load(Ordering::SeqCst) && !scheduler.is_running());
    assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
}
