use actix_web::body::to_bytes;
use diesel::PgConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use serde_json::{Value, json};
use std::time::Duration;

use super::*;
use crate::error::{Problem, Stored};

async fn sent(error: &dyn ResponseError) -> (u16, Option<String>, Value) {
    let response = error.error_response();
    let after = response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    assert_eq!(status, error.status_code().as_u16());
    let body = to_bytes(response.into_body()).await.unwrap();
    (status, after, serde_json::from_slice(&body).unwrap())
}

#[actix_web::test]
async fn a_clients_mistake_is_named_with_its_field() {
    let invalid = StoreError::from(Problem::new("key", "must be 1 to 512 characters", 0));
    let body = json!({"error": "key must be 1 to 512 characters, got 0", "field": "key"});
    assert_eq!(sent(&invalid).await, (400, None, body));
    let missing = SchedulerError::Store(StoreError::not_found("schedule", "nightly"));
    assert_eq!(sent(&missing).await, (404, None, json!({"error": "there is no schedule `nightly`"})));
    let taken = StoreError::AlreadyExists { what: "schedule".into(), name: "nightly".into() };
    assert_eq!(sent(&taken).await, (409, None, json!({"error": "there is already a schedule `nightly`"})));
    let held = StoreError::KeyHeld { keys: "order:secret".into(), waited: Duration::ZERO };
    let body = json!({"error": "another request holds the key: try again later"});
    assert_eq!(sent(&held).await, (409, Some("2".into()), body));
}

#[actix_web::test]
async fn what_passes_is_to_be_tried_again_and_tells_nothing_internal() {
    let wait = Some("2".to_owned());
    let busy = StoreError::Overloaded { jobs: 7, bytes: 7 };
    let (status, after, body) = sent(&busy).await;
    assert_eq!((status, after, &body["stored"]), (429, wait.clone(), &Value::Null));
    let later = json!({"error": "the service is not available: try again later"});
    let mut perhaps = later.clone();
    perhaps["stored"] = "unknown".into();
    for (error, body) in [
        (StoreError::Connect("host db.internal: refused".into()), &later),
        (StoreError::ReadOnly("a standby".into()), &later),
        (StoreError::PoolExhausted { setting: "pool_size", size: 4, waited: Duration::ZERO }, &later),
        (StoreError::TimedOut { waited: Duration::ZERO, stored: Stored::No }, &later),
        (StoreError::TimedOut { waited: Duration::ZERO, stored: Stored::Unknown }, &perhaps),
        (StoreError::Interrupted, &perhaps),
    ] {
        assert_eq!(sent(&error).await, (503, wait.clone(), body.clone()), "{error}");
    }
    assert_eq!(sent(&SchedulerError::Stopped).await, (503, wait.clone(), later));
    assert_eq!(sent(&SchedulerError::Interrupted).await, (503, wait, perhaps));
}

#[actix_web::test]
async fn a_fault_of_the_set_up_is_an_internal_error_and_nothing_more() {
    for error in [
        StoreError::Rejected("password of app is wrong".into()),
        StoreError::Denied("jobs".into()),
        StoreError::SchemaMissing("mainspring".into()),
        StoreError::PoolExhausted { setting: "handler_pool_size", size: 0, waited: Duration::ZERO },
    ] {
        assert_eq!(sent(&error).await, (500, None, json!({"error": "internal error"})), "{error}");
    }
    let config = SchedulerError::Config("database_url must ..".into());
    assert_eq!(sent(&config).await, (500, None, json!({"error": "internal error"})));
}

#[actix_web::test]
async fn an_error_of_the_application_has_the_form_of_ours() {
    let invalid = Error::invalid("title", "must not be empty");
    assert_eq!(
        sent(&invalid).await,
        (400, None, json!({"error": "title must not be empty", "field": "title"}))
    );
    let missing = Error::not_found("report", 7);
    assert_eq!(sent(&missing).await, (404, None, json!({"error": "there is no report `7`"})));
    let denied = Error::new(StatusCode::FORBIDDEN, "only owners may publish");
    assert_eq!(sent(&denied).await, (403, None, json!({"error": "only owners may publish"})));
    let own = Error::new(StatusCode::INTERNAL_SERVER_ERROR, "the printer of invoices burns");
    assert_eq!(sent(&own).await, (500, None, json!({"error": "internal error"})));
    let away = Error::new(StatusCode::SERVICE_UNAVAILABLE, "bank.internal is down");
    let later = json!({"error": "the service is not available: try again later"});
    assert_eq!(sent(&away).await, (503, Some("2".into()), later));
}

#[actix_web::test]
async fn errors_of_diesel_pools_and_blocking_work_become_the_fitting_response() {
    let absent = Error::from(DieselError::NotFound);
    assert_eq!(sent(&absent).await, (404, None, json!({"error": "there is no such row"})));
    let passed_on =
        DieselError::from(StoreError::from(Problem::new("key", "must be 1 to 512 characters", 0)));
    assert_eq!(sent(&Error::from(passed_on)).await.0, 400);
    let unique =
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, Box::new("reports_title".to_owned()));
    let taken = json!({"error": "there is already such a row"});
    assert_eq!(sent(&Error::from(unique)).await, (409, None, taken));
    let check =
        DieselError::DatabaseError(DatabaseErrorKind::CheckViolation, Box::new("reports_title".to_owned()));
    assert_eq!(sent(&Error::from(check)).await, (500, None, json!({"error": "internal error"})));

    let manager = ConnectionManager::<PgConnection>::new("postgres:///?host=/nowhere/at/all");
    let pool = Pool::builder().connection_timeout(Duration::from_millis(1)).build_unchecked(manager);
    let wait = Some("2".to_owned());
    let later = json!({"error": "the service is not available: try again later"});
    assert_eq!(
        sent(&Error::from(pool.get().map(drop).unwrap_err())).await,
        (503, wait.clone(), later.clone())
    );

    let panicked = actix_web::web::block(|| panic!("as the test wants")).await.unwrap_err();
    let mut perhaps = later;
    perhaps["stored"] = "unknown".into();
    assert_eq!(sent(&Error::from(panicked)).await, (503, wait, perhaps));
}
