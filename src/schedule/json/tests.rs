use serde_json::{from_value, json, to_value};

use super::*;
use crate::schedule::CatchUp;

fn refused(body: Value) -> String {
    from_value::<ScheduleChanges>(body).unwrap_err().to_string()
}

#[test]
fn absent_null_and_a_value_are_three_things() {
    let read = |body| from_value::<ScheduleChanges>(body).unwrap();
    assert_eq!(read(json!({})), ScheduleChanges::new());
    assert_eq!(read(json!({"queue": null})), ScheduleChanges::new().queue(None));
    assert_eq!(read(json!({"queue": "q"})), ScheduleChanges::new().queue(Some("q")));
    let all_null: Map<String, Value> =
        FIELDS.iter().skip(2).map(|(field, _)| ((*field).to_owned(), Value::Null)).collect();
    assert_eq!(read(all_null.clone().into()).fields, all_null);
}

#[test]
fn every_setter_is_read_back_as_it_was_written() {
    let schedule = NewSchedule::new("n", "t", "@daily")
        .payload(json!({"a": [1, "b", null]}))
        .zone("Europe/Berlin")
        .queue(Some("q"))
        .priority(-3)
        .max_attempts(7)
        .key(Some("k"))
        .flags(vec!["slow".into()])
        .overlap(Overlap::Replace)
        .starts_at(Some(DateTime::UNIX_EPOCH))
        .ends_at(None)
        .jitter_seconds(60)
        .paused(true)
        .version(2)
        .catch_up(CatchUp::All(7));
    let body = to_value(&schedule).unwrap();
    assert_eq!(body.as_object().unwrap().len(), FIELDS.len() + 1, "a field has no setter here");
    assert_eq!(from_value::<NewSchedule>(body).unwrap(), schedule);
}

#[test]
fn an_error_names_the_field_and_the_kinds_and_no_value() {
    let kinds =
        [json!("s3cret"), json!(77777), json!(7.5), json!(true), json!(["s3cret", 1]), json!({"s3cret": 1})];
    for (field, kind) in FIELDS {
        let errors = kinds
            .iter()
            .filter(|value| kind.read((*value).clone()).is_err())
            .map(|value| refused(json!({ field: value })));
        let errors: Vec<String> = errors.collect();
        assert!(errors.len() >= 4, "{field}: {errors:?}");
        for error in errors {
            assert!(error.starts_with(&format!("{field} must be ")) && error.contains(", got a"), "{error}");
            assert!(
                !error.contains("s3cret") && !error.contains("77777") && !error.contains("7.5"),
                "{error}"
            );
        }
    }
    assert_eq!(refused(json!({"task": null})), "task must be a string, got null");
    assert_eq!(refused(json!("s3cret")), "a schedule must be an object, got a string");
    assert_eq!(
        refused(json!({"starts_at": "tomorrow"})),
        "starts_at must be a time such as 2027-01-01T09:00:00Z, or null, got another string"
    );
}

#[test]
fn unknown_missing_and_repeated_fields_are_refused() {
    let error = refused(json!({"prioritty": 1}));
    assert!(
        error.starts_with("a schedule must have the fields name, task, ")
            && error.ends_with(", got `prioritty`"),
        "{error}"
    );
    let twice = serde_json::from_str::<ScheduleChanges>(r#"{"zone": "UTC", "zone": "s3cret"}"#).unwrap_err();
    assert!(twice.to_string().starts_with("zone must be given once"), "{twice}");
    for field in ["name", "task", "expression"] {
        let mut body = json!({"name": "n", "task": "t", "expression": "@daily"});
        body.as_object_mut().unwrap().remove(field);
        let error = from_value::<NewSchedule>(body).unwrap_err().to_string();
        assert_eq!(error, format!("missing field `{field}`"));
    }
}

#[test]
fn a_body_with_another_name_changes_no_schedule() {
    let changes: ScheduleChanges = from_value(json!({"name": "a", "paused": true})).unwrap();
    assert!(changes.check_name("a").is_ok());
    let refused = changes.check_name("b").unwrap_err().to_string();
    assert_eq!(refused, "name must stay as it is: create another schedule, got another one");
    assert_eq!(changes.to_json(), r#"{"paused":true}"#);
}
