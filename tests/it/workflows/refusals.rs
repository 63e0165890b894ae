//! What is no workflow: it is refused with nothing stored, and the error names the job.

use diesel::Connection;
use diesel::connection::SimpleConnection;
use mainspring::{Batch, StoreError, Wait, Workflow};
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;

fn assert_refused(database: &TestDatabase, workflow: Workflow, words: &str) {
    let conn = &mut database.connection();
    let before = count(conn, "mainspring.workflow_jobs");
    let refused = conn.transaction(|conn| {
        let refused = workflow.insert(conn);
        // A transaction of the caller goes on.
        assert_eq!(count(conn, "mainspring.workflow_jobs"), before);
        Ok::<_, diesel::result::Error>(refused)
    });
    match refused.unwrap() {
        Err(error @ StoreError::Invalid { .. }) => assert!(error.to_string().contains(words), "{error}"),
        other => panic!("{words}: {other:?}"),
    }
    assert_eq!(count(conn, "mainspring.jobs WHERE payload ->> 'act' = 'refused'"), 0);
}

fn named(names: &[&str]) -> Workflow {
    names.iter().fold(Workflow::new("w"), |flow, name| flow.job(*name, act("refused")))
}

#[test]
fn a_circle_is_refused_with_its_names() {
    let database = TestDatabase::new();
    let circle = || named(&["a", "b", "c", "d"]).after("b", "a").after("c", "b").after("d", "c");
    assert_refused(
        &database,
        circle().after("b", "d"),
        "after must make no circle, got b after d after c after b",
    );
    assert_refused(&database, circle().after("a", "a"), "got a after a");
    let long: Vec<String> = (0..2_000).map(|n| format!("n{n}")).collect();
    let ring = long.iter().fold(Workflow::new("w"), |flow, name| flow.job(name, act("refused")));
    let ring = (0..2_000).fold(ring, |flow, n| flow.after(&long[(n + 1) % 2_000], &long[n]));
    assert_refused(&database, ring, "got n0 after n1999 after n1998");
    // Without a circle, any order of the input will do.
    let backwards = long.iter().fold(Workflow::new("w"), |flow, name| flow.job(name, act("go")));
    let backwards = (1..2_000).fold(backwards, |flow, n| flow.after(&long[n - 1], &long[n]));
    backwards.insert(&mut database.connection()).unwrap();
    assert_eq!(count(&mut database.connection(), "mainspring.jobs WHERE state = 'waiting'"), 1_999);
}

#[test]
fn names_that_are_unknown_double_or_no_names_are_refused() {
    let database = TestDatabase::new();
    assert_refused(
        &database,
        named(&["a"]).after("a", "nobody"),
        "after must be jobs of the workflow, got 'nobody'",
    );
    assert_refused(&database, named(&["a"]).after("nobody", "a"), "got `nobody`");
    assert_refused(
        &database,
        named(&["a", "b", "a"]),
        "job 3 of 3: name must be that of one job alone, got 'a'",
    );
    assert_refused(&database, named(&["a", ""]), "job 2 of 2: name must be 1 to 128 characters, got 0");
    assert_refused(&database, named(&[&"x".repeat(129)]), "got 129");
    assert_refused(
        &database,
        Workflow::new("").member(act("refused")),
        "name must be 1 to 128 characters, got 0",
    );
    assert_refused(&database, Workflow::new("a\0b").member(act("refused")), "NUL");
    assert_refused(&database, named(&["a\0"]), "NUL");
    assert_refused(&database, Workflow::new("w"), "jobs must be at least one");
    assert_refused(
        &database,
        Workflow::existing(4_711).member(act("refused")),
        "workflow must be one that is there, got 4711",
    );
    assert_refused(
        &database,
        Workflow::of_job(4_711).member(act("refused")),
        "of_job must be a job of a workflow, got 4711",
    );
    assert_refused(
        &database,
        named(&["a"]).member(act("refused").max_attempts(0)),
        "job 2 of 2: max_attempts",
    );
    let unknown = act("refused").after(4_711);
    assert_refused(&database, Workflow::new("w").job("a", unknown), "job 4711, which is not there");
    let outside = act("refused").after(Wait::member("a")).insert(&mut database.connection()).unwrap_err();
    assert!(outside.to_string().contains("outside of a workflow, got the name `a`"), "{outside}");
}

