//! The audit log has each act: who has done it, to what, why, and what became of it.

use super::{Reply, Site, ask, own};
use crate::support::database::TestDatabase;
use diesel::connection::SimpleConnection;
use mainspring::audit::{self, AuditEntry, AuditFilter, NewAuditEntry};
use mainspring::dashboard::{Access, Rights, basic_auth};

async fn by(site: &Site, who: &str, path: &str, form: &str) -> Reply {
    ask(site.dashboard(Access::Act(Rights::all()).by(who)), own(path, form)).await
}

async fn log(site: &Site) -> Vec<AuditEntry> {
    site.scheduler.audit(AuditFilter::new()).await.unwrap()
}

/// Who, act, kind, subject, reason and result of each line, the first one first.
fn told(log: &[AuditEntry]) -> Vec<[&str; 6]> {
    log.iter()
        .rev()
        .map(|line| {
            let reason = line.reason.as_deref().unwrap_or_default();
            [&*line.who, &*line.act, &*line.kind, &*line.subject, reason, &*line.result]
        })
        .collect()
}

#[actix_web::test]
async fn each_act_is_recorded_with_who_what_why_and_its_result() {
    let site = Site::start().await;
    let dead = site.add_dead("disk on fire").await;
    let waiting = site.add(|job| job.queue("mails")).await;
    let held = site.add_held().await;
    site.add_schedule("nightly").await;
    for (who, path, form) in [
        ("bo", "add-job".into(), "task=t&payload=1"),
        ("anna", format!("retry-job?id={dead}"), ""),
        ("anna", format!("reschedule-job?id={waiting}"), "priority=-5"),
        ("bo", format!("release-job?id={held}"), ""),
        ("bo", format!("clear-steps?id={held}"), ""),
        ("bo", format!("cancel-job?id={waiting}"), "reason=ordered+twice"),
        ("bo", format!("delete-job?id={dead}"), ""),
        ("anna", "pause-queue?name=mails".into(), ""),
        ("anna", "resume-queue?name=mails".into(), ""),
        ("", "pause-schedule?name=nightly".into(), ""),
        ("", "resume-schedule?name=nightly".into(), ""),
        ("", "trigger-schedule?name=nightly".into(), ""),
        ("bo", "create-schedule".into(), "name=new&task=t&expression=@daily"),
        (
            "bo",
            "update-schedule?name=new".into(),
            "task=t&expression=@hourly&zone=UTC&overlap=allow&catch_up=1",
        ),
        ("bo", "delete-schedule?name=new".into(), ""),
    ] {
        let reply = by(&site, who, &path, form).await;
        assert_eq!(reply.status, 303, "{path}: {}", reply.text);
    }
    let added = (held + 1).to_string();
    let [dead, waiting, held] = [dead, waiting, held].map(|id| id.to_string());
    let log = log(&site).await;
    let expected = [
        ["bo", "add-job", "job", &added, "", "added: a job of t"],
        ["anna", "retry-job", "job", &dead, "", "retried"],
        ["anna", "reschedule-job", "job", &waiting, "", "rescheduled"],
        ["bo", "release-job", "job", &held, "", "released"],
        ["bo", "clear-steps", "job", &held, "", "1 steps are forgotten"],
        ["bo", "cancel-job", "job", &waiting, "ordered twice", "cancelled"],
        ["bo", "delete-job", "job", &dead, "", "deleted"],
        ["anna", "pause-queue", "queue", "mails", "", "paused"],
        ["anna", "resume-queue", "queue", "mails", "", "resumed"],
        ["unknown", "pause-schedule", "schedule", "nightly", "", "paused"],
        ["unknown", "resume-schedule", "schedule", "nightly", "", "resumed"],
        ["unknown", "trigger-schedule", "schedule", "nightly", "", "enqueued"],
        ["bo", "create-schedule", "schedule", "new", "", "created"],
        [
            "bo",
            "update-schedule",
            "schedule",
            "new",
            "",
            "changed: expression, jitter_seconds, max_attempts, priority",
        ],
        ["bo", "delete-schedule", "schedule", "new", "", "deleted"],
    ];
    assert_eq!(told(&log), expected);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn what_was_refused_or_changed_nothing_is_not_recorded() {
    let site = Site::start().await;
    let dead = site.add_dead("disk on fire").await;
    site.scheduler.queues().pause("held").await.unwrap();
    site.add_schedule("nightly").await;
    for (path, form, status) in [
        ("add-job".into(), "task=t&payload=%7B", 400),
        (format!("cancel-job?id={dead}"), "", 409),
        (format!("reschedule-job?id={dead}"), "max_attempts=0", 400),
        ("retry-job?id=7777".into(), "", 404),
        (format!("release-job?id={dead}"), "", 409),
        (format!("clear-steps?id={dead}"), "", 303),
        ("clear-steps?id=7777".into(), "", 400),
        ("pause-queue?name=held".into(), "", 409),
        ("resume-schedule?name=nightly".into(), "", 409),
        ("trigger-schedule?name=none".into(), "", 404),
        ("delete-schedule?name=none".into(), "", 404),
        ("create-schedule".into(), "name=nightly&task=t&expression=@daily", 400),
        ("create-schedule".into(), "name=new&task=t&expression=@daily&what=preview", 200),
        ("update-schedule?name=nightly".into(), "task=t&expression=@daily&zone=Berlin", 400),
    ] {
        let reply = by(&site, "anna", &path, form).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text);
    }
    assert_eq!(log(&site).await, []);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn an_act_whose_line_cannot_be_stored_is_not_done() {
    let site = Site::start().await;
    let waiting = site.add(|job| job).await;
    let held = site.add_held().await;
    site.add_schedule("nightly").await;
    let full = "ALTER TABLE mainspring.audit ADD CONSTRAINT full_up CHECK (who <> 'anna')";
    site.database.connection().batch_execute(full).unwrap();
    let before = site.rows();
    for path in [
        "add-job".into(),
        format!("cancel-job?id={waiting}"),
        format!("release-job?id={held}"),
        format!("clear-steps?id={held}"),
        "pause-queue?name=mails".into(),
        "pause-schedule?name=nightly".into(),
        "trigger-schedule?name=nightly".into(),
        "create-schedule?name=new".into(),
        "update-schedule?name=nightly".into(),
        "delete-schedule?name=nightly".into(),
    ] {
        let reply = by(&site, "anna", &path, "name=new&task=t&expression=@daily&payload=%7B%7D").await;
        assert!(reply.status >= 400, "{path}: {}", reply.text);
        assert_eq!(site.rows(), before, "{path}");
    }
    assert_eq!(by(&site, "bo", &format!("cancel-job?id={waiting}"), "").await.status, 303);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn basic_authentication_gives_the_name_of_its_user() {
    let site = Site::start().await;
    for (access, expected) in
        [(Access::Act(Rights::all()), "ops"), (Access::Act(Rights::all()).by("anna"), "anna")]
    {
        let id = site.add(|job| job).await;
        let dashboard = mainspring::dashboard("/jobs", &site.scheduler, basic_auth("ops", "s3cret", access));
        // `ops:s3cret`.
        let request = own(&format!("cancel-job?id={id}"), "")
            .insert_header(("Authorization", "Basic b3BzOnMzY3JldA=="));
        assert_eq!(ask(dashboard, request).await.status, 303);
        assert_eq!(log(&site).await[0].who, expected);
    }
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_screen_filters_by_who_and_what_and_pages_through_all() {
    let site = Site::start().await;
    let mut conn = site.database.connection();
    for number in 0..120 {
        let (who, subject) = (if number % 40 == 0 { "anna" } else { "bo & co" }, format!("q{number}"));
        let entry = NewAuditEntry::new(who, "pause-queue", "queue", subject, "paused").reason("because");
        audit::add(&mut conn, &entry).unwrap();
    }
    let mut found = Vec::new();
    let mut next = Some("audit?act=pause-queue".to_owned());
    while let Some(path) = next {
        let page = site.read(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        found.extend(page.links().into_iter().filter(|link| link.starts_with("queue?")));
        next = page.links().into_iter().find(|link| link.contains("before="));
        assert!(
            next.as_ref().is_none_or(|next| next.starts_with("audit?act=pause-queue&before=")),
            "{next:?}"
        );
    }
    let all: Vec<String> = (0..120).rev().map(|number| format!("queue?name=q{number}")).collect();
    assert_eq!(found, all);
    for (path, lines) in [
        ("audit?who=anna", 3),
        ("audit?kind=queue&subject=q7", 1),
        ("audit?subject=q7&who=anna", 0),
        ("audit?act=none", 0),
    ] {
        let page = site.read(path).await;
        let shown = page.links().iter().filter(|link| link.starts_with("queue?")).count();
        assert_eq!((page.status, shown), (200, lines), "{path}");
    }
    assert_eq!(site.read("audit?before=x").await.status, 400);
    let queue = site.read("queue?name=q7").await;
    assert!(queue.text.contains("pause-queue") && queue.text.contains("because"), "{}", queue.text);
    assert!(queue.links().contains(&"audit?kind=queue&subject=q7".to_owned()));
    site.scheduler.stop().await;
}

#[test]
fn an_entry_that_breaks_a_limit_is_refused_and_nothing_is_stored() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let entry = |who: &str| NewAuditEntry::new(who, "act", "kind", "subject", "done");
    let long = "x".repeat(2_001);
    for (wrong, field) in [
        (entry(""), "who"),
        (entry(&long), "who"),
        (entry("a\0b"), "who"),
        (NewAuditEntry::new("a", "", "kind", "subject", "done"), "act"),
        (NewAuditEntry::new("a", "act", &*long, "subject", "done"), "kind"),
        (NewAuditEntry::new("a", "act", "kind", "", "done"), "subject"),
        (entry("a").result(""), "result"),
        (entry("a").reason(&*long), "reason"),
        (entry("a").jobs(&*long, Some(7)), "filter"),
    ] {
        let error = audit::add(&mut conn, &wrong).unwrap_err();
        assert!(error.to_string().contains(field), "{field}: {error}");
    }
    assert_eq!(audit::list(&mut conn, &AuditFilter::new()).unwrap(), []);
    let id = audit::add(&mut conn, &entry("a").jobs("state dead", Some(7)).reason("")).unwrap();
    let line = audit::list(&mut conn, &AuditFilter::on("kind", "subject")).unwrap().remove(0);
    assert_eq!(
        (line.id, line.filter.as_deref(), line.jobs, line.reason),
        (id, Some("state dead"), Some(7), None)
    );
    assert_eq!(line.result, "done");
}
