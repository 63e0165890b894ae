//! Jobs that a person adds in the page: new ones, and ones like another. No way around what the application hides of payloads.

use actix_web::test::TestRequest;
use mainspring::audit::AuditFilter;
use mainspring::dashboard::{Access, Dashboard, Rights};
use mainspring::jobs::JobStatus;
use mainspring::{NewJob, Scheduler};
use serde_json::{Value, json};

use super::{Reply, Site, TASK, ask, own};
use crate::support::database::TestDatabase;
use crate::support::jobs::behave;
use crate::support::waiting::until;

const FILLED: &str = "task=report.publish&payload=%7B%22report%22%3A+%22r7%22%7D&queue=mails&priority=-5\
    &max_attempts=3&key=k&flags=slow%2C+blue&run_at=2126-11-30T08%3A15";

fn all(site: &Site) -> Dashboard {
    site.dashboard(Access::Act(Rights::all()).by("anna"))
}

async fn asked(dashboard: Dashboard, path: &str) -> Reply {
    ask(dashboard, TestRequest::with_uri(&format!("/jobs/{path}"))).await
}

async fn payload(site: &Site, id: i64) -> Value {
    serde_json::from_str(&site.scheduler.jobs().payload(id).await.unwrap().unwrap()).unwrap()
}

/// The id of the job that the reply leads to.
fn added(reply: &Reply) -> i64 {
    assert_eq!(reply.status, 303, "{}", reply.text);
    let id = reply.header("location").strip_prefix("job?id=").unwrap();
    id.strip_suffix("&did=job-added").unwrap().parse().unwrap()
}

