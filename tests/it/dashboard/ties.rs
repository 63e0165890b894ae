//! What a page shows of the jobs that wait for others, and how it lets them go.

use actix_web::test::TestRequest;
use diesel::connection::SimpleConnection;
use mainspring::dashboard::{Access, Rights};
use mainspring::jobs::{JobFilter, JobStatus};
use mainspring::{OnFailure, Wait};

use super::{Site, ask};

fn links_to_jobs(site_links: &[String]) -> Vec<i64> {
    let ids = site_links.iter().filter_map(|link| link.strip_prefix("job?id="));
    ids.filter_map(|id| id.parse().ok()).collect()
}

#[actix_web::test]
async fn a_parent_and_its_child_lead_to_each_other() {
    let site = Site::start().await;
    let dead = site.add_dead("disk on fire").await;
    let parent = site.add(|job| job).await;
    let waits = [Wait::job(dead), Wait::job(parent).on_failure(OnFailure::Run), Wait::signal("approved")];
    let child = site.add(|job| waits.into_iter().fold(job, |job, wait| job.after(wait))).await;
    let page = site.read(&format!("job?id={child}")).await;
    assert!(page.text.contains("What it waits for") && !page.text.contains("What waits for it"));
    assert!(page.text.contains("approved") && page.text.contains("not sent"), "{}", page.text);
    assert_eq!(links_to_jobs(&page.links()), [dead, parent]);
    for id in [dead, parent] {
        let page = site.read(&format!("job?id={id}")).await;
        assert!(page.text.contains("What waits for it") && !page.text.contains("What it waits for"));
        assert_eq!(links_to_jobs(&page.links()), [child], "{}", page.text);
    }
    // A parent that has ended keeps its link: the history has it.
    site.scheduler.jobs().cancel([parent], None).await.unwrap();
    let page = site.until_shown(&format!("job?id={child}"), "state cancelled").await;
    assert_eq!(links_to_jobs(&page.links()), [dead, parent]);
    assert_eq!(links_to_jobs(&site.read(&format!("job?id={parent}")).await.links()), [child]);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_page_shows_a_hundred_ties_of_each_kind_at_most() {
    let site = Site::start().await;
    let parent = site.add(|job| job).await;
    let add = format!(
        "INSERT INTO mainspring.jobs (id, task, state, run_at) SELECT 10000 + n, 't', 'waiting', now() \
             FROM generate_series(1, 300) AS n; \
         INSERT INTO mainspring.waits (child, parent) SELECT 10000 + n, {parent} FROM generate_series(1, 300) AS n; \
         INSERT INTO mainspring.waits (child, parent) SELECT {parent}, 20000 + n FROM generate_series(1, 100) AS n"
    );
    site.database.connection().batch_execute(&add).unwrap();
    let page = site.read(&format!("job?id={parent}")).await;
    let links = links_to_jobs(&page.links());
    let parents: Vec<i64> = links.iter().copied().filter(|id| *id > 20_000).collect();
    assert_eq!((parents.len(), links.len()), (100, 200));
    assert_eq!(page.text.matches("And others. 100 are shown.").count(), 1, "{}", page.text);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_waiting_job_is_released_after_a_question_and_another_is_not() {
    let site = Site::start().await;
    let held = site.add_held().await;
    let path = format!("release-job?id={held}");
    let all = Access::Act(Rights::all());
    let question = ask(site.dashboard(all), TestRequest::with_uri(&format!("/jobs/{path}"))).await;
    assert_eq!(question.attributes("action"), [path.as_str()]);
    let state = async |id| site.scheduler.jobs().require(id).await.unwrap().state;
    assert_eq!(state(held).await, JobStatus::Waiting, "the question changes nothing");
    let done = site.act(&path, "").await;
    let page = site.read(done.header("location")).await;
    assert!(page.text.contains("The job waits for no other job any more."), "{}", page.text);
    assert_eq!(state(held).await, JobStatus::Ready);
    let again = site.act(&path, "").await;
    assert!(again.status == 409 && again.text.contains("does not wait for other jobs"), "{}", again.text);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn all_waiting_jobs_that_meet_conditions_are_released() {
    let site = Site::start().await;
    for queue in ["mails", "mails", "other"] {
        site.add(|job| job.queue(queue).after(Wait::signal("go"))).await;
    }
    site.add(|job| job.queue("mails")).await;
    let mut mails = JobFilter::new();
    mails.queue = Some("mails".into());
    let released = site.scheduler.jobs().release_where(mails, u64::MAX).await.unwrap();
    assert_eq!((released.jobs(), released.done()), (2, 2), "only those that wait");
    let page = site.read("jobs?state=waiting").await;
    assert_eq!(page.jobs().len(), 1);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_steps_of_a_job_are_forgotten_after_a_question() {
    let site = Site::start().await;
    let held = site.add_held().await;
    let path = format!("clear-steps?id={held}");
    let all = Access::Act(Rights::all());
    let question = ask(site.dashboard(all), TestRequest::with_uri(&format!("/jobs/{path}"))).await;
    assert!(question.text.contains("also those whose effects cannot be repeated"), "{}", question.text);
    assert_eq!(site.scheduler.jobs().steps(held).await.unwrap().len(), 1);
    let done = site.act(&path, "").await;
    let page = site.read(done.header("location")).await;
    assert!(page.text.contains("The steps are forgotten."), "{}", page.text);
    assert_eq!(site.scheduler.jobs().steps(held).await.unwrap(), []);
    site.scheduler.stop().await;
}
