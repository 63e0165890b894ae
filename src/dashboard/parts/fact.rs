//! A label and its value, for a list of facts.

use maud::{Markup, html};

/// A line of a `dl`.
pub(in crate::dashboard) fn fact(label: &str, value: Markup) -> Markup {
    html! { div { dt { (label) } dd { (value) } } }
}
