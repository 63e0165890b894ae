//! Screens that read a bounded part of what there is: a page of the queues, the head of a queue, and one part of the doctor at a time.

use actix_web::test::TestRequest;
use diesel::connection::SimpleConnection;
use mainspring::dashboard::Access;

use super::{Site, ask};

#[actix_web::test]
async fn queues_are_paged_and_one_shows_who_runs_and_who_is_next() {
    let site = Site::start().await;
    // Jobs of the site's own worker would be taken back: it does not know them.
    let add = "INSERT INTO mainspring.queues (name, concurrency) VALUES ('busy', 500); \
        INSERT INTO mainspring.workers (name, tasks, timeout) VALUES ('w', '{t}', '1 hour'); \
        INSERT INTO mainspring.jobs (id, task, state, queue, run_at, attempts, lease, worker_id, locked_at) \
            SELECT n, 't', CASE WHEN n <= 12 THEN 'running' ELSE 'ready' END::mainspring.job_state, 'busy', now(), \
                CASE WHEN n <= 12 THEN 1 ELSE 0 END, CASE WHEN n <= 12 THEN n END, \
                CASE WHEN n <= 12 THEN (SELECT id FROM mainspring.workers WHERE name = 'w') END, \
                CASE WHEN n <= 12 THEN now() END FROM generate_series(1, 500) AS n; \
        INSERT INTO mainspring.jobs (id, task, state, queue, priority, run_at) \
            SELECT 1000 + n, 't', 'parked', 'busy', -n, now() FROM generate_series(1, 300) AS n; \
        INSERT INTO mainspring.jobs (id, task, state, queue, run_at) \
            SELECT 2000 + n, 't', 'parked', 'q' || n, now() FROM generate_series(100, 169) AS n";
    site.database.connection().batch_execute(add).unwrap();
    let (mut next, mut found) = (Some("queues".to_owned()), Vec::new());
    while let Some(path) = next {
        let page = site.read(&path).await;
        assert!(page.text.contains(if path == "queues" { ">788<" } else { ">1<" }), "{}", page.text);
        found.extend(page.links().into_iter().filter(|link| link.starts_with("queue?")));
        next = page.links().into_iter().find(|link| link.starts_with("queues?after="));
    }
    let names = (100..170).map(|number| format!("queue?name=q{number}"));
    assert_eq!(found, ["queue?name=busy".to_owned()].into_iter().chain(names).collect::<Vec<_>>());
    let page = site.read("queue?name=busy").await;
    assert!(page.text.contains("12 of 500") && page.text.contains("788"), "{}", page.text);
    let next: Vec<i64> = (1291..=1300).rev().collect();
    assert_eq!(page.jobs(), [(1..=10).collect::<Vec<i64>>(), next].concat());
    site.scheduler.stop().await;
}

#[actix_web::test]
async fn the_overview_names_what_it_has_not_examined_yet() {
    let site = Site::start().await;
    let drop = "DROP INDEX mainspring.jobs_dead_key";
    site.database.connection().batch_execute(drop).unwrap();
    let dashboard = site.dashboard(Access::Read);
    let read = async || ask(dashboard.clone(), TestRequest::with_uri("/jobs/")).await.text;
    let first = read().await;
    let left = "Not examined yet: the settings of the server, the definitions of the schema.";
    assert!(first.contains(left) && !first.contains("jobs_dead_key"), "{first}");
    assert!(read().await.contains("Not examined yet: the definitions of the schema."));
    let all = read().await;
    assert!(all.contains("jobs_dead_key") && !all.contains("Not examined yet"), "{all}");
    site.scheduler.stop().await;
}
