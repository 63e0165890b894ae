use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::*;

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Login {
    user: String,
    password: Redacted<String>,
    #[serde(default)]
    pin: Redacted<Option<u16>>,
}

fn login() -> Login {
    Login { user: "ada".into(), password: "s3cret".to_owned().into(), pin: Redacted::new(Some(7)) }
}

#[test]
fn what_is_printed_is_the_mark() {
    let shown = r#"Login { user: "ada", password: [redacted], pin: [redacted] }"#;
    assert_eq!(format!("{:?}", login()), shown);
    assert_eq!(format!("{}|{:>12}", login().password, Redacted::new(7)), "[redacted]|  [redacted]");
    assert_eq!(login().password.expose_secret(), "s3cret");
    assert_eq!(login().pin.into_inner(), Some(7));
    assert_eq!(Redacted::<u8>::default(), Redacted::from(0));
}

#[test]
fn what_is_stored_is_the_value() {
    let stored = json!({"user": "ada", "password": "s3cret", "pin": 7});
    assert_eq!(serde_json::to_value(login()).unwrap(), stored);
    assert_eq!(serde_json::from_value::<Login>(stored.clone()).unwrap(), login());
    assert_eq!(serde_json::from_str::<Login>(&stored.to_string()).unwrap(), login());
    let open: BTreeMap<String, Value> = serde_json::from_value(stored).unwrap();
    assert_eq!(open["password"], "s3cret");
}

#[test]
fn each_place_reads_and_writes_a_redacted_value_as_the_value_itself() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(untagged)]
    enum Either {
        Number(Redacted<u8>),
        Text(Redacted<String>),
    }
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Flat {
        #[serde(flatten)]
        inner: Redacted<HashMap<String, u8>>,
    }
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Missing {
        a: Redacted<Option<u8>>,
        b: Option<Redacted<u8>>,
    }
    fn both<T: Serialize + serde::de::DeserializeOwned>(json: &Value) {
        let read: T = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), *json);
        assert_eq!(
            serde_json::to_value(serde_json::from_str::<T>(&json.to_string()).unwrap()).unwrap(),
            *json
        );
    }
    both::<Vec<Either>>(&json!([1, "a"]));
    both::<Flat>(&json!({"a": 1}));
    both::<HashMap<Redacted<String>, u8>>(&json!({"a": 1}));
    both::<HashMap<Redacted<u8>, u8>>(&json!({"7": 1}));
    both::<Redacted<Redacted<()>>>(&Value::Null);
    let missing: Missing = serde_json::from_value(json!({})).unwrap();
    assert_eq!(missing, Missing { a: Redacted::new(None), b: None });
}
