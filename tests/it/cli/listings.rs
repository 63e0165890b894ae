//! `jobs list` and `status`: the same facts as JSON and as tables.

use std::process::Stdio;

use diesel::connection::SimpleConnection;
use mainspring::audit::{self, NewAuditEntry};
use serde_json::Value;

use super::{answer, json, on, program};
use crate::support::database::TestDatabase;
use crate::support::rows::count;

#[test]
fn jobs_list_shows_as_json_what_find_job_shows() {
    let database = TestDatabase::new();
    answer(on(&database, &["enqueue", "note", "--queue", "q", "--key", "k"]));
    let listed = json(on(&database, &["jobs", "list", "--json"]));
    let job = listed[0].as_object().unwrap();
    assert_eq!((&job["task"], &job["queue"], &job["state"]), (&"note".into(), &"q".into(), &"parked".into()));
    assert!(!job.contains_key("payload"));
    let mut conn = database.connection();
    let found = "(SELECT jsonb_object_keys(to_jsonb(f)) AS name FROM mainspring.find_job(1) AS f) AS n";
    assert_eq!(count(&mut conn, found), job.len() as i64);
    let names: Vec<_> = job.keys().map(|name| format!("'{name}'")).collect();
    let named = format!("{found} WHERE name IN ({})", names.join(", "));
    assert_eq!(count(&mut conn, &named), job.len() as i64);
}

