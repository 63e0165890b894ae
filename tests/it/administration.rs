//! Acts by hand over lists of ids: what they do to a job in each state, and that whatever cannot be changed is reported.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::history::{self, HistoryFilter};
use mainspring::jobs::{self, ActResult, JobAct, Reschedule};
use mainspring::{JobState, StoreError, queues, workers};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::{WAITS_FOR_A_ROW, count};
use crate::support::schedulers::scheduler;
use crate::support::statements::before_any_poll;
use crate::support::waiting::until;

/// A job in each state, by id, each but the running one with the key of its id; the worker of the running one is 1.
const ONE_IN_EACH_STATE: &str = "
    INSERT INTO mainspring.workers (name, tasks, timeout) VALUES ('one', '{act}', '1 hour');
    INSERT INTO mainspring.jobs (id, task, state, queue, run_at, attempts, max_attempts, deaths, key, last_error, superseded) VALUES
        (1, 'act', 'scheduled', NULL, now() + interval '1 hour', 0, 25, 0, '1', NULL, false),
        (2, 'act', 'parked', 'q', now(), 0, 25, 0, '2', NULL, false),
        (3, 'act', 'ready', NULL, now(), 2, 25, 3, '3', 'boom', false),
        (5, 'act', 'dead', NULL, now(), 25, 25, 10, '5', 'boom', true);
    INSERT INTO mainspring.jobs (id, task, state, run_at, attempts, lease, worker_id, locked_at)
        VALUES (4, 'act', 'running', now(), 1, 7, 1, now());
    SELECT setval('mainspring.jobs_id_seq', 5);";
const ALL: [i64; 6] = [6, 5, 4, 3, 2, 1];

fn furnished() -> (TestDatabase, PgConnection) {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(ONE_IN_EACH_STATE).unwrap();
    (database, conn)
}

fn results(acts: Vec<JobAct>) -> Vec<ActResult> {
    assert_eq!(acts.iter().map(|act| act.id).collect::<Vec<_>>(), ALL);
    acts.into_iter().map(|act| act.result).collect()
}

fn states(conn: &mut PgConnection, ids: &str, state: JobState) -> i64 {
    count(conn, &format!("mainspring.jobs WHERE id IN ({ids}) AND state = '{}'", state.as_str()))
}

#[test]
fn complete_ends_all_but_running_jobs_with_a_line_in_the_history() {
    use ActResult::{Completed, Running, Unknown};
    let (_database, mut conn) = furnished();
    let done = jobs::complete(&mut conn, &ALL, Some("done on paper")).unwrap();
    assert_eq!(results(done), [Unknown, Completed, Running, Completed, Completed, Completed]);
    assert_eq!(count(&mut conn, "mainspring.jobs"), 1);
    let history = history::list(&mut conn, &HistoryFilter::default()).unwrap();
    assert!(
        history
            .iter()
            .all(|row| row.outcome == "succeeded" && row.reason.as_deref() == Some("done on paper"))
    );
    assert_eq!(history.len(), 4);
}

#[test]
fn fail_makes_waiting_jobs_dead_with_the_reason_and_frees_their_keys() {
    use ActResult::{Dead, Failed, Running, Unknown};
    let (_database, mut conn) = furnished();
    let done = jobs::fail(&mut conn, &ALL, Some("not wanted")).unwrap();
    assert_eq!(results(done), [Unknown, Dead, Running, Failed, Failed, Failed]);
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'dead' AND last_error = 'not wanted'"), 3);
    assert!(act("done").key("1").insert(&mut conn).unwrap() > 5);
}

#[test]
fn cancel_ends_waiting_jobs_and_tells_running_ones() {
    use ActResult::{Cancelled, Cancelling, Dead, Unknown};
    let (_database, mut conn) = furnished();
    let done = jobs::cancel(&mut conn, &ALL, None).unwrap();
    assert_eq!(results(done), [Unknown, Dead, Cancelling, Cancelled, Cancelled, Cancelled]);
    assert_eq!(count(&mut conn, "mainspring.history WHERE outcome = 'cancelled'"), 3);
}

#[test]
fn delete_leaves_no_trace_and_running_jobs_alone() {
    use ActResult::{Deleted, Running, Unknown};
    let (_database, mut conn) = furnished();
    let done = jobs::delete(&mut conn, &ALL).unwrap();
    assert_eq!(results(done), [Unknown, Deleted, Running, Deleted, Deleted, Deleted]);
    assert_eq!(count(&mut conn, "mainspring.jobs") + count(&mut conn, "mainspring.history"), 1);
}

