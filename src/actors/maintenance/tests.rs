//! The steps of a round of maintenance. Each is made to fail in turn.

use std::sync::Mutex;
use std::thread::{self, ThreadId};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use log::{Log, Metadata, Record};

use super::*;
use crate::Scheduler;
use crate::rows::count;
use crate::server::TestDatabase;

/// What a step does: its function, the words of its log lines, and the rows that are left where it has failed.
const STEPS: [(&str, &str, &str); 9] = [
    (
        "prepare_history(timestamptz)",
        "prepare the history",
        "generate_series(1, 1) WHERE to_regclass('mainspring.history_' || to_char(now() AT TIME ZONE 'UTC' \
         + interval '1 day', 'YYYYMMDD')) IS NULL",
    ),
    (
        "drop_history(interval)",
        "drop old history",
        "pg_inherits WHERE inhrelid = to_regclass('mainspring.history_20010203')",
    ),
    (
        "sweep_fires(interval, bigint)",
        "delete old fires",
        "mainspring.schedule_fires WHERE fired_at < now() - interval '9 years'",
    ),
    (
        "sweep_audit(bigint)",
        "delete old lines of the audit log",
        "mainspring.audit WHERE acted_at < now() - interval '9 years'",
    ),
    (
        "sweep_operations(bigint)",
        "delete old operations",
        "mainspring.operations WHERE ended_at < now() - interval '9 years'",
    ),
    ("retire_lines()", "retire crontab lines", "mainspring.schedules WHERE next_fire_at IS NOT NULL"),
    ("sweep_dead_jobs(interval, bigint)", "delete old dead jobs", "mainspring.jobs WHERE state = 'dead'"),
    ("sweep_steps(bigint, bigint)", "delete steps of jobs that are gone", "mainspring.steps"),
    (
        "sweep_workflows(interval, bigint, bigint)",
        "delete old workflows",
        "mainspring.workflows WHERE created_at < now() - interval '9 years'",
    ),
];

const WORK: &str = "
    DO $$ BEGIN
        EXECUTE 'DROP TABLE IF EXISTS mainspring.history_' || to_char(now() AT TIME ZONE 'UTC' + interval '1 day', 'YYYYMMDD');
    END $$;
    CREATE TABLE mainspring.history_20010203 PARTITION OF mainspring.history
        FOR VALUES FROM ('2001-02-03 00:00:00+00') TO ('2001-02-04 00:00:00+00');
    INSERT INTO mainspring.schedule_fires (fired_at, due_at, schedule, outcome, triggered)
        VALUES (now() - interval '10 years', now(), 's', 'missed', false);
    INSERT INTO mainspring.audit (acted_at, who, act, kind, subject, result)
        VALUES (now() - interval '10 years', 'anna', 'pause-queue', 'queue', 'q', 'paused');
    INSERT INTO mainspring.operations (ended_at, first_id, done_id, last_id, state, who, act, filter, words)
        VALUES (now() - interval '10 years', 0, 0, 0, 'done', 'anna', 'retry', '{}', 'state dead');
    INSERT INTO mainspring.steps (job_id, position, name, value, payload_hash) VALUES (7777, 1, 'charge', '1', 0);
    INSERT INTO mainspring.workflows (created_at, name) VALUES (now() - interval '10 years', 'old');
    INSERT INTO mainspring.schedules (owner, name, task, expression, zone, payload, priority, max_attempts, overlap,
            catch_up, jitter_seconds, paused, next_fire_at)
        VALUES ('code', 'line', 'a', '@daily', 'UTC', '{}', 0, 25, 'allow', 1, 0, false, now() + interval '1 day')";

const OLD_JOB: &str = "INSERT INTO mainspring.jobs (task, run_at, state, updated_at) \
    VALUES ('a', now(), 'dead', now() - interval '10 years')";

#[derive(QueryableByName)]
struct Definition {
    #[diesel(sql_type = Text)]
    text: String,
}

// Makes the function fail, and returns what makes it whole again.
fn poison(conn: &mut PgConnection, function: &str) -> String {
    let text = format!("SELECT pg_get_functiondef('mainspring.{function}'::regprocedure) AS text");
    let whole = sql_query(text).get_result::<Definition>(conn).unwrap().text;
    let (head, _) = whole.split_once("AS $function$").unwrap();
    let head = head.replace("LANGUAGE sql", "LANGUAGE plpgsql");
    let poisoned = format!("{head} AS $function$ BEGIN RAISE EXCEPTION 'poisoned'; END $function$");
    conn.batch_execute(&poisoned).unwrap();
    whole
}

/// With the thread of each: schedulers of other tests log too.
static LINES: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());

struct Kept;

impl Log for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "mainspring::actors::maintenance"
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            LINES.lock().unwrap().push((thread::current().id(), record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

fn lines_with(text: &str) -> usize {
    let (lines, here) = (LINES.lock().unwrap(), thread::current().id());
    lines.iter().filter(|(thread, line)| *thread == here && line.contains(text)).count()
}

#[tokio::test]
async fn each_step_fails_by_itself_and_is_logged_once_until_it_works_again() {
    log::set_logger(&Kept).expect("no other logger in these tests");
    log::set_max_level(log::LevelFilter::Info);
    for (function, words, left) in STEPS {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        let builder = Scheduler::builder(database.url()).dead_retention(Duration::from_secs(86_400));
        // It has no actors, so that no round but those below fails.
        let scheduler = builder.connect().await.unwrap();
        let shared = scheduler.shared();
        let whole = poison(&mut conn, function);
        conn.batch_execute(WORK).unwrap();
        conn.batch_execute(OLD_JOB).unwrap();
        let mut duties = Duties::default();
        for _ in 0..2 {
            duties.perform(&shared).await;
            for (other, _, from) in STEPS {
                let expected = i64::from(other == function);
                assert_eq!(count(&mut conn, from), expected, "{other} while {function} fails");
            }
        }
        conn.batch_execute(&whole).unwrap();
        duties.perform(&shared).await;
        duties.perform(&shared).await;
        assert_eq!(count(&mut conn, left), 0, "{function}");
        assert_eq!(lines_with(&format!("cannot {words}")), 1, "{function}");
        assert_eq!(lines_with(&format!("possible again to {words}")), 1, "{function}");
        scheduler.stop().await;
    }
}
