use serde::{Deserialize, Serialize};

use super::*;
use crate::redacted::Redacted;

/// Declares tasks of one shape each.
macro_rules! tasks {
    ($($name:ident)+) => {
        $(impl Task for $name {
            const NAME: &'static str = "t";
        })+
    };
}

#[derive(Debug, Serialize, Deserialize)]
struct Account {
    number: u32,
    colour: Colour,
    #[serde(default)]
    notes: BTreeMap<u8, Vec<i8>>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Colour {
    Red,
    Mixed { parts: (u8, u8) },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    number: std::num::NonZeroU8,
    day: Option<chrono::NaiveDate>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    One { wide: u64 },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
}

#[derive(Debug, Serialize, Deserialize)]
struct Raw {
    id: u128,
    raw: Box<RawValue>,
    number: u8,
}

tasks! { Account Strict Tagged Untagged Raw }

fn error_of<T: Task + DeserializeOwned + std::fmt::Debug>(payload: &str) -> String {
    let error = decode::<T>(payload, 0).unwrap_err().to_string();
    error.strip_prefix("payload does not fit the task `t`").expect(&error).to_owned()
}

#[test]
fn an_error_names_path_and_types_and_no_value() {
    let account = |fields: &str| error_of::<Account>(&format!("{{{fields}}}"));
    assert_eq!(account(r#""number": "s3cret""#), " at `number`: expected u32, found a string");
    assert_eq!(account(r#""number": -7777"#), " at `number`: expected u32, found another integer");
    assert_eq!(account(r#""number": 77.77"#), " at `number`: expected u32, found a floating point number");
    assert_eq!(
        account(r#""number": 1, "colour": "s3cret""#),
        " at `colour`: expected `Red` or `Mixed`, found another name"
    );
    assert_eq!(
        account(r#""number": 1, "colour": [7777]"#),
        " at `colour`: expected the name of a variant, found an array"
    );
    assert_eq!(
        account(r#""number": 1, "colour": {"Mixed": {"parts": [1, "s3cret"]}}"#),
        " at `colour.Mixed.parts[1]`: expected u8, found a string"
    );
    assert_eq!(account(r#""number": 1"#), ": expected field `colour`, found an object without it");
    let noted = r#""number": 1, "colour": "Red", "notes":"#;
    assert_eq!(
        account(&format!(r#"{noted} {{"1": [0], "2": [true]}}"#)),
        " at `notes.2[0]`: expected i8, found a boolean"
    );
    assert_eq!(error_of::<Account>("\"s3cret\""), ": expected struct Account, found a string");
}

#[test]
fn names_and_texts_of_the_payload_are_not_repeated() {
    let errors = [
        error_of::<Strict>(r#"{"number": 1, "s3cret": 1}"#),
        error_of::<Strict>(r#"{"number": 0}"#),
        error_of::<Account>(r#"{"number": 1, "colour": {"s3cret": 1}}"#),
        error_of::<Account>(r#"{"number": 1, "colour": "Red", "notes": {"s3cret": []}}"#),
        error_of::<Strict>(r#"{"number": 1, "day": "s3cret"}"#),
        error_of::<Tagged>(r#"{"kind": "s3cret"}"#),
        error_of::<Tagged>(r#"{"kind": "One", "wide": "s3cret"}"#),
        error_of::<Untagged>(r#""s3cret""#),
        error_of::<Account>(&format!(r#"{{"number": "{}"}}"#, "s3cret".repeat(100_000))),
        error_of::<Account>(&format!(
            r#"{{"number": 1, "colour": "Red", "notes": {{"{}": 1}}}}"#,
            "9".repeat(100_000)
        )),
    ];
    for error in errors {
        assert!(!error.contains("s3cret") && error.len() < 600, "{error}");
    }
}

#[test]
fn wide_integers_and_raw_values_do_not_hide_what_is_wrong() {
    let wide = u128::MAX;
    let raw = format!(r#"{{"id": {wide}, "raw": {{"a": [1]}}, "number": "x"}}"#);
    assert_eq!(error_of::<Raw>(&raw), " at `number`: expected u8, found a string");
    let task: Raw = decode(&raw.replace("\"x\"", "7"), 0).unwrap();
    assert_eq!((task.id, task.raw.get(), task.number), (wide, r#"{"a": [1]}"#, 7));
}

#[derive(Debug, Serialize, Deserialize)]
struct Secret {
    name: String,
    keys: Redacted<BTreeMap<String, Keys>>,
    #[serde(default)]
    owners: BTreeMap<Redacted<String>, u8>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Keys {
    pin: u8,
}

tasks! { Secret }

#[test]
fn an_error_inside_a_redacted_value_names_its_place_and_types() {
    let secret = |fields: &str| error_of::<Secret>(&format!(r#"{{"name": "ada", {fields}}}"#));
    let expected = " at `keys`: expected u8, found a string";
    assert_eq!(secret(r#""keys": {"s3cret": {"pin": "s3cret"}}"#), expected);
    assert_eq!(secret(r#""keys": "s3cret""#), " at `keys`: expected a map, found a string");
    assert_eq!(
        secret(r#""keys": {"s3cret": {"s3cret": 1}}"#),
        " at `keys`: expected field `pin`, found an object without it"
    );
    // A redacted key.
    let owned = secret(r#""keys": {}, "owners": {"s3cret": "s3cret"}"#);
    assert_eq!(owned, " at `owners`: expected u8, found a string");
    assert_eq!(secret(r#""keys": {}, "owners": 7"#), " at `owners`: expected a map, found an integer");
    // A value beside it is named as ever.
    assert_eq!(error_of::<Secret>(r#"{"name": 7}"#), " at `name`: expected a string, found an integer");
}
