//! Whether a value has the form of a schema: the part of JSON Schema that the file of the API uses. An object may have no property
//! that its schema does not name, so that none is left undescribed.

use chrono::DateTime;
use serde_json::Value;

/// What is wrong with a value, each with its place.
pub(super) fn faults(file: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(file, schema, value, "$", &mut found);
    found
}

fn check(file: &Value, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = file.pointer(reference.trim_start_matches('#'));
        return match target {
            Some(target) => check(file, target, value, place, found),
            None => found.push(format!("{place}: there is no {reference}")),
        };
    }
    let types = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    if !types.iter().any(|expected| is(expected, value)) {
        found.push(format!("{place}: expected {types:?}, found {value}"));
        return;
    }
    if let (Some(known), Value::String(_)) = (schema["enum"].as_array(), value)
        && !known.contains(value)
    {
        found.push(format!("{place}: {value} is none of {known:?}"));
    }
    match value {
        Value::String(text)
            if schema["format"] == "date-time" && DateTime::parse_from_rfc3339(text).is_err() =>
        {
            found.push(format!("{place}: {text} is no time"));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check(file, &schema["items"], item, &format!("{place}[{index}]"), found);
            }
        }
        Value::Object(_) => properties(file, schema, value, place, found),
        _ => {}
    }
}

fn properties(file: &Value, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    let Some(described) = schema["properties"].as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            found.push(format!("{place}: {name} is missing"));
        }
    }
    for (name, property) in value.as_object().into_iter().flatten() {
        match described.get(name) {
            Some(schema) => check(file, schema, property, &format!("{place}.{name}"), found),
            None => found.push(format!("{place}: {name} is not described")),
        }
    }
}

fn is(expected: &str, value: &Value) -> bool {
    match expected {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[test]
fn what_differs_from_a_schema_is_found() {
    let file = serde_json::json!({"of": {"type": "object", "required": ["at"], "properties": {
        "at": {"type": "string", "format": "date-time"}, "count": {"type": ["integer", "null"]},
        "state": {"type": "string", "enum": ["a"]}, "all": {"type": "array", "items": {"$ref": "#/of"}}}}});
    let schema = serde_json::json!({"$ref": "#/of"});
    let of = |value: Value| faults(&file, &schema, &value).len();
    let at = "2027-01-01T09:00:00Z";
    assert_eq!(of(serde_json::json!({"at": at, "count": null, "state": "a", "all": [{"at": at}]})), 0);
    for wrong in [
        serde_json::json!({}),
        serde_json::json!({"at": "soon"}),
        serde_json::json!({"at": at, "count": "1"}),
        serde_json::json!({"at": at, "count": 1.5}),
        serde_json::json!({"at": at, "state": "b"}),
        serde_json::json!({"at": at, "other": 1}),
        serde_json::json!({"at": at, "all": [{"at": 1}]}),
        serde_json::json!([]),
    ] {
        assert_eq!(of(wrong.clone()), 1, "{wrong}");
    }
}
