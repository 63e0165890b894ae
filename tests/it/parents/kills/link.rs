//! The job of a graph, which writes down what it sees and does, and the process that runs it.

use std::time::Duration;

use diesel::sql_types::{Array, BigInt, Bool, Integer, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::{JobContext, JobError, JobResult, Scheduler, Task};
use serde::{Deserialize, Serialize};

use crate::support::process::{self, Process};

const RUNNER: &str = "MAINSPRING_TEST_RUNNER";

/// A row of `runs` is one run of a handler. `seen` is how its parents stand, and `done` which of them have ended by their own
/// rows. A run that was killed has no `ended`. The server may store the beginning of a run whose process is gone: `begun` has the
/// others.
pub(super) const TABLES: &str = "
    CREATE TABLE nodes (job bigint, act text, runs boolean);
    CREATE TABLE edges (child bigint, parent bigint, on_failure text);
    CREATE TABLE runs (id bigint GENERATED ALWAYS AS IDENTITY, job bigint, runner integer, seen jsonb, done bigint[],
        began timestamptz DEFAULT clock_timestamp(), ended text);
    CREATE TABLE kills (runner integer, at timestamptz DEFAULT clock_timestamp());
    CREATE VIEW begun AS SELECT r.* FROM runs AS r
        WHERE NOT EXISTS (SELECT FROM kills AS k WHERE k.runner = r.runner AND k.at < r.began);
    CREATE TABLE killed_workers (id integer PRIMARY KEY);";

/// A job of a graph.
#[derive(Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) act: String,
    pub(super) millis: u64,
    pub(super) parents: Vec<i64>,
}
impl Task for Link {
    const NAME: &'static str = "link";
}

#[derive(QueryableByName)]
struct Begun {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Bool)]
    has_failed: bool,
}

const BEGIN: &str = "INSERT INTO runs (job, runner, seen, done) VALUES ($1, $2,
        (SELECT jsonb_object_agg(f.id, f.state) FROM unnest($3) AS p(id), mainspring.find_job(p.id) AS f),
        ARRAY(SELECT r.job FROM runs AS r WHERE r.job = ANY ($3) AND r.ended IS NOT NULL))
    RETURNING id, EXISTS (SELECT FROM runs AS r WHERE r.job = $1 AND r.ended = 'failed') AS has_failed";

fn end(conn: &mut PgConnection, run: i64, ended: &str) -> Result<(), JobError> {
    let update = sql_query("UPDATE runs SET ended = $2 WHERE id = $1");
    update.bind::<BigInt, _>(run).bind::<Text, _>(ended).execute(conn)?;
    Ok(())
}

/// Runs a query on a connection of the handler's own, away from the threads of handlers.
async fn apart<R: Send + 'static>(
    job: &JobContext,
    query: impl FnOnce(&mut PgConnection) -> Result<R, JobError> + Send + 'static,
) -> Result<R, JobError> {
    let mut conn = job.connection().await?;
    tokio::task::spawn_blocking(move || query(&mut conn)).await?
}

async fn link(Link { act, millis, parents }: Link, job: JobContext) -> JobResult {
    let (id, runner) = (job.id(), *job.data::<i32>());
    let insert = sql_query(BEGIN).bind::<BigInt, _>(id).bind::<Integer, _>(runner);
    let insert = insert.bind::<Array<BigInt>, _>(parents);
    let Begun { id: run, has_failed } = apart(&job, move |conn| Ok(insert.get_result(conn)?)).await?;
    // The length of a run is the point: room for a kill.
    tokio::time::sleep(Duration::from_millis(millis)).await;
    let (ended, error) = match act.as_str() {
        "discard" => ("dead", JobError::discard("no use")),
        "cancel" => ("cancelled", JobError::cancel("no longer wanted")),
        "fail once" if !has_failed => ("failed", JobError::retry_in(Duration::ZERO, "not yet")),
        _ => return job.transaction(move |conn| end(conn, run, "succeeded")).await,
    };
    apart(&job, move |conn| end(conn, run, ended)).await?;
    Err(error)
}

/// Not a test of its own: the process that another test starts and kills.
#[tokio::test]
#[ignore = "a helper process of `a_graph_ends_by_its_laws_while_processes_are_killed`"]
async fn helper_process_that_runs_links() {
    let (Some(url), Ok(runner)) = (process::given_url(), std::env::var(RUNNER)) else { return };
    // Long enough that a busy machine makes no living process seem lost. The test releases those that it kills.
    let builder = Scheduler::builder(url).heartbeat_timeout(Duration::from_secs(60)).concurrency(6);
    // What a killed process was about to carry over is found by a poll.
    let builder = builder.poll_interval(Duration::from_millis(500));
    let builder = builder.worker_name(format!("runner {runner}")).app_data(runner.parse::<i32>().unwrap());
    let _scheduler = builder.handler(link).start().await.unwrap();
    std::future::pending::<()>().await;
}

/// Starts a process of that number, which works until it is killed.
pub(super) fn runner(url: &str, number: i32) -> Process {
    let mut command = process::command("parents::kills::link::helper_process_that_runs_links", url);
    Process::start(command.env(RUNNER, number.to_string()))
}
