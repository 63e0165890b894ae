//! With the feature `embedded`, hands the engine that a data crate carries to `src/embedded/carried.rs`
//! as `OUT_DIR/carried-engine.tar.zst`. An empty file means that there is none: the build never fails
//! over it, and the launcher says so where it would have needed the engine.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

// As in Cargo.toml: the versions are pinned there because the archive's layout is no public interface.
const VERSION: &str = "0.2.7";
const ARCHIVE: &str = "lib/pglite-runtime.tar.zst";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=Cargo.toml");
    if env::var_os("CARGO_FEATURE_EMBEDDED").is_none() {
        return;
    }
    let target = env::var("TARGET").unwrap_or_default();
    let archive = in_registry(&target).or_else(|| in_metadata(&target));
    let bytes = archive.and_then(|path| fs::read(path).ok()).unwrap_or_default();
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts"));
    fs::write(out.join("carried-engine.tar.zst"), bytes).expect("write into OUT_DIR");
}

fn package(target: &str) -> String {
    format!("pglite-rs-lib-{target}")
}

// Where cargo unpacks every registry's crates: found without starting a process.
fn in_registry(target: &str) -> Option<PathBuf> {
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))?;
    let registries = fs::read_dir(cargo_home.join("registry/src")).ok()?;
    let folder = format!("{}-{VERSION}", package(target));
    let archives = registries.flatten().map(|registry| registry.path().join(&folder).join(ARCHIVE));
    archives.into_iter().find(|archive| archive.is_file())
}

// Vendored crates and replaced sources lie elsewhere, and cargo knows where. Offline: whatever is being
// built has been fetched already.
fn in_metadata(target: &str) -> Option<PathBuf> {
    let manifest = Path::new(&env::var_os("CARGO_MANIFEST_DIR")?).join("Cargo.toml");
    let metadata = Command::new(env::var_os("CARGO")?)
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", target])
        .args(["--all-features", "--manifest-path"])
        .arg(manifest)
        .output()
        .ok()?;
    let metadata = String::from_utf8(metadata.stdout).ok()?;
    let package = package(target);
    let mut paths = metadata.split("\"manifest_path\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    let manifest = paths.find(|path| path.contains(&package))?;
    let archive = Path::new(manifest).parent()?.join(ARCHIVE);
    archive.is_file().then_some(archive)
}
