//! Any text as a crontab, from any moment on. The properties are those of the tests.
#![no_main]

use chrono::DateTime;
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/it/cron/properties.rs"]
#[allow(dead_code, reason = "the other target uses the rest")]
mod properties;

fuzz_target!(|input: (&str, i32)| {
    let (text, after) = input;
    let after = DateTime::from_timestamp(i64::from(after) * 30, 0).expect("within calendar time");
    properties::hold_for_a_crontab(text, after);
});
