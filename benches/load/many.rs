//! What a steady load feels of an act on many jobs in the dashboard: dead ones that are retried, and ready ones that are cancelled.

use std::time::{Duration, Instant};

use actix_web::App;
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service};
use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::Scheduler;
use mainspring::dashboard::{Access, Rights};
use mainspring::database::connect;
use serde::Serialize;

use super::arguments::{Arguments, Mode};
use super::figures::{print_line, rate, rounded};
use super::flow::{Book, Kind, Mix, Stream, Told, read, with_steps};
use super::stage::{Outcome, counting, empty_table, number, scheduler};

const LOAD: Mix = &[(Kind::Plain, 1_000)];
/// Connections and caches are warm, and a cancellation has begun after the ten seconds in which it can be stopped.
const WARM_UP: Duration = Duration::from_secs(12);
const LOOK: Duration = Duration::from_millis(100);
/// After a pause the batch under way ends, and its jobs run.
const SETTLED: Duration = Duration::from_secs(1);

// Those of the first come to life and run. Those of the second are of a task that no process knows.
const DEAD: &str = "INSERT INTO mainspring.jobs (task, run_at, state, attempts, max_attempts, last_error) \
    SELECT 'load.noop', now(), 'dead', 3, 3, 'disk on fire' FROM generate_series(1, {})";
const READY: &str = "INSERT INTO mainspring.jobs (task, run_at, state) SELECT 'load.nobody', now(), 'ready' FROM generate_series(1, {})";

#[derive(Serialize)]
struct Acted {
    act: &'static str,
    jobs: usize,
    /// How long the act took, without its pauses.
    seconds: f64,
    per_second: u64,
    alone_p50_ms: f64,
    alone_p99_ms: f64,
    beside_p50_ms: f64,
    beside_p99_ms: f64,
    /// Of the two p99.
    ratio: f64,
    windows: usize,
}

pub(crate) async fn many(url: &str, jobs: usize, arguments: &Arguments) -> Outcome<()> {
    for (act, state, fill, jobs) in [("retry", "dead", DEAD, jobs), ("cancel", "ready", READY, jobs * 5)] {
        let mut conn = connect(url)?;
        empty_table(&mut conn)?;
        conn.batch_execute("TRUNCATE mainspring.operations")?;
        conn.batch_execute(&fill.replace("{}", &jobs.to_string()))?;
        conn.batch_execute("VACUUM ANALYZE mainspring.jobs")?;
        conn.batch_execute("CHECKPOINT")?;
        print_line(Mode::Many, acted(url, &mut conn, (act, state, jobs), arguments).await?)?;
    }
    Ok(())
}

async fn acted(
    url: &str,
    conn: &mut PgConnection,
    (act, state, jobs): (&'static str, &str, usize),
    arguments: &Arguments,
) -> Outcome<Acted> {
    let book = Book::default();
    let (builder, _) = counting(with_steps(scheduler(url), &book), usize::MAX);
    let scheduler = builder.history_retention(Duration::from_secs(86_400)).start().await?;
    let stream = Stream::start(url, LOAD, arguments.rate);
    tokio::time::sleep(WARM_UP).await;
    read(&book);
    tokio::time::sleep(arguments.rest()).await;
    let mut windows = Windows { alone: read(&book), count: 1, ..Windows::default() };
    begin(&scheduler, act, state).await?;
    if act == "cancel" {
        tokio::time::sleep(WARM_UP).await;
    }
    in_turn(&scheduler, conn, &book, &mut windows, arguments.rest()).await?;
    let Windows { alone, beside, acting, count } = windows;
    stream.stop().await?;
    scheduler.stop().await;
    let p99 = [&alone, &beside].map(|told| told.percentile(Kind::Plain, 99));
    Ok(Acted {
        act,
        jobs,
        seconds: rounded(acting.as_secs_f64()),
        per_second: rate(jobs, acting),
        alone_p50_ms: alone.percentile(Kind::Plain, 50),
        alone_p99_ms: p99[0],
        beside_p50_ms: beside.percentile(Kind::Plain, 50),
        beside_p99_ms: p99[1],
        ratio: rounded(p99[1] / p99[0]),
        windows: count,
    })
}

/// What the load has felt in windows with the act and in windows in which it was paused.
#[derive(Default)]
struct Windows {
    alone: Told,
    beside: Told,
    acting: Duration,
    count: usize,
}

// In turn, so that a disk which is slower for a while is slower for both. The last window ends with the act.
async fn in_turn(
    scheduler: &Scheduler,
    conn: &mut PgConnection,
    book: &Book,
    windows: &mut Windows,
    length: Duration,
) -> Outcome<()> {
    let goes_on = "SELECT count(*) FROM mainspring.operations WHERE state = 'running'";
    loop {
        read(book);
        let began = Instant::now();
        while began.elapsed() < length && number(conn, goes_on)? > 0 {
            tokio::time::sleep(LOOK).await;
        }
        windows.beside.add(read(book));
        windows.acting += began.elapsed();
        let id = number(conn, "SELECT max(id) FROM mainspring.operations")?;
        let paused = request(scheduler, &format!("/jobs/pause-operation?id={id}")).await;
        if number(conn, goes_on)? == 0 && paused.is_err() {
            windows.alone.sort();
            windows.beside.sort();
            return Ok(());
        }
        paused?;
        tokio::time::sleep(SETTLED).await;
        read(book);
        tokio::time::sleep(length / 2).await;
        windows.alone.add(read(book));
        windows.count += 1;
        request(scheduler, &format!("/jobs/resume-operation?id={id}")).await?;
    }
}

// As the forms of the dashboard do it.
async fn begin(scheduler: &Scheduler, act: &str, state: &str) -> Outcome<()> {
    request(scheduler, &format!("/jobs/act-on-many?act={act}&state={state}")).await
}

async fn request(scheduler: &Scheduler, uri: &str) -> Outcome<()> {
    let dashboard = mainspring::dashboard("/jobs", scheduler, |_| Access::Act(Rights::all()));
    let app = init_service(App::new().service(dashboard)).await;
    let request =
        TestRequest::with_uri(uri).method(Method::POST).insert_header(("Sec-Fetch-Site", "same-origin"));
    let response = call_service(&app, request.to_request()).await;
    if response.status() == 303 { Ok(()) } else { Err(format!("{uri}: {}", response.status()).into()) }
}
