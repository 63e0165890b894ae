//! A site with one of everything that the API shows, and requests for it.

use mainspring::dashboard::{Access, Rights};
use serde_json::{Value, json};

use super::openapi::call;
use super::{Site, ask};

/// What asks for something that is there, on a site with one of everything.
pub(super) fn good(path: &str, site: &Filled) -> (String, Value) {
    let (id, name) = (site.waiting, "nightly");
    let query = match path {
        "job" => format!("?id={}&payload=true", site.dead),
        "explain" => format!("?id={id}"),
        "queue" => "?name=mails".to_owned(),
        "schedule" => "?name=nightly&fires=5".to_owned(),
        "error" => format!("?fingerprint={}", site.group),
        "workflow" | "workflow-jobs" => format!("?id={}", site.workflow),
        "operation" => format!("?id={}", site.operation),
        "count-jobs" => "?state=dead&changed_since=2020-01-01T00:00:00Z".to_owned(),
        "jobs" => "?state=all&order=newest_first&limit=1000".to_owned(),
        "stats" | "errors" => "?since_seconds=86400".to_owned(),
        _ => String::new(),
    };
    let body = match path {
        "retry-job" => json!({"ids": [site.dead, 7777], "run_at": "2100-01-01T00:00:00Z"}),
        "cancel-job" => json!({"ids": [id], "reason": "twice"}),
        "reschedule-job" => json!({"ids": [id], "priority": -5, "run_at": null}),
        "release-job" => json!({"ids": [site.held, site.dead]}),
        "clear-steps" => json!({"id": site.held}),
        "delete-job" => json!({"ids": [site.other]}),
        "retry-workflow" => json!({"id": site.workflow}),
        "cancel-workflow" => json!({"id": site.workflow, "reason": "twice"}),
        "send-signal" => json!({"name": "approved", "value": {"by": "anna"}}),
        "add-job" => json!({"task": "act", "payload": {"act": "ok"}, "key_mode": "replace", "flags": null}),
        "create-schedule" => {
            json!({"name": "new", "task": "act", "expression": "@daily", "payload": {"act": "ok"}})
        }
        "update-schedule" => json!({"name": name, "changes": {"priority": 3, "queue": null}}),
        "delete-schedule" => json!({"name": "old"}),
        "act-on-many" => json!({"act": "retry", "filter": {"state": "dead", "task": "none"}}),
        path if path.ends_with("-operation") => json!({"id": site.operation}),
        path if path.ends_with("-queue") => json!({"name": "mails"}),
        _ => json!({"name": name}),
    };
    (format!("api/{path}{query}"), body)
}

/// A site with one of everything that the API shows.
pub(super) struct Filled {
    pub(super) site: Site,
    dead: i64,
    waiting: i64,
    other: i64,
    held: i64,
    group: String,
    operation: i64,
    workflow: i64,
}

pub(super) async fn filled() -> Filled {
    use crate::support::jobs::{act, behave};
    use crate::support::waiting::until;
    let database = crate::support::database::TestDatabase::new();
    let builder = mainspring::Scheduler::builder(database.url()).worker_threads(1).handler(behave);
    let scheduler =
        builder.cron(mainspring::Cron::every_day_at(3, 0, other_task()).id("line")).start().await.unwrap();
    let dead = scheduler.enqueue(act("fail").max_attempts(1)).await.unwrap();
    until(&database, "mainspring.jobs WHERE state = 'dead'", 1).await;
    until(&database, "mainspring.error_groups", 1).await;
    until(&database, "mainspring.stats WHERE kind = 'task' AND dead > 0", 1).await;
    let site = Site { database, scheduler };
    let ended = site.add(|job| job).await;
    site.scheduler.jobs().cancel([ended], Some("twice")).await.unwrap();
    let waiting = site.add(|job| job.queue("mails").key("k").flags(["slow"])).await;
    let other = site.add(|job| job).await;
    let held = site.add_held().await;
    site.scheduler
        .queues()
        .set_family("tenant:*", mainspring::queues::QueueSettings::concurrency(3))
        .await
        .unwrap();
    let limit = mainspring::queues::TaskLimit::new();
    let limit = limit.concurrency(5);
    site.scheduler.queues().set_task_limit("act", limit).await.unwrap();
    for schedule in ["nightly", "old"] {
        site.add_schedule(schedule).await;
    }
    site.scheduler.schedules().trigger("nightly").await.unwrap();
    site.scheduler.queues().pause("held").await.unwrap();
    let group =
        site.scheduler.errors(std::time::Duration::from_secs(3600)).await.unwrap().remove(0).fingerprint;
    let begin = json!({"act": "cancel", "filter": {"task": "none"}, "reason": "twice"});
    let begun =
        ask(site.dashboard(Access::Act(Rights::all())), call("POST", "api/act-on-many", &begin)).await;
    let operation = serde_json::from_str::<Value>(&begun.text).unwrap()["id"].as_i64().unwrap();
    let workflow = add_workflow(&site).await;
    Filled { site, dead, waiting, other, held, group, operation, workflow }
}

/// A workflow with a dead job, for which another one waits.
async fn add_workflow(site: &Site) -> i64 {
    let job = || mainspring::NewJob::new(super::TASK, &json!({}));
    let chain = mainspring::Workflow::new("chain").job("a", job()).job("b", job()).after("b", "a");
    let added = site.scheduler.workflows().start(chain).await.unwrap();
    site.scheduler.jobs().fail([added.jobs[0]], None).await.unwrap();
    added.id
}

fn other_task() -> crate::support::jobs::Other {
    crate::support::jobs::Other {}
}
