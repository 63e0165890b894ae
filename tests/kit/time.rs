//! One clock for the database and the scheduler, which a test moves.

use std::time::Duration;

use mainspring::chrono::{DateTime, TimeDelta, Utc};
use mainspring::jobs::JobStatus;
use mainspring::testing::{AttemptOutcome, TestError, TestScheduler};

use crate::app::{Mail, PublishReport, mail, report, scheduler};

const HOUR: Duration = Duration::from_secs(3_600);

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[actix_web::test]
async fn retries_run_at_their_times_until_the_job_is_dead() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    let id = jobs.scheduler().enqueue(report("broken")).await.unwrap();
    let run = jobs.advance(HOUR / 2).await.unwrap();
    assert_eq!(run.summary.failed, 1, "{run}");
    // The back-off has a jitter of up to a tenth.
    let run = jobs.advance(3 * HOUR).await.unwrap();
    let outcomes: Vec<_> =
        run.of::<PublishReport>().map(|attempt| (attempt.job.attempt, &attempt.outcome)).collect();
    assert!(
        matches!(outcomes[..], [(2, AttemptOutcome::Failed { .. }), (3, AttemptOutcome::Dead { .. })]),
        "{run}"
    );
    assert_eq!(jobs.scheduler().jobs().require(id).await.unwrap().state, JobStatus::Dead);
}

#[actix_web::test]
async fn what_is_due_runs_in_the_order_of_its_times() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    for hours in [3, 1, 2, 9] {
        let job = mail(&format!("{hours}@example.org")).run_in(hours * HOUR);
        jobs.scheduler().enqueue(job).await.unwrap();
    }
    let run = jobs.advance(4 * HOUR).await.unwrap();
    let mut due: Vec<i64> = run.of::<Mail>().map(|attempt| attempt.job.id).collect();
    // The line of the crontab may have fired too.
    due.retain(|id| *id <= 4);
    assert_eq!(due, [2, 3, 1], "{run}");
}

#[actix_web::test]
async fn a_schedule_fires_once_on_each_day_across_the_change_to_summer_time() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    // On 28 March 2027, 02:30 does not exist in Berlin: the fire is at 03:00, which is 01:00 in UTC.
    jobs.set_time(time("2027-03-27T12:00:00Z")).await.unwrap();
    assert_eq!(jobs.enqueued::<Mail>(), [], "no fire was missed");
    let mut fired = Vec::new();
    for _ in 0..3 {
        let run = jobs.advance(24 * HOUR).await.unwrap().expect_success();
        for attempt in run.of::<Mail>() {
            let outcome = jobs.scheduler().jobs().get(attempt.job.id).await.unwrap();
            fired.extend(outcome.map(|job| job.run_at));
        }
    }
    let expected = ["2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z", "2027-03-30T00:30:00Z"].map(time);
    assert_eq!(fired, expected);
}

#[actix_web::test]
async fn a_rate_lets_a_job_through_for_each_token() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    let queue = mainspring::queues::QueueSettings::concurrency(10).rate(1, 2 * HOUR);
    jobs.scheduler().queues().set("press", queue).await.unwrap();
    for n in 0..3 {
        jobs.scheduler().enqueue(mail(&n.to_string()).queue("press")).await.unwrap();
    }
    assert_eq!(jobs.drain().await.unwrap().summary.succeeded, 1);
    let left = || jobs.enqueued::<Mail>().iter().filter(|mail| !mail.to.contains('@')).count();
    assert_eq!(left(), 2);
    let _ = jobs.advance(3 * HOUR).await.unwrap();
    assert_eq!(left(), 1);
    let _ = jobs.advance(2 * HOUR).await.unwrap();
    assert_eq!(left(), 0);
}

#[actix_web::test]
async fn history_is_deleted_when_its_time_is_over() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    let id = jobs.scheduler().enqueue(mail("a@example.org")).await.unwrap();
    let _ = jobs.drain().await.unwrap();
    assert!(jobs.scheduler().jobs().get(id).await.unwrap().is_some());
    let _ = jobs.advance(72 * HOUR).await.unwrap();
    assert!(jobs.scheduler().jobs().get(id).await.unwrap().is_none());
}

#[actix_web::test]
async fn scheduled_jobs_are_drained_on_request() {
    let jobs = TestScheduler::start(|url| scheduler(url).without_cron()).await.unwrap();
    jobs.scheduler().enqueue(mail("a@example.org").run_in(1_000 * HOUR)).await.unwrap();
    jobs.scheduler().enqueue(report("broken")).await.unwrap();
    assert_eq!(jobs.drain().await.unwrap().attempts.len(), 1);
    let run = jobs.drain_scheduled().await.unwrap();
    assert_eq!((run.summary.succeeded, run.summary.failed, run.summary.dead), (1, 1, 1), "{run}");
    assert_eq!(jobs.enqueued::<PublishReport>(), []);
}

#[actix_web::test]
async fn the_clocks_of_the_database_and_the_scheduler_agree() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    let before = jobs.now().unwrap();
    let _ = jobs.advance(5 * HOUR).await.unwrap();
    let moved = jobs.now().unwrap() - before;
    assert!(moved >= TimeDelta::hours(5) && moved < TimeDelta::hours(5) + TimeDelta::minutes(1), "{moved}");
    let id = jobs.scheduler().enqueue(mail("a@example.org")).await.unwrap();
    let run_at = jobs.scheduler().jobs().require(id).await.unwrap().run_at;
    assert!((run_at - jobs.now().unwrap()).abs() < TimeDelta::minutes(1), "{run_at}");
    assert!(jobs.run_one::<Mail>().await.unwrap().has_succeeded());
}

#[actix_web::test]
async fn the_crontab_is_checked_and_shows_its_next_fires() {
    let jobs = TestScheduler::start(scheduler).await.unwrap();
    jobs.set_time(time("2027-10-30T12:00:00Z")).await.unwrap();
    let lines = jobs.check_crontab().unwrap();
    assert_eq!(
        (lines.len(), lines[0].identifier.as_str(), lines[0].task.as_str()),
        (1, "nightly", "mail.send")
    );
    // 02:30 exists twice on 31 October 2027: the first one counts.
    let expected = ["2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"].map(time);
    assert_eq!(lines[0].next_fires[..2], expected);
}

#[actix_web::test]
async fn a_line_without_a_handler_is_an_error_of_the_crontab() {
    let jobs = TestScheduler::start(|url| {
        scheduler(url).crontab("@daily strange ?id=s\n@daily report.publish {report: 'r', copys: 2}")
    });
    let error = jobs.await.unwrap().check_crontab().unwrap_err();
    assert!(matches!(error, TestError::Crontab(_)));
    let text = error.to_string();
    assert!(text.contains("cron `s`: no handler is registered for the task `strange`"), "{text}");
    assert!(text.contains("does not read the field `copys`"), "{text}");
}
