//! What a scheduler asked of a server that is silent since is no hindrance when another one has taken its place.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::proxy::Mode;
use crate::support::schedulers::scheduler_on;
use crate::support::waiting::until;
use crate::waits::through_proxy;

/// The shortest time-out that may be set.
const TIMEOUT: Duration = Duration::from_millis(1_500);

/// Less than the 33 s for which a statement is awaited, and much for a busy machine.
const BACK: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn claims_go_on_though_the_last_one_never_gets_its_reply() {
    let database = TestDatabase::new();
    let (proxy, url) = through_proxy(&database.url());
    let (builder, mut started) = scheduler_on(&url);
    let builder = builder.heartbeat_timeout(TIMEOUT).poll_interval(Duration::from_millis(50));
    let scheduler = builder.start().await.unwrap();
    until(&database, "mainspring.workers", 1).await;
    // The next poll is never replied to, whatever comes later.
    proxy.set(Mode::Drop);
    until(&database, "mainspring.workers WHERE heartbeat_at < now() - timeout * 0.9", 1).await;
    act("after").insert(&mut database.connection()).unwrap();
    let back = Instant::now();
    proxy.set(Mode::Pass);
    assert_eq!(started.next().await.act, "after");
    assert!(back.elapsed() < BACK, "{:?}", back.elapsed());
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn polls_that_outrun_slow_lookups_hold_up_no_claim() {
    let database = TestDatabase::new();
    let (proxy, url) = through_proxy(&database.url());
    proxy.set(Mode::Delay(Duration::from_millis(60)));
    let (builder, mut started) = scheduler_on(&url);
    let scheduler = builder.poll_interval(Duration::from_millis(50)).start().await.unwrap();
    act("soon").insert(&mut database.connection()).unwrap();
    assert_eq!(started.next().await.act, "soon");
    scheduler.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_silent_hinders_no_scheduler_of_the_list() {
    let database = TestDatabase::new();
    // Its queue accepts connections, and nobody replies.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let silent = listener.local_addr().unwrap();
    let (place, rest) =
        database.url().rsplit_once('@').map(|(place, rest)| (place.to_owned(), rest.to_owned())).unwrap();
    let (builder, mut started) = scheduler_on(&format!("{place}@{silent},{rest}"));
    let scheduler = builder.start().await.unwrap();
    let job = scheduler.enqueue(act("now")).await.unwrap();
    assert_eq!(started.next().await.id, job);
    scheduler.stop().await;
}
