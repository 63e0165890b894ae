//! Pages and comments are written in plain words and in sentences of one fact.

use super::expect_none;
use super::files::{File, pages, rust_files};
use super::sentences::{comment_paragraphs, paragraphs, sentences, words};

const MAX_WORDS: usize = 35;
const MAX_MEAN_WORDS: f64 = 18.0;

#[test]
fn no_sentence_of_a_page_is_longer_than_the_limit() {
    expect_none(pages().iter().flat_map(long_sentences).collect());
}

#[test]
fn the_sentences_of_the_pages_are_short_on_average() {
    let all: Vec<String> = pages().iter().flat_map(page_sentences).collect();
    let mean = mean_words(&all);
    assert!(mean < MAX_MEAN_WORDS, "{mean:.1} words a sentence, less than {MAX_MEAN_WORDS} are allowed");
}

#[test]
fn pages_and_comments_say_return_more_often_than_answer() {
    let all = all_prose();
    let (answers, returns) = (occurrences(&all, "answer"), occurrences(&all, "return"));
    assert!(
        answers.len() < returns.len(),
        "{} against {}:\n{}",
        answers.len(),
        returns.len(),
        answers.join("\n")
    );
}

#[test]
fn a_long_sentence_is_found_and_code_tables_and_links_do_not_count() {
    let long = format!("It {}ends.", "goes on ".repeat(17));
    let short = "It returns `a b c d e f g h i j k` [of one](https://example.org/a_b_c). Then it ends.";
    let page =
        format!("# {long}\n\n| {long} |\n\n```\n{long}\n```\n- {short}\n1. {short}\n\nA line\nand {long}\n");
    let found = long_sentences(&File::new("docs/A.md", &page));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("docs/A.md: 39 words: A line and It goes on"), "{found:?}");
    assert_eq!(page_sentences(&File::new("docs/A.md", short)), ["It returns code of one.", "Then it ends."]);
}

#[test]
fn a_long_mean_is_found() {
    let page = File::new("docs/A.md", "One two three.\n\nOne two three four five.\n");
    assert_eq!(mean_words(&page_sentences(&page)), 4.0);
}

#[test]
fn answers_are_found_in_comments_alone() {
    let code = "/// It answered\nlet answer = 1;\n    // what \"answers\" ask. It returns.\n";
    let prose = [("src/a.rs".to_owned(), comment_paragraphs(code).join("\n"))];
    assert_eq!((occurrences(&prose, "answer").len(), occurrences(&prose, "return").len()), (2, 1));
}

fn page_sentences(page: &File) -> Vec<String> {
    paragraphs(&page.text).iter().flat_map(|paragraph| sentences(paragraph)).collect()
}

fn long_sentences(page: &File) -> Vec<String> {
    let sentences = page_sentences(page).into_iter().map(|sentence| (words(&sentence).len(), sentence));
    let long = sentences.filter(|(words, _)| *words > MAX_WORDS);
    long.map(|(words, sentence)| format!("{}: {words} words: {sentence}", page.name)).collect()
}

fn mean_words(sentences: &[String]) -> f64 {
    let all: usize = sentences.iter().map(|sentence| words(sentence).len()).sum();
    all as f64 / sentences.len() as f64
}

/// The paragraphs of every page and of the comments of every file, with its name. The rules themselves are left out,
/// since they name what they forbid.
pub(super) fn all_prose() -> Vec<(String, String)> {
    let pages = pages().into_iter().map(|page| (page.name, paragraphs(&page.text).join("\n")));
    let files = rust_files().into_iter().filter(|file| !file.name.starts_with("tests/it/house/"));
    pages.chain(files.map(|file| (file.name, comment_paragraphs(&file.text).join("\n")))).collect()
}

/// Each use of a verb or noun in any of its forms, with its file.
fn occurrences(prose: &[(String, String)], stem: &str) -> Vec<String> {
    let forms = ["", "s", "ed", "ing"].map(|end| format!("{stem}{end}"));
    forms.iter().flat_map(|form| exact_occurrences(prose, form)).collect()
}

pub(super) fn exact_occurrences(prose: &[(String, String)], word: &str) -> Vec<String> {
    let in_file = |(name, text): &(String, String)| {
        let times = words(text).into_iter().filter(|found| found == word).count();
        vec![format!("{name}: `{word}`"); times]
    };
    prose.iter().flat_map(in_file).collect()
}
