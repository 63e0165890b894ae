//! Any prefix, also behind a proxy that changes it; headers, files, and pages that need nothing from elsewhere.

use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpResponse, web};
use mainspring::dashboard::{Access, Dashboard, Rights};
use mainspring::{NewJob, Wait, Workflow};
use serde_json::json;

use super::{Site, ask};

/// The address of each screen, on a site with a job and a schedule.
async fn screens(site: &Site) -> Vec<String> {
    let id = site.add(|job| job.queue("mails").key("k")).await;
    site.add_schedule("nightly").await;
    let operation = site.act("act-on-many?act=retry&state=dead", "").await.header("location").to_owned();
    let job = NewJob::new("t", &json!({})).after(Wait::signal("go"));
    let flow = Workflow::new("order 17")
        .job("one", NewJob::new("t", &json!({})))
        .job("two", job)
        .after("two", "one");
    let flow = site.scheduler.workflows().start(flow).await.unwrap().id;
    let queries = |path: &str| match path {
        "workflow" | "cancel-workflow" => format!("{path}?id={flow}"),
        "send-signal" => format!("{path}?name=go&workflow={flow}"),
        "job" | "add-job" | "cancel-job" | "reschedule-job" | "release-job" | "clear-steps"
        | "delete-job" => {
            format!("{path}?id={id}")
        }
        "queue" => "queue?name=mails".to_owned(),
        "schedule" | "update-schedule" | "delete-schedule" => format!("{path}?name=nightly"),
        "operation" => operation.clone(),
        "act-on-many" => "act-on-many?act=reschedule&state=ready".to_owned(),
        other => other.to_owned(),
    };
    let is_page = |path: &str| !["error", "changes"].contains(&path) && !path.starts_with("api/");
    let reads = Dashboard::routes().filter(|(method, path)| *method == "GET" && is_page(path));
    reads.map(|(_, path)| queries(path)).collect()
}

fn reader(path: &str) -> TestRequest {
    TestRequest::with_uri(&format!("/jobs/{path}"))
}

#[actix_web::test]
async fn every_page_needs_nothing_but_its_own_relative_links() {
    let site = Site::start().await;
    for path in screens(&site).await {
        let page = ask(site.dashboard(Access::Act(Rights::all())), reader(&path)).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        for attribute in ["href", "src", "action"] {
            for link in page.attributes(attribute) {
                let own = !link.contains("//") && !link.contains(':');
                let path = link.split(['?', '#']).next().unwrap();
                assert!(own && (path == "./" || !path.contains('/')), "{attribute} of {path}: {link}");
            }
        }
        for forbidden in [" style=", "<style", " onclick", " onload", "javascript:", "<script>"] {
            assert!(!page.text.contains(forbidden), "{path}: {forbidden}");
        }
        assert_eq!(page.attributes("src").len(), page.text.matches("<script").count(), "{path}");
    }
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn every_response_has_the_headers_that_keep_it_safe() {
    let site = Site::start().await;
    let style = site.read("").await.links().into_iter().find(|link| link.ends_with(".css")).unwrap();
    let paths = ["", "jobs", "no-such", "job?id=x", &style].map(str::to_owned);
    for access in [Access::Read, Access::Denied, Access::SignIn] {
        for path in &paths {
            let reply = ask(site.dashboard(access.clone()), reader(path)).await;
            let policy = reply.header("content-security-policy");
            for part in
                ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]
            {
                assert!(policy.contains(part), "{path}: {policy}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(reply.header("referrer-policy"), "same-origin", "{path}");
            let lasts = *path == style && access == Access::Read;
            let cache = if lasts { "private, max-age=31536000, immutable" } else { "no-store" };
            assert_eq!(reply.header("cache-control"), cache, "{path}");
        }
    }
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn every_file_of_a_page_is_there_and_all_together_are_small() {
    let site = Site::start().await;
    let page = site.read("").await;
    let mut files: Vec<String> = page.links();
    files.extend(page.attributes("src").into_iter().map(str::to_owned));
    files.retain(|file| file.contains('.') && !file.starts_with('.'));
    assert_eq!(files.len(), 4, "{files:?}");
    let mut bytes = 0;
    for file in &files {
        let reply = site.read(file).await;
        assert_eq!(reply.status, 200, "{file}");
        let kind = reply.header("content-type").split(';').next().unwrap().to_owned();
        assert!(["text/css", "text/javascript", "image/svg+xml"].contains(&kind.as_str()), "{file}: {kind}");
        bytes += reply.text.len();
    }
    assert!(bytes <= 60_000, "{bytes} bytes without compression");
    let stale = files[0].replace('-', "-0");
    assert_eq!(site.read(&stale).await.status, 404);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn any_prefix_serves_the_same_and_routes_beside_it_stay() {
    let site = Site::start().await;
    for (prefix, page, bare, location) in [
        ("/jobs", "/jobs/workers", "/jobs?x=1", "jobs/?x=1"),
        ("admin/queue/", "/admin/queue/workers", "/admin/queue", "queue/"),
        ("", "/workers", "", ""),
    ] {
        let dashboard = mainspring::dashboard(prefix, &site.scheduler, |_| Access::Read);
        let other = web::resource("/jobs-of-mine").to(|| async { HttpResponse::Ok().body("mine") });
        let app = init_service(App::new().service(other).service(dashboard)).await;
        let shown = call_service(&app, TestRequest::with_uri(page).to_request()).await;
        assert_eq!(shown.status(), 200, "{prefix}");
        let text = read_body(shown).await;
        assert!(std::str::from_utf8(&text).unwrap().contains("<h1>Workers</h1>"), "{prefix}");
        let mine = call_service(&app, TestRequest::with_uri("/jobs-of-mine").to_request()).await;
        assert_eq!(read_body(mine).await, "mine");
        if !bare.is_empty() {
            let bare = call_service(&app, TestRequest::with_uri(bare).to_request()).await;
            assert_eq!(
                (bare.status().as_u16(), bare.headers().get("location")),
                (307, Some(&location.parse().unwrap()))
            );
        }
    }
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_wrong_address_or_method_is_a_page_that_says_so() {
    let site = Site::start().await;
    for (method, path, status, allow) in [
        (Method::GET, "no-such", 404, ""),
        (Method::GET, "jobs/", 404, ""),
        (Method::GET, "job/7", 404, ""),
        (Method::GET, "retry-job?id=1", 405, "POST"),
        (Method::POST, "jobs", 405, "GET"),
        (Method::PUT, "queue?name=a", 405, "GET"),
        (Method::DELETE, "delete-job?id=1", 405, "GET, POST"),
    ] {
        let reply =
            ask(site.dashboard(Access::Act(Rights::all())), reader(path).method(method.clone())).await;
        assert_eq!((reply.status, reply.header("allow")), (status, allow), "{method} {path}");
        assert!(reply.text.contains("To the overview"), "{}", reply.text);
    }
    let head = ask(site.dashboard(Access::Read), reader("jobs").method(Method::HEAD)).await;
    assert_eq!(head.status, 200);
    site.scheduler.stop().await;
}
