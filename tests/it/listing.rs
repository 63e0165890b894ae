//! One list of living, dead and finished jobs, and the jobs of one tenant as if there were no others.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use diesel::connection::SimpleConnection;
use mainspring::history::HistoryFilter;
use mainspring::jobs::{self, Act, ActResult, Job, JobFilter, JobOrder, JobStatus, StateFilter};
use mainspring::schedules::ScheduleFilter;
use mainspring::{Enqueue, EnqueueMany, JobState, NewJob, Scheduler, SchedulerError, StoreError, Waited};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::database::TestDatabase;
use crate::support::jobs::{Act as Payload, act, behave};
use crate::support::waiting::until;

const LONG: Duration = Duration::from_secs(60);

fn of(queue: &str, how: &str) -> Enqueue<Payload> {
    act(how).queue(queue)
}

fn ids(jobs: &[Job]) -> Vec<i64> {
    jobs.iter().map(|job| job.id).collect()
}

/// Two tenants; the first has a job in each state.
struct Shop {
    _database: TestDatabase,
    scheduler: Scheduler,
    gate: Arc<Semaphore>,
    succeeded: i64,
    cancelled: i64,
    dead: i64,
    running: i64,
    scheduled: i64,
    foreign: i64,
}

impl Shop {
    async fn open() -> Self {
        let (database, gate) = (TestDatabase::new(), Arc::new(Semaphore::new(0)));
        let scheduler = Scheduler::builder(database.url()).handler(behave).app_data(Arc::clone(&gate));
        let scheduler = scheduler.start().await.unwrap();
        let add = async |job| scheduler.enqueue(job).await.unwrap();
        let end = async |id| assert!(matches!(scheduler.jobs().wait(id, LONG).await, Ok(Waited::Ended(_))));
        let succeeded = add(of("mails:t1", "go").key("first")).await;
        end(succeeded).await;
        let cancelled = add(of("mails:t1", "later").run_in(LONG)).await;
        scheduler.jobs().cancel([cancelled], Some("no use")).await.unwrap();
        let dead = add(of("reports:t1", "fail").max_attempts(1)).await;
        end(dead).await;
        let running = add(of("mails:t1", "at gate")).await;
        until(&database, "mainspring.jobs WHERE state = 'running'", 1).await;
        let scheduled = add(of("mails:t1", "later").run_in(LONG).flags(["blue"])).await;
        let foreign = add(of("mails:t11", "later").run_in(LONG)).await;
        Self { _database: database, scheduler, gate, succeeded, cancelled, dead, running, scheduled, foreign }
    }

    async fn list(&self, filter: JobFilter) -> Vec<Job> {
        self.scheduler.jobs().list(filter).await.unwrap()
    }

    /// Of the first tenant, the oldest first.
    fn all(&self) -> Vec<i64> {
        vec![self.succeeded, self.cancelled, self.dead, self.running, self.scheduled]
    }

    async fn close(self) {
        self.gate.add_permits(1);
        self.scheduler.stop().await;
    }
}

fn all_of(queues: &str) -> JobFilter {
    let mut filter = JobFilter::new();
    filter.state = StateFilter::All;
    filter.queue_like = Some(queues.into());
    filter
}

#[tokio::test]
async fn one_list_has_living_dead_and_finished_jobs_as_they_are_shown_alone() {
    let shop = Shop::open().await;
    let listed = shop.list(all_of("*:t1")).await;
    assert_eq!(ids(&listed), shop.all());
    for job in listed.into_iter().filter(|job| job.id != shop.running) {
        assert_eq!(Some(&job), shop.scheduler.jobs().get(job.id).await.unwrap().as_ref());
    }
    let by_default = shop.list(JobFilter::new()).await;
    assert_eq!(ids(&by_default), [shop.dead, shop.running, shop.scheduled, shop.foreign]);
    shop.close().await;
}

#[tokio::test]
async fn each_state_is_listed_alone_and_counted() {
    let shop = Shop::open().await;
    for (state, id) in [
        (JobStatus::Succeeded, shop.succeeded),
        (JobStatus::Cancelled, shop.cancelled),
        (JobStatus::Dead, shop.dead),
        (JobStatus::Scheduled, shop.scheduled),
    ] {
        let mut filter = all_of("*:t1");
        filter.state = state.into();
        assert_eq!(ids(&shop.list(filter.clone()).await), [id], "{state:?}");
        assert_eq!(shop.scheduler.jobs().count(filter).await.unwrap(), 1);
    }
    assert_eq!(shop.scheduler.jobs().count(all_of("*")).await.unwrap(), 6);
    assert_eq!(shop.scheduler.jobs().count(JobFilter::new()).await.unwrap(), 4);
    assert_eq!(shop.scheduler.jobs().ids(all_of("*:t1")).await.unwrap(), shop.all());
    shop.close().await;
}

