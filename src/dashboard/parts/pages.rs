//! A list in pages: where a page ends, and the links to others.

use maud::{Markup, html};

/// Rows on a page.
pub(in crate::dashboard) const PAGE: u32 = 50;

/// Leaves out of what was read, which is up to one row more than a page has, what is on the next page. Returns the last row of the page
/// if there is a next one.
pub(in crate::dashboard) fn cut<T>(rows: &mut Vec<T>) -> Option<&T> {
    let goes_on = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    rows.last().filter(|_| goes_on)
}

/// The links to the first page, from any other, and to the next one.
pub(in crate::dashboard) fn links(first: Option<String>, next: Option<String>) -> Markup {
    links_with(first, next, "Next page")
}

/// The same with other words for the next page.
pub(in crate::dashboard) fn links_with(first: Option<String>, next: Option<String>, words: &str) -> Markup {
    html! {
        nav.pages aria-label="Pages" {
            @if let Some(first) = first { a.button href=(first) { "First page" } }
            @if let Some(next) = next { a.button href=(next) rel="next" { (words) } }
        }
    }
}
