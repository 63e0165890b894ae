//! Groups of errors: they agree with the statistics, also after a kill, are merged over processes, stay few, and are shown safely.

use std::time::Duration;

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::errors::{self, ErrorGroup};
use mainspring::stats::{self, Kind};
use mainspring::{Enqueue, JobContext, JobError, JobResult, Scheduler, Task};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::{answer, assert_refused, json as printed, on};
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::process::{self, Process};
use crate::support::rows::count;
use crate::support::waiting::{until, until_at_least};

const HOUR: Duration = Duration::from_secs(3_600);

/// Fails with its text, for good or to be tried again much later.
#[derive(Serialize, Deserialize)]
struct Fail {
    error: String,
    dead: Dead,
}
#[derive(Serialize, Deserialize)]
enum Dead {
    No,
    Yes,
}
impl Task for Fail {
    const NAME: &'static str = "fail";
}

async fn fail(task: Fail, _: JobContext) -> JobResult {
    Err(match task.dead {
        Dead::No => JobError::retry_in(HOUR, task.error),
        Dead::Yes => JobError::discard(task.error),
    })
}

fn failing(error: impl Into<String>, dead: Dead) -> Enqueue<Fail> {
    Enqueue::new(Fail { error: error.into(), dead })
}

/// The failed and the dead of a task by its statistics, and by its groups.
fn both(conn: &mut PgConnection, task: &str) -> [(u64, u64); 2] {
    let stats = stats::since(conn, HOUR).unwrap();
    let counts = stats.iter().find(|stats| stats.kind == Kind::Task && stats.name == task).unwrap().counts;
    let groups = errors::since(conn, HOUR).unwrap();
    let groups = groups.iter().filter(|group| group.task == task);
    let counted = groups.fold((0, 0), |(failed, dead), group| (failed + group.failed, dead + group.dead));
    [(counts.failed, counts.dead), counted]
}

#[tokio::test]
async fn groups_agree_with_the_statistics_and_show_a_sample() {
    let database = TestDatabase::new();
    let builder = Scheduler::builder(database.url()).handler(fail).handler(behave);
    let scheduler = builder.start().await.unwrap();
    for n in 0..20 {
        scheduler
            .enqueue(failing(format!("order {n} of 'shop {n}' not found\nsecond {n}"), Dead::No))
            .await
            .unwrap();
    }
    scheduler.enqueue(failing("order 20 of 'x' not found", Dead::Yes)).await.unwrap();
    scheduler.enqueue(failing("disk full", Dead::Yes)).await.unwrap();
    for what in ["panic", "panic", "fail", "succeed", "cancel"] {
        scheduler.enqueue(act(what).max_attempts(1)).await.unwrap();
    }
    until(&database, "mainspring.jobs WHERE state = 'dead'", 5).await;
    until(&database, "mainspring.jobs WHERE state = 'scheduled'", 20).await;
    until(&database, "mainspring.history", 2).await;
    scheduler.stop().await;

    let conn = &mut database.connection();
    assert_eq!((both(conn, "fail"), both(conn, "act")), ([(20, 2); 2], [(0, 3); 2]));
    let groups = errors::since(conn, HOUR).unwrap();
    assert_eq!(groups.len(), 4, "{groups:?}");
    let first = &groups[0];
    assert_eq!((first.summary.as_str(), first.count()), ("order # of '' not found", 21));
    assert!(first.first_seen <= first.last_seen && first.fingerprint.len() == 12);
    let job = mainspring::jobs::get(conn, first.job_id.unwrap()).unwrap().unwrap();
    assert_eq!((job.last_error, first.attempt), (first.error.clone(), Some(1)));
    assert!(first.error.as_ref().unwrap().contains("\nsecond "));
    let panic = groups.iter().find(|group| group.summary.ends_with(": the bottom fell out")).unwrap();
    assert!(
        panic.dead == 2 && panic.summary.starts_with("panicked at tests/it/support/jobs.rs:"),
        "{panic:?}"
    );
    assert_eq!(errors::get(conn, &first.fingerprint).unwrap().as_ref(), Some(first));
    assert_eq!(errors::get(conn, "unknown").unwrap(), None);
    // The statistics of tasks are as they were.
    assert!(
        stats::since(conn, HOUR).unwrap().iter().all(|stats| ["act", "fail"].contains(&stats.name.as_str()))
    );
}

