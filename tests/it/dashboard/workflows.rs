//! What the pages show of workflows, however large, and what a viewer does to them.

use actix_web::test::TestRequest;
use diesel::connection::SimpleConnection;
use mainspring::audit::AuditFilter;
use mainspring::dashboard::{Access, Right, Rights};
use mainspring::jobs::JobStatus;
use mainspring::{Batch, NewJob, Wait, Workflow};
use serde_json::json;

use super::{Reply, Site, TASK, ask};
use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::schedulers::{SLOW_POLL, scheduler};

fn job() -> NewJob {
    NewJob::new(TASK, &json!({"report": "r7"}))
}

/// A workflow whose first job is dead: charge, then ship, and review when someone has approved too.
async fn failed(site: &Site) -> (i64, [i64; 3]) {
    let chain = Workflow::new("order 17")
        .job("charge", job())
        .job("ship", job())
        .job("review", job().after(Wait::signal("order:17:approved")))
        .after("ship", "charge")
        .after("review", "ship");
    let added = site.scheduler.workflows().start(chain).await.unwrap();
    let ids = ["charge", "ship", "review"].map(|name| added.job(name).unwrap());
    site.scheduler.jobs().fail([ids[0]], Some("no money")).await.unwrap();
    (added.id, ids)
}

/// A workflow with so many jobs, which have all ended.
fn add_large(site: &Site, name: &str, jobs: u32) {
    let add = format!(
        "WITH f AS (INSERT INTO mainspring.workflows (name) VALUES ('{name}') RETURNING id) \
         INSERT INTO mainspring.workflow_jobs (workflow_id, job_id) SELECT f.id, 1000000 + n FROM f, generate_series(1, {jobs}) AS n"
    );
    site.database.connection().batch_execute(&add).unwrap();
}

/// The page as a viewer with all rights sees it.
async fn seen(site: &Site, path: &str) -> Reply {
    let all = site.dashboard(Access::Act(Rights::all()));
    ask(all, TestRequest::with_uri(&format!("/jobs/{path}"))).await
}