#[test]
fn retry_clears_attempts_and_deaths_unless_their_key_is_taken() {
    use ActResult::{KeyTaken, Retried, Running, Unknown, Waiting};
    let (_database, mut conn) = furnished();
    let done = jobs::retry(&mut conn, &ALL, None).unwrap();
    assert_eq!(results(done), [Unknown, Retried, Running, Waiting, Waiting, Waiting]);
    let alive = "mainspring.jobs WHERE id = 5 AND state = 'ready' AND attempts = 0 AND deaths = 0 AND NOT superseded AND last_error = 'boom'";
    assert_eq!(count(&mut conn, alive), 1);

    // Two dead jobs of one key: the first gets it. A key that a newer job holds is not taken from it.
    conn.batch_execute("UPDATE mainspring.jobs SET state = 'dead', key = 'twice' WHERE id IN (2, 3)")
        .unwrap();
    conn.batch_execute("UPDATE mainspring.jobs SET state = 'dead', key = '1' WHERE id = 5").unwrap();
    let later = Utc::now() + TimeDelta::hours(1);
    let done = jobs::retry(&mut conn, &[3, 2, 5], Some(later)).unwrap();
    assert_eq!(done.iter().map(|act| act.result).collect::<Vec<_>>(), [KeyTaken, Retried, KeyTaken]);
    assert_eq!(states(&mut conn, "2", JobState::Scheduled) + states(&mut conn, "3, 5", JobState::Dead), 3);
}

#[test]
fn reschedule_changes_what_is_given_and_keeps_the_rest() {
    use ActResult::{NoAttemptLeft, Rescheduled, Running, Unknown};
    let (_database, mut conn) = furnished();
    let later = Utc::now() + TimeDelta::hours(2);
    let changes = Reschedule::new().run_at(later).priority(-7);
    let done = jobs::reschedule(&mut conn, &ALL, &changes).unwrap();
    assert_eq!(results(done), [Unknown, NoAttemptLeft, Running, Rescheduled, Rescheduled, Rescheduled]);
    assert_eq!(states(&mut conn, "1, 2, 3", JobState::Scheduled), 3);
    assert_eq!(
        count(
            &mut conn,
            "mainspring.jobs WHERE priority = -7 AND max_attempts = 25 AND id = 3 AND attempts = 2 AND deaths = 0"
        ),
        1
    );

    let now = Reschedule::new().run_at(Utc::now()).attempts(0).max_attempts(3);
    let done = jobs::reschedule(&mut conn, &ALL, &now).unwrap();
    assert_eq!(results(done), [Unknown, Rescheduled, Running, Rescheduled, Rescheduled, Rescheduled]);
    assert_eq!(states(&mut conn, "1, 3, 5", JobState::Ready) + states(&mut conn, "2", JobState::Parked), 4);
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE attempts = 0 AND max_attempts = 3"), 4);
}

#[test]
fn a_bad_argument_is_named_and_changes_nothing() {
    let (_database, mut conn) = furnished();
    let long = "x".repeat(1001);
    let cases = [
        (Reschedule::new().attempts(-1), "attempts must be 0 to 32766, got -1"),
        (Reschedule::new().max_attempts(0), "max_attempts must be 1 to 32767, got 0"),
    ];
    for (changes, words) in cases {
        let error = jobs::reschedule(&mut conn, &ALL, &changes).unwrap_err();
        assert!(matches!(&error, StoreError::Invalid { .. } if error.to_string() == words), "{error}");
    }
    for verb in [jobs::complete, jobs::fail, jobs::cancel] {
        let error = verb(&mut conn, &ALL, Some(&long)).unwrap_err();
        assert_eq!(error.to_string(), "reason must be at most 1000 characters, got 1001");
    }
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE updated_at > created_at + interval '1 second'"), 0);
    assert_eq!(count(&mut conn, "mainspring.jobs"), 5);
}

#[test]
fn releasing_a_worker_gives_attempts_back_and_counts_a_death() {
    let (_database, mut conn) = furnished();
    let released = workers::release(&mut conn, &[2, 1]).unwrap();
    let facts: Vec<_> = released.iter().map(|worker| (worker.id, worker.result, worker.jobs)).collect();
    assert_eq!(facts, [(2, ActResult::Unknown, 0), (1, ActResult::Released, 1)]);
    let back = "mainspring.jobs WHERE id = 4 AND state = 'ready' AND attempts = 0 AND deaths = 1 AND last_error LIKE 'worker released%'";
    assert_eq!(count(&mut conn, back), 1);
    assert_eq!(count(&mut conn, "mainspring.workers"), 0);
}

#[test]
fn cleaning_up_removes_old_dead_jobs_unused_queues_and_lost_workers_only() {
    let (_database, mut conn) = furnished();
    conn.batch_execute(
        "INSERT INTO mainspring.queues (name, concurrency, paused) VALUES ('q', 1, false), ('idle', 1, false), \
             ('set', 2, false), ('paused', 1, true); \
         INSERT INTO mainspring.workers (name, tasks, timeout, heartbeat_at) VALUES ('lost', '{}', '1 s', now() - interval '1 h'); \
         INSERT INTO mainspring.jobs (task, state, run_at, updated_at) \
             SELECT 'act', 'dead', now(), now() - interval '2 days' FROM generate_series(1, 2500)",
    )
    .unwrap();
    let day = Duration::from_secs(86_400);
    assert_eq!(jobs::delete_dead(&mut conn, day).unwrap(), 2500);
    assert_eq!(states(&mut conn, "5", JobState::Dead), 1);
    assert_eq!(queues::remove_unused(&mut conn).unwrap(), 1);
    assert_eq!(count(&mut conn, "mainspring.queues WHERE name = 'idle'"), 0);
    let lost = workers::release_lost(&mut conn).unwrap();
    assert_eq!((lost.len(), count(&mut conn, "mainspring.workers WHERE name = 'one'")), (1, 1));
}

