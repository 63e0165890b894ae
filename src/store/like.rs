//! Patterns for names as people write them, and what they are for SQL's LIKE.

/// Returns the pattern of texts in which each `*` of `like` stands for any characters, also for none.
pub(super) fn with_stars(like: &str) -> String {
    like.split('*').map(literal).collect::<Vec<_>>().join("%")
}

/// Returns whether a text is like this: a `*` stands for any characters, also for none, as in [`with_stars`].
pub(crate) fn is_like(text: &str, like: &str) -> bool {
    let Some((first, rest)) = like.split_once('*') else { return text == like };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let Some((middle, last)) = rest.rsplit_once('*') else { return left.ends_with(rest) };
    // The parts between stars are looked for from the left, and the last one must be at the end.
    for part in middle.split('*') {
        let Some((_, behind)) = left.split_once(part) else { return false };
        left = behind;
    }
    left.ends_with(last)
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

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn a_star_stands_for_any_characters_and_for_none() {
        for (like, fits, misfits) in [
            ("mails", &["mails"][..], &["mail", "mails:7", ""][..]),
            ("*:7", &["mails:7", ":7", "a:7:7"], &["mails:77", "7", "mails:7 "]),
            ("mails:*", &["mails:", "mails:7"], &["mail:7", "xmails:7"]),
            ("a*b*c", &["abc", "axbxc", "abbcc"], &["ab", "acb", "abcd"]),
            ("*", &["", "any"], &[]),
            ("a*a", &["aa", "aba"], &["a"]),
            ("*ab*ab", &["abab", "xabyab"], &["ab", "aab"]),
            ("50%_*", &["50%_x"], &["50xx"]),
        ] {
            fits.iter().for_each(|text| assert!(is_like(text, like), "{text} {like}"));
            misfits.iter().for_each(|text| assert!(!is_like(text, like), "{text} {like}"));
        }
    }
}
