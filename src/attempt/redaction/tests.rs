#![allow(dead_code, reason = "the types are only read")]

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::*;
use crate::redacted::Redacted;

type Secret = Redacted<String>;

#[derive(Deserialize)]
struct Account {
    user: String,
    password: Secret,
    #[serde(default, rename = "notes", alias = "remarks")]
    _notes: Redacted<Option<Vec<u8>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    #[serde(rename = "accounts")]
    _accounts: Vec<Account>,
}

#[derive(Deserialize)]
enum Step {
    Plain(u8),
    Login(Secret),
    Both(u8, Secret),
    Named { token: Secret, to: String },
}

#[derive(Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Login { token: Secret, to: String },
}

#[derive(Deserialize)]
#[serde(tag = "kind", content = "of")]
enum Adjacent {
    Login { token: Secret, to: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
    Login { token: Secret, to: String },
}

#[derive(Deserialize)]
struct Flat {
    to: String,
    #[serde(flatten)]
    login: Option<Account>,
}

#[derive(Deserialize)]
struct WholeFlat {
    to: String,
    #[serde(flatten)]
    login: Redacted<Inner>,
}

#[derive(Deserialize)]
struct Inner {
    token: String,
}

#[derive(Deserialize)]
struct Fired {
    token: Secret,
    #[serde(rename = "_cron")]
    _cron: Value,
}

#[derive(Deserialize)]
#[serde(from = "u8")]
struct Own;

impl From<u8> for Own {
    fn from(_: u8) -> Self {
        Self
    }
}

#[derive(Deserialize)]
struct Plain {
    at: chrono::DateTime<chrono::Utc>,
    of: (u8, String),
    by: HashMap<u32, Vec<Option<Own>>>,
    how: Kind,
    unit: (),
}

#[derive(Deserialize)]
enum Kind {
    One,
    Two(u8),
    Three { a: char, b: bool },
}

#[derive(Deserialize)]
struct Tree {
    leaves: Vec<Tree>,
}

fn mark() -> Value {
    MARK.into()
}

#[track_caller]
fn assert_shown<T: DeserializeOwned>(payload: Value, expected: impl Into<Option<Value>>) {
    assert_eq!(shown::<T>(&payload), expected.into(), "{payload}");
}

#[test]
fn the_mark_stands_in_the_place_of_each_redacted_value() {
    let account = |user: &str, password: Value| json!({"user": user, "password": password});
    assert_shown::<Account>(account("ada", "s3cret".into()), account("ada", mark()));
    let with = |notes: Value| json!({"user": "ada", "password": mark(), "remarks": notes});
    let noted = json!({"user": "ada", "password": "s3cret", "remarks": [1, 2]});
    assert_shown::<Account>(noted, with(mark()));
    assert_shown::<Account>(json!({"user": "ada", "password": "s3cret", "remarks": null}), with(Value::Null));
    let accounts =
        |passwords: [Value; 2]| json!({"accounts": passwords.map(|password| account("a~/b", password))});
    assert_shown::<Strict>(accounts(["x".into(), "y".into()]), accounts([mark(), mark()]));
    assert_shown::<BTreeMap<String, Account>>(
        json!({"a/b": account("x", "y".into())}),
        json!({"a/b": account("x", mark())}),
    );
    assert_shown::<(u8, Secret)>(json!([1, "x"]), json!([1, mark()]));
    assert_shown::<Option<Vec<Secret>>>(json!(["x", "y"]), json!([mark(), mark()]));
    assert_shown::<Vec<Box<Secret>>>(json!([]), json!([]));
}

#[test]
fn the_mark_stands_in_variants_of_every_representation() {
    assert_shown::<Step>(json!({"Plain": 1}), json!({"Plain": 1}));
    assert_shown::<Step>(json!({"Login": "x"}), json!({"Login": mark()}));
    assert_shown::<Step>(json!({"Both": [1, "x"]}), json!({"Both": [1, mark()]}));
    assert_shown::<Step>(
        json!({"Named": {"token": "x", "to": "y"}}),
        json!({"Named": {"token": mark(), "to": "y"}}),
    );
    let login = |token: Value| json!({"kind": "Login", "token": token, "to": "y"});
    assert_shown::<Tagged>(login("x".into()), login(mark()));
    let login = |token: Value| json!({"of": {"token": token, "to": "y"}, "kind": "Login"});
    assert_shown::<Adjacent>(login("x".into()), login(mark()));
    let login = |token: Value| json!([{"token": token, "to": "y"}, 7]);
    assert_shown::<Vec<Untagged>>(login("x".into()), login(mark()));
}

#[test]
fn a_value_that_was_copied_is_hidden_wherever_it_is() {
    let flat = |to: &str, user: Value, password: Value| json!({"to": to, "user": user, "password": password});
    assert_shown::<Flat>(flat("a", "b".into(), "x".into()), flat("a", "b".into(), mark()));
    assert_shown::<Flat>(flat("a", "x".into(), "x".into()), flat("a", mark(), mark()));
    assert_shown::<Flat>(json!({"to": "a"}), json!({"to": "a"}));
    // The fields are not together in the payload.
    assert_shown::<WholeFlat>(json!({"to": "a", "token": "x"}), None);
}

#[test]
fn a_redacted_key_hides_its_object() {
    assert_shown::<Vec<HashMap<Secret, u8>>>(json!([{"x": 1}, {}]), json!([mark(), {}]));
    assert_shown::<HashMap<Redacted<u8>, u8>>(json!({"7": 1}), None);
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Copied {
        Keys(#[serde(rename = "k")] HashMap<Secret, u8>),
    }
    assert_shown::<Vec<Copied>>(json!([{"x": 1}]), json!([mark()]));
}

#[test]
fn what_the_type_does_not_read_is_hidden() {
    let with = |other: Value| json!({"user": "ada", "password": mark(), "pasword": other});
    let payload = json!({"user": "ada", "password": "x", "pasword": "s3cret"});
    assert_shown::<Account>(payload, with(mark()));
}

#[test]
fn a_payload_that_the_type_cannot_read_is_not_shown() {
    for payload in [json!("s3cret"), json!({"user": 7, "password": "s3cret"}), json!({"user": "s3cret"})] {
        assert_shown::<Account>(payload, None);
    }
    assert_shown::<Secret>(json!("s3cret"), None);
    struct Panics;
    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("no")
        }
    }
    assert_shown::<Panics>(json!(1), None);
    // The look of the thread has ended with the panic.
    assert_shown::<Account>(json!({"user": "a", "password": "x"}), json!({"user": "a", "password": mark()}));
}