#[tokio::test]
async fn pages_go_both_ways_over_living_and_finished_jobs() {
    let shop = Shop::open().await;
    let (mut newest, mut seen) = (all_of("*:t1"), Vec::new());
    (newest.order, newest.limit) = (JobOrder::NewestFirst, 2);
    while let page = shop.list(newest.clone()).await
        && !page.is_empty()
    {
        seen.extend(ids(&page));
        newest.before_id = seen.last().copied();
    }
    seen.reverse();
    assert_eq!(seen, shop.all());
    let mut between = all_of("*:t1");
    (between.after_id, between.before_id) = (Some(shop.succeeded), Some(shop.running));
    assert_eq!(ids(&shop.list(between).await), [shop.cancelled, shop.dead]);
    shop.close().await;
}

#[tokio::test]
async fn finished_jobs_are_found_by_key_task_and_time() {
    let shop = Shop::open().await;
    let mut by_key = all_of("*");
    by_key.key = Some("first".into());
    assert_eq!(ids(&shop.list(by_key).await), [shop.succeeded]);
    let mut by_task = all_of("mails:*");
    (by_task.task, by_task.state) = (Some("act".into()), JobStatus::Succeeded.into());
    assert_eq!(ids(&shop.list(by_task.clone()).await), [shop.succeeded]);
    by_task.changed_until = Some(chrono::Utc::now() - LONG);
    assert_eq!(shop.list(by_task).await, []);
    shop.close().await;
}

#[tokio::test]
async fn what_a_pattern_of_sql_means_is_a_plain_character_in_a_queue() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let queues = ["50%:a_b", "50x:a_b", "50%:axb", r"50%:a\b"];
    let added =
        queues.map(|queue| jobs::insert(&mut conn, NewJob::new("t", &json!({})).queue(queue)).unwrap());
    for (like, found) in [
        ("50%:a_b", &added[..1]),
        ("*%:*", &[added[0], added[2], added[3]]),
        (r"*\*", &added[3..]),
        ("*", &added),
        ("50", &[]),
    ] {
        assert_eq!(ids(&jobs::list(&mut conn, &all_of(like)).unwrap()), found, "{like}");
    }
}

#[test]
fn a_query_with_the_empty_fields_of_a_form_admits_what_a_bare_one_does() {
    let read = |query: &str| web::Query::<JobFilter>::from_query(query).map(web::Query::into_inner);
    let empty =
        read("task=&state=&queue=&queue_like=&key=&changed_since=&changed_until=&after_id=&before_id=")
            .unwrap();
    assert_eq!(empty, JobFilter::new());
    let full = read("state=all&queue_like=*:t1&order=newest_first&before_id=7&limit=10").unwrap();
    let mut expected = all_of("*:t1");
    (expected.order, expected.before_id, expected.limit) = (JobOrder::NewestFirst, Some(7), 10);
    assert_eq!(full, expected);
    assert_eq!(read("state=dead").unwrap().state, JobState::Dead.into());
    for limit in ["10001", "4000000000", "-1", "x", ""] {
        let refused = read(&format!("limit={limit}")).unwrap_err().to_string();
        assert!(
            refused.contains("limit must be an integer from 0 to 10000, got another"),
            "{limit}: {refused}"
        );
    }
    for (field, expected) in [
        ("changed_since", "a time such as 2027-01-01T09:00:00Z"),
        ("changed_until", "a time such as 2027-01-01T09:00:00Z"),
        ("after_id", "an integer"),
        ("before_id", "an integer"),
    ] {
        let refused = read(&format!("{field}=yesterday")).unwrap_err().to_string();
        assert!(refused.contains(&format!("{field} must be {expected}, got another text")), "{refused}");
    }
    assert!(web::Query::<ScheduleFilter>::from_query("limit=10001").is_err());
    assert!(web::Query::<HistoryFilter>::from_query("limit=10001").is_err());
    assert_eq!(serde_json::from_value::<JobFilter>(json!({"limit": 7})).unwrap().limit, 7);
    let problem = read("state=done").unwrap_err().to_string();
    assert!(problem.contains("state must be `stored`, `all`, `waiting`, `scheduled`"), "{problem}");
}