#[actix_web::test]
async fn a_person_adds_a_job_with_what_was_typed() {
    let site = Site::start().await;
    let form = asked(all(&site), "add-job?task=report.publish").await;
    assert_eq!(form.attributes("action"), ["add-job"]);
    assert!(form.text.contains("value=\"report.publish\"") && form.text.contains("{}"), "{}", form.text);
    let reply = ask(all(&site), own("add-job", FILLED)).await;
    let id = added(&reply);
    assert!(site.read(reply.header("location")).await.text.contains("The job is added."));
    let job = site.scheduler.jobs().require(id).await.unwrap();
    assert_eq!((&*job.task, job.queue.as_deref(), job.key.as_deref()), (TASK, Some("mails"), Some("k")));
    assert_eq!((job.priority, job.max_attempts, job.state), (-5, Some(3), JobStatus::Scheduled));
    assert_eq!(job.run_at.to_rfc3339(), "2126-11-30T08:15:00+00:00");
    assert_eq!(job.flags, Some(vec!["blue".to_owned(), "slow".to_owned()]));
    assert_eq!(payload(&site, id).await, json!({"report": "r7"}));
    let log = site.scheduler.audit(AuditFilter::on("job", id.to_string())).await.unwrap();
    assert_eq!((&*log[0].who, &*log[0].act), ("anna", "add-job"));
    assert_eq!(log[0].result, format!("added: a job of {TASK}"));
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_form_of_a_job_that_does_not_fit_comes_back_with_the_field() {
    let site = Site::start().await;
    let before = site.rows();
    for (wrong, reason) in [
        ("task=t", "payload must be JSON"),
        ("task=t&payload=%7Bs3cret", "payload must be JSON"),
        ("task=&payload=1", "task must be 1 to 128 characters"),
        ("task=t&payload=1&priority=high", "priority must be an integer"),
        ("task=t&payload=1&max_attempts=0", "max_attempts must be"),
        ("task=t&payload=1&run_at=soon", "run_at must be a time"),
        ("task=t&payload=1&run_at=99999-01-01T00:00", "run_at must be"),
        ("task=t&payload=1&flags=a,a%00", "flags"),
        ("task=t%00&payload=1", "task"),
        ("task=t&payload=%22%5Cu0000%22", "payload"),
    ] {
        let typed = format!("queue=a+queue&key=%3Cb%3E&{wrong}");
        let reply = site.act("add-job", &typed).await;
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.text);
        let alert = reply.text.split("role=\"alert\"").nth(1).unwrap().split("</div>").next().unwrap();
        assert!(alert.contains(reason) && !alert.contains("s3cret"), "{wrong}: {alert}");
        for kept in ["value=\"a queue\"", "value=\"&lt;b&gt;\"", "Nothing was changed."] {
            assert!(reply.text.contains(kept), "{wrong} loses {kept}: {}", reply.text);
        }
    }
    assert_eq!(asked(all(&site), "add-job?id=7777").await.status, 404);
    assert_eq!(asked(all(&site), "add-job?id=x").await.status, 400);
    assert_eq!(site.rows(), before);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_form_shows_published_fields_and_the_task_judges_the_payload() {
    let database = TestDatabase::new();
    let builder = Scheduler::builder(database.url()).worker_threads(1).without_cron().handler(behave);
    let site = Site { scheduler: builder.start().await.unwrap(), database };
    until(&site.database, "mainspring.tasks WHERE name = 'act'", 1).await;
    let form = asked(all(&site), "add-job?task=act").await;
    assert!(form.text.contains("<option value=\"act\">"), "{}", form.text);
    for field in ["<code><bdi>act</bdi></code> (needed)", "<code><bdi>millis</bdi></code>"] {
        assert_eq!(form.text.matches(field).count(), 2, "of the task, and in the list: {}", form.text);
    }
    let before = site.rows();
    let wrong =
        site.act("add-job", "task=act&payload=%7B%22act%22%3A+%22s3cret%22%2C+%22millis%22%3A+-1%7D").await;
    assert!(wrong.status == 400 && wrong.text.contains("payload"), "{}", wrong.text);
    let alert = wrong.text.split("role=\"alert\"").nth(1).unwrap().split("</div>").next().unwrap();
    assert!(!alert.contains("s3cret"), "{alert}");
    assert_eq!(site.rows(), before);
    let id = added(&site.act("add-job", "task=act&payload=%7B%22act%22%3A+%22ok%22%7D").await);
    until(&site.database, &format!("mainspring.history WHERE id = {id} AND outcome = 'succeeded'"), 1).await;
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_job_is_run_again_with_another_payload_under_no_key() {
    let site = Site::start().await;
    site.database.publish_unredacted(TASK);
    let big = json!({"report": "r7", "n": 3});
    let job = NewJob::new(TASK, &big).queue("mails").key("k").priority(-7).flags(["slow"]).max_attempts(4);
    let first = site.scheduler.jobs().insert(job).await.unwrap();
    let shown = || all(&site).payloads(|_, _, payload| Some(payload));
    let page = asked(shown(), &format!("job?id={first}")).await;
    let path = format!("add-job?id={first}");
    assert!(page.links().contains(&path), "{}", page.text);
    let form = asked(shown(), &path).await;
    assert_eq!(form.attributes("action"), [path.as_str()]);
    for kept in
        ["&quot;report&quot;: &quot;r7&quot;", "value=\"mails\"", "value=\"-7\"", "value=\"4\"", "\"slow\""]
    {
        assert!(form.text.contains(kept), "{kept}: {}", form.text);
    }
    assert!(form.text.contains("name=\"key\" value=\"\""), "{}", form.text);
    let sent = "task=report.publish&payload=%7B%22report%22%3A+%22r8%22%7D&queue=mails&priority=-7";
    let second = added(&ask(shown(), own(&path, sent)).await);
    assert_ne!(first, second);
    assert_eq!(payload(&site, second).await, json!({"report": "r8"}));
    assert_eq!(payload(&site, first).await, big, "the other one stays as it is");
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_payload_with_more_digits_than_a_float_is_copied_exactly() {
    let site = Site::start().await;
    site.database.publish_unredacted(TASK);
    let exact = r#"{"n": 12345678901234567890123}"#;
    let id = site.scheduler.jobs().insert(NewJob::from_json(TASK, exact).unwrap()).await.unwrap();
    let shown = all(&site).payloads(|_, _, payload| Some(payload));
    let form = asked(shown, &format!("add-job?id={id}")).await;
    assert!(form.text.contains("12345678901234567890123"), "{}", form.text);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_job_like_one_whose_payload_is_hidden_begins_without_it() {
    let site = Site::start().await;
    site.database.publish_unredacted(TASK);
    let id = site.add(|job| job).await;
    let gone = site.add(|job| job).await;
    site.scheduler.jobs().complete([gone], None).await.unwrap();
    let part = || {
        all(&site).payloads(|_, _, mut payload| {
            payload["report"] = json!("hidden");
            Some(payload)
        })
    };
    let whole = || all(&site).payloads(|_, _, payload| Some(payload));
    let before = site.rows();
    for (dashboard, id) in [(all(&site), id), (part(), id), (whole(), gone)] {
        let path = format!("add-job?id={id}");
        let form = asked(dashboard.clone(), &path).await;
        assert!(!form.text.contains("r7"), "{}", form.text);
        assert!(form.text.contains("So the field is empty"), "{}", form.text);
        let area = form.text.split("</textarea>").next().unwrap().rsplit('>').next().unwrap();
        assert_eq!(area.trim(), "");
        let refused = ask(dashboard, own(&path, "task=report.publish&payload=")).await;
        assert!(refused.status == 400 && !refused.text.contains("r7"), "{}", refused.text);
    }
    assert_eq!(site.rows(), before);
    site.scheduler.stop().await;
}
