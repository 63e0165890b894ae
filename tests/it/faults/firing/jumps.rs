//! The database's clock jumps by an hour while jobs, retries, rate limits, schedules and a line of a crontab run.

use std::time::Duration;

use mainspring::Scheduler;

use super::*;
use crate::support::jobs::{Started, act};
use crate::support::schedulers::scheduler;
use crate::support::waiting::Reports;

/// Lets the test set the clock that every statement reads.
const CLOCK: &str = "CREATE TABLE public.clock (ahead interval NOT NULL); INSERT INTO public.clock VALUES ('0'); \
    CREATE OR REPLACE FUNCTION mainspring.now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE \
    RETURN statement_timestamp() + (SELECT c.ahead FROM public.clock AS c)";
const TWICE: &str =
    "(SELECT FROM mainspring.schedule_fires GROUP BY owner, schedule, due_at HAVING count(*) > 1) AS twice";

/// A database whose clock can be set, and a scheduler that is busy with everything that depends on the time.
struct Jumping {
    database: TestDatabase,
    conn: PgConnection,
    scheduler: Scheduler,
    started: Reports<Started>,
}

impl Jumping {
    async fn start() -> Self {
        let database = TestDatabase::new();
        let mut conn = database.connection();
        conn.batch_execute(CLOCK).unwrap();
        make(&mut conn, "last", "* * * * * *", "");
        make(&mut conn, "all", "0 * * * * *", "catch_up := 10000");
        conn.batch_execute(
            "SELECT mainspring.set_queue('rated', 8, 1, interval '1 hour'); \
             SELECT mainspring.add_job('act', '{\"act\": \"in half an hour\"}', run_at => mainspring.now() + interval '30 minutes'); \
             SELECT mainspring.add_job('act', '{\"act\": \"in two hours\"}', run_at => mainspring.now() + interval '2 hours')",
        )
        .unwrap();
        let (builder, started) = scheduler(&database);
        let builder = builder.poll_interval(Duration::from_millis(200)).crontab("* * * * * * kept ?id=line");
        let scheduler = builder.start().await.unwrap();
        let mut jumping = Self { database, conn, scheduler, started };
        for (name, queue) in [("rated 1", "rated"), ("rated 2", "rated")] {
            jumping.scheduler.enqueue(act(name).queue(queue)).await.unwrap();
        }
        jumping.scheduler.enqueue(act("fail").max_attempts(2)).await.unwrap();
        jumping.expect(&["fail", "rated 1"]).await;
        until(&jumping.database, "mainspring.jobs WHERE state = 'scheduled' AND attempts = 1", 1).await;
        for name in ["last", "line"] {
            until_at_least(&jumping.database, &fires(name, "true"), 2).await;
        }
        jumping
    }

    fn jump(&mut self, by: &str) {
        self.conn.batch_execute(&format!("UPDATE public.clock SET ahead = ahead + interval '{by}'")).unwrap();
    }

    // These and no other jobs start, in any order.
    async fn expect(&mut self, acts: &[&str]) {
        let mut found = Vec::new();
        while found.len() < acts.len() {
            found.push(self.started.next().await.act);
        }
        found.sort_unstable();
        assert_eq!(found, acts);
    }

    /// Everything goes on by the clock as it is now.
    async fn goes_on(&mut self) {
        let then = now(&mut self.conn);
        for name in ["last", "line"] {
            until_at_least(
                &self.database,
                &fires(name, &format!("due_at > '{then}' AND job_id IS NOT NULL")),
                2,
            )
            .await;
        }
        assert_eq!(count(&mut self.conn, TWICE), 0);
    }

    async fn stop(mut self) {
        assert!(self.started.try_next().is_none());
        self.scheduler.stop().await;
        assert!(self.started.try_next().is_none());
        assert_eq!(count(&mut self.conn, "mainspring.jobs WHERE state = 'running'"), 0);
    }
}

#[tokio::test]
async fn a_jump_ahead_makes_due_what_lies_between_and_fires_nothing_twice() {
    let mut jumping = Jumping::start().await;
    jumping.jump("1 hour");
    jumping.scheduler.enqueue(act("after")).await.unwrap();
    jumping.expect(&["after", "fail", "in half an hour", "rated 2"]).await;
    jumping.goes_on().await;
    until(&jumping.database, "mainspring.jobs WHERE state = 'dead'", 1).await;
    until_at_least(&jumping.database, &fires("all", "outcome = 'enqueued'"), 60).await;
    for name in ["last", "line"] {
        // One of the missed fires is made up for.
        assert_eq!(count(&mut jumping.conn, &fires(name, "outcome = 'missed'")), 1, "{name}");
    }
    assert_eq!(count(&mut jumping.conn, "mainspring.jobs WHERE state = 'scheduled' AND task = 'act'"), 1);
    jumping.stop().await;
}

#[tokio::test]
async fn a_jump_back_delays_what_waits_for_its_time_and_fires_nothing_twice() {
    let mut jumping = Jumping::start().await;
    jumping.jump("-1 hour");
    jumping.scheduler.enqueue(act("after")).await.unwrap();
    jumping.expect(&["after", "rated 2"]).await;
    jumping.goes_on().await;
    let waiting = "mainspring.jobs WHERE state = 'scheduled' AND task = 'act'";
    assert_eq!(count(&mut jumping.conn, waiting), 3);
    // The clock is set right again.
    jumping.jump("1 hour");
    jumping.expect(&["fail"]).await;
    jumping.goes_on().await;
    assert_eq!(count(&mut jumping.conn, waiting), 2);
    jumping.stop().await;
}
