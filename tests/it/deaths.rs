//! A job that kills its process dies after ten deaths. The jobs that ran beside it succeed, and lose no attempt.

use std::time::Duration;

use diesel::PgConnection;
use mainspring::{Enqueue, JobContext, JobResult, NewJob, Scheduler, Task};
use serde::{Deserialize, Serialize};

use crate::support::database::TestDatabase;
use crate::support::process::{self, Process};
use crate::support::rows::count;
use crate::support::waiting::until_true;

#[derive(Serialize, Deserialize)]
enum Cup {
    Wine,
    Poison,
}

/// Takes that long. Then it succeeds, or kills its process.
#[derive(Serialize, Deserialize)]
struct Drink {
    cup: Cup,
    millis: u64,
}
impl Task for Drink {
    const NAME: &'static str = "drink";
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

async fn drink(task: Drink, _: JobContext) -> JobResult {
    // The elapsed time is the point: whether a job lasts longer than the poison takes to act.
    tokio::time::sleep(Duration::from_millis(task.millis)).await;
    match task.cup {
        Cup::Wine => Ok(()),
        Cup::Poison => std::process::abort(),
    }
}

/// Not a test of its own: a process that another test starts again whenever it has died.
#[tokio::test]
#[ignore = "a helper process of `a_poison_job_dies_and_its_neighbours_succeed`"]
async fn helper_process_that_drinks() {
    let Some(url) = process::given_url() else { return };
    let builder = Scheduler::builder(url).heartbeat_timeout(Duration::from_millis(1_500)).concurrency(32);
    let _scheduler = builder.handler(drink).start().await.unwrap();
    std::future::pending::<()>().await;
}

fn helper(database: &TestDatabase) -> Process {
    Process::start(&mut process::command("deaths::helper_process_that_drinks", &database.url()))
}

/// Starts the processes that have died again.
fn supervise(fleet: &mut [Process], database: &TestDatabase) {
    for process in fleet {
        if process.0.try_wait().unwrap().is_some() {
            *process = helper(database);
        }
    }
}

fn add(conn: &mut PgConnection, cup: Cup, millis: u64) -> i64 {
    NewJob::try_from(Enqueue::new(Drink { cup, millis })).unwrap().insert(conn).unwrap()
}

#[tokio::test]
async fn a_poison_job_dies_and_its_neighbours_succeed() {
    for processes in [1, 3] {
        let database = TestDatabase::new();
        let conn = &mut database.connection();
        let poison = add(conn, Cup::Poison, 200);
        // Most end before the poison acts, and four never do while they run beside it.
        for millis in (0..16).map(|n| n * 15).chain([600, 700, 800, 900]) {
            add(conn, Cup::Wine, millis);
        }
        let mut fleet: Vec<Process> = (0..processes).map(|_| helper(&database)).collect();
        for deaths in 1..=10 {
            let died = format!("mainspring.jobs WHERE id = {poison} AND deaths >= {deaths}");
            until_true(&database, &format!("{processes} processes: {died}"), || {
                supervise(&mut fleet, &database);
                count(conn, &died) == 1
            })
            .await;
        }
        let succeeded = "mainspring.history WHERE outcome = 'succeeded' AND attempts = 1";
        until_true(&database, "20 neighbours succeed", || {
            supervise(&mut fleet, &database);
            count(conn, succeeded) == 20
        })
        .await;
        let dead = format!(
            "mainspring.jobs WHERE id = {poison} AND state = 'dead' AND attempts = 0 \
             AND last_error LIKE 'its process was lost 10 times: worker lost: %'"
        );
        assert_eq!((count(conn, &dead), count(conn, "mainspring.jobs")), (1, 1));
        let unlucky = count(conn, "mainspring.history WHERE deaths > 0");
        let worst = count(conn, "generate_series(1, (SELECT max(deaths) FROM mainspring.history))");
        eprintln!(
            "{processes} processes: {unlucky} of 20 neighbours lost processes in a row, at most {worst}"
        );
    }
}
