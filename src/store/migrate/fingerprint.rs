//! Names the schema of this release: databases with the same fingerprint have the same tables and functions.

use super::files::{DEFINITIONS, MIGRATIONS};

/// A hash of all SQL that a migration installs, and of the release.
pub(crate) fn fingerprint() -> u64 {
    let tables = MIGRATIONS.iter().flat_map(|step| [step.version, step.up]);
    let functions = DEFINITIONS.iter().flat_map(|file| [file.name, file.hash]);
    let texts = tables.chain(functions).chain([env!("CARGO_PKG_VERSION")]);
    // FNV-1a: the same in every build, unlike the hash of the standard library.
    texts.flat_map(str::bytes).fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
