//! The files that the rules read, and their code without comments and tests.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the project, named as `src/store/claim.rs`.
pub(super) struct File {
    pub(super) name: String,
    pub(super) text: String,
}

impl File {
    pub(super) fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The modules from the root of the crate to this file; none for the root.
    pub(super) fn module_path(&self) -> Vec<&str> {
        let path = self.name.trim_start_matches("src/").trim_end_matches(".rs");
        let mut parts: Vec<&str> = path.split('/').collect();
        if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(last)) {
            parts.pop();
        }
        parts
    }

    /// The top-level module it belongs to.
    pub(super) fn module(&self) -> &str {
        let path = self.name.trim_start_matches("src/").trim_end_matches(".rs");
        path.split('/').next().unwrap_or_default()
    }

    /// Whether the file holds nothing but tests.
    pub(super) fn is_test(&self) -> bool {
        self.name.split('/').any(|part| part == "tests" || part == "tests.rs")
    }
}

/// Every file under src/.
pub(super) fn sources() -> Vec<File> {
    let found = files_in(&["src"], "rs");
    assert!(found.len() > 40, "only {} files found", found.len());
    found
}

/// Every file of Rust, tests and examples included.
pub(super) fn rust_files() -> Vec<File> {
    files_in(&["src", "tests", "examples"], "rs")
}

/// The README, CONTRIBUTING and the pages under docs/, without the change log.
pub(super) fn pages() -> Vec<File> {
    let mut found = files_in(&["docs"], "md");
    found.retain(|file| !file.name.contains("CHANGELOG"));
    found.extend(["README.md", "CONTRIBUTING.md"].map(|name| read(&root().join(name))));
    assert!(found.len() > 10, "only {} pages found", found.len());
    found
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn files_in(folders: &[&str], extension: &str) -> Vec<File> {
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(read(&path));
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

pub(super) fn read(path: &Path) -> File {
    let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    File { name, text: fs::read_to_string(path).unwrap() }
}

/// The lines of code, numbered from 1, without modules of tests. Comments are left in.
pub(super) fn lines_without_tests(text: &str) -> Vec<(usize, &str)> {
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let mut code = Vec::new();
    while let Some((number, line)) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            code.push((number, line));
        } else if lines.next().is_some_and(|(_, next)| next.starts_with("mod ") && next.ends_with('{')) {
            lines.by_ref().find(|(_, line)| *line == "}");
        }
    }
    code
}

/// The lines of code without comments and modules of tests.
pub(super) fn code_lines(text: &str) -> Vec<(usize, &str)> {
    let lines = lines_without_tests(text);
    lines.into_iter().map(|(number, line)| (number, without_comment(line))).collect()
}

// A text that holds two slashes is cut short too, which hides nothing that the rules look for.
pub(super) fn without_comment(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}
