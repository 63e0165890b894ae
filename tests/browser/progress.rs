//! The page of the example `progress`: a bar that moves while its job runs, and shows how it has ended.

use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use mainspring::Scheduler;

use crate::browser::Browser;
use crate::support::database::TestDatabase;

#[path = "../../examples/progress/app.rs"]
mod app;

const NOTE: &str = "document.getElementById('note').value";
const BAR: &str = "document.getElementById('bar').value";

struct Page {
    scheduler: Scheduler,
    server: ServerHandle,
    browser: Browser,
}

impl Page {
    async fn open(database: &TestDatabase) -> Self {
        let builder = Scheduler::builder(database.url()).handler(app::import);
        let builder = builder.app_data(app::Pace(Duration::from_millis(400)));
        let scheduler = builder.start().await.unwrap();
        let data = web::Data::new(scheduler.clone());
        let application = move || App::new().app_data(data.clone()).configure(app::routes);
        let server = HttpServer::new(application).workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        let port = server.addrs()[0].port();
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let browser = Browser::start(&format!("http://127.0.0.1:{port}/")).await;
        browser.go("").await;
        Self { scheduler, server: handle, browser }
    }

    async fn close(self) {
        self.server.stop(false).await;
        self.scheduler.stop().await;
    }
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn a_bar_moves_while_the_job_runs_and_shows_its_result() {
    let database = TestDatabase::new();
    let page = Page::open(&database).await;
    page.browser.click("#start").await;
    page.browser.until(&format!("{BAR} > 0 && {BAR} < 100 && {NOTE}.endsWith('of 1000 lines')")).await;
    page.browser.until(&format!("{BAR} === 100 && {NOTE} === '1000 lines are imported'")).await;
    page.browser.until("!document.getElementById('start').disabled").await;
    page.close().await;
}

#[actix_web::test]
#[ignore = "needs Chromium, for which `.ci/browser` looks"]
async fn a_bar_shows_that_its_job_was_cancelled_and_why() {
    let database = TestDatabase::new();
    let page = Page::open(&database).await;
    page.browser.click("#start").await;
    page.browser.until(&format!("{BAR} > 0")).await;
    let running = page.scheduler.jobs().ids(mainspring::jobs::JobFilter::new()).await.unwrap();
    page.scheduler.jobs().cancel(running, Some("not wanted")).await.unwrap();
    page.browser.until(&format!("{NOTE} === 'the import is cancelled: not wanted'")).await;
    page.close().await;
}
