//! Who may see and change what. Every check is on the server.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use mainspring::dashboard::{Access, Dashboard, Right, Rights, basic_auth, loopback_only};
use mainspring::{NewJob, Workflow};
use serde_json::json;

use super::{Site, TASK, ask, from, only, own};

/// The jobs of a site: a dead one, one that waits for its turn, and one that is held by a signal. Workflows with a dead job, and with
/// one that waits.
#[derive(Clone, Copy)]
struct Ids {
    dead: i64,
    waiting: i64,
    held: i64,
    failed: i64,
    goes_on: i64,
}

/// The address of each act, for a site with these jobs, a queue and a schedule.
fn acts(Ids { dead, waiting, held, failed, goes_on }: Ids) -> [(Right, String, &'static str); 18] {
    [
        (Right::AddJobs, format!("add-job?id={dead}"), "task=t&payload=1"),
        (Right::RetryJobs, format!("retry-job?id={dead}"), ""),
        (Right::CancelJobs, format!("cancel-job?id={waiting}"), "reason=x"),
        (Right::RescheduleJobs, format!("reschedule-job?id={waiting}"), "priority=-5"),
        (Right::ReleaseJobs, format!("release-job?id={held}"), ""),
        (Right::ClearSteps, format!("clear-steps?id={held}"), ""),
        (Right::DeleteJobs, format!("delete-job?id={dead}"), ""),
        (Right::PauseQueues, "pause-queue?name=mails".into(), ""),
        (Right::PauseQueues, "resume-queue?name=held".into(), ""),
        (Right::PauseSchedules, "pause-schedule?name=nightly".into(), ""),
        (Right::PauseSchedules, "resume-schedule?name=asleep".into(), ""),
        (Right::TriggerSchedules, "trigger-schedule?name=nightly".into(), ""),
        (Right::EditSchedules, "create-schedule".into(), "name=new&task=t&expression=@daily"),
        (Right::EditSchedules, "update-schedule?name=old".into(), "task=t&expression=@daily"),
        (Right::EditSchedules, "delete-schedule?name=old".into(), ""),
        (Right::RetryJobs, format!("retry-workflow?id={failed}"), ""),
        (Right::CancelJobs, format!("cancel-workflow?id={goes_on}"), "reason=x"),
        (Right::SendSignals, format!("send-signal?name=approved&workflow={goes_on}"), "value=1"),
    ]
}

async fn filled() -> (Site, Ids) {
    let site = Site::start().await;
    let dead = site.add_dead("disk on fire").await;
    let waiting = site.add(|job| job.queue("mails")).await;
    let held = site.add_held().await;
    site.scheduler.queues().pause("held").await.unwrap();
    for schedule in ["nightly", "asleep", "old"] {
        site.add_schedule(schedule).await;
    }
    site.scheduler.schedules().pause("asleep").await.unwrap();
    let workflow = async |name: &str| {
        let job = NewJob::new(TASK, &json!({}));
        site.scheduler.workflows().start(Workflow::new(name).job("one", job)).await.unwrap()
    };
    let (failed, goes_on) = (workflow("failed").await, workflow("goes on").await);
    site.scheduler.jobs().fail([failed.jobs[0]], Some("disk on fire")).await.unwrap();
    (site, Ids { dead, waiting, held, failed: failed.id, goes_on: goes_on.id })
}

#[actix_web::test]
async fn every_route_is_closed_to_a_request_that_is_denied() {
    let (site, ids) = filled().await;
    let before = site.rows();
    let style = site.read("").await.links().into_iter().find(|link| link.ends_with(".css")).unwrap();
    let routes = Dashboard::routes().map(|(method, path)| (method, path.to_owned()));
    let acts = acts(ids).map(|(_, path, _)| ("POST", path));
    let others = [("GET", style), ("GET", "no-such-page".into()), ("PUT", "jobs".into())];
    for (method, path) in routes.chain(acts).chain(others) {
        let request = || {
            let request = own(&path, "").method(Method::from_bytes(method.as_bytes()).unwrap());
            request.uri(&format!("/jobs/{path}"))
        };
        for (access, status) in [(Access::Denied, 403), (Access::SignIn, 401)] {
            let reply = ask(site.dashboard(access.clone()), request()).await;
            assert_eq!(reply.status, status, "{method} {path}");
            assert!(reply.text.len() < 60 && !reply.text.contains('<'), "{method} {path}: {}", reply.text);
            assert_eq!(reply.header("www-authenticate").is_empty(), status == 403);
        }
    }
    let bare = ask(site.dashboard(Access::Denied), TestRequest::with_uri("/jobs")).await;
    assert_eq!((bare.status, bare.header("location")), (403, ""));
    assert_eq!(site.rows(), before);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_viewer_without_the_right_changes_nothing_by_any_route_or_method() {
    let (site, ids) = filled().await;
    let before = site.rows();
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
    let paths = Dashboard::routes().map(|(_, path)| format!("{path}?id={}&name=nightly", ids.dead));
    let paths: Vec<String> = paths.chain(acts(ids).map(|(_, path, _)| path)).collect();
    for path in &paths {
        for method in methods {
            let request = own(path, "reason=x&priority=1&id=1&name=nightly");
            let request = request.method(Method::from_bytes(method.as_bytes()).unwrap());
            let reply = ask(site.dashboard(Access::Read), request).await;
            let reads = matches!(method, "GET" | "HEAD");
            assert!(reads || matches!(reply.status, 403..=405), "{method} {path}: {}", reply.status);
        }
    }
    for (right, path, form) in acts(ids) {
        let (_, others) = only(right);
        let reply = site.act_with(others, &path, form).await;
        assert_eq!(reply.status, 403, "{path}");
        assert!(reply.text.contains("You may not "), "{path}: {}", reply.text);
    }
    assert_eq!(site.rows(), before);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_right_alone_suffices_for_its_acts() {
    let (site, ids) = filled().await;
    // A job that was retried is not dead, and one that was cancelled cannot be rescheduled.
    let other_dead = site.add_dead("again").await;
    let other = site.add(|job| job).await;
    for (right, path, form) in acts(ids) {
        let path =
            path.replace(&format!("delete-job?id={}", ids.dead), &format!("delete-job?id={other_dead}"));
        let path = path
            .replace(&format!("reschedule-job?id={}", ids.waiting), &format!("reschedule-job?id={other}"));
        let before = site.rows();
        let (alone, _) = only(right);
        let reply = site.act_with(alone, &path, form).await;
        assert_eq!(reply.status, 303, "{path}: {}", reply.text);
        assert_ne!(site.rows(), before, "{path}");
    }
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn an_act_from_another_site_is_refused() {
    let (site, ids) = filled().await;
    let before = site.rows();
    let foreign: [&[(&str, &str)]; 6] = [
        &[("Host", "app.example"), ("Origin", "https://evil.example")],
        &[("Host", "app.example"), ("Origin", "null")],
        &[("Host", "app.example")],
        &[("Host", "app.example"), ("Origin", "https://app.example"), ("Sec-Fetch-Site", "cross-site")],
        &[("Host", "app.example"), ("Origin", "https://app.example"), ("Sec-Fetch-Site", "same-site")],
        &[("Host", "app.example"), ("Referer", "https://app.example/jobs/")],
    ];
    for (_, path, form) in acts(ids) {
        for headers in foreign {
            let reply = ask(site.dashboard(Access::Act(Rights::all())), from(&path, form, headers)).await;
            assert_eq!(reply.status, 403, "{path} {headers:?}");
            assert!(reply.text.contains("does not come from a page of this site"), "{}", reply.text);
        }
    }
    assert_eq!(site.rows(), before);
    let behind_proxy =
        [("Host", "127.0.0.1:8080"), ("Origin", "https://app.example"), ("Sec-Fetch-Site", "same-origin")];
    let path = format!("retry-job?id={}", ids.dead);
    let reply = ask(site.dashboard(Access::Act(Rights::all())), from(&path, "", &behind_proxy)).await;
    assert_eq!(reply.status, 303, "{}", reply.text);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_viewer_sees_buttons_for_what_it_may_do() {
    let (site, ids) = filled().await;
    let shown = async |rights: Rights, path: String| {
        let request = TestRequest::with_uri(&format!("/jobs/{path}"));
        let reply = ask(site.dashboard(Access::Act(rights)), request).await;
        let mut found = [reply.attributes("action"), reply.attributes("href")].concat();
        found.retain(|link| link.contains('-') && link.contains('?'));
        found.iter().map(|link| link.split('?').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let [job, other, held] = [ids.dead, ids.waiting, ids.held].map(|id| format!("job?id={id}"));
    assert_eq!(
        shown(Rights::all(), job.clone()).await,
        ["retry-job", "add-job", "reschedule-job", "delete-job"]
    );
    assert_eq!(
        shown(Rights::all(), other.clone()).await,
        ["add-job", "reschedule-job", "cancel-job", "delete-job"]
    );
    assert_eq!(
        shown(Rights::all(), held.clone()).await,
        [
            "add-job",
            "release-job",
            "reschedule-job",
            "cancel-job",
            "delete-job",
            "send-signal",
            "clear-steps"
        ]
    );
    assert_eq!(shown(Rights::none().with(Right::ReleaseJobs), held).await, ["release-job"]);
    assert_eq!(shown(Rights::none().with(Right::RetryJobs), job).await, ["retry-job"]);
    assert_eq!(shown(Rights::none(), other).await, [] as [String; 0]);
    assert_eq!(shown(Rights::all(), "queue?name=held".into()).await, ["resume-queue"]);
    assert_eq!(shown(Rights::all(), "queue?name=mails".into()).await, ["pause-queue"]);
    let schedule = shown(Rights::all(), "schedule?name=nightly".into()).await;
    assert_eq!(schedule, ["trigger-schedule", "pause-schedule", "update-schedule", "delete-schedule"]);
    assert!(site.read("").await.text.contains("read-only"));
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_helpers_guard_a_mounted_dashboard() {
    let site = Site::start().await;
    let basic = basic_auth("ops", "s3cret", Access::Read);
    let basic = mainspring::dashboard("/jobs", &site.scheduler, basic);
    let asked = |header: &str| TestRequest::with_uri("/jobs/").insert_header(("Authorization", header));
    // `ops:s3cret` and `ops:guess`.
    assert_eq!(ask(basic.clone(), asked("Basic b3BzOnMzY3JldA==")).await.status, 200);
    assert_eq!(ask(basic.clone(), asked("Basic b3BzOmd1ZXNz")).await.status, 401);
    let challenge = ask(basic, TestRequest::with_uri("/jobs/")).await;
    assert!(challenge.header("www-authenticate").starts_with("Basic "), "{challenge:?}");

    let local = mainspring::dashboard("/jobs", &site.scheduler, loopback_only(|_| Access::Read));
    let asked = |host: &str| {
        let request = TestRequest::with_uri("/jobs/").peer_addr("127.0.0.1:4000".parse().unwrap());
        request.insert_header(("Host", host))
    };
    assert_eq!(ask(local.clone(), asked("localhost:8080")).await.status, 200);
    assert_eq!(ask(local, asked("evil.example:8080")).await.status, 403);
    site.scheduler.stop().await;
}
