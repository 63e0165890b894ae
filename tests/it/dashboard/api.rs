//! The JSON API: one format with the program's `--json`, the checks of the pages, and acts for programs.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use mainspring::dashboard::{Access, Rights};
use mainspring::jobs::JobStatus;
use mainspring::{NewJob, Workflow};
use serde_json::{Value, json};

use super::openapi::call;
use super::{Reply, Site, TASK, ask};
use crate::cli::on;

fn value(reply: &Reply) -> Value {
    serde_json::from_str(&reply.text).unwrap()
}

async fn act(site: &Site, path: &str, body: Value) -> Reply {
    ask(site.dashboard(Access::Act(Rights::all()).by("anna")), call("POST", path, &body)).await
}

#[actix_web::test]
async fn each_value_has_the_format_of_the_program() {
    let site = Site::start().await;
    let dead = site.add_dead("disk on fire").await;
    let gone = site.add(|job| job).await;
    site.scheduler.jobs().complete([gone], Some("by hand")).await.unwrap();
    site.add(|job| job.queue("mails").key("k")).await;
    site.scheduler.queues().pause("mails").await.unwrap();
    site.add_schedule("nightly").await;
    site.scheduler.schedules().trigger("nightly").await.unwrap();
    assert_eq!(act(&site, "api/pause-queue", json!({"name": "held"})).await.status, 200);
    let flow = Workflow::new("order 17").job("one", NewJob::new(TASK, &json!({})));
    let flow = site.scheduler.workflows().start(flow).await.unwrap().id;
    let (dead, show) = (dead.to_string(), format!("api/job?id={dead}&payload=true"));
    let explain = format!("api/explain?id={dead}");
    let pairs: [(&str, &[&str]); 12] = [
        ("api/jobs", &["jobs", "list"]),
        ("api/jobs?state=dead&order=newest_first", &["jobs", "list", "--state", "dead", "--first", "newest"]),
        (&show, &["jobs", "show", &dead, "--payload"]),
        (&explain, &["explain", &dead]),
        ("api/history", &["jobs", "history"]),
        ("api/tasks", &["tasks", "list"]),
        ("api/queues", &["queues", "list"]),
        ("api/queue?name=mails", &["queues", "show", "mails"]),
        ("api/schedules", &["schedules", "list"]),
        ("api/schedule?name=nightly", &["schedules", "show", "nightly"]),
        ("api/workflows?name=order+17", &["workflows", "list"]),
        ("api/audit?who=anna", &["audit", "--who", "anna"]),
    ];
    let dashboard = site.dashboard(Access::Read).payloads(|_, _, payload| Some(payload));
    for (path, arguments) in pairs {
        let reply = ask(dashboard.clone(), call("GET", path, &json!({}))).await;
        let printed = on(&site.database, &[arguments, &["--json"]].concat());
        let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
        assert_eq!(value(&reply), printed, "{path}");
    }
    let printed = on(&site.database, &["workflows", "show", &flow.to_string(), "--json"]);
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let read = async |path: &str| value(&site.read(&format!("api/{path}?id={flow}")).await);
    assert_eq!(json!({"workflow": read("workflow").await, "jobs": read("workflow-jobs").await}), printed);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn acts_of_programs_are_done_and_recorded() {
    let site = Site::start().await;
    let dead = site.add_dead("disk on fire").await;
    let other = site.add(|job| job).await;
    let held = site.add_held().await;
    site.add_schedule("nightly").await;
    let retried = act(&site, "api/retry-job", json!({"ids": [dead, other, 7777]})).await;
    let expected = json!([{"id": dead, "result": "retried"}, {"id": other, "result": "waiting"}, {"id": 7777, "result": "unknown"}]);
    assert_eq!(value(&retried), expected);
    let moved = json!({"ids": [other], "priority": -7, "run_at": "2100-01-01T00:00:00Z"});
    assert_eq!(value(&act(&site, "api/reschedule-job", moved).await)[0]["result"], "rescheduled");
    let job = site.scheduler.jobs().require(other).await.unwrap();
    assert_eq!((job.priority, job.state), (-7, JobStatus::Scheduled));
    let released = act(&site, "api/release-job", json!({"ids": [held, other]})).await;
    let expected = json!([{"id": held, "result": "released"}, {"id": other, "result": "not_waiting"}]);
    assert_eq!(value(&released), expected);
    for cleared in [1, 0] {
        let reply = act(&site, "api/clear-steps", json!({"id": held})).await;
        assert_eq!(value(&reply), json!({"id": held, "cleared": cleared}));
    }
    let cancelled = act(&site, "api/cancel-job", json!({"ids": [dead], "reason": "twice"})).await;
    assert_eq!(value(&cancelled)[0]["result"], "cancelled");
    assert_eq!(value(&act(&site, "api/delete-job", json!({"ids": [other]})).await)[0]["result"], "deleted");
    let changed = |reply: &Reply| value(reply)["changed"].as_bool().unwrap();
    for (path, name) in [
        ("pause-queue", "mails"),
        ("resume-queue", "mails"),
        ("pause-schedule", "nightly"),
        ("resume-schedule", "nightly"),
    ] {
        let path = format!("api/{path}");
        assert!(changed(&act(&site, &path, json!({"name": name})).await), "{path}");
        assert!(!changed(&act(&site, &path, json!({"name": name})).await), "{path}");
    }
    let fire = value(&act(&site, "api/trigger-schedule", json!({"name": "nightly"})).await);
    assert_eq!((&fire["outcome"], &fire["triggered"]), (&json!("enqueued"), &json!(true)));
    let entries = site.scheduler.audit(mainspring::audit::AuditFilter::new()).await.unwrap();
    let recorded: Vec<String> =
        entries.iter().rev().map(|entry| format!("{} {}", entry.act, entry.subject)).collect();
    let expected = [
        format!("retry-job {dead}"),
        format!("reschedule-job {other}"),
        format!("release-job {held}"),
        format!("clear-steps {held}"),
        format!("cancel-job {dead}"),
        format!("delete-job {other}"),
        "pause-queue mails".into(),
        "resume-queue mails".into(),
        "pause-schedule nightly".into(),
        "resume-schedule nightly".into(),
        "trigger-schedule nightly".into(),
    ];
    assert_eq!(recorded, expected);
    assert!(entries.iter().all(|entry| entry.who == "anna"));
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_page_of_another_site_cannot_act_through_the_api() {
    let site = Site::start().await;
    let dead = site.add_dead("disk on fire").await;
    let before = site.rows();
    let body = json!({"ids": [dead]});
    let foreign: [&[(&str, &str)]; 4] = [
        &[("Host", "app.example"), ("Origin", "https://evil.example")],
        &[("Host", "app.example"), ("Origin", "null")],
        &[("Host", "app.example"), ("Sec-Fetch-Site", "cross-site")],
        &[("Host", "app.example"), ("Origin", "https://app.example"), ("Sec-Fetch-Site", "same-site")],
    ];
    for headers in foreign {
        let request = call("POST", "api/delete-job", &body);
        let request = headers.iter().fold(request, |request, header| request.insert_header(*header));
        let reply = ask(site.dashboard(Access::Act(Rights::all())), request).await;
        assert_eq!(reply.status, 403, "{headers:?}: {}", reply.text);
    }
    // What a form can send without asking.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
        let request = TestRequest::with_uri("/jobs/api/delete-job").method(Method::POST);
        let request = request.insert_header(("Content-Type", kind)).set_payload(body.to_string());
        let reply = ask(site.dashboard(Access::Act(Rights::all())), request).await;
        assert_eq!(reply.status, 415, "{kind}: {}", reply.text);
    }
    assert_eq!(site.rows(), before);
    let own = [
        ("Host", "app.example"),
        ("Origin", "https://app.example"),
        ("Content-Type", "application/json; charset=utf-8"),
    ];
    let request =
        TestRequest::with_uri("/jobs/api/delete-job").method(Method::POST).set_payload(body.to_string());
    let request = own.iter().fold(request, |request, header| request.insert_header(*header));
    assert_eq!(ask(site.dashboard(Access::Act(Rights::all())), request).await.status, 200);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn what_does_not_fit_is_refused_as_json_with_the_reason() {
    let site = Site::start().await;
    let id = site.add(|job| job).await;
    let before = site.rows();
    let many: Vec<i64> = (0..1_001).collect();
    for (path, body, words) in [
        ("api/retry-job", json!({"ids": []}), "ids must be 1 to 1000"),
        ("api/retry-job", json!({"ids": many}), "ids must be 1 to 1000"),
        ("api/retry-job", json!({"ids": ["x"]}), "the body does not fit"),
        ("api/retry-job", json!(7), "the body does not fit"),
        ("api/reschedule-job", json!({"ids": [id]}), "nothing to change"),
        ("api/reschedule-job", json!({"ids": [id], "max_attempts": 0}), "max_attempts"),
        (
            "api/cancel-job",
            json!({"ids": [id], "reason": "x".repeat(1_001)}),
            "reason must be at most 1000 characters",
        ),
        ("api/release-job", json!({"ids": []}), "ids must be 1 to 1000"),
        ("api/clear-steps", json!({"id": 7777}), "must be that of a stored job"),
        ("api/clear-steps", json!({"ids": [id]}), "unknown field `ids`"),
        ("api/pause-queue", json!({"name": ""}), "must"),
        ("api/pause-queue", json!({}), "missing field `name`"),
    ] {
        let reply = act(&site, path, body.clone()).await;
        let error = value(&reply);
        assert!(
            reply.status == 400 && error["error"].as_str().unwrap().contains(words),
            "{body}: {}",
            reply.text
        );
    }
    for (path, words) in [
        ("api/jobs?state=gone", "state must be `stored`, `all`"),
        ("api/jobs?limit=10001", "limit must be"),
        ("api/job", "missing field `id`"),
        ("api/errors?since_seconds=0", "since_seconds must be 1 to"),
        ("api/schedule?name=a&fires=10001", "fires must be at most 10000"),
    ] {
        let reply = site.read(path).await;
        assert!(
            reply.status == 400 && value(&reply)["error"].as_str().unwrap().contains(words),
            "{path}: {}",
            reply.text
        );
    }
    let field = act(&site, "api/cancel-job", json!({"ids": [id], "reason": "x".repeat(1_001)})).await;
    assert_eq!(value(&field)["field"], "reason");
    for (path, status) in [("api/no-such", 404), ("api/", 404), ("api/retry-job", 405)] {
        let reply = site.read(path).await;
        assert!(reply.status == status && value(&reply)["error"].is_string(), "{path}: {}", reply.text);
    }
    assert_eq!(site.rows(), before);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_api_hides_payloads_as_the_pages_do() {
    let site = Site::start().await;
    site.database.publish_unredacted(TASK);
    let id = site.add(|job| job).await;
    site.add_schedule("nightly").await;
    for path in
        [format!("api/job?id={id}&payload=true"), "api/schedule?name=nightly".into(), "api/schedules".into()]
    {
        let hidden = site.read(&path).await;
        assert!(hidden.status == 200 && !hidden.text.contains("r7"), "{}", hidden.text);
        let part =
            site.dashboard(Access::Read).payloads(|_, task, _| (task == TASK).then(|| json!("a part")));
        let shown = ask(part, call("GET", &path, &json!({}))).await;
        assert!(shown.text.contains("a part") && !shown.text.contains("r7"), "{}", shown.text);
    }
    site.scheduler.stop().await;
}
