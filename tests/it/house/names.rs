//! Files have names that say something, names of functions are short, and unsafe code and the wall clock have their places.

use super::expect_none;
use super::files::{File, rust_files, sources, without_comment};
use super::lengths::function_name;

const EMPTY_NAMES: [&str; 9] =
    ["util", "utils", "common", "helper", "helpers", "types", "messages", "manager", "misc"];
const MAX_NAME: usize = 70;
// The two files that call libpq themselves.
const UNSAFE_PLACES: [&str; 2] = ["src/store/libpq.rs", "src/store/conninfo.rs"];
const CLOCK_PLACE: &str = "src/clock.rs";

#[test]
fn no_source_file_has_a_name_that_says_nothing() {
    expect_none(sources().iter().filter_map(empty_name).collect());
}

#[test]
fn no_test_and_no_function_has_a_long_name() {
    expect_none(rust_files().iter().flat_map(long_names).collect());
}

#[test]
fn a_long_name_is_found() {
    let name = "x".repeat(70);
    let text = format!("fn {name}() {{}}\n#[test]\nasync fn {name}y() {{}}\n");
    assert_eq!(long_names(&File::new("tests/it/a.rs", &text)).len(), 1);
}

#[test]
fn unsafe_code_lives_in_the_files_that_call_libpq() {
    expect_none(sources().iter().flat_map(misplaced_unsafe).collect());
}

#[test]
fn the_wall_clock_is_read_in_one_file() {
    expect_none(sources().iter().flat_map(misplaced_clock).collect());
}

#[test]
fn a_second_wall_clock_is_found() {
    let text = "// Utc::now()\nlet at = chrono::Utc::now();\n";
    assert_eq!(misplaced_clock(&File::new("src/store/claim.rs", text)).len(), 1);
    assert!(misplaced_clock(&File::new(CLOCK_PLACE, text)).is_empty());
}

#[test]
fn an_empty_name_and_misplaced_unsafe_code_are_found() {
    assert!(empty_name(&File::new("src/store/utils.rs", "")).is_some());
    assert!(empty_name(&File::new("src/store/claim.rs", "")).is_none());
    let text = "// unsafe\nlet unsafe_dedupe = 1;\n    unsafe { x() }\n";
    assert_eq!(misplaced_unsafe(&File::new("src/store/claim.rs", text)).len(), 1);
    assert!(misplaced_unsafe(&File::new(UNSAFE_PLACES[0], text)).is_empty());
}

fn empty_name(file: &File) -> Option<String> {
    let mut parts = file.name.split(['/', '.']);
    let empty = parts.any(|part| EMPTY_NAMES.contains(&part));
    empty.then(|| format!("{}:1: a name that says nothing", file.name))
}

fn long_names(file: &File) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    let names = lines.filter_map(|(index, line)| Some((index + 1, function_name(line)?)));
    let long = names.filter(|(_, name)| name.len() > MAX_NAME);
    long.map(|(line, name)| format!("{}:{line}: `{name}` is longer than {MAX_NAME}", file.name)).collect()
}

fn misplaced_unsafe(file: &File) -> Vec<String> {
    if UNSAFE_PLACES.contains(&file.name.as_str()) {
        return Vec::new();
    }
    let lines = file.text.lines().enumerate().filter(|(_, line)| is_unsafe(line));
    lines
        .map(|(index, _)| format!("{}:{}: `unsafe` outside of {UNSAFE_PLACES:?}", file.name, index + 1))
        .collect()
}

// The program is an application of its own, and tests may read what they like.
fn misplaced_clock(file: &File) -> Vec<String> {
    if file.name == CLOCK_PLACE || file.name.starts_with("src/bin/") || file.name.contains("tests") {
        return Vec::new();
    }
    let reads =
        |line: &str| ["Utc::now(", "Local::now(", "SystemTime::now("].iter().any(|call| line.contains(call));
    let lines = file.text.lines().enumerate().filter(|(_, line)| reads(without_comment(line)));
    lines
        .map(|(index, _)| {
            format!("{}:{}: the wall clock is read outside of {CLOCK_PLACE}", file.name, index + 1)
        })
        .collect()
}

fn is_unsafe(line: &str) -> bool {
    let mut words = without_comment(line).split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.any(|word| word == "unsafe")
}
