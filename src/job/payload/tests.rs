use std::collections::BTreeMap;

use serde_json::json;
use serde_json::value::RawValue;

use super::*;
use crate::redacted::Redacted;

fn refused(payload: impl Serialize) -> String {
    match encode("t", &payload) {
        Err(error @ StoreError::Invalid { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[derive(Serialize)]
struct Rates {
    rates: Vec<Option<f64>>,
}

#[derive(Serialize)]
enum Rate {
    Plain(f32),
    Pair(u8, f64),
    Named { rate: f64 },
}

#[test]
fn numbers_that_json_lacks_are_refused_with_their_path() {
    let finite = "payload must hold finite numbers, got";
    let rates = Rates { rates: vec![Some(1.0), None, Some(f64::NAN)] };
    assert_eq!(refused(rates), format!("{finite} NaN at `rates[2]`"));
    let map = BTreeMap::from([(7, BTreeMap::from([("a", f32::INFINITY)]))]);
    assert_eq!(refused(map), format!("{finite} infinity at `7.a`"));
    assert_eq!(refused(f64::NEG_INFINITY), format!("{finite} -infinity"));
    assert_eq!(refused(Rate::Plain(f32::NAN)), format!("{finite} NaN at `Plain`"));
    assert_eq!(refused([Rate::Pair(1, f64::NAN)]), format!("{finite} NaN at `[0].Pair[1]`"));
    assert_eq!(refused(Rate::Named { rate: f64::NAN }), format!("{finite} NaN at `Named.rate`"));
}

#[test]
fn integers_of_more_than_64_bits_are_refused_with_their_path() {
    let wide = "payload must hold integers of at most 64 bits, got a larger one";
    assert_eq!(refused(json_like("n", u128::from(u64::MAX) + 1)), format!("{wide} at `n`"));
    assert_eq!(refused(i128::from(i64::MIN) - 1), wide);
    assert_eq!(encode("t", &u128::from(u64::MAX)).unwrap(), u64::MAX.to_string());
    assert_eq!(encode("t", &i128::from(i64::MIN)).unwrap(), i64::MIN.to_string());
    // A key is text.
    let key = BTreeMap::from([(u128::MAX, ())]);
    assert_eq!(encode("t", &key).unwrap(), format!("{{\"{}\":null}}", u128::MAX));
}

fn json_like<T: Serialize>(field: &str, value: T) -> BTreeMap<&str, T> {
    BTreeMap::from([(field, value)])
}

#[test]
fn a_number_with_a_fraction_is_never_written_as_an_integer() {
    let text = |value: f64| encode("t", &value).unwrap();
    assert_eq!(text(1e16), "10000000000000000.0");
    assert_eq!(text(-1.2345678901234567e19), "-12345678901234567000.0");
    assert_eq!(text(0.1), "0.1");
    assert_eq!(text(5e-324), "5e-324");
    assert_eq!(encode("t", &1e20_f32).unwrap(), "100000000000000000000.0");
    assert_eq!(serde_json::from_str::<f64>(&text(f64::MAX)).unwrap(), f64::MAX);
    assert_eq!(text_of(&json!({"n": 1e16})), r#"{"n":10000000000000000.0}"#);
}

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

#[test]
fn nesting_is_bounded_whatever_brings_it() {
    let problem = "payload must be nested at most 127 deep, got more";
    assert!(check_depth(&nested(127)).is_ok());
    assert_eq!(check_depth(&nested(128)).unwrap_err().to_string(), problem);
    // Brackets inside of strings are text, also after an escaped quote.
    assert!(check_depth(&serde_json::to_string(&format!("\"{}\\", nested(500))).unwrap()).is_ok());
    assert!(check_depth(&format!("[{}]", vec!["[]"; 500].join(","))).is_ok());

    let deep: serde_json::Value = serde_json::from_str(&nested(127)).unwrap();
    assert!(encode("t", &deep).is_ok());
    assert_eq!(refused(json_like("tree", &deep)), format!("{problem} at `tree`"));
    let raw = RawValue::from_string(nested(128)).unwrap();
    assert_eq!(refused(&raw), problem);
}

#[derive(Serialize)]
struct Link {
    next: Option<Box<Link>>,
}

fn chain(links: usize) -> Link {
    (1..links).fold(Link { next: None }, |next, _| Link { next: Some(Box::new(next)) })
}

#[test]
fn a_payload_of_any_depth_is_refused_within_a_small_stack() {
    assert!(encode("t", &chain(127)).is_ok());
    let small = std::thread::Builder::new().stack_size(512 << 10);
    let test = small.spawn(|| {
        for links in [128, 100_000] {
            let endless = chain(links);
            let problem = refused(&endless);
            // A long chain would use up the stack when it is dropped.
            std::mem::forget(endless);
            assert_eq!(problem, "payload must be nested at most 127 deep, got more at `next`");
        }
    });
    test.unwrap().join().unwrap();
}

#[test]
fn a_fault_inside_a_redacted_value_is_at_its_place() {
    let keys = Redacted::new(json_like("s3cret", f64::NAN));
    assert_eq!(refused(json_like("keys", &keys)), "payload must hold finite numbers, got NaN at `keys`");
    assert_eq!(refused(&keys), "payload must hold finite numbers, got NaN");
    let deep: serde_json::Value = serde_json::from_str(&nested(127)).unwrap();
    let deep = Redacted::new(json_like("s3cret", deep));
    assert_eq!(refused(&deep), "payload must be nested at most 127 deep, got more");
}
