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
    let readme = read(&root().join("README.md"));
    let mut found = relative(&readme, targets(&readme));
    found.extend(guide().iter().flat_map(|page| relative(page, inline_targets(page))));
    expect_none(found);
}

#[test]
fn a_reference_of_the_guide_is_defined_for_the_repository_and_for_docs_rs() {
    let shown = read(&root().join("src/guide/links.md"));
    expect_none(guide().iter().flat_map(|page| undefined_references(page, &shown)).collect());
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
    let expected = ["notes/none.md", "crate::Enqueue", "#none", "guide/sql.md#none", "docs/none.md"];
    assert_eq!(dead.len(), expected.len(), "{dead:?}");
    for target in expected {
        assert!(dead.iter().any(|link| link.ends_with(target)), "{target}: {dead:?}");
    }
    assert_eq!(relative(&page, targets(&page)).len(), 8);
}

#[test]
fn undefined_references_are_found() {
    let text = "[a][both] [`Both`] [b][page] [c][shown] [`Shown`] `[d][none]` [e](f.md)\n\n\
         [both]: x.md\n[`Both`]: y.md\n[page]: z.md\n";
    let shown = File::new("links.md", "[both]: a\n[`Both`]: b\n[shown]: c\n[`Shown`]: d\n");
    let found = undefined_references(&File::new("docs/guide/a.md", text), &shown);
    let missing = ["page: docs.rs", "shown: the repository", "`Shown`: the repository"];
    assert_eq!(found.len(), missing.len(), "{found:?}");
    for (line, missing) in found.iter().zip(missing) {
        assert!(line.contains(missing), "{line}");
    }
}

fn guide() -> Vec<File> {
    pages().into_iter().filter(|page| page.name.starts_with("docs/guide/")).collect()
}

// docs.rs reads the definitions of src/guide/links.md, and the repository those of the page.
fn undefined_references(page: &File, shown: &File) -> Vec<String> {
    let lacks = |file: &File, label: &String| definitions(file).iter().all(|(defined, _)| defined != label);
    let missing = references(page).into_iter().filter_map(|label| {
        let place = match (lacks(page, &label), lacks(shown, &label)) {
            (true, _) => "the repository",
            (false, true) => "docs.rs",
            (false, false) => return None,
        };
        Some(format!("{}: {label}: {place} has no definition", page.name))
    });
    missing.collect()
}

// The labels of `[text][label]`, and names in code that are links: `[`Name`]`.
fn references(page: &File) -> Vec<String> {
    let is_definition = |line: &&str| line.starts_with('[') && line.contains("]: ");
    let lines = without_code_blocks(&page.text).into_iter().filter(|line| !is_definition(line));
    let mut found = Vec::new();
    for line in lines {
        let labels = without_code(line);
        let labels = labels.split("][").skip(1).filter_map(|rest| rest.split(']').next());
        found.extend(labels.map(str::to_owned));
        let names = line.split("[`").skip(1).filter_map(|rest| rest.split_once("`]"));
        let alone = names.filter(|(_, after)| !after.starts_with(['(', '[']));
        found.extend(alone.map(|(name, _)| format!("`{name}`")));
    }
    found
}

fn dead_links(page: &File) -> Vec<String> {
    let dead = targets(page).into_iter().filter(|target| is_dead(page, target));
    dead.map(|target| format!("{}: nothing is at {target}", page.name)).collect()
}

fn relative(page: &File, targets: Vec<String>) -> Vec<String> {
    let found = targets.into_iter().filter(|target| !target.contains("://"));
    found.map(|target| format!("{}: docs.rs cannot follow {target}", page.name)).collect()
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
    let defined = definitions(page).into_iter().map(|(_, target)| target);
    inline_targets(page).into_iter().chain(defined).collect()
}

fn inline_targets(page: &File) -> Vec<String> {
    let text = without_code_blocks(&page.text).into_iter().map(without_code);
    let inline = |line: String| {
        let links = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        links.map(str::to_owned).collect::<Vec<_>>()
    };
    text.flat_map(inline).collect()
}

fn definitions(page: &File) -> Vec<(String, String)> {
    let lines = without_code_blocks(&page.text).into_iter().filter_map(|line| line.strip_prefix('['));
    let pairs = lines.filter_map(|line| line.split_once("]: "));
    pairs.map(|(label, target)| (label.to_owned(), target.trim().to_owned())).collect()
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}
