//! What holds for any text at all that claims to be a payload. A fuzz target includes this file.

use mainspring::{Crontab, NewJob};

/// A text that is taken is JSON that a reader holds, passed on unchanged. The error of any other is short.
pub fn hold_for_a_payload(text: &str) {
    match NewJob::from_json("t", text) {
        Ok(job) => assert_eq!(job.payload(), text.trim_matches([' ', '\t', '\n', '\r'])),
        Err(error) => assert!(error.to_string().len() < 1_000, "{error}"),
    }
    // The same text as the payload of a line, where JSON5 is read.
    let line = format!("* * * * * t {}", text.replace(['\n', '\r'], " "));
    if let Ok(crontab) = Crontab::parse(&line) {
        let payload = crontab.entries.first().map(|entry| NewJob::new("t", &entry.payload.clone().into()));
        let read = payload.map(|job| NewJob::from_json("t", job.payload()).is_ok());
        assert_ne!(read, Some(false), "{line}");
    }
}
