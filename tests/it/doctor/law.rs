//! Each code has a test, and a row in the guide with its severity.

use std::fs;
use std::path::Path;

use mainspring::doctor::Code;

const PAGE: &str = include_str!("../../../docs/guide/observability.md");

fn tests() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(root.join("tests/it/doctor")).unwrap().map(|entry| entry.unwrap().path());
    let others = files.filter(|path| !path.ends_with("law.rs"));
    let files = others.chain([root.join("src/store/doctor/schema.rs")]);
    files.map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn every_code_has_a_test() {
    let tests = tests();
    let is_untested = |code: &&Code| {
        let name = format!("Code::{code:?}");
        // One name may begin with another.
        !tests
            .match_indices(&name)
            .any(|(at, _)| !tests[at + name.len()..].starts_with(char::is_alphanumeric))
    };
    assert_eq!(Code::ALL.iter().filter(is_untested).collect::<Vec<_>>(), [] as [&Code; 0]);
}

#[test]
fn every_code_has_a_row_in_the_guide_with_its_severity() {
    let lacks = |code: &&Code| !PAGE.contains(&format!("\n| `{code}` | {} | ", code.severity()));
    assert_eq!(Code::ALL.iter().filter(lacks).collect::<Vec<_>>(), [] as [&Code; 0]);
    let (_, section) = PAGE.split_once("\n## The doctor\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, Code::ALL.len());
}
