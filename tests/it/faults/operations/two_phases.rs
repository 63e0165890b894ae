//! A job that is added by a transaction with a two-phase commit.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::database;
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};

use crate::support::rows::count;
use crate::support::schedulers::scheduler_on;

#[tokio::test]
async fn a_job_of_a_prepared_transaction_is_found_by_the_poll_after_its_commit() {
    let options = EmbeddedOptions::temporary().without_fsync().setting("max_prepared_transactions", "5");
    let server = EmbeddedPostgres::start(options).unwrap();
    let mut conn = PgConnection::establish(server.url()).unwrap();
    database::migrate(&mut conn).unwrap();
    let notifying = "BEGIN; SELECT mainspring.add_job('act'); PREPARE TRANSACTION 'one'";
    conn.batch_execute(notifying).unwrap_err();
    conn.batch_execute("ROLLBACK").unwrap();

    let (builder, mut started) = scheduler_on(server.url());
    let scheduler = builder.poll_interval(Duration::from_millis(100)).start().await.unwrap();
    conn.batch_execute(
        "BEGIN; SELECT mainspring.enqueue(ARRAY['act'], ARRAY['{\"act\": \"two\"}'], keys => ARRAY['k'], notify => false); \
         PREPARE TRANSACTION 'two'",
    )
    .unwrap();
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
    conn.batch_execute("COMMIT PREPARED 'two'").unwrap();
    assert_eq!(started.next().await.act, "two");
    scheduler.stop().await;
}
