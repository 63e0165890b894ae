//! The statistics: they agree with the history and with what is left of the jobs, add up over processes, minutes and hours, and
//! survive a kill but for the last seconds.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Double, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::stats::{Histogram, Kind, Stats, since};
use mainspring::{NewJob, Scheduler};

use crate::cli::{answer, json, on};
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave, behave_too, lasting, other};
use crate::support::process::{self, Process};
use crate::support::rows::count;
use crate::support::waiting::{until, until_at_least};

const HOUR: Duration = Duration::from_secs(3_600);

fn of(stats: &[Stats], kind: Kind, name: &str) -> Stats {
    let found = stats.iter().find(|stats| stats.kind == kind && stats.name == name);
    found.unwrap_or_else(|| panic!("{kind:?} `{name}` in {stats:?}")).clone()
}

fn total(conn: &mut PgConnection, of: &str) -> i64 {
    let from = format!(
        "(SELECT sum({of}) FROM mainspring.stats WHERE kind = 'task') AS s(n), generate_series(1, s.n)"
    );
    count(conn, &from)
}

#[tokio::test]
async fn counts_agree_with_the_history_and_with_what_is_left() {
    let database = TestDatabase::new();
    let builder = Scheduler::builder(database.url()).handler(behave).handler(behave_too);
    let scheduler = builder.count_queues(["tenant:*"]).start().await.unwrap();
    let mut jobs: Vec<NewJob> = Vec::new();
    for _ in 0..20 {
        jobs.push(lasting("succeed", 20).try_into().unwrap());
    }
    for (what, times) in [("fail", 3), ("discard", 2), ("cancel", 4), ("panic", 1)] {
        (0..times).for_each(|_| jobs.push(act(what).try_into().unwrap()));
    }
    for n in 0..5 {
        jobs.push(act("fail").max_attempts(1).queue(format!("tenant:{n}")).try_into().unwrap());
        jobs.push(other().queue("apart").try_into().unwrap());
    }
    scheduler.enqueue_many(jobs).await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 25).await;
    until(&database, "mainspring.history WHERE outcome = 'cancelled'", 4).await;
    until(&database, "mainspring.jobs WHERE state = 'dead'", 7).await;
    until(&database, "mainspring.jobs WHERE state = 'scheduled' AND attempts = 1", 4).await;
    scheduler.stop().await;
    let own = scheduler.own_stats();

    let stored = since(&mut database.connection(), HOUR).unwrap();
    assert_eq!(stored, own, "this process did all");
    let acts = of(&stored, Kind::Task, "act");
    let counts = &acts.counts;
    assert_eq!((counts.enqueued, counts.started, counts.succeeded), (35, 35, 20));
    assert_eq!((counts.failed, counts.dead, counts.cancelled, counts.lost), (4, 7, 4, 0));
    assert_eq!((acts.wait.count(), acts.run.count()), (35, 35));
    assert!(acts.run.quantile(0.5) >= Some(Duration::from_millis(18)), "{:?}", acts.run.quantile(0.5));
    assert_eq!(of(&stored, Kind::Task, "other").counts.succeeded, 5);
    assert_eq!(of(&stored, Kind::Queue, "tenant:*").counts.dead, 5);
    assert_eq!(of(&stored, Kind::Queue, Stats::OTHERS).counts.succeeded, 5);

    let shown = json(on(&database, &["stats", "--task", "act", "--json"]));
    assert_eq!(
        (&shown[0]["name"], &shown[0]["succeeded"], &shown[0]["run"]["count"]),
        (&"act".into(), &20.into(), &35.into())
    );
    let table = answer(on(&database, &["stats", "--since", "10m"]));
    assert!(table.lines().count() == 5 && table.contains("all others"), "{table}");
}

#[tokio::test]
async fn processes_add_to_the_same_minutes() {
    let database = TestDatabase::new();
    for _ in 0..3 {
        let scheduler = Scheduler::builder(database.url()).handler(behave).start().await.unwrap();
        scheduler.enqueue(act("succeed")).await.unwrap();
        until_at_least(&database, "mainspring.history", 1).await;
        scheduler.stop().await;
        database.connection().batch_execute("TRUNCATE mainspring.history").unwrap();
    }
    let stored = since(&mut database.connection(), HOUR).unwrap();
    let acts = of(&stored, Kind::Task, "act");
    assert_eq!((acts.counts.succeeded, acts.run.count(), acts.wait.count()), (3, 3, 3));
}

