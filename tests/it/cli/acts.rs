//! What a person does to jobs and workers from the command line: each act, what it prints, and its exit code.

use diesel::connection::SimpleConnection;

use super::{answer, assert_refused, json, on, program};
use crate::support::database::TestDatabase;
use crate::support::rows::count;

/// Three jobs: 1 dead, 2 scheduled, 3 running on worker 1, which is lost.
fn furnished() -> TestDatabase {
    let database = TestDatabase::new();
    database
        .connection()
        .batch_execute(
            "INSERT INTO mainspring.workers (name, tasks, timeout, heartbeat_at) \
                 VALUES ('one', '{note}', '1 second', now() - interval '1 hour'); \
             INSERT INTO mainspring.queues (name) VALUES ('idle'); \
             INSERT INTO mainspring.jobs (task, payload, state, run_at, attempts, last_error, updated_at) VALUES \
                 ('note', '{\"n\": 1}', 'dead', now(), 25, 'boom: disk full', now() - interval '2 days'), \
                 ('note', '{}', 'scheduled', now() + interval '1 hour', 0, NULL, now()); \
             INSERT INTO mainspring.jobs (task, state, run_at, attempts, lease, worker_id, locked_at) \
                 VALUES ('note', 'running', now(), 1, 7, 1, now())",
        )
        .unwrap();
    database
}

#[test]
fn every_action_reports_each_id_and_exits_with_3_when_any_was_left() {
    let database = furnished();
    let retried = json(on(&database, &["jobs", "retry", "1", "--in", "1h", "--json"]));
    assert_eq!(retried.to_string(), r#"[{"id":1,"result":"retried"}]"#);
    let output = on(&database, &["jobs", "delete", "3", "2", "99"]);
    let told = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(told.lines().count(), 4, "{told}");
    assert!(told.contains("3   unchanged: it runs") && told.contains("2   deleted"), "{told}");
    assert!(told.contains("99  unknown: there is none of this id"), "{told}");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "mainspring: 2 of 3 were not changed\n");
    let failed = json(on(&database, &["jobs", "fail", "1", "--reason", "wrong address", "--json"]));
    assert_eq!(failed[0]["result"], "failed");
    let rescheduled =
        answer(on(&database, &["jobs", "reschedule", "1", "--attempts", "0", "--priority", "-3"]));
    assert!(rescheduled.contains("1   rescheduled"), "{rescheduled}");
    let stored = "mainspring.jobs WHERE id = 1 AND priority = -3 AND last_error = 'wrong address' AND state = 'scheduled'";
    assert_eq!(count(&mut database.connection(), stored), 1);
    assert!(answer(on(&database, &["jobs", "cancel", "3"])).contains("3   cancelling"));
    assert!(answer(on(&database, &["jobs", "complete", "1"])).contains("1   completed"));
}

#[test]
fn show_tells_everything_about_a_job_and_its_payload_only_when_asked() {
    let database = furnished();
    database.publish_unredacted("note");
    let shown = json(on(&database, &["jobs", "show", "1", "--json"]));
    assert_eq!((&shown["last_error"], shown.get("payload")), (&"boom: disk full".into(), None));
    let shown = json(on(&database, &["jobs", "show", "1", "--payload", "--json"]));
    assert_eq!(shown["payload"]["n"], 1);
    let told = answer(on(&database, &["jobs", "show", "1"]));
    assert!(told.contains("last error") && told.contains("boom: disk full"), "{told}");
    assert_refused(on(&database, &["jobs", "show", "99"]), 1, "there is no job 99");
}

#[test]
fn history_lists_finished_jobs_the_last_first() {
    let database = furnished();
    answer(on(&database, &["jobs", "complete", "1", "--reason", "by hand"]));
    answer(on(&database, &["jobs", "cancel", "2"]));
    let listed = json(on(&database, &["jobs", "history", "--json"]));
    assert_eq!((&listed[0]["id"], &listed[1]["reason"]), (&2.into(), &"by hand".into()));
    let cancelled = json(on(&database, &["jobs", "history", "--outcome", "cancelled", "--json"]));
    assert_eq!(cancelled.as_array().unwrap().len(), 1);
    for (condition, found) in [(["--id", "1"], 1), (["--queue", "q"], 0), (["--task", "note"], 2)] {
        let listed = json(on(&database, &[&["jobs", "history", "--json"], &condition[..]].concat()));
        assert_eq!(listed.as_array().unwrap().len(), found, "{condition:?}");
    }
    assert!(answer(on(&database, &["jobs", "history"])).contains("succeeded  note"));
}

