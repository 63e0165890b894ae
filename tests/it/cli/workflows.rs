//! `workflows ..`: the same facts as JSON, as a graph and for Graphviz, and what a person does.

use diesel::connection::SimpleConnection;
use mainspring::{Batch, Wait, Workflow};

use super::api::through;
use super::dashboard::Served;
use super::{answer, assert_refused, json, on};
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, other};
use crate::support::rows::count;

/// Workflow 1 of three jobs, of which the first is dead, and batch 2 of two.
fn furnished() -> TestDatabase {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let refund = act("refund").after(Wait::member("ship")).after(Wait::signal("order:17:late"));
    let chain = Workflow::new("order \"17\"")
        .job("refund", refund)
        .job("ship", act("ship"))
        .job("charge\u{1b}[2J", act("charge"))
        .after("ship", "charge\u{1b}[2J");
    chain.insert(conn).unwrap();
    conn.batch_execute("SELECT mainspring.fail_jobs('{3}'), mainspring.handle_wait_events(10)").unwrap();
    Batch::new("album", other()).members([act("a"), act("b")]).insert(conn).unwrap();
    database
}

#[test]
fn workflows_list_shows_counts_and_states_and_pages() {
    let database = furnished();
    let listed = answer(on(&database, &["workflows", "list"]));
    let lines: Vec<_> =
        listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[0], "ID STATE NAME JOBS DONE DEAD WAITING RUNNING ADDED");
    assert!(lines[1].starts_with("2 running album 2 0 0 0 0 20"), "{listed}");
    assert!(lines[2].starts_with("1 failed order \"17\" 3 0 1 2 0 20"), "{listed}");
    let ids = |arguments: &[&str]| {
        let listed = json(on(&database, &[&["workflows", "list", "--json"], arguments].concat()));
        listed.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]), [2, 1]);
    assert_eq!(ids(&["--limit", "1"]), [2]);
    assert_eq!(ids(&["--before", "2"]), [1]);
    assert_eq!(ids(&["--name", "album"]), [2]);
}

#[test]
fn workflows_show_draws_each_job_behind_those_it_waits_for() {
    let database = furnished();
    assert_eq!(
        answer(on(&database, &["workflows", "show", "1"])),
        "order \"17\" (workflow 1): failed, 0 of 3 done, 1 dead\n\
         charge\\u{1b}[2J  dead       job 3\n\
         \x20 ship           waiting    job 2  after charge\\u{1b}[2J\n\
         \x20   refund       waiting    job 1  after ship, signal order:17:late\n"
    );
    assert_eq!(
        answer(on(&database, &["workflows", "show", "2"])),
        "album (workflow 2): running, 0 of 2 done, 0 dead\n\
         act         ready      job 4\n\
         act         ready      job 5\n\
         \x20 callback  waiting    job 6  after all others\n"
    );
    let shown = json(on(&database, &["workflows", "show", "2", "--json"]));
    assert_eq!((&shown["workflow"]["total"], &shown["jobs"][2]["is_callback"]), (&2.into(), &true.into()));
    assert_refused(on(&database, &["workflows", "show", "7"]), 1, "there is no workflow 7");
}

#[test]
fn workflows_show_prints_the_graph_for_graphviz() {
    let database = furnished();
    let drawn = answer(on(&database, &["workflows", "show", "1", "--dot"]));
    for line in [
        "digraph \"order \\\"17\\\"\" {",
        "  job2 [label=\"ship\\nwaiting\"];",
        "  job3 -> job2;",
        "  job2 -> job1;",
        "  \"signal order:17:late\" -> job1;",
    ] {
        assert!(drawn.lines().any(|drawn| drawn == line), "{line}: {drawn}");
    }
    assert!(!drawn.contains('\u{1b}') && drawn.ends_with("}\n"), "{drawn}");
    let batch = answer(on(&database, &["workflows", "show", "2", "--dot"]));
    assert!(batch.contains("  job4 -> job6;\n  job5 -> job6;\n"), "{batch}");
}

