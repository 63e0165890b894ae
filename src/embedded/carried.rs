//! The PostgreSQL that a data crate carries for one system: unpacked into the cluster's folder, where the
//! server's user reaches it, and once for as long as that folder is kept. Found by `build.rs`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::EmbeddedError;
use super::folder::Folder;
use super::user::ServerUser;

// Empty where no crate carries one for this system.
const ARCHIVE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/carried-engine.tar.zst"));

/// The folder of its programs, or `None` where there is no such engine.
pub(super) fn unpack(folder: &Folder, user: &ServerUser) -> Result<Option<PathBuf>, EmbeddedError> {
    if ARCHIVE.is_empty() {
        return Ok(None);
    }
    // The length distinguishes one release of the engine from the next.
    let engine = folder.path(&format!("engine-{}", ARCHIVE.len()));
    if !engine.exists() {
        let half = folder.half_made("engine");
        extract(&half).map_err(EmbeddedError::cannot(format_args!(
            "unpack the carried PostgreSQL into {}",
            half.display()
        )))?;
        hand_over_folders(&half, user)?;
        fs::rename(&half, &engine)
            .map_err(EmbeddedError::cannot(format_args!("move it to {}", engine.display())))?;
    }
    Ok(Some(engine.join("bin")))
}

fn extract(target: &Path) -> io::Result<()> {
    let plain = ruzstd::decoding::StreamingDecoder::new(ARCHIVE).map_err(io::Error::other)?;
    tar::Archive::new(plain).unpack(target)
}

// Its folders only, so that the server's user can enter them, and remove them at the end.
fn hand_over_folders(folder: &Path, user: &ServerUser) -> Result<(), EmbeddedError> {
    user.hand_over(folder, 0o755)?;
    let failed = EmbeddedError::cannot(format!("read {}", folder.display()));
    for entry in fs::read_dir(folder).map_err(failed)?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            hand_over_folders(&entry.path(), user)?;
        }
    }
    Ok(())
}