#[test]
fn workers_are_listed_and_released() {
    let database = furnished();
    assert_eq!(json(on(&database, &["workers", "list", "--json"]))[0]["lost"], true);
    assert!(answer(on(&database, &["workers", "list"])).contains("(lost)"));
    let released = json(on(&database, &["workers", "release", "1", "--json"]));
    assert_eq!(released.to_string(), r#"[{"id":1,"jobs":1,"result":"released"}]"#);
    assert_eq!(on(&database, &["workers", "release", "1"]).status.code(), Some(3));
}

#[test]
fn cleanup_says_how_much_it_cleared_away() {
    let database = furnished();
    let done = json(on(&database, &["cleanup", "--json"]));
    assert_eq!(done.to_string(), r#"{"dead_jobs":0,"queues":1,"released_jobs":1,"workers":1}"#);
    let told = answer(on(&database, &["cleanup", "--dead-older-than", "1d"]));
    assert!(told.contains("dead jobs deleted      1"), "{told}");
}

#[test]
fn what_was_not_understood_changes_nothing() {
    let database = furnished();
    let long = "x".repeat(1001);
    let cases: [(&[&str], i32, &str); 6] = [
        (&["jobs", "retry"], 2, "<IDS>"),
        (&["jobs", "retry", "one"], 2, "invalid digit"),
        (&["jobs", "reschedule", "2"], 2, "nothing to change: give --run-at"),
        (&["jobs", "reschedule", "2", "--attempts", "-1"], 2, "-1"),
        (&["jobs", "fail", "2", "--reason", &long], 1, "reason must be at most 1000 characters, got 1001"),
        (&["cleanup", "--dead-older-than", "old"], 2, "90s"),
    ];
    for (arguments, code, words) in cases {
        assert_refused(on(&database, arguments), code, words);
    }
    assert_eq!(
        count(&mut database.connection(), "mainspring.jobs WHERE updated_at > now() - interval '1 day'"),
        2
    );
}

#[test]
fn completions_are_printed_for_each_shell_without_a_database() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(answer(program(&["completions", shell]).output().unwrap()).contains("reschedule"), "{shell}");
    }
    assert_refused(program(&["completions", "csh"]).output().unwrap(), 2, "bash");
}

#[test]
fn every_new_command_has_help_with_an_example() {
    let commands: [&[&str]; 15] = [
        &["jobs", "show"],
        &["jobs", "history"],
        &["jobs", "retry"],
        &["jobs", "reschedule"],
        &["jobs", "cancel"],
        &["jobs", "complete"],
        &["jobs", "fail"],
        &["jobs", "delete"],
        &["jobs", "release"],
        &["jobs", "clear-steps"],
        &["workers", "list"],
        &["workers", "release"],
        &["cleanup"],
        &["completions"],
        &["jobs", "list"],
    ];
    for command in commands {
        let help = answer(program(&[command, &["--help"]].concat()).output().unwrap());
        assert!(help.contains("Example"), "{command:?}");
    }
    assert!(answer(program(&["--help"]).output().unwrap()).contains("3 done but for some of the ids"));
}

#[test]
fn a_private_database_is_reached_by_its_folder_without_a_password() {
    let folder = std::env::temp_dir().join(format!("mainspring-cli-{}", std::process::id()));
    let private = folder.to_str().unwrap();
    let ask = |arguments: &[&str]| program(&[&["--private", private], arguments].concat()).output().unwrap();
    assert!(answer(ask(&["migrate"])).contains("applied"));
    let id = answer(ask(&["enqueue", "note"]));
    assert_eq!(answer(ask(&["jobs", "list", "--json"])).matches("\"task\"").count(), 1);
    let told = ask(&["jobs", "show", id.trim()]);
    assert!(!String::from_utf8_lossy(&told.stdout).contains("password"));
    let _ = std::fs::remove_dir_all(&folder);
}
