//! Several schedulers in one dashboard: each has its pages, its data and its access.

use actix_web::test::TestRequest;
use mainspring::Scheduler;
use mainspring::dashboard::{Access, Dashboard, Rights};

use super::{Reply, Site, ask, own};

/// A second scheduler, in another schema of the same database.
async fn other(site: &Site) -> Scheduler {
    Scheduler::builder(site.database.url()).schema("billing").without_cron().start().await.unwrap()
}

async fn read(dashboard: &Dashboard, path: &str) -> Reply {
    ask(dashboard.clone(), TestRequest::with_uri(&format!("/jobs{path}"))).await
}

#[actix_web::test]
async fn each_scheduler_has_its_own_pages_and_acts() {
    let site = Site::start().await;
    let billing = other(&site).await;
    let dashboard = site.dashboard(Access::Act(Rights::all())).named("shop").also("bill & pay", &billing);
    let own_job = site.add_dead("disk on fire").await;
    billing.queues().pause("invoices").await.unwrap();
    assert_eq!(read(&dashboard, "/jobs").await.jobs(), [own_job]);
    assert_eq!(read(&dashboard, "/bill---pay/jobs").await.jobs(), [] as [i64; 0]);
    let queues = read(&dashboard, "/bill---pay/queues").await;
    assert!(queues.text.contains("queue?name=invoices"), "{}", queues.text);
    assert!(!read(&dashboard, "/queues").await.text.contains("invoices"));
    let resumed = ask(dashboard.clone(), own("bill---pay/resume-queue?name=invoices", "")).await;
    assert_eq!((resumed.status, resumed.header("location")), (303, "queue?name=invoices&did=queue-resumed"));
    assert!(!billing.queues().show("invoices").await.unwrap().paused);
    let bare = read(&dashboard, "/bill---pay?x=1").await;
    assert_eq!((bare.status, bare.header("location")), (307, "bill---pay/?x=1"));
    let style = read(&dashboard, "").await;
    assert_eq!((style.status, style.header("location")), (307, "jobs/"));
    for file in read(&dashboard, "/bill---pay/").await.attributes("src") {
        assert_eq!(read(&dashboard, &format!("/bill---pay/{file}")).await.status, 200, "{file}");
    }
    assert_eq!(read(&dashboard, "/none/jobs").await.status, 404);
    billing.stop().await;
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_choice_leads_to_the_same_screen_of_the_other_scheduler() {
    let site = Site::start().await;
    let billing = other(&site).await;
    let dashboard =
        site.dashboard(Access::Read).named("<shop>").also("billing", &billing).also("api", &billing);
    for (path, links) in [
        ("/", ["./", "./billing/", "./api-2/"]),
        ("/queues", ["queues", "./billing/queues", "./api-2/queues"]),
        ("/no-such", ["./", "./billing/", "./api-2/"]),
        ("/billing/", ["../", "./", "../api-2/"]),
        ("/billing/queue?name=a", ["../queues", "queues", "../api-2/queues"]),
    ] {
        let page = read(&dashboard, path).await;
        let (_, choice) = page.text.split_once("aria-label=\"Schedulers\"").unwrap();
        let choice = choice.split("</nav>").next().unwrap();
        assert!(choice.contains("&lt;shop&gt;") && choice.matches("aria-current").count() == 1, "{choice}");
        let found: Vec<&str> =
            choice.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(found, links, "{path}");
    }
    let alone = site.read("").await;
    assert!(!alone.text.contains("aria-label=\"Schedulers\""), "{}", alone.text);
    billing.stop().await;
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_scheduler_is_shown_to_those_who_may_read_it_alone() {
    let site = Site::start().await;
    let billing = other(&site).await;
    let dashboard = site.dashboard(Access::Act(Rights::all())).also_for("billing", &billing, |request| {
        if request.headers().contains_key("x-auditor") { Access::Read } else { Access::Denied }
    });
    let asked = async |path: &str, auditor: bool| {
        let request = TestRequest::with_uri(&format!("/jobs/{path}"));
        let request = if auditor { request.insert_header(("x-auditor", "1")) } else { request };
        ask(dashboard.clone(), request).await
    };
    for path in ["billing/", "billing/jobs", "billing", "billing/retry-job?id=1"] {
        let reply = asked(path, false).await;
        assert_eq!((reply.status, reply.header("location")), (403, ""), "{path}");
    }
    assert!(!asked("", false).await.text.contains("billing"));
    let shown = asked("billing/", true).await;
    assert!(shown.status == 200 && shown.text.contains("read-only"), "{}", shown.text);
    assert!(!asked("", true).await.text.contains("read-only"));
    let act = own("billing/pause-queue?name=mails", "").insert_header(("x-auditor", "1"));
    assert_eq!(ask(dashboard.clone(), act).await.status, 403);
    billing.stop().await;
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_view_of_payloads_holds_for_all_schedulers() {
    let site = Site::start().await;
    let billing = other(&site).await;
    site.database.publish_unredacted_in("billing", "invoice");
    let job = mainspring::NewJob::new("invoice", &serde_json::json!({"note": "s3cret"}));
    let id = billing.jobs().insert(job).await.unwrap();
    let path = format!("/billing/job?id={id}");
    let hidden = site.dashboard(Access::Read).also("billing", &billing);
    assert!(!read(&hidden, &path).await.text.contains("s3cret"));
    let before =
        site.dashboard(Access::Read).payloads(|_, _, payload| Some(payload)).also("billing", &billing);
    let after = hidden.payloads(|_, _, payload| Some(payload));
    for dashboard in [before, after] {
        assert!(read(&dashboard, &path).await.text.contains("s3cret"));
    }
    billing.stop().await;
    site.scheduler.stop().await;
}
