//! The command `import graphile`.

use serde_json::Value;

use super::{JOBS, add, assert_count, both};
use crate::cli::{answer, assert_refused, json, on, program};
use crate::support::database::TestDatabase;

#[test]
fn a_move_of_everything_prints_the_counts_and_exits_with_0() {
    let (database, mut conn) = both();
    add(&mut conn, "payload, attempts", "('{\"token\": \"value-5tapl3\"}'::json, 0), ('1', 0), ('1', 25)");
    let told = answer(on(&database, &["import", "graphile", "--dry-run"]));
    assert!(told.starts_with("would move 3 jobs and 0 crontab lines\n"), "{told}");
    let rows = told.split_once('\n').unwrap().1;
    assert_eq!(rows, "TASK  STATE  JOBS\na     dead   1\na     ready  2\n");
    assert_count(&mut conn, JOBS, 3);
    assert_eq!(
        answer(on(&database, &["import", "graphile"])),
        format!("moved 3 jobs and 0 crontab lines\n{rows}")
    );
    assert_count(&mut conn, JOBS, 0);
    assert_eq!(answer(on(&database, &["import", "graphile"])), "moved 0 jobs and 0 crontab lines\n");
}

#[test]
fn what_is_left_is_listed_without_payloads_and_the_exit_code_is_3() {
    let (database, mut conn) = both();
    add(
        &mut conn,
        "payload, locked_at, locked_by",
        "('{\"token\": \"value-5tapl3\"}'::json, '2026-11-30 10:00+00'::timestamptz, 'worker-1'), \
         ('{\"token\": \"value-5tapl3\\u0000\"}', NULL, NULL), ('1', NULL, NULL)",
    );
    for dry_run in [&["--dry-run"][..], &[]] {
        let output = on(&database, &[&["import", "graphile"], dry_run].concat());
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            "mainspring: left 2 jobs and 0 crontab lines\n"
        );
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.contains("a worker has locked it") && told.contains("worker-1"), "{told}");
        assert!(told.contains("2026-11-30T10:00:00Z") && told.contains("payload must be JSON"), "{told}");
        assert!(!told.contains("5tapl3"), "{told}");
    }
    let output = on(&database, &["import", "graphile", "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["left"][0]["reason"], &report["left_jobs"][0]["locked_by"]),
        (&"invalid".into(), &"worker-1".into())
    );
}

#[test]
fn json_has_the_same_counts() {
    let (database, mut conn) = both();
    add(&mut conn, "key", "('k')");
    let report =
        json(on(&database, &["import", "graphile", "--json", "--graphile-schema", "graphile_worker"]));
    assert_eq!(report["moved"].to_string(), r#"[{"count":1,"state":"ready","task":"a"}]"#);
    assert_eq!((&report["lines"], &report["left"]), (&0.into(), &Value::Array(Vec::new())));
}

#[test]
fn what_cannot_be_imported_is_refused_in_one_line() {
    let database = TestDatabase::new();
    assert_refused(on(&database, &["import", "graphile"]), 1, "there is no schema `graphile_worker`");
    assert_refused(
        on(&database, &["import", "graphile", "--graphile-schema", "pg_x"]),
        2,
        "must not begin with `pg_`",
    );
    assert_refused(
        on(&database, &["import", "graphile", "--graphile-schema", "public"]),
        1,
        "must hold the tables of Graphile Worker",
    );
    assert_refused(on(&TestDatabase::empty(), &["import", "graphile"]), 1, "run `mainspring migrate`");
    assert_refused(on(&database, &["import", "resque"]), 2, "unrecognized subcommand 'resque'");
    let api = ["import", "graphile", "--api", "http://localhost:1/jobs"];
    assert_refused(program(&api).output().unwrap(), 2, "this command needs the database");
}

#[test]
fn help_and_completions_name_the_command() {
    let help = answer(program(&["import", "graphile", "--help"]).output().unwrap());
    assert!(
        help.contains("--dry-run") && help.contains("Example") && help.contains("graphile_worker"),
        "{help}"
    );
    assert!(answer(program(&["--help"]).output().unwrap()).contains("import"));
    assert!(
        answer(program(&["completions", "bash"]).output().unwrap())
            .contains("mainspring__subcmd__import__subcmd__graphile")
    );
}
