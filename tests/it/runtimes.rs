//! The scheduler under the runtimes that applications have, and how quiet an ordinary life of it is.

use actix_web::test::{TestRequest, call_and_read_body, init_service};
use actix_web::{App, HttpResponse, web};
use mainspring::Scheduler;

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::process;
use crate::support::rows::count;
use crate::support::schedulers::{scheduler, scheduler_on};

async fn enqueue(scheduler: web::Data<Scheduler>) -> actix_web::Result<HttpResponse> {
    let id = scheduler.enqueue(act("asked for")).await.map_err(actix_web::error::ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().body(id.to_string()))
}

#[actix_web::main]
async fn main_of_an_actix_web_application() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let app = App::new().app_data(web::Data::new(scheduler.clone())).route("/", web::post().to(enqueue));
    let app = init_service(app).await;
    let answer = call_and_read_body(&app, TestRequest::post().uri("/").to_request()).await;
    let job = started.next().await;
    assert_eq!((job.act.as_str(), job.id.to_string().as_bytes()), ("asked for", &*answer));
    scheduler.stop().await;
    assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
}

#[tokio::main]
async fn main_of_a_tokio_application() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    // From a task that may move between threads.
    let asking = scheduler.clone();
    let id = tokio::spawn(async move { asking.enqueue(act("asked for")).await }).await.unwrap().unwrap();
    assert_eq!(started.next().await.id, id);
    tokio::spawn(async move { scheduler.stop().await }).await.unwrap();
    assert_eq!(count(&mut database.connection(), "mainspring.workers"), 0);
}

#[test]
fn it_starts_runs_and_stops_under_actix_web_main() {
    main_of_an_actix_web_application();
}

#[test]
fn it_starts_runs_and_stops_under_tokio_main_with_several_threads() {
    main_of_a_tokio_application();
}

/// Not a test of its own: a process whose log is its own as well.
#[tokio::test]
#[ignore = "the other process of `an_ordinary_life_restarts_no_actor_and_warns_of_nothing`"]
async fn another_process_lives_an_ordinary_life() {
    let Some(url) = process::given_url() else { return };
    env_logger::Builder::new().filter_level(log::LevelFilter::Warn).target(env_logger::Target::Stderr).init();
    for _ in 0..5 {
        let (builder, mut started) = scheduler_on(&url);
        let builder = builder.worker_threads(8).concurrency(32).crontab("* * * * * * act {act: 'tick'}");
        let scheduler = builder.start().await.unwrap();
        for n in 0..200 {
            scheduler.enqueue(act("go").queue(format!("queue {}", n % 50))).await.unwrap();
        }
        for _ in 0..200 {
            started.next().await;
        }
        scheduler.stop().await;
        println!("lived");
    }
}

#[tokio::test]
async fn an_ordinary_life_restarts_no_actor_and_warns_of_nothing() {
    let database = TestDatabase::new();
    let test = "runtimes::another_process_lives_an_ordinary_life";
    let written = process::run(&mut process::command(test, &database.url()));
    assert_eq!(written.out.matches("lived").count(), 5, "{}{}", written.out, written.err);
    assert!(written.err.trim().is_empty(), "{}", written.err);
    // What cron added takes the place of some of the others, which wait where the stop found them.
    let mut conn = database.connection();
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE state IN ('running', 'dead') OR attempts > 0"), 0);
    assert_eq!(count(&mut conn, "mainspring.workers"), 0);
}
