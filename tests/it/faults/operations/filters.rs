//! Acts on all jobs that meet conditions: counted first, in batches, and never on more than were counted.

use diesel::connection::SimpleConnection;
use mainspring::JobState;
use mainspring::jobs::{self, JobFilter};

use crate::cli::{answer, assert_refused, json, on, program};
use crate::support::database::TestDatabase;
use crate::support::rows::count;

/// 2,500 dead jobs of `sync` in a queue, and a few others that every filter must leave alone.
fn furnished() -> TestDatabase {
    let database = TestDatabase::new();
    database
        .connection()
        .batch_execute(
            "INSERT INTO mainspring.jobs (task, queue, state, attempts, max_attempts, run_at, updated_at) \
                 SELECT 'sync', 'q', 'dead', 1, 1, now(), now() - n * interval '1 second' \
                 FROM generate_series(1, 2500) AS n; \
             INSERT INTO mainspring.jobs (task, queue, state, attempts, max_attempts, run_at) VALUES \
                 ('other', 'q', 'dead', 1, 1, now()), ('sync', NULL, 'dead', 1, 1, now()), \
                 ('sync', 'q', 'scheduled', 0, 1, now() + interval '1 day')",
        )
        .unwrap();
    database
}

#[test]
fn all_dead_jobs_of_a_task_and_queue_are_retried_in_batches() {
    let database = furnished();
    let retry = ["jobs", "retry", "--task", "sync", "--queue", "q", "--yes"];
    let output = on(&database, &retry);
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed, "RESULT   JOBS\nretried  2500\n");
    // A bar of progress is for terminals.
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let mut conn = database.connection();
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'dead'"), 2);
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE state = 'parked'"), 2_500);
    assert_eq!(answer(on(&database, &retry)), "no job meets the conditions\n");
}

#[test]
fn without_a_terminal_and_without_consent_jobs_are_only_counted() {
    let database = furnished();
    let delete = ["jobs", "delete", "--task", "sync", "--state", "dead"];
    assert_refused(on(&database, &delete), 1, "2501 jobs meet the conditions: give --yes to delete them");
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 2_503);
}

#[test]
fn conditions_of_time_and_number_narrow_an_act() {
    let database = furnished();
    let run = |arguments: &[&str]| answer(on(&database, &[&["jobs"], arguments].concat()));
    let recent = ["delete", "--queue", "q", "--state", "dead", "--since", "100s", "--until", "50s", "--yes"];
    let deleted = run(&recent);
    let deleted: i64 = deleted.split_whitespace().next_back().unwrap().parse().unwrap();
    assert!((48..=51).contains(&deleted), "{deleted}");
    assert_eq!(
        run(&["delete", "--task", "sync", "--state", "dead", "--most", "7", "--yes"]),
        "RESULT   JOBS\ndeleted  7\n"
    );
    let listed =
        json(on(&database, &["jobs", "list", "--since", "2000-01-01T00:00:00Z", "--until", "1h", "--json"]));
    assert_eq!(listed, serde_json::json!([]));
    let cancelled = json(on(&database, &["jobs", "cancel", "--state", "scheduled", "--yes", "--json"]));
    assert_eq!(cancelled, serde_json::json!([{"result": "cancelled", "jobs": 1}]));
    let moved = run(&["reschedule", "--task", "other", "--in", "1h", "--attempts", "0", "--yes"]);
    assert_eq!(moved, "RESULT       JOBS\nrescheduled  1\n");
}

#[test]
fn jobs_that_cannot_be_changed_are_counted_and_end_with_their_exit_code() {
    let database = furnished();
    let output = on(&database, &["jobs", "fail", "--task", "other", "--yes"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "RESULT                 JOBS\nunchanged: it is dead  1\n"
    );
}

#[test]
fn ids_and_conditions_exclude_each_other_and_one_is_needed() {
    for (arguments, words) in [
        (&["retry"][..], "<IDS>"),
        (&["delete", "--yes"], "<IDS>"),
        (&["release", "--yes"], "<IDS>"),
        (&["release", "1", "--detach"], "cannot be used with"),
        (&["cancel", "--most", "5"], "<IDS>"),
        (&["retry", "1", "--task", "t"], "cannot be used with"),
        (&["retry", "1", "--most", "1"], "cannot be used with"),
        (&["delete", "--state", "gone"], "'gone'"),
        (&["delete", "--since", "soon"], "--since"),
    ] {
        assert_refused(program(&[&["jobs"], arguments].concat()).output().unwrap(), 2, words);
    }
}

#[test]
fn the_library_counts_and_pages_by_the_same_filter() {
    let database = furnished();
    let mut conn = database.connection();
    let mut filter = JobFilter::new();
    filter.state = JobState::Dead.into();
    filter.task = Some("sync".into());
    filter.limit = 1_000;
    assert_eq!(jobs::count(&mut conn, &filter).unwrap(), 2_501);
    let mut pages = Vec::new();
    while let ids = jobs::ids(&mut conn, &filter).unwrap()
        && !ids.is_empty()
    {
        filter.after_id = ids.last().copied();
        pages.push(ids.len());
    }
    assert_eq!(pages, [1_000, 1_000, 501]);
}