#[tokio::test]
async fn processes_add_to_the_same_groups() {
    let database = TestDatabase::new();
    let mut seen = Vec::new();
    for n in 1..=3 {
        let scheduler = Scheduler::builder(database.url()).handler(fail).start().await.unwrap();
        let id = scheduler.enqueue(failing(format!("no route to 10.0.0.{n}"), Dead::Yes)).await.unwrap();
        until(&database, "mainspring.jobs WHERE state = 'dead'", n).await;
        let groups = scheduler.errors(HOUR).await.unwrap();
        assert_eq!(groups.len() as i64, (n - 1).min(1), "not stored yet");
        scheduler.stop().await;
        let [group] = &errors::since(&mut database.connection(), HOUR).unwrap()[..] else { panic!() };
        assert_eq!((group.count(), group.job_id), (n as u64, Some(id)), "the sample is a recent one");
        seen.push((group.fingerprint.clone(), group.first_seen));
    }
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
}

/// Not a test of its own.
#[tokio::test]
#[ignore = "a helper process of `after_a_kill_groups_and_statistics_still_agree`"]
async fn helper_process_that_fails() {
    let Some(url) = process::given_url() else { return };
    let scheduler = Scheduler::builder(url).handler(fail).start().await.unwrap();
    for n in 0_u64.. {
        let dead = if n.is_multiple_of(3) { Dead::Yes } else { Dead::No };
        scheduler.enqueue(failing(format!("number {n}"), dead)).await.unwrap();
        // The load, which lasts longer than the interval in which numbers are stored.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn after_a_kill_groups_and_statistics_still_agree() {
    let database = TestDatabase::new();
    let helper = process::command("error_groups::helper_process_that_fails", &database.url());
    let mut process = Process::start(&mut { helper });
    until_at_least(&database, "mainspring.stats WHERE kind = 'error'", 1).await;
    process.kill();
    let conn = &mut database.connection();
    let [counted, grouped] = both(conn, "fail");
    assert_eq!(counted, grouped);
    let total = (counted.0 + counted.1) as i64;
    let old = count(
        conn,
        "mainspring.jobs WHERE errors IS NOT NULL AND (errors #>> '{0,at}')::timestamptz < \
         (SELECT max((errors #>> '{0,at}')::timestamptz) FROM mainspring.jobs) - interval '11 seconds'",
    );
    let all = count(conn, "mainspring.jobs WHERE errors IS NOT NULL");
    assert!((old..=all).contains(&total) && total > 0, "{total} of {all}, {old} of them old");
}

/// Errors of that many kinds, as a process stores them.
fn add(conn: &mut PgConnection, from: u32, to: u32) {
    let counted: Vec<_> = (from..to)
        .map(|n| json!({"task": "a", "summary": format!("kind {n}"), "failed": 2, "dead": 1, "error": "e"}))
        .collect();
    let counted = serde_json::Value::from(counted);
    conn.batch_execute(&format!("SELECT mainspring.add_errors('{counted}')")).unwrap();
}

#[test]
fn the_table_stays_small_and_every_error_is_counted() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let total = |conn: &mut PgConnection| -> u64 {
        errors::since(conn, HOUR).unwrap().iter().map(ErrorGroup::count).sum()
    };
    (0..12).for_each(|n| add(conn, n * 50, n * 50 + 50));
    assert_eq!((count(conn, "mainspring.error_groups"), total(conn)), (500, 1_800));
    let others = errors::get(conn, ErrorGroup::OTHERS).unwrap().unwrap();
    assert_eq!((others.failed, others.dead, others.error), (200, 100, None));
    let table = answer(on(&database, &["errors"]));
    assert!(table.lines().nth(1).unwrap().ends_with("all others"), "{table}");
    // Those with the oldest last error go, and make room.
    conn.batch_execute(
        "UPDATE mainspring.error_groups SET last_seen = now() - interval '1 day' WHERE summary = 'kind 7'",
    )
    .unwrap();
    conn.batch_execute("SELECT mainspring.sweep_stats()").unwrap();
    assert_eq!(count(conn, "mainspring.error_groups WHERE summary = 'kind 7'"), 0);
    assert_eq!((count(conn, "mainspring.error_groups"), total(conn)), (400, 1_800));
    add(conn, 1_000, 1_001);
    assert_eq!((count(conn, "mainspring.error_groups"), total(conn)), (401, 1_803));
    conn.batch_execute("UPDATE mainspring.error_groups SET last_seen = now() - interval '91 days'").unwrap();
    conn.batch_execute("SELECT mainspring.sweep_stats()").unwrap();
    assert_eq!((count(conn, "mainspring.error_groups"), total(conn)), (0, 1_803));
}

