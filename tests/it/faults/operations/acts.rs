//! What a person does to many jobs is done to all but those that the database does not let be changed.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::jobs::{self, ActResult, JobAct, Reschedule};
use mainspring::{queues, workers};

use crate::cli::on;
use crate::support::database::TestDatabase;
use crate::support::rows::count;

/// What is wrong with the middle one of three jobs.
#[derive(Debug, Clone, Copy)]
enum Poison {
    /// Its row breaks a check, which a restore had switched off.
    Check,
    /// An application's trigger refuses each change of it.
    Trigger,
}

const POISONS: [Poison; 2] = [Poison::Check, Poison::Trigger];

/// Three jobs in the state, the second one poisoned.
fn poisoned(poison: Poison, state: &str) -> TestDatabase {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let lease = if state == "running" { "7, 1, now()" } else { "NULL, NULL, NULL" };
    let attempts = if matches!(state, "running" | "dead") { 1 } else { 0 };
    let row = |task: &str| format!("('{task}', '{state}', now(), {attempts}, {lease})");
    let bad = if matches!(poison, Poison::Check) { "" } else { "bad" };
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.workers (name, tasks, timeout) VALUES ('one', '{{}}', '1 hour'); \
         ALTER TABLE mainspring.jobs DROP CONSTRAINT jobs_task_length; \
         INSERT INTO mainspring.jobs (task, state, run_at, attempts, lease, worker_id, locked_at) VALUES {}, {}, {}; \
         ALTER TABLE mainspring.jobs ADD CONSTRAINT jobs_task_length \
             CHECK (char_length(task) BETWEEN 1 AND 128) NOT VALID; \
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF OLD.task = 'bad' THEN RAISE EXCEPTION 'not this one'; END IF; \
             RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END; END $$; \
         CREATE TRIGGER refuse BEFORE UPDATE OR DELETE ON mainspring.jobs FOR EACH ROW EXECUTE FUNCTION refuse()",
        row("good"),
        row(bad),
        row("good")
    ))
    .unwrap();
    database
}

fn results(acts: Vec<JobAct>) -> Vec<ActResult> {
    acts.into_iter().map(|act| act.result).collect()
}

type Act = fn(&mut PgConnection) -> Vec<JobAct>;

const IDS: [i64; 3] = [1, 2, 3];
const ACTS: [(&str, ActResult, Act); 8] = [
    ("ready", ActResult::Failed, |conn| jobs::fail(conn, &IDS, None).unwrap()),
    ("ready", ActResult::Rescheduled, |conn| {
        jobs::reschedule(conn, &IDS, &Reschedule::new().priority(5)).unwrap()
    }),
    ("waiting", ActResult::Released, |conn| jobs::release(conn, &IDS).unwrap()),
    ("held", ActResult::Released, |conn| jobs::release(conn, &IDS).unwrap()),
    ("dead", ActResult::Retried, |conn| jobs::retry(conn, &IDS, None).unwrap()),
    ("running", ActResult::Cancelling, |conn| jobs::cancel(conn, &IDS, None).unwrap()),
    ("ready", ActResult::Cancelled, |conn| jobs::cancel(conn, &IDS, None).unwrap()),
    ("dead", ActResult::Completed, |conn| jobs::complete(conn, &IDS, None).unwrap()),
];

#[test]
fn an_act_on_many_jobs_leaves_out_the_one_that_cannot_be_changed() {
    for poison in POISONS {
        for (state, done, act) in ACTS {
            let database = poisoned(poison, state);
            let found = results(act(&mut database.connection()));
            // A row that goes meets no check.
            let goes = matches!(done, ActResult::Cancelled | ActResult::Completed);
            let second = if goes && matches!(poison, Poison::Check) { done } else { ActResult::Refused };
            assert_eq!(found, [done, second, done], "{poison:?} {state}");
        }
    }
}

#[test]
fn a_deletion_and_a_release_leave_out_the_one_that_cannot_be_changed() {
    let database = poisoned(Poison::Trigger, "dead");
    let mut conn = database.connection();
    let found = results(jobs::delete(&mut conn, &IDS).unwrap());
    assert_eq!(found, [ActResult::Deleted, ActResult::Refused, ActResult::Deleted]);
    assert_eq!(count(&mut conn, "mainspring.jobs"), 1);
    for poison in POISONS {
        let database = poisoned(poison, "running");
        let mut conn = database.connection();
        assert_eq!(workers::release(&mut conn, &[1]).unwrap()[0].result, ActResult::Released);
        assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'ready'"), 2, "{poison:?}");
        assert_eq!(count(&mut conn, "mainspring.workers"), 0);
    }
}

#[test]
fn the_program_reports_what_was_left_out_and_does_the_rest() {
    let database = poisoned(Poison::Check, "dead");
    let output = on(&database, &["jobs", "retry", "--state", "dead", "--yes"]);
    assert_eq!(output.status.code(), Some(3));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.ends_with("mainspring: 1 of 3 were not changed\n"), "{errors}");
    assert_eq!(count(&mut database.connection(), "mainspring.jobs WHERE state = 'ready'"), 2);
}

#[test]
fn a_queue_is_paused_and_narrowed_though_one_of_its_jobs_cannot_be_parked() {
    for poison in POISONS {
        let database = poisoned(poison, "ready");
        let mut conn = database.connection();
        conn.batch_execute(
            "SET session_replication_role = replica; \
             ALTER TABLE mainspring.jobs DROP CONSTRAINT jobs_task_length; \
             UPDATE mainspring.jobs SET queue = 'q'; \
             ALTER TABLE mainspring.jobs ADD CONSTRAINT jobs_task_length \
                 CHECK (char_length(task) BETWEEN 1 AND 128) NOT VALID; \
             SET session_replication_role = origin",
        )
        .unwrap();
        assert!(queues::pause(&mut conn, "q").unwrap());
        assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'parked'"), 2, "{poison:?}");
        assert!(queues::resume(&mut conn, "q").unwrap());
    }
}

#[test]
fn the_number_of_rows_to_clear_away_is_not_negative() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for call in ["remove_unused_queues(-1)", "delete_dead_jobs('1 day', -1)", "delete_dead_jobs('-1 day')"] {
        let error = conn.batch_execute(&format!("SELECT mainspring.{call}")).unwrap_err().to_string();
        assert!(error.contains("most must be at least 0") || error.contains("older_than must be"), "{error}");
    }
}
