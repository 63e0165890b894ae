//! Texts of users: names, keys, errors, payloads. Markup escapes what HTML means. Here, characters that hide or turn text get visible
//! escapes, and each name keeps its direction to itself.

use maud::{Markup, html};
use serde_json::Value;

use crate::job::payload::text_of;
use crate::text::one_line;

/// A browser shows so many characters at once, and a person reads fewer.
const LONGEST_PAYLOAD: usize = 20_000;

/// A name, a key or another short text.
pub(in crate::dashboard) fn name(text: &str) -> Markup {
    html! { bdi { (one_line(text).to_string()) } }
}

/// A name, or a dash where there is none.
pub(in crate::dashboard) fn name_or_dash(text: Option<&str>) -> Markup {
    text.map_or_else(dash, name)
}

/// The sign that there is nothing.
pub(in crate::dashboard) fn dash() -> Markup {
    html! { span.muted { "–" } }
}

/// The same as [`name`], for attributes and titles, which hold no markup.
pub(in crate::dashboard) fn plain(text: &str) -> String {
    one_line(text).to_string()
}

/// A text of several lines, such as an error with its causes.
pub(in crate::dashboard) fn lines(text: &str) -> Markup {
    let lines: Vec<String> = text.lines().map(|line| one_line(line).to_string()).collect();
    html! { pre.text dir="auto" tabindex="0" { (lines.join("\n")) } }
}

/// The first line of a text.
pub(in crate::dashboard) fn first_line(text: &str) -> Markup {
    name(text.lines().next().unwrap_or_default())
}

/// A payload, indented. The end of a long one is cut off.
pub(in crate::dashboard) fn json(value: &Value) -> Markup {
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|_| text_of(value));
    let Some((end, _)) = text.char_indices().nth(LONGEST_PAYLOAD) else { return lines(&text) };
    let cut = text.len() - end;
    html! { (lines(&text[..end])) p.muted { (times(cut as u64, "more byte")) " are not shown." } }
}

/// What comes one of something or more: `1 job`, `2 jobs`.
pub(in crate::dashboard) fn times(number: u64, one: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {one}{ending}", super::number::count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_texts_are_escaped_and_keep_their_lines() {
        let hostile = "<script>alert('x')</script>\u{202e}\"&\u{1}";
        let shown = name(hostile).into_string();
        assert_eq!(shown, "<bdi>&lt;script&gt;alert('x')&lt;/script&gt;\\u{202e}&quot;&amp;\\u{1}</bdi>");
        assert!(lines("a\r\n<b>\n\u{200b}").into_string().contains(">a\n&lt;b&gt;\n\\u{200b}<"));
        assert_eq!(first_line("one\ntwo").into_string(), "<bdi>one</bdi>");
        assert_eq!(first_line("").into_string(), "<bdi></bdi>");
        assert_eq!([0, 1, 2_000].map(|number| times(number, "job")), ["0 jobs", "1 job", "2,000 jobs"]);
    }
}
