//! Processes that are killed and a database that goes away: each fire of each line and schedule still happens, once.

use std::time::Duration;

use diesel::PgConnection;
use mainspring::{CatchUp, NewSchedule, schedules};

use super::*;
use crate::support::process::{self, Process};
use crate::support::waiting::{until, until_at_least};

const EACH_SECOND: &str = "* * * * * *";
// No process has a handler for it, so that its jobs stay and can be counted.
const KEPT: &str = "kept";

/// `count` lines that fire each second, each with its number in the payload.
fn lines(count: usize) -> String {
    (0..count).map(|n| format!("{EACH_SECOND} {KEPT} ?id=line-{n} {{line: 'line-{n}'}}\n")).collect()
}

fn keep_schedules(conn: &mut PgConnection, count: usize) {
    for n in 0..count {
        let name = format!("schedule-{n}");
        let payload = serde_json::json!({"line": name});
        let schedule =
            NewSchedule::new(&name, KEPT, EACH_SECOND).payload(payload).catch_up(CatchUp::All(100));
        schedules::create(conn, &schedule).unwrap();
    }
}

/// Fires that happened twice, and seconds between the first and the last fire of a line in which it did not fire.
fn faults(conn: &mut PgConnection) -> (i64, i64) {
    let twice =
        "(SELECT FROM mainspring.jobs GROUP BY payload ->> 'line', run_at HAVING count(*) > 1) AS twice";
    let skipped = "(SELECT run_at - lag(run_at) OVER (PARTITION BY payload ->> 'line' ORDER BY run_at) AS gap \
                   FROM mainspring.jobs) AS gaps WHERE gap > interval '1 second'";
    (count(conn, twice), count(conn, skipped))
}

/// Not a test of its own: the process that another test starts and kills.
#[tokio::test]
#[ignore = "a helper process of `fires_happen_once_while_processes_are_killed_and_started`"]
async fn helper_process_that_fires() {
    let Some(url) = process::given_url() else { return };
    let crontab = std::env::var("MAINSPRING_TEST_CRONTAB").unwrap();
    let _scheduler = Scheduler::builder(url).crontab(&crontab).start().await.unwrap();
    std::future::pending::<()>().await;
}

fn helper(database: &TestDatabase, crontab: &str) -> Process {
    let mut command = process::command("firing::outages::helper_process_that_fires", &database.url());
    Process::start(command.env("MAINSPRING_TEST_CRONTAB", crontab))
}

/// Three processes until there are that many fires. As soon as all three fire, the oldest is killed and another one is
/// started. Each has a line of its own, which shows that it fires: what is due while no process fires is skipped rightly.
async fn fire_under_kills(lines: usize, fires: i64) {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    keep_schedules(&mut conn, lines / 10);
    let crontab = self::lines(lines);
    let start = |n: usize| {
        helper(&database, &format!("{crontab}{EACH_SECOND} {KEPT} ?id=own-{n} {{line: 'own-{n}'}}\n"))
    };
    let mut processes: Vec<Process> = (0..3).map(start).collect();
    let mut kills = 0;
    while count(&mut conn, "mainspring.jobs") < fires {
        for n in kills..kills + 3 {
            let fired = format!(
                "(SELECT FROM mainspring.jobs WHERE payload ->> 'line' = 'own-{n}' LIMIT 1) AS fired"
            );
            until(&database, &fired, 1).await;
        }
        processes.remove(0).kill();
        processes.push(start(kills + 3));
        kills += 1;
        assert!(kills < fires as usize, "no progress: {} fires", count(&mut conn, "mainspring.jobs"));
    }
    drop(processes);
    assert_eq!(faults(&mut conn), (0, 0), "after {kills} kills");
    let tellers = "(SELECT DISTINCT payload ->> 'line' FROM mainspring.jobs WHERE payload ->> 'line' NOT LIKE 'own-%') AS tellers";
    assert_eq!(count(&mut conn, tellers), (lines + lines / 10) as i64);
    eprintln!("{} fires, {kills} kills", count(&mut conn, "mainspring.jobs"));
}

#[tokio::test]
async fn fires_happen_once_while_processes_are_killed_and_started() {
    fire_under_kills(100, 2_000).await;
}

#[tokio::test]
#[ignore = "minutes long; run it by hand"]
async fn twenty_thousand_fires_happen_once_under_kills() {
    fire_under_kills(100, 20_000).await;
}

/// Two lines and two schedules, each second; the database is away for so long, and every fire is there in the end.
async fn fire_around_an_outage(seconds: u64) {
    let database = TestDatabase::new();
    keep_schedules(&mut database.connection(), 2);
    let scheduler = Scheduler::builder(database.url()).crontab(&lines(2)).start().await.unwrap();
    until_at_least(&database, "mainspring.jobs", 8).await;
    database.go_away();
    let away = Utc::now();
    // The length of the outage is the law: fires that are due in it are late.
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    database.come_back();
    all_made_up_for(&database, away, seconds).await;
    scheduler.stop().await;
}

async fn all_made_up_for(database: &TestDatabase, away: DateTime<Utc>, seconds: u64) {
    let back = Utc::now();
    let after =
        format!("(SELECT DISTINCT payload ->> 'line' FROM mainspring.jobs WHERE run_at > '{back}') AS after");
    until(database, &after, 4).await;
    let mut conn = database.connection();
    assert_eq!(faults(&mut conn), (0, 0));
    let missed = count(&mut conn, &format!("mainspring.jobs WHERE run_at > '{away}' AND run_at < '{back}'"));
    assert!(missed >= 4 * (seconds as i64 - 1), "{missed}");
}

// Long enough that some fires are late.
#[tokio::test]
async fn fires_of_an_outage_happen_once_when_the_database_is_back() {
    fire_around_an_outage(12).await;
}

#[tokio::test]
#[ignore = "a minute long; run it by hand"]
async fn fires_of_a_minute_without_a_database_happen_once_when_it_is_back() {
    fire_around_an_outage(65).await;
}

#[tokio::test]
async fn a_process_that_was_suspended_makes_up_for_what_was_due_meanwhile() {
    let database = TestDatabase::new();
    keep_schedules(&mut database.connection(), 2);
    let process = helper(&database, &lines(2));
    until_at_least(&database, "mainspring.jobs", 8).await;
    process.signal("STOP");
    let away = Utc::now();
    // As above, the length of the suspension is the law.
    tokio::time::sleep(Duration::from_secs(12)).await;
    process.signal("CONT");
    all_made_up_for(&database, away, 12).await;
    drop(process);
}

#[tokio::test]
async fn a_line_whose_job_is_refused_holds_up_no_other_and_no_schedule() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    keep_schedules(&mut conn, 1);
    let limit = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET mainspring.max_payload_bytes = 1000', \
                 current_database()); END $$";
    conn.batch_execute(limit).unwrap();
    let fat = format!("{EACH_SECOND} {KEPT} ?id=fat {{line: '{}'}}\n", "x".repeat(2_000));
    let crontab = fat + &lines(1);
    let scheduler = Scheduler::builder(database.url()).crontab(&crontab).start().await.unwrap();
    let tellers =
        "(SELECT payload ->> 'line' FROM mainspring.jobs GROUP BY 1 HAVING count(*) > 1) AS tellers";
    until(&database, tellers, 2).await;
    scheduler.stop().await;
}
