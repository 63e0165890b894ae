//! What the server shows of a scheduler: sessions with names, and a bounded number of statements without values.

use std::sync::Arc;

use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::{Enqueue, JobContext, JobResult, Scheduler, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::waiting::{until, until_at_least};

mod program;
mod statements;
mod work;

/// Holds a connection of the scheduler's until the gate opens.
#[derive(Serialize, Deserialize)]
struct Hold {}
impl Task for Hold {
    const NAME: &'static str = "hold";
}

async fn hold(_: Hold, job: JobContext) -> JobResult {
    let _connection = job.connection().await?;
    job.data::<Arc<Semaphore>>().acquire().await?.forget();
    Ok(())
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The column `name` of the query.
fn names(conn: &mut PgConnection, query: &str) -> Vec<String> {
    sql_query(query).load::<Name>(conn).unwrap().into_iter().map(|row| row.name).collect()
}

/// The names of the sessions while a scheduler of that name runs a job that holds a connection.
async fn sessions_of(worker: &str, options: &str) -> Vec<String> {
    let (database, gate) = (TestDatabase::new(), Arc::new(Semaphore::new(0)));
    let builder = Scheduler::builder(format!("{}{options}", database.url())).worker_name(worker);
    let scheduler = builder.handler(hold).app_data(Arc::clone(&gate)).start().await.unwrap();
    scheduler.enqueue(Enqueue::new(Hold {})).await.unwrap();
    let holds = "mainspring.jobs WHERE state = 'running'";
    until(&database, holds, 1).await;
    let sessions = "pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' \
        AND pid <> pg_backend_pid()";
    // An application may have named all of them. At rest the one that listens sends an empty statement.
    let listens =
        format!("{sessions} AND (query LIKE '%LISTEN %' OR query = '' AND query_start IS NOT NULL)");
    until_at_least(&database, &listens, 1).await;
    // Of the listener, the heartbeats, the handler and the scheduler's statements.
    until_at_least(&database, sessions, 4).await;
    let found = names(
        &mut database.connection(),
        &format!(
            "SELECT DISTINCT application_name AS name FROM {sessions} AND application_name <> '' ORDER BY 1"
        ),
    );
    gate.add_permits(1);
    scheduler.stop().await;
    found
}

#[tokio::test]
async fn each_session_is_named_after_its_purpose_and_its_worker() {
    let named = |worker: &str| {
        ["handler", "heartbeat", "listen", "work"].map(|purpose| format!("mainspring {purpose} {worker}"))
    };
    assert_eq!(sessions_of("web-1:4711", "").await, named("web-1:4711"));
    assert_eq!(sessions_of("it's\\ \u{e9}\u{1b}; {}", "").await, named("it_s_ ___ __"));
}

#[tokio::test]
async fn of_a_long_name_the_end_is_shown_in_63_bytes() {
    let found = sessions_of(&format!("{}the-end", "x".repeat(200)), "").await;
    assert_eq!(found.len(), 4);
    for name in found {
        assert!(name.len() == 63 && name.starts_with("mainspring ") && name.ends_with("xxthe-end"), "{name}");
    }
}

#[tokio::test]
async fn a_name_in_the_connection_string_is_shown_instead() {
    assert_eq!(sessions_of("web-1:4711", "?application_name=shop").await, ["shop"]);
}