#[test]
fn a_name_that_the_workflow_has_is_refused_later_too() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let added = Workflow::new("w")
        .job("a", act("a").key("k"))
        .job("b", act("b"))
        .after("b", "a")
        .insert(conn)
        .unwrap();
    let more = || Workflow::existing(added.id);
    assert_refused(&database, more().job("a", act("refused")), "name must be new in the workflow, got 'a'");
    assert_refused(
        &database,
        more().job("c", act("refused").key("k")),
        "key must be that of no other job of the workflow, got that of 'a' in 'c'",
    );
    assert_refused(
        &database,
        more().member(act("refused")).properties(&json!(1)),
        "workflow must keep its callback and its properties",
    );
    let (one, two) = (act("refused").key("l"), act("refused").key("l"));
    assert_refused(
        &database,
        Workflow::new("w").job("x", one).job("y", two),
        "key must be that of no other job",
    );
}

#[test]
fn a_circle_by_way_of_stored_jobs_is_refused_and_no_other_wait() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let chain = Workflow::new("w").job("a", act("a").key("k")).job("b", act("b")).job("c", act("c"));
    let added = chain.after("b", "a").after("c", "b").insert(conn).unwrap();
    let [a, b, c] = added.jobs[..] else { panic!("{added:?}") };
    let again = || act("refused").key("k");
    let circle = format!("after must make no circle, got job {a} after job {c} after job {b} after job {a}");
    assert_refused(&database, Workflow::new("x").member(again().after(c)), &circle);
    let by_way = Workflow::new("x").job("d", act("refused").after(b)).job("k", again()).after("k", "d");
    assert_refused(&database, by_way, "after must make no circle, got job");
    let own = format!("after must be other jobs, got job {a} itself");
    assert_refused(&database, Workflow::new("x").member(again().after(a)), &own);
    let callback = Batch::new("b", act("refused").key("m")).member(act("refused").key("m"));
    assert_refused(&database, callback.into(), "after must be other jobs, got job");
    // Another job may come before the one for which others wait.
    let harmless = Workflow::new("x").job("first", act("first")).job("k", act("a").key("k"));
    let harmless = harmless.after("k", "first").job("last", act("last").after(c)).insert(conn).unwrap();
    assert_eq!(harmless.job("k"), Some(a));
    let waits = format!("mainspring.waits WHERE child = {a} AND parent = {}", harmless.jobs[0]);
    assert_eq!(count(conn, &waits), 1);
}

#[test]
fn a_member_cannot_wait_for_a_job_that_waits_for_its_callback() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let batch = Batch::new("b", act("callback")).member(act("a")).insert(conn).unwrap();
    let behind = act("behind").after(batch.callback.unwrap()).key("k").insert(conn).unwrap();
    let more = || Workflow::existing(batch.id);
    let circle = "after must make no circle, got job";
    assert_refused(&database, more().member(act("refused").after(behind)), circle);
    assert_refused(&database, more().member(act("refused").key("k")), circle);
    more().member(act("fine").after(batch.jobs[0])).insert(conn).unwrap();
    assert_eq!(count(conn, "mainspring.jobs WHERE state = 'waiting'"), 3);
}

