//! A reply is lost behind the commit: what was stored counts as stored.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::{Event, EventStream};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::logs;
use crate::support::proxy::Mode;
use crate::support::schedulers::{SLOW_POLL, scheduler_on};
use crate::support::waiting::{in_time, until};
use crate::waits::through_proxy;

/// Holds up each change of a job that meets the condition, behind its statement, until a row is in the table `go_on`.
pub fn hold_up(condition: &str) -> String {
    format!(
        "CREATE TABLE public.go_on (now boolean);
        CREATE FUNCTION public.hold_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            WHILE NOT EXISTS (SELECT FROM public.go_on) LOOP PERFORM pg_sleep(0.01); END LOOP;
            RETURN NULL;
        END $$;
        CREATE TRIGGER hold_up AFTER UPDATE OF state ON mainspring.jobs FOR EACH ROW
            WHEN ({condition}) EXECUTE FUNCTION public.hold_up()"
    )
}

/// The sessions that are held up.
pub const HELD_UP: &str = "pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";

const GONE: &str =
    "CREATE TRIGGER gone AFTER DELETE ON mainspring.jobs FOR EACH ROW EXECUTE FUNCTION public.hold_up()";

async fn end_of(events: &mut EventStream, url: &str) -> Event {
    let end = async {
        loop {
            let event = events.next().await.expect("the end of the job");
            if matches!(event, Event::JobSucceeded { .. } | Event::JobFailed { .. }) {
                return event;
            }
        }
    };
    in_time(url, "the event of the job's end", end).await
}

/// The connection is cut between the commit of the job's outcome and the reply.
async fn ends_with_a_lost_reply(job: i64, act_name: &str, stored: &str) -> Event {
    logs::keep();
    let database = TestDatabase::new();
    let (proxy, url) = through_proxy(&database.url());
    let mut conn = database.connection();
    conn.batch_execute(&format!("{}; {GONE}", hold_up("OLD.state = 'running'"))).unwrap();
    // The lines of all tests are kept together, and no other test has jobs with such ids.
    conn.batch_execute(&format!("SELECT setval('mainspring.jobs_id_seq', {job}, false)")).unwrap();
    let (builder, _started) = scheduler_on(&url);
    let builder = builder.poll_interval(SLOW_POLL).heartbeat_timeout(Duration::from_secs(60));
    let scheduler = builder.start().await.unwrap();
    let mut events = scheduler.events();
    assert_eq!(scheduler.enqueue(act(act_name)).await.unwrap(), job);
    until(&database, HELD_UP, 1).await;
    proxy.set(Mode::LoseReplies);
    conn.batch_execute("INSERT INTO public.go_on VALUES (true)").unwrap();
    until(&database, stored, 1).await;
    proxy.set(Mode::Pass);
    proxy.reset();
    let event = end_of(&mut events, &url).await;
    assert_eq!(logs::with(&format!("job {job} ended as")), Vec::<String>::new());
    scheduler.stop().await;
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_that_is_stored_without_a_reply_is_reported_as_one() {
    let stored = "mainspring.history WHERE id = 186001 AND outcome = 'succeeded'";
    let event = ends_with_a_lost_reply(186_001, "go", stored).await;
    assert!(matches!(event, Event::JobSucceeded { .. }), "{event:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_is_stored_without_a_reply_is_reported_as_one() {
    let stored = "mainspring.jobs WHERE id = 186002 AND state = 'scheduled'";
    let event = ends_with_a_lost_reply(186_002, "fail", stored).await;
    assert!(matches!(event, Event::JobFailed { .. }), "{event:?}");
}
