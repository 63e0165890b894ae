//! Pauses and local limits of tasks.

use std::time::Instant;

use super::*;

#[tokio::test]
async fn a_paused_task_is_claimed_nowhere_and_other_tasks_run_on() {
    let database = TestDatabase::new();
    let gauge = Arc::new(Gauge::default());
    // Before they start: what a scheduler claims before it is notified of a pause still runs.
    assert!(queues::pause_task(&mut database.connection(), "act").unwrap());
    let (one, two) = (
        gauged(&database, &gauge).handler(behave_too).start().await.unwrap(),
        gauged(&database, &gauge).handler(behave_too).start().await.unwrap(),
    );
    assert_eq!(two.queues().paused_tasks().await.unwrap(), ["act"]);
    for _ in 0..3 {
        one.enqueue(act("paused")).await.unwrap();
        act("paused").insert(&mut database.connection()).unwrap();
        two.enqueue(other()).await.unwrap();
    }
    until(&database, "mainspring.jobs WHERE task = 'other'", 0).await;
    assert_eq!(
        count(
            &mut database.connection(),
            "mainspring.jobs WHERE task = 'act' AND state = 'ready' AND attempts = 0"
        ),
        6
    );
    let began = Instant::now();
    assert!(two.queues().resume_task("act").await.unwrap());
    until(&database, "mainspring.jobs", 0).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_task_with_a_local_limit_leaves_the_rest_to_other_instances() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let gauge = Arc::new(Gauge::default());
        let gate = Arc::new(Semaphore::new(0));
        let limited = gauged(&database, &gauge).app_data(Arc::clone(&gate)).limit::<Act>(2);
        let limited = limited.start().await.unwrap();
        let leased = "mainspring.jobs WHERE state = 'running'";
        for n in 0..12 {
            let job = act("at gate");
            if n % 2 == 0 {
                limited.enqueue(job).await.unwrap();
            } else {
                job.flags(["any"]).insert(&mut database.connection()).unwrap();
            }
            assert!(count(&mut database.connection(), leased) <= 2, "none is prefetched");
        }
        until(&database, leased, 2).await;
        gate.add_permits(12);
        until(&database, "mainspring.jobs", 0).await;
        assert_eq!(gauge.peak(), 2);
        limited.stop().await;
    })
    .await;
}
