//! What programs add and change through the JSON API: jobs, schedules, and acts on many jobs.

use diesel::connection::SimpleConnection;
use mainspring::dashboard::{Access, Right, Rights};
use mainspring::{NewJob, Scheduler, Wait, Workflow};
use serde_json::{Value, json};

use super::openapi::call;
use super::{Reply, Site, TASK, ask};
use crate::support::database::TestDatabase;
use crate::support::jobs::behave;
use crate::support::rows::count;
use crate::support::waiting::until;

async fn act(site: &Site, path: &str, body: Value) -> Reply {
    ask(site.dashboard(Access::Act(Rights::all()).by("anna")), call("POST", &format!("api/{path}"), &body))
        .await
}

async fn read(site: &Site, path: &str) -> Value {
    let reply = site.read(&format!("api/{path}")).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text);
    serde_json::from_str(&reply.text).unwrap()
}

fn value(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text);
    serde_json::from_str(&reply.text).unwrap()
}

fn error(reply: &Reply) -> String {
    let value: Value = serde_json::from_str(&reply.text).unwrap();
    value["error"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_job_is_added_by_a_program_and_a_wrong_one_is_not() {
    let site = Site::start().await;
    let job = json!({"task": TASK, "payload": {"n": 7}, "queue": "mails", "priority": -5, "key": "k",
        "run_at": "2126-01-01T00:00:00Z", "flags": ["slow"], "max_attempts": 2});
    let id = value(&act(&site, "add-job", job).await)["id"].as_i64().unwrap();
    let found = site.scheduler.jobs().require(id).await.unwrap();
    assert_eq!((found.queue.as_deref(), found.priority, found.max_attempts), (Some("mails"), -5, Some(2)));
    let kept = json!({"task": TASK, "payload": {}, "key": "k", "key_mode": "unsafe_dedupe"});
    assert_eq!(value(&act(&site, "add-job", kept).await)["id"], id);
    let before = site.rows();
    for (wrong, words) in [
        (json!({"task": TASK}), "missing field `payload`"),
        (json!({"task": TASK, "payload": {}, "key": "k", "key_mode": "both"}), "key_mode must be one of"),
        (json!({"task": "", "payload": {}}), "task must be 1 to 128 characters"),
        (json!({"task": TASK, "payload": "a\u{0}"}), "payload"),
        (json!({"task": TASK, "payload": {}, "run_in": 7}), "unknown field `run_in`"),
    ] {
        let reply = act(&site, "add-job", wrong.clone()).await;
        assert!(reply.status == 400 && error(&reply).contains(words), "{wrong}: {}", reply.text);
    }
    assert_eq!(site.rows(), before);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_workflow_is_retried_and_cancelled_and_a_signal_sent_by_a_program() {
    let site = Site::start().await;
    let job = || NewJob::new(TASK, &json!({}));
    let chain = Workflow::new("order 17").job("a", job()).job("b", job().after(Wait::signal("approved")));
    let added = site.scheduler.workflows().start(chain.after("b", "a")).await.unwrap();
    let (id, [a, b]) = (added.id, [added.jobs[0], added.jobs[1]]);
    site.scheduler.jobs().fail([a], None).await.unwrap();
    let expected = json!([{"id": a, "result": "retried"}]);
    assert_eq!(value(&act(&site, "retry-workflow", json!({"id": id})).await), expected);
    assert_eq!(value(&act(&site, "retry-workflow", json!({"id": id})).await), json!([]));
    let signal = json!({"name": "approved", "value": {"by": "s3cret"}});
    for changed in [true, false] {
        let sent = value(&act(&site, "send-signal", signal.clone()).await);
        assert_eq!(sent, json!({"name": "approved", "changed": changed}));
    }
    let cancelled = value(&act(&site, "cancel-workflow", json!({"id": id, "reason": "twice"})).await);
    assert_eq!(cancelled, json!([{"id": a, "result": "cancelled"}, {"id": b, "result": "cancelled"}]));
    let lines = site.scheduler.audit(mainspring::audit::AuditFilter::new()).await.unwrap();
    let lines: Vec<String> = lines
        .iter()
        .rev()
        .map(|line| format!("{} {} {} {}: {}", line.who, line.act, line.kind, line.subject, line.result))
        .collect();
    let expected = [
        format!("anna retry-workflow workflow {id}: 1 retried"),
        "anna send-signal signal approved: sent".to_owned(),
        format!("anna cancel-workflow workflow {id}: 2 cancelled"),
    ];
    assert_eq!(lines, expected);
    let before = site.rows();
    for (path, body, words) in [
        ("retry-workflow", json!({"id": 7777}), "workflow must be one that is there, got 7777"),
        ("cancel-workflow", json!({"id": 7777}), "workflow must be one that is there, got 7777"),
        ("cancel-workflow", json!({"id": id, "reason": "a\u{0}"}), "reason"),
        ("send-signal", json!({"name": ""}), "signal must be 1 to 256 characters"),
        ("send-signal", json!({"value": 1}), "missing field `name`"),
        ("send-signal", json!({"name": "x", "value": "a\u{0}"}), "value"),
    ] {
        let reply = act(&site, path, body.clone()).await;
        assert!(reply.status == 400 && error(&reply).contains(words), "{path} {body}: {}", reply.text);
    }
    assert_eq!(site.rows(), before);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_schedule_is_created_changed_and_deleted_by_a_program() {
    let site = Site::start().await;
    let new =
        json!({"name": "weekly", "task": TASK, "expression": "0 9 * * mon", "payload": {"s": "s3cret"}});
    let created = act(&site, "create-schedule", new.clone()).await;
    assert_eq!(value(&created)["expression"], "0 9 * * mon");
    assert!(!created.text.contains("s3cret"), "it is hidden from its maker too: {}", created.text);
    let taken = act(&site, "create-schedule", new).await;
    assert!(taken.status == 409 && error(&taken).contains("there is already a schedule"), "{}", taken.text);
    let changes = json!({"name": "weekly", "changes": {"expression": "0 10 * * mon", "queue": "mails"}});
    assert_eq!(value(&act(&site, "update-schedule", changes).await)["queue"], "mails");
    let row = site.scheduler.schedules().require("weekly").await.unwrap();
    assert_eq!((&*row.expression, &row.payload), ("0 10 * * mon", &json!({"s": "s3cret"})));
    for (wrong, status, words) in [
        (json!({"name": "weekly", "changes": {"expression": "soon"}}), 400, "expression"),
        (
            json!({"name": "weekly", "changes": {"name": "other", "priority": 1}}),
            400,
            "name must stay as it is",
        ),
        (json!({"name": "weekly", "changes": {"colour": 1}}), 400, "a schedule must have the fields"),
        (json!({"name": "weekly", "changes": {}}), 400, "nothing to change"),
        (json!({"name": "none", "changes": {"priority": 1}}), 404, "there is no schedule"),
    ] {
        let reply = act(&site, "update-schedule", wrong.clone()).await;
        assert!(reply.status == status && error(&reply).contains(words), "{wrong}: {}", reply.text);
    }
    assert_eq!(value(&act(&site, "delete-schedule", json!({"name": "weekly"})).await)["changed"], true);
    assert_eq!(act(&site, "delete-schedule", json!({"name": "weekly"})).await.status, 404);
    let acts = site.scheduler.audit(mainspring::audit::AuditFilter::on("schedule", "weekly")).await.unwrap();
    let acts: Vec<(&str, &str)> = acts.iter().rev().map(|line| (&*line.act, &*line.result)).collect();
    let changed = ("update-schedule", "changed: expression, queue");
    assert_eq!(acts, [("create-schedule", "created"), changed, ("delete-schedule", "deleted")]);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_change_that_another_one_came_before_is_refused() {
    let site = Site::start().await;
    site.add_schedule("nightly").await;
    let seen = read(&site, "schedule?name=nightly").await["schedule"]["updated_at"].clone();
    let change = |priority: i64, seen: &Value| json!({"name": "nightly", "changes": {"priority": priority}, "updated_at": seen});
    let first = value(&act(&site, "update-schedule", change(3, &seen)).await);
    let late = act(&site, "update-schedule", change(4, &seen)).await;
    assert!(late.status == 409 && error(&late).contains("was changed meanwhile"), "{}", late.text);
    assert_eq!(site.scheduler.schedules().require("nightly").await.unwrap().priority, 3);
    let again = act(&site, "update-schedule", change(4, &first["updated_at"])).await;
    assert_eq!(value(&again)["priority"], 4);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn of_changes_at_the_same_time_that_saw_the_same_one_is_stored() {
    let site = Site::start().await;
    site.add_schedule("nightly").await;
    let seen = read(&site, "schedule?name=nightly").await["schedule"]["updated_at"].clone();
    // Both have read the schedule, and wait for its row.
    let mut holder = site.database.connection();
    holder
        .batch_execute("BEGIN; SELECT FROM mainspring.schedules WHERE name = 'nightly' FOR UPDATE")
        .unwrap();
    let change = |priority: i64| {
        let body = json!({"name": "nightly", "changes": {"priority": priority}, "updated_at": seen});
        act(&site, "update-schedule", body)
    };
    let release = async {
        let waiting = "pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%write_schedule%'";
        until(&site.database, waiting, 2).await;
        holder.batch_execute("COMMIT").unwrap();
    };
    let (one, other, ()) = tokio::join!(change(3), change(4), release);
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.text, other.text);
    let stored = site.scheduler.schedules().require("nightly").await.unwrap().priority;
    assert_eq!(i64::from(stored), if one.status == 200 { 3 } else { 4 });
    site.scheduler.stop().await;
}

fn add_dead(site: &Site, jobs: usize) {
    let add = format!(
        "INSERT INTO mainspring.jobs (task, state, attempts, max_attempts, run_at, last_error) \
         SELECT '{TASK}', 'dead', 3, 3, now(), 'disk on fire' FROM generate_series(1, {jobs})"
    );
    site.database.connection().batch_execute(&add).unwrap();
}

#[actix_web::test]
async fn a_program_counts_begins_an_operation_and_reads_its_end() {
    let database = TestDatabase::new();
    let builder = Scheduler::builder(database.url()).worker_threads(1).without_cron().handler(behave);
    let site = Site { scheduler: builder.start().await.unwrap(), database };
    add_dead(&site, 700);
    let counted = read(&site, "count-jobs?state=dead&error=on+fire").await;
    assert_eq!((&counted["jobs"], &counted["measured"]), (&json!(700), &json!("exact")));
    let body = json!({"act": "reschedule", "filter": {"state": "dead", "task": TASK, "error": "on fire"},
        "changes": {"priority": -7, "attempts": 0}});
    let begun = value(&act(&site, "act-on-many", body).await);
    let id = begun["id"].as_i64().unwrap();
    assert_eq!(begun["words"], format!("state dead, task `{TASK}`, last error has `on fire`"));
    until(&site.database, &format!("mainspring.operations WHERE id = {id} AND state = 'done'"), 1).await;
    let ended = read(&site, &format!("operation?id={id}")).await;
    assert_eq!((&ended["results"], &ended["percent"]), (&json!({"rescheduled": 700}), &json!(100)));
    assert_eq!(read(&site, "operations").await, json!([ended]));
    assert_eq!(count(&mut site.database.connection(), "mainspring.jobs WHERE priority = -7"), 700);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn an_operation_of_a_program_is_paused_resumed_and_stopped() {
    let site = Site::start().await;
    add_dead(&site, 3);
    let body = json!({"act": "cancel", "filter": {"state": "dead"}, "reason": "twice"});
    let id = value(&act(&site, "act-on-many", body).await)["id"].clone();
    for (verb, changed, state) in [
        ("pause", true, "paused"),
        ("pause", false, "paused"),
        ("resume", true, "running"),
        ("stop", true, "stopped"),
        ("resume", false, "stopped"),
    ] {
        let reply = value(&act(&site, &format!("{verb}-operation"), json!({"id": id})).await);
        assert_eq!(reply, json!({"id": id, "changed": changed}), "{verb}");
        assert_eq!(read(&site, &format!("operation?id={id}")).await["state"], state, "{verb}");
    }
    assert_eq!(act(&site, "stop-operation", json!({"id": 7777})).await.status, 404);
    assert_eq!(count(&mut site.database.connection(), "mainspring.jobs WHERE state = 'dead'"), 3);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn an_operation_of_a_program_needs_both_rights_and_means_what_it_says() {
    let site = Site::start().await;
    add_dead(&site, 3);
    let before = site.rows();
    let body = json!({"act": "delete", "filter": {}});
    for rights in [Rights::none().with(Right::ActOnMany), Rights::none().with(Right::DeleteJobs)] {
        let request = call("POST", "api/act-on-many", &body);
        assert_eq!(ask(site.dashboard(Access::Act(rights)), request).await.status, 403, "{rights:?}");
    }
    for (wrong, words) in [
        (json!({"act": "explode", "filter": {}}), "act must be one of retry"),
        (json!({"act": "retry"}), "missing field `filter`"),
        (json!({"act": "delete", "filter": {"limit": 1}}), "unknown field `limit`"),
        (json!({"act": "delete", "filter": {"state": "succeeded"}}), "Finished jobs"),
        (json!({"act": "delete", "filter": {"state": "all"}}), "Finished jobs"),
        (json!({"act": "delete", "filter": {}, "reason": "x"}), "reason must be absent"),
        (json!({"act": "release", "filter": {}, "reason": "x"}), "reason must be absent"),
        (json!({"act": "cancel", "filter": {}, "changes": {"priority": 1}}), "changes must be absent"),
        (json!({"act": "reschedule", "filter": {}}), "nothing to change"),
        (json!({"act": "reschedule", "filter": {}, "changes": {}}), "nothing to change"),
    ] {
        let reply = act(&site, "act-on-many", wrong.clone()).await;
        assert!(reply.status == 400 && error(&reply).contains(words), "{wrong}: {}", reply.text);
    }
    for wrong in ["count-jobs?state=all", "count-jobs?limit=1", "operations?limit=0", "operations?limit=1001"]
    {
        assert_eq!(site.read(&format!("api/{wrong}")).await.status, 400, "{wrong}");
    }
    assert_eq!(site.rows(), before);
    site.scheduler.stop().await;
}