#[actix_web::test]
async fn a_workflow_and_its_jobs_lead_to_each_other_with_what_each_waits_for() {
    let site = Site::start().await;
    let (id, ids) = failed(&site).await;
    let list = site.until_shown("workflows", "state dead\">failed").await;
    assert!(list.text.contains(">order 17<") && list.links().contains(&format!("workflow?id={id}")));
    let page = site.read(&format!("workflow?id={id}")).await;
    assert_eq!(page.jobs(), ids);
    for shown in ["0 %", ">charge<", "signal ", ">order:17:approved<", "state waiting", "It goes on when"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    let boxes = page.text.matches("class=\"node ").count();
    assert_eq!((boxes, page.text.matches("<path d=").count()), (3, 2), "{}", page.text);
    assert!(page.text.contains("class=\"node dead\""), "{}", page.text);
    // Each job once as itself, and as the parent of the next one.
    let parents = ids.map(|id| page.links().iter().filter(|link| **link == format!("job?id={id}")).count());
    assert_eq!(parents, [2, 2, 1]);
    for id_of_job in ids {
        let page = site.read(&format!("job?id={id_of_job}")).await;
        assert!(page.links().contains(&format!("workflow?id={id}")), "{}", page.text);
    }
    let alone = site.add(|job| job).await;
    let page = site.read(&format!("job?id={alone}")).await;
    assert!(!page.text.contains("workflow?id="), "{}", page.text);
    assert_eq!(site.read("workflow?id=7777").await.status, 404);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_batch_shows_its_callback_and_none_of_its_properties() {
    let site = Site::start().await;
    let batch = Batch::new("album 7", job()).members([job(), job()]).properties(&json!({"owner": "s3cret"}));
    let added = site.scheduler.workflows().start(batch).await.unwrap();
    site.scheduler.jobs().complete([added.jobs[0]], None).await.unwrap();
    let callback = added.callback.unwrap();
    let path = format!("workflow?id={}", added.id);
    let page = site.read(&path).await;
    assert_eq!(page.jobs(), [added.jobs[0], added.jobs[1], callback]);
    for shown in ["50 %", "the callback", "all others", "state succeeded", "state running\">running"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert!(page.links().contains(&format!("job?id={callback}")));
    assert!(site.read(&format!("job?id={callback}")).await.links().contains(&path));
    let hidden = [page.text, site.read("workflows").await.text, site.read("api/workflows").await.text];
    assert!(hidden.iter().all(|text| !text.contains("s3cret")));
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn workflows_are_filtered_by_name_and_paged() {
    let site = Site::start().await;
    let add =
        "INSERT INTO mainspring.workflows (name) SELECT 'flow ' || n % 2 FROM generate_series(1, 120) AS n";
    site.database.connection().batch_execute(add).unwrap();
    for (first, expected) in [
        ("workflows", (1..=120).rev().collect::<Vec<i64>>()),
        ("workflows?name=flow+1", (1..=120).rev().filter(|id| id % 2 == 1).collect()),
        ("workflows?name=flow", Vec::new()),
    ] {
        let (mut next, mut found) = (Some(first.to_owned()), Vec::new());
        while let Some(path) = next {
            let page = site.read(&path).await;
            let ids =
                page.links().into_iter().filter_map(|link| link.strip_prefix("workflow?id=")?.parse().ok());
            found.extend(ids.collect::<Vec<i64>>());
            next = page
                .links()
                .into_iter()
                .find(|link| link.starts_with("workflows?") && link.contains("before="));
        }
        assert_eq!(found, expected, "{first}");
    }
    assert_eq!(site.read("workflows?before=x").await.status, 400);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_page_counts_a_bounded_number_of_jobs_and_says_so() {
    let site = Site::start().await;
    add_large(&site, "huge", 5_001);
    add_large(&site, "large", 1_001);
    for name in ["c", "b", "a"] {
        add_large(&site, name, 999);
    }
    let list = site.read("workflows").await.text;
    let lines: Vec<&str> = list.split("<tr id=").skip(1).collect();
    let counted: Vec<bool> = lines.iter().map(|line| !line.contains("not counted")).collect();
    // Two of them have 2,000 jobs nearly.
    assert_eq!(counted, [true, true, false, false, false], "{list}");
    assert!(lines[2].contains(">999<") && lines[3].contains(">1,000+<") && lines[4].contains(">1,000+<"));
    assert!(list.contains("A page counts up to 1,000 jobs"), "{list}");
    let large = site.read("workflow?id=2").await.text;
    assert!(large.contains(">1,001<") && large.contains("100 %") && !large.contains("Count them"), "{large}");
    let huge = site.read("workflow?id=1").await;
    assert!(huge.text.contains(">5,000+<") && huge.text.contains("more jobs than a page counts"));
    let once = huge.links().into_iter().find(|link| link.contains("counts=all")).unwrap();
    let once = site.read(&once).await.text;
    assert!(once.contains(">5,001<") && !once.contains("data-live"), "it is not read again: {once}");
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_jobs_of_a_workflow_are_paged_and_named_up_to_a_number() {
    let site = Site::start().await;
    let parts = (0..60).map(|part| (format!("part {part}"), job()));
    let mut join =
        parts.fold(Workflow::new("join"), |flow, (name, job)| flow.job(&name, job).after("join", &name));
    let waits = (0..12).map(|signal| Wait::signal(format!("go {signal}")));
    join = join.job("join", waits.fold(job(), NewJob::after));
    let added = site.scheduler.workflows().start(join).await.unwrap();
    let first = site.read(&format!("workflow?id={}", added.id)).await;
    assert_eq!(first.jobs(), added.jobs[..50]);
    assert!(!first.text.contains("<svg"), "none of these waits for another");
    let next = first.links().into_iter().find(|link| link.contains("after=")).unwrap();
    let page = site.read(&next).await;
    assert_eq!(page.jobs(), added.jobs[50..]);
    assert!(
        page.text.contains("and 50 other jobs") && page.text.contains("and 2 other signals"),
        "{}",
        page.text
    );
    // The lines of those that are on the page.
    assert_eq!(page.text.matches("<path d=").count(), 10, "{}", page.text);
    assert!(page.text.contains("A page has 50 jobs"), "{}", page.text);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_jobs_of_a_workflow_are_filtered_by_state() {
    let site = Site::start().await;
    let (id, ids) = failed(&site).await;
    let of = |state: &str| format!("workflow?id={id}&state={state}");
    for (state, expected) in [("dead", &ids[..1]), ("waiting", &ids[1..]), ("ready", &[]), ("ended", &[])] {
        let page = site.read(&of(state)).await;
        assert_eq!(page.jobs(), expected, "{state}");
        assert!(page.text.contains(&format!("state={state}\" aria-current=\"true\">")), "{}", page.text);
    }
    site.scheduler.jobs().complete([ids[0]], None).await.unwrap();
    assert_eq!(site.read(&of("ended")).await.jobs(), ids[..1]);
    assert!(site.read(&of("dead")).await.jobs().is_empty());
    assert_eq!(site.read(&of("gone")).await.status, 400);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_filter_by_state_looks_at_a_bounded_number_of_jobs_and_goes_on() {
    let site = Site::start().await;
    add_large(&site, "huge", 10_001);
    let dead = "INSERT INTO mainspring.jobs (id, task, run_at, state) OVERRIDING SYSTEM VALUE \
        SELECT 1000000 + n, 'a', now(), 'dead' FROM unnest('{3, 5000, 5001, 10001}'::int[]) AS n";
    site.database.connection().batch_execute(dead).unwrap();
    let (mut next, mut found) = (Some("workflow?id=1&state=dead".to_owned()), Vec::new());
    while let Some(path) = next {
        let page = site.read(&path).await;
        found.push(page.jobs().iter().map(|id| id - 1_000_000).collect::<Vec<i64>>());
        next = page.links().into_iter().find(|link| link.contains("state=dead&after="));
        assert_eq!(page.text.contains("Look further"), next.is_some(), "{}", page.text);
    }
    assert_eq!(found, [vec![3, 5_000], vec![5_001], vec![10_001]]);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_dead_jobs_of_a_workflow_are_retried_and_others_are_refused() {
    let site = Site::start().await;
    let (id, ids) = failed(&site).await;
    let path = format!("retry-workflow?id={id}");
    let done = site.act(&path, "").await;
    assert_eq!(done.header("location"), format!("workflow?id={id}&did=workflow-retried"));
    assert!(site.read(done.header("location")).await.text.contains("The dead jobs wait again"));
    assert_eq!(site.scheduler.jobs().require(ids[0]).await.unwrap().state, JobStatus::Ready);
    let before = site.rows();
    let again = site.act(&path, "").await;
    assert!(again.status == 409 && again.text.contains("None of its jobs is dead."), "{}", again.text);
    assert!(again.links().contains(&format!("workflow?id={id}")), "a way back");
    for (path, status) in
        [("retry-workflow?id=7777", 404), ("retry-workflow", 400), ("retry-workflow?id=x", 400)]
    {
        assert_eq!(site.act(path, "").await.status, status, "{path}");
    }
    assert_eq!(site.rows(), before);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_workflow_is_cancelled_with_a_reason_after_a_question() {
    let site = Site::start().await;
    let (id, ids) = failed(&site).await;
    let path = format!("cancel-workflow?id={id}");
    let before = site.rows();
    let question = seen(&site, &path).await;
    assert_eq!((question.attributes("action"), question.attributes("method")), (vec![&*path], vec!["post"]));
    assert_eq!(site.act(&path, "reason=a%00b").await.status, 400);
    assert_eq!(site.rows(), before, "the question changes nothing");
    let done = site.act(&path, "reason=ordered+twice").await;
    let page = site.read(done.header("location")).await;
    assert!(page.text.contains("are cancelled") && page.text.contains("2 cancelled"), "{}", page.text);
    for id in [ids[1], ids[2]] {
        let job = site.scheduler.jobs().require(id).await.unwrap();
        assert_eq!((job.state, job.reason.as_deref()), (JobStatus::Cancelled, Some("ordered twice")));
    }
    assert_eq!(site.scheduler.jobs().require(ids[0]).await.unwrap().state, JobStatus::Dead);
    let again = site.act(&path, "").await;
    assert!(again.status == 409 && again.text.contains("It was cancelled already"), "{}", again.text);
    let mut lines = site.scheduler.audit(AuditFilter::on("workflow", id.to_string())).await.unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = lines.remove(0);
    assert_eq!((&*line.act, line.reason.as_deref()), ("cancel-workflow", Some("ordered twice")));
    // The first cancel is a change also where no job is left.
    add_large(&site, "ended", 3);
    let closed = site.act(&format!("cancel-workflow?id={}", id + 1), "").await;
    let page = site.read(closed.header("location")).await;
    assert!(
        page.text.contains("takes no more jobs.") && page.text.contains("no job was left"),
        "{}",
        page.text
    );
    let log = site.read("audit").await;
    assert!(log.links().contains(&format!("workflow?id={id}")), "{}", log.text);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_signal_is_sent_once_and_its_value_is_in_no_page_and_no_log() {
    let site = Site::start().await;
    let (id, [_, _, review]) = failed(&site).await;
    let link = format!("send-signal?name=order%3A17%3Aapproved&workflow={id}");
    let page = seen(&site, &format!("workflow?id={id}")).await;
    assert!(page.links().contains(&link), "{}", page.text);
    let of_job = format!("send-signal?name=order%3A17%3Aapproved&job={review}");
    assert!(seen(&site, &format!("job?id={review}")).await.links().contains(&of_job));
    assert!(!site.read(&format!("workflow?id={id}")).await.text.contains("send-signal"));
    let question = seen(&site, &link).await;
    assert_eq!(question.attributes("action").concat().replace("&amp;", "&"), link);
    let before = site.rows();
    let wrong = site.act(&link, "value=%7B").await;
    assert!(wrong.status == 400 && wrong.text.contains("the value must be JSON"), "{}", wrong.text);
    let long = format!("send-signal?name={}", "x".repeat(257));
    assert_eq!(site.act(&long, "").await.status, 400);
    assert_eq!(site.rows(), before);
    let done = site.act(&link, "value=%7B%22by%22%3A+%22s3cret%22%7D").await;
    assert_eq!(done.header("location"), format!("workflow?id={id}&did=signal-sent"));
    let page = site.read(done.header("location")).await;
    assert!(page.text.contains("The signal is sent."), "{}", page.text);
    let again = site.act(&of_job, "").await;
    assert!(again.status == 409 && again.text.contains("its first value stands"), "{}", again.text);
    assert!(again.links().contains(&format!("job?id={review}")), "a way back");
    let lines = site.scheduler.audit(AuditFilter::on("signal", "order:17:approved")).await.unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let shown =
        [page.text, site.read("audit").await.text, format!("{lines:?}"), site.read("api/audit").await.text];
    assert!(shown.iter().all(|text| !text.contains("s3cret")));
    let longest = format!("send-signal?name={}", "x".repeat(256));
    assert_eq!(site.act(&longest, "").await.status, 303, "also the longest name");
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_signal_from_a_page_lets_its_job_run_without_a_poll() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let held = scheduler.enqueue(act("go").after(Wait::signal("approved"))).await.unwrap();
    let site = Site { database, scheduler };
    assert_eq!(
        site.act("send-signal?name=approved", "").await.header("location"),
        "workflows?did=signal-sent"
    );
    assert_eq!(started.next().await.id, held);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_workflow_has_buttons_for_what_may_be_done_to_it() {
    let site = Site::start().await;
    let (id, ids) = failed(&site).await;
    let shown = async |rights: Rights| {
        let request = TestRequest::with_uri(&format!("/jobs/workflow?id={id}"));
        let page = ask(site.dashboard(Access::Act(rights)), request).await;
        let mut found = [page.attributes("action"), page.attributes("href")].concat();
        found.retain(|link| link.contains('-') && link.contains('?'));
        found.iter().map(|link| link.split('?').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(shown(Rights::all()).await, ["retry-workflow", "cancel-workflow", "send-signal"]);
    assert_eq!(shown(Rights::none().with(Right::RetryJobs)).await, ["retry-workflow"]);
    assert_eq!(shown(Rights::none().with(Right::SendSignals)).await, ["send-signal"]);
    assert_eq!(shown(Rights::none()).await, [] as [String; 0]);
    site.scheduler.jobs().release([ids[1], ids[2]]).await.unwrap();
    site.scheduler.jobs().complete(ids, None).await.unwrap();
    assert_eq!(shown(Rights::all()).await, [] as [String; 0], "all have ended");
    site.scheduler.stop().await;
}
