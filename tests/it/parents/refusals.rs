//! What a job cannot wait for: it is refused, with nothing stored.

use diesel::connection::SimpleConnection;
use mainspring::{OnFailure, StoreError, Wait, jobs};

use super::until_place;
use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::scheduler;

fn problem(database: &TestDatabase, wait: Wait) -> String {
    match act("child").after(wait).insert(&mut database.connection()) {
        Err(error @ StoreError::Invalid { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_parent_after_which_a_job_could_never_run_is_refused() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let cancelled = act("cancel").insert(conn).unwrap();
    let dead = act("discard").insert(conn).unwrap();
    until_place(&database, cancelled, "cancelled").await;
    until_place(&database, dead, "dead").await;
    assert!(problem(&database, Wait::job(4_711)).contains("job 4711, which is not there"));
    assert!(problem(&database, Wait::job(cancelled)).contains("which was cancelled"));
    let cancel = Wait::job(dead).on_failure(OnFailure::Cancel);
    assert!(problem(&database, cancel).contains("which is dead"));
    assert_eq!(count(conn, "mainspring.waits"), 0);
    assert_eq!(count(conn, "mainspring.jobs WHERE state <> 'dead'"), 0);
    // A dead one can still be retried, and who runs in any case does not mind.
    act("held").after(dead).insert(conn).unwrap();
    let run = act("run").after(Wait::job(cancelled).on_failure(OnFailure::Run)).insert(conn).unwrap();
    until_place(&database, run, "succeeded").await;
    scheduler.stop().await;
}

#[test]
fn one_bad_parent_of_many_jobs_is_named_with_the_place_of_its_job() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let parent = act("parent").insert(conn).unwrap();
    let child = |wait: i64| mainspring::NewJob::try_from(act("child").after(wait)).unwrap();
    let error = jobs::insert_many(conn, &[child(parent), child(4_711), child(parent)]).unwrap_err();
    assert!(error.to_string().contains("job 2 of 3: after"), "{error}");
    assert_eq!(count(conn, "mainspring.jobs"), 1);
    let error = jobs::insert_many(conn, &[child(parent), child(0)]).unwrap_err();
    assert!(error.to_string().contains("job 2 of 2: after"), "{error}");
    let many = act("child").after_all(vec![parent; 100_001]).insert(conn).unwrap_err();
    assert!(many.to_string().contains("at most 100000 jobs and signals, got 100001"), "{many}");
}

#[test]
fn a_job_cannot_come_to_wait_for_itself_under_its_key() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let first = act("first").key("k").insert(conn).unwrap();
    let second = act("second").after(first).insert(conn).unwrap();
    let third = act("third").key("t").after(second).insert(conn).unwrap();
    for (wait, part) in [
        (third, format!("no circle, got job {first} after job {third} after job {second} after job {first}")),
        (second, format!("no circle, got job {first} after job {second} after job {first}")),
        (first, format!("after must be other jobs, got job {first} itself")),
    ] {
        let error = act("again").key("k").after(wait).insert(conn).unwrap_err();
        assert!(matches!(error, StoreError::Invalid { .. }) && error.to_string().contains(&part), "{error}");
    }
    assert_eq!(count(conn, "mainspring.jobs WHERE key = 'k' AND state = 'ready'"), 1);
    // What closes no circle is taken, also where others wait for the job.
    let other = act("other").insert(conn).unwrap();
    assert_eq!(act("again").key("k").after(other).insert(conn).unwrap(), first);
    assert_eq!(act("third").key("t").after(second).insert(conn).unwrap(), third, "the same once more");
    assert_eq!(count(conn, "mainspring.jobs WHERE state = 'waiting'"), 3);
}

#[test]
fn sql_refuses_what_is_no_wait() {
    let database = TestDatabase::new();
    let refused = |call: &str, part: &str| {
        let error = database.connection().batch_execute(&format!("SELECT mainspring.{call}")).unwrap_err();
        assert!(error.to_string().contains(part), "{call}: {error}");
    };
    refused("add_job('a', after => '{0}')", "after must be ids of jobs");
    refused("add_job('a', after => '{NULL}')", "after must be ids of jobs");
    refused(
        "add_job('a', after => '{4}', on_failure => 'explode')",
        "on_failure must be hold, cancel or run",
    );
    refused("add_job('a', on_failure => 'run')", "on_failure must come with after");
    refused("add_job('a', signals => '{\"\"}')", "after must be ids of jobs");
    for bad in [
        "7",
        "{}",
        "[1.5]",
        "[\"1\"]",
        "[{\"job\": 1, \"signal\": \"x\"}]",
        "[{\"job\": \"1\"}]",
        "[{}]",
        "[[1]]",
    ] {
        refused(&format!("add_jobs('[{{\"task\": \"a\", \"after\": {bad}}}]')"), "after must be");
    }
}
