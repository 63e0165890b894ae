//! The stream that tells a page when to read itself again: one read of the database for all viewers, and no server that waits for it.

use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpServer};
use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::Scheduler;
use mainspring::dashboard::{Access, Dashboard};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;

use super::Site;
use crate::support::counting::migrated_counting_server;
use crate::support::rows::count;
use crate::support::waiting::{PATIENCE, in_time_once};

const VIEWERS: usize = 200;

/// A viewer on a connection of its own.
struct Viewer(Lines<BufReader<TcpStream>>);

impl Viewer {
    async fn connect(port: u16, since: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = format!("GET /jobs/changes?since={since} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Self(BufReader::new(stream).lines())
    }

    /// The name and the version of the next event; `None` at the end.
    async fn next(&mut self) -> Option<(String, String)> {
        let mut event = String::new();
        while let Some(line) = tokio::time::timeout(PATIENCE, self.0.next_line()).await.unwrap().unwrap() {
            if let Some(name) = line.strip_prefix("event: ") {
                event = name.to_owned();
            }
            if let Some(version) = line.strip_prefix("data: ").or_else(|| line.strip_prefix("data:")) {
                return Some((event, version.to_owned()));
            }
        }
        None
    }
}

fn serve(dashboard: Dashboard) -> (u16, actix_web::dev::ServerHandle) {
    let app = move || App::new().service(dashboard.clone());
    let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let port = server.addrs()[0].port();
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (port, handle)
}

#[actix_web::test]
async fn a_stream_tells_of_what_has_changed_since_the_page_was_read() {
    let site = Site::start().await;
    let (port, server) = serve(site.dashboard(Access::Read));
    let (event, version) = Viewer::connect(port, "").await.next().await.unwrap();
    assert_eq!(event, "changed", "the page knew no version");
    let page = site.read("jobs").await;
    assert_eq!(page.attributes("data-live").len(), 1);
    let insert =
        "INSERT INTO mainspring.jobs (task, run_at, state) VALUES ('other', mainspring.now(), 'ready')";
    site.database.connection().batch_execute(insert).unwrap();
    let mut viewer = Viewer::connect(port, &version).await;
    let mut told = viewer.next().await.unwrap();
    while told.0 == "same" || told.1 == version {
        told = viewer.next().await.unwrap();
    }
    assert_eq!(told.0, "changed");
    server.stop(false).await;
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_stream_passes_proxies_and_gives_nothing_to_one_that_is_denied() {
    let site = Site::start().await;
    let app = init_service(App::new().service(site.dashboard(Access::Read))).await;
    let response = call_service(&app, TestRequest::with_uri("/jobs/changes").to_request()).await;
    let header = |name: &str| response.headers().get(name).map_or("", |value| value.to_str().unwrap());
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!((header("x-accel-buffering"), header("cache-control")), ("no", "no-store"));
    for access in [Access::Denied, Access::SignIn] {
        let app = init_service(App::new().service(site.dashboard(access))).await;
        let response = call_service(&app, TestRequest::with_uri("/jobs/changes").to_request()).await;
        assert!(response.status().is_client_error());
        let length = response.into_body().try_into_bytes().unwrap().len();
        assert!(length < 60, "{length} bytes");
    }
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn there_are_so_many_streams_and_a_place_is_free_again() {
    let site = Site::start().await;
    let app = init_service(App::new().service(site.dashboard(Access::Read))).await;
    let mut open = Vec::new();
    for _ in 0..1_000 {
        open.push(call_service(&app, TestRequest::with_uri("/jobs/changes").to_request()).await);
    }
    assert!(open.iter().all(|response| response.status() == 200));
    let one_more =
        async || call_service(&app, TestRequest::with_uri("/jobs/changes").to_request()).await.status();
    assert_eq!(one_more().await, 503);
    open.pop();
    assert_eq!(one_more().await, 200);
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn a_server_that_stops_gracefully_does_not_wait_for_viewers() {
    in_time_once(async || {
        let site = Site::start().await;
        let (port, server) = serve(site.dashboard(Access::Read));
        let mut viewer = Viewer::connect(port, "").await;
        viewer.next().await.unwrap();
        site.scheduler.stop().await;
        let began = Instant::now();
        let last = viewer.next().await;
        assert!(last.is_none_or(|(event, _)| event == "changed"));
        server.stop(true).await;
        // Else it would be the time of a stream, or the patience of the server.
        began.elapsed() < Duration::from_secs(10)
    })
    .await;
}

#[actix_web::test]
async fn a_stream_ends_by_itself_before_a_server_loses_patience() {
    in_time_once(async || {
        let site = Site::start().await;
        let (port, server) = serve(site.dashboard(Access::Read));
        let mut viewer = Viewer::connect(port, "").await;
        viewer.next().await.unwrap();
        let began = Instant::now();
        // The server waits for 30 seconds.
        server.stop(true).await;
        while viewer.next().await.is_some() {}
        let took = began.elapsed();
        site.scheduler.stop().await;
        took < Duration::from_secs(25)
    })
    .await;
}

/// How often the server was asked for changes.
fn reads(conn: &mut PgConnection) -> i64 {
    count(
        conn,
        "pg_stat_statements AS s, generate_series(1, s.calls) WHERE s.query LIKE '%pg_stat_get_tuples_inserted(t.id)%'",
    )
}

#[actix_web::test]
async fn two_hundred_viewers_cost_as_many_statements_as_one() {
    let Some((server, mut conn)) = migrated_counting_server() else { return };
    let scheduler = Scheduler::builder(server.url()).without_cron().start().await.unwrap();
    let (port, handle) = serve(mainspring::dashboard("/jobs", &scheduler, |_| Access::Read));
    let mut viewers = Vec::new();
    for _ in 0..VIEWERS {
        viewers.push(Viewer::connect(port, "").await);
    }
    for viewer in &mut viewers {
        viewer.next().await.unwrap();
    }
    let (before, began) = (reads(&mut conn), Instant::now());
    let ends = viewers.into_iter().map(|mut viewer| async move { while viewer.next().await.is_some() {} });
    futures_util::future::join_all(ends).await;
    let (found, seconds) = (reads(&mut conn) - before, began.elapsed().as_secs());
    assert!(found >= 2, "{found} reads in {seconds} s");
    // One in two seconds.
    assert!(found <= i64::try_from(seconds).unwrap() / 2 + 2, "{found} reads in {seconds} s");
    handle.stop(true).await;
    scheduler.stop().await;
}
