//! Embeds the SQL files: `OUT_DIR/definitions.rs` lists the migrations and what is in sql/, for `src/store/migrate.rs`.
//!
//! With the feature `embedded`, hands the engine that a data crate carries to `src/embedded/carried.rs`
//! as `OUT_DIR/carried-engine.tar.zst`. An empty file means that there is none: the build never fails
//! over it, and the launcher reports it where it would have needed the engine.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

// As in Cargo.toml: the versions are pinned there because the archive's layout is no public interface.
const VERSION: &str = "0.2.7";
const ARCHIVE: &str = "lib/pglite-runtime.tar.zst";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=Cargo.toml");
    println!("cargo:rerun-if-changed=migrations");
    println!("cargo:rerun-if-changed=sql");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts"));
    fs::write(out.join("definitions.rs"), sql_lists()).expect("write into OUT_DIR");
    if env::var_os("CARGO_FEATURE_EMBEDDED").is_none() {
        return;
    }
    let target = env::var("TARGET").unwrap_or_default();
    let archive = in_registry(&target).or_else(|| in_metadata(&target));
    let bytes = archive.and_then(|path| fs::read(path).ok()).unwrap_or_default();
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

/// A file in sql/, which defines the function or view of its name.
struct SqlFile {
    path: PathBuf,
    text: String,
}

fn sql_lists() -> String {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let mut list = String::from("pub(super) const MIGRATIONS: &[TableStep] = &[\n");
    for folder in entries(&root.join("migrations")) {
        let name = folder.file_name().and_then(|name| name.to_str()).expect("a migration's name is UTF-8");
        let version = name.split('_').next().unwrap_or_default().replace('-', "");
        let (up, down) = (folder.join("up.sql"), folder.join("down.sql"));
        let _ = writeln!(
            list,
            "TableStep {{ version: {version:?}, up: include_str!({up:?}), down: include_str!({down:?}) }},"
        );
    }
    list.push_str("];\npub(super) const DEFINITIONS: &[Definition] = &[\n");
    let mut files = BTreeMap::new();
    find_sql(&root.join("sql"), &mut files);
    for name in in_order(&files) {
        let SqlFile { path, text } = &files[&name];
        let is_base = path.starts_with(root.join("sql/base"));
        let phase = if is_base { "BeforeTables" } else { "AfterTables" };
        let hash = hash(text);
        let _ = writeln!(
            list,
            "Definition {{ name: {name:?}, hash: {hash:?}, phase: Phase::{phase}, text: include_str!({path:?}) }},"
        );
    }
    list + "];\n"
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = read.map(|entry| entry.expect("list a folder").path()).collect();
    paths.sort();
    paths
}

fn find_sql(folder: &Path, files: &mut BTreeMap<String, SqlFile>) {
    for path in entries(folder) {
        if path.is_dir() {
            find_sql(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            let name =
                path.file_stem().and_then(|name| name.to_str()).expect("a file's name is UTF-8").to_owned();
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let other = files.insert(name, SqlFile { path: path.clone(), text });
            assert!(other.is_none(), "{}: another file in sql/ has this name", path.display());
        }
    }
}

/// The names of the files, each after those that its SQL mentions.
fn in_order(files: &BTreeMap<String, SqlFile>) -> Vec<String> {
    let mut done = Vec::new();
    for name in files.keys() {
        visit(name, files, &mut done, &mut Vec::new());
    }
    done
}

fn visit<'a>(
    name: &'a str,
    files: &'a BTreeMap<String, SqlFile>,
    done: &mut Vec<String>,
    open: &mut Vec<&'a str>,
) {
    if done.iter().any(|other| other == name) {
        return;
    }
    assert!(!open.contains(&name), "files in sql/ that need each other: {open:?}");
    open.push(name);
    for other in mentioned(&files[name].text).filter(|other| *other != name) {
        if let Some((other, _)) = files.get_key_value(other) {
            visit(other, files, done, open);
        }
    }
    open.pop();
    done.push(name.to_owned());
}

fn mentioned(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().map(|line| line.split_once("--").map_or(line, |(code, _)| code));
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    code.flat_map(|line| line.split("mainspring.").skip(1))
        .map(move |rest| rest.split(|letter| !is_name(letter)).next().unwrap_or_default())
}

/// FNV-1a with 64 bits. It only has to notice a changed file.
fn hash(text: &str) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}
