//! The times of the model are those of the code, and leave what docs/notes/leases.md promises.

use std::fs;
use std::path::Path;

use super::protocol::{PARTS, Parts};
use super::searches::DRIFT;

/// The number behind the text, in every place in which the file has it.
fn numbers_behind(file: &str, text: &str) -> Vec<i32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let found = source.split(text).skip(1).map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_else(|_| panic!("{file}: no number behind `{text}`"))
    });
    let found: Vec<i32> = found.collect();
    assert!(!found.is_empty(), "{file} has no `{text}`: the model must follow the code");
    found
}

fn number_behind(file: &str, text: &str) -> i32 {
    let found = numbers_behind(file, text);
    assert!(found.iter().all(|number| *number == found[0]), "{file}: `{text}` is followed by {found:?}");
    found[0]
}

#[test]
fn the_parts_of_the_time_out_are_those_of_the_code() {
    let (beat, presence) = ("src/store/presence/beat.rs", "src/store/presence.rs");
    let gap = number_behind(beat, "me.heartbeat_at + me.timeout / ");
    let interval = number_behind(beat, "mainspring.now() + me.timeout / ");
    let fence = number_behind("src/fence.rs", "HUNDREDTHS_OF_TIMEOUT: u32 = ");
    assert_eq!(PARTS, Parts { fence, gap: 100 / gap, interval: 100 / interval });
    assert_eq!(number_behind(presence, "me.heartbeat_at BETWEEN mainspring.now() - me.timeout / "), gap);
    assert_eq!(number_behind(presence, "AND mainspring.now() + me.timeout / "), interval);
    assert_eq!(number_behind("src/config.rs", "self.heartbeat_timeout / "), interval);
}

// In hundredths of a hundredth, so that nothing is rounded.
#[test]
fn what_remains_behind_the_fence_is_what_the_notes_promise() {
    let remains = |drift: i32| 1_000_000 / (100 + drift) - PARTS.fence * 10_000 / (100 - drift);
    assert!(remains(DRIFT) >= 2_600, "{}", remains(DRIFT));
    assert!(remains(20) > 0, "{}", remains(20));
    assert!(remains(25) < 0, "{}", remains(25));
}
