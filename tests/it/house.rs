//! The house: which file may use which, where unsafe code may stand, and how long a file may grow.

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let named = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    files(&root).into_iter().map(named).filter(|(name, _)| !name.ends_with("tests.rs")).collect()
}

/// The layer of a module: a file may use modules of its own layer and of lower ones.
fn layer(module: &str) -> Option<u8> {
    Some(match module {
        "backoff" | "config" | "cron" | "error" | "job" | "job_error" | "lifecycle" => 0,
        "store" => 1,
        "actors" | "registry" => 2,
        "scheduler" => 3,
        "embedded" | "bin" => 4,
        _ => return None,
    })
}

fn module_of(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

#[test]
fn layers_use_what_lies_below_them_only() {
    for (file, text) in sources().iter().filter(|(file, _)| file != "lib.rs") {
        let own = layer(module_of(file))
            .unwrap_or_else(|| panic!("src/{file}: give its module a layer in this test"));
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for (number, line) in
            code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            for used in line
                .split("crate::")
                .skip(1)
                .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
            {
                let below = layer(used).is_none_or(|used| used <= own);
                assert!(below, "src/{file}:{}: a lower layer uses `{used}`", number + 1);
            }
        }
    }
}

#[test]
fn unsafe_code_stands_in_one_file() {
    for (file, text) in sources().iter().filter(|(file, _)| file != "store/notifications.rs") {
        let line =
            text.lines().position(|line| line.contains("unsafe {") || line.contains("allow(unsafe_code)"));
        assert!(
            line.is_none(),
            "src/{file}:{}: unsafe code belongs to store/notifications.rs",
            line.unwrap() + 1
        );
    }
}

#[test]
fn no_file_is_a_drawer_for_everything_and_none_is_a_book() {
    for (file, text) in sources() {
        let stem = Path::new(&file).file_stem().unwrap().to_string_lossy().into_owned();
        let drawers = ["util", "utils", "common", "helpers", "types", "messages", "manager"];
        assert!(!drawers.contains(&stem.as_str()), "src/{file}: name it after what is in it");
        assert!(
            text.lines().count() <= 400,
            "src/{file} has {} lines, expected at most 400",
            text.lines().count()
        );
        assert!(text.starts_with("//!"), "src/{file}: say first what it is");
    }
}
