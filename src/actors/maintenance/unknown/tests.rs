//! One of several processes reports the tasks of ready jobs that no living worker knows.

use diesel::connection::SimpleConnection;

use super::*;
use crate::Scheduler;
use crate::server::TestDatabase;

const JOBS: &str = "INSERT INTO mainspring.jobs (task, run_at, state, flags) SELECT t, mainspring.now(), 'ready', f \
    FROM (VALUES ('lost', NULL), ('lost', NULL), ('lost', '{f}'::text[]), ('known', NULL), ('lost too', '{g}')) AS v(t, f)";

#[tokio::test]
async fn the_first_living_worker_reports_tasks_that_none_knows() {
    let database = TestDatabase::new();
    let start = async || {
        let builder = Scheduler::builder(database.url()).heartbeat_timeout(Duration::from_secs(60));
        builder.start().await.unwrap()
    };
    let (first, second) = (start().await, start().await);
    let mut conn = database.connection();
    let worker = "INSERT INTO mainspring.workers (name, tasks, timeout, heartbeat_at) VALUES ";
    conn.batch_execute(&format!("{worker} ('w', '{{known}}', '1 hour', mainspring.now())")).unwrap();
    conn.batch_execute(&format!("{worker} ('gone', '{{lost}}', '1 s', mainspring.now() - interval '1 day')"))
        .unwrap();
    conn.batch_execute(JOBS).unwrap();
    let shared = first.shared();
    let waiting = look(&shared).await.unwrap();
    let found: Vec<_> = waiting.iter().map(|waiting| (waiting.task.as_str(), waiting.ready)).collect();
    assert_eq!(found, [("lost", 3), ("lost too", 1)]);
    assert_eq!(look(&second.shared()).await.unwrap(), []);

    let mut events = first.events();
    let mut reported = Reported::default();
    // A worker that restarts is away for one look.
    reported.report(&shared, waiting.clone());
    reported.report(&shared, vec![]);
    reported.report(&shared, waiting.clone());
    assert!(reported.reported.is_empty());
    reported.report(&shared, waiting.clone());
    for (task, ready) in [("lost", 3), ("lost too", 1)] {
        assert_eq!(events.next().await, Some(Event::TaskUnknown { task: task.to_owned(), ready }));
    }
    reported.report(&shared, vec![]);
    assert!(reported.reported.is_empty());
    first.stop().await;
    assert_eq!(look(&second.shared()).await.unwrap(), waiting, "the next one takes over");
    second.stop().await;
}