/// Not a test of its own.
#[tokio::test]
#[ignore = "a helper process of `a_killed_process_takes_only_what_it_had_not_stored`"]
async fn helper_process_that_counts() {
    let Some(url) = process::given_url() else { return };
    let scheduler = Scheduler::builder(url).handler(behave).start().await.unwrap();
    loop {
        scheduler.enqueue(lasting("succeed", 5)).await.unwrap();
        // The load, which lasts longer than the interval in which numbers are stored.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_killed_process_takes_only_what_it_had_not_stored() {
    let database = TestDatabase::new();
    let mut process =
        Process::start(&mut process::command("stats::helper_process_that_counts", &database.url()));
    until_at_least(&database, "mainspring.stats WHERE succeeded > 0", 1).await;
    process.kill();
    let conn = &mut database.connection();
    let (stored, real) =
        (total(conn, "succeeded"), count(conn, "mainspring.history WHERE outcome = 'succeeded'"));
    assert!((1..=real).contains(&stored), "{stored} of {real}");
    // The row was written in one statement, so the latest of them that it can know is the one before.
    let recent = "mainspring.history WHERE finished_at > (SELECT max(finished_at) FROM mainspring.history) - interval '11 seconds'";
    let old = real - count(conn, recent);
    assert!(stored >= old, "{stored} are stored, and {old} ended more than 11 s before the kill");
}

fn minute(conn: &mut PgConnection, ago: &str, succeeded: i64, run: &str) {
    let row = format!(
        "INSERT INTO mainspring.stats VALUES (date_trunc('minute', now() - interval '{ago}', 'UTC'), 'minute', 'task', 'old', \
         0, {succeeded}, {succeeded}, 0, 0, 0, 0, 0, 0, 0, NULL, '{run}')"
    );
    conn.batch_execute(&row).unwrap();
}

#[test]
fn old_minutes_become_hours_of_the_same_sum_and_old_hours_go() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    for n in 0..120 {
        minute(
            conn,
            &format!("3 days {n} minutes"),
            n,
            &format!("[{}:{}]={{1,{n}}}", 40 + n % 3, 41 + n % 3),
        );
    }
    minute(conn, "1 hour", 5, "[10:10]={5}");
    let ago = Duration::from_secs(5 * 86_400);
    let before = since(conn, ago).unwrap();
    conn.batch_execute("SELECT mainspring.sweep_stats()").unwrap();
    assert_eq!(since(conn, ago).unwrap(), before);
    assert_eq!(count(conn, "mainspring.stats WHERE span = 'minute'"), 1);
    let hours = count(conn, "mainspring.stats WHERE span = 'hour'");
    assert!((2..=3).contains(&hours), "{hours} hours");
    // A process that was late adds to an hour that is there.
    minute(conn, "3 days", 7, "[200:200]={7}");
    conn.batch_execute("SELECT mainspring.sweep_stats()").unwrap();
    let after = of(&since(conn, ago).unwrap(), Kind::Task, "old");
    assert_eq!(after.counts.succeeded, of(&before, Kind::Task, "old").counts.succeeded + 7);
    conn.batch_execute(
        "UPDATE mainspring.stats SET begins_at = begins_at - interval '90 days' WHERE span = 'hour'",
    )
    .unwrap();
    conn.batch_execute("SELECT mainspring.sweep_stats()").unwrap();
    assert_eq!(count(conn, "mainspring.stats"), 1);
}

#[derive(QueryableByName)]
struct Millis {
    #[diesel(sql_type = Double)]
    ms: f64,
}

#[test]
fn sql_and_rust_find_the_same_quantiles() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut histogram, mut bins) = (Histogram::default(), BTreeMap::<usize, u64>::new());
        for _ in 0..random.usize(1..400) {
            // In the middle of a bin, so that the test needs no rounding of its own.
            let bin = random.usize(1..170);
            histogram.record(Duration::from_secs_f64(2_f64.powf(10.0 + (bin as f64 - 0.5) / 4.0) / 1e9));
            *bins.entry(bin).or_default() += 1;
        }
        let parts: Vec<_> = bins.iter().map(|(bin, count)| format!("'[{bin}:{bin}]={{{count}}}'")).collect();
        for quantile in [0.0, 0.1, 0.5, 0.95, 0.99, 1.0] {
            let query = format!(
                "SELECT mainspring.quantile_ms(mainspring.sum_bins(ARRAY[{}]::text[]), {quantile}) AS ms",
                parts.join(", ")
            );
            let found: Millis = sql_query(query).get_result(conn).unwrap();
            let expected = histogram.quantile(quantile).unwrap().as_secs_f64() * 1_000.0;
            assert!(
                (found.ms / expected - 1.0).abs() < 1e-3,
                "seed {seed}, {quantile}: {} and {expected}",
                found.ms
            );
        }
    }
}

#[derive(QueryableByName)]
struct Shown {
    #[diesel(sql_type = Text)]
    shown: String,
}

#[test]
fn the_view_shows_an_empty_histogram_as_null() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    minute(conn, "1 minute", 1, "[41:41]={1}");
    let query = "SELECT coalesce(wait_p50_ms::text, 'none') || ', ' || round(run_p50_ms::numeric, 2) AS shown FROM mainspring.stats_view";
    let shown: Shown = sql_query(query).get_result(conn).unwrap();
    assert_eq!(shown.shown, "none, 1.14");
}
