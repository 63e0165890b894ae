//! The log lines of the test process. Tests run side by side, so a test looks for what only its own lines hold.

use std::collections::BTreeMap;
use std::sync::{Mutex, Once};

use log::kv::{Error, Key, Value, VisitSource};
use log::{LevelFilter, Log, Metadata, Record};
use mainspring::JobContext;

/// The fields of a line, and the job whose code has logged it as `current`.
pub type Fields = BTreeMap<String, String>;

static LINES: Mutex<Vec<(String, Fields)>> = Mutex::new(Vec::new());

struct Kept;

impl Log for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("mainspring")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{} {}", record.level(), record.args());
            let mut fields = Collected::default();
            record.key_values().visit(&mut fields).unwrap();
            fields.0.extend(JobContext::current().map(|job| ("current".to_owned(), job.id().to_string())));
            LINES.lock().unwrap().push((line, fields.0));
        }
    }

    fn flush(&self) {}
}

#[derive(Default)]
struct Collected(Fields);

impl<'kvs> VisitSource<'kvs> for Collected {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        self.0.insert(key.to_string(), value.to_string());
        Ok(())
    }
}

/// Keeps the lines from now on.
pub fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Kept).expect("no other logger in the tests");
        log::set_max_level(LevelFilter::Info);
    });
}

/// The lines so far that hold the text.
pub fn with(text: &str) -> Vec<String> {
    fields_with(text).into_iter().map(|(line, _)| line).collect()
}

/// The same, with the fields of each.
pub fn fields_with(text: &str) -> Vec<(String, Fields)> {
    LINES.lock().unwrap().iter().filter(|(line, _)| line.contains(text)).cloned().collect()
}
