//! Acts on all jobs that meet conditions: each is done once to each of them, by a job that may be paused, stopped and killed.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::audit::AuditFilter;
use mainspring::dashboard::{Access, Right, Rights};
use mainspring::{JobContext, Scheduler, Task};
use serde::{Deserialize, Serialize};

use super::{Reply, Site, TASK, ask, own};
use crate::support::database::TestDatabase;
use crate::support::jobs::behave;
use crate::support::rows::count;
use crate::support::waiting::{until, until_at_least};

/// A site whose scheduler has a handler, and so carries out operations.
async fn working() -> Site {
    let database = TestDatabase::new();
    let builder = Scheduler::builder(database.url()).worker_threads(1).without_cron();
    let scheduler = builder.handler(behave).start().await.unwrap();
    Site { database, scheduler }
}

fn add(site: &Site, jobs: usize, state: &str, task: &str) {
    let add = format!(
        "INSERT INTO mainspring.jobs (task, state, attempts, max_attempts, run_at, last_error) \
         SELECT '{task}', '{state}', CASE '{state}' WHEN 'dead' THEN 3 ELSE 0 END, 3, now(), 'disk on fire' \
         FROM generate_series(1, {jobs})"
    );
    site.database.connection().batch_execute(&add).unwrap();
}

/// Adds an operation in the page, and returns its id.
async fn begin(site: &Site, path: &str, form: &str) -> i64 {
    let dashboard = site.dashboard(Access::Act(Rights::all()).by("anna"));
    let added = ask(dashboard, own(&format!("act-on-many?{path}"), form)).await;
    assert_eq!(added.status, 303, "{}", added.text);
    let id = added.header("location").split(['=', '&']).nth(1).unwrap();
    id.parse().unwrap()
}

async fn done(site: &Site, id: i64) -> Reply {
    until(&site.database, &format!("mainspring.operations WHERE id = {id} AND state = 'done'"), 1).await;
    site.read(&format!("operation?id={id}")).await
}

fn jobs(site: &Site, condition: &str) -> i64 {
    count(
        &mut site.database.connection(),
        &format!("mainspring.jobs WHERE task <> 'mainspring:operation' AND {condition}"),
    )
}

