//! No page shows what the application hides of payloads, and by default it hides all.

use actix_web::http::header::HeaderName;
use actix_web::test::TestRequest;
use mainspring::NewJob;
use mainspring::dashboard::{Access, Dashboard, Rights};
use serde_json::{Value, json};

use super::openapi::call;
use super::{Site, TASK, ask, own};

const SECRET: &str = "s3cret-of-a-customer";

fn payload() -> Value {
    json!({"report": "r7", "note": SECRET, "list": [1, "<b>"]})
}

/// The site, and the address of each screen that is about something with the secret in its payload.
async fn secretive() -> (Site, Vec<String>) {
    let site = Site::start().await;
    let jobs = site.scheduler.jobs();
    let waiting = jobs.insert(NewJob::new(TASK, &payload()).key("k").queue("mails")).await.unwrap();
    let dead = jobs.insert(NewJob::new(TASK, &payload())).await.unwrap();
    let gone = jobs.insert(NewJob::new(TASK, &payload())).await.unwrap();
    jobs.fail([dead], Some("disk on fire")).await.unwrap();
    jobs.complete([gone], Some("done by hand")).await.unwrap();
    let new = mainspring::NewSchedule::new("nightly", TASK, "0 8 * * *").payload(payload());
    site.scheduler.schedules().create(new).await.unwrap();
    let mut paths: Vec<String> = Dashboard::routes().map(|(_, path)| path.to_owned()).collect();
    for id in [waiting, dead, gone] {
        paths.extend(
            [
                "job",
                "jobs",
                "add-job",
                "cancel-job",
                "delete-job",
                "reschedule-job",
                "release-job",
                "clear-steps",
            ]
            .map(|path| format!("{path}?id={id}")),
        );
    }
    paths.extend([waiting, dead, gone].map(|id| format!("api/job?id={id}&payload=true")));
    paths.extend(["api/schedule?name=nightly", "api/jobs?state=all"].map(str::to_owned));
    paths.extend(
        ["queue?name=mails", "update-schedule?name=nightly", "schedule?name=nightly", "jobs?key=k"]
            .map(str::to_owned),
    );
    (site, paths)
}

#[actix_web::test]
async fn no_page_shows_a_payload_by_default() {
    let (site, paths) = secretive().await;
    for access in [Access::Read, Access::Act(Rights::all())] {
        for path in &paths {
            let reply =
                ask(site.dashboard(access.clone()), TestRequest::with_uri(&format!("/jobs/{path}"))).await;
            assert!(!reply.text.contains(SECRET), "{path}: {}", reply.text);
        }
    }
    // A form that comes back, and the replies of the API to acts.
    let all = || site.dashboard(Access::Act(Rights::all()));
    let form = ask(all(), own("add-job?id=1", "task=&payload=1")).await;
    let update = json!({"name": "nightly", "changes": {"priority": 3}});
    let update = ask(all(), call("POST", "api/update-schedule", &update)).await;
    let trigger = ask(all(), call("POST", "api/trigger-schedule", &json!({"name": "nightly"}))).await;
    for (reply, status) in [(form, 400), (update, 200), (trigger, 200)] {
        assert!(reply.status == status && !reply.text.contains(SECRET), "{}", reply.text);
    }
    for path in [&paths[paths.len() - 2], "job?id=1"] {
        assert!(site.read(path).await.text.contains("The payload is hidden."), "{path}");
    }
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_application_decides_by_viewer_and_task_what_is_shown() {
    let (site, _) = secretive().await;
    site.database.publish_unredacted(TASK);
    let dashboard = site.dashboard(Access::Read).payloads(|request, task, mut payload| {
        let viewer = request.headers().get(HeaderName::from_static("x-viewer"))?.to_str().ok()?;
        match (viewer, task) {
            ("operator", TASK) => Some(payload),
            ("support", TASK) => {
                payload["note"] = json!("hidden");
                Some(payload)
            }
            _ => None,
        }
    });
    let asked = async |viewer: &str, path: &str| {
        let request = TestRequest::with_uri(&format!("/jobs/{path}")).insert_header(("x-viewer", viewer));
        ask(dashboard.clone(), request).await.text
    };
    for path in ["job?id=1", "job?id=2", "schedule?name=nightly"] {
        let whole = asked("operator", path).await;
        assert!(whole.contains(SECRET) && whole.contains("&lt;b&gt;") && !whole.contains("\"<b>"), "{whole}");
        let part = asked("support", path).await;
        assert!(!part.contains(SECRET) && part.contains("r7"), "{part}");
        let none = asked("guest", path).await;
        assert!(!none.contains(SECRET) && none.contains("The payload is hidden."), "{none}");
    }
    assert!(asked("operator", "job?id=3").await.contains("The history keeps no payloads."));
    site.scheduler.stop().await;
}
