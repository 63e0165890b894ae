//! What the dashboard shows while the database is away, and after the scheduler has stopped.

use super::Site;

#[actix_web::test]
async fn the_overview_is_there_while_the_database_is_away() {
    let site = Site::start().await;
    site.until_shown("", "Counted ").await;
    site.database.go_away();
    let page = site.until_shown("", "This process: ").await;
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("Nothing is wrong."), "{}", page.text);
    assert!(page.text.contains("The database cannot be reached"), "{}", page.text);
    assert!(page.text.contains("Counted "), "the last numbers: {}", page.text);
    let jobs = site.read("jobs").await;
    assert_eq!(jobs.status, 503);
    assert!(jobs.text.contains("The log of the application has the cause."), "{}", jobs.text);
    site.database.come_back();
    let back = site.until_shown("jobs", "There are no jobs.").await;
    assert_eq!(back.status, 200);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_stopped_scheduler_is_said_to_have_stopped() {
    let site = Site::start().await;
    let id = site.add(|job| job).await;
    site.scheduler.stop().await;
    let page = site.read("").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("the scheduler has stopped"), "{}", page.text);
    for path in ["jobs".to_owned(), format!("job?id={id}")] {
        let reply = site.read(&path).await;
        assert_eq!(reply.status, 503);
        assert!(reply.text.contains("ask another instance of the application"), "{}", reply.text);
    }
    assert_eq!(site.act(&format!("cancel-job?id={id}"), "").await.status, 503);
}
