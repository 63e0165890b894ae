//! Any text as a payload. The properties are those of the tests.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/it/security/payload_properties.rs"]
mod properties;

fuzz_target!(|text: &str| properties::hold_for_a_payload(text));
