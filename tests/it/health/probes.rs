//! The probes: as handlers of actix-web, and as a command that judges from outside.

use std::time::Duration;

use actix_web::test as services;
use actix_web::{App, web};
use diesel::connection::SimpleConnection;
use mainspring::health::{self, inspect};
use serde_json::{Value, json};

use super::until_ready;
use crate::cli::{answer, assert_refused, json, on, program};
use crate::support::database::TestDatabase;
use crate::support::schedulers::scheduler;
use crate::support::waiting::until;

/// A living worker, and what is wrong with it.
fn worker(name: &str, problems: &str) -> String {
    format!(
        "INSERT INTO mainspring.workers (name, tasks, timeout, problems) \
         VALUES ('{name}', '{{}}', '1 hour', '{{{problems}}}');"
    )
}

#[actix_web::test]
async fn the_handlers_reply_200_while_it_works_and_503_after_its_end() {
    let database = TestDatabase::new();
    // A machine that stands still makes no heartbeat late.
    let builder = scheduler(&database).0.heartbeat_timeout(Duration::from_secs(600));
    let scheduler = builder.start().await.unwrap();
    until_ready(&database, &scheduler).await;
    let data = web::Data::new(scheduler.clone());
    let app = App::new().app_data(data);
    let app = app.route("/live", web::get().to(health::live)).route("/ready", web::get().to(health::ready));
    let app = services::init_service(app).await;
    let get = async |path: &str| {
        let response =
            services::call_service(&app, services::TestRequest::get().uri(path).to_request()).await;
        assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
        let status = response.status().as_u16();
        (status, services::read_body_json::<Value, _>(response).await)
    };
    let passed = json!({"status": "pass", "reasons": []});
    for path in ["/live", "/ready"] {
        assert_eq!(get(path).await, (200, passed.clone()));
    }
    scheduler.stop().await;
    let stopped = json!([{"code": "stopped", "text": "the scheduler has stopped"}]);
    for path in ["/live", "/ready"] {
        assert_eq!(get(path).await, (503, json!({"status": "fail", "reasons": stopped})));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_writes_what_is_wrong_with_it_into_its_row() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let scheduler = scheduler(&database).0.worker_name("patient").start().await.unwrap();
    until_ready(&database, &scheduler).await;
    conn.batch_execute("BEGIN; LOCK TABLE mainspring.paused_tasks").unwrap();
    until(&database, "mainspring.workers WHERE problems = '{claims_failing}'", 1).await;
    conn.batch_execute("ROLLBACK").unwrap();
    until(&database, "mainspring.workers WHERE problems = '{}'", 1).await;
    assert!(inspect(&mut conn, Some("patient")).unwrap().probe.passed());
    scheduler.stop().await;
}

#[test]
fn the_command_passes_if_one_living_worker_has_no_problem() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    assert_fails(&database, &[], "no_living_worker");
    conn.batch_execute(&worker("ill", "listener_gone")).unwrap();
    assert_fails(&database, &[], "no_ready_worker");
    conn.batch_execute(&worker("well", "")).unwrap();
    let told = json(on(&database, &["health", "--json"]));
    assert_eq!((&told["status"], &told["reasons"]), (&json!("pass"), &json!([])));
    assert_eq!(told["workers"][0]["problems"], json!(["listener_gone"]));
    assert!(told["clock_difference_seconds"].as_f64().unwrap().abs() < 60.0);
    let text = answer(on(&database, &["health"]));
    assert!(text.starts_with("pass\n") && text.contains("listener_gone"), "{text}");
    assert_fails(&database, &["--worker", "ill"], "no_ready_worker");
    assert_fails(&database, &["--worker", "nobody"], "no_living_worker");
    answer(on(&database, &["health", "--worker", "well"]));
    conn.batch_execute("UPDATE mainspring.workers SET heartbeat_at = now() - interval '2 hours'").unwrap();
    assert_fails(&database, &[], "no_living_worker");
}

#[test]
fn the_command_names_a_schema_that_does_not_fit_and_a_lost_database() {
    let database = TestDatabase::empty();
    assert_fails(&database, &[], "schema_unusable");
    let migrated = TestDatabase::new();
    let newer = "CREATE OR REPLACE FUNCTION mainspring.compatible_from() RETURNS text LANGUAGE sql IMMUTABLE \
        PARALLEL SAFE RETURN '99990101000001'";
    migrated.connection().batch_execute(newer).unwrap();
    assert_fails(&migrated, &[], "schema_too_new");
    let nowhere = ["health", "--database-url", "postgres://nobody:hunter2@127.0.0.1:1/none"];
    assert_refused(program(&nowhere).output().unwrap(), 1, "Connection refused");
    let output = program(&nowhere).arg("--json").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&told["status"], &told["reasons"][0]["code"]),
        (&json!("fail"), &json!("database_unreachable"))
    );
    assert_refused(program(&["health"]).output().unwrap(), 2, "no database");
}

/// Both forms fail with exit code 1 and name the reason.
fn assert_fails(database: &TestDatabase, arguments: &[&str], code: &str) {
    for form in [&["health"][..], &["health", "--json"]] {
        let output = on(database, &[form, arguments].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(code), "{text}");
    }
}
