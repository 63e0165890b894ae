//! Workers as reasons: none lives, none knows the task, all refuse a flag, all stop, all are busy.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::jobs::Reason;

use super::{WORKER, assert_says, job, only, ready, served};

#[test]
fn without_a_living_worker_the_lost_ones_are_counted() {
    let (_database, mut conn) = served();
    let id = ready(&mut conn);
    conn.batch_execute("UPDATE mainspring.workers SET heartbeat_at = now() - interval '2 hours'").unwrap();
    let why = only(&mut conn, id);
    assert_says(&why, Reason::NoWorker, "No worker lives");
    assert_eq!(why.details["lost_workers"], 1);
}

#[test]
fn a_task_that_no_living_worker_knows_is_named() {
    let (_database, mut conn) = served();
    conn.batch_execute(
        "UPDATE mainspring.workers SET tasks = '{u}'; INSERT INTO mainspring.workers (name, tasks, timeout, heartbeat_at) \
         VALUES ('lost', '{t}', '1 second', now() - interval '1 hour')",
    )
    .unwrap();
    let id = ready(&mut conn);
    let why = only(&mut conn, id);
    assert_says(&why, Reason::TaskUnknown, "has a handler for its task `t`");
    assert_eq!(why.details["living_workers"], 1);
}

#[test]
fn a_version_that_no_living_worker_has_is_named() {
    let (_database, mut conn) = served();
    let id = job(&mut conn, "run_at, version", "'ready', now(), 3");
    let versions = |conn: &mut PgConnection, versions: &str| {
        conn.batch_execute(&format!("UPDATE mainspring.workers SET versions = '{versions}'")).unwrap();
    };
    for older in ["{}", "{0}", "{2}"] {
        versions(&mut conn, older);
        let why = only(&mut conn, id);
        assert_says(&why, Reason::VersionUnknown, "is of version 3 of the task `t`");
        assert_eq!(why.details, serde_json::json!({"task": "t", "version": 3}));
    }
    versions(&mut conn, "{3}");
    assert_eq!(only(&mut conn, id).reason, Reason::NothingHinders);
}

#[test]
fn flags_that_all_workers_leave_alone_are_named() {
    let (_database, mut conn) = served();
    conn.batch_execute("UPDATE mainspring.workers SET forbidden_flags = '{big,slow}'").unwrap();
    let id = job(&mut conn, "run_at, flags", "'ready', now(), '{a,big}'");
    let why = only(&mut conn, id);
    assert_says(&why, Reason::FlagsRefused, "leaves one of its flags alone");
    assert_eq!(why.details["flags"].to_string(), r#"["a","big"]"#);
    let other = job(&mut conn, "run_at, flags", "'ready', now(), '{a}'");
    assert_eq!(only(&mut conn, other).reason, Reason::NothingHinders);
    // A function of the application may decide otherwise before each claim.
    conn.batch_execute("UPDATE mainspring.workers SET forbidden_flags = NULL").unwrap();
    assert_eq!(only(&mut conn, id).reason, Reason::NothingHinders);
}

#[test]
fn workers_that_all_stop_or_fail_are_named_with_their_problems() {
    let (_database, mut conn) = served();
    conn.batch_execute(&format!("{WORKER} UPDATE mainspring.workers SET problems = '{{draining}}'")).unwrap();
    let id = ready(&mut conn);
    let why = only(&mut conn, id);
    assert_says(&why, Reason::WorkersDraining, "is stopping");
    assert_eq!(why.details["workers"].as_array().unwrap().len(), 2);
    conn.batch_execute("UPDATE mainspring.workers SET problems = '{claims_failing}' WHERE id = 1").unwrap();
    let why = only(&mut conn, id);
    assert_says(&why, Reason::WorkersFailing, "each is stopping or has a problem");
    assert_eq!(why.details["workers"][0]["problems"][0], "claims_failing");
    // With this problem a worker claims all the same.
    conn.batch_execute("UPDATE mainspring.workers SET problems = '{listener_gone}' WHERE id = 1").unwrap();
    assert_eq!(only(&mut conn, id).reason, Reason::NothingHinders);
}

#[test]
fn workers_that_all_run_what_they_may_are_counted() {
    let (_database, mut conn) = served();
    conn.batch_execute(
        "UPDATE mainspring.workers SET concurrency = 2; INSERT INTO mainspring.jobs \
         (task, state, run_at, lease, worker_id, locked_at, attempts) \
         SELECT 'u', 'running', now(), n, 1, now(), 1 FROM generate_series(1, 2) AS n",
    )
    .unwrap();
    let id = ready(&mut conn);
    let why = only(&mut conn, id);
    assert_says(&why, Reason::WorkersBusy, "runs as many jobs as it may, 2 in all.");
    assert_eq!((&why.details["workers"], &why.details["concurrency"]), (&1.into(), &2.into()));
    let later = job(&mut conn, "run_at", "'scheduled', now() + interval '1 hour'");
    assert_eq!(only(&mut conn, later).reason, Reason::NotDue);
    conn.batch_execute("DELETE FROM mainspring.jobs WHERE lease = 1").unwrap();
    assert_eq!(only(&mut conn, id).reason, Reason::NothingHinders);
}
