//! The limits of queues and tasks as reasons, with those that hold their slots.

use chrono::Utc;
use diesel::connection::SimpleConnection;
use mainspring::jobs::Reason;

use super::{assert_says, job, only, ready, served};

#[test]
fn a_full_queue_names_the_jobs_that_hold_its_slots() {
    let (_database, mut conn) = served();
    conn.batch_execute("INSERT INTO mainspring.queues (name, concurrency, last_slot) VALUES ('q', 2, 2)")
        .unwrap();
    let columns = "queue, slot, run_at, lease, worker_id, locked_at, attempts";
    let running = job(&mut conn, columns, "'running', 'q', 1, now(), 7, 1, now(), 1");
    let admitted = job(&mut conn, "queue, slot, run_at", "'ready', 'q', 2, now()");
    let id = job(&mut conn, "queue, run_at", "'parked', 'q', now()");
    let why = only(&mut conn, id);
    let words = format!("Its queue `q` runs at most 2 at once, and is full with job {running}, {admitted}.");
    assert_says(&why, Reason::QueueFull, &words);
    let (first, second) = (&why.details["holders"][0], &why.details["holders"][1]);
    assert_eq!(
        (&first["id"], &first["worker"], &first["state"]),
        (&running.into(), &"able".into(), &"running".into())
    );
    assert_eq!((&second["id"], &second["worker_id"]), (&admitted.into(), &().into()));
    // One of them holds a slot itself, and so the queue does not hold it up.
    assert_eq!(only(&mut conn, admitted).reason, Reason::NothingHinders);
    conn.batch_execute(&format!("DELETE FROM mainspring.jobs WHERE id = {running}")).unwrap();
    assert_eq!(only(&mut conn, id).reason, Reason::NothingHinders);
}

#[test]
fn of_many_holders_ten_are_named() {
    let (_database, mut conn) = served();
    conn.batch_execute(
        "INSERT INTO mainspring.queues (name, concurrency, last_slot) VALUES ('q', 12, 12); \
         INSERT INTO mainspring.jobs (task, state, run_at, queue, slot) SELECT 't', 'ready', now(), 'q', n FROM generate_series(1, 12) AS n",
    )
    .unwrap();
    let id = job(&mut conn, "queue, run_at", "'parked', 'q', now()");
    let why = only(&mut conn, id);
    assert_says(&why, Reason::QueueFull, "full with job 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more.");
    assert_eq!(why.details["holders"].as_array().unwrap().len(), 10);
}

#[test]
fn a_queue_without_a_token_names_when_the_next_one_comes() {
    let (_database, mut conn) = served();
    conn.batch_execute(
        "INSERT INTO mainspring.queues (name, concurrency, rate_limit, rate_period, tokens, tokens_at) \
         VALUES ('q', 10, 1, '1 hour', 0, now())",
    )
    .unwrap();
    let id = job(&mut conn, "queue, run_at", "'parked', 'q', now()");
    let why = only(&mut conn, id);
    assert_says(
        &why,
        Reason::QueueRateLimited,
        "Its queue `q` starts at most 1 in 01:00:00, and may start the next at ",
    );
    let minutes = (why.until.unwrap() - Utc::now()).num_minutes();
    assert!((40..=60).contains(&minutes) && why.details["rate_period_seconds"] == 3600.0, "{why:?}");
}

#[test]
fn a_task_whose_slots_are_taken_names_the_jobs_that_run() {
    let (_database, mut conn) = served();
    conn.batch_execute(
        "INSERT INTO mainspring.task_limits (task, concurrency, last_slot) VALUES ('t', 1, 2)",
    )
    .unwrap();
    let running =
        job(&mut conn, "run_at, lease, worker_id, locked_at, attempts", "'running', now(), 7, 1, now(), 1");
    // The first slot was taken under a lease that is over.
    let slots =
        format!("INSERT INTO mainspring.task_slots VALUES ('t', 1, {running}, 6), ('t', 2, {running}, 7)");
    conn.batch_execute(&slots).unwrap();
    let id = ready(&mut conn);
    let why = only(&mut conn, id);
    assert_says(
        &why,
        Reason::TaskLimitReached,
        &format!("runs at most 1 at once, and these run: job {running}."),
    );
    assert_eq!(why.details["holders"][0]["worker"], "able");
    conn.batch_execute("UPDATE mainspring.jobs SET lease = 8 WHERE lease = 7").unwrap();
    assert_eq!(only(&mut conn, id).reason, Reason::NothingHinders);
}

#[test]
fn a_task_without_a_token_names_when_the_next_one_comes() {
    let (_database, mut conn) = served();
    conn.batch_execute(
        "INSERT INTO mainspring.task_limits (task, rate_limit, rate_period, tokens, tokens_at) VALUES ('t', 2, '2 hours', 0.5, now())",
    )
    .unwrap();
    let id = ready(&mut conn);
    let why = only(&mut conn, id);
    assert_says(&why, Reason::TaskRateLimited, "Its task `t` starts at most 2 in 02:00:00");
    let minutes = (why.until.unwrap() - Utc::now()).num_minutes();
    assert!((10..=30).contains(&minutes), "{why:?}");
    conn.batch_execute("UPDATE mainspring.task_limits SET tokens = 1").unwrap();
    assert_eq!(only(&mut conn, id).reason, Reason::NothingHinders);
}
