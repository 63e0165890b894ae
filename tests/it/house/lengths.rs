//! Files and functions stay short, and so do the lines of the pages.

use super::expect_none;
use super::files::{File, lines_without_tests, pages, sources};

const MAX_FILE_LINES: usize = 300;
/// A file of tests may hold longer tables of cases.
const MAX_TEST_FILE_LINES: usize = 400;
const MAX_FUNCTION_LINES: usize = 60;
const MAX_PAGE_COLUMNS: usize = 100;

#[test]
fn no_source_file_is_longer_than_the_limit() {
    expect_none(sources().iter().filter_map(long_file).collect());
}

#[test]
fn no_function_is_longer_than_the_limit() {
    let files = sources().into_iter().filter(|file| !file.is_test());
    expect_none(files.flat_map(|file| long_functions(&file)).collect());
}

#[test]
fn no_line_of_a_page_is_wider_than_the_limit() {
    expect_none(pages().iter().flat_map(wide_lines).collect());
}

#[test]
fn a_long_file_is_found_and_its_tests_do_not_count() {
    let line = "let x = 1;\n";
    assert!(long_file(&File::new("src/a.rs", &line.repeat(MAX_FILE_LINES + 1))).is_some());
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", line.repeat(100));
    assert!(long_file(&File::new("src/a.rs", &(line.repeat(MAX_FILE_LINES) + &tests))).is_none());
    assert!(long_file(&File::new("src/a/tests.rs", &line.repeat(MAX_FILE_LINES + 1))).is_none());
    assert!(long_file(&File::new("src/a/tests.rs", &line.repeat(MAX_TEST_FILE_LINES + 1))).is_some());
}

#[test]
fn a_long_function_is_found_in_an_impl_too() {
    let body = "        x();\n".repeat(59);
    let long = format!("impl A {{\n    pub(crate) async fn long(&self) {{\n{body}    }}\n}}\n");
    let faults = long_functions(&File::new("src/a.rs", &long));
    assert_eq!(faults, ["src/a.rs:2: `long` has 61 lines, at most 60"]);
    let short = long.replacen("        x();\n", "", 1);
    assert!(long_functions(&File::new("src/a.rs", &short)).is_empty());
}

#[test]
fn a_wide_line_is_found_outside_of_code_and_tables() {
    let wide = "x".repeat(101);
    let page = format!("{wide}\n| {wide} |\n```\n{wide}\n```\n{}\n{wide}\n", "é".repeat(100));
    let faults = wide_lines(&File::new("docs/A.md", &page));
    let lines: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').nth(1)).collect();
    assert_eq!(lines, ["1", "7"], "{faults:?}");
}

fn long_file(file: &File) -> Option<String> {
    let lines = lines_without_tests(&file.text).len();
    let most = if file.is_test() { MAX_TEST_FILE_LINES } else { MAX_FILE_LINES };
    (lines > most).then(|| format!("{}:{most}: {lines} lines, at most {most}", file.name))
}

fn long_functions(file: &File) -> Vec<String> {
    let lines = lines_without_tests(&file.text);
    let mut faults = Vec::new();
    for (index, (number, line)) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = &line[..line.len() - line.trim_start().len()];
        let ends = |(_, line): &&(usize, &str)| {
            line.strip_prefix(indent)
                .is_some_and(|rest| rest.starts_with('}') || rest.starts_with(") ->") && rest.ends_with(';'))
        };
        let length = match lines[index..].iter().find(ends) {
            Some((end, _)) if !line.ends_with(';') && !line.ends_with('}') => end - number + 1,
            Some(_) | None => 1,
        };
        if length > MAX_FUNCTION_LINES {
            let most = MAX_FUNCTION_LINES;
            faults.push(format!("{}:{number}: `{name}` has {length} lines, at most {most}", file.name));
        }
    }
    faults
}

pub(super) fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let modifiers = ["const", "async", "unsafe", "default", "extern"];
    let is_signature = before
        .split_whitespace()
        .all(|word| modifiers.contains(&word) || word.starts_with("pub") || word.ends_with(')'));
    let name = after.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()?;
    (is_signature && !name.is_empty()).then_some(name)
}

fn wide_lines(page: &File) -> Vec<String> {
    let mut in_code = false;
    let mut faults = Vec::new();
    for (index, line) in page.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let columns = line.chars().count();
        if !in_code && !line.trim_start().starts_with('|') && columns > MAX_PAGE_COLUMNS {
            faults.push(format!("{}:{}: {columns} columns", page.name, index + 1));
        }
    }
    faults
}
