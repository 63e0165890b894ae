//! Payloads of older releases stay readable.

use std::fs;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::sync::LazyLock;

use mainspring::testing::{assert_reads, assert_round_trip};
use mainspring::{KeyRing, Keys, Sealed, Task};
use serde::{Deserialize, Serialize};

use crate::app::PublishReport;

#[derive(Serialize, Deserialize)]
struct Receipt {
    order: u32,
    #[serde(default)]
    email: Option<String>,
}
impl Task for Receipt {
    const NAME: &'static str = "receipt.send";
    const VERSION: i32 = 2;
}

#[derive(Serialize, Deserialize)]
struct OneWay {
    #[serde(skip_deserializing)]
    order: u32,
}
impl Task for OneWay {
    const NAME: &'static str = "one.way";
}

struct TestKeys;
impl Keys for TestKeys {
    fn ring() -> &'static KeyRing {
        static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::new("test", |_| Some([7; 32])));
        &RING
    }
}

#[derive(Serialize, Deserialize)]
struct ChargeCard {
    order: u32,
    card: Sealed<String, TestKeys>,
}
impl Task for ChargeCard {
    const NAME: &'static str = "card.charge";
}

struct Folder(PathBuf);

impl Folder {
    fn with(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("mainspring-kit-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        files.iter().for_each(|(file, text)| fs::write(folder.join(file), text).unwrap());
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sample() -> Receipt {
    Receipt { order: 7, email: None }
}

fn panic_of(folder: &Folder) -> String {
    let folder = folder.0.clone();
    let panic = catch_unwind(move || assert_reads(folder, &sample())).unwrap_err();
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

const OWN: (&str, &str) = ("receipt.send.v2.json", r#"{"order": 7, "email": null}"#);

#[test]
fn a_task_reads_what_it_writes() {
    assert_round_trip(&sample());
    assert_round_trip(&ChargeCard { order: 7, card: Sealed::new("4111".into()) });
    assert_round_trip(&PublishReport { report: "r7".into(), copies: Some(2) });
    let panic = catch_unwind(|| assert_round_trip(&OneWay { order: 7 })).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("`one.way` does not read what it has written"));
}

#[test]
fn payloads_of_older_releases_are_read() {
    let old = ("receipt.send.v1.json", r#"{"order": 7}"#);
    assert_reads(&Folder::with("old", &[OWN, old, ("receipt.other.v1.json", "no JSON")]).0, &sample());
}

#[test]
fn an_old_payload_that_does_not_fit_fails_with_its_file_and_place() {
    let old = ("receipt.send.v1.json", r#"{"order": "seven"}"#);
    let text = panic_of(&Folder::with("misfit", &[OWN, old]));
    assert!(text.contains("receipt.send.v1.json: payload does not fit the task `receipt.send`"), "{text}");
    assert!(text.contains("order"), "{text}");
}

#[test]
fn a_payload_that_changed_without_its_version_fails() {
    let text =
        panic_of(&Folder::with("changed", &[("receipt.send.v2.json", r#"{"order": 8, "email": null}"#)]));
    assert!(text.contains("raise `Task::VERSION`"), "{text}");
}

#[test]
fn a_version_without_its_payload_fails_and_names_what_to_do() {
    let text = panic_of(&Folder::with("none", &[]));
    assert!(text.contains("receipt.send.v2.json") && text.contains("UPDATE_GOLDEN=1"), "{text}");
}