#[tokio::test]
async fn a_tenant_sees_and_changes_its_own_jobs_only() {
    let shop = Shop::open().await;
    let jobs = shop.scheduler.jobs().of_queues("*:t1");
    assert_eq!(ids(&jobs.list(all_of("*")).await.unwrap()), shop.all());
    assert_eq!(jobs.require(shop.succeeded).await.unwrap().state, JobStatus::Succeeded);
    assert_eq!(jobs.act_on(shop.scheduled, Act::Cancel(None)).await.unwrap().result, ActResult::Cancelled);
    assert_eq!(jobs.act_on(shop.succeeded, Act::Cancel(None)).await.unwrap().result, ActResult::Finished);
    assert!(matches!(jobs.wait(shop.dead, LONG).await.unwrap(), Waited::Ended(_)));
    assert!(!jobs.explain(shop.dead).await.unwrap().is_empty());

    let unqueued = shop.scheduler.enqueue(act("later").run_in(LONG)).await.unwrap();
    for foreign in [shop.foreign, unqueued, i64::MAX] {
        assert_eq!(jobs.get(foreign).await.unwrap(), None);
        let error = jobs.require(foreign).await.unwrap_err().to_string();
        assert_eq!(error, format!("there is no job `{foreign}`"));
        assert_eq!(jobs.explain(foreign).await.unwrap_err().to_string(), error);
        assert_eq!(jobs.wait(foreign, LONG).await.unwrap(), Waited::Gone);
        assert_eq!(jobs.act_on(foreign, Act::Delete).await.unwrap().result, ActResult::Unknown);
    }
    assert_eq!(shop.scheduler.jobs().require(shop.foreign).await.unwrap().state, JobStatus::Scheduled);
    shop.close().await;
}

#[tokio::test]
async fn a_tenant_adds_jobs_to_its_own_queues_only() {
    let shop = Shop::open().await;
    let jobs = shop.scheduler.jobs().of_queues("*:t1");
    let added = jobs.enqueue(of("mails:t1", "later").run_in(LONG)).await.unwrap();
    assert!(jobs.get(added).await.unwrap().is_some());
    let named = jobs.insert(NewJob::new("act", &json!({"act": "later"})).queue("x:t1").run_in(LONG)).await;
    assert!(named.is_ok());
    let stored = shop.scheduler.jobs().count(JobFilter::new()).await.unwrap();
    for (job, got) in [(of("mails:t11", "go"), "mails:t11"), (act("go"), "none")] {
        let refused = jobs.enqueue(job).await.unwrap_err().to_string();
        assert_eq!(refused, format!("queue must be like `*:t1`, got {got}"));
    }
    assert_eq!(shop.scheduler.jobs().count(JobFilter::new()).await.unwrap(), stored);
    shop.close().await;
}

#[tokio::test]
async fn a_payload_of_a_task_that_is_named_is_judged_before_it_is_stored() {
    let shop = Shop::open().await;
    let jobs = shop.scheduler.jobs();
    let before = jobs.count(all_of("*")).await.unwrap();
    let wrong = || NewJob::new("act", &json!({"act": 7}));
    let SchedulerError::Store(StoreError::Invalid { field, expected, .. }) =
        jobs.insert(wrong()).await.unwrap_err()
    else {
        panic!("another error")
    };
    assert_eq!(field, "payload");
    assert_eq!(expected, "does not fit the task `act` at `act`: expected a string, found an integer");
    let good = NewJob::new("act", &json!({"act": "later"})).run_in(LONG);
    let several = || vec![good.clone(), wrong()];
    let refused = jobs.insert_many(several()).await.unwrap_err().to_string();
    assert!(refused.starts_with("job 2 of 2: payload does not fit"), "{refused}");
    let queue = shop.scheduler.queue_actor().unwrap();
    let message = queue.send(EnqueueMany::new(several())).await.unwrap();
    assert_eq!(message.unwrap_err().to_string(), refused);
    assert_eq!(jobs.count(all_of("*")).await.unwrap(), before);
    // Nothing is known here of the payloads of other tasks.
    assert!(jobs.insert(NewJob::new("elsewhere", &json!({"act": 7})).run_in(LONG)).await.is_ok());
    shop.close().await;
}

#[test]
fn a_label_that_is_none_hides_no_job() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let id = jobs::insert(&mut conn, NewJob::new("t", &json!({})).flags(["a"])).unwrap();
    for (flags, shown) in [("'{NULL, a}'", &["a"][..]), ("'{{a},{b}}'", &[]), ("'{}'", &[])] {
        let restored = format!(
            "ALTER TABLE mainspring.jobs DROP CONSTRAINT IF EXISTS jobs_flags_valid; UPDATE mainspring.jobs SET flags = {flags}"
        );
        conn.batch_execute(&restored).unwrap();
        let found = jobs::require(&mut conn, id).unwrap();
        assert_eq!(found.flags.as_deref().unwrap(), shown);
        assert_eq!(jobs::list(&mut conn, &JobFilter::new()).unwrap(), [found]);
    }
}