#[test]
fn a_fire_is_shown_and_an_absent_one_is_added_for_the_look() {
    let fire = json!({"ts": "2026-12-01T00:00:00Z", "backfilled": false, "schedule": "s"});
    let fired = |accounts: Value| json!({"accounts": accounts, "_cron": fire});
    let (stored, shown) =
        (json!([{"user": "a", "password": "x"}]), json!([{"user": "a", "password": mark()}]));
    assert_shown::<Strict>(fired(stored), fired(shown));
    assert_shown::<Fired>(json!({"token": "x", "_cron": fire}), json!({"token": mark(), "_cron": fire}));
    assert_shown::<Fired>(json!({"token": "x"}), json!({"token": mark()}));
}

#[test]
fn each_entry_of_a_batch_is_looked_at() {
    let account = |password: Value| json!({"user": "a", "password": password});
    let shown = entries_shown::<Account>(&json!([account("x".into()), account("y".into())]));
    assert_eq!(shown, Some(json!([account(mark()), account(mark())])));
    assert_eq!(entries_shown::<Account>(&account("x".into())), Some(account(mark())));
    assert_eq!(entries_shown::<Account>(&json!([account("x".into()), 7])), None);
}

#[test]
fn a_walk_finds_whether_a_type_has_redacted_values() {
    let with = [
        redacts::<Secret>(),
        redacts::<Account>(),
        redacts::<Strict>(),
        redacts::<Step>(),
        redacts::<Adjacent>(),
        redacts::<HashMap<Secret, u8>>(),
        redacts::<Option<BTreeMap<u8, (u8, [Secret; 1])>>>(),
        redacts::<Fired>(),
    ];
    assert_eq!(with, [true; 8]);
    // What cannot be seen through may redact.
    let unseen = [
        redacts::<Value>(),
        redacts::<Tagged>(),
        redacts::<Untagged>(),
        redacts::<Flat>(),
        redacts::<Tree>(),
        redacts::<HashMap<chrono::NaiveDate, u8>>(),
        redacts::<(chrono::NaiveDate, u8)>(),
        redacts::<Box<serde_json::value::RawValue>>(),
    ];
    assert_eq!(unseen, [true; 8]);
    let without = [
        redacts::<()>(),
        redacts::<u128>(),
        redacts::<Plain>(),
        redacts::<Kind>(),
        redacts::<Inner>(),
        redacts::<Vec<Option<Plain>>>(),
        redacts::<BTreeMap<String, Inner>>(),
        redacts::<std::num::NonZeroU8>(),
    ];
    assert_eq!(without, [false; 8]);
}

/// A type that reads the values of a map by their names.
struct ByName;

impl<'de> Deserialize<'de> for ByName {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(ByName)
    }
}

impl<'de> serde::de::Visitor<'de> for ByName {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a login")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "password" {
                map.next_value::<Secret>().map(drop)?
            } else {
                map.next_value::<u8>().map(drop)?
            }
        }
        Ok(Self)
    }
}

#[test]
fn a_type_that_reads_a_map_by_names_may_redact() {
    assert!(redacts::<ByName>() && redacts::<Vec<ByName>>());
    assert_shown::<ByName>(json!({"a": 1, "password": "x"}), json!({"a": 1, "password": mark()}));
}

#[test]
fn a_long_type_is_walked_to_its_end() {
    /// Each of the fields, and the last one of which is a secret.
    macro_rules! long {
        ($($field:ident)+) => {
            #[derive(Serialize, Deserialize)]
            struct Long { $($field: Kinds,)+ last: Secret }
        };
    }
    #[derive(Serialize, Deserialize)]
    enum Kinds {
        A(u8),
        B { a: u8, b: u8 },
        C,
    }
    long!(a b c d e f g h i j k l m n o p q r s t u v w x y z);
    assert!(redacts::<Long>());
    assert!(!redacts::<[Vec<Kinds>; 1]>());
}
