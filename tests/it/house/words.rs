//! Pages and comments name their subjects, and use no archaic words.

use super::expect_none;
use super::prose::{all_prose, exact_occurrences};
use super::sentences::words;

/// Words and phrases that no page and no comment may hold.
const BANNED: [&str; 5] = ["anew", "whosever", "the like", "therein", "thereof"];
/// Words without a named subject, which pages and comments may hold a few times.
const VAGUE: [&str; 3] = ["nobody", "somebody", "whoever"];
const MAX_VAGUE: usize = 30;

#[test]
fn pages_and_comments_hold_no_banned_word() {
    expect_none(all_prose().iter().flat_map(|(name, text)| banned_words(name, text)).collect());
}

#[test]
fn pages_and_comments_hold_few_vague_words() {
    let all = all_prose();
    let vague: Vec<String> = VAGUE.iter().flat_map(|word| exact_occurrences(&all, word)).collect();
    assert!(vague.len() < MAX_VAGUE, "{} of at most {MAX_VAGUE}:\n{}", vague.len(), vague.join("\n"));
}

#[test]
fn banned_and_vague_words_are_found_in_comments_alone() {
    let code = "/// It begins Anew, or\n/// the\n//  like.\nlet anew = \"whosever\"; // anew\n//! Nobody answers, and it answered nobody.\n";
    let text = super::sentences::comment_paragraphs(code).join("\n");
    assert_eq!(banned_words("src/a.rs", &text).len(), 2, "{text}");
    let prose = [("src/a.rs".to_owned(), text)];
    assert_eq!(exact_occurrences(&prose, "nobody").len(), 2);
}

fn banned_words(name: &str, text: &str) -> Vec<String> {
    let spaced = format!(" {} ", words(text).join(" "));
    let found = BANNED.iter().filter(|banned| spaced.contains(&format!(" {banned} ")));
    found.map(|banned| format!("{name}: `{banned}`")).collect()
}
