use actix_web::body::to_bytes;
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
