//! What the dashboard and its API show of payloads with redacted values.

use actix_web::test::TestRequest;
use mainspring::dashboard::{Access, Dashboard, Rights};
use mainspring::{NewJob, NewSchedule, Scheduler, Task};
use serde_json::{Value, json};

use super::{Login, MARK, OPEN, SECRET, payload, shown, with_types};
use crate::dashboard::{Reply, ask};
use crate::support::database::TestDatabase;

/// A dashboard that hides nothing. Its closure must get no secret.
pub(super) fn open(scheduler: &Scheduler) -> Dashboard {
    mainspring::dashboard("/jobs", scheduler, |_| Access::Act(Rights::all())).payloads(|_, _, payload| {
        assert!(!payload.to_string().contains(SECRET), "{payload}");
        Some(payload)
    })
}

pub(super) async fn read(dashboard: &Dashboard, path: &str) -> Reply {
    ask(dashboard.clone(), TestRequest::with_uri(&format!("/jobs/{path}"))).await
}

async fn api(dashboard: &Dashboard, path: &str) -> Value {
    let reply = read(dashboard, &format!("api/{path}")).await;
    assert!(reply.status == 200 && !reply.text.contains(SECRET), "{path}: {}", reply.text);
    serde_json::from_str(&reply.text).unwrap()
}

/// Adds a job that fits, one that does not, and a schedule.
async fn furnish(scheduler: &Scheduler, database: &TestDatabase) -> [i64; 2] {
    let fits = scheduler.jobs().insert(NewJob::new(Login::NAME, &payload(SECRET))).await.unwrap();
    let misfit = json!({"user": OPEN, "password": {"pin": SECRET}});
    let misfit =
        mainspring::jobs::insert(&mut database.connection(), NewJob::new(Login::NAME, &misfit)).unwrap();
    let new = NewSchedule::new("nightly", Login::NAME, "0 8 * * *").payload(payload(SECRET));
    scheduler.schedules().create(new).await.unwrap();
    [fits, misfit]
}

#[actix_web::test]
async fn a_process_with_the_type_shows_the_other_values() {
    let database = TestDatabase::new();
    let scheduler = with_types(&database).await;
    let [fits, misfit] = furnish(&scheduler, &database).await;
    let dashboard = open(&scheduler);
    assert_eq!(api(&dashboard, &format!("job?id={fits}&payload=true")).await["payload"], shown());
    assert_eq!(api(&dashboard, &format!("job?id={misfit}&payload=true")).await["payload"], MARK);
    assert_eq!(api(&dashboard, "schedule?name=nightly").await["schedule"]["payload"], shown());
    assert_eq!(api(&dashboard, "schedules").await[0]["payload"], shown());
    for path in [format!("job?id={fits}"), "schedule?name=nightly".to_owned()] {
        let page = read(&dashboard, &path).await.text;
        assert!(page.contains(OPEN) && page.contains(MARK) && !page.contains(SECRET), "{page}");
    }
    let page = read(&dashboard, &format!("job?id={misfit}")).await.text;
    assert!(page.contains("The payload is redacted.") && !page.contains(OPEN), "{page}");
    scheduler.stop().await;
}

#[actix_web::test]
async fn a_process_without_the_type_shows_nothing_of_the_payload() {
    let database = TestDatabase::new();
    let client = Scheduler::builder(database.url()).connect().await.unwrap();
    let [fits, _] = furnish(&client, &database).await;
    // Before a worker has published the task, and afterwards.
    for _ in 0..2 {
        let dashboard = open(&client);
        assert_eq!(api(&dashboard, &format!("job?id={fits}&payload=true")).await["payload"], MARK);
        assert_eq!(api(&dashboard, "schedule?name=nightly").await["schedule"]["payload"], MARK);
        assert_eq!(api(&dashboard, "schedules").await[0]["payload"], MARK);
        for path in [format!("job?id={fits}"), "schedule?name=nightly".to_owned()] {
            let page = read(&dashboard, &path).await.text;
            assert!(page.contains("The payload is redacted.") && !page.contains(OPEN), "{page}");
        }
        with_types(&database).await.stop().await;
    }
}

#[actix_web::test]
async fn no_route_shows_a_redacted_value() {
    let database = TestDatabase::new();
    let scheduler = with_types(&database).await;
    let ids = furnish(&scheduler, &database).await;
    let dashboard = open(&scheduler);
    for (_, path) in Dashboard::routes() {
        for query in
            [format!("id={}", ids[0]), format!("id={}&payload=true", ids[1]), "name=nightly".to_owned()]
        {
            let reply = read(&dashboard, &format!("{path}?{query}")).await;
            assert!(!reply.text.contains(SECRET), "{path}?{query}: {}", reply.text);
        }
    }
    scheduler.stop().await;
}