#[actix_web::test]
async fn an_act_on_many_is_done_to_each_job_that_matches_and_to_no_other() {
    let site = working().await;
    add(&site, 1_234, "dead", TASK);
    add(&site, 5, "dead", "other");
    add(&site, 7, "ready", TASK);
    let id = begin(&site, &format!("act=retry&state=dead&task={TASK}"), "").await;
    let page = done(&site, id).await;
    assert!(page.text.contains("1,234") && page.text.contains("retried"), "{}", page.text);
    assert_eq!((jobs(&site, "state = 'dead'"), jobs(&site, "state = 'ready'")), (5, 1_241));
    let log = site.scheduler.audit(AuditFilter::on("operation", id.to_string())).await.unwrap();
    let told: Vec<_> = log.iter().map(|line| (&*line.who, &*line.act, line.jobs, &*line.result)).collect();
    let finished = "finished: done for 1234 jobs, and 0 left as they were";
    assert_eq!(told, [("anna", "retry-jobs", Some(1_234), finished), ("anna", "retry-jobs", None, "added")]);
    assert_eq!(log[0].filter.as_deref(), Some("state dead, task `report.publish`"));
    let list = site.read("operations").await;
    assert!(
        list.links().contains(&format!("operation?id={id}")) && list.text.contains("done"),
        "{}",
        list.text
    );
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn each_act_has_its_result_and_its_reason() {
    let site = working().await;
    for (act, form, state, left) in [
        ("reschedule", "priority=-7&attempts=0", "dead", "state = 'ready' AND priority = -7"),
        ("fail", "reason=spilled", "ready", "state = 'dead' AND last_error = 'spilled'"),
        ("retry", "", "dead", "state = 'ready' AND attempts = 0"),
        ("release", "", "waiting", "state = 'ready'"),
        ("release", "", "held", "state = 'ready'"),
        ("delete", "", "ready", "false"),
    ] {
        site.database.connection().batch_execute("DELETE FROM mainspring.jobs").unwrap();
        add(&site, 20, state, TASK);
        let id = begin(&site, &format!("act={act}&state={state}&error="), form).await;
        // A deletion waits; resumed, it begins at once.
        for path in ["pause-operation", "resume-operation"] {
            if act == "delete" {
                assert_eq!(site.act(&format!("{path}?id={id}"), "").await.status, 303);
            }
        }
        done(&site, id).await;
        let expected = if act == "delete" { 0 } else { 20 };
        assert_eq!((jobs(&site, left), jobs(&site, "true")), (expected, expected), "{act}");
    }
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_cancellation_waits_and_is_paused_resumed_and_stopped() {
    let site = working().await;
    add(&site, 30, "ready", TASK);
    let id = begin(&site, "act=cancel&state=ready", "reason=ordered+twice").await;
    let (pause, resume) = (format!("pause-operation?id={id}"), format!("resume-operation?id={id}"));
    let waits = site.read(&format!("operation?id={id}")).await;
    assert!(waits.text.contains("running") && waits.text.contains("Where it stands"), "{}", waits.text);
    assert_eq!(site.act(&resume, "").await.status, 409);
    assert_eq!(site.act(&pause, "").await.status, 303);
    assert_eq!(site.act(&pause, "").await.status, 409);
    assert_eq!((jobs(&site, "true"), count(&mut site.database.connection(), "mainspring.jobs")), (30, 30));
    add(&site, 1, "ready", "later");
    assert_eq!(site.act(&resume, "").await.status, 303);
    done(&site, id).await;
    assert_eq!(
        (jobs(&site, "true"), jobs(&site, "task = 'later'")),
        (1, 1),
        "a job that was added later stays"
    );
    let cancelled = "mainspring.history WHERE outcome = 'cancelled' AND reason = 'ordered twice'";
    assert_eq!(count(&mut site.database.connection(), cancelled), 30);
    assert_eq!(site.act(&format!("stop-operation?id={id}"), "").await.status, 409);

    let other = begin(&site, "act=cancel&state=ready", "").await;
    assert_eq!(site.act(&format!("stop-operation?id={other}"), "").await.status, 303);
    assert_eq!(site.act(&format!("resume-operation?id={other}"), "").await.status, 409);
    assert_eq!(jobs(&site, "task = 'later'"), 1);
    let log = site.scheduler.audit(AuditFilter::on("operation", other.to_string())).await.unwrap();
    assert_eq!(log[0].act, "stop-operation");
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_killed_operation_goes_on_where_it_was_and_repeats_nothing() {
    let site = working().await;
    add(&site, 3_000, "dead", TASK);
    // Its second batch waits for this row.
    let mut holder = site.database.connection();
    holder.batch_execute("BEGIN; SELECT FROM mainspring.jobs WHERE id = 800 FOR UPDATE").unwrap();
    let id = begin(&site, "act=retry&state=dead", "").await;
    until(&site.database, &format!("mainspring.operations WHERE id = {id} AND done_id >= 500"), 1).await;
    let waiting = "pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%retry_jobs%'";
    until_at_least(&site.database, waiting, 1).await;
    site.scheduler.stop_within(Duration::ZERO).await;
    let scheduler = Scheduler::builder(site.database.url()).worker_threads(1).without_cron().handler(behave);
    let site = Site { scheduler: scheduler.start().await.unwrap(), database: site.database };
    // The batch of the first one is still there, and ends after all.
    holder.batch_execute("ROLLBACK").unwrap();
    let page = done(&site, id).await;
    assert!(page.text.contains("3,000"), "{}", page.text);
    let results =
        format!("mainspring.operations WHERE id = {id} AND results::jsonb = '{{\"retried\": 3000}}'");
    assert_eq!(count(&mut site.database.connection(), &results), 1);
    assert_eq!(jobs(&site, "state = 'ready' AND attempts = 0"), 3_000);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn an_operation_needs_the_right_of_its_act_too() {
    let site = Site::start().await;
    add(&site, 3, "dead", TASK);
    let path = "act-on-many?act=delete&state=dead";
    let many = Rights::none().with(Right::ActOnMany);
    for rights in [many, Rights::none().with(Right::DeleteJobs), many.with(Right::RetryJobs)] {
        let before = site.rows();
        assert_eq!(site.act_with(rights, path, "").await.status, 403, "{rights:?}");
        let question = actix_web::test::TestRequest::with_uri(&format!("/jobs/{path}"));
        assert_eq!(ask(site.dashboard(Access::Act(rights)), question).await.status, 403, "{rights:?}");
        assert_eq!(site.rows(), before);
    }
    let both = many.with(Right::DeleteJobs);
    let added = site.act_with(both, path, "").await;
    assert_eq!(added.status, 303, "{}", added.text);
    for act in ["pause", "resume", "stop"] {
        let path = format!("{act}-operation?id=1");
        assert_eq!(site.act_with(many.with(Right::RetryJobs), &path, "").await.status, 403, "{act}");
        assert_eq!(site.act_with(both, &path, "").await.status, 303, "{act}");
    }
    assert_eq!(site.act("stop-operation?id=7", "").await.status, 404);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_question_counts_and_says_which_jobs_are_meant() {
    let site = Site::start().await;
    add(&site, 42, "dead", TASK);
    add(&site, 3, "ready", TASK);
    let asked = async |path: &str| {
        let request = actix_web::test::TestRequest::with_uri(&format!("/jobs/act-on-many?{path}"));
        ask(site.dashboard(Access::Act(Rights::all())), request).await
    };
    let question = asked("act=cancel&state=dead&error=on+fire").await;
    for text in
        ["state dead, last error has `on fire`", "<strong>42</strong>", "name=\"reason\"", "ten seconds"]
    {
        assert!(question.text.contains(text), "{text}: {}", question.text);
    }
    assert_eq!(question.attributes("action"), ["act-on-many?act=cancel&amp;state=dead&amp;error=on+fire"]);
    assert!(asked("act=delete&state=dead&error=water").await.text.contains("<strong>0</strong>"));
    add(&site, 10_000, "ready", "other");
    let large = asked("act=cancel&state=ready&queue=none").await;
    assert!(large.text.contains("More than can be counted at once"), "{}", large.text);
    for (wrong, status) in [
        ("act=cancel&state=succeeded", 400),
        ("act=explode&state=dead", 400),
        ("act=retry&state=gone", 400),
        ("state=dead", 400),
        ("act=retry&worker=x", 400),
    ] {
        let before = site.rows();
        assert_eq!(asked(wrong).await.status, status, "{wrong}");
        assert_eq!(site.act(&format!("act-on-many?{wrong}"), "").await.status, status, "{wrong}");
        assert_eq!(site.rows(), before, "{wrong}");
    }
    let long = format!("act-on-many?act=retry&error={}", "x".repeat(3_000));
    assert_eq!(site.act(&long, "").await.status, 400);
    assert_eq!(site.act("act-on-many?act=reschedule&state=dead", "priority=").await.status, 400);
    assert_eq!(count(&mut site.database.connection(), "mainspring.operations"), 0);
    let list = site.read("jobs?state=dead&task=a").await;
    assert!(!list.text.contains("act-on-many"), "a reader sees no act");
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_process_without_handlers_leaves_operations_and_the_page_says_so() {
    let site = Site::start().await;
    add(&site, 3, "dead", TASK);
    let id = begin(&site, "act=retry&state=dead", "").await;
    let page = site.until_shown(&format!("operation?id={id}"), "Where it stands").await;
    assert!(page.text.contains("worker"), "{}", page.text);
    assert_eq!(jobs(&site, "state = 'dead'"), 3);
    site.database
        .connection()
        .batch_execute("DELETE FROM mainspring.jobs WHERE task = 'mainspring:operation'")
        .unwrap();
    let stranded = site.read(&format!("operation?id={id}")).await;
    assert!(
        stranded.text.contains("stranded") && stranded.text.contains("gone or dead"),
        "{}",
        stranded.text
    );
    assert_eq!(site.act(&format!("resume-operation?id={id}"), "").await.status, 303);
    assert_eq!(
        count(&mut site.database.connection(), "mainspring.jobs WHERE task = 'mainspring:operation'"),
        1
    );
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_job_that_names_no_operation_does_nothing() {
    let site = working().await;
    add(&site, 3, "dead", TASK);
    let forged = "SELECT mainspring.add_job('mainspring:operation', '{\"operation\": 4711}', flags => '{mainspring:operation}')";
    site.database.connection().batch_execute(forged).unwrap();
    until(
        &site.database,
        "mainspring.history WHERE task = 'mainspring:operation' AND outcome = 'succeeded'",
        1,
    )
    .await;
    assert_eq!(jobs(&site, "state = 'dead'"), 3);
    site.scheduler.stop().await;
}

#[derive(Serialize, Deserialize)]
struct Own {}
impl Task for Own {
    const NAME: &'static str = "mainspring:own";
}

#[actix_web::test]
async fn a_handler_of_a_reserved_name_is_refused() {
    let database = TestDatabase::new();
    let builder = Scheduler::builder(database.url()).handler(async |_: Own, _: JobContext| {});
    let error = builder.start().await.unwrap_err().to_string();
    assert!(error.contains("task `mainspring:own` must not begin with `mainspring:`"), "{error}");
}
