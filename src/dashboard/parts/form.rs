//! Forms that act. Each is a plain form of HTML, so that it works without script. What it acts on is in its address: a field would
//! change the line breaks of a name.

use maud::{Markup, html};

use crate::dashboard::links::link;
use crate::dashboard::routes::Deed;

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dashboard) enum Weight {
    Plain,
    Main,
    Danger,
}

impl Weight {
    pub(in crate::dashboard) const fn class(self) -> &'static str {
        match self {
            Self::Plain => "button",
            Self::Main => "button main",
            Self::Danger => "button danger",
        }
    }
}

/// Where the form of a deed goes, for what the pair names.
pub(in crate::dashboard) fn action(deed: Deed, of: (&str, &str)) -> String {
    link(deed.path(), &[of])
}

/// A button that acts at once.
pub(in crate::dashboard) fn button(deed: Deed, of: (&str, &str), label: &str) -> Markup {
    html! {
        form.inline method="post" action=(action(deed, of)) {
            button.button type="submit" { (label) }
        }
    }
}

/// A link to the page that asks before it acts.
pub(in crate::dashboard) fn asking(deed: Deed, id: i64, label: &str, weight: Weight) -> Markup {
    html! { a class=(weight.class()) href=(action(deed, ("id", &id.to_string()))) { (label) } }
}