#[test]
fn jobs_list_meets_every_condition_and_pages_by_id() {
    let database = TestDatabase::new();
    for arguments in
        [["a", "--queue", "q"], ["a", "--key", "k"], ["b", "--in", "1h"], ["a", "--priority", "2"]]
    {
        answer(on(&database, &[&["enqueue"], &arguments[..]].concat()));
    }
    database
        .connection()
        .batch_execute("UPDATE mainspring.jobs SET state = 'dead', last_error = 'no\nway' WHERE key = 'k'")
        .unwrap();
    let ids = |conditions: &[&str]| -> Vec<i64> {
        let listed = json(on(&database, &[&["jobs", "list", "--json"], conditions].concat()));
        listed.as_array().unwrap().iter().map(|job| job["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(&[]), [1, 2, 3, 4]);
    assert_eq!(ids(&["--task", "a"]), [1, 2, 4]);
    assert_eq!(ids(&["--task", "a", "--queue", "q"]), [1]);
    assert_eq!(ids(&["--state", "scheduled"]), [3]);
    assert_eq!(ids(&["--state", "dead", "--key", "k"]), [2]);
    assert_eq!(ids(&["--key", "k"]), [2]);
    assert_eq!(ids(&["--task", "unknown"]), [] as [i64; 0]);
    assert_eq!(ids(&["--limit", "2"]), [1, 2]);
    assert_eq!(ids(&["--limit", "2", "--after", "2"]), [3, 4]);
}

#[test]
fn jobs_list_is_a_table_with_a_line_for_each_job() {
    let database = TestDatabase::new();
    answer(on(&database, &["enqueue", "a\u{1b}[2J\nb", "--run-at", "2100-01-01T00:00:00Z"]));
    let listed = answer(on(&database, &["jobs", "list"]));
    let lines: Vec<_> =
        listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[0], "ID STATE TASK QUEUE PRIORITY RUN AT ATTEMPTS DEATHS KEY PROGRESS LAST ERROR");
    assert_eq!(lines[1], "1 scheduled a\\u{1b}[2J\\nb - 0 2100-01-01T00:00:00Z 0/25 0 - - -");
    assert_eq!(lines.len(), 2);
}

/// Two workers, one of them lost; two queues, one of them paused; jobs in every state.
fn furnished() -> TestDatabase {
    let database = TestDatabase::new();
    database
        .connection()
        .batch_execute(
            "INSERT INTO mainspring.workers (name, tasks, timeout, heartbeat_at) VALUES \
                 ('one', '{a,c}', '30 seconds', now()), ('two', '{a}', '30 seconds', now() - interval '1 hour'); \
             INSERT INTO mainspring.queues (name, concurrency, paused) VALUES ('idle', 1, false), ('paused', 3, true); \
             INSERT INTO mainspring.jobs (task, state, queue, run_at, priority) VALUES \
                 ('a', 'ready', NULL, now() - interval '10 minutes', 0), ('a', 'ready', 'busy', now(), -1), \
                 ('b', 'ready', NULL, now() - interval '5 minutes', 0), ('a', 'parked', 'busy', now(), 0), \
                 ('a', 'scheduled', 'busy', now() + interval '1 hour', 0), ('a', 'dead', NULL, now(), 0); \
             INSERT INTO mainspring.jobs (task, state, queue, run_at, lease, locked_at, worker_id, attempts) \
                 VALUES ('a', 'running', 'busy', now(), 1, now(), 1, 1)",
        )
        .unwrap();
    database
}

#[test]
fn status_tells_jobs_tasks_queues_and_workers() {
    let database = furnished();
    let status = json(on(&database, &["status", "--json"]));
    assert_eq!(
        status["jobs"].to_string(),
        r#"{"dead":1,"held":0,"parked":1,"ready":3,"running":1,"scheduled":1,"waiting":0}"#
    );
    assert!(status["schema_version"].as_str().unwrap().starts_with("2026"));
    let oldest = status["oldest_ready_age_seconds"].as_f64().unwrap();
    assert!((600.0..700.0).contains(&oldest), "{oldest}");
    let (a, b) = (&status["tasks"][0], &status["tasks"][1]);
    assert_eq!((&a["task"], &a["ready"], &a["workers"]), (&"a".into(), &2.into(), &1.into()));
    assert_eq!((&b["task"], &b["ready"], &b["workers"]), (&"b".into(), &1.into(), &0.into()));
    assert_eq!(
        status["queues"].to_string(),
        r#"[{"concurrency":1,"name":"busy","paused":false,"rate_limit":null,"rate_period_seconds":null,"running":1,"source":"default","waiting":2},{"concurrency":3,"name":"paused","paused":true,"rate_limit":null,"rate_period_seconds":null,"running":0,"source":"own","waiting":0}]"#
    );
    let (one, two) = (&status["workers"][0], &status["workers"][1]);
    assert_eq!((&one["lost"], &one["running"]), (&false.into(), &1.into()));
    assert_eq!((&two["lost"], &two["running"]), (&true.into(), &0.into()));
    assert!((3600.0..3700.0).contains(&two["heartbeat_age_seconds"].as_f64().unwrap()));
}

#[test]
fn status_for_people_tells_the_same() {
    let told = answer(on(&furnished(), &["status"]));
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "oldest ready job due for 10.0 min",
        "ready 3 running 1 held 0 dead 1",
        "two 2 1.0 h ago (lost) 0 a",
        "paused paused 0 0",
        "b 1 5.0 min none knows it",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn status_of_a_database_without_jobs_is_told() {
    let database = TestDatabase::new();
    let told = answer(on(&database, &["status"]));
    assert!(told.contains("no job is ready") && told.contains("no worker is registered"), "{told}");
    let status = json(on(&database, &["status", "--json"]));
    assert_eq!(status["oldest_ready_age_seconds"], Value::Null);
    assert_eq!(status["tasks"].to_string() + &status["queues"].to_string(), "[][]");
}

#[test]
fn counts_stop_at_their_cap() {
    let database = TestDatabase::new();
    database
        .connection()
        .batch_execute(
            "INSERT INTO mainspring.jobs (task, state, run_at) \
             SELECT 'a', 'ready', now() FROM generate_series(1, 10001)",
        )
        .unwrap();
    assert!(answer(on(&database, &["status"])).contains("10000+"));
    let status = json(on(&database, &["status", "--json"]));
    assert_eq!((&status["jobs"]["ready"], &status["count_cap"]), (&10_000.into(), &10_000.into()));
    assert_eq!((&status["tasks"][0]["ready"], &status["detail_count_cap"]), (&1_000.into(), &1_000.into()));
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let database = TestDatabase::new();
    database
        .connection()
        .batch_execute(
            "INSERT INTO mainspring.jobs (task, state, run_at) \
             SELECT repeat('a', 100), 'ready', now() FROM generate_series(1, 5000)",
        )
        .unwrap();
    for format in [&[][..], &["--json"]] {
        let arguments = [&["jobs", "list", "--limit", "5000"], format].concat();
        let mut child = program(&arguments)
            .env("DATABASE_URL", database.url())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    }
}

#[test]
fn audit_lists_who_has_done_what_the_latest_first() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for (who, subject) in [("anna", "a\u{1b}[2J\nb"), ("bo", "mails")] {
        let entry = NewAuditEntry::new(who, "pause-queue", "queue", subject, "paused").reason("down");
        audit::add(&mut conn, &entry).unwrap();
    }
    let listed = answer(on(&database, &["audit"]));
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 3, "{listed}");
    assert!(
        lines[0].starts_with("TIME ") && lines[1].contains("  bo    pause-queue  queue mails"),
        "{listed}"
    );
    assert!(lines[2].contains("anna") && !listed.contains('\u{1b}'), "{listed}");
    let found =
        json(on(&database, &["audit", "--who", "bo", "--kind", "queue", "--subject", "mails", "--json"]));
    assert_eq!((found.as_array().unwrap().len(), &found[0]["result"]), (1, &"paused".into()));
    assert_eq!(json(on(&database, &["audit", "--act", "none", "--json"])).to_string(), "[]");
}
