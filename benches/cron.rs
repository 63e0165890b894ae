//! How long it takes to find the next fire, and to fire a thousand of ten thousand schedules: one JSON object a line on
//! standard output. Knows nothing of the scheduler but what an application does.
//!
//! `cargo bench --bench cron -- next|schedules` (both without an argument)

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Double, Nullable};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::database::connect;
use mainspring::embedded::{EmbeddedOptions, database_url};
use mainspring::{CronExpression, Scheduler};
use serde_json::json;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

// From the plainest to those that are searched for longest.
const EXPRESSIONS: [&str; 10] = [
    "* * * * *",
    "*/5 9-17 * * mon-fri",
    "30 2 * * *",
    "* * * * * *",
    "0 0 1 1 *",
    "0 0 13 * 5",
    "0 0 29 2 *",
    "0 0 29 2 1",
    "59 59 23 31 12 *",
    "1-59/2 1-23/2 31 1,3,5 *",
];
// Just behind a leap day before a century without one, so that some of them are eight years away.
const AFTER: &str = "2096-03-01T00:00:00Z";
const ROUNDS: u32 = 2_000;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let wanted = |mode: &str| words.is_empty() || words.iter().any(|word| word == mode);
    if wanted("next") {
        next_fires()?;
    }
    if wanted("schedules") {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(schedules())?;
    }
    Ok(())
}

fn next_fires() -> Outcome<()> {
    let after: DateTime<Utc> = AFTER.parse()?;
    for text in EXPRESSIONS {
        let expression = CronExpression::parse(text)?;
        let parse = each(|| CronExpression::parse(black_box(text)));
        let utc = each(|| expression.next_after(black_box(after)));
        let zone = each(|| expression.next_after_in(black_box(after), Tz::America__New_York));
        println!(
            "{}",
            json!({"mode": "next", "expression": text, "parse_us": parse, "next_us": utc, "next_in_zone_us": zone})
        );
    }
    Ok(())
}

/// Microseconds a call.
fn each<T>(call: impl Fn() -> T) -> f64 {
    let began = Instant::now();
    for _ in 0..ROUNDS {
        black_box(call());
    }
    (began.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS) * 10.0).round() / 10.0
}

#[derive(QueryableByName)]
struct Figures {
    #[diesel(sql_type = BigInt)]
    jobs: i64,
    /// From the moment they were due to the commit of the last job, in milliseconds.
    #[diesel(sql_type = Nullable<Double>)]
    last: Option<f64>,
}

async fn schedules() -> Outcome<()> {
    let database = database_url(EmbeddedOptions::temporary())?;
    eprintln!("running on {}", database.engine());
    let mut conn = connect(database.url())?;
    mainspring::database::migrate(&mut conn)?;
    conn.batch_execute(
        "INSERT INTO mainspring.schedules (name, task, expression, zone, payload, overlap, catch_up, jitter_seconds, \
             priority, max_attempts, paused, next_fire_at) \
         SELECT 's' || n, 'idle', '0 * * * *', 'Europe/Berlin', '{\"n\": 1}', \
             CASE WHEN n % 20 = 0 THEN 'skip' ELSE 'allow' END, 1, 0, 0, 25, false, now() + n * interval '1 day' \
         FROM generate_series(1, 10000) AS n; ANALYZE mainspring.schedules",
    )?;
    let first = Scheduler::builder(database.url()).start().await?;
    let second = Scheduler::builder(database.url()).start().await?;
    for round in 0..5 {
        fire_a_thousand(&mut conn, round).await?;
    }
    first.stop().await;
    second.stop().await;
    Ok(())
}

async fn fire_a_thousand(conn: &mut PgConnection, round: u32) -> Outcome<()> {
    conn.batch_execute(
        "TRUNCATE mainspring.jobs; TRUNCATE mainspring.schedule_fires; \
         UPDATE mainspring.schedules SET next_fire_at = date_trunc('second', clock_timestamp()) + interval '2 seconds' \
         WHERE id % 10 = 0; SELECT mainspring.tell_schedules_changed()",
    )?;
    loop {
        let found: Figures = sql_query(
            "SELECT count(*) AS jobs, (extract(epoch FROM max(fired_at) - min(due_at)) * 1000)::float8 AS last \
             FROM mainspring.schedule_fires WHERE job_id IS NOT NULL",
        )
        .get_result(conn)?;
        if found.jobs == 1_000 {
            let last = found.last.map(f64::round);
            println!(
                "{}",
                json!({"mode": "schedules", "round": round, "fires": found.jobs, "last_ms": last})
            );
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
