//! Every wait for the server has a bound, and an error of an enqueue says whether the job is stored.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use diesel::sql_types::Integer;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};
use mainspring::{JobContext, JobResult, Scheduler, SchedulerError, StoreError, Stored, database};

use crate::support::database::TestDatabase;
use crate::support::jobs::{Act, act};
use crate::support::logs;
use crate::support::proxy::{Mode, Proxy};
use crate::support::rows::{LISTENING_SESSION, count};
use crate::support::schedulers::{SLOW_POLL, scheduler_on};
use crate::support::waiting::{block_until, until};

/// A proxy to the server of the URL, and the URL through it.
pub fn through_proxy(url: &str) -> (Proxy, String) {
    let server = address(url);
    let proxy = Proxy::to(server);
    let through = url.replace(&server.to_string(), &format!("127.0.0.1:{}", proxy.port()));
    assert_ne!(through, url);
    (proxy, through)
}

fn address(url: &str) -> SocketAddr {
    let (_, rest) = url.rsplit_once('@').expect("a URL with a user");
    rest.split('/').next().expect("an address").parse().expect("an address and a port")
}

fn is_stored(conn: &mut PgConnection, name: &str) -> bool {
    count(conn, &format!("mainspring.jobs WHERE payload->>'act' = '{name}'")) > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn enqueues_behind_a_black_hole_end_in_time_and_go_on_after_it() {
    let database = TestDatabase::new();
    let (proxy, url) = through_proxy(&database.url());
    let builder = Scheduler::builder(&url).enqueue_timeout(Duration::from_secs(2)).max_waiting_jobs(6);
    let scheduler = builder.start().await.unwrap();
    scheduler.enqueue(act("before")).await.unwrap();
    proxy.set(Mode::Drop);
    let began = Instant::now();
    let waiting: Vec<_> = (0..10)
        .map(|n| {
            let scheduler = scheduler.clone();
            tokio::spawn(async move { scheduler.enqueue(act(&format!("during {n}"))).await.unwrap_err() })
        })
        .collect();
    let mut errors = Vec::new();
    for each in waiting {
        errors.push(each.await.unwrap());
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let overloaded = |error: &SchedulerError| {
        matches!(error, SchedulerError::Store(StoreError::Overloaded { jobs: 6, .. }))
    };
    assert_eq!(errors.iter().filter(|error| overloaded(error)).count(), 4, "{errors:?}");
    assert!(errors.iter().any(|error| error.stored() == Stored::Unknown), "{errors:?}");
    // The old connections stay silent for good.
    proxy.set(Mode::Pass);
    let back = Instant::now();
    while let Err(error) = scheduler.enqueue(act("after")).await {
        assert!(back.elapsed() < Duration::from_secs(20), "{error}");
    }
    let mut conn = database.connection();
    for (n, error) in errors.iter().enumerate().filter(|(_, error)| error.stored() == Stored::No) {
        assert!(!is_stored(&mut conn, &format!("during {n}")), "{error}");
    }
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_error_says_is_stored_is_stored_while_connections_are_reset() {
    let database = TestDatabase::new();
    let (proxy, url) = through_proxy(&database.url());
    let scheduler = Scheduler::builder(&url).start().await.unwrap();
    let (mut failed, mut stored) = (Vec::new(), BTreeSet::new());
    for round in 0..30 {
        let enqueues: Vec<_> = (0..8)
            .map(|n| {
                let (scheduler, name) = (scheduler.clone(), format!("{round} {n}"));
                tokio::spawn(async move { (scheduler.enqueue(act(&name)).await, name) })
            })
            .collect();
        let wait = Duration::from_micros(fastrand::u64(0..3_000));
        tokio::time::sleep(wait).await;
        proxy.reset();
        for each in enqueues {
            match each.await.unwrap() {
                (Ok(_), name) => drop(stored.insert(name)),
                (Err(error), name) => failed.push((error, name)),
            }
        }
    }
    // A statement whose connection was reset may still run.
    scheduler.stop().await;
    let from = "pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'mainspring %'";
    until(&database, from, 0).await;
    let mut conn = database.connection();
    for name in &stored {
        assert!(is_stored(&mut conn, name), "{name} was confirmed");
    }
    for (error, name) in &failed {
        match error.stored() {
            Stored::No => assert!(!is_stored(&mut conn, name), "{name}: {error}"),
            Stored::Yes => assert!(is_stored(&mut conn, name), "{name}: {error}"),
            Stored::Unknown => {}
        }
    }
}

#[derive(QueryableByName)]
struct Port {
    #[diesel(sql_type = Integer)]
    port: i32,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_listening_connection_is_noticed_and_replaced() {
    logs::keep();
    let database = TestDatabase::new();
    let (proxy, url) = through_proxy(&database.url());
    let (builder, mut started) = scheduler_on(&url);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let mut conn = database.connection();
    // The start does not wait for it.
    until(&database, LISTENING_SESSION, 1).await;
    let listener = format!("SELECT client_port AS port FROM {LISTENING_SESSION}");
    let found: Port = sql_query(listener).get_result(&mut conn).unwrap();
    let port = u16::try_from(found.port).unwrap();
    assert!(proxy.half_open(port), "the connection that listens");
    let before = Instant::now();
    while logs::with("the server does not reply any more").is_empty() {
        assert!(before.elapsed() < Duration::from_secs(15), "not noticed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let heard = Instant::now();
    let job = act("heard").insert(&mut conn).unwrap();
    assert_eq!(started.next().await.id, job);
    assert!(heard.elapsed() < Duration::from_secs(10), "{:?}", heard.elapsed());
    scheduler.stop().await;
}

async fn loses_its_connection(_: Act, job: JobContext) -> JobResult {
    job.transaction(|conn| {
        sql_query("SELECT pg_terminate_backend(pg_backend_pid())").execute(&mut **conn)?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_attempt_that_loses_its_connection_is_given_back_and_not_counted() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).handler(loses_its_connection).start().await.unwrap();
    scheduler.enqueue(act("lost")).await.unwrap();
    until(&database, "mainspring.jobs WHERE snoozes >= 2 AND attempts = 0", 1).await;
    scheduler.stop().await;
}

/// Two servers with the same data: a primary, and a standby that follows nobody.
struct Pair {
    primary: EmbeddedPostgres,
    standby: EmbeddedPostgres,
    folder: PathBuf,
}

impl Pair {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("mainspring-pair-{}", fastrand::u64(..)));
        std::fs::create_dir_all(&folder).unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
        std::fs::set_permissions(&folder, open).unwrap();
        let kept = |name: &str| EmbeddedOptions::kept_in(folder.join(name)).without_fsync().installed_only();
        let server = EmbeddedPostgres::start(kept("primary")).unwrap();
        database::migrate(&mut PgConnection::establish(server.url()).unwrap()).unwrap();
        drop(server);
        let data = data_folder(&folder.join("primary"));
        let running = [data.join("postmaster.pid"), folder.join("primary/holders")];
        block_until("the server has stopped", || !running.iter().any(|file| file.exists()));
        let copied =
            Command::new("cp").arg("-a").args([folder.join("primary"), folder.join("standby")]).status();
        assert!(copied.unwrap().success());
        let data = data_folder(&folder.join("standby"));
        std::fs::write(data.join("standby.signal"), "").unwrap();
        let primary = EmbeddedPostgres::start(kept("primary")).unwrap();
        let standby = EmbeddedPostgres::start(kept("standby")).unwrap();
        Self { primary, standby, folder }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn data_folder(folder: &Path) -> PathBuf {
    if folder.join("PG_VERSION").exists() {
        return folder.to_owned();
    }
    let mut inner = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    inner.find(|path| path.join("PG_VERSION").exists()).expect("a folder with data")
}

/// The address leads to a standby for a while, then to the primary again. Connections to the standby stay open.
async fn follows_the_primary(options: &str) {
    let pair = Pair::start();
    let (proxy, url) = through_proxy(pair.primary.url());
    let separator = if url.contains('?') { '&' } else { '?' };
    let (builder, mut started) = scheduler_on(&format!("{url}{separator}{options}"));
    let builder = builder.enqueue_timeout(Duration::from_secs(3));
    let scheduler = builder.start().await.unwrap();
    let first = scheduler.enqueue(act("before")).await.unwrap();
    assert_eq!(started.next().await.id, first);
    proxy.lead_to(address(pair.standby.url()));
    proxy.reset();
    let away = Instant::now();
    while away.elapsed() < Duration::from_secs(5) {
        let refused = scheduler.enqueue(act("during")).await;
        assert!(refused.as_ref().is_err_and(|error| error.stored() != Stored::Yes), "{refused:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    proxy.lead_to(address(pair.primary.url()));
    let back = Instant::now();
    while scheduler.enqueue(act("after")).await.is_err() {
        assert!(back.elapsed() < Duration::from_secs(15), "no enqueue since the primary is back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    while started.next().await.act != "after" {}
    // Three seconds, and more for a machine that has much else to do.
    assert!(back.elapsed() < Duration::from_secs(15), "{:?}", back.elapsed());
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_when_one_address_leads_to_a_standby_and_back() {
    follows_the_primary("application_name=mainspring").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_a_standby_are_dropped_where_the_url_takes_any_server() {
    follows_the_primary("target_session_attrs=any").await;
}

#[test]
fn a_standby_is_named_as_the_cause_of_a_refusal() {
    let pair = Pair::start();
    let refused = database::connect(pair.standby.url()).err().expect("no connection");
    assert!(matches!(refused, StoreError::ReadOnly(_)), "{refused:?}");
    assert!(refused.to_string().contains("standby"), "{refused}");
}
