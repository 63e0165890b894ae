//! The sentences of pages and comments, without their code, tables and headings.

/// The paragraphs of a page: items of lists by themselves; no code blocks, headings, tables and markup.
pub(super) fn paragraphs(page: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in without_code_blocks(page) {
        let line = line.trim();
        let item = item_text(line);
        if line.is_empty()
            || item.is_some()
            || ["#", "|", "<", "---"].iter().any(|mark| line.starts_with(mark))
        {
            paragraphs.push(String::new());
        }
        let text = match item {
            Some(text) => text,
            None if ["#", "|", "<", "---"].iter().any(|mark| line.starts_with(mark)) => "",
            None => line,
        };
        if let (Some(last), false) = (paragraphs.last_mut(), text.is_empty()) {
            last.push_str(text);
            last.push(' ');
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

/// The paragraphs of the comments of a file, each block of lines by itself.
pub(super) fn comment_paragraphs(code: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in code.lines() {
        match line.trim_start().strip_prefix("//") {
            Some(comment) => {
                let text = comment.strip_prefix(['/', '!']).unwrap_or(comment);
                if let Some(block) = blocks.last_mut() {
                    block.push_str(text.strip_prefix(' ').unwrap_or(text));
                    block.push('\n');
                }
            }
            None => blocks.push(String::new()),
        }
    }
    blocks.iter().flat_map(|block| paragraphs(block)).collect()
}

/// The sentences of at least three words. A link counts as its text, and code as one word.
pub(super) fn sentences(paragraph: &str) -> Vec<String> {
    let text = without_inline_code(&without_links(paragraph));
    let mut sentences = vec![String::new()];
    let letters: Vec<char> = text.chars().collect();
    for (place, letter) in letters.iter().enumerate() {
        let next = letters[place + 1..].iter().find(|letter| !letter.is_whitespace());
        let begins = next.is_some_and(|next| next.is_ascii_uppercase() || ['*', '`', '('].contains(next));
        if letter.is_whitespace() && place > 0 && ['.', '!', '?'].contains(&letters[place - 1]) && begins {
            sentences.push(String::new());
        } else if let Some(sentence) = sentences.last_mut() {
            sentence.push(*letter);
        }
    }
    let sentences = sentences.iter().map(|sentence| sentence.trim().to_owned());
    sentences.filter(|sentence| words(sentence).len() >= 3).collect()
}

/// The words of a sentence, in lower case.
pub(super) fn words(sentence: &str) -> Vec<String> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || ['_', '\'', '’'].contains(&letter);
    let words = sentence.split(|letter| !is_letter(letter)).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

pub(super) fn without_code_blocks(page: &str) -> Vec<&str> {
    let mut in_code = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        let fence = line.trim_start().starts_with("```");
        lines.push(if fence || in_code { "" } else { line });
        in_code ^= fence;
    }
    lines
}

// The text after the mark of a list item, if the line begins one.
fn item_text(line: &str) -> Option<&str> {
    let digits = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let rest = match line.strip_prefix(['-', '*']) {
        Some(rest) => rest,
        None if digits.len() < line.len() => digits.strip_prefix('.')?,
        None => return None,
    };
    rest.starts_with(' ').then(|| rest.trim_start())
}

fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let (Some(open), Some(end)) = (before.rfind('['), after.find(')')) else { break };
        plain.push_str(&before[..open]);
        plain.push_str(&before[open + 1..]);
        rest = &after[end + 1..];
    }
    plain + rest
}

fn without_inline_code(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let last = parts.len() - 1;
    let plain = |(place, part): (usize, &&str)| match (place % 2, place == last) {
        (1, false) => "code".to_owned(),
        (1, true) => format!("`{part}"),
        _ => (*part).to_owned(),
    };
    parts.iter().enumerate().map(plain).collect()
}