#[test]
fn workflows_retry_and_cancel_report_each_job() {
    let database = furnished();
    let retried = json(on(&database, &["workflows", "retry", "1", "--json"]));
    assert_eq!(retried.to_string(), r#"[{"id":3,"result":"retried"}]"#);
    let told = answer(on(&database, &["workflows", "cancel", "1", "--reason", "ordered twice"]));
    assert_eq!(told.lines().count(), 4, "{told}");
    let conn = &mut database.connection();
    assert_eq!(count(conn, "mainspring.history WHERE reason = 'ordered twice' AND id IN (1, 2, 3)"), 3);
    assert_eq!(count(conn, "mainspring.jobs"), 3);
    let shown = answer(on(&database, &["workflows", "show", "1"]));
    assert!(shown.starts_with("order \"17\" (workflow 1): finished, cancelled, 3 of 3 done"), "{shown}");
    for verb in ["retry", "cancel"] {
        assert_refused(
            on(&database, &["workflows", verb, "7"]),
            1,
            "workflow must be one that is there, got 7",
        );
    }
}

#[test]
fn workflows_signal_sends_a_value_once() {
    let database = furnished();
    let sent = answer(on(&database, &["workflows", "signal", "order:17:late", "{\"days\": 3}"]));
    assert_eq!(sent, "order:17:late is sent\n");
    let again = answer(on(&database, &["workflows", "signal", "order:17:late"]));
    assert_eq!(again, "order:17:late was sent before, and its first value stands\n");
    let conn = &mut database.connection();
    assert_eq!(count(conn, "mainspring.signals WHERE payload = '{\"days\": 3}'"), 1);
    assert_refused(on(&database, &["workflows", "signal", "x", "{"]), 2, "the value must be JSON");
    assert_refused(on(&database, &["workflows", "signal", ""]), 1, "signal must be 1 to 256 characters");
}

#[tokio::test]
async fn workflows_prints_the_same_through_the_api() {
    let database = furnished();
    let served = Served::start(&database, &[], None);
    let commands: [&[&str]; 7] = [
        &["list"],
        &["list", "--name", "album", "--before", "9", "--limit", "1"],
        &["show", "1"],
        &["show", "1", "--json"],
        &["show", "2", "--dot"],
        &["show", "7777"],
        &["list", "--json"],
    ];
    for command in commands {
        let arguments = [&["workflows"], command].concat();
        let (direct, remote) = (on(&database, &arguments), through(&served, &arguments));
        let shown = String::from_utf8_lossy(&remote.stderr).into_owned();
        assert_eq!(remote.status.code(), direct.status.code(), "{arguments:?}: {shown}");
        assert_eq!(String::from_utf8_lossy(&remote.stdout), String::from_utf8_lossy(&direct.stdout));
    }
}

#[tokio::test]
async fn workflows_acts_through_the_api_as_on_the_database() {
    let database = furnished();
    let served = Served::start(&database, &[], None);
    let does = |arguments: &[&str]| through(&served, &[&["workflows"], arguments].concat());
    assert_eq!(json(does(&["retry", "1", "--json"])).to_string(), r#"[{"id":3,"result":"retried"}]"#);
    assert_refused(does(&["retry", "7777"]), 1, "workflow must be one that is there, got 7777");
    assert_eq!(answer(does(&["signal", "order:17:late", "{\"days\": 3}"])), "order:17:late is sent\n");
    let again = answer(does(&["signal", "order:17:late"]));
    assert_eq!(again, "order:17:late was sent before, and its first value stands\n");
    assert_refused(does(&["signal", ""]), 1, "signal must be 1 to 256 characters");
    assert_eq!(answer(does(&["cancel", "1", "--reason", "ordered twice"])).lines().count(), 4);
    let conn = &mut database.connection();
    assert_eq!(count(conn, "mainspring.signals WHERE payload = '{\"days\": 3}'"), 1);
    assert_eq!(count(conn, "mainspring.history WHERE reason = 'ordered twice' AND id IN (1, 2, 3)"), 3);
    assert_eq!(count(conn, "mainspring.audit WHERE kind IN ('workflow', 'signal')"), 3);
}