#[test]
fn too_many_jobs_and_waits_are_refused_with_their_number() {
    let database = TestDatabase::new();
    let many = |most: usize| (0..most).fold(Workflow::new("w"), |flow, _| flow.member(act("refused")));
    assert_refused(&database, many(10_001), "jobs must be at most 10000 a call, got 10001");
    let names: Vec<String> = (0..460).map(|n| n.to_string()).collect();
    let full = names.iter().enumerate().fold(Workflow::new("w"), |flow, (n, name)| {
        flow.job(name, act("refused").after_all(names[..n].iter().map(Wait::member)))
    });
    assert_refused(&database, full, "after must be at most 100000 jobs and signals a call, got 105570");
    let large = json!("x".repeat(2 << 20));
    assert_refused(&database, many(1).properties(&large), "properties must be at most");
    assert_refused(&database, many(1).properties(&json!("a\0b")), "must not contain the character NUL");
    let conn = &mut database.connection();
    let jobs = (0..10_000).map(|_| act("go"));
    let added = Batch::new("b", act("callback")).members(jobs).insert(conn).unwrap();
    assert_eq!((added.jobs.len(), count(conn, "mainspring.waits")), (10_000, 10_000));
}

#[test]
fn sql_refuses_what_is_no_description_of_a_workflow() {
    let database = TestDatabase::new();
    for (spec, words) in [
        ("[]", "spec must be an object, got array"),
        ("{\"name\": \"w\"}", "jobs must be at least one"),
        ("{\"jobs\": [{\"task\": \"a\"}]}", "name must be given"),
        ("{\"name\": \"w\", \"workflow\": 1, \"jobs\": [{\"task\": \"a\"}]}", "name must be given"),
        ("{\"name\": 7, \"jobs\": [{\"task\": \"a\"}]}", "name must be a string, got number"),
        ("{\"name\": \"w\", \"jobs\": {}}", "jobs must be an array of objects, got object"),
        ("{\"name\": \"w\", \"jobs\": [7]}", "job 1 of 1: specs must hold objects"),
        ("{\"name\": \"w\", \"jobs\": [{\"task\": \"a\"}], \"job\": 1}", "got 'job'"),
        ("{\"name\": \"w\", \"jobs\": [{\"task\": \"a\", \"nme\": \"x\"}]}", "got 'nme'"),
        (
            "{\"name\": \"w\", \"jobs\": [{\"task\": \"a\", \"name\": 7}]}",
            "name must be a string, got number",
        ),
        (
            "{\"name\": \"w\", \"jobs\": [{\"task\": \"a\", \"after\": 7}]}",
            "after must be an array, got number",
        ),
        ("{\"name\": \"w\", \"jobs\": [{\"task\": \"a\", \"after\": [null]}]}", "after must be ids of jobs"),
        (
            "{\"name\": \"w\", \"jobs\": [{\"task\": \"a\", \"after\": [{\"name\": \"a\", \"job\": 1}]}]}",
            "after must be ids of jobs",
        ),
        (
            "{\"name\": \"w\", \"jobs\": [{\"task\": \"a\", \"after\": [{\"name\": \"a\", \"on_failure\": \"explode\"}]}]}",
            "after must be ids of jobs",
        ),
        (
            "{\"name\": \"w\", \"jobs\": [{\"task\": \"a\"}], \"on_failure\": \"run\"}",
            "on_failure must come with a callback",
        ),
        (
            "{\"name\": \"w\", \"callback\": {\"task\": \"a\"}, \"on_failure\": \"explode\"}",
            "on_failure must be hold, cancel or run",
        ),
        ("{\"name\": \"w\", \"callback\": 7}", "callback must hold objects"),
        (
            "{\"workflow\": \"x\", \"jobs\": [{\"task\": \"a\"}]}",
            "workflow must be the id of a workflow, got x",
        ),
        ("{\"of_job\": 1.5, \"jobs\": [{\"task\": \"a\"}]}", "of_job must be the id of a job, got 1.5"),
    ] {
        let call = format!("SELECT mainspring.add_workflow('{spec}')");
        let error = database.connection().batch_execute(&call).unwrap_err();
        assert!(error.to_string().contains(words), "{spec}: {error}");
    }
    let null = database.connection().batch_execute("SELECT mainspring.add_workflow(NULL)").unwrap_err();
    assert!(null.to_string().contains("spec must be an object, got NULL"), "{null}");
    let conn = &mut database.connection();
    assert_eq!((count(conn, "mainspring.jobs"), count(conn, "mainspring.workflows")), (0, 0));
}
