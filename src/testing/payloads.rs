//! Checks that a task reads the payloads that it writes, and those that older releases have written.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::attempt::decode;
use crate::job::Task;
use crate::job::payload::to_value;

/// Asserts that the task reads what it writes: the payload, read and written again, is the same JSON.
///
/// ```
/// # use mainspring::Task;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)] struct Receipt { order: u32 }
/// # impl Task for Receipt { const NAME: &'static str = "receipt.send"; }
/// mainspring::testing::assert_round_trip(&Receipt { order: 7 });
/// ```
///
/// # Panics
///
/// If the payload cannot be written or read, or differs.
#[track_caller]
pub fn assert_round_trip<T: Task + DeserializeOwned>(task: &T) {
    let written = written(task);
    let again = written_again::<T>(&written.to_string(), T::VERSION, "its own payload");
    assert_eq!(
        comparable(&written),
        comparable(&again),
        "the task `{}` does not read what it has written",
        T::NAME
    );
}

/// Asserts that the task reads every payload in the folder that an older release has written, by [`Task::upgrade`], and that it writes
/// the payload of this release as it did. The files are named `TASK.vVERSION.json`, with [`Task::VERSION`].
///
/// With the variable `UPDATE_GOLDEN` set to `1` it writes the file of this version. Do so when a task is made, and when its version
/// rises, and keep all files in version control. A file of another name is for a further old payload, such as
/// `TASK.v3.without-email.json`.
///
/// ```no_run
/// # use mainspring::Task;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)] struct Receipt { order: u32 }
/// # impl Task for Receipt { const NAME: &'static str = "receipt.send"; }
/// // tests/payloads/receipt.send.v0.json
/// mainspring::testing::assert_reads("tests/payloads", &Receipt { order: 7 });
/// ```
///
/// # Panics
///
/// If a payload cannot be read, that of this version differs from `sample`, or there is none.
#[track_caller]
pub fn assert_reads<T: Task + DeserializeOwned>(folder: impl AsRef<Path>, sample: &T) {
    let folder = folder.as_ref();
    let own = folder.join(format!("{}.v{}.json", T::NAME, T::VERSION));
    let sample = written(sample);
    if std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
        let text = serde_json::to_string_pretty(&sample).unwrap_or_default();
        fs::create_dir_all(folder).and_then(|()| fs::write(&own, text + "\n")).unwrap_or_else(|error| {
            panic!("cannot write {}: {error}", own.display());
        });
    }
    for file in files_of(folder, T::NAME) {
        let name = file.display().to_string();
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("cannot read {name}: {error}"));
        let read = written_again::<T>(&text, version_in(&file, T::NAME).unwrap_or(T::VERSION), &name);
        assert!(
            file != own || comparable(&read) == comparable(&sample),
            "{name} is {read}, and the task writes {sample}: raise `Task::VERSION`"
        );
    }
    assert!(
        own.exists(),
        "there is no {}, which would hold the payload of this version: run the test once with UPDATE_GOLDEN=1",
        own.display()
    );
}

#[track_caller]
fn written<T: Task>(task: &T) -> Value {
    to_value(T::NAME, task).unwrap_or_else(|error| panic!("cannot write a `{}`: {error}", T::NAME))
}

// A sealed value has another text each time.
#[cfg(feature = "sealed")]
fn comparable(value: &Value) -> Value {
    let mut value = value.clone();
    crate::sealed::mask(&mut value);
    value
}

#[cfg(not(feature = "sealed"))]
fn comparable(value: &Value) -> Value {
    value.clone()
}

#[track_caller]
fn written_again<T: Task + DeserializeOwned>(json: &str, version: i32, of: &str) -> Value {
    let read = decode::<T>(json, version).unwrap_or_else(|error| panic!("{of}: {error}"));
    written(&read)
}

// `3` in `TASK.v3.without-email.json`.
fn version_in(file: &Path, task: &str) -> Option<i32> {
    let name = file.file_name()?.to_str()?.strip_prefix(task)?.strip_prefix(".v")?;
    name.split('.').next()?.parse().ok()
}

#[track_caller]
fn files_of(folder: &Path, task: &str) -> Vec<std::path::PathBuf> {
    let listed =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    let begins = format!("{task}.v");
    let is_of_task = |name: &str| name.starts_with(&begins) && name.ends_with(".json");
    let paths = listed.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> = paths
        .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_of_task))
        .collect();
    files.sort();
    files
}
