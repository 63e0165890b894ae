//! `mainspring explain`, and the roles that may ask.

use diesel::connection::SimpleConnection;
use mainspring::jobs::Reason;

use super::{ready, reasons, served};
use crate::cli::{answer, assert_refused, json, on};
use crate::roles::Role;

#[test]
fn the_program_prints_each_reason_as_a_line_and_as_json() {
    let (database, mut conn) = served();
    let id = ready(&mut conn).to_string();
    conn.batch_execute("INSERT INTO mainspring.paused_tasks VALUES ('t', '2026-01-01 00:00+00')").unwrap();
    let told = answer(on(&database, &["explain", &id]));
    let told: Vec<_> =
        told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let line = "task_paused - Its task `t` is paused since 2026-01-01T00:00:00Z.";
    assert_eq!(told, ["REASON UNTIL EXPLANATION", line]);
    let found = json(on(&database, &["explain", &id, "--json"]));
    assert_eq!(found[0]["reason"], "task_paused");
    assert_eq!(found[0]["details"]["since"], "2026-01-01T00:00:00Z");
}

#[test]
fn the_program_refuses_a_job_that_there_is_not() {
    let (database, _) = served();
    assert_refused(on(&database, &["explain", "4711"]), 1, "there is no job 4711");
    assert_refused(on(&database, &["explain", "soon"]), 2, "soon");
}

#[test]
fn roles_that_may_read_may_ask_why_and_others_may_not() {
    let (database, mut conn) = served();
    let id = ready(&mut conn);
    for kind in ["read", "admin", "worker"] {
        let role = Role::granted(&database, kind);
        assert_eq!(reasons(&mut role.connection(), id), [Reason::NothingHinders], "{kind}");
    }
    let role = Role::granted(&database, "enqueue");
    let asked = role.connection().batch_execute(&format!("SELECT mainspring.explain_job({id})"));
    assert!(asked.unwrap_err().to_string().contains("permission denied"));
}
