//! The chapters of the guide: each begins with a program, and every list of them has each. Every example in Rust is compiled,
//! in the guide and in the other pages.

use super::expect_none;
use super::files::{File, pages, read, root};

const LISTS: [(&str, &str, &str); 3] = [
    ("README.md", "docs/guide/", ".md)"),
    ("src/guide.rs", "\"", ".md\""),
    ("src/guide/links.md", "guide::", "\n"),
];

#[test]
fn every_chapter_begins_with_a_program() {
    expect_none(chapters().iter().filter_map(no_program).collect());
}

#[test]
fn every_list_of_the_chapters_has_each() {
    let lists = LISTS.map(|(name, before, after)| (read(&root().join(name)), before, after));
    let missing = chapters().into_iter().flat_map(|chapter| missing_from(&chapter, &lists));
    expect_none(missing.collect());
}

#[test]
fn every_example_in_rust_is_compiled() {
    let guide = read(&root().join("src/guide.rs"));
    expect_none(pages().iter().flat_map(|page| not_compiled(page, &guide.text)).collect());
}

#[test]
fn a_chapter_without_a_program_is_found() {
    let program = File::new("a.md", "A\n\n```rust,no_run\nasync fn main() {}\n```\n");
    assert_eq!(no_program(&program), None);
    for text in
        ["no example", "```sql\nSELECT 1\n```\n```rust\nfn main() {}\n```", "```rust\nlet a = 1;\n```"]
    {
        assert!(no_program(&File::new("a.md", text)).is_some(), "{text}");
    }
    let lists = [(File::new("list.md", "guide/b.md)\n"), "guide/", ".md)")];
    assert_eq!(missing_from(&File::new("docs/guide/b.md", ""), &lists), [] as [String; 0]);
    assert_eq!(missing_from(&File::new("docs/guide/a.md", ""), &lists).len(), 1);
}

#[test]
fn an_example_that_is_not_compiled_is_found() {
    let guide = "include_str!(\"../docs/A.md\")";
    let rust = "```rust,no_run\nlet a = 1;\n```\n";
    assert_eq!(not_compiled(&File::new("docs/A.md", rust), guide), [] as [String; 0]);
    assert_eq!(not_compiled(&File::new("docs/guide/a.md", rust), guide), [] as [String; 0]);
    assert_eq!(not_compiled(&File::new("docs/B.md", rust), guide).len(), 1);
    assert_eq!(not_compiled(&File::new("docs/B.md", "```text\nrust\n```"), guide), [] as [String; 0]);
    assert_eq!(not_compiled(&File::new("docs/A.md", "```rust,ignore\nlet a = 1;\n```"), guide).len(), 1);
}

fn chapters() -> Vec<File> {
    pages().into_iter().filter(|page| page.name.starts_with("docs/guide/")).collect()
}

// The first block of the page is whole, so that a reader can run it.
fn no_program(chapter: &File) -> Option<String> {
    let first = chapter.text.split("```").nth(1).unwrap_or_default();
    let is_program = first.starts_with("rust") && first.contains("fn main()");
    (!is_program).then(|| format!("{}: begin the chapter with a program in Rust that runs", chapter.name))
}

fn missing_from(chapter: &File, lists: &[(File, &str, &str)]) -> Vec<String> {
    let stem = chapter.name.rsplit('/').next().and_then(|name| name.strip_suffix(".md")).unwrap();
    let missing =
        lists.iter().filter(|(list, before, after)| !list.text.contains(&format!("{before}{stem}{after}")));
    missing.map(|(list, ..)| format!("{} does not list {}", list.name, chapter.name)).collect()
}

// rustdoc compiles the pages that src/guide.rs includes: the chapters by their names, the others by their paths.
fn not_compiled(page: &File, guide: &str) -> Vec<String> {
    let is_included =
        page.name.starts_with("docs/guide/") || guide.contains(&format!("\"../{}\"", page.name));
    let fences = page.text.lines().filter(|line| line.starts_with("```rust"));
    let left_out = fences.filter(|fence| !is_included || fence.contains("ignore"));
    left_out.map(|fence| format!("{}: `{fence}` is not compiled", page.name)).collect()
}
