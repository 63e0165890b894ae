//! What the screens show: numbers, filters, pages, reasons, errors.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use mainspring::Scheduler;
use mainspring::queues::QueueSettings;

use super::{Site, TASK};
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::waiting::until;

#[actix_web::test]
async fn each_filter_of_the_list_admits_its_jobs() {
    let site = Site::start().await;
    let plain = site.add(|job| job).await;
    site.scheduler.queues().pause("mails & co").await.unwrap();
    let queued = site.add(|job| job.queue("mails & co")).await;
    let keyed = site.add(|job| job.key("k=1").run_in(Duration::from_secs(3_600))).await;
    let dead = site.add_dead("disk on fire").await;
    let flagged = site.add(|job| job.flags(["heavy", "slow"]).run_in(Duration::from_secs(3_600))).await;
    for (query, expected) in [
        ("", vec![flagged, dead, keyed, queued, plain]),
        ("?task=", vec![flagged, dead, keyed, queued, plain]),
        ("?flag=slow", vec![flagged]),
        ("?flag=slo", vec![]),
        ("?error=on+fire", vec![dead]),
        ("?error=water&state=dead", vec![]),
        ("?worker=7", vec![]),
        ("?state=dead", vec![dead]),
        ("?state=parked", vec![queued]),
        ("?state=scheduled", vec![flagged, keyed]),
        ("?state=ready&task=report.publish", vec![plain]),
        ("?task=none", vec![]),
        ("?queue=mails+%26+co", vec![queued]),
        ("?key=k%3D1", vec![keyed]),
        ("?key=k", vec![]),
        ("?state=running", vec![]),
    ] {
        let page = site.read(&format!("jobs{query}")).await;
        assert_eq!((page.status, page.jobs()), (200, expected), "{query}");
    }
    assert!(site.read("jobs?task=none").await.text.contains("No job meets these conditions."));
    let job = site.read(&format!("jobs?id={queued}")).await;
    assert!(job.text.contains(&format!("<h1>Job {queued} ")), "{}", job.text);
    for wrong in [
        "jobs?state=gone",
        "jobs?id=x",
        "jobs?before=x",
        "jobs?state=all",
        "jobs?worker=x",
        "jobs?state=succeeded&since=9y",
        "job",
        "job?id=x",
        "errors?since=9y",
    ] {
        let page = site.read(wrong).await;
        assert_eq!(page.status, 400, "{wrong}: {}", page.text);
    }
    for none in ["job?id=7777", "schedule?name=none", "error?fingerprint=none", "error?fingerprint="] {
        assert_eq!(site.read(none).await.status, 404, "{none}");
    }
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_pages_of_a_list_have_each_job_once_and_keep_the_filter() {
    let site = Site::start().await;
    let jobs = (0..120).map(|_| mainspring::NewJob::new(TASK, &serde_json::json!({})));
    let ids = site.scheduler.enqueue_many(jobs.collect()).await.unwrap();
    let other = mainspring::NewJob::new("other", &serde_json::json!({}));
    site.scheduler.jobs().insert(other).await.unwrap();
    let mut found = Vec::new();
    let mut next = Some("jobs?state=ready&task=report.publish".to_owned());
    let mut pages = 0;
    while let Some(path) = next {
        let page = site.read(&path).await;
        found.extend(page.jobs());
        pages += 1;
        next = page.links().into_iter().find(|link| link.contains("before=") && link.starts_with("jobs?"));
        assert!(
            next.as_ref()
                .is_none_or(|next| next.starts_with("jobs?state=ready&before=")
                    && next.ends_with("&task=report.publish")),
            "{next:?}"
        );
    }
    let newest_first: Vec<i64> = ids.into_iter().rev().collect();
    assert_eq!((found, pages), (newest_first, 3));
    site.scheduler.stop().await;
}

/// The ids of all pages of a list, and how many pages those are.
async fn all_pages(site: &Site, path: &str) -> (Vec<i64>, usize) {
    let (mut found, mut pages, mut next) = (Vec::new(), 0, Some(path.to_owned()));
    while let Some(path) = next {
        let page = site.read(&path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        found.extend(page.jobs());
        pages += 1;
        next = page.links().into_iter().find(|link| link.contains("before=") && link.starts_with("jobs?"));
    }
    (found, pages)
}

#[actix_web::test]
async fn finished_jobs_are_listed_the_last_one_first_and_each_once() {
    let site = Site::start().await;
    let jobs = (0..120).map(|_| mainspring::NewJob::new(TASK, &serde_json::json!({})));
    let mut ids = site.scheduler.enqueue_many(jobs.collect()).await.unwrap();
    // The order of their ends is not that of their ids.
    ids.rotate_left(50);
    for id in &ids {
        site.scheduler.jobs().complete([*id], Some("done by hand")).await.unwrap();
    }
    let other = site.add(|job| job.key("k")).await;
    site.scheduler.jobs().cancel([other], None).await.unwrap();
    ids.reverse();
    assert_eq!(all_pages(&site, "jobs?state=succeeded").await, (ids.clone(), 3));
    assert_eq!(all_pages(&site, "jobs?state=succeeded&since=1h&task=report.publish").await, (ids, 3));
    assert_eq!(all_pages(&site, "jobs?state=succeeded&task=none").await.0, [] as [i64; 0]);
    assert_eq!(all_pages(&site, "jobs?state=cancelled&key=k").await, (vec![other], 1));
    assert_eq!(all_pages(&site, "jobs?state=cancelled&flag=slow").await.0, [] as [i64; 0]);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_page_looks_at_a_bounded_number_of_jobs_and_says_where_to_look_on() {
    let site = Site::start().await;
    let rare = site.add(|job| job.queue("rare").run_in(Duration::from_secs(3_600))).await;
    let many = "INSERT INTO mainspring.jobs (task, state, run_at) SELECT 'other', 'scheduled', now() + interval '1 day' \
        FROM generate_series(1, 25000)";
    site.database.connection().batch_execute(many).unwrap();
    let first = site.read("jobs?state=scheduled&queue=rare").await;
    assert!(first.text.contains("Look further") && first.jobs().is_empty(), "{}", first.text);
    assert_eq!(all_pages(&site, "jobs?state=scheduled&queue=rare").await, (vec![rare], 3));
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_job_shows_its_facts_and_why_it_waits() {
    let site = Site::start().await;
    site.scheduler.queues().pause("mails").await.unwrap();
    let at = Utc::now() + TimeDelta::hours(2);
    let later = site.add(|job| job.run_at(at).key("k").flags(["slow"]).priority(-3)).await;
    let held = site.add(|job| job.queue("mails")).await;
    let page = site.read(&format!("job?id={later}")).await;
    for fact in ["scheduled", TASK, "<bdi>k</bdi>", "slow", "-3", "0 of 25"] {
        assert!(page.text.contains(fact), "{fact}: {}", page.text);
    }
    let exact = at.format("%Y-%m-%dT%H:%M:%S").to_string();
    assert!(page.attributes("datetime").iter().any(|time| time.starts_with(&exact)), "{}", page.text);
    assert!(page.text.contains(&at.format("%Y-%m-%d %H:%M:%S UTC").to_string()), "{}", page.text);
    let held = site.read(&format!("job?id={held}")).await;
    assert!(held.text.contains("queue") && held.text.contains("paused"), "{}", held.text);
    let queue = site.read("queue?name=mails").await;
    assert!(queue.text.contains("paused") && queue.jobs().len() == 1, "{}", queue.text);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_failed_job_shows_its_attempts_and_the_group_of_its_error() {
    let database = TestDatabase::new();
    let scheduler =
        Scheduler::builder(database.url()).worker_threads(1).handler(behave).start().await.unwrap();
    let id = scheduler.enqueue(act("fail").max_attempts(1)).await.unwrap();
    until(&database, "mainspring.jobs WHERE state = 'dead'", 1).await;
    until(&database, "mainspring.error_groups", 1).await;
    let site = Site { database, scheduler };
    let job = site.read(&format!("job?id={id}")).await;
    assert!(job.text.contains("Attempt 1") && job.text.contains("disk on fire"), "{}", job.text);
    let errors = site.read("errors").await;
    let group = errors.links().into_iter().find(|link| link.starts_with("error?")).unwrap();
    let group = site.read(&group).await;
    assert!(group.text.contains("disk on fire"), "{}", group.text);
    assert!(group.links().contains(&format!("job?id={id}")));
    let links = group.links();
    let like_it: Vec<&String> = links.iter().filter(|link| link.contains("&error=")).collect();
    assert!(like_it.len() == 2 && like_it.iter().all(|link| link.contains("task=act")), "{like_it:?}");
    for list in like_it {
        assert_eq!(site.read(list).await.jobs(), [id], "{list}");
    }
    assert!(site.read("errors?since=7d&task=act").await.text.contains("disk on fire"));
    assert!(site.read("errors?task=other").await.text.contains("No attempt has failed in this time."));
    let tasks = site.read("tasks").await;
    assert!(tasks.text.contains("jobs?task=act"), "{}", tasks.text);
    let overview = site.read("").await;
    assert!(overview.text.contains("disk on fire"), "{}", overview.text);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_overview_draws_each_minute_of_the_last_hour() {
    let site = Site::start().await;
    let empty = site.read("").await;
    assert!(empty.text.contains("No attempt has ended in the last hour."), "{}", empty.text);
    let add = "SELECT mainspring.add_stats(jsonb_build_array(jsonb_build_object('kind', 'task', 'name', n, \
        'enqueued', 0, 'started', 7, 'succeeded', 5, 'failed', 1, 'dead', 1, 'cancelled', 0, 'snoozed', 0, 'interrupted', 0, \
        'lost', 0, 'rescued', 0, 'wait', '[40:41]={3,4}', 'run', '[60:60]={7}'))) FROM unnest(ARRAY['a', 'b']) AS n; \
        INSERT INTO mainspring.stats SELECT begins_at - interval '30 minutes', span, kind, name, enqueued, started, 1234, 0, \
        0, 0, 0, 0, 0, 0, wait, run FROM mainspring.stats WHERE name = 'a'";
    site.database.connection().batch_execute(add).unwrap();
    let page = site.read("").await;
    // In this minute three outcomes, 30 minutes ago one.
    assert_eq!(page.text.matches("<rect class=\"succeeded\"").count(), 2, "{}", page.text);
    assert_eq!(page.text.matches("<rect class=\"dead\"").count(), 1);
    for text in [
        "succeeded 1,244",
        "failed, tried again 2",
        "1,234 succeeded",
        "10 succeeded, 2 failed, tried again, 2 dead",
    ] {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    assert_eq!(page.text.matches("<path class=\"p99\" d=\"M").count(), 2, "wait and run");
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn what_is_wrong_stands_on_the_overview_with_its_cure() {
    let site = Site::start().await;
    site.scheduler.queues().pause_task(TASK).await.unwrap();
    site.scheduler.queues().pause_all().await.unwrap();
    site.add(|job| job).await;
    site.add_schedule("nightly").await;
    let forgotten = "UPDATE mainspring.paused_tasks SET paused_at = now() - interval '2 days'; \
        UPDATE mainspring.schedules SET error = 'no such zone'";
    site.database.connection().batch_execute(forgotten).unwrap();
    let page = site.read("").await;
    for text in [
        "Everything is paused since ",
        "The task <a href=\"jobs?task=report.publish\"><bdi>report.publish</bdi></a> is paused.",
        "the task report.publish is paused since ",
        "queues resume --task=report.publish",
        "it fires no more: no such zone",
    ] {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    assert!(page.links().contains(&"schedule?name=nightly".to_owned()), "{}", page.text);
    assert!(!page.text.contains("Nothing is wrong."), "{}", page.text);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn queues_tasks_schedules_and_workers_are_listed() {
    let site = Site::start().await;
    assert!(site.read("queues").await.text.contains("No queue is in use."));
    assert!(site.read("tasks").await.text.contains("No worker has published a task."));
    assert!(site.read("schedules").await.text.contains("There are no stored schedules."));
    let limits = QueueSettings::concurrency(5).rate(100, Duration::from_secs(60));
    site.scheduler.queues().set("mails", limits).await.unwrap();
    let queues = site.read("queues").await;
    assert!(queues.links().contains(&"queue?name=mails".to_owned()) && queues.text.contains("100 in 1 min"));
    for name in (0..60).map(|number| format!("s{number:02}")) {
        site.add_schedule(&name).await;
    }
    let first = site.read("schedules").await;
    let next = first.links().into_iter().find(|link| link.contains("after=")).unwrap();
    let last = site.read(&next).await;
    let shown =
        |page: &super::Reply| page.links().iter().filter(|link| link.starts_with("schedule?")).count();
    assert_eq!((shown(&first), shown(&last)), (50, 10));
    assert_eq!(shown(&site.read("schedules?prefix=s5").await), 10);
    assert_eq!(shown(&site.read("schedules?task=none").await), 0);
    let workers = site.read("workers").await;
    assert!(workers.text.contains("works") && !workers.text.contains("lost"), "{}", workers.text);
    site.scheduler.stop().await;
}
