//! Patterns of SQL's LIKE for what people write.

/// Returns the pattern of texts in which each `*` of `like` stands for any characters, also for none.
pub(super) fn with_stars(like: &str) -> String {
    like.split('*').map(literal).collect::<Vec<_>>().join("%")
}

/// Returns the pattern of texts that begin so.
pub(super) fn beginning_with(prefix: &str) -> String {
    literal(prefix) + "%"
}

fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}
