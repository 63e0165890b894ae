use std::sync::LazyLock;

use super::place::Payload;
use super::*;

const OLD: [u8; 32] = [1; 32];
const NEW: [u8; 32] = [2; 32];

/// A process before the key was replaced.
struct Before;
impl Keys for Before {
    fn ring() -> &'static KeyRing {
        static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new("a", |id| (id == "a").then_some(OLD)));
        &RING
    }
}

/// One that has both keys, and seals with the new one.
struct After;
impl Keys for After {
    fn ring() -> &'static KeyRing {
        static RING: LazyLock<KeyRing> = LazyLock::new(|| {
            KeyRing::new("b", |id| match id {
                "a" => Some(OLD),
                "b" => Some(NEW),
                _ => None,
            })
        });
        &RING
    }
}

/// One that has another secret under the same id.
struct Wrong;
impl Keys for Wrong {
    fn ring() -> &'static KeyRing {
        static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new("a", |id| (id == "a").then_some(NEW)));
        &RING
    }
}

fn written<K: Keys>(task: &'static str) -> String {
    let _payload = Payload::of(task);
    serde_json::to_string(&Sealed::<_, K>::new("s3cret".to_owned())).unwrap()
}

fn read<K: Keys>(task: &'static str, json: &str) -> Result<String, Option<SealError>> {
    let payload = Payload::of(task);
    let read = serde_json::from_str::<Sealed<String, K>>(json);
    read.map(Sealed::into_inner).map_err(|_| payload.problem())
}

#[test]
fn a_value_is_stored_without_its_text_and_read_back() {
    let (one, other) = (written::<Before>("t"), written::<Before>("t"));
    assert!(one.starts_with(r#"{"_sealed":{"key":"a","nonce":""#) && !one.contains("s3cret"), "{one}");
    assert_ne!(one, other, "the nonce");
    assert_eq!(read::<Before>("t", &one).unwrap(), "s3cret");
    assert_eq!(format!("{:?}", Sealed::<_, Before>::new("s3cret")), "[sealed]");
}

#[test]
fn a_value_opens_with_its_key_in_its_task_only_and_unchanged() {
    let json = written::<Before>("t");
    let told = |read: Result<String, Option<SealError>>| read.unwrap_err().unwrap().to_string();
    assert_eq!(read::<After>("t", &json).unwrap(), "s3cret");
    assert!(told(read::<Wrong>("t", &json)).contains("cannot be opened with the key `a`"));
    assert!(told(read::<Before>("u", &json)).contains("belongs to another task"));
    assert!(
        told(read::<Before>("t", &written::<After>("t")))
            .contains("the key `b` of a sealed value is not in the key ring")
    );
    let sealed: serde_json::Value = serde_json::from_str(&json).unwrap();
    for field in ["nonce", "text"] {
        let mut changed = sealed.clone();
        let text = changed["_sealed"][field].as_str().unwrap().to_owned();
        let first = if text.starts_with('A') { "B" } else { "A" };
        changed["_sealed"][field] = format!("{first}{}", &text[1..]).into();
        assert!(told(read::<Before>("t", &changed.to_string())).contains("it was changed"), "{field}");
        changed["_sealed"][field] = "?".into();
        assert!(told(read::<Before>("t", &changed.to_string())).contains("base64"), "{field}");
    }
    assert_eq!(read::<Before>("t", r#""s3cret""#), Err(None), "a plain one is a misfit");
    let number = serde_json::to_string(&Sealed::<_, Before>::new(7)).unwrap();
    assert!(told(read::<Before>("", &number)).contains("does not fit `alloc::string::String`"));
}

#[test]
fn a_key_that_is_missing_seals_nothing() {
    struct Empty;
    impl Keys for Empty {
        fn ring() -> &'static KeyRing {
            static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new("a", |_| None));
            &RING
        }
    }
    let error = serde_json::to_string(&Sealed::<_, Empty>::new(7)).unwrap_err().to_string();
    assert!(error.contains("the key `a` of a sealed value is not in the key ring"), "{error}");
    let error = serde_json::to_string(&Sealed::<_, Before>::new(f64::NAN)).unwrap_err().to_string();
    assert!(error.contains("finite"), "{error}");
}

#[test]
fn values_are_sealed_again_wherever_they_are_in_a_text() {
    let old = written::<Before>("t");
    let json = format!(r#"{{"n": 1e400, "list": [{old}, {{"deep": {old}}}], "_sealed": "a word"}}"#);
    let again = resealed(&json, After::ring(), "t").json.unwrap();
    assert!(
        again.contains(r#""key":"b""#)
            && !again.contains(r#""key":"a""#)
            && again.contains("a word")
            && again.contains("1e400"),
        "{again}"
    );
    let value: serde_json::Value = serde_json::from_str(&again.replace("1e400", "1")).unwrap();
    assert_eq!(read::<After>("t", &value["list"][1]["deep"].to_string()).unwrap(), "s3cret");
    assert_eq!(resealed(&again, After::ring(), "t").json, None);
    let left = resealed(&json, After::ring(), "u");
    assert!(left.json.is_none() && left.problem.is_some());
    // One that cannot be opened does not keep the others.
    let mixed = format!("[{}, {old}]", written::<Before>("u"));
    let again = resealed(&mixed, After::ring(), "t");
    assert!(again.json.unwrap().contains(r#""key":"b""#) && again.problem.is_some());
}

#[test]
fn keys_are_read_from_lines_and_a_wrong_one_is_named() {
    let key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let ring = KeyRing::parse(&format!("# ours\n\n2027b {key}\n2027a\t{key}\n")).unwrap();
    assert_eq!(
        (ring.current(), ring.key("2027a"), format!("{ring:?}").contains("AQE")),
        ("2027b", Ok(OLD), false)
    );
    for (text, expected) in [
        ("", "there is no key"),
        ("2027a", "line 1 of the keys has no space"),
        ("2027a ???", "line 1 of the keys has no base64"),
        ("# one\n2027a AQE=", "line 2 of the keys has another number of bytes"),
        (&format!("a {key}\na {key}"), "line 2 of the keys repeats an id"),
        (&format!("{} {key}", "x".repeat(65)), "line 1 of the keys has a longer id"),
    ] {
        let error = KeyRing::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
