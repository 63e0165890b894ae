//! What screens cost the database: blocks and statements, counted by the server. They do not grow with the tables.

use std::collections::BTreeMap;

use actix_web::test::TestRequest;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Double};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::dashboard::Access;
use mainspring::{NewSchedule, Scheduler};
use serde_json::json;

use super::ask;
use crate::support::counting::migrated_counting_server;
use crate::support::process::given_url;

/// Adds jobs of all states and half as many lines of history. One job in a hundred is dead, and one task of a hundred is rare.
const FILL: &str = include_str!("cost.sql");

/// What a screen may read: the size of an index grows by a level, and a page of a table may have to be read once more.
const MORE_BLOCKS: i64 = 40;
/// A state with at most 5,000 jobs is read by its index, see src/store/jobs/search.rs: a block for each job, and some for the page.
const BLOCKS_OF_A_STATE: i64 = 6_000;
/// Another condition also reads the rows of those jobs: some five blocks each.
const BLOCKS_OF_A_FILTER: i64 = 26_000;
/// A page of queues counts up to 1,000 entries of two indexes for each of fifteen queues. The rows of their jobs are in ten times as many.
const BLOCKS_OF_QUEUES: i64 = 600;
/// A page of workflows looks at up to 2,500 of their jobs: the entry of each, and the three or four blocks to its row.
const BLOCKS_OF_WORKFLOWS: i64 = 12_500;
/// The page of one counts its 100 jobs so, and shows 50 of them.
const BLOCKS_OF_A_WORKFLOW: i64 = 1_500;
/// The doctor looks at the first jobs of each task, queue and set of flags. The table of jobs has 5,000 blocks.
const BLOCKS_OF_THE_DOCTOR: i64 = 4_500;
/// Polls of the scheduler, which come when they like.
const MORE_CALLS: i64 = 5;

/// Statements of the scheduler itself.
const OWN: &str =
    "sample_gauges|SET heartbeat_at|SET state|add_stats|mainspring.sweep|prepare_history|pg_stat_statements";

#[derive(QueryableByName, Debug, Clone, Copy)]
struct Cost {
    #[diesel(sql_type = BigInt)]
    calls: i64,
    #[diesel(sql_type = BigInt)]
    blocks: i64,
    #[diesel(sql_type = Double)]
    millis: f64,
}

/// The screens, by addresses that stay the same while the tables grow.
fn screens() -> Vec<String> {
    let fixed = [
        "",
        "jobs",
        "jobs?state=scheduled",
        "jobs?state=parked",
        "jobs?state=ready",
        "jobs?state=dead",
        "jobs?task=task-7",
        "jobs?queue=queue-3",
        "jobs?state=parked&queue=queue-3",
        "jobs?before=9000",
        "jobs?key=key-4000",
        "jobs?state=dead&task=task-7",
        "jobs?state=ready&task=rare",
        "jobs?state=running",
        "jobs?task=rare",
        "job?id=4000",
        "job?id=-7",
        "queues",
        "queues?after=queue-20",
        "queue?name=queue-3",
        "queue?name=queue-5",
        "tasks",
        "schedules",
        "schedule?name=nightly",
        "errors",
        "workers",
        "workflows",
        "workflows?before=150",
        "workflows?name=flow-77",
        "workflow?id=77",
        "workflow?id=77&after=7650",
        "workflow?id=77&state=dead",
    ];
    fixed.map(str::to_owned).to_vec()
}

/// The overview has another part of the doctor examined with each of its first readings.
fn readings(screen: &str) -> &'static [&'static str] {
    if screen.is_empty() { &["", " 2nd", " 3rd", " 4th"] } else { &[""] }
}

fn cost(conn: &mut PgConnection) -> Cost {
    let query = format!(
        "SELECT coalesce(sum(calls), 0)::bigint AS calls, coalesce(sum(shared_blks_hit + shared_blks_read), 0)::bigint AS blocks, \
            coalesce(sum(total_exec_time), 0)::float8 AS millis \
         FROM pg_stat_statements WHERE query !~ '{OWN}' AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
    );
    sql_query(query).get_result(conn).unwrap()
}

