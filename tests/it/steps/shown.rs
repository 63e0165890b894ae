//! Where steps show: by name, place and time, and never with their values.

use actix_web::App;
use actix_web::test::{TestRequest, call_and_read_body, init_service};
use diesel::connection::SimpleConnection;
use mainspring::dashboard::Access;
use mainspring::{Scheduler, jobs};
use serde_json::Value;

use super::{End, Script, ended, job, program, until_dead};
use crate::cli::{answer, json, on};
use crate::roles::Role;
use crate::support::database::TestDatabase;

/// A dead job that has charged and packed; the value of the first step is a secret.
async fn dead() -> (TestDatabase, Scheduler, i64) {
    let database = TestDatabase::new();
    let script = Script::new(&["charge", "pack"], &[End::Discard, End::Well]);
    let scheduler = program(&database, &script).start().await.unwrap();
    let id = scheduler.enqueue(job()).await.unwrap();
    until_dead(&database, "no way").await;
    let value = "UPDATE mainspring.steps SET value = '\"4111 1111\"' WHERE name = 'charge'";
    database.connection().batch_execute(value).unwrap();
    (database, scheduler, id)
}

fn assert_shown(text: &str) {
    for shown in ["charge", "pack"] {
        assert!(text.contains(shown), "{shown} is not in {text}");
    }
    assert!(!text.contains("4111"), "{text}");
}

#[tokio::test]
async fn the_commands_and_verbs_show_steps_without_their_values() {
    let (database, scheduler, id) = dead().await;
    let steps = scheduler.jobs().steps(id).await.unwrap();
    let places: Vec<_> = steps.iter().map(|step| (step.position, step.name.as_str())).collect();
    assert_eq!(places, [(1, "charge"), (2, "pack")]);
    assert!(steps[0].finished_at <= steps[1].finished_at);
    assert_eq!(jobs::steps(&mut database.connection(), id).unwrap(), steps);
    let id_text = id.to_string();
    let shown = answer(on(&database, &["jobs", "show", &id_text]));
    assert_shown(&shown);
    assert!(shown.contains("STEP  NAME"), "{shown}");
    let shown = json(on(&database, &["jobs", "show", &id_text, "--json"]));
    assert_eq!(shown["steps"], serde_json::to_value(&steps).unwrap());
    assert_shown(&shown.to_string());
    let ended = ended(&database, &scheduler, job()).await;
    assert_eq!(scheduler.jobs().steps(ended).await.unwrap(), [], "of a job that has ended");
    let shown = answer(on(&database, &["jobs", "show", &ended.to_string()]));
    assert!(!shown.contains("STEP"), "{shown}");
    scheduler.stop().await;
}

#[actix_web::test]
async fn the_dashboard_shows_steps_without_their_values() {
    let (_database, scheduler, id) = dead().await;
    let dashboard = mainspring::dashboard("/jobs", &scheduler, |_| Access::Read);
    let app = init_service(App::new().service(dashboard)).await;
    let asked = async |path: &str| {
        let body = call_and_read_body(&app, TestRequest::with_uri(path).to_request()).await;
        String::from_utf8(body.to_vec()).unwrap()
    };
    let page = asked(&format!("/jobs/job?id={id}")).await;
    assert_shown(&page);
    assert!(page.contains("Steps that are done"), "{page}");
    let shown: Value = serde_json::from_str(&asked(&format!("/jobs/api/job?id={id}")).await).unwrap();
    assert_eq!(shown["steps"][1]["name"], "pack");
    assert_shown(&shown.to_string());
    let other = scheduler.enqueue(job().run_in(std::time::Duration::from_secs(3_600))).await.unwrap();
    assert!(!asked(&format!("/jobs/job?id={other}")).await.contains("Steps that are done"));
    scheduler.stop().await;
}

#[tokio::test]
async fn a_reading_role_sees_steps_and_no_value_and_an_admin_may_clear_them() {
    let (database, scheduler, id) = dead().await;
    for kind in ["read", "admin"] {
        let role = Role::granted(&database, kind);
        let mut conn = role.connection();
        assert_eq!(jobs::steps(&mut conn, id).unwrap().len(), 2, "{kind}");
        for column in ["value", "payload_hash", "*"] {
            let refused = conn.batch_execute(&format!("SELECT {column} FROM mainspring.steps"));
            assert!(refused.is_err(), "{kind} {column}");
        }
        let cleared = jobs::clear_steps(&mut conn, id);
        assert_eq!(cleared.ok(), (kind == "admin").then_some(2), "{kind}");
    }
    scheduler.stop().await;
}
