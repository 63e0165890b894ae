//! One tenant's jobs and schedules, by the names that the tenant knows, as if there were no others.

use std::time::Duration;

use mainspring::jobs::{Act, JobFilter};
use mainspring::schedules::{ScheduleFilter, ScheduleRow};
use mainspring::{
    Enqueue, JobContext, JobResult, NewJob, NewSchedule, Overlap, ScheduleChanges, Scheduler, StoreError,
    Task, Tenant,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc::UnboundedSender;

use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::{Reports, reports};

const NEVER_IN_A_TEST: &str = "0 0 1 1 *";
const LONG: Duration = Duration::from_secs(3_600);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Publish {}
impl Task for Publish {
    const NAME: &'static str = "publish";
}

async fn publish(_: Publish, job: JobContext) -> JobResult {
    let seen = (job.queue().map(str::to_owned), job.tenant().map(str::to_owned));
    let _ = job.data::<UnboundedSender<Seen>>().send(seen);
    if job.priority() == 1 {
        job.enqueue(job.tenant_job(Publish {})).await?;
    }
    Ok(())
}

type Seen = (Option<String>, Option<String>);

async fn shop(database: &TestDatabase) -> (Scheduler, Reports<Seen>) {
    let (sender, seen) = reports(&database.url());
    let scheduler = Scheduler::builder(database.url()).handler(publish).app_data(sender);
    (scheduler.start().await.unwrap(), seen)
}

fn new(name: &str) -> NewSchedule {
    NewSchedule::new(name, "publish", NEVER_IN_A_TEST)
}

fn names(rows: &[ScheduleRow]) -> Vec<&str> {
    rows.iter().map(|row| row.name.as_str()).collect()
}

async fn refusal(of: &Tenant, schedule: NewSchedule) -> String {
    of.schedules().create(schedule).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_tenant_names_its_schedules_as_if_there_were_no_others() {
    let database = TestDatabase::new();
    let (scheduler, _) = shop(&database).await;
    let [acme, acm] = ["acme", "acm"].map(|name| scheduler.tenant(name).unwrap());
    for tenant in [&acme, &acm] {
        for name in ["weekly", "daily", "e/weekly"] {
            let made =
                tenant.schedules().create(new(name).overlap(Overlap::Skip).key(Some("k"))).await.unwrap();
            assert_eq!((made.name.as_str(), made.key.as_deref()), (name, Some("k")));
            assert_eq!(made.queue, Some(format!("publish:{}", tenant.name())));
        }
    }
    assert_eq!(
        count(
            &mut database.connection(),
            "mainspring.schedules WHERE name = 'acme/weekly' AND key = 'acme/k'"
        ),
        1
    );

    let all = acme.schedules().list(ScheduleFilter::new()).await.unwrap();
    assert_eq!(names(&all), ["daily", "e/weekly", "weekly"]);
    let mut page = ScheduleFilter::new();
    page.after = Some("e/weekly".into());
    assert_eq!(names(&acme.schedules().list(page.clone()).await.unwrap()), ["weekly"]);
    page.after = None;
    page.prefix = Some("e/".into());
    assert_eq!(names(&acm.schedules().list(page).await.unwrap()), ["e/weekly"], "not those of acme");

    acme.schedules().pause("weekly").await.unwrap();
    assert!(acme.schedules().require("weekly").await.unwrap().paused);
    assert!(!acm.schedules().require("weekly").await.unwrap().paused);
    acme.schedules().resume("weekly").await.unwrap();
    acme.schedules().delete("weekly").await.unwrap();
    assert_eq!(acme.schedules().get("weekly").await.unwrap(), None);
    assert_eq!(acm.schedules().list(ScheduleFilter::new()).await.unwrap().len(), 3);
    scheduler.stop().await;
}

#[tokio::test]
async fn errors_about_a_schedule_of_a_tenant_have_the_name_that_it_knows() {
    let database = TestDatabase::new();
    let (scheduler, _) = shop(&database).await;
    let acme = scheduler.tenant("acme").unwrap();
    acme.schedules().create(new("weekly")).await.unwrap();
    assert_eq!(refusal(&acme, new("weekly")).await, "there is already a schedule `weekly`");
    let schedules = acme.schedules();
    let missing = [
        schedules.pause("other").await.map(drop),
        schedules.resume("other").await.map(drop),
        schedules.delete("other").await.map(drop),
        schedules.trigger("other").await.map(drop),
        schedules.require("other").await.map(drop),
        schedules.update("other", ScheduleChanges::new().paused(true)).await.map(drop),
        schedules.update("other", ScheduleChanges::new().queue(None)).await.map(drop),
    ];
    for result in missing {
        assert_eq!(result.unwrap_err().to_string(), "there is no schedule `other`");
    }
    assert!(matches!(scheduler.tenant("a:b"), Err(StoreError::Invalid { field, .. }) if field == "tenant"));
    scheduler.stop().await;
}

#[tokio::test]
async fn a_tenant_cannot_name_the_queue_key_or_schedule_of_another() {
    let database = TestDatabase::new();
    let (scheduler, _) = shop(&database).await;
    let acme = scheduler.tenant("acme").unwrap();
    for queue in ["publish:other", "publish:acme:other", "acme", ":acmee"] {
        let refused = refusal(&acme, new("weekly").queue(Some(queue))).await;
        assert_eq!(refused, format!("queue must be like `*:acme`, got {queue}"));
    }
    assert_eq!(refusal(&acme, new("")).await, "name must be 1 to 123 characters, got 0");
    assert_eq!(refusal(&acme, new(&"x".repeat(124))).await, "name must be 1 to 123 characters, got 124");
    assert_eq!(count(&mut database.connection(), "mainspring.schedules"), 0);

    acme.schedules().create(new(&"x".repeat(123))).await.unwrap();
    acme.schedules().create(new("weekly")).await.unwrap();
    let foreign = ScheduleChanges::new().queue(Some("publish:other")).key(Some("k"));
    assert!(acme.schedules().update("weekly", foreign).await.is_err());
    assert_eq!(acme.schedules().require("weekly").await.unwrap().key, None, "all or nothing");
    scheduler.stop().await;
}

#[tokio::test]
async fn the_queue_of_a_tenants_schedule_follows_its_task() {
    let database = TestDatabase::new();
    let (scheduler, _) = shop(&database).await;
    let schedules = scheduler.tenant("acme").unwrap().schedules().clone();
    let queue = async |changes| schedules.update("weekly", changes).await.unwrap().queue.unwrap();
    let change = ScheduleChanges::new;
    let made = schedules.create(new("weekly").queue(None)).await.unwrap();
    assert_eq!(made.queue.as_deref(), Some("publish:acme"));
    assert_eq!(queue(change().queue(Some("slow:acme"))).await, "slow:acme");
    assert_eq!(queue(change().paused(true)).await, "slow:acme", "a change of another field");
    assert_eq!(queue(change().queue(None)).await, "publish:acme");
    assert_eq!(queue(change().task("send")).await, "send:acme");
    scheduler.stop().await;
}

#[tokio::test]
async fn a_row_that_a_tenant_has_read_can_be_edited_and_sent_back() {
    let database = TestDatabase::new();
    let (scheduler, _) = shop(&database).await;
    let schedules = scheduler.tenant("acme").unwrap().schedules().clone();
    schedules.create(new("weekly").overlap(Overlap::Skip).key(Some("k"))).await.unwrap();
    let mut sent = serde_json::to_value(schedules.require("weekly").await.unwrap()).unwrap();
    sent["expression"] = json!("0 0 2 1 *");
    let changes: ScheduleChanges = serde_json::from_value(sent).unwrap();
    let row = schedules.update("weekly", changes.clone()).await.unwrap();
    assert_eq!((row.expression.as_str(), row.key.as_deref()), ("0 0 2 1 *", Some("k")));
    assert_eq!(count(&mut database.connection(), "mainspring.schedules WHERE key = 'acme/k'"), 1);
    schedules.create(new("daily")).await.unwrap();
    let refused = schedules.update("daily", changes).await.unwrap_err().to_string();
    assert!(refused.starts_with("name must stay as it is"), "{refused}");
    scheduler.stop().await;
}

#[tokio::test]
async fn a_handler_learns_the_tenant_from_the_queue_of_its_job() {
    let database = TestDatabase::new();
    let (scheduler, mut seen) = shop(&database).await;
    let acme = scheduler.tenant("acme").unwrap();
    let of_acme = |queue: &str| (Some(queue.to_owned()), Some("acme".to_owned()));
    acme.schedules().create(new("weekly")).await.unwrap();
    let fire = acme.schedules().trigger("weekly").await.unwrap();
    assert_eq!((fire.schedule.as_str(), fire.triggered), ("weekly", true));
    assert_eq!(seen.next().await, of_acme("publish:acme"));
    let fires = acme.schedules().fires("weekly", 10).await.unwrap();
    assert_eq!(fires, [fire]);

    acme.jobs().enqueue(acme.job(Publish {})).await.unwrap();
    assert_eq!(seen.next().await, of_acme("publish:acme"));
    acme.jobs().insert(NewJob::new("publish", &json!({}))).await.unwrap();
    assert_eq!(seen.next().await, of_acme("publish:acme"));
    acme.jobs().enqueue(Enqueue::new(Publish {}).queue("slow:acme")).await.unwrap();
    assert_eq!(seen.next().await, of_acme("slow:acme"));
    acme.jobs().enqueue(acme.job(Publish {}).priority(1)).await.unwrap();
    assert_eq!(seen.next().await, of_acme("publish:acme"));
    assert_eq!(seen.next().await, of_acme("publish:acme"), "the one that it has added");
    scheduler.enqueue(Enqueue::new(Publish {}).queue("common")).await.unwrap();
    assert_eq!(seen.next().await, (Some("common".to_owned()), None));
    scheduler.enqueue(Enqueue::new(Publish {})).await.unwrap();
    assert_eq!(seen.next().await, (None, None));
    scheduler.stop().await;
}

#[tokio::test]
async fn an_act_of_a_tenant_on_all_jobs_reaches_its_own_only() {
    let database = TestDatabase::new();
    let (scheduler, _) = shop(&database).await;
    let [acme, other] = ["acme", "other"].map(|name| scheduler.tenant(name).unwrap());
    for tenant in [&acme, &acme, &other] {
        tenant.jobs().enqueue(tenant.job(Publish {}).run_in(LONG)).await.unwrap();
    }
    scheduler.enqueue(Enqueue::new(Publish {}).run_in(LONG)).await.unwrap();
    let mut of_task = JobFilter::new();
    of_task.task = Some("publish".into());
    of_task.queue_like = Some("*".into());
    assert_eq!(acme.jobs().count(of_task.clone()).await.unwrap(), 2);
    let counts = acme.jobs().act_where(of_task.clone(), 100, Act::Cancel(None)).await.unwrap();
    assert_eq!((counts.done(), counts.jobs()), (2, 2));
    assert_eq!(acme.jobs().count(of_task.clone()).await.unwrap(), 0);
    of_task.queue_like = None;
    assert_eq!(scheduler.jobs().count(of_task).await.unwrap(), 2);
    scheduler.stop().await;
}