#[tokio::test]
async fn whatever_an_act_makes_due_starts_at_once() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let (builder, mut started) = scheduler(&database);
        let scheduler = builder.poll_interval(Duration::from_secs(15)).start().await.unwrap();
        let mut conn = database.connection();
        let far = Utc::now() + TimeDelta::hours(1);
        let by_sql = act("done").run_at(far).insert(&mut conn).unwrap();
        let by_handle = act("done").run_at(far).queue("q").insert(&mut conn).unwrap();
        let now = Reschedule::new().run_at(Utc::now());
        jobs::reschedule(&mut conn, &[by_sql], &now).unwrap();
        assert_eq!(started.next().await.id, by_sql);
        let done = scheduler.jobs().reschedule([by_handle], now).await.unwrap();
        assert_eq!(done[0].result, ActResult::Rescheduled);
        assert_eq!(started.next().await.id, by_handle);

        let dead = scheduler.enqueue(act("discard")).await.unwrap();
        assert_eq!(started.next().await.id, dead);
        until(&database, "mainspring.jobs WHERE state = 'dead'", 1).await;
        jobs::retry(&mut conn, &[dead], None).unwrap();
        assert_eq!(started.next().await.id, dead);
        scheduler.stop().await;
        let stopped = scheduler.jobs().delete([1]).await;
        assert!(stopped.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_slot_that_an_action_frees_admits_the_next_job_at_once() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        let head = mainspring::NewJob::new("unknown", &serde_json::json!({}));
        let head = head.queue("q").insert(&mut conn).unwrap();
        conn.batch_execute("SELECT mainspring.admit('{q}')").unwrap();
        assert_eq!(states(&mut conn, &head.to_string(), JobState::Ready), 1);
        let (builder, mut started) = scheduler(&database);
        let scheduler = builder.poll_interval(Duration::from_secs(15)).start().await.unwrap();
        let next_one = scheduler.enqueue(act("done").queue("q")).await.unwrap();
        jobs::fail(&mut conn, &[head], None).unwrap();
        assert_eq!(started.next().await.id, next_one);
        scheduler.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_job_committed_while_an_action_waits_is_unknown_to_it() {
    type Act = fn(&mut PgConnection, &[i64]) -> Result<Vec<JobAct>, StoreError>;
    let acts: [(Act, ActResult); 4] = [
        (|conn, ids| jobs::complete(conn, ids, None), ActResult::Completed),
        (|conn, ids| jobs::fail(conn, ids, None), ActResult::Failed),
        (|conn, ids| jobs::cancel(conn, ids, None), ActResult::Cancelled),
        (jobs::delete, ActResult::Deleted),
    ];
    for (act, done) in acts {
        let (database, mut other) = furnished();
        let add = "INSERT INTO mainspring.jobs (id, task, state, run_at) VALUES (6, 'act', 'ready', now())";
        other.batch_execute("BEGIN; SELECT FROM mainspring.jobs WHERE id = 1 FOR UPDATE").unwrap();
        let mut conn = database.connection();
        let acting = std::thread::spawn(move || act(&mut conn, &[1, 6]).unwrap());
        until(&database, WAITS_FOR_A_ROW, 1).await;
        other.batch_execute(&format!("{add}; COMMIT")).unwrap();
        let results: Vec<ActResult> = acting.join().unwrap().into_iter().map(|act| act.result).collect();
        assert_eq!(results, [done, ActResult::Unknown]);
        assert_eq!(states(&mut other, "6", JobState::Ready), 1, "{done:?}");
    }
}

#[test]
fn an_act_on_a_finished_job_says_that_it_has_finished() {
    let (_database, mut conn) = furnished();
    jobs::complete(&mut conn, &[1], None).unwrap();
    jobs::cancel(&mut conn, &[2], None).unwrap();
    jobs::delete(&mut conn, &[3]).unwrap();
    let expect = |acts: Result<Vec<JobAct>, StoreError>| {
        let results: Vec<ActResult> = acts.unwrap().into_iter().map(|act| act.result).collect();
        assert_eq!(results, [ActResult::Finished, ActResult::Finished, ActResult::Unknown]);
    };
    let ids = [1, 2, 3];
    expect(jobs::complete(&mut conn, &ids, None));
    expect(jobs::fail(&mut conn, &ids, None));
    expect(jobs::cancel(&mut conn, &ids, None));
    expect(jobs::delete(&mut conn, &ids));
    expect(jobs::retry(&mut conn, &ids, None));
    expect(jobs::reschedule(&mut conn, &ids, &Reschedule::default()));
}
