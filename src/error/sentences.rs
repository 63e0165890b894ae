//! How errors read. Knows no error.

use std::time::Duration;

/// The problem in one sentence. The SQL function `refuse` takes such sentences apart.
pub(super) fn sentence(field: &str, expected: &str, got: &str) -> String {
    match got {
        "" => format!("{field} {expected}"),
        got => format!("{field} {expected}, got {got}"),
    }
}

/// What a pool that is used up means.
pub(super) fn exhausted(setting: &str, size: u32, waited: Duration) -> String {
    match size {
        0 => format!("there are no connections: {setting} is 0"),
        1 => format!(
            "the only connection is in use, and did not come free within {waited:.1?}: {setting} is 1"
        ),
        _ => format!(
            "all {size} connections are in use, and none came free within {waited:.1?}: {setting} is {size}"
        ),
    }
}