/// Fails with a text of eight megabytes that would clear the terminal.
#[derive(Serialize, Deserialize)]
struct Hostile {}
impl Task for Hostile {
    const NAME: &'static str = "hostile\u{1b}[2J";
}

async fn be_hostile(_: Hostile, _: JobContext) -> JobResult {
    let text = format!("\u{1b}[2J\u{202e}kind\u{7}\0 {}\nnext\u{9b}line", "\u{e9}".repeat(4_000_000));
    Err(JobError::discard(text))
}

async fn stored_hostile(database: &TestDatabase) -> ErrorGroup {
    let scheduler = Scheduler::builder(database.url()).handler(be_hostile).start().await.unwrap();
    scheduler.enqueue(Enqueue::new(Hostile {})).await.unwrap();
    until(database, "mainspring.jobs WHERE state = 'dead'", 1).await;
    scheduler.stop().await;
    let mut groups = errors::since(&mut database.connection(), HOUR).unwrap();
    assert_eq!((groups.len(), groups[0].dead), (1, 1), "{groups:?}");
    groups.remove(0)
}

#[tokio::test]
async fn hostile_errors_are_cut_and_cannot_command_the_terminal() {
    let database = TestDatabase::new();
    let group = stored_hostile(&database).await;
    let error = group.error.unwrap();
    assert!(error.chars().count() < 8_100 && error.ends_with(" more characters cut)"));
    assert!(group.summary.starts_with("\u{1b}[#J\u{202e}kind\u{7}\u{fffd} \u{e9}"), "{}", group.summary);
    assert_eq!(group.summary.chars().count(), 200);
    for arguments in [&["errors"][..], &["errors", &group.fingerprint], &["errors", "--json"]] {
        let shown = answer(on(&database, arguments));
        let harmless =
            |character: char| character == '\n' || !(character.is_control() || character == '\u{202e}');
        assert!(shown.contains("kind") && shown.chars().all(harmless), "{arguments:?}: {shown:?}");
    }
}

#[tokio::test]
async fn an_error_that_the_encoding_lacks_is_counted_all_the_same() {
    let group = stored_hostile(&TestDatabase::encoded("LATIN1")).await;
    assert!(group.error.unwrap().contains("\\u{202e}kind"), "{}", group.summary);
    assert_eq!(group.task, "hostile\u{1b}[2J");
}

#[test]
fn the_command_lists_groups_and_shows_one_in_full() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    assert_eq!(answer(on(&database, &["errors"])).lines().count(), 1);
    add(conn, 0, 2);
    let one = json!([{"task": "b", "summary": "no '' here", "failed": 9, "dead": 0, "job_id": 7, "attempt": 3,
        "error": "no \"7\" here: cause\n  and more"}]);
    let one = one.to_string().replace('\'', "''");
    conn.batch_execute(&format!("SELECT mainspring.add_errors('{one}')")).unwrap();
    let groups = printed(on(&database, &["errors", "--since", "10m", "--json"]));
    let first = &groups[0];
    assert_eq!(
        (groups.as_array().unwrap().len(), &first["task"], &first["failed"]),
        (3, &"b".into(), &9.into())
    );
    let listed = answer(on(&database, &["errors", "--task", "b"]));
    let line: Vec<_> = listed.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((line[0], line[1], line[2]), (first["fingerprint"].as_str().unwrap(), "9", "0"));
    assert!(listed.lines().count() == 2 && listed.ends_with("b     7    no '' here\n"), "{listed}");
    let shown = answer(on(&database, &["errors", line[0]]));
    assert!(
        shown.contains("attempt     3\n") && shown.ends_with("  no \"7\" here: cause\n    and more\n"),
        "{shown}"
    );
    assert_eq!(&printed(on(&database, &["errors", line[0], "--json"])), first);
    assert_refused(on(&database, &["errors", "ab'c\u{1b}"]), 1, "there is no group of errors `ab'c\\u{1b}`");
    assert_refused(on(&database, &["errors", line[0], "--task", "b"]), 2, "--task");
}
