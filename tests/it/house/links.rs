//! The links of the pages lead somewhere: in the repository, and on docs.rs where the page is part of the API's pages.

use super::expect_none;
use super::files::{File, pages, read, root};
use super::sentences::without_code_blocks;

const REPOSITORY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/");

#[test]
fn every_link_to_a_file_of_the_repository_finds_it() {
    let mut pages = pages();
    pages.push(read(&root().join("docs/CHANGELOG.md")));
    expect_none(pages.iter().flat_map(dead_links).collect());
}

#[test]
fn pages_that_docs_rs_shows_have_no_relative_links() {
    let shown =
        pages().into_iter().filter(|page| page.name == "README.md" || page.name.starts_with("docs/guide/"));
    expect_none(shown.flat_map(|page| relative_links(&page)).collect());
}

#[test]
fn dead_and_relative_links_are_found() {
    let text = format!(
        "[a](LIFECYCLE.md) [b](notes/none.md) ![c](flat.svg), [d]\n```\n[e](none.md)\n```\n`[f](none.md)`\n\
         [d]: {REPOSITORY}docs/none.md\n[g](https://docs.rs/none.md)\n[h](crate::Enqueue) [i](#a-heading)\n\
         # A heading!\n[j](#none) [k](guide/sql.md#roles) [l](guide/sql.md#none)\n"
    );
    let page = File::new("docs/A.md", &text);
    let dead = dead_links(&page);
    let targets = ["notes/none.md", "crate::Enqueue", "#none", "guide/sql.md#none", "docs/none.md"];
    assert_eq!(dead.len(), targets.len(), "{dead:?}");
    for target in targets {
        assert!(dead.iter().any(|link| link.ends_with(target)), "{target}: {dead:?}");
    }
    assert_eq!(relative_links(&page).len(), 8, "{:?}", relative_links(&page));
}

fn dead_links(page: &File) -> Vec<String> {
    let dead = targets(page).into_iter().filter(|target| is_dead(page, target));
    dead.map(|target| format!("{}: nothing is at {target}", page.name)).collect()
}

fn relative_links(page: &File) -> Vec<String> {
    let relative = targets(page).into_iter().filter(|target| !target.contains("://"));
    relative.map(|target| format!("{}: docs.rs cannot follow {target}", page.name)).collect()
}

// Links to other sites are not followed.
fn is_dead(page: &File, target: &str) -> bool {
    let folder = page.name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let place = match path.strip_prefix(REPOSITORY) {
        Some(path) => root().join(path),
        None if path.contains("://") => return false,
        None if path.is_empty() => return !has_heading(&page.text, heading),
        None => root().join(folder).join(path),
    };
    !place.exists() || !heading.is_empty() && !has_heading(&std::fs::read_to_string(&place).unwrap(), heading)
}

// The anchor of a heading is its words in small letters, joined by hyphens.
fn has_heading(text: &str, anchor: &str) -> bool {
    let is_kept = |letter: &char| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchors = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    anchors
        .map(|line| line.chars().filter(is_kept).collect::<String>().replace(' ', "-"))
        .any(|found| found == anchor)
}

/// What the links of a page lead to: `[text](target)` and `[text]: target`, outside of code.
fn targets(page: &File) -> Vec<String> {
    let text: Vec<String> = without_code_blocks(&page.text).into_iter().map(without_code).collect();
    let inline = |line: &String| {
        let links = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        links.map(str::to_owned).collect::<Vec<_>>()
    };
    let defined = text.iter().filter(|line| line.starts_with('[')).filter_map(|line| line.split_once("]: "));
    let defined = defined.map(|(_, target)| target.trim().to_owned());
    text.iter().flat_map(inline).chain(defined).collect()
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}