/// What each screen costs at least.
async fn costs(url: &str, conn: &mut PgConnection) -> BTreeMap<String, Cost> {
    let scheduler = Scheduler::builder(url).without_cron().start().await.unwrap();
    let mut found = BTreeMap::new();
    for screen in screens() {
        // A statement of the scheduler itself may come between.
        for _ in 0..3 {
            // Another dashboard has read nothing yet.
            let dashboard = mainspring::dashboard("/jobs", &scheduler, |_| Access::Read);
            for reading in readings(&screen) {
                conn.batch_execute("SELECT pg_stat_statements_reset()").unwrap();
                let reply = ask(dashboard.clone(), TestRequest::with_uri(&format!("/jobs/{screen}"))).await;
                assert_eq!(reply.status, 200, "{screen}: {}", reply.text);
                let this = cost(conn);
                let least = found.entry(format!("{screen}{reading}")).or_insert(this);
                if this.blocks < least.blocks {
                    *least = this;
                }
            }
        }
    }
    scheduler.stop().await;
    found
}

/// The most blocks of a screen on the larger table.
fn most(screen: &str, small: Cost) -> i64 {
    let about_the_same = small.blocks + small.blocks / 4 + MORE_BLOCKS;
    let at_most = match (screen.contains("state="), screen.contains('&')) {
        (true, true) => BLOCKS_OF_A_FILTER,
        (true, false) => BLOCKS_OF_A_STATE,
        (false, _) if screen.starts_with("queues") => BLOCKS_OF_QUEUES,
        (false, _) if screen.starts_with("workflows") && !screen.contains("name=") => BLOCKS_OF_WORKFLOWS,
        (false, _) if screen.starts_with("workflow?") => BLOCKS_OF_A_WORKFLOW,
        (false, _) if screen.is_empty() => BLOCKS_OF_THE_DOCTOR,
        (false, _) => 0,
    };
    about_the_same.max(at_most)
}

fn fill(conn: &mut PgConnection, from: u32, to: u32) {
    let sql = FILL.replace(":from", &from.to_string()).replace(":to", &to.to_string());
    sql.split(";\n").filter(|statement| !statement.trim().is_empty()).for_each(|statement| {
        conn.batch_execute(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    });
}

#[actix_web::test]
async fn the_listed_screens_read_no_more_of_a_larger_table() {
    let Some((server, mut conn)) = migrated_counting_server() else { return };
    let scheduler = Scheduler::builder(server.url()).start().await.unwrap();
    let nightly = NewSchedule::new("nightly", "task-7", "0 8 * * *").payload(json!({}));
    scheduler.schedules().create(nightly).await.unwrap();
    scheduler.stop().await;
    fill(&mut conn, 1, 20_000);
    let small = costs(server.url(), &mut conn).await;
    fill(&mut conn, 20_001, 200_000);
    let large = costs(server.url(), &mut conn).await;
    let mut grown = Vec::new();
    for (screen, large) in &large {
        let small = small[screen];
        eprintln!(
            "{screen}: {} statements, {} and {} blocks, {:.1} ms",
            large.calls, small.blocks, large.blocks, large.millis
        );
        if large.calls > small.calls + MORE_CALLS || large.blocks > most(screen, small) {
            grown.push(format!("{screen}: {small:?}, {large:?}"));
        }
    }
    assert!(grown.is_empty(), "{grown:#?}");
}

/// Prints what each screen costs on a database that a person has filled with `cost.sql`, for docs/PERFORMANCE.md.
#[actix_web::test]
#[ignore = "needs a large database, see docs/PERFORMANCE.md"]
async fn the_screens_of_a_large_database() {
    let Some(url) = given_url() else { return };
    let mut conn = PgConnection::establish(&url).unwrap();
    for (screen, cost) in costs(&url, &mut conn).await {
        println!("| `{screen}` | {} | {} | {:.1} |", cost.calls, cost.blocks, cost.millis);
    }
}
