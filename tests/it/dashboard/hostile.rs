//! Names, keys, payloads and errors that want to be markup, turn the text or hide in it: every screen shows them as what they are.

use mainspring::dashboard::{Access, Dashboard, Rights};
use mainspring::{
    Enqueue, JobContext, JobError, JobResult, NewJob, NewSchedule, Scheduler, Task, Wait, Workflow,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Site, ask, own};
use crate::support::database::TestDatabase;
use crate::support::waiting::until;
use actix_web::test::TestRequest;

/// Ends an element, an attribute and a script, calls, turns the text around, and has a control character.
const HOSTILE: &str =
    "</a>\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\u{202e}\u{1}\u{200b}";

#[derive(Serialize, Deserialize)]
struct Evil {
    text: String,
}
impl Task for Evil {
    const NAME: &'static str = HOSTILE;
}

async fn fail(evil: Evil, _: JobContext) -> JobResult {
    Err(JobError::discard(evil.text))
}

async fn infested() -> (Site, Vec<String>) {
    let database = TestDatabase::new();
    let builder = Scheduler::builder(database.url()).worker_threads(1).worker_name(HOSTILE).without_cron();
    let scheduler = builder.handler(fail).start().await.unwrap();
    let evil = || Enqueue::new(Evil { text: format!("{HOSTILE}\n{HOSTILE}") });
    let dead = scheduler.enqueue(evil()).await.unwrap();
    until(&database, "mainspring.jobs WHERE state = 'dead'", 1).await;
    until(&database, "mainspring.error_groups", 1).await;
    scheduler.queues().pause(HOSTILE).await.unwrap();
    scheduler.queues().pause_task(HOSTILE).await.unwrap();
    let waiting = evil().queue(HOSTILE).key(HOSTILE).flags([HOSTILE]);
    let waiting = scheduler.enqueue(waiting).await.unwrap();
    let ended = scheduler.enqueue(evil().key("k")).await.unwrap();
    scheduler.jobs().cancel([ended], Some(HOSTILE)).await.unwrap();
    let evil_job = scheduler.enqueue(evil().key("c")).await.unwrap();
    let schedule = NewSchedule::new(HOSTILE, HOSTILE, "0 8 * * *").payload(json!({"text": HOSTILE}));
    scheduler.schedules().create(schedule).await.unwrap();
    let held = NewJob::new("t", &json!({})).after(Wait::signal(HOSTILE));
    let flow = Workflow::new(HOSTILE).job(HOSTILE, held).job("next", NewJob::new("t", &json!({})));
    let flow = scheduler.workflows().start(flow.after("next", HOSTILE)).await.unwrap();
    let site = Site { database, scheduler };
    let evil = site.dashboard(Access::Act(Rights::all()).by(HOSTILE));
    let cancel = own(&format!("cancel-job?id={evil_job}"), &format!("reason={}", percent(HOSTILE)));
    assert_eq!(ask(evil, cancel).await.status, 303);
    let many =
        format!("act-on-many?act=fail&task={0}&queue={0}&key={0}&flag={0}&error={0}", percent(HOSTILE));
    let operation = site.dashboard(Access::Act(Rights::all()).by(HOSTILE));
    let operation = ask(operation, own(&many, &format!("reason={}", percent(HOSTILE)))).await;
    let errors = site.read("errors").await;
    let group = errors.links().into_iter().find(|link| link.starts_with("error?")).unwrap();
    let name = percent(HOSTILE);
    let mut paths: Vec<String> =
        ["", "jobs", "tasks", "queues", "schedules", "calendar", "errors", "workers", "audit"]
            .map(str::to_owned)
            .to_vec();
    for id in [dead, waiting, ended] {
        paths.push(format!("job?id={id}"));
    }
    paths.extend(
        ["cancel-job", "delete-job", "reschedule-job", "release-job", "clear-steps"]
            .map(|path| format!("{path}?id={waiting}")),
    );
    paths.extend([many, operation.header("location").to_owned(), "operations".to_owned()]);
    paths.extend([group, format!("queue?name={name}"), format!("schedule?name={name}")]);
    let id = flow.id;
    paths.extend(["workflow", "cancel-workflow"].map(|path| format!("{path}?id={id}")));
    paths.extend([format!("send-signal?name={name}&workflow={id}"), format!("job?id={}", flow.jobs[0])]);
    paths.push("workflows".to_owned());
    (site, paths)
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// What a browser would take for markup, or show in another way than it is.
const FORBIDDEN: [&str; 7] = ["<script>", "<img", "</a>\"", "\"'>", "\u{202e}", "\u{1}", "\u{200b}"];

#[actix_web::test]
async fn every_screen_shows_hostile_texts_as_they_are() {
    let (site, paths) = infested().await;
    let dashboard = || -> Dashboard {
        mainspring::dashboard("/jobs", &site.scheduler, |_| Access::Act(Rights::all()))
            .payloads(|_, _, payload| Some(payload))
    };
    for path in &paths {
        let page = ask(dashboard(), TestRequest::with_uri(&format!("/jobs/{path}"))).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        for forbidden in FORBIDDEN {
            assert!(!page.text.contains(forbidden), "{path} has {forbidden:?}: {}", page.text);
        }
        // It is there, and visible.
        assert!(page.text.contains("&lt;script&gt;alert(1)"), "{path}: {}", page.text);
        assert!(page.text.contains("\\u{202e}"), "{path}: {}", page.text);
    }
    // Fields of forms hold what is stored, also what turns it.
    let job = paths.iter().find_map(|path| path.strip_prefix("cancel-job?")).unwrap();
    let form = ask(dashboard(), TestRequest::with_uri(&format!("/jobs/add-job?{job}"))).await;
    assert!(form.status == 200 && form.text.contains("&lt;script&gt;alert(1)"), "{}", form.text);
    assert!(FORBIDDEN[..4].iter().all(|forbidden| !form.text.contains(forbidden)), "{}", form.text);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_hostile_query_or_path_is_shown_as_it_is_or_not_at_all() {
    let (site, _) = infested().await;
    let name = percent(HOSTILE);
    for path in [
        format!("jobs?task={name}&queue={name}&key={name}"),
        format!("jobs?state={name}"),
        format!("jobs?id={name}"),
        format!("errors?task={name}"),
        format!("errors?since={name}"),
        format!("schedules?prefix={name}&task={name}"),
        format!("job?id={name}"),
        format!("error?fingerprint={name}"),
        format!("{name}?did={name}"),
        format!("update-schedule?name={name}"),
        format!("delete-schedule?name={name}"),
        format!("calendar?zone={name}&from={name}"),
        format!("workflows?name={name}"),
        format!("workflow?id={name}"),
        format!("send-signal?name={name}"),
        "workflows?name=%00".to_owned(),
        "queue?name=%00".to_owned(),
        "queue?name=%FF%FE".to_owned(),
        "jobs?task=%00".to_owned(),
    ] {
        let page = site.read(&path).await;
        assert!(page.status < 500, "{path}: {}", page.text);
        // Fields of forms hold what was typed, also what turns it.
        for forbidden in &FORBIDDEN[..4] {
            assert!(!page.text.contains(forbidden), "{path} has {forbidden:?}: {}", page.text);
        }
    }
    let preview =
        format!("name={name}&task={name}&expression={name}&zone={name}&payload={name}&what=preview");
    for path in ["create-schedule".to_owned(), format!("update-schedule?name={name}")] {
        let form = site.act(&path, &preview).await;
        assert_eq!(form.status, 400);
        assert!(
            FORBIDDEN[..4].iter().all(|forbidden| !form.text.contains(forbidden)),
            "{path}: {}",
            form.text
        );
    }
    let form = site
        .act("add-job", &format!("task={name}&payload={name}&queue={name}&key={name}&flags={name}"))
        .await;
    assert_eq!(form.status, 400);
    assert!(FORBIDDEN[..4].iter().all(|forbidden| !form.text.contains(forbidden)), "{}", form.text);
    for path in [
        format!("pause-queue?name={name}"),
        format!("trigger-schedule?name={name}"),
        format!("send-signal?name={name}"),
    ] {
        let reply = site.act(&path, "").await;
        assert!(matches!(reply.status, 303 | 409), "{path}: {}", reply.text);
        assert!(reply.header("location").chars().all(|letter| letter.is_ascii_graphic()));
        assert!(!reply.text.contains("<script>"), "{path}");
    }
    site.scheduler.stop().await;
}
